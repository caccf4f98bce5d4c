"""A wrong id of a row is told once: what filed nothing under it is part of what did, or of what came first.

A call that is refused leads to a result that is refused, too. A worker whose row was given up reads the next one's id
once more where it cleans up. Each of these is one mismatch. A record that is wrong stays one by itself, as does a span.
"""

from __future__ import annotations

from typing import Final

from otel_handoff.check.finding import WORK, Finding
from otel_handoff.check.store import Store

_MOST_NAMED: Final = 5

_SCHEMA: Final = """
CREATE TABLE seen (finding INTEGER NOT NULL, row TEXT NOT NULL, id TEXT NOT NULL, rank INTEGER NOT NULL,
    time INTEGER NOT NULL, what TEXT NOT NULL)
"""
# A finding is part of others if of each of its ids there is one before it; it is told with the first of them.
_FOLD: Final = """
CREATE TABLE folded AS SELECT finding, min(host) AS host, min(what) AS what FROM
    (SELECT finding, rank, what, first_value(finding) OVER (PARTITION BY row, id ORDER BY rank, time, finding) AS host
        FROM seen)
    WHERE rank > 0 GROUP BY finding HAVING min(host <> finding)
"""
_INDEX: Final = ("CREATE INDEX folded_by_finding ON folded (finding)", "CREATE INDEX folded_by_host ON folded (host)")
_RANKS: Final = {"blocked": 1, "used": 2, "exposed": 3, "prevented": 4}


class Again:
    """Which of the findings in a settled store are part of another."""

    def __init__(self, store: Store) -> None:
        self._db = store.db
        self._db.execute(_SCHEMA)
        self._any = False

    def note(self, number: int, finding: Finding) -> None:
        """Take a finding, with its number in the order in which they are found."""
        if finding.evidence in ("span", WORK):
            return
        submission = finding.submission
        row = f"{finding.trace_id} {submission.number} {submission.time_unix_nano} {submission.boundary}"
        rank = 0 if finding.is_record else 5 if finding.is_exposure else _RANKS.get(finding.outcome, 2)
        place = f" at {finding.location}" if finding.location else ""
        what = f"{finding.evidence}, {finding.outcome}{place}"
        self._db.executemany(
            "INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?)",
            (
                (number, row, f"{name}={value}", rank, finding.time_unix_nano, what)
                for name, value in finding.observed.items()
            ),
        )

    def settle(self) -> None:
        """Nothing more comes: find out."""
        for statement in (_FOLD, *_INDEX):
            self._db.execute(statement)
        (self._any,) = self._db.execute("SELECT EXISTS (SELECT * FROM folded)").fetchone()

    def is_part(self, number: int) -> bool:
        """Whether a finding is told as part of another."""
        return bool(self._any) and bool(
            self._db.execute("SELECT EXISTS (SELECT * FROM folded WHERE finding = ?)", (number,)).fetchone()[0]
        )

    def parts(self, number: int) -> tuple[str, ...]:
        """Return what is told as part of a finding: how and where its wrong id was met again."""
        if not self._any:
            return ()
        found = self._db.execute(
            "SELECT what, count(*) FROM folded WHERE host = ? GROUP BY what ORDER BY min(finding)", (number,)
        ).fetchmany(_MOST_NAMED)
        named = [what if count == 1 else f"{count:,} x {what}" for what, count in found]
        (all_,) = self._db.execute("SELECT count(*) FROM folded WHERE host = ?", (number,)).fetchone()
        if more := all_ - sum(count for _, count in found):
            named.append(f"and {more:,} times more")
        return tuple(named)
