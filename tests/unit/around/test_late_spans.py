"""With `spans=mismatch` a row in order has no span, and one that is not has it late, with what was true of it."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as context_api
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON, Decision, StaticSampler
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode

from otel_handoff import Call, HandoffInstrumentor, current_submission
from otel_handoff.around.late_spans import LateCall, LateRow
from otel_handoff.host.guard import Tally, guard
from tests.hosts import WAIT, Context, Ledger, Order, Pool, back_to_back, boundary
from tests.telemetry import Telemetry, needs_sdk

Job = Callable[[Order, Context], Any]
ROW, CALL, JUDGED = "process orders", "Ledger.post", "judged orders"

pytestmark = pytest.mark.usefixtures("sdk")


@pytest.fixture
def sdk() -> None:
    """These are about spans of the SDK."""
    needs_sdk()


def instrument(telemetry: Telemetry, spans: str = "mismatch", mode: str = "observe", **options: Any) -> None:
    """Instrument the pool."""
    given = {"boundaries": [boundary()], **telemetry.options, **options}
    HandoffInstrumentor().instrument(mode=mode, spans=spans, **given)


def work(*jobs: Job, pool: Pool | None = None) -> list[Any]:
    """Hand a row over for each job, one after the other; return what they returned, or the errors."""
    pool, found = pool or Pool(), list[Any]()
    try:
        for job in jobs:
            ctx = Context(order=Order("A"))
            assert ctx.order is not None
            future = pool.enqueue(ctx.order, ctx, job)
            found.append(future.exception(WAIT) or future.result(WAIT))
    finally:
        pool.close()
    return found


def right(_order: Order, ctx: Context) -> None:
    """File under the row's own id."""
    Ledger().post(ctx.order.id if ctx.order else None, "text")


def wrong(_order: Order, _ctx: Context) -> None:
    """File under another id."""
    Ledger().post("Z", "text")


def carried(span: ReadableSpan) -> dict[str, Any]:
    """What a span carries."""
    return dict(span.attributes or {})


def names(telemetry: Telemetry) -> list[str]:
    """The names of the spans of rows and calls, in the order of their ends."""
    return [span.name for span in telemetry.spans() if span.name != JUDGED]


def judged(telemetry: Telemetry) -> dict[str, int]:
    """What the spans say that stand for rows without."""
    found: dict[str, int] = {}
    for span in telemetry.spans(JUDGED):
        assert (span.parent, span.kind, list(span.links)) == (None, SpanKind.INTERNAL, [])
        assert carried(span)["handoff.boundary"] == "orders"
        for name, count in carried(span).items():
            if name.startswith("handoff.judged."):
                found[name.removeprefix("handoff.judged.")] = found.get(name.removeprefix("handoff.judged."), 0) + count
    return found


def submitting(telemetry: Telemetry) -> Any:
    """The span that a row is handed over in."""
    return telemetry.tracer_provider.get_tracer("host").start_as_current_span("submit")


# -- a row in order


@pytest.mark.parametrize("trace_", ["child", "link"])
@pytest.mark.parametrize("watch", [True, False])
@pytest.mark.parametrize("mode", ["pin", "observe", "strict"])
def test_a_row_in_order_has_no_span(mode: str, watch: bool, trace_: str, telemetry: Telemetry) -> None:
    """Nor have its calls; that they were judged is said by one span, which is in no trace of theirs."""
    instrument(telemetry, mode=mode, watch=watch, trace=trace_)
    with submitting(telemetry):
        work(right, right, right)
    HandoffInstrumentor().uninstrument()
    assert names(telemetry) == ["submit"]
    unwatched = {} if watch or mode == "pin" else {"unwatched": 3}
    assert judged(telemetry) == {"rows": 3, **unwatched}
    assert telemetry.mismatches == []
    assert telemetry.counted("handoff.submissions") == {("orders",): 3}


class Started(SpanProcessor):
    """Counts the spans that were asked for, also those that never ended."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """One more."""
        self.names.append(span.name)


def test_none_is_started_either(telemetry: Telemetry) -> None:
    """A span that is started and thrown away would cost as much."""
    started = Started()
    telemetry.tracer_provider.add_span_processor(started)
    instrument(telemetry)
    work(right, right)
    assert [name for name in started.names if name != JUDGED] == []
    work(wrong)
    assert [name for name in started.names if name != JUDGED] == [ROW, CALL]


def test_work_that_raises_is_in_order(telemetry: Telemetry) -> None:
    """An error of the host's is no mismatch: it goes on as it came, and has no span."""
    instrument(telemetry)
    error = KeyError("the host's")

    def job(order: Order, ctx: Context) -> None:
        right(order, ctx)
        raise error

    assert work(job) == [error]
    HandoffInstrumentor().uninstrument()
    assert names(telemetry) == []
    assert judged(telemetry) == {"rows": 1}


def test_what_the_worker_sees_is_the_submitter_s(telemetry: Telemetry) -> None:
    """Its current span and baggage are the submitter's, its row is its own, and its thread keeps nothing."""
    instrument(telemetry)

    def job(_order: Order, _ctx: Context) -> Any:
        submission = current_submission()
        assert submission is not None
        return trace.get_current_span(), baggage.get_baggage("tenant"), submission.ids["order_id"]

    pool = Pool()
    token = context_api.attach(baggage.set_baggage("tenant", "acme"))
    try:
        with submitting(telemetry) as submit:
            ctx = Context(order=Order("A"))
            assert ctx.order is not None
            assert pool.enqueue(ctx.order, ctx, job).result(WAIT) == (submit, "acme", "A")
    finally:
        context_api.detach(token)
    assert pool.executor.submit(lambda: trace.get_current_span()).result(WAIT) is INVALID_SPAN
    pool.close()


def test_nothing_of_a_row_in_order_is_left(telemetry: Telemetry) -> None:
    """Not even for the collector to find: it would run the more often."""
    instrument(telemetry)
    gc.collect()
    gc.disable()
    try:
        work(right, right)
        assert [each for each in gc.get_objects() if isinstance(each, (LateRow, LateCall))] == []
    finally:
        gc.enable()


@pytest.mark.parametrize("is_wrong", [True, False])
def test_a_call_of_a_task_that_outlives_its_row(is_wrong: bool, telemetry: Telemetry) -> None:
    """It has a span if its row has one, and is kept by nobody if not."""
    instrument(telemetry)
    go, inner, done = threading.Event(), Pool(), list[Any]()

    def job(order: Order, ctx: Context) -> None:
        def task() -> None:
            assert go.wait(WAIT)
            right(order, ctx)

        (wrong if is_wrong else right)(order, ctx)
        done.append(inner.executor.submit(task))

    work(job)
    go.set()
    done[0].result(WAIT)
    inner.close()
    assert names(telemetry) == ([CALL, ROW, CALL] if is_wrong else [])


# -- a row that is not


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_a_wrong_call_has_its_span_and_its_row_s(mode: str, telemetry: Telemetry) -> None:
    """Both are in the submitter's trace, with the times and attributes that they have with `spans=all`."""
    found: list[list[ReadableSpan]] = []
    for spans in ("all", "mismatch"):
        instrument(telemetry, spans, mode, attributes="all")
        before = time.time_ns()
        with submitting(telemetry) as submit:
            work(wrong)
        HandoffInstrumentor().uninstrument()
        row, call = telemetry.spans(ROW)[-1], telemetry.spans(CALL)[-1]
        assert row.parent == submit.get_span_context()
        assert call.parent == row.get_span_context()
        times = [before, row.start_time, call.start_time, call.end_time, row.end_time, time.time_ns()]
        assert times == sorted(times)  # pyright: ignore[reportArgumentType]
        found.append([row, call])
        [*_, record] = telemetry.logs()
        assert record.log_record.trace_id == row.get_span_context().trace_id  # pyright: ignore[reportOptionalMemberAccess]
        assert record.log_record.span_id == call.get_span_context().span_id  # pyright: ignore[reportOptionalMemberAccess]
        assert telemetry.mismatches[-1].span_id == call.get_span_context().span_id  # pyright: ignore[reportOptionalMemberAccess]

    def told(span: ReadableSpan) -> Any:
        events = [(event.name, sorted(event.attributes or {})) for event in span.events]
        values = {name: carried(span)[name] for name in carried(span) if "mismatch" in name or "order" in name}
        values.pop("handoff.mismatch.span.id", None)  # each run has its own
        status = span.status.status_code, span.status.description
        return span.name, span.kind, sorted(carried(span)), values, events, len(span.links), status

    assert [told(span) for span in found[1]] == [told(span) for span in found[0]]


def test_when_the_work_was_is_true(telemetry: Telemetry) -> None:
    """The row began and ended when it did, and so did the calls before and after the wrong one."""
    instrument(telemetry)
    marks: list[int] = []

    def job(order: Order, _ctx: Context) -> None:
        marks.append(time.time_ns())
        Ledger().post(order.id, "before")
        marks.append(time.time_ns())
        Ledger().post("Z", "wrong", latency_ms=5)
        marks.append(time.time_ns())
        Ledger().post(order.id, "after")
        marks.append(time.time_ns())

    work(job)
    [row], calls = telemetry.spans(ROW), sorted(telemetry.spans(CALL), key=lambda span: span.end_time or 0)
    before, at, after = calls
    assert row.start_time is not None
    assert row.end_time is not None
    assert row.start_time <= marks[0]
    assert row.end_time >= marks[3]
    for call, low, high in ((before, 0, 1), (after, 2, 3)):
        assert marks[low] <= (call.start_time or 0) <= (call.end_time or 0) <= marks[high]
    assert marks[1] <= (at.end_time or 0) <= marks[2]
    assert (at.end_time or 0) - (at.start_time or 0) == 5_000_000
    [event] = at.events
    assert marks[1] <= event.timestamp <= marks[2]
    assert [call.parent for call in calls] == [row.get_span_context()] * 3


def test_a_wrong_read_is_told_at_the_end(telemetry: Telemetry) -> None:
    """It is an event of the row's, with the time of the read."""
    instrument(telemetry)
    marks: list[int] = []

    def job(_order: Order, ctx: Context) -> None:
        ctx_of_row, marks_of_row = ctx, marks
        moved.set()
        assert go.wait(WAIT)
        marks_of_row.append(time.time_ns())
        assert ctx_of_row.order is not None
        marks_of_row.append(time.time_ns())

    moved, go, pool = threading.Event(), threading.Event(), Pool()
    ctx = Context(order=Order("A"))
    assert ctx.order is not None
    future = pool.enqueue(ctx.order, ctx, job)
    assert moved.wait(WAIT)
    ctx.order = Order("B")
    go.set()
    future.result(WAIT)
    pool.close()
    [row] = telemetry.spans(ROW)
    [event] = row.events
    assert marks[0] <= event.timestamp <= marks[1]
    assert carried(row)["handoff.mismatch.evidence"] == "read"
    assert [log.log_record.span_id for log in telemetry.logs()] == [row.get_span_context().span_id]  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize("parent", [True, False])
@pytest.mark.parametrize("trace_", ["child", "link"])
def test_whose_child_it_is(trace_: str, parent: bool, telemetry: Telemetry) -> None:
    """The submitter's; or, with `trace=link`, its own trace with a link. The log record is in the row's trace."""
    instrument(telemetry, trace=trace_)
    submit = trace.INVALID_SPAN
    if parent:
        with submitting(telemetry) as submit:
            work(wrong)
    else:
        work(wrong)
    [row] = telemetry.spans(ROW)
    context = submit.get_span_context()
    assert row.parent == (context if parent and trace_ == "child" else None)
    assert [link.context.span_id for link in row.links] == ([context.span_id] if parent and trace_ == "link" else [])
    assert {log.log_record.trace_id for log in telemetry.logs()} == {row.get_span_context().trace_id}  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize("is_wrong", [True, False])
def test_the_error_that_the_work_raised(is_wrong: bool, telemetry: Telemetry) -> None:
    """Row and calls say what they raised, by type and place, as ever; where nothing is wrong, nothing says it."""
    instrument(
        telemetry,
        boundaries=[boundary(calls=[Call("tests.unit.around.test_late_spans:Shop.order", {"order_id": "id_"})])],
    )

    def job(order: Order, _ctx: Context) -> None:
        with pytest.raises(ValueError, match="closed"):
            Shop().order(order.id, fails=True)
        if is_wrong:
            Shop().order("Z")
        raise RuntimeError("work")

    assert isinstance(work(job)[0], RuntimeError)
    if not is_wrong:
        assert names(telemetry) == []
        return
    [row] = telemetry.spans(ROW)
    assert (row.status.status_code, row.status.description) == (StatusCode.ERROR, "RuntimeError")
    [event] = row.events
    assert dict(event.attributes or {})["exception.type"] == "RuntimeError"
    failed = next(span for span in telemetry.spans("Shop.order") if "handoff.mismatch.found" not in carried(span))
    assert failed.status.description == "ValueError"
    assert "Shop" not in str(failed.events[0].attributes) or "closed" not in str(failed.events[0].attributes)
    assert [event.name for event in failed.events] == ["exception"]


class Shop:
    """A host."""

    def order(self, id_: str, *, fails: bool = False) -> str:
        """File, or fail."""
        if fails:
            raise ValueError("closed")
        return id_


def test_a_row_has_so_many_calls(telemetry: Telemetry) -> None:
    """A hundred are remembered, as plain values; how many there were beyond, the row says."""
    instrument(telemetry)

    def job(order: Order, ctx: Context) -> None:
        for _ in range(130):
            Ledger().post(order.id, "text")
        wrong(order, ctx)

    work(job)
    [row] = telemetry.spans(ROW)
    assert len(telemetry.spans(CALL)) == 101
    assert carried(row)["handoff.calls.beyond"] == 30


def test_stale_work_has_a_span(telemetry: Telemetry) -> None:
    """What is marked today is marked late, though no mismatch is told of it."""
    instrument(telemetry, boundaries=[boundary(row="order_id")])
    started, go = threading.Event(), threading.Event()

    def hang(_order: Order, _ctx: Context) -> None:
        started.set()
        assert go.wait(WAIT)

    pool = Pool(2)
    first, second = Context(order=Order("A")), Context(order=Order("A"))
    assert first.order is not None
    assert second.order is not None
    late = pool.enqueue(first.order, first, hang)
    assert started.wait(WAIT)
    pool.enqueue(second.order, second, right).result(WAIT)
    go.set()
    late.result(WAIT)
    pool.close()
    HandoffInstrumentor().uninstrument()
    [row] = telemetry.spans(ROW)
    assert carried(row)["handoff.stale"] is True
    assert judged(telemetry) == {"rows": 1}


def test_a_row_that_is_not_judged_has_a_span(telemetry: Telemetry) -> None:
    """Also one that is not judged in a field: else nobody could count it."""
    instrument(telemetry, boundaries=[boundary(fields={"order_id": "order.id", "other": "nowhere"})])
    work(right)
    HandoffInstrumentor().uninstrument()
    [row] = telemetry.spans(ROW)
    assert carried(row)["handoff.unchecked.reason"] == "field_unresolved"
    assert carried(row)["handoff.unchecked.fields"] == ("other",)
    assert judged(telemetry) == {}


# -- spans of others


def test_a_span_of_others_is_tagged_and_compared(telemetry: Telemetry) -> None:
    """It is a child of the submitter's span, carries the ids, and a wrong one is told on the row's span."""
    instrument(telemetry)
    tracer = telemetry.tracer_provider.get_tracer("user")

    def job(_order: Order, _ctx: Context) -> None:
        tracer.start_span("tagged").end()
        tracer.start_span("wrong", attributes={"orders.order_id": "Z"}).end()

    with submitting(telemetry) as submit:
        work(job)
    [tagged], [odd], [row] = telemetry.spans("tagged"), telemetry.spans("wrong"), telemetry.spans(ROW)
    assert carried(tagged) == {"orders.order_id": "A"}
    assert tagged.parent == odd.parent == submit.get_span_context()
    assert (carried(row)["handoff.mismatch.evidence"], carried(row)["handoff.observed.order_id"]) == ("span", "Z")
    assert [event.name for event in row.events] == ["handoff.mismatch.found"]
    [record] = telemetry.logs()
    assert record.log_record.trace_id == submit.get_span_context().trace_id


class NoneInside(SpanProcessor):
    """Fails where a span is started while another is being ended: a processor of the SDK's waits for that for ever."""

    def __init__(self) -> None:
        self.started_inside: list[str] = []
        self._ending = threading.local()

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Note where."""
        if getattr(self._ending, "now", False):
            self.started_inside.append(span.name)

    def mark(self, span: ReadableSpan, *, ending: bool) -> None:
        """A span is being ended, or was."""
        self._ending.now = ending


class First(SpanProcessor):
    """Comes before ours."""

    def __init__(self, inside: NoneInside) -> None:
        self._inside = inside

    def on_end(self, span: ReadableSpan) -> None:
        """What comes after, comes while the span is being ended."""
        self._inside.mark(span, ending=True)


class Last(First):
    """Comes after ours."""

    def on_end(self, span: ReadableSpan) -> None:
        """It is over."""
        self._inside.mark(span, ending=False)


def test_no_span_is_started_while_one_is_ended(telemetry: Telemetry) -> None:
    """`ConcurrentMultiSpanProcessor` runs each processor in a pool, and waits for all: it would wait for itself."""
    inside = NoneInside()
    telemetry.tracer_provider.add_span_processor(First(inside))
    instrument(telemetry)
    telemetry.tracer_provider.add_span_processor(Last(inside))
    telemetry.tracer_provider.add_span_processor(inside)
    tracer = telemetry.tracer_provider.get_tracer("user")
    work(lambda _order, _ctx: tracer.start_span("wrong", attributes={"orders.order_id": "Z"}).end())
    assert len(telemetry.spans(ROW)) == 1
    assert inside.started_inside == []


# -- sampling


def test_a_wrong_row_that_is_not_sampled_is_told_all_the_same(telemetry: Telemetry) -> None:
    """By log record, metric and hook; and the span that counts rows says that one has none."""
    unsampled = Telemetry(DEFAULT_ON)
    instrument(unsampled)
    caller = trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=True, trace_flags=trace.TraceFlags(0)))
    with trace.use_span(caller):
        work(right, wrong)
    HandoffInstrumentor().uninstrument()
    assert names(unsampled) == []
    assert judged(unsampled) == {"rows": 1, "lost": 1}
    assert len(unsampled.mismatches) == len(unsampled.logs()) == 1
    assert unsampled.logs()[0].log_record.trace_id == 1
    assert sum(unsampled.counted("handoff.mismatches").values()) == 1
    unsampled.shutdown()


def test_a_mismatch_after_the_end_of_its_row(telemetry: Telemetry) -> None:
    """There is no span to tell it with any more: it is counted as one that spans do not tell."""
    instrument(telemetry)
    tracer, left = telemetry.tracer_provider.get_tracer("user"), list[Any]()

    def job(order: Order, ctx: Context) -> None:
        right(order, ctx)
        left.append(tracer.start_span("outlives it"))

    work(job)
    left[0].set_attribute("orders.order_id", "Z")
    left[0].end()
    HandoffInstrumentor().uninstrument()
    assert len(telemetry.mismatches) == 1
    assert names(telemetry) == ["outlives it"]
    assert judged(telemetry) == {"rows": 1, "lost": 1}


# -- nothing else changes


@pytest.mark.parametrize("watch", [True, False])
@pytest.mark.parametrize("mode", ["pin", "observe", "strict"])
def test_the_host_and_the_alerts_are_the_same(mode: str, watch: bool) -> None:
    """What is filed, returned, raised, told to the hook, logged and counted does not depend on the spans."""

    def run(spans: str) -> object:
        telemetry, ledger, both, pool, ctx = Telemetry(), Ledger(), threading.Event(), Pool(), Context()
        instrument(telemetry, spans, mode, watch=watch)

        def job(order: Order, ctx: Context) -> str:
            assert both.wait(WAIT)
            ledger.post(order.id, "captured")
            if order.id == "C":
                raise LookupError(order.id)
            ledger.post(ctx.order.id if ctx.order else None, "read")
            return ctx.describe()

        futures = back_to_back(pool, ctx, job, both, "ABCD")
        ended = [type(future.exception(WAIT)).__name__ for future in futures]
        returned = [future.result() for future in futures if future.exception() is None]
        pool.close()
        HandoffInstrumentor().uninstrument()
        told = [
            (
                m.evidence,
                m.outcome,
                dict(m.expected),
                dict(m.observed),
                m.target,
                m.location,
                m.occurrence,
                bool(m.culprit),
            )
            for m in telemetry.mismatches
        ]
        logs = [log.log_record.severity_text for log in telemetry.logs()]
        counts = (
            telemetry.counted("handoff.mismatches"),
            telemetry.counted("handoff.submissions"),
            telemetry.unchecked(),
        )
        telemetry.shutdown()
        return ledger.entries, ended, returned, told, logs, counts

    every = run("all")
    assert run("mismatch") == every
    assert run("sampled") == every


# -- nothing of ours reaches the host


class Broken(SpanProcessor):
    """A processor of the user's that fails."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Fail for ours."""
        if span.name in (ROW, CALL, JUDGED):
            raise RuntimeError("broken processor")


def test_a_processor_that_fails_changes_nothing_but_the_spans(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work returns what it returns, and the mismatch is told elsewhere."""
    monkeypatch.setattr(guard, "reraise", False)
    monkeypatch.setattr(guard, "errors", Tally())
    telemetry.tracer_provider.add_span_processor(Broken())
    instrument(telemetry)

    def job(order: Order, ctx: Context) -> str:
        wrong(order, ctx)
        return "done"

    assert work(right, job) == [None, "done"]
    HandoffInstrumentor().uninstrument()
    assert len(telemetry.mismatches) == len(telemetry.logs()) == 1
    assert guard.errors.value >= 2


def test_a_provider_that_comes_later(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then nobody makes spans, and nothing is counted for them; from then on those of others are compared."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    instrument(telemetry, tracer_provider=None)
    work(right, wrong)
    assert (len(telemetry.mismatches), telemetry.spans()) == (1, [])
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", telemetry.tracer_provider)
    tracer = telemetry.tracer_provider.get_tracer("user")
    work(lambda _order, _ctx: tracer.start_span("tagged").end())
    assert carried(telemetry.spans("tagged")[0]) == {"orders.order_id": "A"}


def test_uninstrumented_it_says_no_more(telemetry: Telemetry) -> None:
    """What was counted is said once."""
    for _ in range(2):
        instrument(telemetry)
        work(right)
        HandoffInstrumentor().uninstrument()
    assert judged(telemetry) == {"rows": 2}


# -- spans=sampled


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("spans", ["all", "sampled"])
def test_only_sampled_traces_are_asked_for_spans(spans: str, sampled: bool, telemetry: Telemetry) -> None:
    """With `sampled`, in a trace that is not sampled no span is asked for, of a row or of a call."""
    asked: list[str] = []

    class Asked(StaticSampler):
        def should_sample(self, *given: Any, **named: Any) -> Any:
            asked.append(given[2] if len(given) > 2 else named["name"])
            return DEFAULT_ON.should_sample(*given, **named)

    own = Telemetry(Asked(Decision.DROP))
    instrument(own, spans)
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if sampled else 0)
    caller = trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=True, trace_flags=flags))

    def job(order: Order, ctx: Context) -> object:
        wrong(order, ctx)
        return trace.get_current_span()

    with trace.use_span(caller):
        [current] = work(job)
    assert asked == ([] if spans == "sampled" and not sampled else [ROW, CALL])
    assert names(own) == ([CALL, ROW] if sampled else [])
    assert (current is caller) == (spans == "sampled" and not sampled)
    assert len(own.mismatches) == len(own.logs()) == 1
    own.shutdown()


def test_without_a_parent_the_sampler_is_asked(telemetry: Telemetry) -> None:
    """There is no trace yet of which it could be known."""
    instrument(telemetry, "sampled")
    work(right)
    assert names(telemetry) == [CALL, ROW]


# -- attributes


@pytest.mark.parametrize("attributes", ["few", "all"])
def test_what_nobody_needs_of_a_row_in_order(attributes: str, telemetry: Telemetry) -> None:
    """Where the row was handed over, and the number of the worker's thread, are said on demand; or with a mismatch."""
    instrument(telemetry, "all", attributes=attributes)
    work(right)
    on_demand = {"thread.id", "handoff.submission.location"}
    [row] = telemetry.spans(ROW)
    assert on_demand & carried(row).keys() == (on_demand if attributes == "all" else set())
    assert carried(row)["thread.name"].startswith("pool")
    work(wrong)
    [_, call] = telemetry.spans(CALL)
    assert "test_late_spans.py" in carried(call)["handoff.submission.location"]


def test_a_provider_of_the_sdk_is_found(telemetry: Telemetry) -> None:
    """Its processor is put on it as ever, also where no span is made."""
    provider = TracerProvider()
    instrument(telemetry, tracer_provider=provider)
    found: Any = provider._active_span_processor._span_processors  # pyright: ignore[reportPrivateUsage]
    assert len(found) == 1


@pytest.mark.parametrize("mode", ["observe", "strict"])
@pytest.mark.parametrize("spans", ["all", "sampled", "mismatch"])
def test_a_call_whose_span_is_not_recorded_is_told_with_its_row(spans: str, mode: str) -> None:
    """A sampler may take the span of the row alone: who reads that is not to believe that all was well."""

    class Rows(StaticSampler):
        def should_sample(self, *given: Any, **named: Any) -> Any:
            name = given[2] if len(given) > 2 else named["name"]
            own = DEFAULT_ON if name == ROW else ALWAYS_OFF
            return own.should_sample(*given, **named)

        def get_description(self) -> str:
            return "Rows"

    own = Telemetry(Rows(Decision.RECORD_AND_SAMPLE))
    instrument(own, spans, mode=mode)
    work(wrong)
    HandoffInstrumentor().uninstrument()
    [row] = own.spans()
    assert row.name == ROW
    assert "handoff.mismatch.found" in [event.name for event in row.events]
    assert row.context is not None
    assert own.mismatches[0].span_id == row.context.span_id
    own.shutdown()
