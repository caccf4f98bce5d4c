"""The one funnel: compare an observation with its submission, and report a mismatch once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from opentelemetry.trace import Span

from otel_handoff.boundary import Boundary
from otel_handoff.handover.along import Step
from otel_handoff.handover.asked import Missed
from otel_handoff.handover.findings import Sighting
from otel_handoff.handover.handing_back import hand_back
from otel_handoff.handover.lease import Batch, Lease, active, is_borrowed, is_judged
from otel_handoff.handover.unlike import unwrapped
from otel_handoff.host.current import looker, no_lease
from otel_handoff.host.fields import Fields
from otel_handoff.host.guard import guard
from otel_handoff.host.ids import key_of, same
from otel_handoff.host.paths import EACH
from otel_handoff.judge.comparing import Comparing
from otel_handoff.judge.expected import Expected
from otel_handoff.judge.reporting import DEPTH, Alert, Reporting
from otel_handoff.record.locations import capture, innermost
from otel_handoff.record.mismatch import Mismatch
from otel_handoff.record.submission import Submission


def _nothing(*_: object) -> None:
    pass


def _no_slip(_: Lease) -> None:
    pass


class Detector:
    """Judges the rows of one boundary.

    Every check ends in `_report`. What a check knows decides the outcome: a wrong id that took effect is `used`,
    one that a call or result was kept from is `blocked`, one that a pinned worker was spared is `prevented`, and a
    context that had merely moved on is `exposed`.
    """

    def __init__(
        self,
        boundary: Boundary,
        fields: Fields,
        *,
        mode: str,
        watched: bool,
        submission: Callable[..., Submission] = Submission,
        alert: Alert,
        missed: Missed,
    ) -> None:
        """Judge by the boundary's fields.

        Args:
            boundary: says under which names others put the fields on their spans.
            fields: how they are read.
            mode: `pin`, `observe` or `strict`.
            watched: whether reads and writes of the fields are seen.
            submission: makes what is known of a row's hand-over.
            alert: is given each mismatch, with the span that is still open for it.
            missed: is told of rows that cannot be judged.
        """
        self.name: str = boundary.name
        self.submission: Callable[..., Submission] = submission
        self.enabled: bool = True
        self.strict: bool = mode == "strict"
        self.pins: bool = mode == "pin"
        self.watched: bool = watched
        self.carried: bool = False
        """Whether its rows leave with a carrier that is filled while they are handed over."""
        self.missed: Missed = missed
        self.look: Callable[[Lease, str | Step, Any], object] = _nothing
        """Looks again at what is on the way to the ids of a row, where another object is put there."""
        self.leave: Callable[[Lease], str | None] = _no_slip
        """The work of a row is serialised for another process: returns the slip that goes along; None: none does."""
        self._fields = fields
        self.compares: frozenset[str] = frozenset(target for call in boundary.calls for target in call.targets)
        """The calls whose ids it compares."""
        self.filed: frozenset[tuple[str, str]] = frozenset(
            (target, path) for call in boundary.calls for target in call.targets for path in call.ids.values()
        )
        """And where these are in each."""
        self.takes: bool = any(call.evidence == "read" for call in boundary.calls)
        """Whether ids are taken for calls before they are made."""
        self._field_of = {
            key: (name, boundary.attribute(name))
            for name in boundary.names
            for key in (boundary.attribute(name), *boundary.aliases.get(name, ()))
        }
        self._row = boundary.row
        self.expected: Expected = Expected(fields, boundary.ids)
        self.comparing = comparing = Comparing(fields, self.expected)
        self.telling = telling = Reporting(comparing, mode, alert)
        self.disagree = comparing.disagree
        self.fields_at = comparing.fields_at
        self.emitted = telling.emitted
        self._moved, self._wrong, self._wrote = comparing.moved, comparing.wrong, comparing.has_written
        self._ids_at, self._changed = comparing.ids_at, comparing.changed
        self._certain = comparing.certain
        self._mixed = comparing.mixed if any(EACH in path for path in boundary.ids.values()) else None
        self._is_own, self._write_of = comparing.is_own, comparing.write_of
        self._report, self._report_moved = telling.report, telling.report_moved
        self._tell_sightings = telling.tell_sightings

    # -- what the worker does, in the order of a row's life

    def start(self, lease: Lease) -> None:
        """The work begins: remember the fields in which the context has moved on by now."""
        if moved := self._moved(lease):
            lease.findings.moved = moved
        if lease.along is not None:
            self.start_below(lease)

    def start_below(self, lease: Lease) -> None:
        """The same of what is on the way to the ids, below the context."""
        if lease.along is not None and lease.is_pinned:
            with no_lease():
                lease.along.look_around()
        if lease.along is not None and not lease.along.begun:
            lease.along.begun = True
            if not lease.findings.own:
                self.take_stamps(lease)
            lease.findings.changed_before = self._changed(lease)

    def take_stamps(self, lease: Lease) -> None:
        """What the submit function wrote into the worker's copy of a dict or list is what the row is."""
        if lease.along is not None:
            self.retake(lease, lease.along.ids())

    def retake(self, lease: Lease, ids: Mapping[str, object]) -> None:
        """The row has these ids by now: nobody has worked on it yet."""
        self._identify(lease, self.expected.rest(self._wrong(lease, ids)))

    def read(self, lease: Lease, at: str | Step, value: Any, *, prevented: bool, shared: bool = False) -> bool:
        """The worker read `value` off the context (or, `prevented`, would have if it were not pinned).

        Return whether it is a wrong one, told or not. `shared`: what the worker writes is there as well, though it has
        a copy.
        """
        if not self.enabled or (isinstance(at, str) and at not in lease.roots):
            return False
        if not is_judged(lease):
            self._leave(lease, at, value)
            return False
        with no_lease():  # what the host's ids read of the context meanwhile is our look, not the worker's
            write = self._write_of(lease, at, value)
            on_copy = prevented and not (shared or lease.at_read)
            if self._is_own(lease, at, value, write, on_copy=on_copy):
                return False
            wrong = self._wrong(lease, self._ids_at(at, value))  # also where nothing was submitted: it is another
            if wrong and lease.vague:
                wrong = self._certain(lease, wrong)
            if wrong and lease.batch is not None and self._is_of_batch(lease.batch, at, value):
                return False
            if wrong and self.expected.names and isinstance(at, str):
                wrong = self.expected.wrong(lease, at, value, write, wrong)
            if not wrong or looker.get() is not None:
                return bool(wrong)
            lease.findings.know(wrong, write, prevented=prevented)
            news = lease.findings.news(wrong, prevented=prevented)
            if news:
                sighting = Sighting(news, prevented, threading.current_thread().name, time.time_ns(), capture(DEPTH))
                lease.findings.remember(sighting)
                if prevented:  # once per wrong id
                    lease.findings.spared.update((name, key_of(value)) for name, value in news.items())
                if lease.ended:  # a late read of a nested worker: nothing will come that tells it
                    self._tell_sightings(lease)
        return True

    def named(self, lease: Lease, batch: Batch, ids: Mapping[str, object]) -> Lease:
        """Return the row that a call names, of those which its worker holds together; `lease` if it names none."""
        batch.worked = True
        first = next(iter(ids), "")
        wrong = [(row, self._wrong(row, ids)) for row in batch.rows]
        named = [each for each in wrong if first not in each[1]]
        return min(named, key=lambda each: len(each[1]))[0] if named else lease

    def _is_of_batch(self, batch: Batch, at: str | Step, value: Any) -> bool:
        # Whether what is read is of another row that the worker holds, and may rightly work on now.
        return any(not self._wrong(row, self._ids_at(at, value)) for row in batch.rows)

    def wrong_in_call(self, lease: Lease, ids: Mapping[str, object]) -> dict[str, object]:
        """Return the ids of a call or result that disagree with the submission."""
        wrong = self._wrong(lease, ids)
        if self._mixed is not None and not wrong:
            wrong = self._mixed(lease, ids)
        if wrong and lease.vague:
            wrong = self._certain(lease, wrong)
        elif wrong and lease.unresolved:  # what was submitted is not known: is it off the context?
            wrong = {n: v for n, v in wrong.items() if n not in lease.unresolved or lease.findings.has_read(n, v)}
        if wrong and lease.found:
            wrong = {name: value for name, value in wrong.items() if not self._wrote(lease, name, value)}
        if wrong and self.watched and is_borrowed(lease):
            # A thread that the worker started may be a pool's, and serve another row: only what it read is this row's.
            wrong = {name: value for name, value in wrong.items() if lease.findings.has_read(name, value)}
        return wrong

    def judges_results_late(self, lease: Lease) -> bool:
        """Whether a right result may still be a mismatch: the worker was perhaps spared a wrong one (see `call`)."""
        return lease.pinned and not self.watched

    def take(self, lease: Lease, ids: Mapping[str, object]) -> None:
        """The worker takes `ids`, on this thread, for its next call."""
        noted = lease.noted
        if noted is None:  # two threads may begin at once: they get the same
            noted = cast("dict[int, Mapping[str, object]]", lease.__dict__.setdefault("noted", {}))
        noted[threading.get_ident()] = ids

    def is_torn(self, lease: Lease, ids: Mapping[str, object]) -> bool:
        """Whether the worker, on this thread, had taken another id for the call that it now files under `ids`."""
        noted = lease.noted.pop(threading.get_ident(), None) if lease.noted else None
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
        if filed is not None:  # else it was spared them, and has them not
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
                if value is not expected and str(value) != str(expected) and not self._is_of_row(lease, field, value):
                    wrong[field] = value
        if wrong:
            span = getattr(lease.span, "held", lease.span)
            self._report(lease, wrong, evidence="span", outcome="used", target=name, span=span, place=name)

    def _is_of_row(self, lease: Lease, field: str, value: object) -> bool:
        # Whether an id on a span, spelt in its own way, is the row's; or nothing is known of which it should be.
        return (
            lease.submission.is_plain(field, value)
            or same(lease.ids[field], value)
            or (field in lease.unresolved and not lease.findings.has_read(field, value))
            or self._wrote(lease, field, value)
        )

    def restate(self, lease: Lease, at: str | Step, value: Any) -> None:
        """The submit function wrote `value` into the context, for the row that it is handing over; or below it."""
        if isinstance(at, str):
            if at not in lease.roots:
                return
            value = unwrapped(value)
            lease.roots[at] = self.expected.seen_as(lease.ids, at, value)
        with no_lease():
            self._identify(lease, self.expected.rest(self._ids_at(at, value)))
        self.look(lease, at, value)

    def identify(self, lease: Lease, ids: Mapping[str, object]) -> None:
        """The work function is given what says which row it is."""
        self._identify(lease, ids)
        lease.roots = self.expected.unlike(lease.ids, lease.roots)

    def _identify(self, lease: Lease, ids: Mapping[str, object]) -> None:
        if ids:
            lease.restate(ids)
            if self._row is not None and self._row in ids:
                lease.rename(key_of(ids[self._row]))
            if lease.unresolved:
                lease.unresolved -= ids.keys()

    def says_itself(self, root: str) -> bool:
        """Whether no id of a row is read off a root: its arguments say which they are."""
        return self.expected.says(root)

    def is_its_id(self, lease: Lease, root: str, value: Any) -> bool:
        """Whether what a root holds is but the row's own ids, which its arguments say."""
        return self.expected.says(root) and not self._wrong(lease, self._fields.ids_at(root, value))

    def take_as_it_is(self, lease: Lease, handed: Any, stamped: Collection[str]) -> None:
        """The worker was given a context of the host's own making, which may rightly have ids of its own.

        Where these are not what was submitted, and nobody was seen to write them, it is not known which are right.
        """
        odd: list[str] = []
        for root, value in lease.kind.roots_of(handed).items():
            if root in stamped or value is lease.roots.get(root, value):
                continue
            wrong = self._wrong(lease, self.expected.rest(self._fields.ids_at(root, value)))
            odd += wrong
            if wrong:
                self.restate(lease, root, value)
        if odd:
            self._leave_open(lease, odd, f"the worker has another, with other {', '.join(odd)}")

    def look_again(self, lease: Lease, context: Any, handed: Any) -> None:
        """The work function is looked up, and writes are not seen: what is on the worker's copy, submit has written."""
        with guard:
            for root, value in lease.kind.roots_of(handed).items():
                if value is not lease.roots.get(root, value) and value is not None:
                    self.restate(lease, root, value)
                    setattr(context, root, value)  # it means the context that it was called with

    def forget(self, lease: Lease, root: str) -> None:
        """The submit function took away what was computed: what it will be next is not known."""
        if root in lease.roots:
            del lease.roots[root]
            fields = tuple(self.expected.rest(dict.fromkeys(self.fields_at([root]))))
            if not fields:
                return
            lease.unresolved |= frozenset(fields)
            lease.flaw = "field_computed", fields if len(fields) < len(lease.ids) else ()
            self.missed("field_computed", lease.submission, pinned=lease.is_pinned, detail=", ".join(fields))

    def _leave_open(self, lease: Lease, names: list[str], why: str) -> None:
        self.missed("context_unreadable", lease.submission, pinned=lease.is_pinned, detail=why)
        lease.flaw = "context_unreadable", tuple(names) if len(names) < len(lease.ids) else ()

    def finish(self, lease: Lease) -> None:
        """The row is about to be done: its result is handed in, or else the work function returned.

        From then on the submitter may rightly go on to the next row, while this worker is still on its way out.
        """
        lease.finished = True
        if lease.along is not None:
            self._look_inside(lease)
        if lease.pinned and (lost := hand_back(lease)):
            lease.findings.left_on_copy |= lost
        then = lease.roots
        if lease.pinned or lease.at_read or lease.is_of_thread or lease.kind.has(lease.context, then):
            return
        if lease.found and lease.findings.moved:
            return
        token = active.set(None)  # our own look is not the worker's
        try:
            if moved := self._moved(lease):
                lease.findings.moved_later = moved
        finally:
            active.reset(token)

    def _look_inside(self, lease: Lease) -> None:
        lease.findings.changed = self._changed(lease)
        self._hand_back(lease)

    def _hand_back(self, lease: Lease) -> None:
        # A result that the worker left in its copy of a dict or list is the submitter's.
        lost = lease.along.settle() if lease.along is not None else ()
        if lost:
            self.missed("left_on_copy", lease.submission, pinned=lease.is_pinned, detail=", ".join(lost))

    def end(self, lease: Lease) -> None:
        """The work is done: tell the reads that led to nothing known, and fields that moved on unseen."""
        if not self.enabled:
            return
        if lease.found:
            if self.expected.names:
                self.expected.forget_what_was_left(lease)
            self._tell_sightings(lease)
        if not lease.finished:
            self.finish(lease)
        elif lease.along is not None:
            self._hand_back(lease)
        if not lease.found:
            return
        found = lease.findings
        if not (
            found.reported or self._is_told(lease.batch)
        ):  # else it did not merely move on: what came of it is told
            if found.moved:
                self._report_moved(lease, found.moved, evidence="start")
            elif found.moved_later:
                self._report_moved(lease, found.moved_later, evidence="end")
            elif found.changed_before:
                self._report_changed(lease, found.changed_before, evidence="start")
            elif found.changed:
                self._report_changed(lease, found.changed, evidence="end")
        if found.unlinked:
            self.telling.link(lease)

    def _is_told(self, batch: Batch | None) -> bool:
        # Whether something is told of a row that is worked on together with this one: nobody knows for which it was.
        return batch is not None and any(row.found and row.findings.reported for row in batch.rows)

    def _report_changed(self, lease: Lease, changed: Mapping[str, object], *, evidence: str) -> None:
        # Beneath the context: a worker is spared it where it has a copy of what was changed.
        loose = lease.along.loose if lease.along is not None and lease.is_pinned else {}
        for outcome, spared in (("prevented", True), ("exposed", False)):
            some = {name: value for name, value in changed.items() if loose.get(name, False) is spared}
            if some:
                self._report_moved(lease, some, evidence=evidence, outcome=outcome)

    def _leave(self, lease: Lease, at: str | Step, value: Any) -> None:
        # Something that the row began has outlived it, and reads the context for another: nobody knows for which.
        with no_lease():
            if not lease.findings.left and self._wrong(lease, self._ids_at(at, value)):
                lease.findings.left = True
                self.missed("unseen_read", lease.submission, pinned=lease.is_pinned, detail=innermost(capture(1)))
