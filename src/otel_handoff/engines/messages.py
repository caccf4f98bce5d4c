"""A function sends a message, and another process works on what it brought: the slip goes along in the headers.

They are filled by what instruments the broker's client, or by `opentelemetry.propagate.inject`: with the propagator
`handoff`. When the body of the message is made, before or after that, nobody knows here. So a row is not compared as it
leaves, but where it arrives, with the writes to its context that were seen by then.
"""

from __future__ import annotations

from typing import Any, Final

from otel_handoff.around.leaving import Leaving
from otel_handoff.around.submit import Steps, Submit
from otel_handoff.boundary import Boundary
from otel_handoff.engines.carried import CarriedWorker
from otel_handoff.engines.remote import Remote
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.stepwise import is_run_later, stepped
from otel_handoff.handover.transport import Handing, submitting
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING
from otel_handoff.host.standin import stand_in

_UNSENT: Final = "no message with it was seen: OTEL_PROPAGATORS has no handoff, or nothing fills in the headers there"


class MessageHandoff(Remote):
    """A boundary whose work is done in another process, on what a message brought."""

    def __init__(self, boundary: Boundary, engine: Any) -> None:
        super().__init__(boundary, engine)
        self.detector.carried = True
        if engine.settings.remote:
            self.detector.leave = self._leave
        self._leaving = Leaving(self, tells=False)

    def _leave(self, lease: Lease) -> str | None:
        handing = submitting.get()
        while handing is not None and handing.lease is not lease:
            handing = handing.outer
        return self._leaving.leave(lease, MISSING if handing is None else handing.contexts[1])

    def _submit_of(self, parameters: Parameters, function: Any) -> Submit:
        return Sending(self, parameters, function)

    def _work_of(self, function: Any, parameters: Parameters) -> Any:
        return stand_in(function, CarriedWorker(self, function, parameters))


class Sending(Submit):
    """The function that sends: its row is handed over to whoever the message comes to."""

    def __init__(self, handoff: MessageHandoff, parameters: Parameters, function: Any) -> None:
        super().__init__(handoff, parameters)
        self._pins = "copy"  # what is read elsewhere can be pinned by nothing else
        self._later = is_run_later(function)

    def _ends(self, handing: Handing) -> tuple[Lease, tuple[Any, Any]]:
        lease, contexts = super()._ends(handing)
        if not self._later:
            self.done(lease)
        return lease, contexts

    def _settle(self, handing: Handing) -> None:
        if handing.lease is not None:  # nobody here waits for it
            self._claims.discard(handing.lease.number)

    def _in_steps(self, result: Any, handing: Handing, lease: Lease, contexts: tuple[Any, Any]) -> Any:
        return stepped(result, _Sends(self, handing, lease, contexts))

    def done(self, lease: Lease) -> None:
        """It is sent, or never will be."""
        if lease.ended:
            return
        if not lease.posted:
            self._coverage.miss("other_process", lease.submission, pinned=lease.is_pinned, detail=_UNSENT)
        lease.missed = True
        lease.close()


class _Sends(Steps):
    """The same where it is a coroutine or generator."""

    __slots__ = ("_sending",)

    def __init__(self, sending: Sending, handing: Handing, lease: Lease, contexts: tuple[Any, Any]) -> None:
        super().__init__(sending.shared.claims, handing, lease, contexts)
        self._sending = sending

    def over(self, lease: Lease, *, is_done: bool) -> None:
        super().over(lease, is_done=is_done)
        self._sending.done(lease)
