"""How a submission reaches its worker: with the work function itself."""

from __future__ import annotations

from contextvars import ContextVar
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_handoff.handover.lease import Lease

if TYPE_CHECKING:
    from otel_handoff.around.handoff import Handoff

    FunctionWrapper = wrapt.FunctionWrapper[..., Any]
    BoundFunctionWrapper = wrapt.BoundFunctionWrapper[..., Any]
else:
    FunctionWrapper = wrapt.FunctionWrapper
    BoundFunctionWrapper = wrapt.BoundFunctionWrapper

submitting: Final[ContextVar[list[Lease | None] | None]] = ContextVar("otel_handoff_submitting", default=None)
"""The one submission that is being handed over on this thread, and None in its place when that is done: a task that the
host has begun meanwhile goes on with a copy of this context."""


class _BoundWork(BoundFunctionWrapper):
    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)  # as the bound method it stands for


class WorkFunction(FunctionWrapper):
    """The work function. Looking it up on an instance while submitting attaches the submission to what is found.

    That is the whole transport: no registry, no ticket, no patched pool. The work item carries the submission, and
    if the item is dropped, so is the submission.
    """

    __bound_function_wrapper__ = _BoundWork

    def __init__(self, function: Any, handoff: Handoff) -> None:
        super().__init__(function, handoff.claimed)
        self._self_handoff: Handoff = handoff

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        now = submitting.get()
        handoff = self._self_handoff
        lease = now[0] if now is not None else None
        if lease is None or lease.detector is not handoff.detector or instance is None:
            return super().__get__(instance, owner)
        handoff.bound(lease)
        wrapped: Any = self.__wrapped__
        make: Any = _BoundWork  # wrapt's stubs know only its first argument
        run = MethodType(handoff.runs, lease)  # smaller and quicker than a partial
        return make(wrapped.__get__(instance, owner), instance, run, None, "function", self)
