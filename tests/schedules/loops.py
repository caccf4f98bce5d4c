"""A host of which no function is the work: its threads take rows off a queue in a loop, and work on them there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from otel_handoff import Boundary, Call
from tests.schedules.hosts import Job
from tests.schedules.pools import Item
from tests.schedules.records import Attempt
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import Truth, tick
from tests.schedules.variants import Threads, Variant


class Line:
    """The queue."""

    def __init__(self, truth: Truth) -> None:
        self.items: deque[tuple[Item, Any]] = deque()
        self.truth: Truth = truth

    def put(self, item: tuple[Item, Any]) -> None:
        """Put a row in."""
        assert item[0].attempt is not None
        self.truth.accepted(item[0].attempt)
        self.items.append(item)

    def take(self) -> tuple[Item, Any]:
        """Take one out; an IndexError where there is none."""
        return self.items.popleft()

    def task_done(self) -> None:
        """What was taken is done."""


class Taking(Threads):
    """The threads."""

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int, run: Callable[..., object]) -> None:
        self.line: Line = Line(truth)
        super().__init__(scheduler, workers, run)

    def submit(self, function: Callable[..., Any] | None, *args: Any) -> Item:
        """Queue a row."""
        item = Item(function, args)
        assert item.attempt is not None
        item.attempt.item = item
        self.line.put((item, args[1]))
        self.scheduler.pause()
        return item

    def drop(self, item: Item) -> bool:
        """Take a row off the queue; False if it has been begun."""
        for each in list(self.line.items):
            if each[0] is item:
                try:
                    self.line.items.remove(each)
                except ValueError:
                    return False
                item.work = None
                item.done = True
                return True
        return False

    def _loop(self) -> None:
        while True:
            self.scheduler.wait(lambda: bool(self.line.items) or self.closed)
            since = tick()  # a row begins where it is taken
            try:
                item, ctx = self.line.take()
            except IndexError:
                if self.closed:
                    return
                continue
            assert item.work is not None
            function, (attempt, _, job) = item.work
            item.work = function, (attempt, ctx, job)
            self._run(item, since)
            del item, ctx, attempt, job

    def call(self, function: Callable[..., Any] | None, args: tuple[Any, ...]) -> None:
        """Work on a row, and say that it is done."""
        try:
            super().call(function, args)
        finally:
            self.line.task_done()


class Looping(Variant):
    """The host."""

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        super().__init__(truth, scheduler, 0)
        self.executor = Taking(truth, scheduler, workers, lambda *args: self.run(*args))

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Hand over."""
        self.executor.submit(None, attempt, ctx, job)


def boundary() -> Boundary:
    """The hand-off of it."""
    ids = {"order_id": "order_id", "attempt": "attempt"}
    ledger = "tests.schedules.hosts:Ledger"
    return Boundary(
        name="looping",
        submit=f"{__name__}:Line.put",
        work=f"{__name__}:Taking._loop",
        takes=f"{__name__}:Line.take",
        context="item.1",
        fields={"order_id": "order.id", "attempt": "attempt"},
        calls=(Call(f"{ledger}.post", ids), Call(f"{ledger}.route", ids, evidence="result")),
        pools=("tests.schedules.pools:NestedPool.submit",),
        row="order_id",
        evict=Call(f"{__name__}:Looping.give_up", ids),
    )
