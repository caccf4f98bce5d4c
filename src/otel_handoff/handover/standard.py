"""The standard ways of handing a callable to somebody else, and where in each the callable and its arguments are.

They are for boundaries that name no submit function. `handover.carry` has some of them wrapped for what a worker starts
in turn, and calls these first: nothing is wrapped twice.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial, wraps
from types import FunctionType
from typing import Any, Final

from otel_handoff.handover.callables import hand_over
from otel_handoff.handover.calling import called_by, is_plain, is_plain_at_a_glance
from otel_handoff.handover.directly import Args, Handed, HandedOnce, Kwargs, found_in, is_run, peeled, taking
from otel_handoff.handover.items import Items, Sized, each
from otel_handoff.handover.lease import active
from otel_handoff.handover.sent import Sent, leaving
from otel_handoff.handover.transport import under_way
from otel_handoff.host.bound import Written
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import class_of
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
    "concurrent.futures.process:ProcessPoolExecutor.submit",
    "concurrent.futures.process:ProcessPoolExecutor.map",
    "loky.process_executor:ProcessPoolExecutor.submit",
    "joblib.externals.loky.process_executor:ProcessPoolExecutor.submit",
)
"""Those that are wrapped for this alone."""


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


# -- pools of processes


def _send(_pool: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    if not args:
        return args, kwargs
    given = leaving(args[0])
    if given is not args[0]:
        return (given, *args[1:]), kwargs
    given, rest, kwargs = hand_over(given, args[1:], kwargs, Sent)
    return (given, *rest), kwargs


def _send_each(_pool: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    if len(args) < 2 or not is_work(args[0]):
        return args, kwargs
    items = Items(args[0], zip(*args[1:], strict=False), starred=True, kind=Sent)
    return (each, (item for (item,) in items)), kwargs


# -- multiprocessing.pool


def _is_of_threads(pool: Any) -> bool:
    return isinstance(pool, sys.modules["multiprocessing.pool"].ThreadPool)


def _apply(pool: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    found = dict(zip(("func", "args", "kwds"), args, strict=False))
    found.update((name, kwargs[name]) for name in ("func", "args", "kwds") if name in kwargs)
    rest, named = tuple(found.get("args", ())), dict(found.get("kwds") or {})
    if _is_of_threads(pool):
        handed, new, by_name = hand_over(found.get("func"), rest, named)
    elif (handed := leaving(found.get("func"))) is not found.get("func"):
        new, by_name = rest, named
    else:
        handed, new, by_name = hand_over(handed, rest, named, Sent)
    if handed is found.get("func"):
        return args, kwargs
    others = {name: value for name, value in kwargs.items() if name not in ("func", "args", "kwds")}
    return (handed, new, by_name, *args[3:]), others


def _map(pool: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    given: Any = args[0] if args else kwargs.get("func")
    iterable: Any = args[1] if len(args) > 1 else kwargs.get("iterable")
    if given is None or iterable is None or not is_work(given):
        return args, kwargs
    kind = Handed if _is_of_threads(pool) else Sent
    mapper: Any = args[2] if len(args) > 2 else kwargs.get("mapper")
    starred = mapper is sys.modules["multiprocessing.pool"].starmapstar
    items: Any
    if class_of(iterable) in (list, tuple):
        items = list(Items(given, iterable, starred=starred, kind=kind))
    else:
        items = (Sized if hasattr(iterable, "__len__") else Items)(given, iterable, starred=starred, kind=kind)
    others = {name: value for name, value in kwargs.items() if name not in ("func", "iterable")}
    return (each, items, *args[2:]), others


def is_work(given: Any) -> bool:
    """Whether what is handed over is a work function, or calls one."""
    if is_plain(given, ()):
        return False
    layers = peeled(given, ())
    return is_run(layers.function) or found_in(layers, (given,)) is not None or bool(called_by(layers, (), {}))


# -- all of them

WAYS: Final[dict[str, Way]] = {
    "concurrent.futures.thread:ThreadPoolExecutor.submit": _submit,
    "concurrent.futures._base:Future.add_done_callback": _call_back,
    "multiprocessing.pool:Pool.apply_async": _apply,
    "multiprocessing.pool:Pool._map_async": _map,
    "multiprocessing.pool:Pool.imap": _map,
    "multiprocessing.pool:Pool.imap_unordered": _map,
    "asyncio.base_events:BaseEventLoop.call_at": _at,
    "concurrent.futures.process:ProcessPoolExecutor.submit": _send,
    "concurrent.futures.process:ProcessPoolExecutor.map": _send_each,
    "loky.process_executor:ProcessPoolExecutor.submit": _send,
    "joblib.externals.loky.process_executor:ProcessPoolExecutor.submit": _send,
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


class Giving:
    """What is called around a way: it hands over what is a work function, and then does what another wrapper does."""

    def __init__(self, target: str, wrapper: Callable[..., Any] | None = None) -> None:
        self._way = WAYS[target]
        self._wrapper = wrapper

    def __call__(self, wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        """Look at what is given."""
        if taking:
            with guard:
                args, kwargs = self._way(instance, args, kwargs)
        wrapper = self._wrapper
        return wrapped(*args, **kwargs) if wrapper is None else wrapper(wrapped, instance, args, kwargs)

    def body(self, shape: Written) -> tuple[str, dict[str, object]]:
        """Make what is done where it is seen at a glance that there is nothing to do."""
        if self._way not in (_submit, _with_options) or len(shape.others) != 1 or not shape.more:
            return f"return {shape.through()}\n", {}
        more, given = shape.more[0].lstrip("*"), shape.others[0]
        rest = f" and not {shape.rest[0].lstrip('*')}" if shape.rest else ""
        lines = (
            f"if active_() is None and not under_way_{rest} and is_plain_({given}, {more}):\n"
            f"    return {shape.call()}\n"
            f"return {shape.through()}\n"
        )
        return lines, {"active_": active.get, "under_way_": under_way, "is_plain_": is_plain_at_a_glance}


def more() -> tuple[Patch, ...]:
    """Return the patches for the ways that are wrapped for this alone."""
    joblib = Patch(_JOBLIB, lambda function, _parameters: stand_in(function, _delayed))
    return (*(Patch(target, partial(_more, target)) for target in MORE), joblib)


_JOBLIB: Final = "joblib.parallel:delayed"


def _delayed(wrapped: Any, _instance: Any, args: Args, kwargs: Kwargs) -> Any:
    # What it returns is called with the arguments of a task, and returns the task: a function, and both kinds of these.
    # Joblib takes several tasks at a time before it gives one of them to anybody: that would be too late.
    made = wrapped(*args, **kwargs)
    if not taking or class_of(made) is not FunctionType:
        return made

    @wraps(made)
    def handing(*args: Any, **kwargs: Any) -> Any:
        task: Any = made(*args, **kwargs)
        with guard:
            given, rest, named = task
            return hand_over(given, rest, named, Sent)  # to threads or to processes: it does not say
        return task

    return handing


def _more(target: str, function: Any, _parameters: Parameters) -> Any:
    return stand_in(function, Giving(target))
