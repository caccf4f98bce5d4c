"""Reads and writes that go around what is watched, and those that only look as if they were wrong."""

from __future__ import annotations

import copy
import dataclasses
import operator
import pickle
import threading
import types
from collections.abc import Callable
from typing import Any

import pytest

from tests.hazards.conftest import Instrument
from tests.hazards.rows import Body, Overtaken, Refusing, changed_by_somebody, culprits, overtake, told
from tests.hazards.twins import own
from tests.hosts import WAIT, Context, Ledger, Order, Pool, boundary
from tests.telemetry import Telemetry

MODES = pytest.mark.parametrize("mode", ["observe", "pin"])
MAIN = threading.current_thread().name


def read(_order: Order, ctx: Any) -> Any:
    """Read the order's id."""
    return ctx.order and ctx.order.id


def matched(_order: Order, ctx: Any) -> Any:
    """Read it by a pattern."""
    match ctx:
        case Context(order=Order(id=found)):
            return found
        case _:
            return None


SEEN: dict[str, Body] = {
    "attribute": read,
    "getattr": lambda order, ctx: getattr(ctx, type(order).__name__.lower()).id,
    "attrgetter": lambda _order, ctx: operator.attrgetter("order.id")(ctx),
    "__getattribute__": lambda _order, ctx: ctx.__getattribute__("order").id,
    "method of the context": lambda _order, ctx: ctx.describe().partition("/")[0],
    "repr": lambda _order, ctx: "B" if "Order(id='B')" in repr(ctx) else "A",
    "equality": lambda _order, ctx: "B" if ctx == Context(order=Order("B")) else "A",
    "dataclasses.asdict": lambda _order, ctx: dataclasses.asdict(ctx)["order"]["id"],
    "dataclasses.replace": lambda _order, ctx: dataclasses.replace(ctx).order.id,
    "pattern": matched,
}

UNSEEN: dict[str, Body] = {
    "vars": lambda _order, ctx: own(ctx)["order"].id,
    "__dict__": lambda _order, ctx: ctx.__dict__["order"].id,
    "copy": lambda _order, ctx: copy.copy(ctx).order.id,
    "deepcopy": lambda _order, ctx: copy.deepcopy(ctx).order.id,
    "pickle": lambda _order, ctx: pickle.loads(pickle.dumps(ctx)).order.id,
}


@MODES
@pytest.mark.parametrize("way", SEEN)
def test_a_wrong_read(way: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """However it is read by its name, in the context's own methods too: it is told once, with its culprit."""
    assert overtake(SEEN[way]) == "B"
    assert told(telemetry) == []  # without the instrumentation nobody says anything
    instrument(mode)
    assert overtake(SEEN[way]) == ("A" if mode == "pin" else "B")
    assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})]
    assert culprits(telemetry) == [MAIN]


@pytest.mark.parametrize("way", UNSEEN)
def test_blind_reads_around_the_class(way: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Such a read itself is not seen: without a call all that is known is that the context had moved on."""
    instrument("observe")
    assert overtake(UNSEEN[way]) == "B"
    assert told(telemetry) == [("A", "end", "exposed", {"order_id": "B"})]


@pytest.mark.parametrize("way", UNSEEN)
def test_what_was_read_around_the_class_is_found_when_it_is_filed(
    way: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Calls are checked all the same."""
    instrument("observe")
    ledger = Ledger()
    overtake(lambda order, ctx: ledger.post(UNSEEN[way](order, ctx), order.id))
    assert told(telemetry) == [("A", "call", "used", {"order_id": "B"})]
    assert culprits(telemetry) == [MAIN]


@pytest.mark.parametrize("way", UNSEEN)
def test_reads_around_the_class_are_right_with_pin(way: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The worker's own copy holds the right id, however it is read."""
    instrument("pin")
    assert overtake(UNSEEN[way]) == "A"
    assert told(telemetry) == []


def test_blind_a_class_with_a_getattribute_of_its_own(instrument: Instrument, telemetry: Telemetry) -> None:
    """Its reads are not seen; its calls are."""

    class Own(Context):
        def __getattribute__(self, name: str) -> Any:
            return super().__getattribute__(name)

    instrument("observe")
    assert overtake(read, ctx=Own()) == "B"
    assert told(telemetry) == [("A", "end", "exposed", {"order_id": "B"})]
    telemetry.mismatches.clear()
    overtake(lambda order, ctx: Ledger().post(read(order, ctx), order.id), ctx=Own())
    assert told(telemetry) == [("A", "call", "used", {"order_id": "B"})]
    telemetry.mismatches.clear()


@pytest.mark.parametrize("base", [dict, Exception])
def test_blind_a_context_that_is_a_builtin_s_subclass(base: type, instrument: Instrument, telemetry: Telemetry) -> None:
    """`dict` and the like bring a `__getattribute__` of their own, up to Python 3.13."""
    kind: Any = base
    blind = base.__getattribute__ is not object.__getattribute__

    class Builtin(kind):
        order: Any = None
        attempt: Any = None

    instrument("observe")
    assert overtake(read, ctx=Builtin()) == "B"
    assert told(telemetry) == [("A", *(("end", "exposed") if blind else ("read", "used")), {"order_id": "B"})]


def test_blind_own_write(instrument: Instrument, telemetry: Telemetry) -> None:
    """On a context that cannot be watched, what the worker writes itself looks as if the context had moved on."""
    instrument("observe")

    def write(_order: Order, ctx: Any) -> None:
        ctx.attempt = "2"

    ctx = types.SimpleNamespace(order=Order("A"), attempt=None)
    overtake(write, lambda _ctx: None, ctx)
    assert told(telemetry) == [("A", "end", "exposed", {"attempt": "2"})]


# -- aliases


def test_an_alias_to_the_raw_context(instrument: Instrument, telemetry: Telemetry) -> None:
    """A pinned worker that reads the submitter's own context, by an alias from elsewhere, reads the wrong id."""
    ctx = Context()
    assert overtake(lambda order, _ctx: read(order, ctx), ctx=ctx) == "B"
    instrument("pin")
    assert overtake(lambda order, _ctx: read(order, ctx), ctx=ctx) == "B"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]
    assert culprits(telemetry) == [MAIN]


def kept(telemetry: Telemetry, use: Callable[[Any], Any]) -> list[Any]:
    """A plugin keeps the context of its first row and uses it for the second, which runs after the first."""
    pool, ctx, keep = Pool(), Context(), list[Any]()

    def job(_order: Order, ctx: Any) -> Any:
        keep.append(ctx)
        return use(keep[0])

    found: list[Any] = []
    for name in "AB":
        ctx.order = Order(name)
        found.append(pool.enqueue(ctx.order, ctx, job).result(WAIT))
    pool.close()
    return found


def test_an_alias_kept_from_an_earlier_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """Observed, it is the context itself, and holds the right ids as long as nobody goes on."""
    instrument("observe")
    assert kept(telemetry, lambda ctx: ctx.order.id) == ["A", "B"]
    assert told(telemetry) == []


def test_blind_a_pinned_copy_kept_from_an_earlier_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """Pinned, it is the earlier row's copy with the earlier row's ids. Reading it is not seen, filing under it is."""
    assert kept(telemetry, lambda ctx: ctx.order.id) == ["A", "B"]
    instrument("pin")
    assert kept(telemetry, lambda ctx: ctx.order.id) == ["A", "A"]
    assert told(telemetry) == []
    ledger = Ledger()
    kept(telemetry, lambda ctx: ledger.post(ctx.order.id, "text"))
    assert told(telemetry) == [("B", "call", "used", {"order_id": "A"})]


# -- writes


@MODES
@pytest.mark.parametrize("how", ["vars", "__dict__", "update"])
def test_a_write_around_the_class(how: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The read of what it wrote is told; who wrote it is not known, and nobody else is accused."""
    writes: dict[str, Callable[[Any], object]] = {
        "vars": lambda ctx: operator.setitem(own(ctx), "order", Order("B")),
        "__dict__": lambda ctx: operator.setitem(ctx.__dict__, "order", Order("B")),
        "update": lambda ctx: ctx.__dict__.update(order=Order("B")),
    }
    instrument(mode)
    assert overtake(read, writes[how]) == ("A" if mode == "pin" else "B")
    assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})]
    assert culprits(telemetry) == [None]


def test_blind_own_write_around_the_class(instrument: Instrument, telemetry: Telemetry) -> None:
    """A worker's own write into the `__dict__` is not known to be its own: reading it back is told, with no culprit."""

    def body(order: Order, ctx: Any) -> Any:
        ctx.__dict__["order"] = Order("own")
        return read(order, ctx)

    instrument("observe")
    assert overtake(body, lambda _ctx: None) == "own"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "own"})]
    assert culprits(telemetry) == [None]


@MODES
def test_none_is_written_while_a_worker_runs(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """That there is no row at all is a wrong id like any other, with its culprit."""

    def clear(ctx: Any) -> None:
        ctx.order = None

    instrument(mode)
    assert overtake(read, clear) == ("A" if mode == "pin" else None)
    assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": None})]
    assert culprits(telemetry) == [MAIN]


@MODES
@pytest.mark.parametrize("how", ["deleted", "the default comes back"])
def test_a_field_is_deleted_while_a_worker_runs(
    how: str, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It is gone for the worker as it would be without us; pinned, the worker still has its own."""

    class Bare:
        attempt: Any = None

        def __init__(self) -> None:
            self.order: Any = None

    def drop(ctx: Any) -> None:
        del ctx.order

    def body(order: Order, ctx: Any) -> Any:
        try:
            return read(order, ctx)
        except AttributeError:
            return "gone"

    make: Any = Bare if how == "deleted" else Context  # whose default is None
    without = overtake(body, drop, make())
    assert without == ("gone" if how == "deleted" else None)
    instrument(mode)
    assert overtake(body, drop, make()) == ("A" if mode == "pin" else without)
    evidence = "end" if (how, mode) == ("deleted", "observe") else "read"
    outcome = "prevented" if mode == "pin" else "exposed" if how == "deleted" else "used"
    assert told(telemetry) == [("A", evidence, outcome, {"order_id": None})]


# -- there and back again


@MODES
@pytest.mark.parametrize("reads", [True, False])
def test_a_change_and_back_between_two_checks(
    reads: bool, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """A to B to A: a read in between is told, though start and end agree; without one there is nothing to tell."""
    instrument(mode)
    at_b, back = threading.Event(), threading.Event()
    inside, done = threading.Event(), threading.Event()

    def body(order: Order, ctx: Any) -> list[Any]:
        found = [read(order, ctx)]
        inside.set()
        assert at_b.wait(WAIT)
        if reads:
            found.append(read(order, ctx))
        done.set()
        assert back.wait(WAIT)
        return [*found, read(order, ctx)]

    pool, ctx, order = Pool(), Context(order=Order("A")), Order("A")
    future = pool.enqueue(order, ctx, body)
    assert inside.wait(WAIT)
    ctx.order = Order("B")
    at_b.set()
    assert done.wait(WAIT)
    ctx.order = Order("A")
    back.set()
    found = future.result(WAIT)
    pool.close()
    between = ["A" if mode == "pin" else "B"] if reads else []
    assert found == ["A", *between, "A"]
    expected = [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})] if reads else []
    assert told(telemetry) == expected
    assert culprits(telemetry) == [MAIN] * len(expected)


@MODES
@pytest.mark.parametrize("how", ["same object", "equal token", "equal id in another token"])
def test_the_same_id_written_again(how: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is no mismatch, whichever object carries it."""

    @dataclasses.dataclass
    class Other:
        id: str
        more: int = 1

    def change(ctx: Any) -> None:
        ctx.order = {
            "same object": ctx.order,
            "equal token": Order("A"),
            "equal id in another token": Other("A"),
        }[how]

    def body(order: Order, ctx: Any) -> Any:
        Ledger().post(read(order, ctx), "text")
        return read(order, ctx)

    instrument(mode)
    assert overtake(body, change) == "A"
    assert told(telemetry) == []


@MODES
def test_an_equal_string_written_again(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The same, where the ids are two objects: Python has only one string of each single letter."""
    first, again = (Order(str(b"order 1", "ascii")) for _ in range(2))
    assert first.id is not again.id
    begun, changed = threading.Event(), threading.Event()

    def body(order: Order, ctx: Any) -> Any:
        begun.set()
        assert changed.wait(WAIT)
        Ledger().post(read(order, ctx), "text")
        return read(order, ctx)

    instrument(mode)
    pool, ctx = Pool(), Context(order=first)
    future = pool.enqueue(first, ctx, body)
    assert begun.wait(WAIT)
    ctx.order = again
    changed.set()
    assert future.result(WAIT) == "order 1"
    pool.close()
    assert told(telemetry) == []


# -- the worker's own writes


def own_writes() -> dict[str, Callable[[Any], object]]:
    """What a worker may do to its own context."""

    def deleted(ctx: Any) -> None:
        del ctx.order

    return {
        "a value": lambda ctx: setattr(ctx, "order", Order("own")),
        "None": lambda ctx: setattr(ctx, "order", None),
        "deleted": deleted,
        "twice": lambda ctx: (setattr(ctx, "order", Order("x")), setattr(ctx, "order", Order("own"))),
    }


@MODES
@pytest.mark.parametrize("how", own_writes())
@pytest.mark.parametrize("files", [True, False])
def test_the_worker_s_own_write(files: bool, how: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What a worker wrote itself and reads back, or files, is its own: no mismatch."""
    ledger = Ledger()

    def body(order: Order, ctx: Any) -> Any:
        own_writes()[how](ctx)
        found = read(order, ctx)
        if files:
            ledger.post(found, "text")
        return found

    instrument(mode)
    assert overtake(body, lambda _ctx: None) == ("own" if how in ("a value", "twice") else None)
    assert told(telemetry) == []


def test_a_worker_s_write_is_a_culprit_for_others(instrument: Instrument, telemetry: Telemetry) -> None:
    """Two rows share a context; what one worker writes is wrong for the other."""
    instrument("observe")
    pool, ctx = Pool(2), Context(order=Order("A"))
    written = threading.Event()

    def writer(_order: Order, ctx: Any) -> Any:
        ctx.order = Order("own")
        written.set()
        return ctx.order.id, threading.current_thread().name

    def reader(_order: Order, ctx: Any) -> Any:
        assert written.wait(WAIT)
        return ctx.order.id

    order = Order("A")
    first, second = pool.enqueue(order, ctx, reader), pool.enqueue(order, ctx, writer)
    assert first.result(WAIT) == "own"
    value, thread = second.result(WAIT)
    pool.close()
    assert value == "own"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "own"})]
    assert culprits(telemetry) == [thread]


def test_a_write_that_fails_is_nobody_s(instrument: Instrument, telemetry: Telemetry) -> None:
    """The worker tries to write B and is refused; when it later reads B, somebody else's, it is told."""
    instrument("observe")
    tried, changed = threading.Event(), threading.Event()
    b = Order("B")
    ctx: Any = Refusing()
    ctx.order = Order("A")
    ctx.refuses = True

    def body(order: Order, ctx: Any) -> Any:
        with pytest.raises(ValueError):
            ctx.order = b
        found = [read(order, ctx)]
        tried.set()
        assert changed.wait(WAIT)
        return [*found, read(order, ctx)]

    pool = Pool()
    future = pool.enqueue(Order("A"), ctx, body)
    assert tried.wait(WAIT)
    ctx.refuses = False
    ctx.order = b
    changed.set()
    assert future.result(WAIT) == ["A", "B"]
    pool.close()
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]
    assert culprits(telemetry) == [MAIN]


# -- pinned copies that are not as separate as they look


class Behind:
    """Keeps its ids in an object that a shallow copy shares, and hands out new strings each time."""

    attempt = None

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    @property
    def order(self) -> Any:
        """A new object at each read."""
        return Order(self.state["order"].id[:])

    @order.setter
    def order(self, order: Any) -> None:
        self.state["order"] = order


def test_a_pinned_copy_that_shares_its_ids(instrument: Instrument, telemetry: Telemetry) -> None:
    """The worker really gets the wrong id then, and this is what is told: `used`, never `prevented`."""
    instrument("pin")
    assert overtake(read, ctx=Behind()) == "B"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]


@MODES
def test_a_property_that_reads_another_field(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A field made from another is not run for this, and that is told; what it is made of is judged."""
    runs: list[str] = []

    class Derived:
        attempt: Any = None

        def __init__(self) -> None:
            self.order: Any = None

        @property
        def label(self) -> str:
            runs.append(threading.current_thread().name)
            return f"label of {self.order.id}"

    instrument(mode, boundaries=[boundary(fields={"order_id": "order.id", "label": "label"})])
    seen = "A" if mode == "pin" else "B"
    assert overtake(lambda _order, ctx: ctx.label, ctx=Derived()) == f"label of {seen}"
    assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})]
    assert len(runs) == 1
    assert telemetry.unchecked() == {"field_computed": 1}


def test_a_foreign_write_to_a_pinned_copy(instrument: Instrument, telemetry: Telemetry) -> None:
    """Somebody who got hold of the worker's copy changes it: the worker reads a wrong id, and it is told."""
    instrument("pin")
    assert changed_by_somebody(read, Pool()) == "B"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]


# -- nobody's mismatch


@MODES
def test_a_read_of_another_context(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A worker may look at other contexts, of other rows in flight or of none: that is not its own row's id."""
    instrument(mode)
    others: list[Any] = [Context(order=Order("other"))]
    other = Overtaken(lambda _order, _ctx: None, pool=Pool())
    others.append(other.ctx)
    assert overtake(lambda order, _ctx: [read(order, ctx) for ctx in others], lambda _ctx: None) == ["other", "A"]
    other.go()
    other.pool.close()
    assert told(telemetry) == []


@MODES
def test_unrelated_tasks_on_the_same_threads(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A task of nobody's reads and writes the context between rows, and after the last."""
    instrument(mode)
    pool, ctx = Pool(), Context()

    def unrelated() -> Any:
        ctx.attempt = "unrelated"
        found = read(Order(""), ctx)
        ctx.attempt = None
        return found

    for name in "AB":
        ctx.order = Order(name)
        before = pool.executor.submit(unrelated)
        row = pool.enqueue(ctx.order, ctx, lambda _order, _ctx: None)
        after = pool.executor.submit(unrelated)
        assert [before.result(WAIT), row.result(WAIT), after.result(WAIT)] == [name, None, name]
        ctx.order = Order("elsewhere")
        assert pool.executor.submit(unrelated).result(WAIT) == "elsewhere"
    pool.close()
    assert told(telemetry) == []


def test_strict_blocks_what_was_read_around_the_class(instrument: Instrument, telemetry: Telemetry) -> None:
    """Nothing is filed under an id that came by `vars`."""
    from otel_handoff import HandoffMismatchError

    instrument("strict", boundaries=[boundary()])
    ledger = Ledger()
    with pytest.raises(HandoffMismatchError):
        overtake(lambda order, ctx: ledger.post(UNSEEN["vars"](order, ctx), order.id))
    assert ledger.entries == []
    assert told(telemetry) == [("A", "call", "blocked", {"order_id": "B"})]


def test_an_own_id_put_back(instrument: Instrument, telemetry: Telemetry) -> None:
    """A worker puts back one id of its own, over another that is its own, where no write is seen: it is its own."""

    def body(_order: Order, ctx: Any) -> Any:
        first = ctx.order = Order("A/1")
        ctx.order = Order("A/2")
        own(ctx)["order"] = first
        return ctx.order.id

    instrument("observe")
    assert overtake(body, change=lambda _ctx: None) == "A/1"
    assert told(telemetry) == []
