"""One id that is asked about: the submissions that carried it, and the findings that concern it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from otel_handoff.check.finding import Finding, Submitted
from otel_handoff.check.found import submitted
from otel_handoff.check.store import ROW, Store

_CARRIED: Final = """
INSERT INTO asked (row) SELECT id FROM spans
    WHERE kind = ? AND EXISTS (SELECT * FROM json_each(spans.ids) WHERE json_each.value = ?)
"""
_BELOW: Final = """
INSERT OR IGNORE INTO asked (row)
    SELECT under.row FROM spans JOIN under ON under.span = spans.id WHERE spans.trace = ? OR spans.span = ?
"""
_OWN: Final = """
UPDATE asked SET mismatches = mismatches + 1 WHERE row IN
    (SELECT under.row FROM spans JOIN under ON under.span = spans.id WHERE (spans.trace, spans.span) = (?, ?))
"""


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
        self._db.execute(_CARRIED, (ROW, asked.encode(errors="backslashreplace").decode()))
        key = _key(asked)
        if key is not None:
            self._db.execute(_BELOW, (key, key))

    def concerns(self, finding: Finding) -> bool:
        """Whether a submission that carried the id is wrong by `finding`, or either side of it has the id."""
        key = (bytes.fromhex(finding.trace_id), bytes.fromhex(finding.span_id))
        own = self._db.execute(_OWN, key).rowcount > 0
        return own or finding.names(self.id)

    @property
    def carriers(self) -> int:
        """How many submissions carried it."""
        (count,) = self._db.execute(
            "SELECT count(*) FROM (SELECT DISTINCT process, boundary, number, time FROM asked"
            " JOIN spans ON spans.id = asked.row)"
        ).fetchone()
        return count

    def submissions(self) -> Iterator[tuple[Submitted, int]]:
        """Yield each that carried it, with how many findings that were asked about are its own: those first."""
        for attributes, ids, mismatches in self._db.execute(
            "SELECT attributes, ids, sum(mismatches) AS own FROM asked JOIN spans ON spans.id = asked.row"
            " GROUP BY process, boundary, number, time ORDER BY own = 0, time"
        ):
            yield submitted(json.loads(attributes), json.loads(ids)), mismatches


def _key(asked: str) -> bytes | None:
    """Return the id of a trace or span as it is stored; None if it is neither."""
    try:
        return bytes.fromhex(asked) if len(asked) in (16, 32) else None
    except ValueError:
        return None
