"""What was around a mismatch, asked of the spans that were judged. All times are nanoseconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any, Final

from otel_handoff.check.finding import Finding, ids_of
from otel_handoff.check.store import CALL, ROW, Column, Store, unpacked
from otel_handoff.record import semconv
from otel_handoff.report.axis import Axis

_MOST_OTHERS: Final = 12
_MOST_CALLS: Final = 40
_LEAST_PAD: Final = 20_000

# After the judge has settled them, by what is asked for here.
_INDEX: Final = (
    "CREATE INDEX IF NOT EXISTS under_by_row ON under (row)",
    "CREATE INDEX IF NOT EXISTS rows_by_start ON spans (process, start) WHERE kind = 'row'",
)
_ROW: Final = (
    "SELECT row.id, row.process, row.number, row.start, row.end, row.attributes, row.trace, row.span FROM spans AS row"
)


@dataclass(frozen=True)
class Call:
    """A recorded call of a row."""

    span_id: str
    name: str
    start_ns: int


@dataclass(frozen=True)
class Row:
    """A submission and the work on it."""

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
    calls: Sequence[Call] = field(default=(), compare=False)

    @property
    def instants(self) -> tuple[int, int, int]:
        """When it was submitted, begun and ended."""
        return self.submitted_ns, self.start_ns, self.end_ns


@dataclass(frozen=True)
class Scene:
    """A mismatch and what was around it.

    Attributes:
        finding: the mismatch.
        own: its row; None where the row span is not in the files.
        filed: the row that the wrong value was written for, where it is known.
        others: at most twelve more rows of the same process in that time.
        more: how many rows began in that time and are not among these.
        axis: the time that is shown.
    """

    finding: Finding
    own: Row | None
    filed: Row | None
    others: Sequence[Row]
    more: int
    axis: Axis

    @property
    def since_ns(self) -> int:
        """What the axis counts from: the submission; the mismatch, where it is not known when that was."""
        return self.finding.submission.time_unix_nano or self.finding.time_unix_nano

    @property
    def rows(self) -> list[Row]:
        """All of them, in order of submission."""
        rows = [row for row in (self.own, self.filed, *self.others) if row is not None]
        return sorted(rows, key=lambda row: row.submitted_ns)


class Scenes:
    """Makes scenes of findings."""

    def __init__(self, store: Store) -> None:
        """Ask `store`, which a judge has settled."""
        self._db = store.db
        for statement in _INDEX:
            self._db.execute(statement)

    def of(self, finding: Finding) -> Scene:
        """Return what was around `finding`."""
        own, process = self._own(finding)
        culprit = finding.culprit
        filed = None
        if culprit is not None and culprit.number is not None and culprit.number != finding.submission.number:
            filed = self._row_of(process, finding.submission.boundary, culprit.number)
        instants = [time for time in (finding.submission.time_unix_nano, finding.time_unix_nano) if time]
        instants += [culprit.time_unix_nano] if culprit is not None else []
        for row in (own, filed):
            instants += row.instants if row is not None else ()
        instants += [call.start_ns for call in own.calls] if own is not None else []
        axis = Axis(instants, _pad(instants))
        others, more = self._others(process, axis, [row for row in (own, filed) if row is not None])
        return Scene(finding, own, filed, others, more, axis)

    def _own(self, finding: Finding) -> tuple[Row | None, Column]:
        key = (finding.trace_id, finding.span_id)
        carrier: tuple[int, Column] = self._db.execute(
            "SELECT id, process FROM spans WHERE trace = ? AND span = ?", key
        ).fetchone()
        row = self._db.execute(
            f"{_ROW} JOIN under ON under.row = row.id WHERE under.span = ?", (carrier[0],)
        ).fetchone()
        if row is None:
            return None, carrier[1]
        return self._row(row), row[1]

    def _row_of(self, process: Column, boundary: str, number: int) -> Row | None:
        row = self._db.execute(
            f"{_ROW} WHERE kind = ? AND process = ? AND boundary = ? AND number = ? LIMIT 1",
            (ROW, process, boundary, number),
        ).fetchone()
        return None if row is None else self._row(row)

    def _others(self, process: Column, axis: Axis, known: Sequence[Row]) -> tuple[list[Row], int]:
        """Those at work where the axis is drawn to scale, the latest to begin first; and how many more began there."""
        drawn = {row.id: row for row in known}
        more = 0
        for stretch in reversed(axis.stretches):
            for columns in self._db.execute(
                f"{_ROW} WHERE kind = ? AND process = ? AND start <= ? AND end >= ? ORDER BY start DESC LIMIT ?",
                (ROW, process, stretch.end_ns, stretch.start_ns, _MOST_OTHERS),
            ):
                if len(drawn) < _MOST_OTHERS + len(known):
                    drawn.setdefault(columns[0], self._row(columns))
            (began,) = self._db.execute(
                "SELECT count(*) FROM spans AS row WHERE kind = ? AND process = ? AND start BETWEEN ? AND ?",
                (ROW, process, stretch.start_ns, stretch.end_ns),
            ).fetchone()
            more += began - sum(stretch.start_ns <= row.start_ns <= stretch.end_ns for row in drawn.values())
        return list(drawn.values())[len(known) :], more

    def _row(self, columns: tuple[Any, ...]) -> Row:
        id_, process, number, start, end, attributes, trace, span = columns
        carried: dict[str, Any] = unpacked(attributes)
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
            start,
            max(start, end),
            carried.get(semconv.STALE) is True,
            [Call(span_id, name, at) for span_id, name, at in calls],
        )


def _pad(instants: Sequence[int]) -> int:
    """As long as what happens here takes: what waits much longer is folded."""
    ordered = sorted(set(instants))
    gaps = [after - before for before, after in pairwise(ordered)]
    return max(_LEAST_PAD, int(median(gaps))) if gaps else _LEAST_PAD
