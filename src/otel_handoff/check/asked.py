"""One id that is asked about: the submissions that carried it, and the findings that concern it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from otel_handoff.check.finding import Finding, Submitted
from otel_handoff.check.found import submitted
from otel_handoff.check.store import ROW, UNCHECKED, Store, unpacked

_CARRIED: Final = """
INSERT INTO asked (row) SELECT id FROM spans
    WHERE kind IN (?, ?) AND EXISTS (SELECT * FROM json_each(spans.ids) WHERE json_each.value = ?)
"""
_BELOW: Final = """
INSERT OR IGNORE INTO asked (row)
    SELECT under.row FROM spans JOIN under ON under.span = spans.id WHERE spans.trace = ? OR spans.span = ?
    UNION SELECT id FROM spans WHERE kind = ? AND (spans.trace = ? OR spans.span = ?)
"""
_COUNT: Final = """
UPDATE asked SET mismatches = mismatches + 1 WHERE row IN
    (SELECT under.row FROM spans JOIN under ON under.span = spans.id WHERE (spans.trace, spans.span) = (?, ?))
"""

_IS_OWN: Final = """
SELECT EXISTS (SELECT * FROM asked JOIN under ON under.row = asked.row JOIN spans ON under.span = spans.id
    WHERE (spans.trace, spans.span) = (?, ?))
"""

# What has no number is as many as there are spans.
_CARRIERS: Final = """
CREATE VIEW carriers AS
    SELECT boundary, attributes, ids, sum(mismatches) AS mismatches, time,
        max(CASE WHEN NOT partly THEN reason END) AS reason, max(CASE WHEN partly THEN reason END) AS partly
    FROM asked JOIN spans ON spans.id = asked.row LEFT JOIN unchecked ON unchecked.span = spans.id
    GROUP BY process, boundary, number, time, CASE WHEN number IS NULL THEN spans.id END
"""


@dataclass(frozen=True)
class Carrier:
    """A submission that carried the id.

    Attributes:
        submission: it.
        mismatches: how many findings that were asked about are its own.
        unchecked: why it was not judged; an empty text if it was.
        partly: why it was not judged in all its fields, where it was in others.
    """

    submission: Submitted
    mismatches: int
    unchecked: str
    partly: str = ""


class Asked:
    """An id, in full and as it is: one that a submission carried, or that of a trace or span.

    Raises:
        sqlite3.Error: from each method, when the disk is full.
    """

    def __init__(self, asked: str, store: Store) -> None:
        """Look `asked` up in `store`, which a judge has settled."""
        self.id = asked
        self._db = store.db
        self._db.execute("CREATE TABLE asked (row INTEGER PRIMARY KEY, mismatches INTEGER NOT NULL DEFAULT 0)")
        self._db.execute(_CARRIERS)
        text = asked.encode(errors="backslashreplace").decode()
        self._db.execute(_CARRIED, (ROW, UNCHECKED, text))
        if len(text) in (16, 32):
            key = text.lower()
            self._db.execute(_BELOW, (key, key, UNCHECKED, key, key))

    def concerns(self, finding: Finding) -> bool:
        """Whether `finding` is of a submission that carried the id, or either side of it has the id."""
        key = (finding.trace_id, finding.span_id)
        if finding.is_mismatch:
            is_own = self._db.execute(_COUNT, key).rowcount > 0
        else:
            is_own = bool(self._db.execute(_IS_OWN, key).fetchone()[0])
        return is_own or finding.names(self.id)

    @property
    def carriers(self) -> int:
        """How many submissions carried it."""
        return self._db.execute("SELECT count(*) FROM carriers").fetchone()[0]

    @property
    def unchecked(self) -> int:
        """How many of them were not judged."""
        return self._db.execute("SELECT count(reason) FROM carriers").fetchone()[0]

    @property
    def partly(self) -> int:
        """How many of the others were judged, but not in all their fields."""
        return self._db.execute("SELECT count(partly) FROM carriers WHERE reason IS NULL").fetchone()[0]

    @property
    def blind(self) -> list[str]:
        """The boundaries at which it was carried, and no submission that did was judged."""
        found = self._db.execute("SELECT boundary FROM carriers GROUP BY boundary HAVING count(*) = count(reason)")
        return [boundary for (boundary,) in found]

    @property
    def boundaries(self) -> set[str]:
        """The boundaries at which it was carried."""
        return {boundary for (boundary,) in self._db.execute("SELECT DISTINCT boundary FROM carriers")}

    def submissions(self) -> Iterator[Carrier]:
        """Yield each that carried it: first those with findings of their own, then those that were not judged."""
        for attributes, ids, mismatches, reason, partly in self._db.execute(
            "SELECT attributes, ids, mismatches, reason, partly FROM carriers"
            " ORDER BY mismatches = 0, reason IS NULL, time"
        ):
            yield Carrier(submitted(unpacked(attributes), json.loads(ids)), mismatches, reason or "", partly or "")
