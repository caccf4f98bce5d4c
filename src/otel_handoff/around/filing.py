"""One call that a worker makes: from before it is made until its outcome is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind
from opentelemetry.util.types import AttributeValue

from otel_handoff.around.engine import Engine
from otel_handoff.around.late_spans import LateCall
from otel_handoff.handover.lease import Lease, active
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Reads
from otel_handoff.judge.detector import Detector
from otel_handoff.record.mismatch import Mismatch
from otel_handoff.tell.spans import add_rows_around, call_attributes

Given = tuple[tuple[Any, ...], dict[str, Any], Any]
"""What a call is given, by position and by name, and whose method it is."""


class Files(Protocol):
    """A function that is called: `around.calls`, which says what each of these is."""

    evidence: str
    name: str
    detector: Detector
    engine: Engine
    attributes: Reads

    def began(self, given: Given) -> tuple[int, int | None]:
        """Return when it began, and when it ended if it has."""
        ...

    def details(self, given: Given) -> dict[str, AttributeValue]:
        """Return what is declared of it besides its ids."""
        ...

    def unread(self, lease: Lease, ids: Mapping[str, object]) -> None:
        """Tell which of its ids are not among `ids`."""
        ...


class Filing:
    """One call of a target.

    Attributes:
        is_to_raise: what is to be raised now that it has returned: in mode `strict`, what only its result says.
    """

    __slots__ = ("_ended_ns", "_given", "_ids", "_late", "_lease", "_of", "_span", "_torn", "_wrong", "is_to_raise")

    def __init__(
        self,
        of: Files,
        lease: Lease,
        given: Given,
        ids: Mapping[str, object],
        wrong: Mapping[str, object],
        *,
        torn: bool,
        late: LateCall | None,
    ) -> None:
        self._of = of
        self._lease = lease
        self._given = given
        self._ids = ids
        self._wrong = wrong
        self._torn = torn
        self._late = late
        self._span: Span = late.start() if late is not None and wrong else INVALID_SPAN
        self.is_to_raise: Mismatch | None = None
        self._ended_ns: int | None = late.ended_ns if late is not None else None

    def start_span(self) -> None:
        """Show it as a span, from when the external call began; the client span is that of who makes it."""
        of, submission = self._of, self._lease.submission
        start, self._ended_ns = of.began(self._given)
        if self._lease.batch is not None:  # the row that it names need not be the one that is current
            within: Context | None = trace.set_span_in_context(self._lease.span)
            current = self._lease
        else:
            within, current = None, active.get() or self._lease
        span = self._span = of.engine.tracer.start_span(of.name, within, kind=SpanKind.INTERNAL, start_time=start)
        if span.is_recording():
            span.set_attributes(call_attributes(submission, of.details(self._given)))
            add_rows_around(span, current)

    def _details(self) -> dict[str, object]:
        found = self._of.attributes(*self._given)
        return {name: value for name, value in found.items() if value is not None}

    def block(self) -> Mismatch | None:
        """Report a wrong id before anything is recorded under it."""
        if not self._wrong:
            return None
        mismatch = self._judge("blocked")
        self._span.end(self._ended_ns)
        return mismatch

    def returned(self, ids: Mapping[str, object]) -> None:
        """It returned, and only that says some of its ids."""
        self._ids = {**self._ids, **ids}
        self._of.unread(self._lease, self._ids)
        self._wrong = {**self._wrong, **self._of.detector.wrong_in_call(self._lease, ids)}

    def end(self, error: BaseException | None) -> None:
        """The target returned, or raised `error`: then no use of a wrong id is known."""
        try:
            mismatch = self._judge("used" if error is None else "exposed")
            if self._of.detector.strict and error is None:
                self.is_to_raise = mismatch  # it was blocked before, but for what only its result says
        except Exception as ours:
            guard.met(ours)
        if self._span is not INVALID_SPAN:
            try:
                if error is not None and self._span.is_recording():
                    self._of.engine.exceptions.record(self._span, error)
                self._span.end(self._ended_ns)
            except Exception as ours:
                guard.met(ours)
        elif self._late is not None:
            self._late.end(error)

    def _judge(self, outcome: str) -> Mismatch | None:
        return self._of.detector.call(
            self._lease,
            self._ids,
            self._wrong,
            evidence=self._of.evidence,
            outcome=outcome,
            target=self._of.name,
            details=self._details,
            torn=self._torn,
            span=self._span if self._span.is_recording() else self._lease.span,  # a sampler may take the row's alone
        )
