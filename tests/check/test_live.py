"""Traces of real hosts: what a detector reported is told once, and nothing is made up."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_handoff import HandoffInstrumentor
from otel_handoff.check.judge import Judge
from otel_handoff.traces.otlp import read_spans
from tests.hosts import WAIT, Context, Ledger, Order, Pool, back_to_back, boundary
from tests.telemetry import Telemetry


@pytest.mark.parametrize("trace", ["child", "link"])
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_the_spans_of_a_run_tell_what_its_detector_told(
    telemetry: Telemetry, tmp_path: Path, mode: str, trace: str
) -> None:
    """Of a call, a read, and a span of others that took its id from the context; and those in order tell nothing."""
    path = tmp_path / "traces.jsonl"
    telemetry.tracer_provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path)))
    tracer = telemetry.tracer_provider.get_tracer("user")
    pool, ledger, ctx, both = Pool(), Ledger(), Context(), threading.Event()

    def job(order: Order, ctx: Context) -> None:
        assert both.wait(WAIT)
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("tagged") as span:
            span.set_attribute("orders.order_id", ctx.order.id if ctx.order else "none")
        ledger.post(ctx.order.id if ctx.order else None, order.id)

    made = boundary()
    assert made.name == "orders"
    HandoffInstrumentor().instrument(mode=mode, trace=trace, boundaries=[made], **telemetry.options)
    try:
        for future in back_to_back(pool, ctx, job, both):
            future.result(WAIT)
        pool.close()
    finally:
        HandoffInstrumentor().uninstrument()
    telemetry.tracer_provider.force_flush()

    def broken(line: object) -> None:
        raise AssertionError(line)

    with closing(Judge({})) as judge:
        for each in read_spans([str(path)], broken=broken):
            judge.add(each)
        checked = judge.finish()
        findings = list(judge.findings())
    assert (checked.submissions, checked.calls, checked.foreign, checked.boundaries) == (2, 2, 4, ["orders"])
    told = [(each.evidence, each.outcome, dict(each.expected), dict(each.observed)) for each in telemetry.mismatches]
    assert sorted(map(repr, told)) == sorted(
        repr((each.evidence, each.outcome, dict(each.expected), dict(each.observed))) for each in findings
    )
    assert {each.found_by for each in findings} == {"detector"}
    assert {outcome for _, outcome, _, _ in told} == {"used" if mode == "observe" else "prevented"}
