"""Spans in any number and order, and the row that each of them belongs to.

They lie in a SQLite database that is a private temporary file: it has no name, is gone with the process, and keeps
memory flat. `TMPDIR` or `SQLITE_TMPDIR` says where.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

ROW: Final = "row"
CALL: Final = "call"
FOREIGN: Final = "foreign"
"""The kinds of spans: the work on a row, a recorded call, and everybody else's."""

_BATCH: Final = 1000

Column = str | bytes | int | float | None

# A process is the text that tells it from others, or else the trace. `ids` are a row's: JSON, field -> text.
_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -32768;  -- KiB
CREATE TABLE spans (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, trace BLOB NOT NULL, span BLOB NOT NULL, parent BLOB,
    process, boundary TEXT, number INTEGER, time INTEGER, start INTEGER NOT NULL, end INTEGER NOT NULL,
    name TEXT NOT NULL, attributes TEXT NOT NULL, ids TEXT);
CREATE TABLE reports (id INTEGER PRIMARY KEY, span INTEGER NOT NULL, time INTEGER NOT NULL, attributes TEXT NOT NULL);
CREATE TABLE under (span INTEGER PRIMARY KEY, row INTEGER NOT NULL);
CREATE TABLE odd (span INTEGER PRIMARY KEY, row INTEGER NOT NULL, name TEXT NOT NULL, observed TEXT NOT NULL,
    spans INTEGER NOT NULL, UNIQUE (row, name, observed));
CREATE TABLE used (boundary TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, row INTEGER,
    PRIMARY KEY (boundary, field, value)) WITHOUT ROWID;
BEGIN;
"""

_INDEX: Final = """
CREATE INDEX reports_by_span ON reports (span);
CREATE INDEX spans_by_id ON spans (trace, span);
CREATE INDEX rows_by_number ON spans (process, boundary, number, time) WHERE kind = 'row';
"""

_DUPLICATES: Final = """
CREATE TABLE again AS SELECT again.id FROM
    (SELECT trace, span, min(id) AS first FROM spans GROUP BY trace, span HAVING count(*) > 1) AS twice
    JOIN spans AS again ON again.trace = twice.trace AND again.span = twice.span AND again.id > twice.first
"""

# From each row down to its children and theirs, as far as the next row.
_DESCENDANTS: Final = """
CREATE INDEX spans_by_parent ON spans (trace, parent) WHERE kind <> 'row';
INSERT INTO under
    WITH RECURSIVE below (id, trace, span, row) AS (
        SELECT id, trace, span, id FROM spans WHERE kind = 'row'
        UNION ALL
        SELECT child.id, child.trace, child.span, below.row FROM below
            JOIN spans AS child ON child.trace = below.trace AND child.parent = below.span AND child.kind <> 'row')
    SELECT id, row FROM below;
"""

# A call names its submission; that counts for more than what it is a child of.
_CALLS: Final = """
DELETE FROM under WHERE span IN (
    SELECT call.id FROM spans AS call JOIN under ON under.span = call.id JOIN spans AS row ON row.id = under.row
    WHERE call.kind = 'call'
        AND (call.process, call.boundary, call.number) <> (row.process, row.boundary, row.number));
INSERT INTO under
    SELECT call.id, min(row.id) FROM spans AS call
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
    WHERE row.kind = 'row' GROUP BY used.boundary, used.field, used.value
"""


class Store:
    """The database. Fill it, `settle` it, then ask.

    Raises:
        sqlite3.Error: from each method, when the disk is full.
    """

    def __init__(self) -> None:
        self.db = sqlite3.connect("", isolation_level=None)
        self.db.executescript(_SCHEMA)
        self.count = 0
        self.duplicates = 0
        self._spans: list[tuple[Column, ...]] = []
        self._reports: list[tuple[Column, ...]] = []

    def close(self) -> None:
        """Give the file back."""
        self.db.close()

    def add(self, span: tuple[Column, ...], reports: Iterable[tuple[int, str]]) -> None:
        """Take a span, its columns in the order of the table without the id, and its reports: time, attributes."""
        self.count += 1
        self._spans.append((self.count, *span))
        for time, attributes in reports:
            self._reports.append((self.count, time, attributes))
        if len(self._spans) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        self.db.executemany("INSERT INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._spans)
        self.db.executemany("INSERT INTO reports (span, time, attributes) VALUES (?, ?, ?)", self._reports)
        self._spans.clear()
        self._reports.clear()

    def settle(self) -> None:
        """Nothing more comes: leave each span in once, and find the row that it belongs to."""
        self._flush()
        self._script(_INDEX)
        self._script(_DUPLICATES)
        self.duplicates = self.db.execute("DELETE FROM spans WHERE id IN (SELECT id FROM again)").rowcount
        self.db.execute("DELETE FROM reports WHERE span IN (SELECT id FROM again)")
        self._script(_DESCENDANTS)
        self._script(_CALLS)

    def look_up(self, ids: Iterable[tuple[str, str, str]]) -> None:
        """Find rows that carry these ids: boundary, field, value. `row_with` then has them."""
        self.db.executemany("INSERT OR IGNORE INTO used VALUES (?, ?, ?, NULL)", ids)
        self.db.execute(_KNOWN)

    def row_with(self, boundary: str, field: str, value: str) -> str | None:
        """Return the ids, as JSON, of a row that carries an id which was looked up; None if there is none."""
        found = self.db.execute(
            "SELECT spans.ids FROM used JOIN spans ON spans.id = used.row"
            " WHERE (used.boundary, field, value) = (?, ?, ?)",
            (boundary, field, value),
        ).fetchone()
        return found and found[0]

    def _script(self, script: str) -> None:
        # Not `executescript`, which commits first.
        for statement in script.split(";"):
            self.db.execute(statement)
