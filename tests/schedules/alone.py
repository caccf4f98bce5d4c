"""Hosts without a submit function of their own: a real executor's `submit`, whose threads are the scheduler's tasks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, cast

from tests.schedules.hosts import Job
from tests.schedules.pools import ControlledPool, Item
from tests.schedules.records import Attempt
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import Truth
from tests.schedules.variants import Variant


class _Queue:
    """In the place of the executor's: what is put there is an item of the controlled pool's."""

    def __init__(self, truth: Truth, pool: ControlledPool) -> None:
        self._truth = truth
        self._pool = pool
        self.attempt: Attempt | None = None

    def put(self, work: Any) -> None:
        """Queue it. The executor holds its lock meanwhile: nothing else may run here."""
        item = Item(_run, (work,))
        item.attempt, self.attempt = self.attempt, None
        if item.attempt is not None:
            self._truth.accepted(item.attempt)
            item.attempt.item = item
        self._pool.items.append(item)


def _run(work: Any) -> None:
    future = work.future
    work.run()
    error = future.exception()
    if error is not None:
        raise error


class _Executor(ThreadPoolExecutor):
    """Starts no thread of its own."""

    def __init__(self, truth: Truth, pool: ControlledPool) -> None:
        super().__init__(1)
        self.queue = _Queue(truth, pool)
        self._work_queue = cast("Any", self.queue)

    def _adjust_thread_count(self) -> None:
        pass


class Alone(Variant):
    """`pool.submit(self.run, ...)` where a row is met."""

    alone: Final = True

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        super().__init__(truth, scheduler, workers)
        self.handing = _Executor(truth, self.executor)

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Hand over."""
        self.handing.queue.attempt = attempt
        self.give(attempt, ctx, job)
        self.scheduler.pause()

    def give(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Give it to the pool."""
        self.handing.submit(self.run, attempt, ctx, job)


class InPartial(Alone):
    """`pool.submit(partial(...))`."""

    def give(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Give it to the pool."""
        self.handing.submit(partial(self.run, attempt, job=job), ctx)


class InClosure(Alone):
    """`pool.submit(lambda: ...)`."""

    def give(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Give it to the pool."""
        self.handing.submit(lambda: self.run(attempt, ctx, job))


class InMethod(Alone):
    """`pool.submit(self.safely, ...)`, which calls it."""

    def give(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Give it to the pool."""
        self.handing.submit(self.safely, attempt, ctx, job)

    def safely(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Call the work function."""
        self.scheduler.pause()
        self.run(attempt, ctx, job)
