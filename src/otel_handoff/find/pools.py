"""What a pool is given, of threads or of processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import wrapt

from otel_handoff.find.begin import begin, context_of, run
from otel_handoff.find.queues import Sealed
from otel_handoff.find.rows import Row
from otel_handoff.find.seen import At, at
from otel_handoff.handover.directly import Args, Kwargs, peeled
from otel_handoff.host.guard import guard
from otel_handoff.host.plainly import class_of

if TYPE_CHECKING:
    CallableObjectProxy = wrapt.CallableObjectProxy[Any]
else:
    CallableObjectProxy = wrapt.CallableObjectProxy


class Carrying(CallableObjectProxy):
    """A callable that is called as the worker of a row; pickled, it is the callable alone."""

    def __init__(self, function: Callable[..., Any], row: Row) -> None:
        super().__init__(function)
        self._self_row: Row = row

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        context = context_of(peeled(self.__wrapped__, args))
        return run(self._self_row, self.__wrapped__, args, kwargs, context=context)

    def __reduce_ex__(self, protocol: Any) -> Args:
        with guard:
            self._self_row.pickles()
        return cast, (None, self.__wrapped__)  # `typing.cast`, loaded, gives what it is given


def submit(way: str, wrapped: Any, _instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """A pool is given a function and what to call it with."""
    if args and (row := begin(way, args[0], args[1:], kwargs)) is not None:
        args = (Carrying(args[0], row), *args[1:])
    return wrapped(*args, **kwargs)


def send(wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """The same of a pool of processes, which is given what it maps over in chunks."""
    given: Any = args[0] if args else None
    if class_of(given) is not partial or given.func is not sys.modules["concurrent.futures.process"]._process_chunk:
        return submit("ProcessPoolExecutor.submit", wrapped, instance, args, kwargs)
    # They say what they are called with when they are one item long: as a rule.
    function, chunk = given.args[0], args[1]
    row = begin("ProcessPoolExecutor.map", function, chunk[0], {})
    return wrapped(given if row is None else Carrying(given, row), *args[1:], **kwargs)


def apply(way: str, wrapped: Any, _pool: Any, args: Args, kwargs: Kwargs) -> Any:
    """The same, the arguments in a tuple and a dict."""
    found = {**dict(zip(("func", "args", "kwds"), args, strict=False)), **kwargs}
    given = found.get("func")
    if given is not None:
        row = begin(way, given, tuple(found.get("args", ())), dict(found.get("kwds") or {}))
        if row is not None:
            handed = Carrying(given, row)
            args, kwargs = ((handed, *args[1:]), kwargs) if args else (args, {**kwargs, "func": handed})
    return wrapped(*args, **kwargs)


class _Item:
    __slots__ = ("args", "function", "row")

    def __init__(self, function: Callable[..., Any], args: Args, row: Row) -> None:
        self.function = function
        self.args = args
        self.row = row


def _each(item: Any) -> Any:
    return run(item.row, item.function, item.args, {})


def map_over(way: str, wrapped: Any, pool: Any, args: Args, kwargs: Kwargs) -> Any:
    """A pool is given a function, and what to call it with one by one: each is a row, when it is taken."""
    if len(args) < 2:
        return wrapped(*args, **kwargs)
    given, items, pools = args[0], args[1], sys.modules["multiprocessing.pool"]
    mapper = args[2] if len(args) > 2 else kwargs.get("mapper")
    starred = mapper is pools.starmapstar
    place = at(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
    if not isinstance(pool, pools.ThreadPool):
        if isinstance(items, (list, tuple)):
            row = begin(way, given, tuple(cast("Iterable[Any]", items)), {})
            args = (given if row is None else Carrying(given, row), *args[1:])
        else:  # what it yields next may be the same again
            args = (given, _sealed(way, given, items, place, starred=starred), *args[2:])
        return wrapped(*args, **kwargs)

    def handed(items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            row = begin(way, given, tuple(item) if starred else (item,), {}, place=place)
            one = _Item(given, tuple(item) if starred else (item,), row) if row is not None else None
            yield partial(given, *item) if one is None and starred else one or partial(given, item)

    def each(item: Any) -> Any:
        return _each(item) if class_of(item) is _Item else item()

    handed_over: Any = handed(items)
    if isinstance(items, (list, tuple)):
        handed_over = list(handed_over)
    if starred:
        handed_over = [(one,) for one in handed_over]
    return wrapped(each, handed_over, *args[2:], **kwargs)


def _sealed(way: str, given: Any, items: Iterable[Any], place: At | None, *, starred: bool) -> Iterator[Any]:
    for item in items:
        row = begin(way, given, tuple(item) if starred else (item,), {}, place=place)
        yield item if row is None else Sealed(item, row)


def call_back(way: str, wrapped: Any, future: Any, args: Args, kwargs: Kwargs) -> Any:
    """A future is given what to call with it once it is done."""
    if args and (row := begin(way, args[0], (future,), {})) is not None:
        args = (Carrying(args[0], row), *args[1:])
    return wrapped(*args, **kwargs)
