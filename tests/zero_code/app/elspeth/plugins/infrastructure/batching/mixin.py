"""Hands rows to a pool, with the run's one context."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from .row_reorder_buffer import RowReorderBuffer


class BatchTransformMixin:
    """The class that has the defect."""

    def init_batch_processing(self, max_workers: int) -> None:
        """Start the pool."""
        self.buffer = RowReorderBuffer()
        self.pool = ThreadPoolExecutor(max_workers, "batch-worker")

    def accept_row(self, row: str, ctx: Any, processor: Callable[[str, Any], str]) -> Future[None]:
        """Hand a row over."""
        ticket = self.buffer.submit(ctx.token.token_id)
        return self.pool.submit(self._process_and_complete, ticket, ctx.token, row, ctx, processor)

    def _process_and_complete(self, ticket: int, token: Any, row: str, ctx: Any, processor: Any) -> None:
        state_id = ctx.state_id
        self.buffer.complete(ticket, (token, processor(row, ctx), state_id))

    def evict_submission(self, token_id: str, state_id: str) -> bool:
        """Give an attempt up."""
        return False
