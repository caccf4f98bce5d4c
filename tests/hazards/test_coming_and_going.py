"""Instrumenting and uninstrumenting while others do so, or work.

Instrumenting twice, wrong orders of functions, other libraries' function wrappers and the loop under load are tested in
tests/unit/test_instrumentors.py; here it is about rows in flight and about the context's class.
"""

from __future__ import annotations

import gc
import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor, current_submission
from otel_handoff.watch.descriptors import Watch
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import Desk, declare
from tests.hazards.one_row import Host as OneRow
from tests.hazards.rows import Overtaken, overtake, told
from tests.hazards.twins import assert_restored, is_watched, make, own
from tests.hosts import WAIT, Context, Order, Pool, QueuePool, boundary
from tests.telemetry import Telemetry

HOSTS = pytest.mark.parametrize("host", [Pool, QueuePool])
MODES = pytest.mark.parametrize("mode", ["observe", "pin", "strict"])


@HOSTS
@MODES
@pytest.mark.parametrize("again", [None, "observe", "pin"])
def test_rows_in_flight_when_it_is_undone(
    again: str | None, mode: str, host: Any, instrument: Instrument, telemetry: Telemetry
) -> None:
    """One row runs, one waits: both are finished, judged no more, also when a next instrumentation has begun."""
    before = dict(vars(Context))
    instrument(mode, boundaries=[boundary(host)])
    pool = host()
    running = Overtaken(lambda _order, ctx: (ctx.order.id, current_submission()), pool=pool)
    running.wait_until_begun()
    waiting = Overtaken(lambda _order, ctx: (ctx.order.id, current_submission()), pool=pool)
    HandoffInstrumentor().uninstrument()
    assert_restored(Context, before)
    for row in (running, waiting):
        row.ctx.order = Order("B")
    if again is not None:
        instrument(again, boundaries=[boundary(host)])
        new: Any = host()
        assert overtake(lambda _order, ctx: ctx.order.id, pool=new) == ("A" if again == "pin" else "B")
        new.close()
        outcome = "prevented" if again == "pin" else "used"
        assert told(telemetry) == [("A", "read", outcome, {"order_id": "B"})]
        telemetry.mismatches.clear()
    pinned = "A" if mode == "pin" else "B"
    assert running.go()[0] == pinned
    assert waiting.go() == (pinned, None)
    pool.close()
    assert told(telemetry) == []
    if again is not None:
        HandoffInstrumentor().uninstrument()
    assert_restored(Context, before)
    del running, waiting
    gc.collect()
    assert telemetry.counted("handoff.in_flight") == {}


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_it_is_undone_while_a_row_is_being_handed_over(mode: str, instrument: Instrument) -> None:
    """The submitting thread is just about to watch its context's class: that class is given back, too."""
    cls = make("plain")
    before = dict(own(cls))
    instrument(mode)
    inside, undone = threading.Event(), threading.Event()
    code = Watch.cover.__code__

    def trace(frame: Any, event: str, _arg: object) -> None:
        if event == "call" and frame.f_code is code:
            inside.set()
            assert undone.wait(WAIT)

    pool, found = Pool(), list[Any]()

    def hand_over() -> None:
        sys.settrace(trace)
        try:
            found.append(overtake(lambda _order, ctx: ctx.order.id, lambda _ctx: None, cls(order=Order("A")), pool))
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=hand_over)
    thread.start()
    assert inside.wait(WAIT)
    HandoffInstrumentor().uninstrument()
    undone.set()
    thread.join(WAIT)
    pool.close()
    assert found == ["A"]
    assert_restored(cls, before)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flavour", ["plain", "slots", "property", "class_defaults", "overriding"])
def test_owners_of_one_class_removed_in_any_order(flavour: str, order: tuple[int, ...]) -> None:
    """Three boundaries watch overlapping fields: each field is given back with its last owner, whoever that is."""
    cls = make(flavour)
    before = dict(own(cls))
    watches = [Watch(["order"]), Watch(["order", "attempt"]), Watch(["attempt"])]
    for watch in watches:
        watch.cover(cls)
        watch.cover(cls)
    ctx = cls(order=Order("A"))
    for number in order:
        assert is_watched(cls) or 2 in order[: order.index(number) + 1]
        watches[number].remove()
        watches[number].remove()
        assert ctx.order == Order("A")
        ctx.order = Order("A")
    assert_restored(cls, before)


@pytest.mark.parametrize("covered", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("removed", [0, 1])
def test_classes_of_one_family_covered_in_any_order(covered: tuple[int, ...], removed: int) -> None:
    """Base, sub and sub's sub, of two owners: all read and write the same while and after."""

    class Base:
        order: Any = Order("default")

    class Sub(Base):
        pass

    class Leaf(Sub):
        order: Any = Order("leaf")

    classes = (Base, Sub, Leaf)
    before: dict[Any, dict[str, Any]] = {cls: dict(own(cls)) for cls in classes}

    def look() -> list[Any]:
        found: list[Any] = []
        for cls in classes:
            ctx = cls()
            found += [cls.order, ctx.order]
            ctx.order = Order("own")
            found.append(ctx.order)
            del ctx.order
            found.append(ctx.order)
        return found

    expected = look()
    watches = [Watch(["order"]), Watch(["order"])]
    for turn, number in enumerate(covered):
        watches[turn % 2].cover(classes[number])
        assert look() == expected
    watches[removed].remove()
    assert look() == expected
    watches[1 - removed].remove()
    assert look() == expected
    for cls in classes:
        assert_restored(cls, before[cls])


class Theirs:
    """Another library's data descriptor around whatever was there."""

    def __init__(self, inner: Any, name: str) -> None:
        self.inner = inner
        self.name = name
        self.seen: list[Any] = []

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        self.seen.append("get")
        return self.inner.__get__(instance, owner) if self.inner else instance.__dict__[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        self.seen.append("set")
        if self.inner:
            self.inner.__set__(instance, value)
        else:
            instance.__dict__[self.name] = value


def test_another_library_s_descriptor_below_ours(instrument: Instrument, telemetry: Telemetry) -> None:
    """Theirs was there first: it is asked for every value, and it is back afterwards."""
    cls = make("custom_init")
    theirs = Theirs(None, "order")
    cls.order = theirs
    before = dict(own(cls))
    instrument("observe")
    assert overtake(lambda _order, ctx: ctx.order.id, ctx=cls(order=Order("A"))) == "B"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]
    assert {"get", "set"} == set(theirs.seen)
    HandoffInstrumentor().uninstrument()
    assert_restored(cls, before)
    theirs.seen.clear()
    assert cls(order=Order("A")).order == Order("A")
    assert theirs.seen == ["set", "get"]


@pytest.mark.parametrize("flavour", ["custom_init", "slots", "property"])
def test_another_library_s_descriptor_above_ours(flavour: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Theirs came later: it stays, reads are seen through it, and ours beneath it does nothing afterwards."""
    cls = make(flavour)
    instrument("observe")
    pool = Pool()
    pool.enqueue(Order("A"), cls(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
    pool.close()
    theirs = Theirs(vars(cls)["order"], "order")
    cls.order = theirs
    assert overtake(lambda _order, ctx: ctx.order.id, ctx=cls(order=Order("A"))) == "B"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]
    HandoffInstrumentor().uninstrument()
    assert vars(cls)["order"] is theirs
    assert "replaced" not in telemetry.unchecked()
    assert overtake(lambda _order, ctx: ctx.order.id, ctx=cls(order=Order("A"))) == "B"
    assert len(telemetry.mismatches) == 1


def test_another_library_s_property_above_ours(instrument: Instrument, telemetry: Telemetry) -> None:
    """The same where its functions enclose ours."""
    cls = make("custom_init")
    instrument("observe")
    pool = Pool()
    pool.enqueue(Order("A"), cls(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
    pool.close()
    ours = own(cls)["order"]
    cls.order = property(lambda ctx: ours.__get__(ctx, type(ctx)), ours.__set__)
    assert overtake(lambda _order, ctx: ctx.order.id, ctx=cls(order=Order("A"))) == "B"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]
    HandoffInstrumentor().uninstrument()
    assert "replaced" not in telemetry.unchecked()


def id_of(ctx: Any) -> Any:
    """Read it."""
    return ctx.order_id


@pytest.mark.parametrize("boundaries", [1, 2])
def test_a_module_that_imported_the_functions_meanwhile(
    boundaries: int, instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its own functions back as well, and is seen when it is instrumented again."""
    shop: Any = ModuleType("handoff_shop")
    late: Any = ModuleType("handoff_late")
    for module in (shop, late):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    with ThreadPoolExecutor(1) as shop.pool:
        exec("def submit(ctx, body):\n return pool.submit(work, ctx, body)", shop.__dict__)
        exec("def work(ctx, body):\n return body(ctx)", shop.__dict__)
        own = shop.submit, shop.work
        names: dict[str, Any] = {"submit": "handoff_shop:submit", "work": "handoff_shop:work", "calls": []}
        declared = [declare(OneRow, **names, name=f"desk{number}") for number in range(boundaries)]
        for _ in range(2):
            instrument(boundaries=declared)
            exec("from handoff_shop import submit, work as labour", late.__dict__)
            assert late.submit(Desk("A"), id_of).result(WAIT) == "A"
            HandoffInstrumentor().uninstrument()
            found = (late.submit, late.labour, shop.submit, shop.work)
            assert [*map(id, found)] == [*map(id, own * 2)]
        assert len([span for span in telemetry.spans() if span.name == f"process desk{boundaries - 1}"]) == 2
