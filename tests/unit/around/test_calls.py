"""Which way a call goes: quickly, where it has the very ids of its row and nothing is to be said of it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_handoff import Call, HandoffInstrumentor, HandoffMismatchError, Mismatch
from otel_handoff.around.calls import CallFunction
from otel_handoff.handover import lease
from tests.hosts import WAIT, Context, Ledger, Order, Pool, QueuePool, boundary
from tests.telemetry import Telemetry, needs_sdk, uninstrument

MODES = pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
Instrument = Callable[..., None]


class Index:
    """Gives out indexes."""

    def take(self, order_id: str) -> int:
        """An index read."""
        return len(order_id)

    def done(self, order_id: str) -> None:
        """Route a result."""


LEDGER, INDEX = Ledger(), Index()
RESULT = Call(f"{__name__}:Index.done", {"order_id": "order_id"}, evidence="result")
READ = Call(f"{__name__}:Index.take", {"order_id": "order_id"}, evidence="read")
POST = Call("tests.hosts:Ledger.post", {"order_id": "order_id"})


@pytest.fixture
def told() -> list[Mismatch]:
    """What is told."""
    return []


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls that were looked at more closely."""
    filed: list[str] = []
    filing = CallFunction._filing  # pyright: ignore[reportPrivateUsage]

    def closely(self: CallFunction, *given: Any) -> Any:
        filed.append(self.name)
        return filing(self, *given)

    monkeypatch.setattr(CallFunction, "_filing", closely)
    return filed


@pytest.fixture
def instrument(told: list[Mismatch]) -> Iterator[Instrument]:
    """Instrument the pool, without an SDK."""

    def instrument(mode: str, **options: Any) -> None:
        given: dict[str, Any] = {
            "boundaries": [boundary(calls=[READ, POST, RESULT])],
            "on_mismatch": told.append,
            **options,
        }
        HandoffInstrumentor().instrument(mode=mode, **given)

    yield instrument
    uninstrument()


def row(job: Callable[[str], Any], *, again: bool = False, to: str = "order-1") -> Any:
    """Bring one row through; meanwhile, its order is perhaps written to the context `again`, as another object."""
    pool, written = Pool(), threading.Event()

    def work(given: Order, ctx: Context) -> Any:
        assert written.wait(WAIT)
        assert ctx.order is not None
        return job(given.id), ctx.order.id

    try:
        order = Order("order-1")
        context = Context(order=order)
        done = pool.enqueue(order, context, work)
        if again:
            context.order = Order(to)
        written.set()
        return done.result(WAIT)
    finally:
        pool.close()


def in_hand(order_id: str) -> None:
    """Call what was looked up before."""
    post = LEDGER.post
    post(order_id, "text")


RIGHT: dict[str, Callable[[str], Any]] = {
    "called": lambda order_id: LEDGER.post(order_id, "text"),
    "by name": lambda order_id: LEDGER.post(order_id=order_id, text="text"),
    "in hand": in_hand,
    "of the class": lambda order_id: Ledger.post(LEDGER, order_id, "text"),
}


@MODES
@pytest.mark.parametrize("way", RIGHT)
def test_a_right_call_goes_the_quick_way(
    way: str, mode: str, instrument: Instrument, slow: list[str], told: list[Mismatch]
) -> None:
    """The host's function is called with what it was given, and nothing else is done."""
    instrument(mode)
    LEDGER.entries.clear()
    row(RIGHT[way])
    assert LEDGER.entries == [("order-1", None, "text")]
    assert (slow, told) == ([], [])


@MODES
def test_another_id_goes_the_slow_way(mode: str, instrument: Instrument, slow: list[str], told: list[Mismatch]) -> None:
    """An equal one is right as well; a wrong one is told, and in strict refused."""
    instrument(mode)
    row(lambda order_id: LEDGER.post(f"{order_id[:-1]}1", "text"))
    assert told == []
    LEDGER.entries.clear()
    if mode == "strict":
        with pytest.raises(HandoffMismatchError):
            row(lambda _: LEDGER.post("order-2", "text"))
    else:
        row(lambda _: LEDGER.post("order-2", "text"))
    assert [(found.evidence, found.observed) for found in told] == [("call", {"order_id": "order-2"})]
    assert len(LEDGER.entries) == (mode != "strict")
    assert slow[-2:] == ["Ledger.post"] * 2


@MODES
def test_with_spans_each_call_goes_the_slow_way(
    mode: str, instrument: Instrument, slow: list[str], telemetry: Telemetry
) -> None:
    """It has a span."""
    needs_sdk()
    instrument(mode, **telemetry.options)
    row(RIGHT["called"])
    assert slow == ["Ledger.post"]
    assert "Ledger.post" in [span.name for span in telemetry.spans()]


@pytest.mark.parametrize("watch", [True, False])
@pytest.mark.parametrize("way", ["called", "by name"])
def test_a_pinned_worker_s_call_is_judged_late(
    way: str, watch: bool, instrument: Instrument, slow: list[str], told: list[Mismatch]
) -> None:
    """Without watch, what it was spared is told after the call: most were spared nothing."""
    instrument("pin", watch=watch)
    row(RIGHT[way])
    assert (slow, told) == ([], [])
    row(RIGHT[way], again=True)
    assert told == []
    row(RIGHT[way], again=True, to="order-2")
    spared = "read" if watch else "call", "prevented", {"order_id": "order-2"}
    assert [(found.evidence, found.outcome, found.observed) for found in told] == [spared]
    assert slow == []


@MODES
@pytest.mark.parametrize("again", [False, True])
def test_a_row_by_the_book_makes_no_findings(
    again: bool, mode: str, instrument: Instrument, monkeypatch: pytest.MonkeyPatch, told: list[Mismatch]
) -> None:
    """Also with calls and index reads, and where an equal id was written `again`."""
    made: list[object] = []
    findings = lease.Findings
    monkeypatch.setattr(lease, "Findings", lambda: made.append(None) or findings())

    def job(order_id: str) -> None:
        for _ in range(2):
            INDEX.take(order_id)
            LEDGER.post(order_id, "text")

    instrument(mode)
    row(job, again=again)
    assert (made, told) == ([], [])


@MODES
def test_torn_is_torn_the_quick_way_as_well(mode: str, instrument: Instrument, told: list[Mismatch]) -> None:
    """A call whose index was taken for another id is looked at, right as it is; the next is not."""
    instrument(mode)

    def job(order_id: str) -> None:
        INDEX.take(order_id)
        LEDGER.post("order-2", "text")

    if mode == "strict":
        with pytest.raises(HandoffMismatchError):
            row(job)
    else:
        row(job)
    assert [found.torn for found in told] == [True]


@MODES
def test_what_was_taken_is_for_one_call(mode: str, instrument: Instrument, told: list[Mismatch]) -> None:
    """A wrong call after a right one has none of what that one was given."""
    instrument(mode)

    def job(order_id: str) -> None:
        INDEX.take(order_id)
        LEDGER.post(order_id, "text")
        with contextlib.suppress(HandoffMismatchError):
            LEDGER.post("order-2", "text")

    row(job)
    assert [found.torn for found in told] == [False]


def goes_on_after_its_result() -> None:
    """Bring a row through whose context goes on when its result is handed in."""
    pool, routed, gone_on = Pool(), threading.Event(), threading.Event()

    def work(given: Order, _ctx: Context) -> None:
        INDEX.done(given.id)
        routed.set()
        assert gone_on.wait(WAIT)

    order = Order("order-1")
    context = Context(order=order)
    done = pool.enqueue(order, context, work)
    assert routed.wait(WAIT)
    context.order = Order("order-2")
    gone_on.set()
    done.result(WAIT)
    pool.close()


def test_a_result_ends_the_row(instrument: Instrument, told: list[Mismatch], slow: list[str]) -> None:
    """The context may go on while the worker is still on its way out."""
    instrument("observe")
    goes_on_after_its_result()
    assert (told, slow) == ([], [])


def test_another_boundarys_result_does_not(instrument: Instrument, told: list[Mismatch]) -> None:
    """Though it has the very id."""
    instrument("observe", boundaries=[boundary(calls=[POST]), boundary(QueuePool, name="other", calls=[RESULT])])
    goes_on_after_its_result()
    assert [(found.evidence, found.outcome) for found in told] == [("end", "exposed")]


class Asked:
    """Holds nobody back, and knows where it could have."""

    def __init__(self) -> None:
        self.points: list[str] = []

    def hold(self, _lease: Any, point: str) -> None:
        """A worker is at a point."""
        self.points.append(point)

    def __getattr__(self, _name: str) -> Any:
        def nothing(*_: object) -> None:
            pass

        return nothing


@MODES
def test_a_provoked_worker_may_be_held_at_each_call(
    mode: str, instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also before one that would be right."""
    instrument(mode)
    asked = Asked()
    monkeypatch.setattr(lease.Lease, "provoker", asked)
    row(RIGHT["called"])
    assert asked.points == ["start", "call Ledger.post"]
