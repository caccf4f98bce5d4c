"""Boundaries that name their work alone: what else may happen to what is handed over, and what is no hand-over."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import logging
import pickle
import queue
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from multiprocessing.pool import Pool, ThreadPool
from types import FunctionType
from typing import Any, cast

import pytest

from otel_handoff import Boundary, Call, HandoffInstrumentor, current_submission
from otel_handoff.handover.directly import taking, wanted
from otel_handoff.handover.lease import active
from tests.hazards.conftest import Instrument
from tests.hazards.rows import culprits, told
from tests.hosts import WAIT, Context, Ledger, Order
from tests.telemetry import Telemetry

HERE = __name__


LEDGER = Ledger()
GO = threading.Event()


def work(owner: str, ctx: Context) -> Any:
    """Work function."""
    assert GO.wait(WAIT)
    LEDGER.post(ctx.order.id if ctx.order else None, owner)
    submission = current_submission()
    return submission and submission.ids["order_id"]


def alone(name: str = "work", **options: Any) -> Boundary:
    """The declaration."""
    calls = [Call("tests.hosts:Ledger.post", {"order_id": "order_id"})]
    declared: dict[str, Any] = {"fields": {"order_id": "order.id"}, "calls": calls, **options}
    return Boundary("orders", work=f"{HERE}:{name}", **declared)


@pytest.fixture(autouse=True)
def books() -> Iterator[None]:
    """Each test's own."""
    LEDGER.entries.clear()
    GO.clear()
    yield
    GO.set()


def filed() -> list[tuple[str, str | None]]:
    """Whose row was filed under which id."""
    return sorted((owner, order_id) for order_id, _, owner in LEDGER.entries)


def on(ctx: Context, names: str = "ABC") -> Iterator[tuple[str, Context]]:
    """Go through rows on one context: each is current until the next is asked for."""
    for name in names:
        ctx.order = Order(name)
        yield name, ctx


RACED = [("A", "C"), ("B", "C"), ("C", "C")]
RIGHT = [("A", "A"), ("B", "B"), ("C", "C")]


# -- what calls it


class Looks:
    """Has an attribute of that name, and is no context."""

    order: Any = None


def test_what_only_looks_like_a_context(instrument: Instrument, telemetry: Telemetry) -> None:
    """It is not copied: it is the function's own, which goes on with it."""
    instrument("pin", boundaries=[alone()])
    desk, seen = Looks(), list[Any]()
    GO.set()

    def calls() -> Any:
        seen.append(desk)
        return work("A", Context(order=Order("A")))

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(calls).result(WAIT) == "A"
    assert seen[0] is desk
    assert told(telemetry) == []


def test_what_does_not_call_it_this_time(instrument: Instrument, telemetry: Telemetry) -> None:
    """It is no row, and no worker of it is missed."""
    instrument(boundaries=[alone()])
    ctx = Context(order=Order("A"))

    def calls() -> Any:
        return work("A", ctx) if ctx.order is None else "not now"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(calls).result(WAIT) == "not now"
    gc.collect()
    assert telemetry.counted("handoff.submissions") == {}
    assert telemetry.unchecked() == {}


# -- items


class One:
    """Works on an item that is one object."""

    def run(self, ctx: Context) -> Any:
        """Work function."""
        return work(ctx.tenant, ctx)


def items_of(ctx: Context, names: str = "ABC") -> Iterator[Context]:
    """Yield the same context for each row."""
    for name in names:
        ctx.order, ctx.tenant = Order(name), "shared"
        yield ctx


@pytest.mark.parametrize("way", ["map", "map_async", "imap", "imap_unordered"])
def test_items_that_are_taken_one_by_one(way: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Each is a row with what its context was when it was taken from the iterable, also by a thread of the pool's."""
    instrument(boundaries=[alone("One.run")])
    taken = threading.Event()

    def rows(ctx: Context) -> Iterator[Context]:
        yield from items_of(ctx)
        GO.set()
        taken.set()

    with ThreadPool(3) as pool:
        found = getattr(pool, way)(One().run, rows(Context()))
        assert sorted(found.get(WAIT) if way == "map_async" else found) == ["A", "B", "C"]
    assert sorted(told(telemetry), key=str) == [(row, "call", "used", {"order_id": "C"}) for row in "AB"]


def test_a_starmap_of_a_generator(instrument: Instrument, telemetry: Telemetry) -> None:
    """In pin each item has its own copy."""
    instrument("pin", boundaries=[alone()])

    def rows() -> Iterator[tuple[str, Context]]:
        yield from on(Context())
        GO.set()

    with ThreadPool(3) as pool:
        assert pool.starmap(work, rows()) == ["A", "B", "C"]
    assert filed() == RIGHT
    assert sorted(told(telemetry)) == [(row, "read", "prevented", {"order_id": "C"}) for row in "AB"]


def test_items_keep_their_length_and_their_errors(instrument: Instrument) -> None:
    """A pool that is given something else to do does it as ever; and what is no item of a starmap is told by it."""
    instrument(boundaries=[alone()])
    with ThreadPool(2) as pool:
        assert pool.map(str, range(5)) == ["0", "1", "2", "3", "4"]
        assert pool.starmap(work, []) == []
        with pytest.raises(TypeError, match="iterable"):
            pool.starmap(work, cast("Any", [1]))
        with pytest.raises(ZeroDivisionError):
            pool.map(partial(work, "A"), cast("Any", (1 // each for each in (1, 0))))
        GO.set()
        assert pool.starmap(work, {"A": Context(order=Order("A"))}.items()) == ["A"]


# -- threads


class Scanner(threading.Thread):
    """Has its context on itself."""

    def __init__(self, owner: str, ctx: Context) -> None:
        super().__init__()
        self.owner, self.ctx = owner, ctx

    def run(self) -> None:
        """Work by a method that is declared."""
        self.scan(self.owner, self.ctx)

    def scan(self, owner: str, ctx: Context) -> None:
        """Work function."""
        work(owner, ctx)


@pytest.mark.parametrize(("mode", "entries"), [("observe", RACED), ("pin", RIGHT)])
def test_a_thread_whose_run_calls_the_work_function(
    mode: str, entries: Any, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Its start is the hand-over; in pin the work function is given a copy of what the thread had then."""
    instrument(mode, boundaries=[alone("Scanner.scan")])
    threads: list[Any] = []
    for owner, ctx in on(Context()):
        threads.append(Scanner(owner, ctx))
        threads[-1].start()
    GO.set()
    for thread in threads:
        thread.join(WAIT)
    assert filed() == entries
    outcome = ("call", "used") if mode == "observe" else ("read", "prevented")
    assert sorted(told(telemetry)) == [(row, *outcome, {"order_id": "C"}) for row in "AB"]


def test_a_thread_and_a_timer_stay_what_they_were(instrument: Instrument) -> None:
    """What was put on a timer is there again when it has run, and what a thread was given when it did not start."""
    instrument("pin", boundaries=[alone()])
    ctx = Context(order=Order("A"))
    timer = threading.Timer(0, work, ("A", ctx))
    timer.start()
    GO.set()
    timer.join(WAIT)
    assert timer.function is work
    assert timer.args == ("A", ctx)
    assert cast("Any", timer.args)[1] is ctx
    thread: Any = threading.Thread(target=work, args=("A", ctx))
    thread.start()
    thread.join(WAIT)
    with pytest.raises(RuntimeError, match="once"):
        thread.start()


# -- closures


@pytest.mark.parametrize(("mode", "entries"), [("observe", [("C", "C")] * 3), ("pin", RIGHT)])
def test_a_loop_variable_in_a_closure(mode: str, entries: Any, instrument: Instrument, telemetry: Telemetry) -> None:
    """The worker is given what the loop went on to: what was there when it was handed over is what was submitted."""
    instrument(mode, boundaries=[alone()])
    with ThreadPoolExecutor(1) as pool:
        pool.submit(GO.wait, WAIT)
        for name in "ABC":
            ctx = Context(order=Order(name))
            pool.submit(lambda: work(name, ctx))  # noqa: B023  that is what it is about
        GO.set()
    assert filed() == entries
    expected = [(row, "call", "used", {"order_id": "C"}) for row in "AB"] if mode == "observe" else []
    assert sorted(told(telemetry)) == expected


def test_a_closure_that_writes_to_its_variable(instrument: Instrument) -> None:
    """It goes on sharing it with the function around it, also in pin."""
    instrument("pin", boundaries=[alone()])
    done, ctx = 0, Context(order=Order("A"))

    def task() -> None:
        nonlocal done
        work("A", ctx)
        done += 1

    GO.set()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(task)
    assert done == 1


def numbered_dict(given: Any) -> Any:
    """Hold it under a number."""
    return {0: given[0], 1: given[1]}


@pytest.mark.parametrize("holds", [cast("Any", tuple), cast("Any", list), numbered_dict])
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_whose_method_it_is_stands_in_what_is_given(
    mode: str, holds: Any, instrument: Instrument, telemetry: Telemetry
) -> None:
    """As in `pool.submit(numbered, (index, step))`: the object whose method is called is in a tuple, say."""
    instrument(mode, boundaries=[alone("One.run")])
    ctx, one = Context(), One()

    def numbered(given: Any) -> Any:
        return given[0].run(ctx)

    with ThreadPool(3) as pool:
        found = [pool.apply_async(numbered, (holds((one, n)),)) for n, _ in enumerate(items_of(ctx))]
        GO.set()
        assert [each.get(WAIT) for each in found] == ["A", "B", "C"]
    raced = [(row, "read", "prevented", {"order_id": "C"}) for row in "AB"]
    assert sorted(told(telemetry), key=str) == (
        raced if mode == "pin" else [(row, "call", "used", {"order_id": "C"}) for row in "AB"]
    )


def test_a_flag_in_a_closure(instrument: Instrument) -> None:
    """What the submitter sets later for the task to see arrives, also in pin."""
    instrument("pin", boundaries=[alone()])
    stop, ctx = None, Context(order=Order("A"))

    def task() -> Any:
        work("A", ctx)
        return stop

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(task)
        stop = "stopped"
        GO.set()
    assert future.result(WAIT) == "stopped"


def test_a_function_that_only_names_it(instrument: Instrument, telemetry: Telemetry) -> None:
    """It is handed over as it is, and nothing is told of it."""
    instrument("pin", boundaries=[alone("One.run")])

    class Other:
        def run(self, ctx: Context) -> str:
            return ctx.tenant

    other, ctx, seen = Other(), Context(order=Order("A")), list[Any]()

    def task() -> Any:
        seen.append(ctx)
        return other.run(ctx)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(task).result(WAIT) == "acme"
    assert seen[0] is ctx
    HandoffInstrumentor().uninstrument()
    assert (telemetry.unchecked(), telemetry.counted("handoff.submissions")) == ({}, {})


def test_a_context_that_the_task_makes_itself(instrument: Instrument, telemetry: Telemetry) -> None:
    """It may rightly have other ids than what the task was given: it is not accused, and told where it has."""
    instrument(boundaries=[alone()])

    def task(ctx: Context) -> Any:
        return work("A", Context(order=Order("part of " + ctx.order.id if ctx.order else "")))

    GO.set()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(task, Context(order=Order("A")))
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"context_unreadable": 1}


# -- async


async def bill(owner: str, ctx: Context) -> Any:
    """Work function."""
    await asyncio.sleep(0)
    LEDGER.post(ctx.order.id if ctx.order else None, owner)


def test_a_coroutine_is_handed_over_where_it_is_called(instrument: Instrument, telemetry: Telemetry) -> None:
    """In pin each has its own copy, in whichever task it runs."""
    instrument("pin", boundaries=[alone("bill")])

    async def rows() -> None:
        await asyncio.gather(*(bill(*row) for row in on(Context())))

    asyncio.run(rows())
    assert filed() == RIGHT
    HandoffInstrumentor().uninstrument()
    assert telemetry.counted("handoff.submissions") == {("orders",): 3}


# -- no hand-over


def test_work_that_is_simply_called(instrument: Instrument, telemetry: Telemetry) -> None:
    """It is no row, and nothing that was not judged."""
    instrument(boundaries=[alone()])
    GO.set()
    for row in on(Context()):
        assert work(*row) is None
    HandoffInstrumentor().uninstrument()
    assert filed() == RIGHT
    assert (told(telemetry), telemetry.unchecked()) == ([], {})
    assert telemetry.counted("handoff.submissions") == {}


def nesting(ctx: Context, part: Context) -> Any:
    """Work function that calls itself, for something else."""
    if part is not ctx:
        return nesting(part, part)
    submission = current_submission()
    return submission and submission.ids["order_id"]


def test_work_that_a_row_calls_for_something_else(instrument: Instrument, telemetry: Telemetry) -> None:
    """What a worker calls it with is a row of its own."""
    instrument(boundaries=[alone("nesting")])
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(nesting, Context(order=Order("A")), Context(order=Order("part"))).result(WAIT) == "part"
    assert telemetry.unchecked() == {}


def test_a_task_that_tries_again(instrument: Instrument, telemetry: Telemetry) -> None:
    """The work function is called once more for the same row; what it is called for besides is told."""
    instrument(boundaries=[alone()])
    GO.set()

    def task(ctx: Context) -> Any:
        return work("A", ctx), work("A", ctx), work("B", Context(order=Order("B")))

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(task, Context(order=Order("A"))).result(WAIT) == ("A", "A", None)
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"several_workers": 1}
    assert telemetry.counted("handoff.submissions") == {("orders",): 1}


def test_a_task_for_two_rows(instrument: Instrument, telemetry: Telemetry) -> None:
    """Each is one."""
    instrument(boundaries=[alone()])
    GO.set()

    def task(first: Context, second: Context) -> Any:
        return work("A", first), work("B", second)

    with ThreadPoolExecutor(1) as pool:
        both = Context(order=Order("A")), Context(order=Order("B"))
        assert pool.submit(task, *both).result(WAIT) == ("A", "B")
    assert telemetry.unchecked() == {}


def test_a_server_that_calls_it_in_its_threads(instrument: Instrument, telemetry: Telemetry) -> None:
    """That is told once for all of them: they may be requests, which are no rows, or come from a queue."""
    instrument(boundaries=[alone()])
    GO.set()

    def serve() -> None:
        for row in on(Context()):
            work(*row)

    threads = [threading.Thread(target=lambda: (serve(), None)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"not_handed_over": 1}


def test_a_way_that_is_not_known(
    instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """A queue of the host's own: its rows are told not to be checked, and what to declare."""
    instrument(boundaries=[alone()])
    items: queue.Queue[Any] = queue.Queue()

    def loop() -> None:
        while (item := items.get()) is not None:
            function, args = item
            function(*args)

    thread = threading.Thread(target=loop)
    thread.start()
    with caplog.at_level(logging.WARNING, "otel_handoff"):
        for row in on(Context()):
            items.put((work, row))
        items.put(None)
        GO.set()
        thread.join(WAIT)
        HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"no_submission": 3}
    assert "declare as submit" in caplog.text


# -- what is handed over stays what it was


def test_what_a_pool_is_given(instrument: Instrument) -> None:
    """To everybody who looks at it, it is what was handed over; and to another process goes that."""
    instrument("pin", boundaries=[alone()])
    ctx, items = Context(order=Order("A")), queue.Queue[Any]()
    given: list[Any] = [
        (work, ("A", ctx)),
        (partial(work, "A", ctx), ()),
        (partial(work, owner="A"), ()),
        (json.dumps, (1,)),
    ]
    with ThreadPoolExecutor(1) as pool:
        pool._work_queue = cast("Any", items)
        held = pool.submit(GO.wait, WAIT)
        for function, args in given:
            pool.submit(function, *args, **({"ctx": ctx} if function is given[2][0] else {}))
        for (function, _), item in zip(given, [*items.queue][-len(given) :], strict=True):
            there: Any = getattr(item, "fn", None) or item.task[0]
            assert there == function
            kind: Any = FunctionType if function is work or function is json.dumps else partial
            assert issubclass(there.__class__, kind)
            assert repr(there) == repr(function)
            for name in ("args", "keywords", "func", "__name__", "__wrapped__"):
                if name != "__wrapped__" or function is work:
                    assert getattr(there, name, None) == getattr(function, name, None)
            assert weakref.ref(there)() is there
            assert pickle.loads(pickle.dumps(there)) == pickle.loads(pickle.dumps(function)) or type(there) is not work
            del item, there
        GO.set()
        held.result(WAIT)


def test_a_cancelled_item_ends_its_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """At once, and with all that it held."""
    instrument("pin", boundaries=[alone()])
    ctx = Context(order=Order("A"))
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(GO.wait, WAIT)
        future = pool.submit(work, "A", ctx)
        assert future.cancel()
        kept = weakref.ref(ctx)
        GO.set()
        held.result(WAIT)
        pool.submit(int).result(WAIT)
        del ctx
        gc.collect()
        assert kept() is None
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"no_worker": 1}


def test_a_callback_ends_with_its_call(instrument: Instrument) -> None:
    """Its future lives on, and keeps nothing of the row."""
    instrument("pin", boundaries=[alone()])
    ctx, future = Context(order=Order("A")), Future[Any]()
    GO.set()

    def called_back(ctx: Context, _: Any) -> Any:
        return work("A", ctx)

    def held_by_default(_: Any, ctx: Context = ctx) -> Any:
        return work("A", ctx)

    future.add_done_callback(held_by_default)
    future.add_done_callback(partial(called_back, ctx))
    del held_by_default
    future.set_result(None)
    assert len(LEDGER.entries) == 2
    kept = weakref.ref(ctx)
    del ctx, future
    gc.collect()
    assert kept() is None


def test_a_thread_of_a_pool_is_nobody_s_afterwards(instrument: Instrument) -> None:
    """Neither a row nor what was expected stays there."""
    instrument(boundaries=[alone()])
    GO.set()

    def left() -> Any:
        ours = [key.name for key in contextvars.copy_context() if key.name.startswith("otel_handoff")]
        values = {key.name: value for key, value in contextvars.copy_context().items() if key.name in ours}
        return active.get(), {name: value for name, value in values.items() if value}

    with ThreadPoolExecutor(1) as pool:
        ctx = Context(order=Order("A"))
        pool.submit(lambda: work("A", ctx)).result(WAIT)
        pool.submit(work, "A", ctx).result(WAIT)
        assert pool.submit(left).result(WAIT) == (None, {})


def test_a_row_within_a_row(instrument: Instrument) -> None:
    """What a worker hands over is a row of its own, whose work is for that one."""
    instrument(boundaries=[alone()])
    GO.set()

    def task(ctx: Context, pool: ThreadPoolExecutor) -> Any:
        whose = work("A", ctx)
        part = Context(order=Order("part"))
        return whose, pool.submit(work, "part", part).result(WAIT)

    with ThreadPoolExecutor(2) as pool:
        assert pool.submit(task, Context(order=Order("A")), pool).result(WAIT) == ("A", "part")


def test_nothing_is_left_behind(instrument: Instrument) -> None:
    """Every function is given back by identity, and no work function is looked for any more."""
    classes: list[Any] = [ThreadPoolExecutor, threading.Thread, Pool, Future, asyncio.base_events.BaseEventLoop]
    before: list[dict[str, Any]] = [{**vars(cls)} for cls in classes]
    instrument(boundaries=[alone()])
    assert vars(ThreadPoolExecutor)["submit"].__wrapped__ is before[0]["submit"]
    assert taking
    HandoffInstrumentor().uninstrument()
    for cls, had in zip(classes, before, strict=True):
        assert all(vars(cls)[name] is value for name, value in had.items())
    assert (taking, wanted) == ({}, set())


def test_the_culprit_is_the_write(instrument: Instrument, telemetry: Telemetry) -> None:
    """By whichever thread."""
    instrument(boundaries=[alone()])
    ctx = Context(order=Order("A"))

    def write() -> None:
        ctx.order = Order("B")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work, "A", ctx)
        writer = threading.Thread(target=write, name="the writer")
        writer.start()
        writer.join(WAIT)
        GO.set()
    assert culprits(telemetry) == ["the writer"]


def test_two_boundaries_of_one_work_function_are_told(instrument: Instrument, caplog: pytest.LogCaptureFixture) -> None:
    """The one declared last has its rows."""
    one: dict[str, Any] = {"work": "tests.hazards.one_row:Host.work", "fields": {"order_id": "order_id"}}
    instrument(boundaries=[Boundary("first", **one), Boundary("second", **one)])
    assert "tests.hazards.one_row:Host.work is instrumented already, by boundary 'first'" in caplog.text
