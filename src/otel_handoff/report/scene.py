"""What was around a mismatch, asked of the spans that were judged. All times are nanoseconds since the epoch.

Those of a process whose clock is behind are as late as they must have been.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any, Final

from otel_handoff.check.finding import Culprit, Finding, ids_of
from otel_handoff.check.store import CALL, ROW, SENT, Column, Store, unpacked
from otel_handoff.record import semconv
from otel_handoff.report.axis import Axis
from otel_handoff.report.places import Place, Places, Sent, Way, home_of

_MOST_OTHERS: Final = 12
_MOST_LOOKED_AT: Final = 500
"""How many rows that began before are looked at, whether they were still at work."""
_MOST_CALLS: Final = 40
_MOST_AGAIN: Final = 6
_LEAST_PAD: Final = 20_000

# After the judge has settled them, by what is asked for here.
_INDEX: Final = (
    "CREATE INDEX IF NOT EXISTS under_by_row ON under (row)",
    "CREATE INDEX IF NOT EXISTS rows_by_start ON spans (process, start, end) WHERE kind = 'row'",
)
_ROW: Final = (
    "SELECT row.id, row.process, row.boundary, row.number, row.delivery, row.start, row.end, row.attributes, row.trace,"
    " row.span, row.source FROM spans AS row"
)
_AT_WORK: Final = f"""
{_ROW} WHERE id IN (SELECT id FROM (SELECT id, end FROM spans WHERE kind = 'row' AND process = ? AND start <= ?
    ORDER BY start DESC LIMIT ?) WHERE end >= ?) ORDER BY start DESC LIMIT ?
"""  # noqa: S608


@dataclass(frozen=True)
class Call:
    """A recorded call of a row."""

    span_id: str
    name: str
    start_ns: int


@dataclass(frozen=True)
class Row:
    """A submission and the work on it.

    Attributes:
        way: from which process to which; where the worker's clock is behind, its times here are as much later.
        delivery: which delivery of its work this is, from 1; 0 where it did not leave, -1 where nobody counts them.
    """

    id: int
    trace_id: str
    span_id: str
    process: Column
    number: int
    ids: Mapping[str, Any]
    submitted_by: str
    submitted_ns: int
    worker: str
    start_ns: int
    end_ns: int
    stale: bool
    way: Way
    delivery: int = 0
    calls: Sequence[Call] = field(default=(), compare=False)

    @property
    def left(self) -> Sent | None:
        """When and where from it left for this work, as far as that is known."""
        before = [sent for sent in self.way.sent if sent.time_ns <= self.start_ns]
        return before[-1] if before else None

    @property
    def instants(self) -> list[int]:
        """When it was submitted, left, begun and ended."""
        return [self.submitted_ns, self.start_ns, self.end_ns, *([self.left.time_ns] if self.left else [])]


@dataclass(frozen=True)
class Act:
    """What a thread did: the wrong use, or the write."""

    place: Place
    thread: str
    time_ns: int


@dataclass(frozen=True)
class Scene:
    """A mismatch and what was around it.

    Attributes:
        finding: the mismatch.
        own: its row; None where the row span is not in the files.
        filed: the row that the wrong value was written for, where it is known.
        again: other work on the same submission: it was delivered again, or claimed by two.
        others: at most twelve more rows that were handed over in the same process, in that time.
        more: how many rows began in that time and are not among these.
        submitted: who handed the row over.
        use: who saw or used the wrong id.
        write: who wrote it, where that is known.
        axis: the time that is shown.
    """

    finding: Finding
    own: Row | None
    filed: Row | None
    again: Sequence[Row]
    others: Sequence[Row]
    more: int
    submitted: Act
    use: Act
    write: Act | None
    axis: Axis

    @property
    def since_ns(self) -> int:
        """What the axis counts from: the submission; the mismatch, where it is not known when that was."""
        return self.submitted.time_ns or self.use.time_ns

    @property
    def rows(self) -> list[Row]:
        """All of them, in order of submission."""
        rows = [row for row in (self.own, self.filed, *self.again, *self.others) if row is not None]
        return sorted(rows, key=lambda row: (row.submitted_ns, row.start_ns))


class Scenes:
    """Makes scenes of findings."""

    def __init__(self, store: Store) -> None:
        """Ask `store`, which a judge has settled."""
        self._db = store.db
        self._places = Places(store)
        for statement in _INDEX:
            self._db.execute(statement)

    def of(self, finding: Finding) -> Scene:
        """Return what was around `finding`."""
        own, process, use, again = self._met(finding)
        submission, culprit = finding.submission, finding.culprit
        filed = None
        if culprit is not None and culprit.number is not None and culprit.number != submission.number:
            filed = self._row_of(process, submission.boundary, culprit.number)
        at = own.way.submitted_at if own is not None else use.place
        submitted = Act(at, submission.thread_name, submission.time_unix_nano)
        write = _write(culprit, own, again, use.place) if culprit is not None else None
        instants = [time for time in (submitted.time_ns, use.time_ns) if time]
        instants += [write.time_ns] if write is not None else []
        for row in (own, filed, *again):
            instants += row.instants if row is not None else ()
        instants += [call.start_ns for call in own.calls] if own is not None else []
        axis = Axis(instants, _pad(instants))
        known = [row for row in (own, filed, *again) if row is not None]
        others, more = self._others(process, axis, known, use.time_ns - finding.time_unix_nano)
        return Scene(finding, own, filed, again, others, more, submitted, use, write, axis)

    def acts(self, finding: Finding) -> tuple[Act, Act | None]:
        """Return who used the wrong id, and who wrote it, where that is known."""
        own, _, use, again = self._met(finding)
        culprit = finding.culprit
        return use, _write(culprit, own, again, use.place) if culprit is not None else None

    def _met(self, finding: Finding) -> tuple[Row | None, Column, Act, list[Row]]:
        """Return the row concerned, its process, the use of the wrong id, and other work on the row."""
        own, process, here, is_sent = self._own(finding)
        behind = own.way.behind_ns if own is not None and not is_sent else 0
        use = Act(here, finding.thread_name or (own.worker if own else ""), finding.time_unix_nano + behind)
        return own, process, use, self._again(own, finding.submission.boundary) if own is not None else []

    def _own(self, finding: Finding) -> tuple[Row | None, Column, Place, bool]:
        """Return the row concerned, its process, where the wrong id was met, and whether that was as the row left."""
        key = (finding.trace_id, finding.span_id)
        carrier, kind, process, boundary, number, source = self._db.execute(
            "SELECT id, kind, process, boundary, number, source FROM spans WHERE trace = ? AND span = ?", key
        ).fetchone()
        if kind == SENT:
            row = self._row_of(process, boundary, number)
            sent = self._places.sent(process, boundary, number)
            there = self._places.of(source)
            return row, process, next((each.place for each in sent if each.place.key == there.key), there), True
        found = self._db.execute(f"{_ROW} JOIN under ON under.row = row.id WHERE under.span = ?", (carrier,)).fetchone()
        if found is None:
            return None, process, self._places.of(source), False
        row = self._row(found)
        return row, row.process, row.way.worked_at, False

    def _row_of(self, process: Column, boundary: str, number: int) -> Row | None:
        row = self._db.execute(
            f"{_ROW} WHERE kind = ? AND process = ? AND boundary = ? AND number = ? ORDER BY delivery, id LIMIT 1",
            (ROW, process, boundary, number),
        ).fetchone()
        return None if row is None else self._row(row)

    def _again(self, own: Row, boundary: str) -> list[Row]:
        found = self._db.execute(
            f"{_ROW} WHERE kind = ? AND (process, boundary, number, time) = (?, ?, ?, ?) AND id <> ? LIMIT ?",
            (ROW, own.process, boundary, own.number, own.submitted_ns, own.id, _MOST_AGAIN),
        )
        return [self._row(columns) for columns in found.fetchall()]

    def _others(self, process: Column, axis: Axis, known: Sequence[Row], behind: int) -> tuple[list[Row], int]:
        """Those at work where the axis is drawn to scale, the latest to begin first; and how many more began there."""
        drawn = {row.id: row for row in known}
        there, more = {row.way.worked_at.key for row in known}, 0
        for stretch in reversed(axis.stretches):
            start, end = stretch.start_ns - behind, stretch.end_ns - behind
            for columns in self._db.execute(_AT_WORK, (process, end, _MOST_LOOKED_AT, start, _MOST_OTHERS)).fetchall():
                if len(drawn) < _MOST_OTHERS + len(known) and columns[0] not in drawn:
                    row = self._row(columns)
                    # In a process of which there is nothing else, it would be a lane more.
                    if row.way.worked_at.key == row.way.submitted_at.key or row.way.worked_at.key in there:
                        drawn[row.id] = row
            (began,) = self._db.execute(
                "SELECT count(*) FROM spans AS row WHERE kind = ? AND process = ? AND start BETWEEN ? AND ?",
                (ROW, process, start, end),
            ).fetchone()
            more += began - sum(start <= row.start_ns - row.way.behind_ns <= end for row in drawn.values())
        return list(drawn.values())[len(known) :], more

    def _row(self, columns: tuple[Any, ...]) -> Row:
        id_, process, boundary, number, delivery, start, end, attributes, trace, span, source = columns
        carried: dict[str, Any] = unpacked(attributes)
        way = self._places.way(process, boundary, number, source)
        behind = way.behind_ns
        calls = self._db.execute(
            "SELECT call.span, call.name, call.start FROM under JOIN spans AS call ON call.id = under.span"
            " WHERE under.row = ? AND call.kind = ? ORDER BY call.start LIMIT ?",
            (id_, CALL, _MOST_CALLS),
        )
        return Row(
            id_,
            trace,
            span,
            process,
            number,
            ids_of(carried[semconv.BOUNDARY], carried),
            str(carried.get(semconv.SUBMISSION_THREAD, "")),
            int(carried[semconv.SUBMISSION_TIME]),
            str(carried.get(semconv.THREAD_NAME, "")),
            start + behind,
            max(start, end) + behind,
            carried.get(semconv.STALE) is True,
            way,
            delivery,
            [Call(span_id, name, at + behind) for span_id, name, at in calls],
        )


def _write(culprit: Culprit, own: Row | None, again: Iterable[Row], here: Place) -> Act:
    """Say in which process a write was: before the row left, where it was handed over; else where it was worked on."""
    time, thread = culprit.time_unix_nano, culprit.thread_name
    if own is None or not home_of(own.process):
        return Act(here, thread, time)
    if time <= (own.way.sent[0].time_ns if own.way.sent else own.start_ns - own.way.behind_ns):
        return Act(own.way.submitted_at, thread, time)
    for row in (own, *again):
        if row.start_ns <= time + row.way.behind_ns <= row.end_ns:
            return Act(row.way.worked_at, thread, time + row.way.behind_ns)
    return Act(own.way.worked_at, thread, time + own.way.behind_ns)


def _pad(instants: Sequence[int]) -> int:
    """As long as what happens here takes: what waits much longer is folded."""
    ordered = sorted(set(instants))
    gaps = [after - before for before, after in pairwise(ordered)]
    return max(_LEAST_PAD, int(median(gaps))) if gaps else _LEAST_PAD
