"""The audit trail."""

from __future__ import annotations

import sqlite3
import threading


class CallAuditRepository:
    """Files calls in SQLite."""

    def __init__(self, path: str) -> None:
        self.lock = threading.Lock()
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("create table calls (state_id text, call_index integer, request text)")

    def record_call(
        self,
        state_id: str | None,
        call_index: int,
        call_type: str,
        status: str,
        request_data: str,
        latency_ms: float | None = None,
    ) -> None:
        """File one call."""
        with self.lock:
            self.connection.execute("insert into calls values (?, ?, ?)", (state_id, call_index, request_data))
