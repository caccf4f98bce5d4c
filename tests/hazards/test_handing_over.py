"""The moment of the hand-over: what is taken before it, and whose the work is that is found during it."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest

from otel_handoff import current_submission
from tests.hazards.conftest import Instrument
from tests.hazards.rows import overtake, to_b, told
from tests.hosts import WAIT, Context, Job, Order, Pool, QueuePool, boundary
from tests.telemetry import Telemetry


def read(_order: Order, ctx: Context) -> str | None:
    """Read the id off the context."""
    return ctx.order.id if ctx.order else None


def whose(_order: Order, _ctx: Context) -> Any:
    """Say for whom this is done."""
    submission = current_submission()
    return submission and (submission.ids["order_id"], submission.ids["attempt"])


class Full(Pool):
    """Holds the submitter back until there is room."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.room = threading.Event()

    def enqueue(self, order: Order, ctx: Context, job: Job) -> Any:
        """Submit function."""
        self.entered.set()
        assert self.room.wait(WAIT)
        return super().enqueue(order, ctx, job)


FULL = boundary(submit=f"{__name__}:Full.enqueue", work=f"{__name__}:Full._run")


@pytest.mark.parametrize(
    ("mode", "seen", "outcome"), [("pin", "A", "prevented"), ("observe", "B", "used"), ("strict", "B", "used")]
)
def test_the_context_moves_on_while_the_pool_is_full(
    mode: str, seen: str, outcome: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """The ids are those with which the submit function was entered, not those with which it returned."""
    instrument(mode, boundaries=[FULL])
    pool, ctx = Full(), Context()
    ctx.order = Order("A")
    found: list[Any] = []
    submitter = threading.Thread(target=lambda: found.append(pool.enqueue(Order("A"), ctx, read)))
    submitter.start()
    assert pool.entered.wait(WAIT)
    to_b(ctx)
    pool.room.set()
    submitter.join(WAIT)
    pool.close()
    assert found[0].result(WAIT) == seen
    assert told(telemetry) == [("A", "read", outcome, {"order_id": "B"})]


def test_a_row_is_worked_on_once(instrument: Instrument) -> None:
    """Its work function was looked up deep inside the submit function; called again with the same, it is nobody's."""
    instrument(boundaries=[FULL])
    pool, ctx, order = Full(), Context(), Order("A")
    ctx.order = order
    pool.room.set()
    future = pool.enqueue(order, ctx, whose)
    assert future.result(WAIT) == ("A", None)
    run: Any = pool._run  # pyright: ignore[reportPrivateUsage]
    assert run(order, ctx, whose) is None
    pool.close()


def test_rows_that_are_given_the_same_are_not_told_apart(instrument: Instrument, telemetry: Telemetry) -> None:
    """Attempts of one order on one context: nothing proves which worker is whose. None is judged, and each is told."""
    instrument(boundaries=[boundary(QueuePool)])
    pool, ctx, order = QueuePool(), Context(), Order("A")
    ctx.order = order
    begun, go = threading.Event(), threading.Event()

    def hold(_order: Order, _ctx: Context) -> None:
        begun.set()
        assert go.wait(WAIT)

    held = pool.enqueue(order, ctx, hold)
    assert begun.wait(WAIT)
    futures: list[Any] = []
    for ctx.attempt in ("1", "2", "3"):
        futures.append(pool.enqueue(order, ctx, whose))
    go.set()
    pool.close()
    held.result(WAIT)
    assert [future.result(WAIT) for future in futures] == [None, None, None]
    assert telemetry.unchecked() == {"ambiguous": 3}


def test_in_pin_rows_that_are_given_the_same_have_copies_of_their_own(instrument: Instrument) -> None:
    """And each of these proves its worker."""
    instrument("pin", boundaries=[boundary(QueuePool)])
    pool, ctx, order = QueuePool(), Context(), Order("A")
    ctx.order = order
    futures: list[Any] = []
    for ctx.attempt in ("1", "2", "3"):
        futures.append(pool.enqueue(order, ctx, whose))
    pool.close()
    assert [future.result(WAIT) for future in futures] == [("A", "1"), ("A", "2"), ("A", "3")]


class Spilling(Pool):
    """Has another pool's work done at once, on the submitting thread, before it hands over its own."""

    other = Pool()

    def enqueue(self, order: Order, ctx: Context, job: Job) -> Any:
        """Submit function."""
        spilt = self.other._run(order, ctx, job)  # pyright: ignore[reportPrivateUsage]
        return spilt, self.executor.submit(self._run, order, ctx, job)

    def _run(self, order: Order, ctx: Context, job: Job) -> Any:
        return job(order, ctx)


def test_a_submission_is_for_its_own_boundary_s_work(instrument: Instrument) -> None:
    """Another boundary's work function, called while submitting, does not work for it."""
    spilling = boundary(name="spilling", submit=f"{__name__}:Spilling.enqueue", work=f"{__name__}:Spilling._run")
    instrument(boundaries=[boundary(calls=()), spilling])
    pool, ctx = Spilling(), Context()
    ctx.order = Order("A")
    spilt, future = pool.enqueue(ctx.order, ctx, whose)
    assert spilt is None
    assert future.result(WAIT) == ("A", None)
    pool.close()


class Looping:
    """A queue whose worker is a task of asyncio's, begun with the first row: it has a copy of that row's context."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[Order, Any, Job]] = asyncio.Queue()
        self.worker: asyncio.Task[None] | None = None
        self.seen: list[Any] = []

    def enqueue(self, order: Order, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.queue.put_nowait((order, ctx, job))
        if self.worker is None:
            self.worker = asyncio.get_running_loop().create_task(self._loop())

    async def _loop(self) -> None:
        while True:
            self.seen.append(self._run(*await self.queue.get()))
            self.queue.task_done()

    def _run(self, order: Order, ctx: Any, job: Job) -> Any:
        return job(order, ctx)


@pytest.mark.parametrize("mode", ["pin", "observe", "strict"])
def test_a_task_begun_while_submitting(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The rows that it works on later are their own, and what was handed over when it began is not kept."""
    instrument(mode, boundaries=[boundary(submit=f"{__name__}:Looping.enqueue", work=f"{__name__}:Looping._run")])

    async def rows() -> Any:
        pool = Looping()
        for name in "ABC":
            ctx = Context(order=Order(name))
            pool.enqueue(Order(name), ctx, lambda order, ctx: (whose(order, ctx), read(order, ctx)))
            await pool.queue.join()
            kept = weakref.ref(ctx)
            del ctx
            gc.collect()
            assert kept() is None
        assert pool.worker is not None
        pool.worker.cancel()
        return pool.seen

    assert asyncio.run(rows()) == [((name, None), name) for name in "ABC"]
    assert told(telemetry) == []


def test_a_copy_that_is_of_another_class(instrument: Instrument, telemetry: Telemetry) -> None:
    """A slotted context whose copy is of a plain class: the worker reads its own ids, and nothing raises."""

    class Plain:
        def __init__(self, order: Order | None) -> None:
            self.order = order
            self.attempt = None

    class Slotted:
        __slots__ = ("attempt", "order")

        def __init__(self) -> None:
            self.order: Order | None = None
            self.attempt = None

        def __copy__(self) -> Plain:
            return Plain(self.order)

    instrument("pin")
    overtake(lambda _order, ctx: ctx.order, to_b, Plain(None))  # from now on the plain class is watched, too
    before = len(telemetry.mismatches)
    read = overtake(lambda _order, ctx: ctx.order, to_b, Slotted())
    assert read == Order("A")
    assert {mismatch.outcome for mismatch in telemetry.mismatches[before:]} <= {"prevented"}
