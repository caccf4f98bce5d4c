"""Rows handed to worker threads: the defect's second half."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from otel_handoff.demo.pipeline.context import PluginContext, TokenInfo
from otel_handoff.demo.pipeline.results import ExceptionResult, TransformResult
from otel_handoff.demo.pipeline.row_reorder_buffer import RowReorderBuffer, RowTicket, ShutdownError

Row = Mapping[str, object]
Processor = Callable[[Row, PluginContext], TransformResult]
Completed = tuple[TokenInfo, TransformResult | ExceptionResult, str | None]


class OutputPort(Protocol):
    """Where the results of a transform go."""

    def emit(self, token: TokenInfo, result: TransformResult | ExceptionResult, state_id: str | None) -> None:
        """Take the result of one row."""
        ...


class BatchTransformMixin:
    """Lets a transform work on rows in threads and emit them in the order they came.

    **This is the patient.** `accept_row` hands the run's one `ctx` to a worker, and returns. The caller goes on to
    write the next row's ids to it; the worker reads `ctx.state_id` only when it starts, and the processor later still.
    """

    def init_batch_processing(
        self,
        max_pending: int,
        output: OutputPort,
        name: str | None = None,
        max_workers: int | None = None,
        batch_wait_timeout: float = 3600.0,
    ) -> None:
        """Start the pool and the release thread.

        Args:
            max_pending: rows in flight before `accept_row` blocks.
            output: where results go.
            name: of the threads; the class name if not given.
            max_workers: threads in the pool; `max_pending` if not given.
            batch_wait_timeout: seconds the executor should wait for a row.
        """
        self._batch_name = name or type(self).__name__
        self._batch_output = output
        self._batch_wait_timeout = batch_wait_timeout
        self._batch_submissions: dict[tuple[str, str], RowTicket] = {}
        self._batch_submissions_lock = threading.Lock()
        self._batch_buffer: RowReorderBuffer[Completed] = RowReorderBuffer(max_pending, self._batch_name)
        self._batch_executor = ThreadPoolExecutor(max_workers or max_pending, f"{self._batch_name}-worker")
        self._batch_release_thread = threading.Thread(target=self._release_loop, name=f"{self._batch_name}-release")
        self._batch_release_thread.start()

    @property
    def batch_wait_timeout(self) -> float:
        """Seconds the executor should wait for a row."""
        return self._batch_wait_timeout

    def accept_row(self, row: Row, ctx: PluginContext, processor: Processor) -> None:
        """Hand a row to a worker; blocks only while `max_pending` rows are in flight.

        Raises:
            ValueError: `ctx.token` is None.
            ShutdownError: the transform is shut down.
        """
        token = ctx.token
        if token is None:
            raise ValueError("accept_row needs ctx.token")
        state_id = ctx.state_id
        ticket = self._batch_buffer.submit(token.token_id)
        if state_id is not None:
            with self._batch_submissions_lock:
                self._batch_submissions[token.token_id, state_id] = ticket
        self._batch_executor.submit(self._process_and_complete, ticket, token, row, ctx, processor)

    def _process_and_complete(
        self, ticket: RowTicket, token: TokenInfo, row: Row, ctx: PluginContext, processor: Processor
    ) -> None:
        # On the worker. By now ctx may hold the ids of another row, or of another attempt of this one.
        state_id = ctx.state_id
        result: TransformResult | ExceptionResult
        try:
            result = processor(row, ctx)
        except Exception as error:
            result = ExceptionResult(error, traceback.format_exc())
        # The ticket of a row that was given up is gone: its late result is nobody's.
        with contextlib.suppress(KeyError):
            self._batch_buffer.complete(ticket, (token, result, state_id))

    def _release_loop(self) -> None:
        while True:
            try:
                token, result, state_id = self._batch_buffer.wait_for_next_release().result
            except ShutdownError:
                return
            if state_id is not None:
                with self._batch_submissions_lock:
                    self._batch_submissions.pop((token.token_id, state_id), None)
            self._batch_output.emit(token, result, state_id)

    def evict_submission(self, token_id: str, state_id: str) -> bool:
        """Give up an attempt that nobody waits for any more. Its work is neither stopped nor taken off the queue.

        Returns:
            False when it is unknown or finished.
        """
        with self._batch_submissions_lock:
            ticket = self._batch_submissions.pop((token_id, state_id), None)
        return ticket is not None and self._batch_buffer.evict(ticket)

    def flush_batch_processing(self, timeout: float = 300.0) -> None:
        """Wait until no row is in flight. Attempts that were given up may still be at work.

        Raises:
            TimeoutError: some rows still are after `timeout` seconds.
        """
        if not self._batch_buffer.wait_until_empty(timeout):
            raise TimeoutError(f"{self._batch_buffer.pending_count} rows still pending after {timeout} s")

    def shutdown_batch_processing(self, timeout: float = 30.0) -> None:
        """Let the workers finish, attempts that were given up included, and end all threads.

        Args:
            timeout: seconds to wait for the release thread.
        """
        self._batch_executor.shutdown(wait=True)
        self._batch_buffer.shutdown()
        self._batch_release_thread.join(timeout)

    def get_batch_metrics(self) -> dict[str, int]:
        """Count rows, as `RowReorderBuffer.get_metrics` does."""
        return self._batch_buffer.get_metrics()
