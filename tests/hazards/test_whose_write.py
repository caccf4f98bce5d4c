"""Of several writes, which one it was, and whose."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from otel_handoff.handover.written import LIMIT, record_of
from tests.hazards.conftest import Instrument
from tests.hazards.rows import Overtaken, Refusing, culprits, told
from tests.hosts import WAIT, Context, Order, Pool
from tests.telemetry import Telemetry

MAIN = threading.current_thread().name
WRONG = [("A", "read", "used", {"order_id": "B"})]


def read(_order: Order, ctx: Any) -> Any:
    """Read the id off the context."""
    return ctx.order.id


def test_the_last_of_several_writes_of_one_value(instrument: Instrument, telemetry: Telemetry) -> None:
    """The submitting thread wrote B and took it back; then another thread wrote it again."""
    instrument("observe")
    row, b = Overtaken(read), Order("B")
    row.wait_until_begun()
    row.ctx.order = b
    row.ctx.order = Order("A")

    def write() -> None:
        row.ctx.order = b

    writer = threading.Thread(target=write, name="the last")
    writer.start()
    writer.join(WAIT)
    assert row.go() == "B"
    assert told(telemetry) == WRONG
    assert culprits(telemetry) == ["the last"]


def test_what_was_just_written_is_on_record(instrument: Instrument) -> None:
    """However full the record is: it is old writes that are dropped."""
    instrument("observe")
    row = Overtaken(read)
    record = record_of(row.ctx)
    assert record is not None
    for number in range(5 * LIMIT):
        order = row.ctx.order = Order(str(number))
        found = record.newest("order", lambda value, order=order: value is order)
        assert found is not None
    row.go()


def test_another_worker_s_write_is_not_one_s_own(instrument: Instrument, telemetry: Telemetry) -> None:
    """Two rows share a context and both write; the first reads what the second wrote."""
    instrument("observe")
    pool, ctx = Pool(2), Context(order=Order("A"))
    begun, own, written = threading.Event(), threading.Event(), threading.Event()

    def first(_order: Order, ctx: Any) -> Any:
        assert begun.wait(WAIT)
        ctx.order = Order("own")
        own.set()
        assert written.wait(WAIT)
        return ctx.order.id

    def second(_order: Order, ctx: Any) -> Any:
        begun.set()
        assert own.wait(WAIT)
        ctx.order = Order("B")
        written.set()
        return threading.current_thread().name

    order = Order("A")
    futures: list[Any] = [pool.enqueue(order, ctx, job) for job in (first, second)]
    found, writer = [future.result(WAIT) for future in futures]
    pool.close()
    assert found == "B"
    assert told(telemetry) == WRONG
    assert culprits(telemetry) == [writer]


def test_a_refused_write_does_not_make_another_s_one_s_own(instrument: Instrument, telemetry: Telemetry) -> None:
    """The worker tries to write B, which somebody else has written before, is refused, and reads it."""
    instrument("observe")
    b = Order("B")

    def body(_order: Order, ctx: Any) -> Any:
        with pytest.raises(ValueError, match="refused"):
            ctx.order = b
        return ctx.order.id

    row = Overtaken(body, Refusing())
    row.wait_until_begun()
    row.ctx.order = b
    row.ctx.refuses = True
    assert row.go() == "B"
    assert told(telemetry) == WRONG
    assert culprits(telemetry) == [MAIN]


def test_a_refused_write_does_not_hide_what_a_pinned_worker_is_spared(
    instrument: Instrument, telemetry: Telemetry
) -> None:
    """The worker tries to write, is refused, and reads: without its own copy it would have read B."""
    instrument("pin")

    def body(_order: Order, ctx: Any) -> Any:
        ctx.refuses = True
        with pytest.raises(ValueError, match="refused"):
            ctx.order = Order("own")
        return ctx.order.id

    row = Overtaken(body, Refusing())
    row.wait_until_begun()
    row.ctx.order = Order("B")
    assert row.go() == "A"
    assert told(telemetry) == [("A", "read", "prevented", {"order_id": "B"})]
