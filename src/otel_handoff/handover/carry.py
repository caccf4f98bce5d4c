"""The submission follows the work that a worker starts in turn: pool tasks and threads."""

from __future__ import annotations

import contextvars
import copy
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from functools import partial
from threading import Thread, get_ident
from typing import TYPE_CHECKING, Any, Final, cast

import wrapt
from opentelemetry import context as context_api
from opentelemetry.context import Context

from otel_handoff.handover.enclosing import Expected, expected
from otel_handoff.handover.lease import BORROWED_KEY, Lease, active, borrowed, judged_lease
from otel_handoff.handover.standard import WAYS, Giving
from otel_handoff.handover.starts import giving_threads, starting
from otel_handoff.handover.transport import LOOKED_UP, Handing, submitting, under_way
from otel_handoff.host.bound import Bound, Written
from otel_handoff.host.current import no_lease
from otel_handoff.host.guard import guard
from otel_handoff.host.standin import StandIn, stand_in
from otel_handoff.host.wrapping import Patch

if TYPE_CHECKING:
    CallableObjectProxy = wrapt.CallableObjectProxy[Any]
else:
    CallableObjectProxy = wrapt.CallableObjectProxy

_DONE: Final = "concurrent.futures._base:Future.add_done_callback"

POOLS: Final = (
    "concurrent.futures.thread:ThreadPoolExecutor.submit",
    "multiprocessing.pool:Pool.apply_async",
    "multiprocessing.pool:Pool._map_async",
    "multiprocessing.pool:Pool.imap",
    "multiprocessing.pool:Pool.imap_unordered",
    _DONE,
)
"""Nested submit functions that are always followed."""

_pooling: Final[ContextVar[bool]] = ContextVar("otel_handoff_pooling", default=False)
"""Whether a worker hands on a task. A pool may start a thread for it and keep that for others: it is nobody's."""


class Carried(CallableObjectProxy):
    """A callable that runs under the submission that was current when it was handed on; otherwise it is the same."""

    def __init__(self, function: Callable[..., Any], lease: Lease | None, context: Context) -> None:
        super().__init__(function)
        self._self_lease: Lease | None = lease
        self._self_context: Context = context

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it; the thread keeps nothing of the submission afterwards."""
        lease, here = self._self_lease, get_ident()
        token = active.set(lease)
        if lease is not None:
            lease.carry(here, 1)
        otel_token = context_api.attach(self._self_context)
        try:
            return self.__wrapped__(*args, **kwargs)
        finally:
            context_api.detach(otel_token)
            if lease is not None:
                lease.carry(here, -1)
            active.reset(token)

    def __copy__(self) -> Any:
        return self._self_again(copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._self_again(copy.deepcopy(self.__wrapped__, memo))

    def _self_again(self, function: Any) -> Any:
        return type(self)(function, self._self_lease, self._self_context)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # To another process goes the function alone: a submission does not leave its own. `typing.cast`, which is there
        # also where we are not, gives what it is given.
        return cast, (None, self.__wrapped__)


class _CalledBack(Carried):
    """The same, called once, by a future that keeps it for as long as it lives itself: then it has the row no more."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        finally:
            self._self_lease, self._self_context = None, Context()


def follow(target: str, *, gives: bool = False) -> Patch:
    """Return the patch for a nested submit function: the first callable that it is given carries the submission.

    Args:
        target: the function.
        gives: whether there are boundaries that name no submit function: what it is given may begin a row.
    """
    handed_on = _call_back if target == _DONE else _Submit()
    wrapper = Giving(target, handed_on) if gives and target in WAYS else handed_on
    return Patch(target, lambda function, _parameters: stand_in(function, wrapper))


def follow_threads(*, gives: bool = False) -> tuple[Patch, ...]:
    """Return the patches that let a thread started by a worker carry the submission, until the work ends.

    Where one `gives`, as with `follow`, what it runs may begin a row.

    Both are on the class. What is put on a thread itself, as its `run`, others may call in their own way.
    """
    return (
        Patch("threading:Thread._bootstrap", lambda function, _parameters: _Bootstrap(function, _through)),
        Patch(
            "threading:Thread.start",
            lambda function, _parameters: stand_in(function, giving_threads(_start) if gives else _start),
        ),
    )


class _Submit:
    """A nested submit function: what a worker gives to it carries the submission."""

    def __call__(self, wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Let it have what it is given, with the submission where there is one."""
        if under_way:
            with guard:
                _pass_on(args, kwargs)
        if active.get() is None:
            return wrapped(*args, **kwargs)
        with guard:
            args, kwargs = _carry_first(Carried, args, kwargs)
        pooling = _pooling.set(True)
        try:
            with no_lease():
                return wrapped(*args, **kwargs)
        finally:
            _pooling.reset(pooling)

    def body(self, shape: Written) -> tuple[str, dict[str, object]]:
        """Make what is done where nobody's work hands on what was just looked up, as most do."""
        first = next(iter(shape.others), "None")
        lines = (
            f"if active_() is None and (not under_way_ or takes_(submitting_(), {first})):\n"
            f"    return {shape.call()}\n"
            f"return {shape.through()}\n"
        )
        return lines, {
            "active_": active.get,
            "submitting_": submitting.get,
            "takes_": Handing.takes,
            "under_way_": under_way,
        }


def _pass_on(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    # Whoever hands over a row, by a pool: from here on the worker has it.
    handing = submitting.get()
    if handing is not None and handing.found is not None:
        if args and type(args[0]) is Bound:  # as most have it
            handing.pass_on(args[0])
            return
        for value in (*args, *kwargs.values()):
            if type(value) in LOOKED_UP:
                handing.pass_on(value)


def _call_back(wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if active.get() is not None:
        with guard:
            args, kwargs = _carry_first(_CalledBack, args, kwargs)
    return wrapped(*args, **kwargs)


def _carry_first(
    kind: type[Carried], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    lease = judged_lease()
    if lease is None:
        return args, kwargs
    context = _borrowing(lease) if borrowed.get() is lease else context_api.get_current()
    for position, value in enumerate(args):
        if callable(value):
            return (*args[:position], kind(value, lease, context), *args[position + 1 :]), kwargs
    for name, value in kwargs.items():
        if callable(value):
            return args, {**kwargs, name: kind(value, lease, context)}
    return args, kwargs


def _borrowing(lease: Lease) -> Context:
    return context_api.set_value(BORROWED_KEY, lease)


# -- threads


class _Bootstrap(StandIn):
    """What a new thread runs first. The thread that starts it looks it up, whichever `start` led there."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        first: Any = None
        if instance is not None and active.get() is not None:
            with guard:
                lease = judged_lease()
                if lease is not None:
                    first = cast("Any", self.__wrapped__).__get__(instance, owner)
                    first = partial(_run, first, instance, lease, _borrowing(lease))
        if instance is not None and (awaited := starting.get()) is not None and awaited[0] is instance:
            first = first or cast("Any", self.__wrapped__).__get__(instance, owner)
            return partial(_run_expecting, first, instance, awaited[1])
        return first or super().__get__(instance, owner)


def _through(wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return wrapped(*args, **kwargs)


def _run_expecting(first: Callable[[], object], thread: Thread, what: Expected) -> None:
    within = _within(thread)
    token = within(expected.set, what)
    try:
        first()
    finally:
        within(expected.reset, token)


def _within(thread: Thread) -> Callable[..., Any]:
    # Since Python 3.14, a thread calls its `run` in a context that it keeps.
    own = getattr(thread, "_context", None)
    return own.run if isinstance(own, contextvars.Context) else _here


def _run(first: Callable[[], object], thread: Thread, lease: Lease, context: Context) -> None:
    within: Callable[..., Any] | None = None
    tokens: _Tokens | None = None
    with guard:
        within = _within(thread)
        tokens = within(_begin, lease, context)
    try:
        first()
    finally:
        if within is not None and tokens is not None:
            with guard:
                within(_end, tokens)


def _here(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


_Tokens = tuple[Token["Lease | None"], Token["Lease | None"], Token[Context]]


def _begin(lease: Lease, context: Context) -> _Tokens:
    return active.set(lease), borrowed.set(lease), context_api.attach(context)


def _start(wrapped: Any, _thread: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if active.get() is None and submitting.get() is None and not _pooling.get():
        return wrapped(*args, **kwargs)
    with _to_inherit():
        return wrapped(*args, **kwargs)


def _end(tokens: _Tokens) -> None:
    working, borrowing, context = tokens
    context_api.detach(context)
    borrowed.reset(borrowing)
    active.reset(working)


@contextmanager
def _to_inherit() -> Generator[None]:
    # A thread may start with a copy of this context, by Python 3.14 without GIL or by somebody's wrapper: then with the
    # work that it is for, or with nothing, as a pool's would keep the row for ever.
    lease = None
    with guard:
        lease = judged_lease()
    handing = submitting.set(None)
    working, borrowing = active.set(lease), borrowed.set(lease)
    row = None
    if lease is not None:
        row = context_api.attach(_borrowing(lease))
    elif _pooling.get():
        row = context_api.attach(Context())
    pooling = _pooling.set(False)
    try:
        yield
    finally:
        _pooling.reset(pooling)
        if row is not None:
            context_api.detach(row)
        borrowed.reset(borrowing)
        active.reset(working)
        submitting.reset(handing)
