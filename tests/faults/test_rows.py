"""Rows that never run, and instrumentation that comes, goes, and is there twice."""

from __future__ import annotations

import gc
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor
from otel_handoff.elspeth import BOUNDARIES, ElspethInstrumentor
from otel_handoff.handover.claims import LIMIT
from tests.faults.conftest import Host
from tests.faults.pipeline import IN_ORDER, RACING, Ran
from tests.hosts import Context, Order, Pool, QueuePool, boundary
from tests.telemetry import Telemetry

MODES = pytest.mark.parametrize("mode", ["observe", "pin"])


class Waiting(deque[Any]):
    """A queue that nobody serves."""

    def put(self, *item: Any) -> None:
        """Keep it."""
        self.append(item)

    submit = put


@pytest.mark.parametrize(("mode", "kind", "rows"), [("observe", Pool, 25_000), ("pin", QueuePool, 25_000)])
def test_rows_that_never_run(mode: str, kind: type[Any], rows: int, telemetry: Telemetry) -> None:
    """25,000 rows, more than can be claimed, are handed over and dropped: all that was kept for them is given back."""
    HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary(kind)], **telemetry.options)
    pool: Any = object.__new__(kind)
    ctx, queue = Context(), Waiting()
    pool.queue = pool.executor = queue

    def hand_over(count: int) -> None:
        for number in range(count):
            ctx.order = Order(str(number))
            pool.enqueue(ctx.order, ctx, len)

    hand_over(100)
    queue.clear()
    gc.collect()
    before = sys.getallocatedblocks()
    gc.disable()  # the collector would walk over all that waits, again and again
    try:
        hand_over(rows)
    finally:
        gc.enable()
    assert telemetry.counted("handoff.in_flight") == {("orders",): rows}
    assert sys.getallocatedblocks() - before > rows
    queue.clear()
    gc.collect()
    assert telemetry.counted("handoff.in_flight") == {}
    assert sys.getallocatedblocks() - before < rows / 2  # not one a row: Python keeps some for itself
    assert telemetry.mismatches == []


class Counting(dict[int, Any]):
    """Counts the keys that are looked at one by one."""

    looked_at = 0

    def __iter__(self) -> Iterator[int]:
        for key in super().__iter__():
            self.looked_at += 1
            yield key


def _its_id(_order: Order, ctx: Any) -> object:
    return ctx.order.id


def test_any_number_of_rows_waits_for_a_host_s_own_threads(telemetry: Telemetry) -> None:
    """However many rows wait for a host's own threads, the oldest has its own ids, and is checked."""
    HandoffInstrumentor().instrument(boundaries=[boundary(QueuePool)], **telemetry.options)
    pool: Any = object.__new__(QueuePool)
    ctx, pool.queue = Context(), Waiting()
    for number in range(2 * LIMIT):
        ctx.order = Order(str(number))
        pool.enqueue(ctx.order, ctx, _its_id)
    [(order, handed, job, _future)] = pool.queue[0]
    assert pool._run(order, handed, job) == "0"
    assert [(m.submission.ids["order_id"], m.outcome) for m in telemetry.mismatches] == [("0", "prevented")]


def test_rows_beyond_those_that_can_be_claimed(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Unpinned and with arguments that take no weak reference, 10,000 are: one more costs no more, and it is said."""
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary(QueuePool)], **telemetry.options)
    instrumentor: Any = HandoffInstrumentor()
    staying = instrumentor._handoffs[0].claims._staying = Counting()
    pool: Any = object.__new__(QueuePool)
    ctx, pool.queue = Context(), Waiting()
    order: Any = "an order that takes no weak reference"
    for _ in range(LIMIT + 100):
        pool.enqueue(order, ctx, len)
    assert len(staying) == LIMIT
    assert staying.looked_at <= 100
    assert telemetry.unchecked() == {"no_worker": 100}
    assert "more than 10,000 wait" in caplog.messages[0]


def test_blind_rows_dropped_from_a_queue_of_the_host_s_own(telemetry: Telemetry) -> None:
    """Unpinned, on a context that lives on, such rows count as in flight until it goes (10,000 of them at most)."""
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary(QueuePool)], **telemetry.options)
    pool: Any = object.__new__(QueuePool)
    ctx, pool.queue = Context(), Waiting()
    for number in range(100):
        ctx.order = Order(str(number))
        pool.enqueue(ctx.order, ctx, len)
    pool.queue.clear()
    gc.collect()
    assert telemetry.counted("handoff.in_flight") == {("orders",): 100}
    del ctx
    gc.collect()
    assert telemetry.counted("handoff.in_flight") == {}


@MODES
@pytest.mark.parametrize("first", ["elspeth", "handoff"])
def test_two_instrumentors(first: str, mode: str, host: Host, expected: dict[str, Ran], telemetry: Telemetry) -> None:
    """Two instrumentors on one class and one boundary, one of which observes: the trail is that of the other's mode."""

    def instrument(name: str) -> None:
        if name == "elspeth":
            ElspethInstrumentor().instrument(mode=mode, **telemetry.options)
        else:
            HandoffInstrumentor().instrument(mode="observe", boundaries=[BOUNDARIES[-1]])

    instrument(first)
    instrument("handoff" if first == "elspeth" else "elspeth")
    assert host.alone(RACING) == expected[mode]
    ElspethInstrumentor().uninstrument()
    HandoffInstrumentor().uninstrument()
    assert host.alone(RACING) == expected["observe"]


@MODES
def test_coming_and_going(mode: str, host: Host, expected: dict[str, Ran], telemetry: Telemetry) -> None:
    """`instrument()` and `uninstrument()` in a loop, while another thread's rows pass: the trail is the correct one."""
    over = threading.Event()
    rounds: list[None] = []

    def come_and_go() -> None:
        while not over.is_set():
            ElspethInstrumentor().instrument(mode=mode, **telemetry.options)
            ElspethInstrumentor().uninstrument()
            rounds.append(None)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        ran = [host.alone(IN_ORDER) for _ in range(3)]
    finally:
        over.set()
        thread.join()
    assert ran == [expected["pin"]] * 3
    assert len(rounds) > 3
    assert telemetry.mismatches == []


@MODES
def test_uninstrument_in_a_race(mode: str, host: Host, expected: dict[str, Ran]) -> None:
    """Undone while a racing row is at work, it leaves to that row what it has, and to those after it the bare host."""

    def undo(row_id: str, _attempt: int) -> None:
        if row_id == "row-0001":
            ElspethInstrumentor().uninstrument()

    ElspethInstrumentor().instrument(mode=mode, on_mismatch=host.told.append)
    ran = host.alone(RACING, on_submitted=undo)
    assert host.told == []
    if mode == "observe":
        assert ran == expected["observe"]
        return

    # Row 1 has its copy; rows 4 and 5 race as ever.
    def calls(trail: str, row: int) -> list[str]:
        return [line for line in trail.splitlines() if line.startswith("calls") and f"row-000{row}" in line]

    for row in range(7):
        as_in = expected["observe" if row in (4, 5) else "pin"]
        assert calls(ran.trail, row) == calls(as_in.trail, row)
