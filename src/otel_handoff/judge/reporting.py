"""What is told: each mismatch once, with both sides and the write that made it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span

from otel_handoff.handover.findings import Sighting
from otel_handoff.handover.lease import Lease
from otel_handoff.host.current import no_lease
from otel_handoff.host.guard import guard
from otel_handoff.host.ids import AnyOf, key_of, same
from otel_handoff.judge.comparing import Comparing
from otel_handoff.record.locations import Frames, capture, innermost
from otel_handoff.record.mismatch import Mismatch, Write
from otel_handoff.record.submission import Submission
from otel_handoff.tell.alike import Alike
from otel_handoff.tell.spans import lead_to

DEPTH: Final = 8
"""Frames of a place where a wrong id was seen."""

Alert = Callable[[Mismatch, Span, Span], None]
"""Is given each mismatch, with the span that is still open for it, and that of its row, which may be the same."""


class Reporting:
    """Tells the mismatches of one boundary.

    Attributes:
        work_frames: the work function, as the place of what is seen when it starts and ends.
    """

    def __init__(self, comparing: Comparing, mode: str, alert: Alert) -> None:
        self.work_frames: Frames = ()
        self._comparing = comparing
        self._mode = mode
        self._alert = alert
        self._alike = Alike()

    def tell_sightings(self, lease: Lease) -> None:
        """Tell the wrong reads of which nothing is known that came of them."""
        sightings = lease.findings.sightings
        for key in list(sightings):
            sighting = sightings.pop(key, None)
            if sighting is not None:
                self._report_sighting(lease, sighting)

    def _report_sighting(self, lease: Lease, sighting: Sighting) -> None:
        self.report(
            lease,
            sighting.observed,
            evidence="read",
            outcome="prevented" if sighting.prevented else "used",
            span=lease.span,
            place=innermost(sighting.frames),
            torn=sighting.torn,
            sighting=sighting,
        )

    def report_moved(self, lease: Lease, moved: Mapping[str, object], *, evidence: str, outcome: str = "") -> None:
        """Tell that the context moved on while the worker ran, or before it began."""
        outcome = outcome or ("prevented" if lease.is_pinned else "exposed")
        now = Sighting(moved, lease.is_pinned, threading.current_thread().name, time.time_ns(), self.work_frames)
        self.report(lease, moved, evidence=evidence, outcome=outcome, span=lease.span, place=None, sighting=now)

    def report(
        self,
        lease: Lease,
        observed: Mapping[str, object],
        *,
        evidence: str,
        outcome: str,
        span: Span,
        place: object,
        target: str = "",
        details: Mapping[str, object] | None = None,
        filed: Mapping[str, object] | None = None,
        torn: bool = False,
        sighting: Sighting | None = None,
        culprits: tuple[Write | None] | None = None,
    ) -> Mismatch | None:
        """Tell a mismatch, unless the same was told at the same place; by now its culprit may have been looked for."""
        key = (evidence, outcome, place, tuple((name, key_of(value)) for name, value in observed.items()))
        reported = lease.findings.reported
        if place is not None and key in reported:
            return None
        reported.add(key)
        submission = lease.submission
        frames = sighting.frames if sighting else capture(DEPTH)
        at = sighting.time_unix_nano if sighting else time.time_ns()
        if culprits is None:
            culprits = (self._comparing.culprit(lease, observed, prevented=outcome == "prevented"),)
        (culprit,) = culprits
        carrier = span.get_span_context()
        if not carrier.is_valid:
            carrier = trace.get_current_span(submission.otel_context).get_span_context()
        story = (evidence, outcome, target, *observed, innermost(frames), culprit and culprit.location)
        mismatch = Mismatch(
            submission=submission,
            expected={
                name: self._expected(lease, name, value, 0 if evidence == "start" else at, filed)
                for name, value in observed.items()
            },
            observed=dict(observed),
            evidence=evidence,
            outcome=outcome,
            stale=lease.stale,
            thread_name=sighting.thread_name if sighting else threading.current_thread().name,
            time_unix_nano=at,
            frames=frames,
            target=target,
            details=details or {},
            occurrence=self._alike.count(story),
            torn=torn or (filed is not None and _is_mixture(filed, culprit)),
            culprit=culprit,
            trace_id=carrier.trace_id,
            span_id=carrier.span_id,
            mode=self._mode,
        )
        with no_lease(), guard:
            self._alert(
                mismatch, span, lease.span if evidence == "call" else span
            )  # only calls have spans of their own
        if culprit is not None and culprit.submission is not None and culprit.submission.row is None:
            lease.findings.unlinked.append(culprit.submission)
        return mismatch

    def link(self, lease: Lease) -> None:
        """Lead from the row to those whose writes were told of, as far as these have begun meanwhile."""
        for submission in lease.findings.unlinked:
            lead_to(submission, lease.span)

    def _expected(self, lease: Lease, name: str, value: object, at: int, filed: Mapping[str, object] | None) -> object:
        batch = lease.batch.rows if lease.batch is not None and filed is not None else []
        if len(batch) > 1 and same(filed[next(iter(filed))] if filed else None, value):
            return AnyOf(row.ids[name] for row in batch)  # it names none of them
        return self._comparing.expected(lease, name, value, at)

    def emitted(
        self,
        submission: Submission,
        ids: Mapping[str, object],
        *,
        stale: bool,
        outcome: str,
        target: str,
        span: Span,
    ) -> Mismatch | None:
        """A result of the submission, whose row is done, is emitted under `ids` of another one's."""
        expected = {name: submission.ids[name] for name in ids}
        wrong = {name: value for name, value in ids.items() if not same(expected[name], value)}
        if not wrong:
            return None
        frames, carrier = capture(DEPTH), span.get_span_context()
        mismatch = Mismatch(
            submission=submission,
            expected={name: expected[name] for name in wrong},
            observed=wrong,
            evidence="result",
            outcome=outcome,
            stale=stale,
            thread_name=threading.current_thread().name,
            time_unix_nano=time.time_ns(),
            frames=frames,
            target=target,
            occurrence=self._alike.count(("result", outcome, target, *wrong, innermost(frames), None)),
            trace_id=carrier.trace_id,
            span_id=carrier.span_id,
            mode=self._mode,
        )
        with no_lease(), guard:
            self._alert(mismatch, span, span)
        return mismatch


def _is_mixture(filed: Mapping[str, object], culprit: Write | None) -> bool:
    # The ids of one call, or result, are of more than one submission.
    if culprit is None or culprit.submission is None:
        return False
    ids = culprit.submission.ids
    return any(name in ids and not same(ids[name], value) for name, value in filed.items())
