"""What a worker starts in turn: wrong reads there are the row's, and nobody else's are.

That the submission itself follows is tested in tests/unit/handover/test_carry.py.
"""

from __future__ import annotations

import asyncio
import contextvars
import multiprocessing.pool
import queue
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry import trace

from otel_handoff import HandoffInstrumentor, current_submission
from otel_handoff.handover.lease import active
from tests.hazards.conftest import Instrument
from tests.hazards.rows import Overtaken, culprits, overtake, told
from tests.hosts import WAIT, Context, Ledger, Order, Pool, boundary
from tests.telemetry import Telemetry, needs_sdk

MODES = pytest.mark.parametrize("mode", ["observe", "pin"])
Run = Callable[[Callable[[], Any]], Any]


def nested_pool(task: Callable[[], Any]) -> Any:
    """A pool of the worker's own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(task).result(WAIT)


def nested_pool_with_a_copied_context(task: Callable[[], Any]) -> Any:
    """The same, by one who copies the context by hand."""
    copied = contextvars.copy_context()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copied.run, task).result(WAIT)


def called(task: Callable[[], Any]) -> Any:
    """Call it."""
    return task()


def nested_map(task: Callable[[], Any]) -> Any:
    """`map` of a pool."""
    with ThreadPoolExecutor(1) as pool:
        return next(pool.map(called, [task]))


def pool_in_a_pool(task: Callable[[], Any]) -> Any:
    """Two levels down."""
    return nested_pool(lambda: nested_pool(task))


def thread(task: Callable[[], Any]) -> Any:
    """A thread that the worker starts."""
    found: list[Any] = []
    started = threading.Thread(target=lambda: found.append(task()))
    started.start()
    started.join(WAIT)
    return found[0]


def asyncio_run(task: Callable[[], Any]) -> Any:
    """A loop in the worker."""

    async def main() -> Any:
        return task()

    return asyncio.run(main())


def asyncio_task(task: Callable[[], Any]) -> Any:
    """A task of such a loop."""

    async def step() -> Any:
        await asyncio.sleep(0)
        return task()

    async def main() -> Any:
        return await asyncio.create_task(step())

    return asyncio.run(main())


def to_thread(task: Callable[[], Any]) -> Any:
    """`asyncio.to_thread`."""
    return asyncio.run(asyncio.to_thread(task))


def run_in_executor(task: Callable[[], Any]) -> Any:
    """`run_in_executor`, with the default executor and with one's own."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            return await loop.run_in_executor(pool, task)

    return asyncio.run(main())


@contextmanager
def loop_elsewhere() -> Generator[asyncio.AbstractEventLoop]:
    """A loop that another thread runs."""
    loop = asyncio.new_event_loop()
    runner = threading.Thread(target=loop.run_forever)
    runner.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        runner.join(WAIT)
        loop.close()


def another_loop(task: Callable[[], Any]) -> Any:
    """A coroutine handed to another thread's loop."""

    async def main() -> Any:
        return task()

    with loop_elsewhere() as loop:
        return asyncio.run_coroutine_threadsafe(main(), loop).result(WAIT)


def generator(task: Callable[[], Any]) -> Any:
    """A generator that the worker consumes itself."""

    def values() -> Iterator[Any]:
        yield task()

    return next(values())


def generator_elsewhere(task: Callable[[], Any]) -> Any:
    """A generator that the worker's pool consumes."""

    def values() -> Iterator[Any]:
        yield task()

    made = values()
    return nested_pool(lambda: next(made))


WAYS: dict[str, Run] = {
    way.__name__: way
    for way in (
        nested_pool,
        nested_pool_with_a_copied_context,
        nested_map,
        pool_in_a_pool,
        thread,
        asyncio_run,
        asyncio_task,
        to_thread,
        run_in_executor,
        another_loop,
        generator,
        generator_elsewhere,
    )
}


@MODES
@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_read_in_what_the_worker_starts(
    way: str, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It is told as the row's, once, and names the culprit; without us nobody says a word."""

    def body(_order: Order, ctx: Any) -> Any:
        return WAYS[way](lambda: ctx.order.id)

    assert overtake(body) == "B"
    assert told(telemetry) == []
    instrument(mode)
    assert overtake(body) == ("A" if mode == "pin" else "B")
    assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})]
    assert culprits(telemetry) == [threading.current_thread().name]


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_call_in_what_the_worker_starts(way: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The same of what it files."""
    ledger = Ledger()
    instrument("observe")
    overtake(lambda order, ctx: WAYS[way](lambda: ledger.post(ctx.order.id, order.id)))
    assert ledger.entries == [("B", None, "A")]
    assert told(telemetry) == [("A", "call", "used", {"order_id": "B"})]


@MODES
@pytest.mark.parametrize("way", WAYS)
def test_right_reads_in_what_the_worker_starts(
    way: str, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Right reads and calls there are nobody's mismatch, nor is anything carried on by the submitter's threads."""
    ledger = Ledger()
    instrument(mode)

    def body(order: Order, ctx: Any) -> Any:
        return WAYS[way](lambda: ledger.post(ctx.order.id, order.id))

    assert overtake(body, lambda _ctx: None) == "A:A"
    assert told(telemetry) == []
    assert (active.get(), current_submission()) == (None, None)


@MODES
def test_two_rows_that_share_a_nested_pool(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The pool's one thread is started inside row A and serves A and B in turn: each task is its own row's."""
    instrument(mode)
    pool, ledger = Pool(2), Ledger()
    a_served, b_served = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as nested:

        def job(order: Order, ctx: Any) -> Any:
            if order.id == "B":
                assert a_served.wait(WAIT)
            found = nested.submit(lambda: ledger.post(ctx.order.id, order.id)).result(WAIT)
            (a_served if order.id == "A" else b_served).set()
            assert b_served.wait(WAIT)  # A is still at work when B uses the thread that A started
            return found

        rows = [pool.enqueue(order, Context(order=order), job) for order in (Order("A"), Order("B"))]
        assert [row.result(WAIT) for row in rows] == ["A:A", "B:B"]
    pool.close()
    assert told(telemetry) == []


@pytest.mark.parametrize("kind", ["ThreadPool", "hand-written"])
@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
def test_a_pool_of_another_kind_that_is_started_inside_a_row(
    kind: str, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Its threads are started inside row A, which is still at work when they serve row B: nothing B does is A's."""
    instrument(mode)
    pool, ledger = Pool(2), Ledger()
    a_served, b_served = threading.Event(), threading.Event()
    shared: list[Any] = []

    def job(order: Order, ctx: Any) -> Any:
        try:
            if order.id == "A":
                shared.append(multiprocessing.pool.ThreadPool(1) if kind == "ThreadPool" else Lazy())
            else:
                assert a_served.wait(WAIT)
            return shared[0].apply(lambda: ledger.post(ctx.order.id, order.id))
        finally:
            (a_served if order.id == "A" else b_served).set()
            assert b_served.wait(WAIT)

    rows = [pool.enqueue(order, Context(order=order), job) for order in (Order("A"), Order("B"))]
    found = [row.exception(WAIT) or row.result(WAIT) for row in rows]
    pool.close()
    shared[0].close()
    shared[0].join()
    assert told(telemetry) == []
    assert found == ["A:A", "B:B"]


class Lazy:
    """A worker thread that a library starts when it is first needed, with a queue of its own."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def _loop(self) -> None:
        while (item := self._tasks.get()) is not None:
            task, results = item
            try:
                results.put((task(), None))
            except BaseException as error:
                results.put((None, error))
            del item, task, results

    def apply(self, task: Callable[[], Any]) -> Any:
        """Have it done."""
        results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._tasks.put((task, results))
        found, error = results.get(timeout=WAIT)
        if error is not None:
            raise error
        return found

    def close(self) -> None:
        """Let it end."""
        self._tasks.put(None)

    def join(self) -> None:
        """Wait for it."""
        self._thread.join(WAIT)


def test_a_thread_that_cannot_be_started_keeps_nothing(instrument: Instrument) -> None:
    """A thread that the worker fails to start is as it was: no stand-in for its `run`, no row."""
    instrument("observe")

    def body(_order: Order, _ctx: Any) -> Any:
        done = threading.Thread(target=int)
        done.start()
        done.join(WAIT)
        with pytest.raises(RuntimeError):
            done.start()
        return done

    assert "run" not in vars(overtake(body))


def test_a_generator_consumed_after_the_work_function_returned(instrument: Instrument, telemetry: Telemetry) -> None:
    """What it reads then is the row's."""
    instrument("observe")

    def body(_order: Order, ctx: Any) -> Any:
        return (ctx.order.id for _ in range(2))

    row = Overtaken(body)
    values = row.go()
    row.ctx.order = Order("B")
    assert list(values) == ["B", "B"]
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]


def test_a_generator_that_was_begun_in_the_row_does_not_leak_it(instrument: Instrument, telemetry: Telemetry) -> None:
    """Its consumer, who goes on with it elsewhere, has no row, before, between and after its steps."""
    needs_sdk()
    instrument("observe")

    def values() -> Iterator[Any]:
        for _ in range(3):
            yield current_submission() and "in a row", trace.get_current_span().get_span_context().is_valid

    def body(_order: Order, _ctx: Any) -> Any:
        made = values()
        return next(made), made

    inside, made = overtake(body, lambda _ctx: None)
    assert inside == ("in a row", True)
    outside: list[Any] = []
    for found in made:
        outside += [found, (current_submission(), trace.get_current_span().get_span_context().is_valid)]
    assert outside == [(None, False)] * 4


def test_an_async_generator_in_a_worker(instrument: Instrument, telemetry: Telemetry) -> None:
    """A wrong read between two of its steps is the row's."""
    instrument("observe")

    def body(_order: Order, ctx: Any) -> Any:
        async def values() -> AsyncIterator[Any]:
            yield 1
            yield ctx.order.id

        async def main() -> Any:
            return [value async for value in values()]

        return asyncio.run(main())

    assert overtake(body) == [1, "B"]
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_a_work_function_that_returns_a_coroutine(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What it reads when it is run is the row's, wherever that is done."""
    instrument(mode)

    def body(_order: Order, ctx: Any) -> Any:
        async def work() -> Any:
            return ctx.order.id, current_submission() is not None

        return work()

    row = Overtaken(body)
    coroutine = row.go()
    row.ctx.order = Order("B")
    assert asyncio.run(coroutine) == ("A" if mode == "pin" else "B", True)
    assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})]


def test_a_coroutine_that_outlives_its_row_on_another_loop(instrument: Instrument, telemetry: Telemetry) -> None:
    """Started by the worker, it may work for others once the row has ended: its wrong read is told as not known."""
    instrument("observe", boundaries=[boundary(calls=())])
    with loop_elsewhere() as loop:
        go = asyncio.run_coroutine_threadsafe(_event(), loop).result(WAIT)

        def body(_order: Order, ctx: Any) -> Any:
            async def later() -> Any:
                await go.wait()
                return ctx.order.id

            return asyncio.run_coroutine_threadsafe(later(), loop)

        row = Overtaken(body)
        later = row.go()
        row.ctx.order = Order("B")

        async def unrelated() -> Any:
            return row.ctx.order.id, current_submission()

        assert asyncio.run_coroutine_threadsafe(unrelated(), loop).result(WAIT) == ("B", None)
        loop.call_soon_threadsafe(go.set)
        assert later.result(WAIT) == "B"
        assert told(telemetry) == []
        HandoffInstrumentor().uninstrument()
        assert telemetry.unchecked() == {"unseen_read": 1}


async def _event() -> asyncio.Event:
    return asyncio.Event()


def test_blind_a_thread_that_outlives_its_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """After its row such a thread is nobody's: what it reads late is not told."""
    instrument("observe")
    go, found = threading.Event(), list[Any]()
    threads: list[threading.Thread] = []

    def body(_order: Order, ctx: Any) -> None:
        def late() -> None:
            assert go.wait(WAIT)
            found.append(ctx.order.id)

        threads.append(threading.Thread(target=late))
        threads[0].start()

    row = Overtaken(body)
    row.go()
    row.ctx.order = Order("B")
    go.set()
    threads[0].join(WAIT)
    assert found == ["B"]
    assert told(telemetry) == []


def test_threads_of_the_submitter_are_nobody_s(instrument: Instrument, telemetry: Telemetry) -> None:
    """What the submitting thread starts while a row is in flight reads what it likes."""
    instrument("observe", boundaries=[boundary()])
    row = Overtaken(lambda _order, _ctx: None)
    for way in WAYS.values():
        assert way(lambda: (row.ctx.order.id, current_submission())) == ("A", None)
    row.go()
    assert told(telemetry) == []
