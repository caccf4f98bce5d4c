"""Begins a row where something is handed over, if anything goes across that may say which row it is."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from types import CoroutineType, FrameType, FunctionType, MethodType
from typing import Any, Final

from otel_handoff.find.again import hand_over
from otel_handoff.find.given import Part, function_in, given_to, taken_along
from otel_handoff.find.held import context_variables
from otel_handoff.find.own import is_own_code, own_frame
from otel_handoff.find.rows import Row, current
from otel_handoff.find.seen import At, Group, Work, at
from otel_handoff.find.walk import held_by
from otel_handoff.handover.directly import Args, Kwargs, Layers, peeled
from otel_handoff.host.current import no_lease
from otel_handoff.host.guard import guard
from otel_handoff.host.plainly import class_of

groups: Final[dict[tuple[object, ...], Group]] = {}
"""What was seen, by the way, the place, and the function."""

THREAD: Final = "Thread.start"
_MOST_GROUPS: Final = 10_000
_WRAPPING: Final = frozenset({"opentelemetry", "ddtrace", "sentry_sdk", "logfire"})


def begin(
    way: str, given: Any, args: Args, kwargs: Kwargs, *, place: At | None = None, context: Context | None = None
) -> Row | None:
    """Begin the row of a function that is handed over, with what it will be called with.

    Args:
        way: what hands over.
        given: the function.
        args: what it will be called with.
        kwargs: likewise.
        place: the program's own that hands over, where that is not the one that runs now.
        context: in which it will run, where that is not one of its own thread's.
    """
    with guard, no_lease():
        layers = peeled(given, args)
        function = function_in(layers.function)
        if function is not None and not is_own_code(function.__code__):
            layers = _own(layers, function)
            function = function_in(layers.function)
        parts = given_to(layers, function, args, kwargs, context if layers.through is None else context_of(layers))
        is_own = function is not None and is_own_code(function.__code__)
        if not is_own:
            # What goes through a library's own queue is none of the program's affairs.
            parts = (part for part in parts if class_of(part.value) is not deque)
        # Nor is what the threads of its pool begin with: they go on for longer than a row.
        is_in_context = is_own or way != THREAD
        return _begin(way, layers.function, function, parts, place, is_in_context=is_in_context)
    return None


def context_of(layers: Layers) -> Context | None:
    """Return the context of the innermost `Context.run` around what is handed over; None where there is none."""
    inner: Any = layers.through
    if class_of(inner) is partial:
        inner = inner.args[-1]
    return None if inner is None else inner.__self__


def _own(layers: Layers, function: FunctionType) -> Layers:
    # Another instrumentation may hand over a function of its own, with the program's in it.
    if function.__module__.partition(".")[0] in _WRAPPING:
        for cell in function.__closure__ or ():
            inner = function_in(cell.cell_contents)
            if inner is not None and is_own_code(inner.__code__):
                return layers._replace(function=cell.cell_contents)
    return layers


def begin_coroutine(way: str, given: Any, context: Context | None = None) -> Row | None:
    """Begin the row of a coroutine that has not run yet, with what it was called with."""
    if class_of(given) is not CoroutineType or given.cr_frame is None:
        return None
    with guard, no_lease():
        row = _begin(way, given, None, taken_along(given, copy_context() if context is None else context), None)
        if row is not None and _was_made_before(given.cr_origin):
            row.group.early.add()
        return row
    return None


def begin_item(way: str, item: Any, consumer: Row | None = None) -> Row | None:
    """Begin the row of what is put into a queue; its worker has what its `consumer` was started with as well."""
    with guard, no_lease():
        parts = [Part("item", item)]
        if consumer is not None:
            parts += [Part(held.path, held.renewed()) for held in consumer.held.values() if held.is_anybodys]
        return _begin(way, None, None, parts, None)
    return None


def _was_made_before(origin: tuple[tuple[str, int, str], ...] | None) -> bool:
    # Whether a coroutine was made by another line than the one that hands it over: what it was called with may have
    # been another then.
    here = own_frame(sys._getframe(2))  # pyright: ignore[reportPrivateUsage]
    return bool(origin) and here is not None and origin[0][:2] != (here.f_code.co_filename, here.f_lineno)


def _begin(
    way: str,
    given: Any,
    function: FunctionType | None,
    parts: Iterable[Part],
    place: At | None,
    *,
    is_in_context: bool = True,
) -> Row | None:
    held, given_as_it_is = held_by(parts)
    if is_in_context:
        held.update((id(one.object), one) for one in context_variables())
    if not held:
        return None
    place = place or at(sys._getframe(2))  # pyright: ignore[reportPrivateUsage]
    where = (id(place.code), place.offset) if place is not None else None
    what = id(function.__code__) if function is not None else getattr(given, "__qualname__", class_of(given))
    group = groups.get((way, where, what))
    if group is None:
        if len(groups) >= _MOST_GROUPS:
            return None
        group = groups.setdefault((way, where, what), Group(way, place, _work(given, function)))
    row = hand_over(group, held, given_as_it_is)
    if _patience:
        group.moves_on()
        row.awaits = group.next
    return row


def _work(given: Any, function: FunctionType | None) -> Work | None:
    if given is None:
        return None
    if class_of(given) is CoroutineType:
        return _work_of_coroutine(given, given.cr_frame)
    return Work(
        str(getattr(function or given, "__module__", "")),
        str(getattr(function or given, "__qualname__", class_of(given).__qualname__)),
        function.__code__ if function is not None else None,
        class_of(given) is MethodType,
    )


def _work_of_coroutine(given: Any, frame: FrameType) -> Work:
    code = given.cr_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    is_method = bool(names) and "." in given.__qualname__ and names[0] == "self"
    return Work(str(frame.f_globals.get("__name__", "")), given.__qualname__, code, is_method)


_patience: float = 0


def held_back(seconds: float) -> None:
    """From now on hold each worker back until the next row is handed over, for at most so long; 0: no more."""
    global _patience  # noqa: PLW0603
    _patience = seconds


def run(row: Row, function: Callable[..., Any], args: Args, kwargs: Kwargs, *, context: Context | None = None) -> Any:
    """Call a function as the worker of a row; `context` is the one that it will enter, if it does."""
    with guard:
        if row.awaits is not None:
            row.awaits.wait(_patience)
        row.begin()
    token = current.set(row)  # only now: what is looked at for this is no read of its worker's
    inner: Any = None
    if context is not None:
        with suppress(RuntimeError):  # another is in it: the program will be told so
            inner = context.run(current.set, row)
    try:
        return function(*args, **kwargs)
    finally:
        current.reset(token)
        if inner is not None and context is not None:
            with suppress(RuntimeError):
                context.run(current.reset, inner)
        with guard:
            row.end()
