"""The metrics: exact names, units, attributes; zeros at birth; nothing stays in flight, whatever becomes of rows."""

from __future__ import annotations

import gc
import queue
import threading
import weakref
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_handoff import Boundary, Call, HandoffInstrumentor
from tests.hosts import WAIT, Context, Order, Pool, QueuePool, boundary
from tests.telemetry import Telemetry

FIELDS = ("order_id", "attempt")
POINT = (("handoff.boundary", "orders"),)


def nothing(_order: Order, _ctx: Context) -> None:
    """Do no work."""


def instrument(telemetry: Telemetry, mode: str = "observe", **options: Any) -> None:
    """Instrument the pool."""
    HandoffInstrumentor().instrument(mode=mode, **{"boundaries": [boundary()], **telemetry.options, **options})


def collected(reader: InMemoryMetricReader) -> dict[str, Any]:
    """Metric name -> metric, of this package's scope."""
    data = reader.get_metrics_data()
    return {
        metric.name: metric
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        if scope.scope.name == "otel_handoff"
        for metric in scope.metrics
    }


def test_names_units_and_kinds() -> None:
    """What dashboards and alerts are built on."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary()], meter_provider=provider)
    pool = Pool()
    pool.enqueue(Order("A"), Context(), nothing).result(WAIT)
    pool.close()
    found = {
        name: (metric.unit, type(metric.data).__name__, getattr(metric.data, "is_monotonic", None))
        for name, metric in collected(reader).items()
    }
    provider.shutdown()
    assert found == {
        "handoff.submissions": ("{submission}", "Sum", True),
        "handoff.mismatches": ("{mismatch}", "Sum", True),
        "handoff.sent_rows": ("{row}", "Sum", True),
        "handoff.arrived_rows": ("{row}", "Sum", True),
        "handoff.unchecked_rows": ("{row}", "Sum", True),
        "handoff.untold_mismatches": ("{mismatch}", "Sum", True),
        "handoff.stale_work": ("{row}", "Sum", True),
        "handoff.in_flight": ("{row}", "Sum", False),
        "handoff.internal_errors": ("{error}", "Sum", True),
        "handoff.queue.duration": ("s", "Histogram", None),
    }


def test_born_at_zero(telemetry: Telemetry) -> None:
    """Before the first row there is a zero for everything that an alert may watch rise, and never an id."""
    instrument(telemetry)
    for metric in ("submissions", "stale_work", "in_flight", "sent_rows", "arrived_rows"):
        assert telemetry.points(f"handoff.{metric}") == {POINT: 0}
    assert telemetry.points("handoff.internal_errors").keys() == {()}
    mismatches = telemetry.points("handoff.mismatches")
    assert set(mismatches.values()) == {0}
    assert {tuple(name for name, _ in key) for key in mismatches} == {
        ("handoff.boundary", "handoff.mismatch.evidence", "handoff.mismatch.field", "handoff.mismatch.outcome")
    }
    said = {(evidence, field, outcome) for (_, (_, evidence), (_, field), (_, outcome)) in mismatches}
    for field in FIELDS:
        for evidence, outcome in [("call", "used"), ("result", "used"), ("read", "used"), ("span", "used")]:
            assert (evidence, field, outcome) in said
        assert ("call", field, "blocked") in said
        assert ("call", field, "prevented") in said


def test_nothing_is_born_without_instrumentation(telemetry: Telemetry) -> None:
    """A provider alone has none of our metrics."""
    pool = Pool()
    pool.enqueue(Order("A"), Context(), nothing).result(WAIT)
    pool.close()
    assert telemetry.points("handoff.submissions") == {}
    assert telemetry.points("handoff.mismatches") == {}


def test_each_series_has_a_bound_number_of_points(telemetry: Telemetry) -> None:
    """However many rows and ids there are, no new series appears."""
    instrument(telemetry)
    before = {name: set(telemetry.points(name)) for name in ("handoff.mismatches", "handoff.submissions")}
    pool, ctx, both = Pool(), Context(), threading.Event()

    def job(_order: Order, ctx: Context) -> object:
        assert both.wait(WAIT)
        return ctx.order

    futures: list[Any] = []
    for number in range(50):
        ctx.order = Order(str(number))
        futures.append(pool.enqueue(ctx.order, ctx, job))
    both.set()
    for future in futures:
        future.result(WAIT)
    pool.close()
    assert telemetry.counted("handoff.mismatches") == {("orders", "read", "order_id", "used"): 49}
    assert telemetry.counted("handoff.submissions") == {("orders",): 50}
    assert {name: set(telemetry.points(name)) for name in before} == before


def test_in_flight_and_queue_duration(telemetry: Telemetry) -> None:
    """In flight from the hand-over to the end of the work; the queue's duration is told once per row, in seconds."""
    instrument(telemetry)
    pool, ctx, release, started = Pool(), Context(), threading.Event(), threading.Event()

    def job(_order: Order, _ctx: Context) -> None:
        started.set()
        assert release.wait(WAIT)

    futures = [pool.enqueue(Order(name), ctx, job) for name in "ABC"]
    assert started.wait(WAIT)
    assert telemetry.points("handoff.in_flight") == {POINT: 3}
    assert telemetry.points("handoff.queue.duration") == {POINT: 1}
    release.set()
    for future in futures:
        future.result(WAIT)
    pool.close()
    assert telemetry.points("handoff.in_flight") == {POINT: 0}
    assert telemetry.points("handoff.queue.duration") == {POINT: 3}
    durations: list[Any] = [
        (span.attributes or {})["handoff.queue.duration"] for span in telemetry.spans("process orders")
    ]
    assert all(isinstance(value, float) and 0 <= value < WAIT for value in durations)


class Weak(Context):
    """Takes weak references, as any plain class does."""


@pytest.mark.parametrize("mode", ["pin", "observe"])
@pytest.mark.parametrize("watch", [True, False])
def test_cancelled_rows_leak_nothing(mode: str, watch: bool, telemetry: Telemetry) -> None:
    """Of 500 rows that are cancelled in the pool's queue, neither context nor job nor count is left."""
    instrument(telemetry, mode, watch=watch)
    pool, release, started = Pool(), threading.Event(), threading.Event()

    def block(_order: Order, _ctx: Context) -> None:
        started.set()
        assert release.wait(WAIT)

    blocked = pool.enqueue(Order("first"), Context(), block)
    assert started.wait(WAIT)
    contexts: list[weakref.ref[Weak]] = []
    jobs: list[weakref.ref[Any]] = []
    futures: list[Any] = []

    def submit(name: str) -> None:
        ctx = Weak(order=Order(name))
        contexts.append(weakref.ref(ctx))

        def job(_order: Order, _ctx: Context) -> None:
            raise AssertionError(name)

        jobs.append(weakref.ref(job))
        futures.append(pool.enqueue(Order(name), ctx, job))
        ctx.attempt = "later"  # a write that is on record

    for number in range(500):
        submit(str(number))
    assert telemetry.points("handoff.in_flight") == {POINT: 501}
    assert all(future.cancel() for future in futures)
    futures.clear()
    release.set()
    blocked.result(WAIT)
    pool.close()
    del blocked
    gc.collect()
    assert telemetry.points("handoff.in_flight") == {POINT: 0}
    assert [ref for ref in (*contexts, *jobs) if ref() is not None] == []
    assert telemetry.mismatches == []
    assert [span.name for span in telemetry.spans()] == ["process orders"]


class Idle:
    """An executor that never gets to its work."""

    def __init__(self) -> None:
        self.items: queue.Queue[Any] = queue.Queue()

    def submit(self, *item: Any) -> None:
        """Keep it."""
        self.items.put(item)


@pytest.mark.parametrize("mode", ["pin", "observe"])
@pytest.mark.parametrize("host", [Pool, QueuePool])
def test_a_queue_that_is_dropped_leaks_nothing(mode: str, host: Any, telemetry: Telemetry) -> None:
    """Rows in a queue that nobody will ever work on go with the queue."""
    instrument(telemetry, mode, boundaries=[boundary(host)])
    pool = host.__new__(host)  # no threads: nobody works
    pool.executor = Idle()
    pool.queue = pool.executor.items
    contexts: list[weakref.ref[Weak]] = []

    def submit(name: str) -> None:
        ctx = Weak(order=Order(name))
        contexts.append(weakref.ref(ctx))
        pool.enqueue(Order(name), ctx, nothing)

    for number in range(100):
        submit(str(number))
    gc.collect()
    assert telemetry.points("handoff.in_flight") == {POINT: 100}
    pool.queue.queue.clear()
    gc.collect()
    assert telemetry.points("handoff.in_flight") == {POINT: 0}
    assert [ref for ref in contexts if ref() is not None] == []


def test_boundaries_of_two_instrumentors_share_a_provider(telemetry: Telemetry) -> None:
    """Two owners with one provider create each instrument once, and a second coming counts on."""
    import otel_handoff.demo.pipeline.batching  # pyright: ignore[reportUnusedImport]  # noqa: F401  its host is there
    from otel_handoff.elspeth import ElspethInstrumentor

    ElspethInstrumentor().instrument(mode="observe", **telemetry.options)
    try:
        for _ in range(2):
            instrument(telemetry)
            pool = Pool()
            pool.enqueue(Order("A"), Context(), nothing).result(WAIT)
            pool.close()
            HandoffInstrumentor().uninstrument()
    finally:
        ElspethInstrumentor().uninstrument()
    assert telemetry.points("handoff.submissions") == {
        (("handoff.boundary", "elspeth"),): 0,
        (("handoff.boundary", "orders"),): 2,
    }


class Retrying(Pool):
    """Gives up on orders, too."""

    def give_up(self, order_id: str) -> bool:
        """Evict."""
        return order_id != "unknown"


def retrying(**options: Any) -> Boundary:
    """The hand-off of the pool that retries: an order is a row."""
    return boundary(
        submit=f"{__name__}:Retrying.enqueue",
        work=f"{__name__}:Retrying._run",
        row="order_id",
        evict=Call(f"{__name__}:Retrying.give_up", {"order_id": "order_id"}),
        **options,
    )


@pytest.mark.parametrize("how", ["evicted", "superseded", "neither"])
def test_stale_work_is_counted_once(how: str, telemetry: Telemetry) -> None:
    """Work whose submission was given up, or tried again, counts as stale and its span says so."""
    instrument(telemetry, boundaries=[retrying()])
    pool, ctx, started, go = Retrying(2), Context(), threading.Event(), threading.Event()

    def slow(_order: Order, _ctx: Context) -> None:
        started.set()
        assert go.wait(WAIT)

    ctx.order = Order("A")
    late = pool.enqueue(ctx.order, ctx, slow)
    assert started.wait(WAIT)
    if how == "evicted":
        assert pool.give_up("A")
    elif how == "superseded":
        pool.enqueue(ctx.order, ctx, nothing).result(WAIT)
    else:
        assert not pool.give_up("unknown")
    go.set()
    late.result(WAIT)
    pool.close()
    stale = how != "neither"
    assert telemetry.points("handoff.stale_work") == {POINT: int(stale)}
    marks = [(span.attributes or {}).get("handoff.stale") for span in telemetry.spans("process orders")]
    assert sorted(marks, key=str) == ([None, True] if how == "superseded" else [True] if stale else [None])


def test_a_meter_provider_is_not_kept_alive() -> None:
    """After shutdown and uninstrument a provider, its reader and our instruments can go."""

    def once() -> weakref.ref[MeterProvider]:
        provider = MeterProvider(metric_readers=[InMemoryMetricReader()])
        HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary()], meter_provider=provider)
        HandoffInstrumentor().uninstrument()
        provider.shutdown()
        return weakref.ref(provider)

    provider = once()
    gc.collect()
    assert provider() is None
