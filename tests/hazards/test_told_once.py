"""A wrong id of which it is told what became of it is no news when it is read again."""

from __future__ import annotations

from typing import Any

from tests.hazards.conftest import Instrument
from tests.hazards.rows import overtake, told
from tests.hosts import Ledger, Order
from tests.telemetry import Telemetry


def test_a_wrong_id_is_read_again_after_its_call(instrument: Instrument, telemetry: Telemetry) -> None:
    """The call is told; the reads before and after it are part of it."""

    def body(_order: Order, ctx: Any) -> Any:
        Ledger().post(ctx.order.id, "entry")
        return ctx.order.id

    instrument("observe")
    assert overtake(body) == "B"
    assert told(telemetry) == [("A", "call", "used", {"order_id": "B"})]


def test_another_wrong_id_is_read_after_a_call(instrument: Instrument, telemetry: Telemetry) -> None:
    """It was not told, so it is news."""

    def body(_order: Order, ctx: Any) -> Any:
        Ledger().post(ctx.order.id, "entry")
        return ctx.attempt

    def change(ctx: Any) -> None:
        ctx.order = Order("B")
        ctx.attempt = "2"

    instrument("observe")
    assert overtake(body, change) == "2"
    assert told(telemetry) == [
        ("A", "call", "used", {"order_id": "B"}),
        ("A", "read", "used", {"attempt": "2"}),
    ]
