"""From the hand-over to the end: whatever becomes of a row, nothing of it stays behind."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace

from otel_handoff import HandoffMismatchError, current_submission
from otel_handoff.handover.lease import active
from otel_handoff.handover.written import LIMIT, WriteRecord, open_record, record_of
from tests.hazards.conftest import Instrument
from tests.hazards.rows import Overtaken, culprits, overtake, told
from tests.hosts import WAIT, Context, Ledger, Order, Pool, QueuePool, boundary
from tests.telemetry import Telemetry

MODES = pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
HOSTS = pytest.mark.parametrize("host", [Pool, QueuePool])
IN_FLIGHT = {(("handoff.boundary", "orders"),): 0}


class Weak(Context):
    """A context to watch the end of."""


def lingering() -> Any:
    """What the thread carries of a row: nothing, outside of work."""
    return active.get(), current_submission(), trace.get_current_span(), dict(context_api.get_current())


NOTHING: Any = (None, None, trace.INVALID_SPAN, {})


# -- the worker


@MODES
@HOSTS
@pytest.mark.parametrize("error", [ValueError, KeyError])
def test_the_worker_raises(
    error: type[Exception], host: Any, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """The host gets its error, the row ends, and the thread, which the pool uses again, keeps no id."""
    instrument(mode, boundaries=[boundary(host)])
    pool, ctx = host(), Context(order=Order("A"))
    raised = error("host")

    def job(_order: Order, _ctx: Any) -> None:
        raise raised

    order = Order("A")
    assert pool.enqueue(order, ctx, job).exception(WAIT) is raised
    seen = pool.enqueue(order, ctx, whose).result(WAIT)
    assert seen.number > 1
    if host is Pool:
        assert pool.executor.submit(lingering).result(WAIT) == NOTHING
    pool.close()
    assert telemetry.points("handoff.in_flight") == IN_FLIGHT
    [failed, _] = telemetry.spans("process orders")
    assert failed.events[0].name == "exception"
    assert told(telemetry) == []


@MODES
def test_the_worker_raises_after_a_wrong_read(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The alarm is kept, and the error is the host's."""
    instrument(mode)

    def body(_order: Order, ctx: Any) -> None:
        raise LookupError(ctx.order.id)

    with pytest.raises(LookupError) as raised:
        overtake(body)
    assert raised.value.args == ("A" if mode == "pin" else "B",)
    assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})]


def test_a_blocked_call_leaves_nothing(instrument: Instrument, telemetry: Telemetry) -> None:
    """Strict mode's own error leaves the thread as clean as any other."""
    instrument("strict")
    pool = Pool()
    row = Overtaken(lambda order, ctx: Ledger().post(ctx.order.id, order.id), pool=pool)
    row.ctx.order = Order("B")
    with pytest.raises(HandoffMismatchError):
        row.go()
    assert pool.executor.submit(lingering).result(WAIT) == NOTHING
    pool.close()
    assert telemetry.points("handoff.in_flight") == IN_FLIGHT


@MODES
def test_the_pool_reuses_its_thread(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Between rows, and after the last, its one thread carries nothing."""
    instrument(mode)
    pool, ctx = Pool(), Context()
    for name in "ABC":
        ctx.order = Order(name)
        submission = pool.enqueue(ctx.order, ctx, lambda _order, _ctx: current_submission()).result(WAIT)
        assert submission.ids["order_id"] == name
        assert pool.executor.submit(lingering).result(WAIT) == NOTHING
    pool.close()


@MODES
def test_a_callback_runs_after_the_work_ended(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A future's callback runs on the worker's thread, but not for the row: it carries nothing, it is told nothing."""
    instrument(mode)
    seen: list[Any] = []
    called = threading.Event()
    row = Overtaken(lambda _order, _ctx: None)

    def callback(_future: Future[Any]) -> None:
        try:
            seen.append(lingering())
            seen.append(row.ctx.order.id)
            Ledger().post(row.ctx.order.id, "from the callback")
        finally:
            called.set()

    row.future.add_done_callback(callback)
    row.go()
    row.ctx.order = Order("B")
    assert called.wait(WAIT)
    assert seen[0] == NOTHING
    assert told(telemetry) == []


# -- no worker


@MODES
def test_a_future_is_cancelled(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A row that is cancelled while others wait is gone at once, and its context with it."""
    instrument(mode)
    pool = Pool()
    blocker = Overtaken(lambda _order, _ctx: None, pool=pool)
    blocker.wait_until_begun()
    ctx = Weak(order=Order("B"))
    ref = weakref.ref(ctx)
    future = pool.enqueue(Order("B"), ctx, lambda _order, _ctx: None)
    assert telemetry.counted("handoff.in_flight") == {("orders",): 2}
    assert future.cancel()
    del ctx, future
    blocker.go()
    pool.close()
    gc.collect()
    assert telemetry.points("handoff.in_flight") == IN_FLIGHT
    assert ref() is None
    assert told(telemetry) == []


@MODES
def test_a_pool_is_shut_down_with_rows_in_its_queue(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """`shutdown(cancel_futures=True)` drops rows; nothing of them stays."""
    instrument(mode)
    pool = Pool()
    blocker = Overtaken(lambda _order, _ctx: None, pool=pool)
    blocker.wait_until_begun()
    contexts = [Weak(order=Order(str(number))) for number in range(50)]
    refs = [weakref.ref(ctx) for ctx in contexts]
    for ctx in contexts:
        pool.enqueue(Order("x"), ctx, lambda _order, _ctx: None)
    pool.executor.shutdown(wait=False, cancel_futures=True)
    del ctx  # pyright: ignore[reportPossiblyUnboundVariable]
    contexts.clear()
    blocker.go()
    pool.close()
    gc.collect()
    assert telemetry.points("handoff.in_flight") == IN_FLIGHT
    assert [ref for ref in refs if ref() is not None] == []


def nothing(_order: Order, _ctx: Any) -> None:
    """A job that many rows share."""


def whose(_order: Order, _ctx: Any) -> Any:
    """A job that says whose it is."""
    return current_submission()


class Lossy:
    """A queue that loses what it is given."""

    def put(self, *_item: Any) -> None:
        """Lose it."""

    submit = put


@MODES
@HOSTS
def test_rows_that_never_run(host: Any, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Rows that are dropped unworked go with their contexts, though a context holds all that was handed over."""
    instrument(mode, boundaries=[boundary(host)])
    pool: Any = host.__new__(host)
    pool.queue = pool.executor = Lossy()
    refs: list[weakref.ref[Any]] = []
    for number in range(100):
        ctx = Weak(order=Order(str(number)))
        refs.append(weakref.ref(ctx))
        pool.enqueue(ctx.order, ctx, nothing)
        del ctx
    gc.collect()
    assert telemetry.points("handoff.in_flight") == IN_FLIGHT
    assert [ref for ref in refs if ref() is not None] == []


# -- contexts


@MODES
@HOSTS
def test_contexts_at_a_recycled_address(host: Any, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A new context where an old one was is a new one: no write, no id, no claim of the old one is held against it."""
    instrument(mode, boundaries=[boundary(host)])
    pool = host()
    addresses: list[int] = []

    def job(order: Order, ctx: Any) -> str:
        return f"{order.id}={ctx.order.id}"

    def row(number: int) -> str:
        if number % 10 == 0:
            gc.collect()  # without the GIL memory is given back later
        new = [Context(order=Order("before")) for _ in range(30)]  # something else may be where one was
        ctx = next((each for each in new if id(each) in addresses), new[0])
        del new
        addresses.append(id(ctx))
        ctx.order = Order(str(number))
        return pool.enqueue(ctx.order, ctx, job).result(WAIT)

    assert [row(number) for number in range(200)] == [f"{number}={number}" for number in range(200)]
    pool.close()
    assert len(set(addresses)) < 200
    assert told(telemetry) == []


def test_a_record_is_of_one_context_only() -> None:
    """A new context has no record, whether somebody still holds the record of the one that was there before or not."""
    addresses: list[int] = []
    kept: list[Any] = []
    for number in range(200):
        if number % 10 == 0:
            gc.collect()  # without the GIL memory is given back later
        ctx = Weak()
        addresses.append(id(ctx))
        assert record_of(ctx) is None
        record = open_record(ctx)
        assert record_of(ctx) is record
        assert open_record(ctx) is record
        if number % 50 == 0:
            record.release()
            kept.append(record)
        del ctx, record
    assert len(set(addresses)) < 200


def test_two_threads_hand_over_one_context_for_the_first_time(instrument: Instrument, telemetry: Telemetry) -> None:
    """Both are just making the record of its writes: one is made, and both know the culprit."""
    instrument("observe")
    both = threading.Barrier(2)
    codes: Any = {getattr(WriteRecord, "__init__").__code__}  # noqa: B009
    rows: list[Overtaken] = []
    ctx = Context()

    def trace(frame: Any, event: str, _arg: object) -> None:
        if event == "call" and frame.f_code in codes:
            with suppress(threading.BrokenBarrierError):
                both.wait(2)

    def hand_over() -> None:
        sys.settrace(trace)
        try:
            rows.append(Overtaken(lambda _order, ctx: ctx.order.id, ctx))
        finally:
            sys.settrace(None)

    threads = [threading.Thread(target=hand_over) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    ctx.order = Order("B")
    assert [row.go() for row in rows] == ["B", "B"]
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})] * 2
    assert culprits(telemetry) == [threading.current_thread().name] * 2


@MODES
@HOSTS
def test_unhashable_contexts(host: Any, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A context that cannot be hashed, and one whose `__hash__` and `__eq__` raise, are as good as any."""

    class Hostile(Context):
        def __eq__(self, _other: object) -> bool:
            raise ArithmeticError("incomparable")

        def __hash__(self) -> int:
            raise ArithmeticError("unhashable")

    instrument(mode, boundaries=[boundary(host)])
    for make in (Context, Hostile):
        with pytest.raises((TypeError, ArithmeticError)):
            hash(make())
        pool = host()
        telemetry.mismatches.clear()
        found = overtake(lambda _order, ctx: ctx.order.id, ctx=make(), pool=pool)
        assert found == ("A" if mode == "pin" else "B")
        assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})]
        pool.close()


@MODES
@pytest.mark.parametrize("watch", [True, False])
def test_unhashable_ids(watch: bool, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """An id may be a list, also the one that says which row is tried again."""
    instrument(mode, watch=watch, boundaries=[boundary(row="order_id", calls=())])
    pool, ctx = Pool(), Context()
    try:
        for number in range(2):
            unhashable: Any = [number]
            ctx.order = Order(unhashable)
            handed = pool.enqueue(ctx.order, ctx, lambda _order, ctx: ctx).result(WAIT)
            assert (handed is ctx) is (mode != "pin")
    except TypeError as error:
        failed = str(error)
    else:
        failed = None
    gc.collect()  # an error in a finalizer is to show here, not in the midst of pytest
    pool.close()
    assert failed is None
    assert telemetry.counted("handoff.submissions") == {("orders",): 2}
    assert told(telemetry) == []


class Touchy:
    """An id with a hash, whose comparison raises."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError("incomparable")


@MODES
@pytest.mark.parametrize("row", [None, "attempt"])
def test_hashable_ids_that_cannot_be_compared(
    row: str | None, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Each wrong one is told of, though it cannot be said whether it is another."""
    instrument(mode, boundaries=[boundary(row=row)])
    try:
        read, again = two_wrong_attempts()
        observed: list[Any] = [m.observed["attempt"] for m in telemetry.mismatches]
        told = [touchy.name for touchy in observed]
    except ArithmeticError:  # pytest itself cannot show a failure among values that it cannot compare
        pytest.fail("the comparison of two ids raised out of us", pytrace=False)
    assert read == (["1", "1"] if mode == "pin" else ["2", "3"])
    assert again == "3"
    assert told == ["2", "3"]
    assert {m.evidence for m in telemetry.mismatches} == {"read"}


def two_wrong_attempts() -> tuple[list[str], str]:
    """Two wrong attempts that a worker reads, and the right one of the next row."""
    pool, ctx = Pool(), Context(order=Order("A"))
    shared: Any = ctx
    shared.attempt = Touchy("1")
    step, stepped = threading.Event(), threading.Event()

    def body(_order: Order, ctx: Any) -> list[str]:
        found: list[str] = []
        for _ in range(2):
            assert step.wait(WAIT)
            step.clear()
            found.append(ctx.attempt.name)
            stepped.set()
        return found

    future = pool.enqueue(Order("A"), ctx, body)
    for name in "23":
        shared.attempt = Touchy(name)
        stepped.clear()
        step.set()
        assert stepped.wait(WAIT) or future.done()
    read = future.result(WAIT)
    again = pool.enqueue(Order("A"), ctx, lambda _order, _ctx: current_submission()).result(WAIT)
    pool.close()
    return read, again.ids["attempt"].name


# -- nobody is kept alive


def _nested(_order: Order, ctx: Any) -> Any:
    thread = threading.Thread(target=lambda: ctx.order)
    thread.start()
    thread.join(WAIT)
    return None


def _loop(_order: Order, ctx: Any) -> Any:
    async def main() -> None:
        await asyncio.to_thread(lambda: ctx.order)

    asyncio.run(main())


def _raises(_order: Order, _ctx: Any) -> Any:
    raise ValueError


def _files(_order: Order, ctx: Any) -> Any:
    Ledger().post(ctx.order.id, "text")


ENDINGS: dict[str, Callable[[Order, Any], Any]] = {
    "returns": lambda _order, _ctx: None,
    "raises": _raises,
    "reads": lambda _order, ctx: ctx.order.id,
    "files": _files,
    "thread": _nested,
    "loop": _loop,
    "submission kept": lambda _order, _ctx: current_submission(),
}

READING = ("reads", "files", "thread", "loop")


@MODES
@HOSTS
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_context_is_not_kept_alive(
    ending: str, host: Any, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """When the host has let go of a context whose rows are done, it is gone, mismatches and spans or not."""
    instrument(mode, boundaries=[boundary(host)])
    pool = host()
    kept: list[Any] = []

    def row() -> weakref.ref[Any]:
        ctx = Weak()
        with suppress(ValueError, HandoffMismatchError):
            kept.append(overtake(ENDINGS[ending], ctx=ctx, pool=pool))
        ctx.attempt = "later"
        return weakref.ref(ctx)

    ref = row()
    pool.close()
    gc.collect()
    assert ref() is None
    assert len(telemetry.mismatches) == (0 if mode == "pin" and ending not in READING else 1)
    assert telemetry.points("handoff.in_flight") == IN_FLIGHT


def test_a_nested_row_s_submission_does_not_keep_the_outer_context(
    instrument: Instrument, telemetry: Telemetry
) -> None:
    """A submission, or a mismatch, that somebody keeps holds ids and where they came from, not other rows' contexts."""
    instrument("observe")
    outer, inner = Pool(), Pool()
    kept: list[Any] = []

    def job(_order: Order, _ctx: Any) -> None:
        nested = Context(order=Order("inner"))
        kept.append(inner.enqueue(Order("inner"), nested, lambda _order, _ctx: current_submission()).result(WAIT))

    def row() -> weakref.ref[Any]:
        ctx = Weak(order=Order("outer"))
        outer.enqueue(Order("outer"), ctx, job).result(WAIT)
        return weakref.ref(ctx)

    ref = row()
    outer.close()
    inner.close()
    gc.collect()
    assert kept[0].ids["order_id"] == "inner"
    assert ref() is None


@MODES
def test_a_context_class_is_not_kept_alive(mode: str, instrument: Instrument) -> None:
    """A class that was made for one row goes when the host has let go of it, without `uninstrument()`."""
    instrument(mode)
    pool = Pool()

    def row() -> weakref.ref[type]:
        class Local(Context):
            pass

        pool.enqueue(Order("A"), Local(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
        return weakref.ref(Local)

    refs = [row() for _ in range(3)]
    pool.close()
    gc.collect()
    assert [ref for ref in refs if ref() is not None] == []


# -- records of writes


@MODES
def test_records_of_recent_writes_are_bounded(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Ten thousand writes while a row is in flight leave a bounded number of values, and the newest is the culprit."""
    instrument(mode)
    row = Overtaken(lambda _order, ctx: ctx.order.id)
    row.wait_until_begun()
    written: list[weakref.ref[Any]] = []

    class Heavy:
        def __init__(self, name: str) -> None:
            self.id = name

    for number in range(10_000):
        heavy = Heavy(str(number))
        written.append(weakref.ref(heavy))
        row.ctx.order = heavy
    gc.collect()
    assert LIMIT <= sum(ref() is not None for ref in written) <= 2 * LIMIT
    del heavy  # pyright: ignore[reportPossiblyUnboundVariable]
    assert row.go() == ("A" if mode == "pin" else "9999")
    assert culprits(telemetry) == [threading.current_thread().name]
    assert telemetry.mismatches[0].observed == {"order_id": "9999"}
    row.ctx.order = None
    gc.collect()
    del row
    gc.collect()
    assert [ref for ref in written if ref() is not None] == []


def test_writes_are_recorded_only_while_a_row_is_in_flight(instrument: Instrument) -> None:
    """Before the first and after the last row nothing is kept."""
    instrument("observe")
    pool, ctx = Pool(), Weak()
    assert record_of(ctx) is None
    pool.enqueue(Order("A"), ctx, lambda _order, _ctx: None).result(WAIT)
    pool.close()
    gc.collect()
    assert record_of(ctx) is None
    value = Weak()
    ctx.order = value  # type: ignore[assignment]
    ref = weakref.ref(value)
    ctx.order = None
    del value
    assert ref() is None


def test_a_context_of_two_rows_keeps_its_record_until_the_last(instrument: Instrument, telemetry: Telemetry) -> None:
    """One row's end does not take the other's culprit away."""
    instrument("observe")
    ctx = Context()
    first = Overtaken(lambda _order, _ctx: None, ctx=ctx)
    second = Overtaken(lambda _order, ctx: ctx.order.id, ctx=ctx)
    first.go()
    del first
    gc.collect()
    ctx.order = Order("B")
    assert second.go() == "B"
    assert culprits(telemetry) == [threading.current_thread().name]


def test_blind_rows_dropped_with_arguments_that_take_no_weak_reference(
    instrument: Instrument, telemetry: Telemetry
) -> None:
    """Observed rows of a hand-written queue that are dropped unworked stay claimed then, as long as they are few."""
    from otel_handoff.handover.claims import LIMIT as MOST

    instrument("observe", boundaries=[boundary(QueuePool)])
    pool: Any = QueuePool.__new__(QueuePool)  # no threads: nobody works
    pool.queue = Lossy()

    class Slotted:
        __slots__ = ("attempt", "order")

        def __init__(self) -> None:
            self.order = self.attempt = None

    unreferable: Any = "order"
    slotted: Any = Slotted
    for _ in range(MOST + 10):
        pool.enqueue(unreferable, slotted(), nothing)
    gc.collect()
    [(_, in_flight)] = telemetry.points("handoff.in_flight").items()
    assert in_flight == MOST


def test_a_thread_that_changes_its_name_for_each_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """The report has the name that it had when it handed the row over."""
    instrument("observe")
    thread = threading.current_thread()
    before = thread.name
    try:
        thread.name = "row A"
        overtaken = Overtaken(lambda _order, ctx: ctx.order.id)
        overtaken.wait_until_begun()
        thread.name = "row B"
        overtaken.ctx.order = Order("B")
        assert overtaken.go() == "B"
    finally:
        thread.name = before
    [mismatch] = telemetry.mismatches
    assert mismatch.submission.thread_name == "row A"
    assert mismatch.culprit is not None
    assert mismatch.culprit.thread_name == "row B"
