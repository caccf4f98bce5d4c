"""The one funnel: compare an observation with its submission, and report a mismatch once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import Span

from otel_handoff.boundary import Boundary
from otel_handoff.handover.findings import Sighting
from otel_handoff.handover.lease import Lease, is_borrowed, judged_lease
from otel_handoff.handover.written import RawWrite
from otel_handoff.host.current import active, no_lease
from otel_handoff.host.fields import Fields
from otel_handoff.host.guard import guard
from otel_handoff.host.ids import key_of, same
from otel_handoff.record.locations import Frames, capture, innermost
from otel_handoff.record.mismatch import Mismatch, Write
from otel_handoff.tell.alike import Alike

_DEPTH: Final = 8

Alert = Callable[[Mismatch, Span], None]


class Detector:
    """Judges the rows of one boundary.

    Every check ends in `_report`. What a check knows decides the outcome: a wrong id that took effect is `used`,
    one that a call or result was kept from is `blocked`, one that a pinned worker was spared is `prevented`, and a
    context that had merely moved on is `exposed`.
    """

    def __init__(self, boundary: Boundary, fields: Fields, *, mode: str, watched: bool, alert: Alert) -> None:
        """Judge by the boundary's fields; send each mismatch to `alert` with the span that is still open for it."""
        self.enabled: bool = True
        self.strict: bool = mode == "strict"
        self.work_frames: Frames = ()
        """The work function, as the place of what is seen when it starts and ends."""
        self._fields = fields
        self._field_of = {
            key: (name, boundary.attribute(name))
            for name in boundary.fields
            for key in (boundary.attribute(name), *boundary.aliases.get(name, ()))
        }
        self._alike = Alike()
        self._watched = watched
        self._alert = alert

    # -- what the worker does, in the order of a row's life

    def start(self, lease: Lease) -> None:
        """The work begins: remember the fields in which the context has moved on by now."""
        if not (lease.pinned and self._watched) and (moved := self._moved(lease)):
            lease.findings.moved = moved

    def read(self, lease: Lease, root: str, value: Any, *, prevented: bool) -> bool:
        """The worker read `value` off the context (or, `prevented`, would have without its pinned copy).

        Return whether it is a wrong one, told or not.
        """
        if not self.enabled or root not in lease.roots or judged_lease() is not lease:
            return False
        with no_lease():  # what the host's ids read of the context meanwhile is our look, not the worker's
            write = self._write_of(lease, root, value)
            if self._is_own(lease, root, value, write, prevented=prevented):
                return False
            wrong = self._wrong(lease, self._fields.ids_at(root, value))
            lease.findings.know(wrong, write, prevented=prevented)
            news = lease.findings.news(wrong, prevented=prevented)
            if news:
                sighting = Sighting(news, prevented, threading.current_thread().name, time.time_ns(), capture(_DEPTH))
                lease.findings.remember(sighting)
                if prevented:  # once per wrong id
                    lease.findings.spared.update((name, key_of(value)) for name, value in news.items())
                if lease.ended:  # a late read of a nested worker: nothing will come that tells it
                    self._tell_sightings(lease)
        return bool(wrong)

    def wrong_in_call(self, lease: Lease, ids: Mapping[str, object]) -> dict[str, object]:
        """Return the ids of a call or result that disagree with the submission."""
        wrong = self._wrong(lease, ids)
        if wrong and lease.has_findings:
            wrong = {name: value for name, value in wrong.items() if not self._wrote(lease, name, value)}
        if wrong and self._watched and is_borrowed(lease):
            # A thread that the worker started may be a pool's, and serve another row: only what it read is this row's.
            wrong = {name: value for name, value in wrong.items() if lease.findings.has_read(name, value)}
        return wrong

    def judges_results_late(self, lease: Lease) -> bool:
        """Whether a right result may still be a mismatch: the worker was perhaps spared a wrong one (see `call`)."""
        return lease.pinned and not self._watched

    def is_torn(self, lease: Lease, ids: Mapping[str, object]) -> bool:
        """Whether the worker, on this thread, had taken another id for the call that it now files under `ids`."""
        noted = lease.findings.noted.pop(threading.get_ident(), None) if lease.has_findings else None
        if noted is None:
            return False
        torn = {name: value for name, value in noted.items() if name in ids and not same(value, ids[name])}
        if torn:
            lease.findings.tear(torn)
        return bool(torn)

    def call(
        self,
        lease: Lease,
        ids: Mapping[str, object],
        wrong: Mapping[str, object],
        *,
        evidence: str,
        outcome: str,
        target: str,
        details: Callable[[], Mapping[str, object]],
        torn: bool,
        span: Span,
    ) -> Mismatch | None:
        """A call was recorded, or a result routed, under `ids`, of which `wrong` disagree.

        Reads that led to it are told as part of it. Without watch it is not known whether a pinned worker would have
        read something else; then a context that has moved on by now counts as a wrong id that it was spared.
        """
        place, filed = None, ids  # each wrong record is a place of its own: all of them are named
        if not wrong and outcome == "used" and self.judges_results_late(lease):
            wrong = {name: value for name, value in self._moved(lease).items() if name in ids}
            outcome, place, filed = "prevented", target, None  # what is filed is right
        if not wrong:
            return None
        lease.findings.tell(wrong)
        return self._report(
            lease,
            wrong,
            evidence=evidence,
            outcome=outcome,
            target=target,
            details=details(),
            filed=filed,
            torn=torn,
            span=span,
            place=place,
        )

    def span_ended(self, lease: Lease, name: str, attributes: Mapping[str, object]) -> None:
        """A span under the submission ended: compare the ids that it carries, whoever put them there."""
        if not self.enabled:
            return
        wrong: dict[str, object] = {}
        submitted, fields = lease.submission.attributes, self._field_of
        for key, value in attributes.items():
            if key in fields:
                field, attribute = fields[key]
                expected = submitted.get(attribute, "None")
                if (
                    value is not expected
                    and str(value) != str(expected)
                    and not lease.submission.is_plain(field, value)
                ):
                    wrong[field] = value
        if wrong:
            self._report(lease, wrong, evidence="span", outcome="used", target=name, span=lease.span, place=name)

    def finish(self, lease: Lease) -> None:
        """The row is about to be done: its result is handed in, or else the work function returned.

        From then on the submitter may rightly go on to the next row, while this worker is still on its way out.
        """
        lease.finished = True
        if lease.pinned or (lease.has_findings and lease.findings.moved):
            return
        token = active.set(None)  # our own look is not the worker's
        try:
            if moved := self._moved(lease):
                lease.findings.moved_later = moved
        finally:
            active.reset(token)

    def end(self, lease: Lease) -> None:
        """The work is done: tell the reads that led to nothing known, and fields that moved on unseen."""
        if not self.enabled:
            return
        if lease.has_findings:
            self._tell_sightings(lease)
        if not lease.finished:
            self.finish(lease)
        if not lease.has_findings:
            return
        found = lease.findings
        if not found.reported:  # else it did not merely move on: what came of it is told
            if found.moved:
                self._report_moved(lease, found.moved, evidence="start")
            elif found.moved_later:
                self._report_moved(lease, found.moved_later, evidence="end")

    # -- comparing

    def _moved(self, lease: Lease) -> dict[str, object]:
        moved: dict[str, object] = {}
        then = lease.roots
        for root, value in lease.kind.roots_of(lease.context).items():
            if value is then[root]:
                continue
            write = self._write_of(lease, root, value)
            if self._is_own(lease, root, value, write, prevented=False):
                continue
            wrong = self._wrong(lease, self._fields.ids_at(root, value))
            lease.findings.suppose(wrong, write, prevented=lease.pinned)
            moved |= wrong
        return moved

    def _wrong(self, lease: Lease, observed: Mapping[str, object]) -> dict[str, object]:
        ids = lease.submission.ids
        return {
            name: value for name, value in observed.items() if value is not ids[name] and not same(ids[name], value)
        }

    def _is_own(self, lease: Lease, root: str, value: Any, write: RawWrite | None, *, prevented: bool) -> bool:
        # A worker's own write, read back, is its own; and it would have been without the pinned copy.
        own = lease.findings.own.get(root)
        if not own:
            return False
        if write is not None and not prevented:
            return write.by == lease.submission.number
        return prevented or any(same(written.value, value) for written in own)

    def _wrote(self, lease: Lease, name: str, value: object) -> bool:
        if lease.findings.has_read(name, value):
            return False
        own = lease.findings.own.get(self._fields.root_of(name), ())
        return any(same(self._fields.id_at(name, written.value), value) for written in own)

    # -- which write it was

    def _write_of(self, lease: Lease, root: str, value: Any) -> RawWrite | None:
        return lease.record.newest(root, lambda written: written is value) if lease.record is not None else None

    def _culprit(self, lease: Lease, observed: Mapping[str, object], *, prevented: bool) -> Write | None:
        if lease.record is None:
            return None
        for name, value in observed.items():
            raw = lease.findings.source(name, value, prevented=prevented) or lease.record.newest(
                self._fields.root_of(name),
                lambda written, name=name, value=value: same(value, self._fields.id_at(name, written)),
            )
            if raw is not None:
                return Write(name, value, raw.thread_name, raw.time_unix_nano, raw.submission, raw.frames)
        return None

    # -- reads, and what became of them

    def _tell_sightings(self, lease: Lease) -> None:
        sightings = lease.findings.sightings
        for key in list(sightings):
            sighting = sightings.pop(key, None)
            if sighting is not None:
                self._report_sighting(lease, sighting)

    def _report_sighting(self, lease: Lease, sighting: Sighting) -> None:
        self._report(
            lease,
            sighting.observed,
            evidence="read",
            outcome="prevented" if sighting.prevented else "used",
            span=lease.span,
            place=innermost(sighting.frames),
            torn=sighting.torn,
            sighting=sighting,
        )

    def _report_moved(self, lease: Lease, moved: Mapping[str, object], *, evidence: str) -> None:
        outcome = "prevented" if lease.pinned else "exposed"
        now = Sighting(moved, lease.pinned, threading.current_thread().name, time.time_ns(), self.work_frames)
        self._report(lease, moved, evidence=evidence, outcome=outcome, span=lease.span, place=None, sighting=now)

    # -- reporting

    def _report(
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
    ) -> Mismatch | None:
        key = (evidence, outcome, place, tuple((name, key_of(value)) for name, value in observed.items()))
        reported = lease.findings.reported
        if place is not None and key in reported:
            return None
        reported.add(key)
        submission = lease.submission
        frames = sighting.frames if sighting else capture(_DEPTH)
        culprit = self._culprit(lease, observed, prevented=outcome == "prevented")
        carrier = span.get_span_context()
        if not carrier.is_valid:
            carrier = trace.get_current_span(submission.otel_context).get_span_context()
        story = (evidence, outcome, target, *observed, innermost(frames), culprit and culprit.location)
        mismatch = Mismatch(
            submission=submission,
            expected={name: submission.ids[name] for name in observed},
            observed=dict(observed),
            evidence=evidence,
            outcome=outcome,
            stale=lease.stale,
            thread_name=sighting.thread_name if sighting else threading.current_thread().name,
            time_unix_nano=sighting.time_unix_nano if sighting else time.time_ns(),
            frames=frames,
            target=target,
            details=details or {},
            occurrence=self._alike.count(story),
            torn=torn or (filed is not None and _is_mixture(filed, culprit)),
            culprit=culprit,
            trace_id=carrier.trace_id,
            span_id=carrier.span_id,
        )
        with no_lease(), guard:
            self._alert(mismatch, span)
        return mismatch


def _is_mixture(filed: Mapping[str, object], culprit: Write | None) -> bool:
    # The ids of one call, or result, are of more than one submission.
    if culprit is None or culprit.submission is None:
        return False
    ids = culprit.submission.ids
    return any(not same(ids[name], value) for name, value in filed.items())
