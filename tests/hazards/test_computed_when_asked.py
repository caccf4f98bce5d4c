"""A field that the host computes when it is first asked for, and keeps from then on, is not asked for by us."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import functools
from typing import Any

import pytest

from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Host, OwnHost, declare
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class Cached:
    """By the standard library."""

    def __init__(self, row: str = "the first") -> None:
        self.row = row
        self.asked: list[str] = []

    @functools.cached_property
    def order_id(self) -> str:
        """The id."""
        self.asked.append(self.row)
        return self.row


class Reified:
    """What frameworks have for that."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __get__(self, instance: Any, _owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = vars(instance)[self.function.__name__] = self.function(instance)
        return value


class ByDescriptor(Cached):
    """By a descriptor of the host's own."""

    @Reified
    def order_id(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The id."""
        self.asked.append(self.row)
        return self.row


class ByLookUp:
    """By a look-up that keeps what it finds."""

    def __init__(self, row: str = "the first") -> None:
        self.row = row
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name != "order_id":
            raise AttributeError(name)
        self.asked.append(self.row)
        self.__dict__[name] = self.row
        return self.row


class Fills(OwnHost):
    """Fills in the row, and only then may be asked."""

    def submit(self, ctx: Any, body: Any) -> Any:
        if "order_id" in vars(ctx):
            del ctx.order_id
        ctx.row = "A"
        return self.pool.submit(self.work, ctx, body)


def file(ctx: Any) -> Any:
    """File the order."""
    Ledger().post(ctx.order_id, "entry")
    return ctx.order_id, ctx.asked


@IN_EACH_MODE
@pytest.mark.parametrize("watch", [True, False])
@pytest.mark.parametrize("context", [Cached, ByDescriptor, ByLookUp])
@pytest.mark.parametrize("is_kept", [False, True])
def test_the_worker_asks_first(
    is_kept: bool, context: Any, watch: bool, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It gets what it would get without us; that its row was not compared is told. So it is if that was taken away."""
    instrument(mode, watch=watch, boundaries=[declare(Fills)])
    host, ctx = Fills(), context()
    if is_kept and watch:
        assert ctx.order_id == "the first"
        ctx.asked.clear()
    assert host.submit(ctx, file).result(WAIT) == ("A", ["A"])
    host.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"field_computed": 1}


@IN_EACH_MODE
@pytest.mark.parametrize("context", [Cached, ByDescriptor, ByLookUp])
def test_what_it_keeps_by_then_is_compared(
    context: Any, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It is read where it is kept."""
    instrument(mode, boundaries=[declare(Host)])
    host, ctx = Host(), context("A")
    assert ctx.order_id == "A"
    ctx.row = "B"
    assert host.submit(ctx, file).result(WAIT) == ("A", ["A"])
    assert telemetry.unchecked() == {}

    def wrong(ctx: Any) -> None:
        Ledger().post("C", "entry")

    host.submit(ctx, wrong).exception(WAIT)
    host.close()
    assert [dict(observed) for _, _, _, observed in told(telemetry)] == [{"order_id": "C"}]


class Delegates:
    """Keeps its id one object further: each read is the same."""

    def __init__(self, row: Any) -> None:
        self.row = row

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["row"], name)


@IN_EACH_MODE
def test_a_look_up_that_keeps_nothing_is_used(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is how such contexts are read."""
    instrument(mode, boundaries=[declare(Host)])
    host, ctx = Host(), Delegates(Cached("A"))
    ctx.row.order_id = "A"

    def wrong(ctx: Any) -> None:
        Ledger().post("C", "entry")

    host.submit(ctx, wrong).exception(WAIT)
    host.close()
    assert [dict(observed) for _, _, _, observed in told(telemetry)] == [{"order_id": "C"}]
    assert telemetry.unchecked() == {}
