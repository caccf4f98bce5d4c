"""Spans in any number and order, and the row that each of them belongs to.

They lie in a SQLite database that is a private temporary file: it has no name, is gone with the process, and keeps
memory flat. `TMPDIR` or `SQLITE_TMPDIR` says where.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

from otel_handoff.record.gaps import Gap

ROW: Final = "row"
SENT: Final = "sent"
UNSENT: Final = "unsent"
CALL: Final = "call"
UNCHECKED: Final = "unchecked"
GAP: Final = "gap"
SPANLESS: Final = "spanless"
FOREIGN: Final = "foreign"
"""The kinds of spans: the work on a row, its leaving for another process, that it could not, a recorded call, a row
without known work, a part of the declaration that was not met, rows in order that have none of their own, and everybody
else's."""

UNCOUNTED: Final = -1
"""In the place of which delivery of its work a row is, where nobody counts them."""

_BATCH: Final = 1000

Column = str | bytearray | int | float | None

# A process is the JSON object that tells it from others, or else the trace; of a row that left, the one that it left.
# Deliveries of its work are counted from 1, if anybody does: else it is -1; 0 is of what did not leave.
# `ids` are a row's: JSON, field -> text.
# `attributes` are `packed`. Spans that have the same as `carried` carry the same ids. A source is who exported it;
# 0 is of others' spans.
_SCHEMA: Final = """
PRAGMA page_size = 16384;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -32768;  -- KiB
CREATE TABLE spans (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, trace TEXT NOT NULL, span TEXT NOT NULL, parent TEXT,
    process TEXT, boundary TEXT, number INTEGER, time INTEGER, delivery INTEGER NOT NULL,
    start INTEGER NOT NULL, end INTEGER NOT NULL, unwatched INTEGER NOT NULL, name TEXT NOT NULL,
    attributes BLOB NOT NULL, ids TEXT, carried TEXT, source INTEGER NOT NULL);
CREATE TABLE sources (id INTEGER PRIMARY KEY, service TEXT NOT NULL, instance TEXT NOT NULL, version TEXT NOT NULL,
    UNIQUE (service, instance, version));
CREATE TABLE reports (id INTEGER PRIMARY KEY, span INTEGER NOT NULL, time INTEGER NOT NULL, attributes BLOB NOT NULL,
    exposure INTEGER NOT NULL, teller TEXT);  -- the span that tells it, where that is another
CREATE TABLE unchecked (span INTEGER PRIMARY KEY, reason TEXT NOT NULL, rows INTEGER NOT NULL, pinned INTEGER NOT NULL,
    partly INTEGER NOT NULL);
CREATE TABLE gaps (span INTEGER PRIMARY KEY, boundary TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE spanless (span INTEGER PRIMARY KEY, boundary TEXT NOT NULL, rows INTEGER NOT NULL,
    unwatched INTEGER NOT NULL, lost INTEGER NOT NULL);
-- A row may have several spans that say so, for one reason or for two.
CREATE VIEW unchecked_rows AS SELECT boundary, reason, process, number, time, max(rows) AS rows, max(pinned) AS pinned,
    min(partly) AS partly FROM unchecked JOIN spans ON spans.id = unchecked.span
    GROUP BY boundary, reason, process, number, time, CASE WHEN number IS NULL THEN spans.id END;
CREATE VIEW judged AS SELECT process, boundary, number, time FROM spans WHERE kind = 'row'
    EXCEPT SELECT process, boundary, number, time FROM unchecked_rows WHERE NOT partly;
CREATE TABLE under (span INTEGER PRIMARY KEY, row INTEGER NOT NULL, kind TEXT NOT NULL);
CREATE TABLE odd (span INTEGER PRIMARY KEY, row INTEGER NOT NULL, name TEXT NOT NULL, observed TEXT NOT NULL,
    spans INTEGER NOT NULL, UNIQUE (row, name, observed));
CREATE TABLE used (boundary TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, row INTEGER,
    PRIMARY KEY (boundary, field, value)) WITHOUT ROWID;
BEGIN;
"""

# What is empty is bound as a text: the module takes long over a None, as over `bytes` and a bool.
_ROW: Final = """(NULL, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''),
    ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), ?)"""
_TOGETHER: Final = 50
_INSERT: Final = "INSERT INTO spans VALUES " + _ROW  # noqa: S608
_INSERT_MANY: Final = "INSERT INTO spans VALUES " + ", ".join([_ROW] * _TOGETHER)  # noqa: S608

# A condition that is bound to `?` would not use what is of rows alone.
_INDEX: Final = """
CREATE INDEX reports_by_span ON reports (span);
CREATE INDEX spans_by_id ON spans (trace, span);
CREATE INDEX rows_by_number ON spans (process, boundary, number, time) WHERE kind = 'row';
CREATE INDEX sent_by_number ON spans (process, boundary, number) WHERE kind = 'sent';
"""

# Whether a row was worked on more often than it was delivered cannot be said where nobody counts that.
_ROWS: Final = """
CREATE TABLE uncounted AS SELECT process, boundary, number, time, count(*) AS times FROM spans WHERE kind = 'row'
    GROUP BY process, boundary, number, time HAVING min(delivery) < 0 AND count(*) > max(1, max(delivery));
CREATE TABLE twice AS SELECT process, boundary, number, time, delivery FROM spans WHERE kind = 'row'
    GROUP BY process, boundary, number, time, delivery HAVING count(*) > 1
    EXCEPT SELECT process, boundary, number, time, delivery FROM uncounted
        JOIN spans USING (process, boundary, number, time) WHERE kind = 'row';
CREATE TABLE whose AS SELECT DISTINCT process, boundary FROM spans WHERE boundary IS NOT NULL;
"""

_ANY_AGAIN: Final = "SELECT 1 FROM spans GROUP BY trace, span HAVING count(*) > 1 LIMIT 1"
_DUPLICATES: Final = """
CREATE TABLE again AS SELECT again.id FROM
    (SELECT trace, span, min(id) AS first FROM spans GROUP BY trace, span HAVING count(*) > 1) AS twice
    JOIN spans AS again ON again.trace = twice.trace AND again.span = twice.span AND again.id > twice.first
"""

_DELETE_AGAIN: Final = """
DELETE FROM reports WHERE span IN (SELECT id FROM again);
DELETE FROM unchecked WHERE span IN (SELECT id FROM again);
DELETE FROM gaps WHERE span IN (SELECT id FROM again);
DELETE FROM spanless WHERE span IN (SELECT id FROM again)
"""

# What a row's span says of its call counts where the call's does not tell it.
_TOLD: Final = """
DELETE FROM reports WHERE teller IS NOT NULL AND EXISTS (
    SELECT * FROM spans AS own JOIN spans AS teller ON teller.trace = own.trace AND teller.span = reports.teller
        JOIN reports AS told ON told.span = teller.id
    WHERE own.id = reports.span)
"""

# From each row down to its children and theirs, as far as the next row.
_DESCENDANTS: Final = """
CREATE INDEX spans_by_parent ON spans (trace, parent, span, kind) WHERE kind IN ('call', 'foreign');
INSERT INTO under
    WITH RECURSIVE below (id, trace, span, row, kind) AS (
        SELECT id, trace, span, id, 'row' FROM spans WHERE kind = 'row'
        UNION ALL
        SELECT child.id, child.trace, child.span, below.row, child.kind FROM below
            JOIN spans AS child ON child.trace = below.trace AND child.parent = below.span
                AND child.kind IN ('call', 'foreign'))
    SELECT id, row, kind FROM below;
"""

# A call names its submission; that counts for more than what it is a child of.
_CALLS: Final = """
DELETE FROM under WHERE span IN (
    SELECT call.id FROM spans AS call JOIN under ON under.span = call.id JOIN spans AS row ON row.id = under.row
    WHERE call.kind = 'call'
        AND (call.process, call.boundary, call.number) <> (row.process, row.boundary, row.number));
INSERT INTO under
    SELECT call.id, min(row.id), 'call' FROM spans AS call
        JOIN spans AS row ON row.kind = 'row' AND row.process = call.process AND row.boundary = call.boundary
            AND row.number = call.number
    WHERE call.kind = 'call' AND NOT EXISTS (SELECT * FROM under WHERE under.span = call.id)
    GROUP BY call.id HAVING count(DISTINCT row.time) = 1;
"""

# CROSS JOIN keeps the order: each row's ids are looked up, not all rows for each id.
_KNOWN: Final = """
INSERT OR REPLACE INTO used
    SELECT used.boundary, used.field, used.value, min(row.id)
        FROM spans AS row CROSS JOIN json_each(row.ids) AS one CROSS JOIN used
        ON used.boundary = row.boundary AND used.field = one.key AND used.value = one.value
    WHERE row.kind IN ('row', 'unchecked', 'sent') GROUP BY used.boundary, used.field, used.value
"""


def packed(attributes: dict[str, Any]) -> bytearray:
    """Return attributes as they are kept: by `marshal`, several times as fast as JSON, for they never leave here."""
    return bytearray(marshal.dumps(attributes))


def has_list(kept: bytearray) -> bool:
    """Return whether there may be a list in what is `packed`: one begins with this byte, with or without a flag."""
    return 0x5B in kept or 0xDB in kept


def unpacked(attributes: bytes) -> dict[str, Any]:
    """Return attributes that were kept."""
    return marshal.loads(attributes)  # noqa: S302  it is our own, of this process


class Store:
    """The database. Fill it, `settle` it, then ask.

    Raises:
        sqlite3.Error: from each method, when the disk is full.
    """

    def __init__(self) -> None:
        self.db = sqlite3.connect("", isolation_level=None)
        self.db.executescript(_SCHEMA)
        self.count = 0
        self.unwatched = False
        self.duplicates = 0
        self._spans: list[tuple[Column, ...]] = []
        self._reports: list[tuple[Column, ...]] = []
        self._unchecked: list[tuple[Column, ...]] = []
        self._gaps: list[tuple[Column, ...]] = []
        self._spanless: list[tuple[Column, ...]] = []

    def close(self) -> None:
        """Give the file back."""
        self.db.close()

    def add(
        self,
        span: tuple[Column, ...],
        reports: Iterable[tuple[int, bytearray, bool, str | None]],
        unchecked: tuple[str, int, bool, bool] | None = None,
        gap: Gap | None = None,
        spanless: tuple[str, int, int, int] | None = None,
    ) -> None:
        """Take a span.

        Args:
            span: its columns, in the order of the table without the id; an empty text is none.
            reports: of each the time, the attributes, packed, whether it is of an exposure, and which other span tells
                it.
            unchecked: why the row was not judged, how many rows that is, whether they were pinned, and whether they
                were judged in other fields.
            gap: which part of the declaration was not met, where it says that.
            spanless: where it stands for rows in order, the boundary and how many; of how many of these not all reads
                were seen; and how many rows that are not in order have no span.
        """
        self.count += 1
        self._spans.append(span)
        for report in reports:
            self._reports.append((self.count, *report))
        if unchecked is not None:
            self._unchecked.append((self.count, *unchecked))
        if gap is not None:
            self._gaps.append((self.count, *gap))
        if spanless is not None:
            self._spanless.append((self.count, *spanless))
        if len(self._spans) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        spans = self._spans
        whole = len(spans) - len(spans) % _TOGETHER
        for start in range(0, whole, _TOGETHER):
            self.db.execute(_INSERT_MANY, tuple(chain.from_iterable(spans[start : start + _TOGETHER])))
        self.db.executemany(_INSERT, spans[whole:])
        self.db.executemany("INSERT INTO reports VALUES (NULL, ?, ?, ?, ?, ?)", self._reports)
        self.db.executemany("INSERT INTO unchecked VALUES (?, ?, ?, ?, ?)", self._unchecked)
        self.db.executemany("INSERT INTO gaps VALUES (?, ?, ?, ?)", self._gaps)
        self.db.executemany("INSERT INTO spanless VALUES (?, ?, ?, ?, ?)", self._spanless)
        self._spans.clear()
        self._reports.clear()
        self._unchecked.clear()
        self._gaps.clear()
        self._spanless.clear()

    def source(self, service: str, instance: str, version: str) -> int:
        """Return the number of who exported a span, from 1."""
        key = (service, instance, version)
        self.db.execute("INSERT OR IGNORE INTO sources VALUES (NULL, ?, ?, ?)", key)
        found = self.db.execute("SELECT id FROM sources WHERE (service, instance, version) = (?, ?, ?)", key)
        return found.fetchone()[0]

    def settle(self) -> None:
        """Nothing more comes: leave each span in once, and find the row that it belongs to."""
        self._flush()
        self._script(_INDEX)
        if self.db.execute(_ANY_AGAIN).fetchone():
            self._script(_DUPLICATES)
            self.duplicates = self.db.execute("DELETE FROM spans WHERE id IN (SELECT id FROM again)").rowcount
            self._script(_DELETE_AGAIN)
        self._script(_TOLD)
        self._script(_ROWS)
        self._script(_DESCENDANTS)
        self._script(_CALLS)

    def look_up(self, ids: Iterable[tuple[str, str, str]]) -> None:
        """Find rows that carry these ids: boundary, field, value. `row_with` then has them."""
        self.db.executemany("INSERT OR IGNORE INTO used VALUES (?, ?, ?, NULL)", ids)
        self.db.execute(_KNOWN)

    def row_with(self, boundary: str, field: str, value: str) -> tuple[str, int, Column] | None:
        """Return a row that carries an id which was looked up: its ids, as JSON, its number, and its process."""
        return self.db.execute(
            "SELECT spans.ids, spans.number, spans.process FROM used JOIN spans ON spans.id = used.row"
            " WHERE (used.boundary, field, value) = (?, ?, ?)",
            (boundary, field, value),
        ).fetchone()

    def process_of(self, trace_id: str, span_id: str) -> Column:
        """Return the process of a span."""
        key = (trace_id, span_id)
        found = self.db.execute("SELECT process FROM spans WHERE trace = ? AND span = ?", key).fetchone()
        return found and found[0]

    def _script(self, script: str) -> None:
        # Not `executescript`, which commits first.
        for statement in script.split(";"):
            self.db.execute(statement)
