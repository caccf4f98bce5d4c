"""How many rows were in order that have no span: said now and then, each once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, StaticSampler

from otel_handoff.tell.judged import NANOSECONDS, ROWS, Judged
from tests.telemetry import Telemetry
from tests.zero_code.programs import python


def judged_of(telemetry: Telemetry) -> Judged:
    """Count with the tracer of `telemetry`."""
    return Judged("orders", telemetry.tracer_provider.get_tracer("otel_handoff"))


def said(telemetry: Telemetry) -> list[dict[str, Any]]:
    """What was said, without the boundary."""
    found = [dict(span.attributes or {}) for span in telemetry.spans("judged orders")]
    assert all(each.pop("handoff.boundary") == "orders" for each in found)
    return [{name.removeprefix("handoff.judged."): count for name, count in each.items()} for each in found]


def test_the_first_the_thousandth_and_the_rest(telemetry: Telemetry) -> None:
    """Of each the number since the last."""
    judged = judged_of(telemetry)
    for number in range(ROWS + 5):
        judged.add(1, unwatched=number < 2)
    assert said(telemetry) == [{"rows": 1, "unwatched": 1}, {"rows": ROWS, "unwatched": 1}]
    judged.tell()
    judged.tell()
    assert said(telemetry)[2:] == [{"rows": 4}]


def test_a_slow_host_says_it_as_soon_as_a_row_is_done(telemetry: Telemetry) -> None:
    """By the clock of the rows, which is asked for them anyhow."""
    judged = judged_of(telemetry)
    for time in (1, 2, NANOSECONDS, NANOSECONDS + 1, NANOSECONDS + 2):
        judged.add(time, unwatched=False)
    assert said(telemetry) == [{"rows": 1}, {"rows": 3}]


def test_rows_that_are_lost(telemetry: Telemetry) -> None:
    """Also where no row is in order."""
    judged = judged_of(telemetry)
    judged.lose(1)
    judged.lose(2)
    judged.tell()
    assert said(telemetry) == [{"rows": 0, "lost": 1}, {"rows": 0, "lost": 1}]


def test_what_is_not_sampled_is_said_again() -> None:
    """By the next that is: no row is lost for it."""
    sampler = StaticSampler(Decision.DROP)
    telemetry = Telemetry(sampler)
    judged = judged_of(telemetry)
    judged.add(1, unwatched=False)
    judged.tell()
    assert said(telemetry) == []
    sampler._decision = Decision.RECORD_AND_SAMPLE  # pyright: ignore[reportPrivateUsage]
    judged.add(2, unwatched=False)
    judged.tell()
    assert said(telemetry) == [{"rows": 2}]
    telemetry.shutdown()


def test_a_fork_says_its_own(telemetry: Telemetry) -> None:
    """What its parent has counted, its parent says."""
    judged = judged_of(telemetry)
    for _ in range(3):
        judged.add(1, unwatched=False)
    judged.forget()
    judged.tell()
    assert said(telemetry) == [{"rows": 1}]
    judged.add(1, unwatched=False)
    judged.tell()
    assert said(telemetry) == [{"rows": 1}, {"rows": 1}]


def test_it_is_said_once_however_many_come_by(telemetry: Telemetry) -> None:
    """Another thread, or the same from within: whoever is first says it."""
    judged = judged_of(telemetry)

    class Again(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            judged.tell()

    telemetry.tracer_provider.add_span_processor(Again())
    judged.add(1, unwatched=False)
    assert said(telemetry) == [{"rows": 1}]


PROGRAM = """
import threading
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otel_handoff import HandoffInstrumentor
from otel_handoff.file_exporter import FileSpanExporter
from tests.hosts import Context, Ledger, Order, Pool, boundary

HandoffInstrumentor().instrument(spans="mismatch", boundaries=[boundary()])
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(FileSpanExporter()))
trace.set_tracer_provider(provider)
pool, ctx, submitted = Pool(), Context(), threading.Event()

def job(order, ctx):
    submitted.wait()
    Ledger().post(order.id, "text")

for ctx.order in map(Order, "ABC"):
    future = pool.enqueue(ctx.order, ctx, job)
    submitted.set()
    future.result()
    submitted.clear()
"""


def test_at_the_end_of_the_process(tmp_path: Path) -> None:
    """Before a provider is shut down that was set after we were turned on: it would export nothing any more."""
    import otel_handoff
    from otel_handoff.check.judge import Judge
    from otel_handoff.traces.otlp import read_spans

    path, root = tmp_path / "a.jsonl", Path(__file__).parents[3]
    python(PROGRAM, PYTHONPATH=f"{root}:{Path(otel_handoff.__file__).parents[1]}", OTEL_HANDOFF_FILE=str(path))
    judge = Judge({})
    for span in read_spans([str(path)], broken=lambda line: pytest.fail(str(line))):
        judge.add(span)
    checked = judge.finish()
    judge.close()
    assert (checked.spans, checked.spanless, checked.judged, checked.lost) == (2, 3, 3, 0)
