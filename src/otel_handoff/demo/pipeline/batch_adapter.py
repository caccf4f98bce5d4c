"""Who waits for which result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from otel_handoff.demo.pipeline.context import TokenInfo
from otel_handoff.demo.pipeline.results import ExceptionResult, TransformResult

Result = TransformResult | ExceptionResult
Key = tuple[str, str | None]


@dataclass(frozen=True)
class Emission:
    """A result as it was routed.

    Attributes:
        token_id: the row it was emitted with.
        state_id: the attempt it was emitted under.
        delivered: whether somebody waited for just these two.
        row: the result itself, which says what row and attempt it was made for; None when the transform raised.
    """

    token_id: str
    state_id: str | None
    delivered: bool
    row: Mapping[str, object] | None


class RowWaiter:
    """Waits for one attempt of one row. Made by `SharedBatchAdapter.register`."""

    def __init__(self, key: Key, forget: Callable[[Key], object]) -> None:
        """Wait for `key`; `forget(key)` when nobody waits any more."""
        self._key = key
        self._forget = forget
        self._arrived = threading.Event()
        self._result: Result | None = None

    def deliver(self, result: Result) -> None:
        """Wake the thread that waits."""
        self._result = result
        self._arrived.set()

    def wait(self, timeout: float = 300.0) -> TransformResult:
        """Block until the result is there.

        Raises:
            TimeoutError: it was not within `timeout` seconds; a later one will be dropped.
            Exception: what the transform raised.
        """
        if not self._arrived.wait(timeout):
            self._forget(self._key)
            raise TimeoutError(f"no result for {self._key[0]} ({self._key[1]}) within {timeout} s")
        result = self._result
        assert result is not None
        if isinstance(result, ExceptionResult):
            raise result.exception
        return result


class SharedBatchAdapter:
    """The output port of a transform: brings each result to the waiter of its (token_id, state_id).

    Attributes:
        emissions: every result that came out, in order. A result that nobody waits for is dropped; it shows here.
    """

    def __init__(self) -> None:
        """Start with no waiter."""
        self.emissions: list[Emission] = []
        self._waiters: dict[Key, RowWaiter] = {}
        self._lock = threading.Lock()

    def register(self, token_id: str, state_id: str) -> RowWaiter:
        """Make a waiter for one attempt of one row. To be called before the row is handed over."""
        waiter = RowWaiter((token_id, state_id), self._forget)
        with self._lock:
            self._waiters[token_id, state_id] = waiter
        return waiter

    def emit(self, token: TokenInfo, result: Result, state_id: str | None) -> None:
        """Deliver a result to its waiter, or drop it when there is none under these two ids."""
        row = result.row if isinstance(result, TransformResult) else None
        with self._lock:
            waiter = self._waiters.pop((token.token_id, state_id), None)
            self.emissions.append(Emission(token.token_id, state_id, waiter is not None, row))
        if waiter is not None:
            waiter.deliver(result)

    @property
    def dropped(self) -> int:
        """How many results had no waiter."""
        with self._lock:
            return sum(not emission.delivered for emission in self.emissions)

    def _forget(self, key: Key) -> None:
        with self._lock:
            self._waiters.pop(key, None)
