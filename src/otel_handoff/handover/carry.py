"""The submission follows the work that a worker starts in turn: pool tasks and threads."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry import context as context_api
from opentelemetry.context import Context

from otel_handoff.handover.lease import BORROWED_KEY, Lease, judged_lease
from otel_handoff.handover.transport import submitting
from otel_handoff.host.current import active, no_lease
from otel_handoff.host.fields import Parameters
from otel_handoff.host.guard import guard
from otel_handoff.host.wrapping import Patch

if TYPE_CHECKING:
    CallableObjectProxy = wrapt.CallableObjectProxy[Any]
else:
    CallableObjectProxy = wrapt.CallableObjectProxy

POOLS: Final = (
    "concurrent.futures.thread:ThreadPoolExecutor.submit",
    "multiprocessing.pool:Pool.apply_async",
    "multiprocessing.pool:Pool._map_async",
    "multiprocessing.pool:Pool.imap",
    "multiprocessing.pool:Pool.imap_unordered",
)
"""Nested submit functions that are always followed."""

_THREAD_START: Final = "threading:Thread.start"

_pooling: Final[ContextVar[bool]] = ContextVar("otel_handoff_pooling", default=False)
"""Whether a worker hands on a task. A pool may start a thread for it and keep that for others: it is nobody's."""


class Carried(CallableObjectProxy):
    """A callable that runs under the submission that was current when it was handed on; otherwise it is the same."""

    def __init__(self, function: Callable[..., Any], lease: Lease, context: Context) -> None:
        super().__init__(function)
        self._self_lease: Lease = lease
        self._self_context: Context = context

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it; the thread keeps nothing of the submission afterwards."""
        token = active.set(self._self_lease)
        otel_token = context_api.attach(self._self_context)
        try:
            return self.__wrapped__(*args, **kwargs)
        finally:
            context_api.detach(otel_token)
            active.reset(token)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # To another process goes the function alone: a submission does not leave its own.
        return _itself, (self.__wrapped__,)


def _itself(function: Any) -> Any:
    return function


def follow(target: str) -> Patch:
    """Return the patch for a nested submit function: the first callable that it is given carries the submission."""
    return Patch(target, lambda function, _parameters: wrapt.FunctionWrapper(function, _submit))


def follow_threads() -> Patch:
    """Return the patch that lets a thread started by a worker carry the submission, until the work ends."""
    return Patch(_THREAD_START, _wrap_start)


def _wrap_start(function: Any, _parameters: Parameters) -> Any:
    return wrapt.FunctionWrapper(function, _start)


def _submit(wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if active.get() is None:
        return wrapped(*args, **kwargs)
    with guard:
        args, kwargs = _carry_first(args, kwargs)
    pooling = _pooling.set(True)
    try:
        with no_lease():
            return wrapped(*args, **kwargs)
    finally:
        _pooling.reset(pooling)


def _carry_first(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    lease = judged_lease()
    if lease is None:
        return args, kwargs
    context = context_api.get_current()
    for position, value in enumerate(args):
        if callable(value):
            return (*args[:position], Carried(value, lease, context), *args[position + 1 :]), kwargs
    for name, value in kwargs.items():
        if callable(value):
            return args, {**kwargs, name: Carried(value, lease, context)}
    return args, kwargs


def _start(wrapped: Any, thread: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if active.get() is None and submitting.get() is None and not _pooling.get():
        return wrapped(*args, **kwargs)
    lease = None
    with guard:
        lease = judged_lease()
        if lease is not None:
            context = context_api.set_value(BORROWED_KEY, lease)
            carried = Carried(thread.run, lease, context)

            def run() -> None:
                thread.__dict__.pop("run", None)  # no cycle is left behind
                carried()

            thread.run = run
    with _nothing_to_inherit():
        try:
            return wrapped(*args, **kwargs)
        except BaseException:
            if lease is not None:
                thread.__dict__.pop("run", None)
            raise


@contextmanager
def _nothing_to_inherit() -> Generator[None]:
    # Python 3.14 without GIL starts a thread with a copy of the context, and a pool's would keep the row for ever.
    handing = submitting.set(None)
    row = context_api.attach(Context()) if _pooling.get() else None
    pooling = _pooling.set(False)
    try:
        with no_lease():
            yield
    finally:
        _pooling.reset(pooling)
        if row is not None:
            context_api.detach(row)
        submitting.reset(handing)
