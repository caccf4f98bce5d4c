"""A host that hands its worker a copy of its own is cured: nothing is told of the context that it submitted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hazards.conftest import Instrument
from tests.hazards.rows import Overtaken, changed_by_somebody, overtake, to_b, told
from tests.hosts import CopyingPool, Order, boundary
from tests.telemetry import Telemetry

MODES = pytest.mark.parametrize("mode", ["observe", "pin"])
WATCH = pytest.mark.parametrize("watch", [True, False])
BOUNDARIES = [boundary(CopyingPool)]


def read(_order: Order, ctx: Any) -> Any:
    """Read the order's id."""
    return ctx.order.id


@MODES
@WATCH
def test_the_submitted_context_moves_on(mode: str, watch: bool, instrument: Instrument, telemetry: Telemetry) -> None:
    """While the worker has begun, and waits: no read of it would have been wrong."""
    instrument(mode, watch=watch, boundaries=BOUNDARIES)
    pool = CopyingPool()
    assert overtake(read, pool=pool) == "A"
    pool.close()
    assert told(telemetry) == []


@MODES
@WATCH
def test_it_moves_on_before_the_work_begins(
    mode: str, watch: bool, instrument: Instrument, telemetry: Telemetry
) -> None:
    """The only worker is still at the row before."""
    instrument(mode, watch=watch, boundaries=BOUNDARIES)
    pool = CopyingPool()
    before = Overtaken(read, pool=pool)
    row = Overtaken(read, pool=pool)
    to_b(row.ctx)
    assert (before.go(), row.go()) == ("A", "A")
    pool.close()
    assert told(telemetry) == []


@MODES
def test_the_copy_itself_is_changed(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Somebody got hold of it: the worker reads a wrong id, and it is told."""
    instrument(mode, boundaries=BOUNDARIES)
    assert changed_by_somebody(read, CopyingPool()) == "B"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]
