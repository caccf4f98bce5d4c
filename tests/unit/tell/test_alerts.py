"""Where a mismatch goes: each destination has the whole story, and none can keep it from the others."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import StatusCode, format_span_id

from otel_handoff import HandoffInstrumentor, HandoffMismatchError, Mismatch, current_submission
from otel_handoff.tell.alerts import describe
from tests.hosts import WAIT, Context, Ledger, Order, Pool, back_to_back, boundary
from tests.telemetry import Telemetry, exported

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


def instrument(telemetry: Telemetry, mode: str = "observe", **options: Any) -> None:
    """Instrument the pool."""
    HandoffInstrumentor().instrument(mode=mode, **{"boundaries": [boundary()], **telemetry.options, **options})


def race(telemetry: Telemetry | None = None, *, post: bool = True) -> list[BaseException | None]:
    """A's worker uses the context when B was submitted, each under a span of its own; returns what the rows raised."""
    pool, ledger, ctx, both = Pool(), Ledger(), Context(), threading.Event()
    tracer = telemetry.tracer_provider.get_tracer("host") if telemetry else None

    def job(order: Order, ctx: Context) -> None:
        assert both.wait(WAIT)
        read = ctx.order
        if post:
            ledger.post(read.id if read else None, order.id)

    futures: list[Any] = []
    for name in "AB":
        span = tracer.start_as_current_span(f"submit {name}") if tracer else None
        if span:
            span.__enter__()
        ctx.order = Order(name)
        futures.append(pool.enqueue(ctx.order, ctx, job))
        if span:
            span.__exit__(None, None, None)
    both.set()
    errors = [future.exception(WAIT) for future in futures]
    pool.close()
    return errors


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """The attributes of a span."""
    return dict(span.attributes or {})


def marks_of(span: ReadableSpan) -> dict[str, Any]:
    """Those of a mismatch."""
    of = ("handoff.m", "handoff.o", "handoff.c")
    return {name: value for name, value in attributes(span).items() if name.startswith(of)}


def told_as(order: str, telemetry: Telemetry) -> int:
    """The number of a submission."""
    rows = [attributes(span) for span in telemetry.spans(ROW)]
    return next(row["handoff.submission.id"] for row in rows if row["orders.order_id"] == order)


CALL, ROW = "Ledger.post", "process orders"
# What a pinned worker was spared is known by its read, and stands on the row's span.
OUTCOMES = pytest.mark.parametrize(
    ("mode", "outcome", "evidence", "carrier"),
    [
        ("observe", "used", "call", CALL),
        ("strict", "blocked", "call", CALL),
        ("pin", "prevented", "read", ROW),
    ],
)


def test_nobody_is_told_of_a_healthy_row(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """The control: no mismatch, nothing anywhere."""
    instrument(telemetry)
    pool, ctx = Pool(), Context(order=Order("A"))
    assert ctx.order is not None
    pool.enqueue(ctx.order, ctx, lambda order, _ctx: Ledger().post(order.id, "text")).result(WAIT)
    pool.close()
    assert telemetry.mismatches == []
    assert telemetry.logs() == []
    assert telemetry.counted("handoff.mismatches") == {}
    assert caplog.records == []
    assert [name for span in telemetry.spans() for name in attributes(span) if "mismatch" in name] == []
    assert {span.status.status_code for span in telemetry.spans()} == {StatusCode.UNSET}


@OUTCOMES
def test_the_open_span(mode: str, outcome: str, evidence: str, carrier: str, telemetry: Telemetry) -> None:
    """The span still open is marked: attributes, one event with both sides, and a status that says no id."""
    instrument(telemetry, mode)
    race(telemetry)
    wrong, *others = telemetry.spans(carrier)
    marks = marks_of(wrong)
    assert marks == {
        "handoff.mismatch.found": True,
        "handoff.mismatch.fields": ("order_id",),
        "handoff.mismatch.evidence": evidence,
        "handoff.mismatch.outcome": outcome,
        "handoff.observed.order_id": "B",
        "handoff.culprit.submission.id": told_as("B", telemetry),
    }
    assert attributes(wrong)["orders.order_id"] == "A"
    [event] = wrong.events
    assert event.name == "handoff.mismatch.found"
    told = dict(event.attributes or {})
    assert (told["handoff.expected.order_id"], told["handoff.observed.order_id"]) == ("A", "B")
    assert told["handoff.culprit.ids.order_id"] == "B"
    mismatch = telemetry.mismatches[0]
    where = f"{told['code.file.path']}:{told['code.line.number']} in {str(told['code.function.name']).split('.')[-1]}"
    assert where == mismatch.location
    assert told["code.file.path"] == "tell/test_alerts.py"
    assert str(told["handoff.culprit.location"]).endswith(" in race")
    assert (wrong.status.status_code is StatusCode.ERROR) is (outcome != "prevented")
    assert "order_id" not in (wrong.status.description or "")
    for span in others:
        assert "handoff.mismatch.found" not in attributes(span)


@OUTCOMES
def test_the_span_of_the_row(mode: str, outcome: str, evidence: str, carrier: str, telemetry: Telemetry) -> None:
    """It is marked and an error as that of its call is, and says which that was; the story is told once."""
    instrument(telemetry, mode)
    race(telemetry)
    row, other = telemetry.spans(ROW)
    [wrong] = [span for span in telemetry.spans(carrier) if span.events]
    assert sum(len(span.events) for span in telemetry.spans()) == 1 + (outcome == "blocked")  # which the work raises
    mine, its = marks_of(row), marks_of(wrong)
    teller = mine.pop("handoff.mismatch.span.id", None)
    context = wrong.get_span_context()
    assert context is not None
    assert teller == (format_span_id(context.span_id) if evidence == "call" else None)
    assert mine == its
    assert row.status.status_code is wrong.status.status_code
    assert "handoff.mismatch.found" not in attributes(other)


@OUTCOMES
def test_the_log_record(mode: str, outcome: str, evidence: str, carrier: str, telemetry: Telemetry) -> None:
    """One event record, in the span's trace, with the severity of its outcome and the full report as its body."""
    instrument(telemetry, mode)
    race(telemetry)
    [found] = telemetry.logs()
    record = found.log_record
    assert record.event_name == "handoff.mismatch.found"
    is_error = outcome != "prevented"
    assert record.severity_number == (SeverityNumber.ERROR if is_error else SeverityNumber.WARN)
    assert record.severity_text == ("ERROR" if is_error else "WARN")
    assert record.body == str(telemetry.mismatches[0])
    span = telemetry.spans(carrier)[0]
    context = span.get_span_context()
    assert context is not None
    assert (record.trace_id, record.span_id) == (context.trace_id, context.span_id)
    told = dict(record.attributes or {})
    event = dict(span.events[0].attributes or {})
    assert told == event
    assert (told["handoff.mismatch.outcome"], told["handoff.stale"]) == (outcome, False)
    assert found.instrumentation_scope is not None
    assert found.instrumentation_scope.name == "otel_handoff"


@OUTCOMES
def test_the_counter(mode: str, outcome: str, evidence: str, carrier: str, telemetry: Telemetry) -> None:
    """One count per field, evidence and outcome."""
    instrument(telemetry, mode)
    race()
    assert telemetry.counted("handoff.mismatches") == {("orders", evidence, "order_id", outcome): 1}


@OUTCOMES
def test_python_logging(
    mode: str, outcome: str, evidence: str, carrier: str, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """The full report, on the logger `otel_handoff`, at ERROR or WARNING."""
    instrument(telemetry, mode)
    race()
    [record] = caplog.records
    assert (record.name, record.levelno) == ("otel_handoff", logging.WARNING if mode == "pin" else logging.ERROR)
    assert record.getMessage() == str(telemetry.mismatches[0])
    assert f"HANDOFF MISMATCH ({outcome})" in record.getMessage()


@OUTCOMES
def test_the_hook(mode: str, outcome: str, evidence: str, carrier: str, telemetry: Telemetry) -> None:
    """It gets the mismatch as plain data that survives JSON; in strict mode the worker gets the same."""
    instrument(telemetry, mode)
    errors = race(telemetry)
    [mismatch] = telemetry.mismatches
    assert (mismatch.outcome, mismatch.is_error, mismatch.evidence) == (outcome, mode != "pin", evidence)
    data: Any = json.loads(json.dumps(mismatch.as_dict()))
    assert (data["expected"], data["observed"]) == ({"order_id": "A"}, {"order_id": "B"})
    assert data["culprit"]["submission"]["ids"]["order_id"] == "B"
    context = telemetry.spans(carrier)[0].get_span_context()
    assert context is not None
    assert (mismatch.trace_id, mismatch.span_id) == (context.trace_id, context.span_id)
    if mode == "strict":
        assert isinstance(errors[0], HandoffMismatchError)
        assert errors[0].mismatch is mismatch
    else:
        assert errors == [None, None]


def test_a_read_is_told_on_the_row_span(telemetry: Telemetry) -> None:
    """A wrong id that was only read marks the row."""
    instrument(telemetry)
    race(post=False)
    first, second = telemetry.spans("process orders")
    assert (attributes(first)["handoff.mismatch.evidence"], attributes(first)["handoff.mismatch.outcome"]) == (
        "read",
        "used",
    )
    assert first.status.status_code is StatusCode.ERROR
    assert "handoff.mismatch.found" not in attributes(second)


# -- hooks that misbehave


def test_a_hook_that_raises(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """A warning with the traceback, no error of ours, and all other destinations are served."""

    def hook(_mismatch: Mismatch) -> None:
        raise LookupError("pager is down")

    instrument(telemetry, on_mismatch=hook)
    assert race() == [None, None]
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "The on_mismatch hook raised" in warning.getMessage()
    assert warning.exc_info
    assert str(warning.exc_info[1]) == "pager is down"
    assert len(telemetry.logs()) == 1
    assert telemetry.counted("handoff.mismatches") == {("orders", "call", "order_id", "used"): 1}
    assert telemetry.counted("handoff.internal_errors") == {}


@pytest.mark.parametrize("mode", ["pin", "observe"])
@pytest.mark.parametrize("post", [True, False])
def test_a_hook_that_uses_everything(mode: str, post: bool, telemetry: Telemetry) -> None:
    """It reads the ids again, prints the context, files an entry and starts a span: no further mismatch comes of it."""
    seen: list[object] = []
    context: list[Context] = []

    def hook(mismatch: Mismatch) -> None:
        ctx = context[0]
        seen.append((mismatch.evidence, ctx.order, ctx.attempt, current_submission()))
        logging.getLogger("host").error("%r of %r", mismatch, ctx)
        Ledger().post(ctx.order.id if ctx.order else None, "from the hook")
        with telemetry.tracer_provider.get_tracer("hook").start_as_current_span("hook"):
            assert ctx.describe()

    instrument(telemetry, mode, on_mismatch=hook)
    pool, ctx, both = Pool(), Context(), threading.Event()
    context.append(ctx)

    def job(order: Order, ctx: Context) -> None:
        assert both.wait(WAIT)
        read = ctx.order
        if post:
            Ledger().post(read.id if read else None, order.id)

    futures = back_to_back(pool, ctx, job, both)
    for future in futures:
        future.result(WAIT)
    pool.close()
    assert seen == [("call" if post and mode == "observe" else "read", Order("B"), None, None)]
    assert len(telemetry.spans("hook")) == 1


def test_a_handler_that_reads_the_context(telemetry: Telemetry) -> None:
    """A logging handler of the host that prints ids from the context does not set off another alarm."""
    ctx = Context()
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{ctx.describe()} {ctx!r}")

    instrument(telemetry)
    handler = Handler()
    logging.getLogger("otel_handoff").addHandler(handler)
    pool, both = Pool(), threading.Event()

    def job(_order: Order, ctx: Context) -> object:
        assert both.wait(WAIT)
        return ctx.order

    futures = back_to_back(pool, ctx, job, both)
    for future in futures:
        future.result(WAIT)
    pool.close()
    logging.getLogger("otel_handoff").removeHandler(handler)
    assert len(lines) == len(telemetry.mismatches) == 1


# -- more than one mismatch on one span


def test_the_worst_stays_on_the_span(telemetry: Telemetry) -> None:
    """A span that carries a `used` says so, whatever milder mismatch follows on it; each has its event."""
    instrument(telemetry, "pin", boundaries=[boundary(calls=())])
    tracer = telemetry.tracer_provider.get_tracer("user")
    pool, ctx, both = Pool(), Context(), threading.Event()

    def job(_order: Order, ctx: Context) -> object:
        assert both.wait(WAIT)
        tracer.start_span("wrong", attributes={"orders.attempt": "Z"}).end()
        return ctx.order

    futures: list[Any] = []
    ctx.attempt = "1"
    for name in "AB":
        ctx.order = Order(name)
        futures.append(pool.enqueue(ctx.order, ctx, job))
    both.set()
    for future in futures:
        future.result(WAIT)
    pool.close()
    row = telemetry.spans("process orders")[0]
    outcomes = [(event.attributes or {})["handoff.mismatch.outcome"] for event in row.events]
    assert outcomes == ["used", "prevented"]
    assert row.status.status_code is StatusCode.ERROR
    assert attributes(row)["handoff.mismatch.outcome"] == "used"
    assert set(attributes(row)["handoff.mismatch.fields"]) >= {"attempt"}


def test_a_culprit_is_that_of_the_mismatch_that_the_span_describes(telemetry: Telemetry) -> None:
    """An error takes the place of a warning whose culprit is known; its own is not."""
    instrument(telemetry)
    race(telemetry)
    [used] = telemetry.mismatches
    assert used.culprit is not None
    with telemetry.tracer_provider.get_tracer("user").start_as_current_span("both") as span:
        describe(dataclasses.replace(used, outcome="exposed"), span, span)
        describe(dataclasses.replace(used, culprit=None), span, span)
    [both] = telemetry.spans("both")
    marks = attributes(both)
    assert (marks["handoff.mismatch.outcome"], marks["handoff.culprit.submission.id"]) == ("used", 0)


@pytest.mark.filterwarnings("ignore:Log record attributes were dropped due to limits")
def test_log_attribute_limits(telemetry: Telemetry) -> None:
    """Where a log record holds few attributes, it still comes, and its body tells the whole."""
    from opentelemetry.sdk import _logs

    if not hasattr(_logs, "LogRecordLimits"):
        pytest.skip("before SDK 1.39 a provider takes no limits")
    provider = _logs.LoggerProvider(log_record_limits=_logs.LogRecordLimits(max_attributes=3))
    exporter = exported(provider)
    instrument(telemetry, logger_provider=provider)
    race()
    [record] = exporter.get_finished_logs()
    provider.shutdown()
    assert record.log_record.body == str(telemetry.mismatches[0])
    assert len(record.log_record.attributes or {}) == 3


def test_exporters_that_fail(telemetry: Telemetry) -> None:
    """A backend that is down is the exporter's business: the rows are done, and the hook is told."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

    class Down(SpanExporter):
        def export(self, spans: Any) -> Any:
            raise ConnectionError("down")

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Down()))
    instrument(telemetry, tracer_provider=provider)
    assert race() == [None, None]
    assert [m.outcome for m in telemetry.mismatches] == ["used"]
    provider.shutdown()


def test_without_any_provider(caplog: pytest.LogCaptureFixture) -> None:
    """With the API alone, Python logging and the hook are told."""
    told: list[Mismatch] = []
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary()], on_mismatch=told.append)
    assert race() == [None, None]
    assert [(m.outcome, m.trace_id) for m in told] == [("used", 0)]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
