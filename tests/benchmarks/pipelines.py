"""Subjects that are whole pipelines: the embedded one, and ELSPETH itself where it is importable."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from otel_handoff.demo import corpus
from otel_handoff.demo.pipeline.batch_adapter import SharedBatchAdapter
from otel_handoff.demo.pipeline.batching import BatchTransformMixin, OutputPort
from otel_handoff.demo.pipeline.context import PluginContext
from otel_handoff.demo.pipeline.executor import TransformExecutor
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.orchestrator import Orchestrator
from otel_handoff.demo.pipeline.results import TransformResult
from otel_handoff.elspeth import ElspethInstrumentor
from tests.benchmarks.contenders import call_as_ours, provider_of, row_as_ours, turn_on

Run = Callable[..., Mapping[str, float]]


def _instrument(mode: str, telemetry: str, mixin: Any, context: Any) -> list[object]:
    """Turn otel-handoff on with watch, or spans by hand, or (`off`) nothing; return where mismatches go."""
    mismatches: list[object] = []
    if mode == "by hand":
        _spans_by_hand(mixin, context)
    elif mode != "off":
        turn_on(ElspethInstrumentor(), telemetry, mode=mode, watch=True, on_mismatch=mismatches.append)
    return mismatches


def _spans_by_hand(mixin: Any, context: Any) -> None:
    # The spans that otel-handoff has, with as much on them; nothing is checked, pinned or carried.
    from opentelemetry.trace import SpanKind

    start = provider_of("spans").get_tracer("application").start_as_current_span
    work, record_call = mixin._process_and_complete, context.record_call

    def process(self: Any, ticket: Any, token: Any, row: Any, ctx: Any, processor: Any) -> None:
        with start("process", kind=SpanKind.CONSUMER, attributes=row_as_ours(1, ctx)):
            work(self, ticket, token, row, ctx, processor)

    def record(self: Any, call_type: Any, status: Any, *args: Any, **options: Any) -> Any:
        attributes = call_as_ours(1, self, index=0, type=str(call_type), status=str(status))
        with start("record_call", attributes=attributes):
            return record_call(self, call_type, status, *args, **options)

    mixin._process_and_complete, context.record_call = process, record


class LocalTransform(BatchTransformMixin):
    """Records three calls a row that it does not make: all that is left is the pipeline and its audit trail."""

    name = "local"

    def __init__(self, output: OutputPort) -> None:
        self.node_id = ""
        self.init_batch_processing(8, output, self.name, max_workers=1, batch_wait_timeout=30.0)

    def accept(self, row: Mapping[str, object], ctx: PluginContext) -> None:
        """Take a row."""
        self.accept_row(row, ctx, self._process)

    def close(self) -> None:
        """End all threads."""
        self.shutdown_batch_processing()

    def _process(self, row: Mapping[str, object], ctx: PluginContext) -> TransformResult:
        for request in range(3):
            ctx.record_call("http", "success", {"request": request}, {"answer": request}, latency_ms=1.0)
        return TransformResult(dict(row))


def embedded(mode: str = "off", telemetry: str = "spans", *, http: bool = True) -> Run:
    """Return what runs the embedded pipeline on new SQLite files; with `http`, with the transform of the demo."""
    mismatches = _instrument(mode, telemetry, BatchTransformMixin, PluginContext)

    def run(rows: int) -> Mapping[str, float]:
        data = corpus.load(rows)
        with tempfile.TemporaryDirectory() as directory:
            landscape, adapter = Landscape(Path(directory) / "landscape.db"), SharedBatchAdapter()
            service: Any = None
            if http:
                from otel_handoff.demo.service import Service
                from otel_handoff.demo.transform import ReadabilityTransform

                service = Service(0, _at_once)
                transform: Any = ReadabilityTransform(service.url, adapter, timeout=30.0)
            else:
                transform = LocalTransform(adapter)
            start = time.perf_counter()
            report = Orchestrator(landscape, adapter, TransformExecutor(landscape, adapter)).run(
                "run", transform, [[row] for row in data]
            )
            seconds = time.perf_counter() - start
            if service is not None:
                service.close()
            landscape.close()
        if report.completed != rows:
            raise RuntimeError(f"{report.completed} of {rows} rows were completed")
        return {"seconds": seconds, "mismatches": len(mismatches)}

    return run


def _at_once(_row_id: str, _attempt: int) -> None:
    """Hold no request up."""


def elspeth(mode: str = "off", telemetry: str = "spans") -> Run:
    """Return what runs ELSPETH's own classes on SQLite: a real executor, a call a row."""
    from tests.elspeth.host import Host, context_class, mixin_class

    logging.disable(logging.INFO)
    mismatches = _instrument(
        mode, telemetry, mixin_class(), context_class()
    )  # skipped here, where it is not importable

    def run(rows: int) -> Mapping[str, float]:
        with tempfile.TemporaryDirectory() as directory:
            host = Host(Path(directory))
            transform = host.transform({})
            tokens = [host.token(f"row {number}") for number in range(rows)]
            start = time.perf_counter()
            for token in tokens:
                host.execute(transform, token)
            seconds = time.perf_counter() - start
            host.close()
            host.db.close()
        return {"seconds": seconds, "mismatches": len(mismatches)}

    return run
