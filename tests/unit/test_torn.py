"""A call whose reads disagree is said to be torn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from otel_handoff import Call, HandoffInstrumentor
from tests.hosts import WAIT, Context, Order, Pool, boundary
from tests.telemetry import Telemetry


class Register:
    """Files an entry in two steps, as an audit trail does: first a number, then the entry."""

    def number(self, order_id: str | None) -> int:
        """Take a number under `order_id`."""
        return len(order_id or "")

    def file(self, order_id: str | None, number: int, attempt: str | None = None) -> None:
        """File the entry."""


HERE = f"{__name__}:Register"
FILE = Call(f"{HERE}.file", {"order_id": "order_id", "attempt": "attempt"})
NUMBER = Call(f"{HERE}.number", {"order_id": "order_id"}, evidence="read")


def run(
    telemetry: Telemetry, body: Callable[[Context, Callable[[str], None]], object], *, mode: str = "observe"
) -> Any:
    """Work on A; the body says when the submitting thread writes the next order."""
    HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary(calls=[NUMBER, FILE])], **telemetry.options)
    pool, ctx = Pool(), Context(order=Order("A"), attempt="A1")
    turns = {name: (threading.Event(), threading.Event()) for name in ("A", "B")}

    def turn(name: str) -> None:
        wanted, done = turns[name]
        wanted.set()
        assert done.wait(WAIT)

    future = pool.enqueue(Order("A"), ctx, lambda _order, ctx: body(ctx, turn))
    b = Order("B")

    def write(name: str) -> None:
        wanted, done = turns[name]
        if wanted.wait(WAIT if not future.done() else 0):
            ctx.order = b if name == "B" else Order("A")
            done.set()

    writer = threading.Thread(target=lambda: [write("B"), write("A")])
    future.add_done_callback(lambda _: [wanted.set() for wanted, _ in turns.values()])
    writer.start()
    future.exception(WAIT)
    writer.join(WAIT)
    pool.close()
    return [(m.evidence, m.outcome, dict(m.observed), m.torn) for m in telemetry.mismatches]


def order_of(ctx: Context) -> str | None:
    """What the context says now."""
    return ctx.order.id if ctx.order else None


def test_a_right_number_under_a_wrong_entry(telemetry: Telemetry) -> None:
    """The number was taken under A, the entry is filed under B."""

    def body(ctx: Context, turn: Callable[[str], None]) -> None:
        number = Register().number(order_of(ctx))
        turn("B")
        Register().file(order_of(ctx), number, "A1")

    (told,) = run(telemetry, body)
    assert told == ("call", "used", {"order_id": "B"}, True)
    assert "\n    Torn: " in str(telemetry.mismatches[0])
    assert telemetry.mismatches[0].as_dict()["torn"] is True
    (log,) = telemetry.logs()
    assert (log.log_record.attributes or {})["handoff.mismatch.torn"] is True


def test_a_wrong_number_under_a_right_entry(telemetry: Telemetry) -> None:
    """The entry is filed under A, as it should be, with a number of B: the read that took the number says so."""

    def body(ctx: Context, turn: Callable[[str], None]) -> None:
        turn("B")
        number = Register().number(order_of(ctx))
        turn("A")
        Register().file(order_of(ctx), number, "A1")

    told = run(telemetry, body)
    assert told
    assert {entry[:2] for entry in told} == {("read", "used")}
    assert all(torn for *_, torn in told)


def test_both_wrong_is_not_torn(telemetry: Telemetry) -> None:
    """Number and entry are B's, both."""

    def body(ctx: Context, turn: Callable[[str], None]) -> None:
        turn("B")
        number = Register().number(order_of(ctx))
        Register().file(order_of(ctx), number, ctx.attempt)

    assert run(telemetry, body) == [("call", "used", {"order_id": "B"}, False)]


def test_a_number_of_an_earlier_call_tears_none(telemetry: Telemetry) -> None:
    """Each call answers for what was taken since the one before it."""

    def body(ctx: Context, turn: Callable[[str], None]) -> None:
        Register().file(order_of(ctx), Register().number(order_of(ctx)), "A1")
        turn("B")
        Register().file("B", 1, "A1")

    told = run(telemetry, body)
    assert [entry[3] for entry in told] == [False]


def test_nothing_is_said_when_all_are_the_row_s(telemetry: Telemetry) -> None:
    """The control."""
    assert run(telemetry, lambda ctx, _turn: Register().file(order_of(ctx), Register().number("A"), "A1")) == []
