"""Hosts whose work is a coroutine or a generator: between two steps of it, whoever drives it is nobody's worker."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextvars import copy_context
from typing import Any

from otel_handoff import current_submission
from tests.schedules.hosts import Job
from tests.schedules.pools import Item
from tests.schedules.records import Attempt
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import Truth, tick
from tests.schedules.variants import Threads, Turn, Variant


class Drivers(Threads):
    """Threads that drive what they are given, step by step; what was thrown away is closed, as event loops do."""

    def __init__(self, host: Stepwise, workers: int) -> None:
        super().__init__(host.scheduler, workers, host.drive)
        self._host = host

    def drop(self, item: Item) -> bool:
        """Take an item off the queue."""
        work = item.work
        dropped = super().drop(item)
        if dropped and work is not None and hasattr(work[1][-1], "close"):
            work[1][-1].close()
        return dropped


class Stepwise(Variant):
    """What they have in common: the last thing that is queued has steps, or a function that returns what has."""

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        super().__init__(truth, scheduler, workers)
        self.executor.closed = True  # of these nobody is needed
        self.executor = Drivers(self, workers)

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> Any:
        """Submit function."""
        self.entered(attempt)
        self.executor.submit(None, attempt, self.run(attempt, ctx, job))

    def drive(self, attempt: Attempt, *made: Any) -> None:
        """Run what has steps to its end, every other step in a context of its own."""
        steps: Any = made[-1]
        own = False
        try:
            while True:
                self.nobody(attempt)
                self.scheduler.pause()
                if own:
                    copy_context().run(next_of, steps)
                else:
                    next_of(steps)
                own = not own
        except (StopIteration, StopAsyncIteration):
            self.nobody(attempt)

    def nobody(self, attempt: Attempt) -> None:
        """Between the steps the row is not current."""
        if current_submission() is not None:
            self.truth.faults.append(f"{attempt.label}: its row is left on who drives its work")

    def steps(self, attempt: Attempt, ctx: Any, job: Any) -> Generator[None]:
        """Do what the row is to do; in between it may be suspended."""
        try:
            yield from job.steps(ctx, attempt)
        finally:
            attempt.finish = (tick(), 0)


def next_of(steps: Any) -> None:
    """Take the next step of what may be a coroutine, a generator or an asynchronous one."""
    if hasattr(steps, "__anext__"):
        step = steps.__anext__()
        try:
            while True:
                step.send(None)
        except StopIteration:
            return
    steps.send(None)


class Coroutines(Stepwise):
    """The work is a coroutine that is made while the row is handed over."""

    async def run(self, attempt: Attempt, ctx: Any, job: Job) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Work function."""
        for _ in self.steps(attempt, ctx, job):
            await Turn()


class Called(Stepwise):
    """The work function is looked up while the row is handed over, and called by the worker."""

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> Any:
        """Submit function."""
        self.entered(attempt)
        self.executor.submit(self.made, self.run, attempt, ctx, job)

    def made(self, work: Callable[..., Any], attempt: Attempt, ctx: Any, job: Job) -> None:
        """Make it, and iterate it."""
        self.drive(attempt, work(attempt, ctx, job))


class Returning(Called):
    """The work function is a plain one, which returns a coroutine."""

    def run(self, attempt: Attempt, ctx: Any, job: Job) -> Coroutine[Any, Any, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Work function."""
        return self.later(attempt, ctx, job)

    async def later(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """What it returns."""
        for _ in self.steps(attempt, ctx, job):
            await Turn()


class AwaitedTwice(Coroutines):
    """The submit function is a coroutine, too."""

    async def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        await Turn()
        self.executor.submit(None, attempt, self.run(attempt, ctx, job))
        await Turn()


class CoroutineQueue(Coroutines):
    """A hand-written queue; the work function is looked up by the task that then awaits it."""

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> Any:
        """Submit function."""
        self.entered(attempt)
        self.executor.submit(None, attempt, ctx, job)

    def drive(self, attempt: Attempt, *made: Any) -> None:
        """Make it, and await it."""
        super().drive(attempt, self.run(attempt, *made))


class Generators(Called):
    """The work is a generator."""

    def run(self, attempt: Attempt, ctx: Any, job: Job) -> Generator[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Work function."""
        yield from self.steps(attempt, ctx, job)


class AsyncGenerators(Stepwise):
    """The work is an asynchronous generator, which is made while the row is handed over."""

    async def run(self, attempt: Attempt, ctx: Any, job: Job) -> AsyncGenerator[None, None]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Work function."""
        for _ in self.steps(attempt, ctx, job):
            await Turn()
            yield
