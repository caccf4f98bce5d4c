"""Without an SDK a row is begun and ended in one step each; what is not as usual of it is looked at all the same."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from otel_handoff import Call, HandoffInstrumentor, Mismatch
from otel_handoff.around.running import Running
from otel_handoff.handover.lease import Lease
from otel_handoff.tell.metrics import BoundaryCounts
from tests.hosts import WAIT, Context, Order, Pool, boundary
from tests.telemetry import uninstrument

names = itertools.count()


class Desk:
    """Where results are handed in."""

    def done(self, order_id: str) -> None:
        """Hand one in."""


DESK = Desk()
RESULT = Call(f"{__name__}:Desk.done", {"order_id": "order_id"}, evidence="result", optional=True)


class Several(Pool):
    """Takes several orders at once."""

    def enqueue(self, order: Any, ctx: Any, job: Any) -> Any:
        """Submit function, which calls itself."""
        if type(order) is list:
            return [self.enqueue(each, ctx, job) for each in order]  # pyright: ignore[reportUnknownVariableType]
        return super().enqueue(order, ctx, job)


class Stamps(Pool):
    """Writes to its context which order it is, where that is another's."""

    def enqueue(self, order: Order, ctx: Context, job: Any) -> Any:
        """Submit function."""
        if ctx.order is not order:
            ctx.order = order
        return super().enqueue(order, ctx, job)


class Bare:
    """A context that has no ids."""


@pytest.fixture
def told() -> list[Mismatch]:
    """What is told."""
    return []


Instrument = Callable[..., BoundaryCounts]


@pytest.fixture
def instrument(told: list[Mismatch]) -> Iterator[Instrument]:
    """Instrument a pool, bring rows through until all is known of it, and return what is counted of its boundary."""

    def instrument(mode: str = "observe", kind: type[Pool] = Pool, *, watch: bool = True) -> BoundaryCounts:
        submit = f"{kind.__module__}:{kind.__qualname__}.enqueue"
        ours = boundary(name=f"quickly.{next(names)}", submit=submit, calls=(RESULT,), row="order_id")
        HandoffInstrumentor().instrument(mode=mode, watch=watch, boundaries=[ours], on_mismatch=told.append)
        counts: BoundaryCounts = vars(kind)["enqueue"]._self_wrapper.shared.counts
        return counts

    yield instrument
    uninstrument()


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> list[Lease]:
    """The rows that were begun in the slow way."""
    begun: list[Lease] = []
    begin = Running.begin

    def slow(self: Running, lease: Lease) -> Any:
        begun.append(lease)
        return begin(self, lease)

    monkeypatch.setattr(Running, "begin", slow)
    return begun


def overtaken(ctx: Any, job: Any, *, late: bool = False) -> None:
    """Hand order A over, and let its worker go on when the context is at order B; `late`: when it begins, it is."""
    pool, begun, go = Pool(), threading.Event(), threading.Event()
    if late:
        begun.set()
        pool.executor.submit(go.wait, WAIT)

    def waits(order: Order, ctx: Any) -> Any:
        begun.set()
        assert go.wait(WAIT)
        return job(order, ctx)

    order = ctx.order = Order("A")
    done = pool.enqueue(order, ctx, waits)
    try:
        assert begun.wait(WAIT)
        ctx.order = Order("B")
    finally:
        go.set()
        pool.close()
    done.result(WAIT)


def nothing(_order: Order, _ctx: Any) -> None:
    """Do nothing."""


def filed(order: Order, _ctx: Any) -> None:
    """Hand in the result."""
    DESK.done(order.id)


def short(told: list[Mismatch]) -> list[tuple[Any, ...]]:
    """What was told."""
    return [(found.evidence, found.outcome, dict(found.observed)) for found in told]


B = {"order_id": "B"}


def test_the_context_has_moved_on_when_it_begins(
    instrument: Instrument, told: list[Mismatch], slowly: list[Lease]
) -> None:
    """That is seen at the start."""
    instrument()
    overtaken(Context(), nothing, late=True)
    assert (short(told), slowly) == ([("start", "exposed", B)], [])


def test_it_reads_another_id_and_files_nothing(
    instrument: Instrument, told: list[Mismatch], slowly: list[Lease]
) -> None:
    """That is told at the end."""
    instrument()

    def reads(_order: Order, ctx: Any) -> None:
        assert ctx.order.id == "B"

    overtaken(Context(), reads)
    assert (short(told), slowly) == ([("read", "used", B)], [])


def test_it_reads_another_id_before_its_result(
    instrument: Instrument, told: list[Mismatch], slowly: list[Lease]
) -> None:
    """That is told at the end, though the row was done before."""
    instrument()

    def reads(order: Order, ctx: Any) -> None:
        assert ctx.order.id == "B"
        DESK.done(order.id)

    overtaken(Context(), reads)
    assert (short(told), slowly) == ([("read", "used", B)], [])


def test_the_context_has_moved_on_when_it_ends(
    instrument: Instrument, told: list[Mismatch], slowly: list[Lease]
) -> None:
    """That is seen at the end."""
    instrument()
    overtaken(Context(), nothing)
    assert (short(told), slowly) == ([("end", "exposed", B)], [])


def test_its_reads_are_not_seen(instrument: Instrument, slowly: list[Lease]) -> None:
    """Each such row is counted."""
    counts = instrument()
    before = counts.unwatched.value
    overtaken(SimpleNamespace(attempt="1"), nothing)
    assert (counts.unwatched.value - before, slowly) == (1, [])


def test_what_submit_writes_where_writes_are_not_watched(instrument: Instrument, told: list[Mismatch]) -> None:
    """It is on the worker's copy when the work function is looked up: it is what the row is, also on the original."""
    instrument("pin", Stamps, watch=False)
    pool, ctx = Stamps(), Context()
    for order in map(Order, map(str, range(21))):
        ctx = Context(order=order if order.id != "20" else Order("before"))
        pool.enqueue(order, ctx, filed).result(WAIT)
    pool.close()
    assert (told, ctx.order) == ([], Order("20"))


class Slotted(Context):
    """What is on it is not all in its `__dict__`."""

    __slots__ = ("note",)


@pytest.mark.parametrize("new", [Context, Slotted])
def test_a_result_is_left_on_its_copy(new: type[Context], instrument: Instrument, slowly: list[Lease]) -> None:
    """The submitter is given it, also of one row alone, and after its result."""
    instrument("pin")
    handed_over, ctx = threading.Event(), Context()

    def leaves(order: Order, ctx: Any) -> None:
        assert handed_over.wait(WAIT)
        DESK.done(order.id)
        if order.id == "19":
            ctx.tenant = "another"

    pool = Pool()
    for number in range(20):
        handed_over.clear()
        slowly.clear()
        order = Order(str(number))
        ctx = new(order=order)
        done = pool.enqueue(order, ctx, leaves)
        handed_over.set()
        done.result(WAIT)
    pool.close()
    assert new is Slotted or slowly == []
    assert ctx.tenant == "another"


def test_it_becomes_stale_while_it_is_worked_on(instrument: Instrument, slowly: list[Lease]) -> None:
    """It is counted when it ends."""
    counts = instrument()
    pool, begun, go = Pool(2), threading.Event(), threading.Event()

    def waits(order: Order, _ctx: Any) -> bool:
        begun.set()
        DESK.done(order.id)
        return go.wait(WAIT)

    first = pool.enqueue(Order("A"), Context(order=Order("A")), waits)
    assert begun.wait(WAIT)
    pool.enqueue(Order("A"), Context(order=Order("A")), nothing).result(WAIT)
    go.set()
    assert first.result(WAIT)
    pool.close()
    assert (counts.stale_work.value, slowly) == (1, [])


def test_it_has_no_ids(instrument: Instrument) -> None:
    """It is not counted among those that were judged."""
    counts, pool = instrument(), Pool()
    for _ in range(3):
        pool.enqueue(Order("A"), Bare(), nothing).result(WAIT)  # type: ignore[arg-type]
    pool.close()
    assert (counts.recognised.value, counts.judged) == (3, 0)


def test_a_submit_function_that_calls_itself(instrument: Instrument) -> None:
    """What is handed over within it is no second row."""
    counts = instrument(kind=Several)
    pool, ctx = Several(), Context(order=Order("A"))
    for _ in range(3):
        pool.enqueue(Order("A"), ctx, nothing).result(WAIT)
    before = counts.submissions.value
    for each in pool.enqueue([Order("A"), Order("A")], ctx, nothing):
        each.result(WAIT)
    pool.close()
    assert counts.submissions.value - before == 1


class Hears:
    """Holds nobody back, and hears which rows have ended."""

    def __init__(self) -> None:
        self.over: list[Lease] = []

    def ended(self, lease: Lease) -> None:
        """A row has ended."""
        self.over.append(lease)

    def __getattr__(self, _name: str) -> Any:
        def nothing(*_: object) -> None:
            pass

        return nothing


def test_somebody_provokes(instrument: Instrument, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that the row has ended, though its result was handed in before."""
    instrument()
    hears = Hears()
    monkeypatch.setattr(Lease, "provoker", hears)
    pool = Pool()
    pool.enqueue(Order("A"), Context(order=Order("A")), lambda order, _ctx: DESK.done(order.id)).result(WAIT)
    pool.close()
    assert len(hears.over) == 1
