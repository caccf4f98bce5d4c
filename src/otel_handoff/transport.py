"""How a submission reaches its worker: with the work function itself."""

from __future__ import annotations

from contextvars import ContextVar
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

import wrapt

from otel_handoff.lease import Lease

if TYPE_CHECKING:
    from otel_handoff.handoff import Handoff

    FunctionWrapper = wrapt.FunctionWrapper[..., Any]
    BoundFunctionWrapper = wrapt.BoundFunctionWrapper[..., Any]
else:
    FunctionWrapper = wrapt.FunctionWrapper
    BoundFunctionWrapper = wrapt.BoundFunctionWrapper

submitting: Final[ContextVar[tuple[Handoff, Lease] | None]] = ContextVar("otel_handoff_submitting", default=None)
"""The submission that is being handed over on this thread."""


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
        if now is None or now[0] is not handoff or instance is None:
            return super().__get__(instance, owner)
        lease = now[1]
        handoff.bound(lease)
        wrapped: Any = self.__wrapped__
        make: Any = _BoundWork  # wrapt's stubs know only its first argument
        run = MethodType(handoff.runs, lease)  # smaller and quicker than a partial
        return make(wrapped.__get__(instance, owner), instance, run, None, "function", self)
