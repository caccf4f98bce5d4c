"""Rows in flight: finished in any order, released in the order of submission."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class ShutdownError(RuntimeError):
    """The buffer was shut down."""


@dataclass(frozen=True)
class RowTicket:
    """A place in the buffer. `submitted_at` is on the `time.perf_counter` clock, in seconds."""

    sequence: int
    row_id: str
    submitted_at: float


@dataclass(frozen=True)
class RowBufferEntry(Generic[T]):
    """A finished row, released. `buffer_wait_ms` is how long it waited for the rows before it, in milliseconds."""

    sequence: int
    row_id: str
    result: T
    buffer_wait_ms: float


@dataclass(frozen=True)
class _Completion(Generic[T]):
    result: T
    at: float


class RowReorderBuffer(Generic[T]):
    """A FIFO of at most `max_pending` rows.

    The submitting thread calls `submit` and `evict`, workers call `complete`, the release thread calls
    `wait_for_next_release`; any of them may run at any time.
    """

    def __init__(self, max_pending: int = 100, name: str = "row-reorder") -> None:
        """Make room for `max_pending` rows.

        Raises:
            ValueError: `max_pending` is below 1.
        """
        if max_pending < 1:
            raise ValueError(f"max_pending must be at least 1, not {max_pending}")
        self._max_pending = max_pending
        self._name = name
        self._changed = threading.Condition()
        # A dict keeps its order: the first key is the next row to be released, whatever was evicted before it.
        self._pending: dict[RowTicket, _Completion[T] | None] = {}
        self._shutdown = False
        self._submitted = 0
        self._released = 0
        self._evicted = 0
        self._most_pending = 0

    def submit(self, row_id: str, timeout: float | None = None) -> RowTicket:
        """Take a place at the end; blocks while the buffer is full (backpressure).

        Raises:
            TimeoutError: no place became free within `timeout` seconds.
            ShutdownError: the buffer is, or while waiting was, shut down.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._shutdown or len(self._pending) < self._max_pending, timeout):
                raise TimeoutError(f"{self._name}: {self._max_pending} rows still pending after {timeout} s")
            self._check_open()
            ticket = RowTicket(self._submitted, row_id, time.perf_counter())
            self._submitted += 1
            self._pending[ticket] = None
            self._most_pending = max(self._most_pending, len(self._pending))
            return ticket

    def complete(self, ticket: RowTicket, result: T) -> None:
        """Hand in the result of a row.

        Raises:
            KeyError: the ticket was evicted, or never given out.
            ValueError: it was completed before.
        """
        with self._changed:
            if self._pending[ticket] is not None:
                raise ValueError(f"{self._name}: {ticket.row_id} was completed before")
            self._pending[ticket] = _Completion(result, time.perf_counter())
            self._changed.notify_all()

    def wait_for_next_release(self, timeout: float | None = None) -> RowBufferEntry[T]:
        """Block until the row at the head is finished, and take it out.

        Raises:
            TimeoutError: it was not within `timeout` seconds.
            ShutdownError: the buffer is, or while waiting was, shut down.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._shutdown or self._head() is not None, timeout):
                raise TimeoutError(f"{self._name}: no row finished within {timeout} s")
            self._check_open()
            head = self._head()
            assert head is not None
            ticket, completion = head
            del self._pending[ticket]
            self._released += 1
            self._changed.notify_all()
        waited_ms = (time.perf_counter() - completion.at) * 1000
        return RowBufferEntry(ticket.sequence, ticket.row_id, completion.result, waited_ms)

    def evict(self, ticket: RowTicket) -> bool:
        """Give a place up, so that the rows behind it need not wait. Its worker is not stopped.

        Returns:
            False when the row is finished, released or evicted already.
        """
        with self._changed:
            if self._pending.get(ticket, ticket) is not None:
                return False
            del self._pending[ticket]
            self._evicted += 1
            self._changed.notify_all()
            return True

    def wait_until_empty(self, timeout: float | None = None) -> bool:
        """Block until every row is released or evicted; False if some were not within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending, timeout)

    def shutdown(self) -> None:
        """Wake everybody who waits with `ShutdownError`."""
        with self._changed:
            self._shutdown = True
            self._changed.notify_all()

    @property
    def pending_count(self) -> int:
        """How many rows are in flight."""
        with self._changed:
            return len(self._pending)

    def get_metrics(self) -> dict[str, int]:
        """Count rows: `submitted`, `released`, `evicted`, `pending` now, and the `most_pending` at any time."""
        with self._changed:
            return {
                "submitted": self._submitted,
                "released": self._released,
                "evicted": self._evicted,
                "pending": len(self._pending),
                "most_pending": self._most_pending,
            }

    def _head(self) -> tuple[RowTicket, _Completion[T]] | None:
        for ticket, completion in self._pending.items():
            return None if completion is None else (ticket, completion)
        return None

    def _check_open(self) -> None:
        if self._shutdown:
            raise ShutdownError(f"{self._name} is shut down")
