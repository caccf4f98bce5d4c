"""A row shares several objects: its desk, which it is given, and the client that all have."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffMismatchError
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk
from tests.hosts import WAIT
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class Client:
    """Sends for a tenant."""

    tenant: Any = None


class Shop:
    """Bills orders, each for a tenant."""

    def __init__(self) -> None:
        self.client, self.pool = Client(), ThreadPoolExecutor(1)
        self.go, self.filed = threading.Event(), list[Any]()

    def enqueue(self, row: str, ctx: Any) -> Any:
        """Submit function."""
        return self.pool.submit(self.bill, row, ctx)

    def enclosed(self, row: str, ctx: Any) -> Any:
        """Hand over what calls the work function."""
        return self.pool.submit(lambda: self.bill(row, ctx))

    def bill(self, row: str, ctx: Any) -> None:
        """Work function."""
        assert self.go.wait(WAIT)
        try:
            self.file(ctx.order_id, self.client.tenant)
        except HandoffMismatchError:
            self.filed.append((row, "blocked"))
        else:
            self.filed.append((row, ctx.order_id, self.client.tenant))

    def file(self, order: Any, tenant: Any) -> None:
        """What is compared."""


def declare(**options: Any) -> Boundary:
    """Both are shared."""
    declared: dict[str, Any] = {
        "name": "shop",
        "submit": f"{__name__}:Shop.enqueue",
        "work": f"{__name__}:Shop.bill",
        "context": ("ctx", "self.client"),
        "fields": {"order": "ctx.order_id", "tenant": "self.client.tenant"},
        "calls": [Call(f"{__name__}:Shop.file", {"order": "order", "tenant": "tenant"})],
    }
    return Boundary(**{**declared, **options})


def bill(way: str, *, overtakes: bool) -> list[Any]:
    """Hand over A and B; return what was filed."""
    shop, ctx = Shop(), Desk()
    handed: list[Any] = []
    for row in "AB":
        ctx.order_id, shop.client.tenant = row, row.lower()
        handed.append(getattr(shop, way)(row, ctx))
        if not overtakes:
            shop.go.set()
            handed[-1].result(WAIT)
    shop.go.set()
    for each in handed:
        each.result(WAIT)
    shop.pool.shutdown()
    return shop.filed


WAYS = pytest.mark.parametrize("way", ["enqueue", "alone", "enclosed"])


def started(way: str, mode: str, instrument: Instrument, **options: Any) -> str:
    """Instrument it; return what hands over."""
    instrument(mode, boundaries=[declare(**({} if way == "enqueue" else {"submit": None}), **options)])
    return "enqueue" if way == "alone" else way


@WAYS
@IN_EACH_MODE
def test_each_of_them_is_judged(
    mode: str, way: str, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """And in pin, a worker is given what was submitted where it reads either."""
    filed = bill(started(way, mode, instrument), overtakes=True)
    wrong = {"order": "B", "tenant": "b"}
    if mode == "pin":
        assert filed == [("A", "A", "a"), ("B", "B", "b")]
        assert {m.outcome for m in telemetry.mismatches} == {"prevented"}
    else:
        assert filed == [("A", "blocked") if mode == "strict" else ("A", "B", "b"), ("B", "B", "b")]
        assert dict(telemetry.mismatches[0].observed) == wrong
        assert len([m for m in telemetry.mismatches if m.outcome in ("used", "blocked")]) == 1
    assert all(m.culprit is not None and "bill" in m.culprit.location for m in telemetry.mismatches)
    assert telemetry.unchecked() == {}
    assert [
        each.getMessage()
        for each in caplog.records
        if each.levelno == logging.WARNING
        if "MISM" not in each.getMessage()
    ] == []


@WAYS
@IN_EACH_MODE
def test_a_right_run_is_right(mode: str, way: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Nothing is told."""
    assert bill(started(way, mode, instrument), overtakes=False) == [("A", "A", "a"), ("B", "B", "b")]
    assert telemetry.mismatches == []
    assert telemetry.unchecked() == {}


house = Client()


@IN_EACH_MODE
def test_one_of_them_is_in_a_module(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is judged as the other is."""
    here = f"{__name__}:house"
    fields = {"order": "ctx.order_id", "tenant": f"{here}.tenant"}
    instrument(mode, boundaries=[declare(submit=None, context=("ctx", here), fields=fields)])
    shop, ctx = Shop(), Desk()
    shop.client = house
    handed: list[Any] = []
    for row in "AB":
        ctx.order_id, house.tenant = row, row.lower()
        handed.append(shop.pool.submit(shop.bill, row, ctx))
    shop.go.set()
    for each in handed:
        each.result(WAIT)
    shop.pool.shutdown()
    first = {"observe": ("A", "B", "b"), "strict": ("A", "blocked"), "pin": ("A", "A", "a")}[mode]
    assert shop.filed == [first, ("B", "B", "b")]
    assert telemetry.unchecked() == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fields": {"tenant": "client.tenant"}}, "starts at none of 'ctx', 'self.client', which are shared"),
        ({"fields": {"order": "ctxx.order_id"}}, "Did you mean 'ctx'"),
        ({"fields": {"order": "order_id"}}, "Did you mean 'ctx.order_id'"),
        ({"context": ()}, "context is empty"),
        ({"context": ("ctx", "self..client")}, "there is no name between two '.'"),
        ({"takes": "queue:Queue.get", "submit": None}, "context is one place on the item"),
    ],
)
def test_a_mistake_is_named(options: dict[str, Any], said: str) -> None:
    """With what was perhaps meant."""
    with pytest.raises(ValueError, match="Boundary 'shop'") as error:
        declare(**options)
    assert said in str(error.value)


def test_a_place_that_is_not_there(instrument: Instrument, caplog: pytest.LogCaptureFixture) -> None:
    """The others are judged all the same; which is not, is said."""
    fields = {"order": "ctx.order_id", "tenant": "shop.client.tenant"}
    instrument("observe", boundaries=[declare(context=["ctx", "shop.client"], fields=fields)])
    assert any("no parameter 'shop'" in text and "of 'shop.client'" in text for text in caplog.messages)
    bill("enqueue", overtakes=True)
