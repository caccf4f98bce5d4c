"""The audit trail, on SQLite."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SCHEMA: Final = """
CREATE TABLE runs (run_id TEXT PRIMARY KEY, config_json TEXT NOT NULL, status TEXT NOT NULL, started_at REAL NOT NULL,
    completed_at REAL);
CREATE TABLE nodes (node_id TEXT PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs, name TEXT NOT NULL);
CREATE TABLE rows (row_id TEXT PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs, row_index INTEGER NOT NULL,
    data_json TEXT NOT NULL);
CREATE TABLE tokens (token_id TEXT PRIMARY KEY, row_id TEXT NOT NULL REFERENCES rows);
CREATE TABLE node_states (state_id TEXT PRIMARY KEY, token_id TEXT NOT NULL REFERENCES tokens,
    node_id TEXT NOT NULL REFERENCES nodes, attempt INTEGER NOT NULL, status TEXT NOT NULL, started_at REAL NOT NULL,
    completed_at REAL, output_json TEXT, error TEXT, UNIQUE (token_id, node_id, attempt));
CREATE TABLE calls (call_id TEXT PRIMARY KEY, state_id TEXT NOT NULL REFERENCES node_states,
    call_index INTEGER NOT NULL, call_type TEXT NOT NULL, status TEXT NOT NULL, request_json TEXT NOT NULL,
    response_json TEXT, error_json TEXT, latency_ms REAL, created_at REAL NOT NULL, UNIQUE (state_id, call_index));
CREATE TABLE emissions (position INTEGER PRIMARY KEY, token_id TEXT NOT NULL, state_id TEXT,
    delivered INTEGER NOT NULL, output_json TEXT);
"""


@dataclass(frozen=True)
class Call:
    """An external call as filed."""

    call_id: str
    state_id: str
    call_index: int
    call_type: str
    status: str


class Landscape:
    """What happened to every row of one run, and every external call made for it.

    Any thread may write. Times are seconds since the epoch. A call is filed under the state it is given: also one
    that failed long ago, or another row's.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Create the database, and `path` must not exist; or open the one that another process has created.

        Raises:
            sqlite3.Error: it cannot be created, or holds a landscape already.
        """
        self._lock = threading.Lock()
        self._call_indices: dict[str, int] = {}
        # Every statement is its own transaction. Losing the last of them with the power is fine here, so no fsync.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript(
            f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;{_SCHEMA if create else ''}"
        )

    def begin_run(self, run_id: str, config: Mapping[str, object] | None = None) -> str:
        """Open the run and return its id."""
        self._write("INSERT INTO runs VALUES (?, ?, 'running', ?, NULL)", run_id, json.dumps(config or {}), time.time())
        return run_id

    def complete_run(self, run_id: str, status: str = "completed") -> None:
        """Close the run."""
        self._write("UPDATE runs SET status = ?, completed_at = ? WHERE run_id = ?", status, time.time(), run_id)

    def register_node(self, run_id: str, name: str) -> str:
        """Add a transform and return its `node_id`, as `node-readability`."""
        node_id = f"node-{name}"
        self._write("INSERT INTO nodes VALUES (?, ?, ?)", node_id, run_id, name)
        return node_id

    def create_row(self, run_id: str, index: int, data: Mapping[str, object]) -> str:
        """Add a row and return its `row_id`, as `row-0017`."""
        row_id = f"row-{index:04d}"
        self._write("INSERT INTO rows VALUES (?, ?, ?, ?)", row_id, run_id, index, json.dumps(data))
        return row_id

    def create_token(self, row_id: str) -> str:
        """Add the row's token and return its `token_id`, as `token-0017`."""
        token_id = f"token-{row_id.removeprefix('row-')}"
        self._write("INSERT INTO tokens VALUES (?, ?)", token_id, row_id)
        return token_id

    def begin_node_state(self, token_id: str, node_id: str, attempt: int) -> str:
        """Open an attempt, counted from 0, and return its `state_id`, as `state-0017-0`."""
        state_id = f"state-{token_id.removeprefix('token-')}-{attempt}"
        self._write(
            "INSERT INTO node_states VALUES (?, ?, ?, ?, 'running', ?, NULL, NULL, NULL)",
            *(state_id, token_id, node_id, attempt, time.time()),
        )
        return state_id

    def complete_node_state(
        self, state_id: str, status: str, output: Mapping[str, object] | None = None, error: str | None = None
    ) -> None:
        """Close an attempt as `completed` or `failed`, with what came out of it or why nothing did."""
        self._write(
            "UPDATE node_states SET status = ?, completed_at = ?, output_json = ?, error = ? WHERE state_id = ?",
            *(status, time.time(), _json(output), error, state_id),
        )

    def allocate_call_index(self, state_id: str) -> int:
        """Return the next number, from 0, for a call of this attempt."""
        with self._lock:
            index = self._call_indices.get(state_id, 0)
            self._call_indices[state_id] = index + 1
        return index

    def record_call(
        self,
        state_id: str,
        call_index: int,
        call_type: str,
        status: str,
        request_data: Mapping[str, object],
        response_data: Mapping[str, object] | None = None,
        error: Mapping[str, object] | None = None,
        latency_ms: float | None = None,
    ) -> Call:
        """File an external call under an attempt.

        Args:
            state_id: the attempt.
            call_index: from `allocate_call_index(state_id)`.
            call_type: as `http`.
            status: `success` or `error`.
            request_data: what was asked, JSON-ready.
            response_data: what was answered, JSON-ready.
            error: what went wrong, JSON-ready.
            latency_ms: how long it took, in milliseconds.

        Raises:
            sqlite3.IntegrityError: there is no such attempt, or it has a call of this index.
        """
        call = Call(f"call-{state_id.removeprefix('state-')}-{call_index}", state_id, call_index, call_type, status)
        self._write(
            "INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(call.call_id, state_id, call_index, call_type, status),
            *(json.dumps(request_data), _json(response_data), _json(error), latency_ms, time.time()),
        )
        return call

    def record_emission(
        self, token_id: str, state_id: str | None, output: Mapping[str, object] | None, *, delivered: bool
    ) -> None:
        """Keep how a result was routed."""
        self._write("INSERT INTO emissions VALUES (NULL, ?, ?, ?, ?)", *(token_id, state_id, delivered, _json(output)))

    def close(self) -> None:
        """Close the database. Nothing can be written after it."""
        with self._lock:
            self._connection.close()

    def _write(self, statement: str, *values: object) -> None:
        with self._lock:
            self._connection.execute(statement, values)


def _json(data: Mapping[str, object] | None) -> str | None:
    return None if data is None else json.dumps(data)
