"""A transform whose work a test can direct."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from otel_handoff.demo.pipeline.batch_adapter import SharedBatchAdapter
from otel_handoff.demo.pipeline.batching import BatchTransformMixin
from otel_handoff.demo.pipeline.context import PluginContext
from otel_handoff.demo.pipeline.results import TransformResult

Work = Callable[[Mapping[str, object], PluginContext], object]


class DirectedTransform(BatchTransformMixin):
    """Does `work(row, ctx)` on each row, on `workers` threads, and returns the row."""

    name = "directed"

    def __init__(self, adapter: SharedBatchAdapter, work: Work, *, workers: int = 1, timeout: float = 10.0) -> None:
        """Wait `timeout` seconds for a row."""
        self.node_id = ""
        self._work = work
        self.init_batch_processing(8, adapter, max_workers=workers, batch_wait_timeout=timeout)

    def accept(self, row: Mapping[str, object], ctx: PluginContext) -> None:
        """Take a row."""
        self.accept_row(row, ctx, self._process)

    def close(self) -> None:
        """End all threads."""
        self.shutdown_batch_processing()

    def _process(self, row: Mapping[str, object], ctx: PluginContext) -> TransformResult:
        self._work(row, ctx)
        return TransformResult(row)
