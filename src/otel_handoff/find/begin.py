"""Begins a row where something is handed over, if anything goes across that may say which row it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import CoroutineType, MethodType
from typing import Any, Final

from otel_handoff.find.held import Part, given_to, held_by
from otel_handoff.find.rows import Row, current, hand_over
from otel_handoff.find.seen import At, Group, Work, at
from otel_handoff.handover.calling import function_of
from otel_handoff.handover.directly import peeled
from otel_handoff.host.current import no_lease
from otel_handoff.host.guard import guard
from otel_handoff.host.plainly import class_of

groups: Final[dict[tuple[object, ...], Group]] = {}
"""What was seen, by the way, the place, and the function."""

_MOST_GROUPS: Final = 10_000


def begin(
    way: str, given: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, place: At | None = None
) -> Row | None:
    """Begin the row of a function that is handed over, with what it will be called with."""
    with guard, no_lease():
        layers = peeled(given, args)
        function = function_of(layers.function)
        name = getattr(function or layers.function, "__qualname__", class_of(layers.function).__qualname__)
        work = Work(
            str(getattr(function or layers.function, "__module__", "")),
            str(name),
            function.__code__ if function is not None else None,
            class_of(layers.function) is MethodType,
        )
        return _begin(way, work, given_to(layers, args, kwargs), place)
    return None


def begin_coroutine(way: str, given: Any) -> Row | None:
    """Begin the row of a coroutine that has not run yet, with what it was called with."""
    if class_of(given) is not CoroutineType or (frame := given.cr_frame) is None:
        return None
    with guard, no_lease():
        code = given.cr_code
        values = dict(frame.f_locals)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        is_method = bool(names) and "." in given.__qualname__ and names[0] == "self"
        work = Work(str(frame.f_globals.get("__name__", "")), given.__qualname__, code, is_method)
        return _begin(way, work, [Part(name, value) for name, value in values.items()], None)
    return None


def begin_item(way: str, item: Any) -> Row | None:
    """Begin the row of what is put into a queue."""
    with guard, no_lease():
        return _begin(way, None, [Part("item", item)], None)
    return None


def _begin(way: str, work: Work | None, parts: Iterable[Part], place: At | None) -> Row | None:
    held = held_by(parts)
    if not held:
        return None
    place = place or at(sys._getframe(2))  # pyright: ignore[reportPrivateUsage]
    key = way, place and (id(place.code), place.offset), work and (id(work.code), work.name)
    group = groups.get(key)
    if group is None:
        if len(groups) >= _MOST_GROUPS:
            return None
        group = groups.setdefault(key, Group(way, place, work))
    row = hand_over(group, held)
    if _patience:
        group.moves_on()
        row.awaits = group.next
    return row


_patience: float = 0


def held_back(seconds: float) -> None:
    """From now on hold each worker back until the next row is handed over, for at most so long; 0: no more."""
    global _patience  # noqa: PLW0603
    _patience = seconds


def run(row: Row, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function as the worker of a row."""
    with guard:
        if row.awaits is not None:
            row.awaits.wait(_patience)
        row.begin()
    token = current.set(row)  # only now: what is looked at for this is no read of its worker's
    try:
        return function(*args, **kwargs)
    finally:
        current.reset(token)
        with guard:
            row.end()
