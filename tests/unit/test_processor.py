"""The span processor: on the right provider, once, for everybody's spans under a submission, and inert afterwards."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider, SpanKind

from otel_handoff import HandoffInstrumentor
from otel_handoff.elspeth import ElspethInstrumentor
from otel_handoff.processor import HandoffSpanProcessor
from tests.hosts import WAIT, Context, Ledger, Order, Pool, back_to_back, boundary
from tests.telemetry import Telemetry
from tests.zero_code.programs import python


def nothing(_order: Order, _ctx: Context) -> None:
    """Do no work."""


def instrument(telemetry: Telemetry, mode: str = "observe", **options: Any) -> None:
    """Instrument the pool."""
    HandoffInstrumentor().instrument(mode=mode, **{"boundaries": [boundary()], **telemetry.options, **options})


def ours(provider: TracerProvider) -> list[HandoffSpanProcessor]:
    """Our processors on an SDK provider."""
    found: Any = provider._active_span_processor._span_processors  # pyright: ignore[reportPrivateUsage]
    return [processor for processor in found if isinstance(processor, HandoffSpanProcessor)]


def row(job: Any, name: str = "A", ctx: Context | None = None) -> Any:
    """Hand over one row and return what its job returned."""
    pool, ctx = Pool(), ctx or Context()
    ctx.order = Order(name)
    try:
        return pool.enqueue(ctx.order, ctx, job).result(WAIT)
    finally:
        pool.close()


def race() -> list[tuple[Any, ...]]:
    """A's entry is filed when B is submitted."""
    pool, ledger, ctx, both = Pool(), Ledger(), Context(), threading.Event()

    def job(order: Order, ctx: Context) -> None:
        assert both.wait(WAIT)
        ledger.post(ctx.order.id if ctx.order else None, order.id)

    futures = back_to_back(pool, ctx, job, both)
    for future in futures:
        future.result(WAIT)
    pool.close()
    return ledger.entries


def test_once_per_provider(telemetry: Telemetry) -> None:
    """Two instrumentors and three comings leave one processor: there is no way to remove one."""
    assert ours(telemetry.tracer_provider) == []
    ElspethInstrumentor().instrument(**telemetry.options)
    for _ in range(3):
        instrument(telemetry)
        row(nothing)
        HandoffInstrumentor().uninstrument()
    assert len(ours(telemetry.tracer_provider)) == 1


@pytest.mark.parametrize("kind", SpanKind)
def test_a_span_of_the_user_s_own_is_tagged(kind: SpanKind, telemetry: Telemetry) -> None:
    """Any span under a submission carries its ids; one outside does not, and None is not a value."""
    tracer = telemetry.tracer_provider.get_tracer("user")

    def job(_order: Order, _ctx: Context) -> None:
        with tracer.start_as_current_span("outer", kind=kind), tracer.start_as_current_span("inner", kind=kind):
            pass

    with tracer.start_as_current_span("before"):
        row(job)
    assert [dict(span.attributes or {}) for span in telemetry.spans()] == [{}] * 3
    instrument(telemetry)
    with tracer.start_as_current_span("around"):
        row(job)
    found = {span.name: dict(span.attributes or {}) for span in telemetry.spans()}
    assert found["inner"] == found["outer"] == {"orders.order_id": "A"}
    assert found["around"] == {}


def test_the_parent_context_says_whose_a_span_is(telemetry: Telemetry) -> None:
    """Not the current one: a span of a row may be started elsewhere, and a foreign one inside a row."""
    instrument(telemetry)
    tracer = telemetry.tracer_provider.get_tracer("user")
    foreign = trace.set_span_in_context(tracer.start_span("foreign parent"), context_api.Context())

    def job(_order: Order, _ctx: Context) -> context_api.Context:
        tracer.start_span("foreign", foreign).end()
        tracer.start_span("root", context_api.Context()).end()
        return context_api.get_current()

    context = row(job)
    tracer.start_span("started elsewhere", context).end()
    tagged = {span.name for span in telemetry.spans() if "orders.order_id" in (span.attributes or {})}
    assert tagged == {"process orders", "started elsewhere"}


def test_a_value_that_was_there_first_is_kept(telemetry: Telemetry) -> None:
    """Started with another id, it keeps it, and that is a mismatch; the same id is none; other names are not ours."""
    instrument(telemetry, boundaries=[boundary(aliases={"order_id": ("order.id", "oid")})])
    tracer = telemetry.tracer_provider.get_tracer("user")

    def job(_order: Order, _ctx: Context) -> None:
        tracer.start_span("ours", attributes={"orders.order_id": "Z"}).end()
        tracer.start_span("alias", attributes={"oid": "Z"}).end()
        tracer.start_span("right", attributes={"orders.order_id": "A", "order.id": "A", "other.id": "Z"}).end()

    row(job)
    values = {span.name: (span.attributes or {}).get("orders.order_id") for span in telemetry.spans()}
    assert values == {"ours": "Z", "alias": "A", "right": "A", "process orders": "A"}
    assert [(m.evidence, m.outcome, m.target, dict(m.expected), dict(m.observed)) for m in telemetry.mismatches] == [
        ("span", "used", "ours", {"order_id": "A"}, {"order_id": "Z"}),
        ("span", "used", "alias", {"order_id": "A"}, {"order_id": "Z"}),
    ]


def test_a_value_that_was_set_later_is_checked(telemetry: Telemetry) -> None:
    """What a span carries at its end counts, whoever wrote it and when."""
    instrument(telemetry)
    tracer = telemetry.tracer_provider.get_tracer("user")

    def job(_order: Order, _ctx: Context) -> None:
        with tracer.start_as_current_span("overwritten") as span:
            span.set_attribute("orders.order_id", "Z")

    row(job)
    assert [(m.target, m.observed["order_id"]) for m in telemetry.mismatches] == [("overwritten", "Z")]


@pytest.mark.parametrize("ended", [False, True])
def test_an_id_that_the_host_puts_on_the_row_span_is_checked(ended: bool, telemetry: Telemetry) -> None:
    """Also where the host ends the span; else the span says so itself."""
    instrument(telemetry)

    def job(_order: Order, _ctx: Context) -> None:
        span = trace.get_current_span()
        span.set_attribute("orders.order_id", "Z")
        if ended:
            span.end()

    row(job)
    assert [(m.evidence, m.target, m.observed["order_id"]) for m in telemetry.mismatches] == [
        ("span", "process orders", "Z")
    ]
    (span,) = telemetry.spans("process orders")
    assert (span.attributes or {}).get("handoff.mismatch.found") is (None if ended else True)


def test_ids_that_are_no_strings_are_compared_as_attributes(telemetry: Telemetry) -> None:
    """A span may carry a number as text, or an object's `str()`: the same id is no mismatch."""
    instrument(telemetry, boundaries=[boundary(aliases={"order_id": ("oid",)})])
    tracer = telemetry.tracer_provider.get_tracer("user")
    number: Any = 17

    def job(_order: Order, _ctx: Context) -> None:
        tracer.start_span("text", attributes={"oid": "17"}).end()
        tracer.start_span("number", attributes={"oid": 17}).end()

    row(job, number)
    assert telemetry.mismatches == []
    assert [(span.attributes or {})["orders.order_id"] for span in telemetry.spans("text")] == [17]


def test_inert_after_uninstrument(telemetry: Telemetry) -> None:
    """The processor stays on the provider and does nothing, for a span that was open across it, too."""
    instrument(telemetry)
    tracer = telemetry.tracer_provider.get_tracer("user")
    inside, undone = threading.Event(), threading.Event()

    def job(_order: Order, _ctx: Context) -> None:
        with tracer.start_as_current_span("across") as span:
            inside.set()
            assert undone.wait(WAIT)
            span.set_attribute("orders.order_id", "Z")
            tracer.start_span("late").end()

    pool, ctx = Pool(), Context(order=Order("A"))
    assert ctx.order is not None
    future = pool.enqueue(ctx.order, ctx, job)
    assert inside.wait(WAIT)
    HandoffInstrumentor().uninstrument()
    undone.set()
    future.result(WAIT)

    def afterwards(_order: Order, _ctx: Context) -> None:
        tracer.start_span("afterwards").end()

    row(afterwards)
    pool.close()
    found = {span.name: dict(span.attributes or {}) for span in telemetry.spans()}
    assert found["across"] == {"orders.order_id": "Z"}
    assert found["late"] == found["afterwards"] == {}
    assert telemetry.mismatches == []
    [processor] = ours(telemetry.tracer_provider)
    assert processor._open == {}  # pyright: ignore[reportPrivateUsage]


def test_spans_that_never_end_are_forgotten(telemetry: Telemetry) -> None:
    """The processor keeps nothing of a span that somebody dropped."""
    instrument(telemetry)
    tracer = telemetry.tracer_provider.get_tracer("user")
    [processor] = ours(telemetry.tracer_provider)
    kept: list[Any] = []

    def job(_order: Order, _ctx: Context) -> None:
        kept.extend(tracer.start_span("dropped") for _ in range(50))

    row(job)
    assert len(processor._open) == 50  # pyright: ignore[reportPrivateUsage]
    kept.clear()
    gc.collect()
    assert processor._open == {}  # pyright: ignore[reportPrivateUsage]
    assert telemetry.points("handoff.in_flight") == {(("handoff.boundary", "orders"),): 0}


def test_span_limits(telemetry: Telemetry) -> None:
    """Where a span holds few attributes, the user's come first in time and the row is none the worse."""
    narrow = TracerProvider(span_limits=SpanLimits(max_span_attributes=2, max_attribute_length=3))
    instrument(telemetry, tracer_provider=narrow)
    assert race() == [("B", None, "A"), ("B", None, "B")]
    assert [m.outcome for m in telemetry.mismatches] == ["used"]
    narrow.shutdown()


def test_always_off() -> None:
    """No span, but every other destination."""
    telemetry = Telemetry(ALWAYS_OFF)
    instrument(telemetry)
    assert race() == [("B", None, "A"), ("B", None, "B")]
    assert telemetry.spans() == []
    assert [m.outcome for m in telemetry.mismatches] == ["used"]
    assert len(telemetry.logs()) == 1
    assert telemetry.counted("handoff.mismatches") == {("orders", "call", "order_id", "used"): 1}
    telemetry.shutdown()


@pytest.mark.parametrize("mode", ["pin", "observe"])
def test_a_provider_that_does_nothing(mode: str, telemetry: Telemetry) -> None:
    """A NoOp provider takes no processor; mismatches are found, and their trace is none."""
    instrument(telemetry, mode, tracer_provider=NoOpTracerProvider())
    entries = race()
    assert entries == [("A" if mode == "pin" else "B", None, "A"), ("B", None, "B")]
    [mismatch] = telemetry.mismatches
    assert (mismatch.outcome, mismatch.trace_id, mismatch.span_id) == ("prevented" if mode == "pin" else "used", 0, 0)
    assert telemetry.spans() == []


def test_a_mismatch_of_an_unsampled_row_names_its_trace() -> None:
    """Ids of a span that is not recorded still say which request it was. Where there is none, none is made for it."""
    telemetry = Telemetry(ALWAYS_OFF)
    instrument(telemetry)
    with telemetry.tracer_provider.get_tracer("user").start_as_current_span("request") as request:
        race()
    [record] = telemetry.logs()
    assert telemetry.mismatches[0].trace_id == request.get_span_context().trace_id != 0
    assert record.log_record.trace_id == telemetry.mismatches[0].trace_id
    telemetry.shutdown()


LATER = """
import tests.hosts as hosts
from opentelemetry import trace
from otel_handoff import HandoffInstrumentor
from otel_handoff.elspeth import ElspethInstrumentor
from otel_handoff.processor import HandoffSpanProcessor
HandoffInstrumentor().instrument(mode="observe", boundaries=[hosts.boundary()])
ElspethInstrumentor().instrument()

def row(job):
    pool, ctx = hosts.Pool(), hosts.Context(order=hosts.Order("A"))
    pool.enqueue(ctx.order, ctx, job).result(20)
    pool.close()

row(lambda order, ctx: None)  # nobody to tell yet

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
provider, exporter = TracerProvider(), InMemorySpanExporter()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
for _ in range(3):
    row(lambda order, ctx: trace.get_tracer("user").start_span("user").end())
processors = provider._active_span_processor._span_processors
print(sum(isinstance(processor, HandoffSpanProcessor) for processor in processors))
print([(span.name, span.attributes["orders.order_id"]) for span in exporter.get_finished_spans()])
"""


def test_a_provider_that_is_set_later() -> None:
    """Instrumented before the application set its provider: it gets the processor with the next row, once."""
    from pathlib import Path

    printed = python(LATER, PYTHONPATH=str(Path(__file__).parents[2])).splitlines()
    assert printed == ["1", str([("user", "A"), ("process orders", "A")] * 3)]
