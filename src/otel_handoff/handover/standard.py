"""The standard ways of handing a callable to somebody else, and where in each the callable and its arguments are.

They are for boundaries that name no submit function. `handover.carry` has some of them wrapped for what a worker starts
in turn, and calls these first: nothing is wrapped twice.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import partial
from threading import Thread, Timer
from typing import Any, Final, cast

from opentelemetry import context as context_api
from opentelemetry import trace

from otel_handoff.handover.directly import (
    Args,
    Handed,
    HandedOnce,
    Kwargs,
    found_in,
    handed_directly,
    is_run,
    peeled,
    taking,
)
from otel_handoff.handover.enclosing import Expected, called_by, expecting, handed_enclosing, is_plain
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import class_of, dict_of, lookup
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch

Way = Callable[[Any, Args, Kwargs], tuple[Args, Kwargs]]
"""Puts what carries a row in the place of what is handed over by a call: given its instance and its arguments."""

MORE: Final = (
    "asyncio.base_events:BaseEventLoop.call_soon",
    "asyncio.base_events:BaseEventLoop.call_soon_threadsafe",
    "asyncio.base_events:BaseEventLoop.call_at",
    "anyio.to_thread:run_sync",
    "trio.to_thread:run_sync",
    "joblib.parallel:BatchedCalls.__init__",
)
"""Those that are wrapped for this alone."""


def hand_over(given: Any, args: Args, kwargs: Kwargs, kind: type[Handed] = Handed) -> tuple[Any, Args, Kwargs]:
    """Return what is handed over in the place of `given`, and what it is given: the same, if that is no work function.

    Args:
        given: what is handed over.
        args: what it will be called with.
        kwargs: what it will be called with by name.
        kind: what carries the row.
    """
    if is_plain(given, args):
        return given, args, kwargs
    layers = peeled(given, args)
    found = found_in(layers, args)
    if found is not None:
        return handed_directly(given, found, args, kwargs, kind)
    return handed_enclosing(given, layers, args, kwargs, kind)


# -- one callable, and its arguments


def _submit(_instance: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    if not args:
        return args, kwargs
    given, rest, kwargs = hand_over(args[0], args[1:], kwargs)
    return (given, *rest), kwargs


def _call_back(_future: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    given = args[0] if args else kwargs.get("fn")
    if given is None:
        return args, kwargs
    handed = hand_over(given, (_future,), {}, HandedOnce)[0]
    return ((handed, *args[1:]), kwargs) if args else (args, {**kwargs, "fn": handed})


def _with_options(_instance: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    # What is given by name is for the way itself.
    if not args:
        return args, kwargs
    given, rest, _ = hand_over(args[0], args[1:], {})
    return (given, *rest), kwargs


def _at(instance: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    return ((args[0], *_with_options(instance, args[1:], kwargs)[0]), kwargs) if args else (args, kwargs)


# -- multiprocessing.pool


def _is_of_threads(pool: Any) -> bool:
    return isinstance(pool, sys.modules["multiprocessing.pool"].ThreadPool)


def _apply(pool: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    if not _is_of_threads(pool):
        return args, kwargs
    found = dict(zip(("func", "args", "kwds"), args, strict=False))
    found.update((name, kwargs[name]) for name in ("func", "args", "kwds") if name in kwargs)
    rest, named = tuple(found.get("args", ())), dict(found.get("kwds") or {})
    handed, new, by_name = hand_over(found.get("func"), rest, named)
    if handed is found.get("func"):
        return args, kwargs
    others = {name: value for name, value in kwargs.items() if name not in ("func", "args", "kwds")}
    return (handed, new, by_name, *args[3:]), others


class _Item:
    """One item of an iterable, taken from it and handed over."""

    __slots__ = ("args", "handed")

    def __init__(self, handed: Any, args: Args) -> None:
        self.handed: Any = handed
        self.args: Args = args


def _each(item: _Item) -> Any:
    handed, args = item.handed, item.args
    item.handed = item.args = cast("Any", None)  # the pool's list of what it has to do goes on holding the item
    return handed(*args)


class _Items:
    """An iterable of which each item is handed over when it is taken."""

    def __init__(self, given: Any, iterable: Iterable[Any], *, starred: bool) -> None:
        self._given = given
        self._iterable = iterable
        self._starred = starred
        self._context = context_api.get_current()

    def __iter__(self) -> Iterator[Any]:
        for item in self._iterable:
            yield self.of(item)

    def of(self, item: Any) -> Any:
        """Return what is put in the place of an item."""
        try:
            args: Args = tuple(item) if self._starred else (item,)
        except TypeError:  # as the worker will find, too
            return item
        handed: Any = self._given
        with guard:
            here = context_api.get_current()
            # A thread of the pool's may take it, which knows nothing of the trace in which it was called.
            is_there = here is self._context or trace.get_current_span(here).get_span_context().is_valid
            token = None if is_there else context_api.attach(self._context)
            try:
                handed, args, _ = hand_over(handed, args, {})
            finally:
                if token is not None:
                    context_api.detach(token)
        one = _Item(handed, args)
        return (one,) if self._starred else one


class _Sized(_Items):
    """The same of one that has a length."""

    def __init__(self, given: Any, iterable: Any, *, starred: bool) -> None:
        super().__init__(given, iterable, starred=starred)
        self._length = len(iterable)

    def __len__(self) -> int:
        return self._length


def _map(pool: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    given: Any = args[0] if args else kwargs.get("func")
    iterable: Any = args[1] if len(args) > 1 else kwargs.get("iterable")
    if given is None or iterable is None or not _is_of_threads(pool) or not _is_work(given):
        return args, kwargs
    mapper: Any = args[2] if len(args) > 2 else kwargs.get("mapper")
    starred = mapper is sys.modules["multiprocessing.pool"].starmapstar
    items: Any
    if class_of(iterable) in (list, tuple):
        items = list(_Items(given, iterable, starred=starred))
    else:
        items = (_Sized if hasattr(iterable, "__len__") else _Items)(given, iterable, starred=starred)
    others = {name: value for name, value in kwargs.items() if name not in ("func", "iterable")}
    return (_each, items, *args[2:]), others


def _batch(_batch: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    # What joblib gives to a thread, or to another process: a function, its arguments, and those by name.
    items = (hand_over(*item) for item in args[0]) if args else ()
    return ((items, *args[1:]), kwargs) if args else (args, kwargs)


def _is_work(given: Any) -> bool:
    if is_plain(given, ()):
        return False
    layers = peeled(given, ())
    return is_run(layers.function) or found_in(layers, (given,)) is not None or bool(called_by(layers, (), {}))


# -- threads

starting: Final[ContextVar[tuple[Thread, Expected] | None]] = ContextVar("otel_handoff_starting", default=None)
"""The thread that is being started here, and what recognises the worker on it."""

_TARGET: Final = ("_target", "_args", "_kwargs")
_TIMED: Final = ("function", "args", "kwargs")


class _Timed(Handed):
    """What a timer has until it calls it; whoever looks at the timer afterwards finds what was put there."""

    _self_undo: Callable[[], None]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._self_undo()
        return super().__call__(*args, **kwargs)


class Started:
    """What is done around the start of one thread: `undo` where it did not start."""

    def __init__(self, thread: Thread) -> None:
        """Hand over what it is to run."""
        self._before: dict[str, Any] = {}
        self._thread = thread
        self.expected: Expected | None = None
        if thread.ident is not None:
            return  # it was started already, which is an error
        values = dict_of(thread)
        for names, kind in ((_TARGET, Handed), *([(_TIMED, _Timed)] if isinstance(thread, Timer) else [])):
            if values.get(names[0]) is not None:
                given, args, kwargs = (values.get(name) for name in names)
                handed = hand_over(given, tuple(args or ()), dict(kwargs or {}), kind)
                if handed[0] is not given:
                    self._before = {name: values[name] for name in names if name in values}
                    if kind is _Timed:
                        handed[0]._self_undo = self.undo
                    values.update(zip(names, handed, strict=True))
                    return
        if "run" not in values and (run := lookup(class_of(thread), "run")) is not vars(Thread)["run"]:
            self._run(run)

    def _run(self, run: Any) -> None:
        bound = run.__get__(self._thread, class_of(self._thread)) if hasattr(run, "__get__") else run
        layers = peeled(bound, ())
        found = found_in(layers, ())
        if found is None:
            self.expected = None if is_plain(bound, ()) else expecting(layers, (), {})
            return
        begun = found.takes.begin(self._thread, (), {})
        if begun is not None:
            self.expected = Expected.of(found.takes, begun[0])

    def undo(self) -> None:
        """It did not start."""
        dict_of(self._thread).update(self._before)


# -- all of them

WAYS: Final[dict[str, Way]] = {
    "concurrent.futures.thread:ThreadPoolExecutor.submit": _submit,
    "concurrent.futures._base:Future.add_done_callback": _call_back,
    "multiprocessing.pool:Pool.apply_async": _apply,
    "multiprocessing.pool:Pool._map_async": _map,
    "multiprocessing.pool:Pool.imap": _map,
    "multiprocessing.pool:Pool.imap_unordered": _map,
    "asyncio.base_events:BaseEventLoop.call_at": _at,
    "joblib.parallel:BatchedCalls.__init__": _batch,
    **dict.fromkeys(
        (
            "asyncio.base_events:BaseEventLoop.call_soon",
            "asyncio.base_events:BaseEventLoop.call_soon_threadsafe",
            "anyio.to_thread:run_sync",
            "trio.to_thread:run_sync",
        ),
        _with_options,
    ),
}
"""By the function that is called."""


def giving(target: str, wrapper: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Return what is called around a way: it hands over what is a work function, and then does what `wrapper` does."""
    way = WAYS[target]

    def given(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        if taking:
            with guard:
                args, kwargs = way(instance, args, kwargs)
        return wrapped(*args, **kwargs) if wrapper is None else wrapper(wrapped, instance, args, kwargs)

    return given


def more() -> tuple[Patch, ...]:
    """Return the patches for the ways that are wrapped for this alone."""
    return tuple(Patch(target, partial(_more, target)) for target in MORE)


def _more(target: str, function: Any, _parameters: Parameters) -> Any:
    return stand_in(function, giving(target))


def giving_threads(wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same for `Thread.start`."""

    def given(wrapped: Any, thread: Thread, args: Args, kwargs: Kwargs) -> Any:
        started = None
        if taking:
            with guard:
                started = Started(thread)
        if started is None:
            return wrapper(wrapped, thread, args, kwargs)
        token = starting.set(None if started.expected is None else (thread, started.expected))
        try:
            return wrapper(wrapped, thread, args, kwargs)
        except BaseException:
            started.undo()
            raise
        finally:
            starting.reset(token)

    return given
