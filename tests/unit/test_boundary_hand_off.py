"""A boundary that a user declares works like ELSPETH's, on a pool and on a hand-written queue."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from otel_handoff import Call, HandoffInstrumentor, HandoffMismatchError, current_submission
from tests.hosts import WAIT, Context, Ledger, Order, Pool, QueuePool, back_to_back, boundary
from tests.telemetry import Telemetry

HOSTS = pytest.mark.parametrize("host", [Pool, QueuePool])
WATCH = pytest.mark.parametrize("watch", [True, False])


@pytest.fixture
def instrument(telemetry: Telemetry) -> Iterator[Any]:
    """Instrument a host; taken off again at the end."""

    def instrument(host: Any, mode: str, **options: Any) -> None:
        options = {"boundaries": [boundary(host)], **telemetry.options, **options}
        HandoffInstrumentor().instrument(mode=mode, **options)

    yield instrument
    if HandoffInstrumentor().is_instrumented_by_opentelemetry:
        HandoffInstrumentor().uninstrument()


def race(host: Any) -> tuple[list[tuple[Any, ...]], Any]:
    """Submit A and B back to back on one context; A's worker files its entry when B is submitted."""
    pool, ledger, ctx = host(), Ledger(), Context()
    submitted = threading.Event()

    def job(order: Order, ctx: Context) -> None:
        assert submitted.wait(WAIT)
        ledger.post(ctx.order.id if ctx.order else None, order.id)

    try:
        futures = back_to_back(pool, ctx, job, submitted)
        errors = [future.exception(WAIT) for future in futures]
    finally:
        submitted.set()
        pool.close()
    return ledger.entries, errors


@HOSTS
def test_without_instrumentation_the_worker_files_under_the_next_order(host: Any) -> None:
    """The race is real: A's entry is filed under B."""
    entries, _ = race(host)
    assert entries == [("B", None, "A"), ("B", None, "B")]


@HOSTS
@WATCH
def test_pin_keeps_each_order_its_own(host: Any, watch: bool, instrument: Any, telemetry: Telemetry) -> None:
    """The worker's own copy cures the race, and what would have happened is reported."""
    instrument(host, "pin", watch=watch)
    entries, _ = race(host)
    assert entries == [("A", None, "A"), ("B", None, "B")]
    assert [(m.evidence, m.outcome, dict(m.expected), dict(m.observed)) for m in telemetry.mismatches] == [
        ("read" if watch else "call", "prevented", {"order_id": "A"}, {"order_id": "B"})
    ]


@HOSTS
@WATCH
def test_observe_reports_the_wrong_call_once(host: Any, watch: bool, instrument: Any, telemetry: Telemetry) -> None:
    """Nothing changes but that the wrong call is named, with both sides."""
    instrument(host, "observe", watch=watch)
    entries, _ = race(host)
    assert entries == [("B", None, "A"), ("B", None, "B")]
    assert [(m.evidence, m.outcome, dict(m.expected), dict(m.observed)) for m in telemetry.mismatches] == [
        ("call", "used", {"order_id": "A"}, {"order_id": "B"})
    ]
    assert telemetry.counted("handoff.mismatches") == {("orders", "call", "order_id", "used"): 1}


def test_a_field_may_be_called_id(instrument: Any, telemetry: Telemetry) -> None:
    """It stands on the spans as `orders.id`, and is compared like any other."""
    calls = [Call("tests.hosts:Ledger.post", {"id": "order_id"})]
    instrument(Pool, "observe", boundaries=[boundary(Pool, fields={"id": "order.id"}, calls=calls)])
    race(Pool)
    assert [(dict(m.expected), dict(m.observed)) for m in telemetry.mismatches] == [({"id": "A"}, {"id": "B"})]
    rows = telemetry.spans("process orders")
    assert [span.attributes["orders.id"] for span in rows if span.attributes] == ["A", "B"]


@HOSTS
def test_strict_blocks_the_call(host: Any, instrument: Any, telemetry: Telemetry) -> None:
    """Nothing is filed under the wrong id; the worker gets the error."""
    instrument(host, "strict")
    entries, errors = race(host)
    assert entries == [("B", None, "B")]
    assert isinstance(errors[0], HandoffMismatchError)
    assert errors[1] is None
    assert [(m.evidence, m.outcome) for m in telemetry.mismatches] == [("call", "blocked")]
    assert errors[0].mismatch is telemetry.mismatches[0]


@HOSTS
def test_the_culprit_is_named(host: Any, instrument: Any, telemetry: Telemetry) -> None:
    """The report names the write that did it, and for which submission."""
    instrument(host, "observe")
    race(host)
    culprit = telemetry.mismatches[0].culprit
    assert culprit is not None
    assert (culprit.field, culprit.value, culprit.thread_name) == ("order_id", "B", threading.current_thread().name)
    assert culprit.location.startswith("tests/hosts.py:")
    assert culprit.location.endswith(" in back_to_back")
    assert culprit.submission is not None
    assert culprit.submission.ids["order_id"] == "B"


@HOSTS
def test_nothing_lingers_on_a_reused_thread(host: Any, instrument: Any) -> None:
    """After the work its thread has no submission, also when the work raised."""
    instrument(host, "observe")
    seen: list[object] = []
    pool, ctx = host(), Context(order=Order("A"))

    def job(order: Order, ctx: Context) -> None:
        seen.append(current_submission())
        raise KeyError(order.id)

    def look(order: Order, ctx: Context) -> None:
        seen.append(current_submission())

    try:
        with pytest.raises(KeyError):
            pool.enqueue(ctx.order, ctx, job).result(WAIT)
        function: Any = host.__dict__["_run"]
        direct: Any = function.__wrapped__  # past the wrapper, on the same thread
        if host is Pool:
            pool.executor.submit(direct, pool, ctx.order, ctx, look).result(WAIT)
        else:
            pool._run = functools.partial(direct, pool)
            pool.enqueue(ctx.order, ctx, look).result(WAIT)
    finally:
        pool.close()
    assert seen[0] is not None
    assert seen[1] is None
