"""A program that is looked at goes on as it would: nothing of it breaks, and nothing of it is kept."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import inspect
import queue
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest

from otel_handoff.find import session
from otel_handoff.find.found import WRONG
from otel_handoff.find.rows import current


class Desk:
    """What goes across; it takes weak references."""

    row: str | None = None


@pytest.fixture(autouse=True)
def looked_at() -> Iterator[None]:
    """Look while the test runs; leave everything as it was."""
    places = [ThreadPoolExecutor, threading.Thread, queue.Queue, asyncio.Queue, Future, asyncio.BaseEventLoop]
    before = [dict(vars(place)) for place in places]
    session.start()
    try:
        yield
    finally:
        session.stop()
    assert [dict(vars(place)) for place in places] == before
    assert "row" in vars(Desk)
    assert vars(Desk)["row"] is None


def row_of(desk: Desk) -> str | None:
    """Read."""
    return desk.row


def both(number: int, desk: Desk) -> tuple[int, str | None]:
    """Read, and return what else was given."""
    return number, desk.row


def test_results_and_errors_arrive() -> None:
    """Whatever a worker returns or raises."""

    def work(desk: Desk) -> str:
        if desk.row is None:
            raise LookupError("none")
        return desk.row

    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(LookupError, match="none"):
            pool.submit(work, desk).result()
        desk.row = "r1"
        assert pool.submit(work, desk).result() == "r1"
    with contextlib.closing(ThreadPool(1)) as pool:
        assert pool.map(work, [desk, desk]) == ["r1", "r1"]
        assert pool.starmap(both, [(1, desk), (2, desk)]) == [(1, "r1"), (2, "r1")]
        assert list(pool.imap(work, iter([desk]))) == ["r1"]
        assert pool.apply(work, (desk,)) == "r1"


def test_a_context_that_another_is_in() -> None:
    """That is told to whoever enters it, as always, and what is in it goes on."""

    def work(desk: Desk) -> str | None:
        is_in.set()
        may_go.wait()
        return desk.row

    is_in, may_go, context = threading.Event(), threading.Event(), contextvars.copy_context()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(context.run, work, Desk())
        is_in.wait()
        with pytest.raises(RuntimeError, match="already entered"):
            pool.submit(context.run, work, Desk()).result()
        left = inspect.unwrap(ThreadPoolExecutor.submit)(pool, current.get).result()  # no row of its own
        may_go.set()
        assert left is None
        assert first.result() is None
    assert context.get(current) is None


def test_a_pool_s_own_threads() -> None:
    """They are none of the program's rows, whatever a ContextVar holds when they are started."""
    row_id: contextvars.ContextVar[str] = contextvars.ContextVar("row_id")
    token = row_id.set("r1")
    try:
        with ThreadPoolExecutor(1) as pool:
            assert inspect.unwrap(ThreadPoolExecutor.submit)(pool, current.get).result() is None
    finally:
        row_id.reset(token)
    assert not session.result().rows


def test_nothing_is_current_afterwards() -> None:
    """What was taken out of a queue last is done when nobody looks any more."""
    items: queue.Queue[Any] = queue.Queue()
    items.put((1, Desk()))
    items.get()
    assert current.get() is not None
    session.stop()
    assert current.get() is None


def test_a_full_queue() -> None:
    """It is full as always, and what is taken is what was put."""
    items: queue.Queue[Any] = queue.Queue(1)
    items.put((1, Desk()))
    with pytest.raises(queue.Full):
        items.put((2, Desk()), block=False)
    with pytest.raises(queue.Full):
        items.put(item=(2, Desk()), timeout=0)
    assert items.get()[0] == 1
    with pytest.raises(queue.Empty):
        items.get_nowait()


class Mine(queue.SimpleQueue[Any]):
    """One of a program's own, made before anybody looked."""


def test_simple_queues() -> None:
    """They are what they were for whoever asks, those of a pool are Python's own, and outlive the looking."""
    items: queue.SimpleQueue[Any] = queue.SimpleQueue()
    desk = Desk()
    items.put((1, desk))
    items.put_nowait((2, desk))
    assert (items.qsize(), items.get()[0], items.get(block=False)[0]) == (2, 1, 2)
    for nothing in (items.get_nowait, lambda: items.get(timeout=0), lambda: items.get(False)):
        with pytest.raises(queue.Empty):
            nothing()

    class Own(queue.SimpleQueue[Any]):
        pass

    assert isinstance(items, queue.SimpleQueue)
    assert isinstance(Mine(), queue.SimpleQueue)
    assert issubclass(Mine, queue.SimpleQueue)
    assert isinstance(Own(), Own)
    assert not isinstance(items, Own)
    with ThreadPoolExecutor(1) as pool:
        assert type(vars(pool)["_work_queue"]) is type(Mine()).__mro__[1]
    session.stop()
    items.put("later")
    assert items.get() == "later"
    assert queue.SimpleQueue is type(Mine()).__mro__[1]


def test_items_that_are_thrown_away() -> None:
    """Another one that is later at the same address is not taken for one of them."""
    items: queue.Queue[Any] = queue.Queue()
    desk = Desk()
    for number in range(500):
        desk.row = f"thrown-{number}"
        items.put((number, desk))
        items.queue.clear()
        desk.row = f"taken-{number}"
        items.put((number, desk))
        assert items.get()[1].row == f"taken-{number}"
    assert WRONG not in {found.verdict for found in session.result().found}


def test_nothing_is_kept() -> None:
    """When a row is done, what went across is the program's alone."""
    desk = Desk()
    ref = weakref.ref(desk)
    with ThreadPoolExecutor(1) as pool:
        for number in range(3):
            desk.row = f"r{number}"
            pool.submit(row_of, desk).result()
    del desk
    gc.collect()
    assert ref() is None


def test_large_containers() -> None:
    """They are not gone through, however large they grow; that is told."""
    results: dict[str, str] = {}
    found: list[str] = []

    def work(row: str, into: dict[str, str]) -> None:
        into[row] = row

    with ThreadPoolExecutor(2) as pool:
        for number in range(2_000):
            pool.submit(work, f"r{number}", results)
            found.append(f"r{number}")
        pool.submit(len, dict.fromkeys(map(str, range(100_000))))
    assert sorted(results) == sorted(found)
    said = session.result().unseen
    assert any(sentence.startswith("a dict with more than 64 keys") for sentence in said), said


def test_an_end_to_what_is_counted() -> None:
    """A worker that reads a wrong id again and again is told once, with its place, and is not held up."""
    desk, go = Desk(), threading.Event()
    reads: list[str | None] = []

    def work(desk: Desk) -> None:
        assert go.wait(60)
        reads.extend(desk.row for _ in range(2_000))

    with ThreadPoolExecutor(1) as pool:
        for row in ("r1", "r2"):
            desk.row = row
            pool.submit(work, desk)
        go.set()
    assert set(reads) == {"r2"}
    (told,) = [found for found in session.result().found if found.verdict == WRONG]
    assert told.wrong == 1
    assert 0 < told.reads[0].times < 2_000


class Odd:
    """Runs code of its own whenever it is asked for anything."""

    def __init__(self) -> None:
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    __hash__ = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

    @property
    def row_id(self) -> str:
        """Is not to be run for us."""
        self.asked += 1
        return "r"


def test_code_of_the_program_s_own() -> None:
    """None of it runs for us."""
    odd = Odd()
    with ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            pool.submit(id, odd).result()
    assert vars(odd)["asked"] == 0


def test_tasks_are_cancelled_as_always() -> None:
    """Before they begin, and within."""

    async def work(desk: Desk) -> str | None:
        await asyncio.sleep(0)
        return desk.row

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(work(Desk()), name="mine")
        assert task.get_name() == "mine"
        task.cancel()
        other = loop.create_task(work(Desk()))
        return list(await asyncio.gather(task, other, return_exceptions=True))

    first, second = asyncio.run(main())
    assert isinstance(first, asyncio.CancelledError)
    assert second is None


def test_from_another_thread() -> None:
    """A coroutine that is given to a loop elsewhere is what it was when it was given."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    go = threading.Event()
    loop.call_soon_threadsafe(go.wait)

    async def work(desk: Desk) -> str | None:
        return desk.row

    desk = Desk()
    found: list[Future[str | None]] = []
    for row in ("r1", "r2", "r3"):
        desk.row = row
        found.append(asyncio.run_coroutine_threadsafe(work(desk), loop))
    go.set()
    assert [one.result() for one in found] == ["r3", "r3", "r3"]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    wrong = [found for found in session.result().found if found.verdict == WRONG]
    assert [(found.way, found.wrong) for found in wrong] == [("run_coroutine_threadsafe", 2)]


class Slotted:
    """Keeps its id in a slot, which a descriptor of the class reads."""

    __slots__ = ("row_id",)

    def __init__(self, row_id: str) -> None:
        self.row_id = row_id


def test_what_is_looked_at_is_no_read() -> None:
    """A worker that hands over in turn has not read what moved meanwhile: only we looked at it."""
    slotted, go = Slotted("r0"), threading.Event()

    def work(slotted: Slotted) -> None:
        assert go.wait(60)
        inner.submit(id, slotted).result()

    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(1) as inner:
        for number in range(4):
            slotted.row_id = f"r{number}"
            pool.submit(work, slotted)
        go.set()
    assert {found.wrong for found in session.result().found} == {0}


def test_an_equal_object_is_the_same_row() -> None:
    """Another object in its place that holds the same ids is no other row."""
    desk: Any = Desk()
    seen: list[str] = []

    def work(desk: Any, go: threading.Event) -> None:
        assert go.wait(60)
        seen.append(desk.order.row_id)

    with ThreadPoolExecutor(1) as pool:
        for row in ("r1", "r2", "r3"):
            go = threading.Event()
            desk.order = Slotted(row)
            done = pool.submit(work, desk, go)
            desk.order = Slotted(row)
            go.set()
            done.result()
    assert seen == ["r1", "r2", "r3"]
    assert {found.wrong for found in session.result().found} <= {0}


def test_more_in_a_container_than_is_looked_into() -> None:
    """That is told, of a set or a list of a class of its own as well; no code of that class runs for it."""

    class Rows(list[Any]):
        def __len__(self) -> int:
            raise RuntimeError("len")

        def __iter__(self) -> Any:
            raise RuntimeError("iter")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(id, {Desk() for _ in range(17)}).result()
        pool.submit(id, Rows(Desk() for _ in range(17))).result()
        pool.submit(id, frozenset(range(17))).result()
    assert session.result().unseen == {"more than 16 items, at 'args.0'": 2}
    assert not session.result().errors
