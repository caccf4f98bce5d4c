"""What was there to be judged, what of it was, and why the rest was not; asked of a settled store."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from otel_handoff.check.store import CALL, FOREIGN, Store
from otel_handoff.record.gaps import Gap
from otel_handoff.record.reasons import WORKED

_MOST_REASONS: Final = 100

_BY_REASON: Final = """
SELECT boundary, reason, sum(rows), sum(rows * pinned) FROM unchecked_rows
    GROUP BY boundary, reason ORDER BY sum(rows) DESC, boundary, reason LIMIT ?
"""
# One that was not judged for two reasons is one row.
_ROWS: Final = """
SELECT boundary, sum(rows) FROM
    (SELECT boundary, max(rows) AS rows FROM unchecked_rows WHERE number IS NOT NULL AND NOT partly
            AND reason <> 'no_submission'
        GROUP BY boundary, process, number, time
    UNION ALL SELECT boundary, rows FROM unchecked_rows
        WHERE number IS NULL AND NOT partly AND reason <> 'no_submission')
    GROUP BY boundary
"""
_REASONS: Final = """
SELECT boundary, reason, sum(rows) FROM unchecked_rows WHERE NOT partly
    GROUP BY boundary, reason ORDER BY sum(rows) DESC, boundary, reason
"""
_PARTLY: Final = """
SELECT count(*) FROM (SELECT process, boundary, number, time FROM unchecked_rows WHERE partly
    INTERSECT SELECT process, boundary, number, time FROM judged)
"""
# A process that is named is a JSON object; its brace comes after all hex digits of a trace.
# By the index of those below others.
_CALLS: Final = "SELECT count(*) FROM spans WHERE kind IN ('call', 'foreign') AND kind = 'call'"
_PROCESSES: Final = """
SELECT count(DISTINCT CASE WHEN process >= '{' THEN process END),
    count(DISTINCT CASE WHEN process < '{' THEN process END) FROM whose
"""
_UNDER: Final = "SELECT count(CASE WHEN kind = ? THEN 1 END), count(CASE WHEN kind = ? THEN 1 END) FROM under"
_UNWATCHED: Final = """
SELECT count(*) FROM (SELECT DISTINCT process, boundary, number, time FROM spans
    WHERE kind = 'row' AND unwatched
    INTERSECT SELECT process, boundary, number, time FROM judged)
"""
# Rows in order that have no span; less those of which a span of another kind says that they were not judged after all.
_SPANLESS: Final = """
SELECT boundary, sum(rows), sum(unwatched), sum(lost) FROM spanless GROUP BY boundary
"""
_TOLD_AFTER: Final = """
SELECT boundary, count(*) FROM (SELECT DISTINCT process, boundary, number, time FROM unchecked_rows
    WHERE number IS NOT NULL AND NOT partly AND reason IN (SELECT value FROM json_each(?))
    EXCEPT SELECT process, boundary, number, time FROM spans WHERE kind = 'row') GROUP BY boundary
"""

_GAPS: Final = "SELECT DISTINCT boundary, reason, detail FROM gaps ORDER BY 1, 2, 3 LIMIT ?"
_SEEN: Final = """
SELECT boundary FROM unchecked_rows UNION SELECT boundary FROM gaps UNION SELECT boundary FROM spans
    WHERE kind = 'call' AND id NOT IN (SELECT span FROM under) ORDER BY 1
"""


# Whether there was work on a row that left can only be said where the other side's files are.
_NOT_WORKED: Final = """
SELECT boundary, boundary IN (SELECT boundary FROM spans WHERE kind = 'row' AND delivery <> 0), count(*) FROM
    (SELECT boundary, process, number FROM spans WHERE kind = 'sent'
    EXCEPT SELECT boundary, process, number FROM spans WHERE kind IN ('row', 'unchecked') AND number IS NOT NULL)
    GROUP BY boundary
"""


@dataclass(frozen=True)
class Unchecked:
    """Rows of a boundary that were not judged, for one reason; `pinned` of them were pinned all the same."""

    boundary: str
    reason: str
    rows: int
    pinned: int


@dataclass(frozen=True)
class Checked:
    """What was there to be judged.

    Attributes:
        spans: all, each once.
        duplicates: spans that came again, by their ids.
        submissions: whose work is in the files.
        judged: those of them that were judged, and besides the `spanless`.
        unchecked_rows: rows that were handed over and not judged, as far as the files tell.
        unchecked: these by boundary and reason, the most frequent first, up to a hundred.
        blind: boundaries of which rows were handed over, and none was judged.
        calls: recorded calls.
        foreign: spans of others under a submission.
        processes: that worked on submissions.
        unnamed: traces of processes whose resource does not tell which; each counts as a process of its own.
        boundaries: their names.
        calls_without_row: calls whose submission's row span is not in the files: what they carry was not compared.
        unwatched: judged rows of which reads could not be seen: judged at their start, their calls and their end.
        outlived: spans of others under a row span that disagree, but started after the work had ended: nobody's.
        partly: judged rows that were not judged in all their fields.
        reasons: how many rows were not judged for each reason; a row may have two.
        gaps: parts of declarations that were not met, up to a hundred: these are of all rows.
        spanless: rows that were judged and in order, and have no span (`spans=mismatch`).
        lost: rows that were not in order and have none either, as their traces were not sampled.
        unread: spans of otel-handoff's of which it cannot be said what they tell.
        sent: rows that left for another process.
        never_worked: those of them on which no work is seen, though other rows of their boundaries arrived.
        gone: those whose far side is not in these files.
        unsent: rows that were to leave and could not: whoever handed them over has the error.
        several: rows that were worked on several times, of which nobody counts how often they were delivered.
        most: how often the most frequent of these was.
    """

    spans: int
    duplicates: int
    submissions: int
    judged: int
    unchecked_rows: int
    unchecked: list[Unchecked]
    blind: list[str]
    calls: int
    foreign: int
    processes: int
    unnamed: int
    boundaries: list[str]
    calls_without_row: int
    unwatched: int
    outlived: int
    partly: int = 0
    reasons: dict[str, int] = field(default_factory=dict[str, int])
    gaps: list[Gap] = field(default_factory=list[Gap])
    spanless: int = 0
    lost: int = 0
    unread: int = 0
    sent: int = 0
    never_worked: int = 0
    gone: int = 0
    unsent: int = 0
    several: int = 0
    most: int = 0

    @property
    def not_compared(self) -> bool:
        """Whether there is anything that was not judged, whatever it is."""
        return any(
            (self.unchecked_rows, self.partly, self.gaps, self.calls_without_row, self.outlived, self.unread, self.lost)
        ) or bool(self.never_worked or self.gone)


def count(store: Store, outlived: int, unread: int) -> Checked:
    """Count what is in `store`, which a judge has settled."""

    def one(question: str, *values: str) -> int:
        return store.db.execute(question, values).fetchone()[0]

    def names(question: str) -> list[str]:
        return [name for (name,) in store.db.execute(question)]

    submissions = one(
        "SELECT count(*) FROM (SELECT DISTINCT process, boundary, number, time FROM spans WHERE kind = 'row')"
    )
    unchecked = [Unchecked(*columns) for columns in store.db.execute(_BY_REASON, (_MOST_REASONS,))]
    gaps = [Gap(*columns) for columns in store.db.execute(_GAPS, (_MOST_REASONS,))]
    calls = one(_CALLS)
    processes, unnamed = store.db.execute(_PROCESSES).fetchone()
    calls_under, foreign = store.db.execute(_UNDER, (CALL, FOREIGN)).fetchone()
    calls_without_row = calls - calls_under
    counted = list(store.db.execute(_SPANLESS))
    spanless = _spanless(store, {boundary: rows for boundary, rows, _, _ in counted})
    judged = _judged(store, spanless) if unchecked or gaps or calls_without_row else {}
    reasons = list(store.db.execute(_REASONS))
    return Checked(
        spans=store.count - store.duplicates,
        duplicates=store.duplicates,
        submissions=submissions,
        judged=sum(judged.values()) if unchecked else submissions + sum(spanless.values()),
        spanless=sum(spanless.values()),
        lost=sum(lost for _, _, _, lost in counted),
        partly=one(_PARTLY) if unchecked else 0,
        unchecked_rows=_not_judged(dict(store.db.execute(_ROWS)), reasons),
        reasons=_by_reason(reasons),
        unchecked=unchecked,
        gaps=gaps,
        blind=[name for name in names(_SEEN) if not judged.get(name)] if unchecked or gaps or calls_without_row else [],
        calls=calls,
        foreign=foreign,
        processes=processes,
        unnamed=unnamed,
        boundaries=names("SELECT DISTINCT boundary FROM whose ORDER BY boundary"),
        calls_without_row=calls_without_row,
        unwatched=(one(_UNWATCHED) if store.unwatched else 0) + sum(unseen for _, _, unseen, _ in counted),
        unread=unread,
        outlived=outlived,
        sent=(sent := one("SELECT count(*) FROM spans WHERE kind = 'sent'")),
        unsent=one("SELECT count(*) FROM spans WHERE kind = 'unsent'"),
        **_of_sent(store, sent),
        **_of_several(store),
    )


def _of_sent(store: Store, sent: int) -> dict[str, int]:
    found = {"never_worked": 0, "gone": 0}
    for _, is_seen, rows in store.db.execute(_NOT_WORKED) if sent else ():
        found["never_worked" if is_seen else "gone"] += rows
    return found


def _of_several(store: Store) -> dict[str, int]:
    several, most = store.db.execute("SELECT count(*), coalesce(max(times), 0) FROM uncounted").fetchone()
    return {"several": several, "most": most}


def _not_judged(rows: dict[str, int], reasons: list[tuple[str, str, int]]) -> int:
    """Return how many rows were not judged: a work function that ran for nobody may be the worker that nobody saw."""
    found = {(boundary, reason): count for boundary, reason, count in reasons}
    ran = {boundary: count for (boundary, reason), count in found.items() if reason == "no_submission"}
    beyond = sum(max(0, count - found.get((boundary, "no_worker"), 0)) for boundary, count in ran.items())
    return sum(rows.values()) + beyond


def _by_reason(reasons: list[tuple[str, str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, reason, rows in reasons:
        found[reason] = found.get(reason, 0) + rows
    return found


def _spanless(store: Store, counted: dict[str, int]) -> dict[str, int]:
    """Return how many rows of each boundary were judged and have no span."""
    after: dict[str, int] = dict(store.db.execute(_TOLD_AFTER, (json.dumps(sorted(WORKED)),))) if counted else {}
    return {boundary: max(0, rows - after.get(boundary, 0)) for boundary, rows in counted.items()}


def _judged(store: Store, spanless: dict[str, int]) -> dict[str, int]:
    """Return how many rows of each boundary were judged."""
    judged: dict[str, int] = dict(store.db.execute("SELECT boundary, count(*) FROM judged GROUP BY boundary"))
    for boundary, rows in spanless.items():
        judged[boundary] = judged.get(boundary, 0) + rows
    # One span may stand for rows each of which has a span of its own, or is counted in another.
    for boundary, reason, rows in store.db.execute(
        "SELECT boundary, reason, sum(rows) FROM unchecked_rows WHERE number IS NULL GROUP BY boundary, reason"
    ):
        if reason in WORKED and boundary in judged:
            judged[boundary] = max(0, judged[boundary] - rows)
    return judged
