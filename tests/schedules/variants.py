"""Hosts that hand over, or work, in another way than most: each is right, and looks to a detector as if it were not."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from typing import Any, ClassVar

from tests.schedules.hosts import Job
from tests.schedules.pools import ControlledPool
from tests.schedules.records import Attempt
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import Truth, tick


class Threads(ControlledPool):
    """Threads that take what is on the queue; an item without a function is the host's own to work on."""

    def __init__(self, scheduler: Scheduler, workers: int, run: Callable[..., object]) -> None:
        super().__init__(scheduler, "worker", workers)
        self._work = run

    def call(self, function: Callable[..., Any] | None, args: tuple[Any, ...]) -> None:
        """Between the queue and the work another task may run."""
        if function is None:
            self.scheduler.pause()
            function = self._work
        function(*args)


class Variant:
    """What they have in common.

    Attributes:
        stamps: the attributes of the context that the submit function itself may write.
        may: the reasons for which a row may be left unjudged, by mode.
        declared: what its boundary says besides.
        at_read: whether its workers share what their ids are in, and are pinned at the read, where that is watched.
    """

    stamps: ClassVar[tuple[int, ...]] = ()
    may: ClassVar[dict[str, frozenset[str]]] = {}
    declared: ClassVar[dict[str, Any]] = {}
    at_read: ClassVar[bool] = False

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        self.truth: Truth = truth
        self.scheduler: Scheduler = scheduler
        self.ctx: Any = None
        self.executor: ControlledPool = Threads(scheduler, workers, lambda *args: self.run(*args))

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> Any:
        """Submit function."""
        self.entered(attempt)
        self.executor.submit(self.run, attempt, ctx, job)

    def run(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Work function."""
        self.work(attempt, ctx, job)

    def give_up(self, order_id: object, attempt: object) -> bool:
        """Evict a submission."""
        return True

    def work(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Do what the row is to do."""
        try:
            job(ctx, attempt)
        finally:
            attempt.finish = (tick(), 0)

    def entered(self, attempt: Attempt) -> None:
        """The submit function has been entered; another task may run."""
        self.truth.accepted(attempt)
        self.scheduler.pause()

    def stamp(self, attempt: Attempt, ctx: Any) -> None:
        """Write the row's ids."""
        for root in attempt.stamps:
            self.truth.stamp(attempt, ctx, root)
            self.scheduler.pause()


class Stamping(Variant):
    """The submit function writes the row's ids into the context that it was given."""

    stamps = (0, 1)

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        self.stamp(attempt, ctx)
        self.executor.submit(self.run, attempt, ctx, job)


class StampingQueue(Variant):
    """The same in front of a hand-written queue, by a helper that may have given the row away: that is told."""

    stamps = (0, 1)
    may = dict.fromkeys(("observe", "pin", "strict"), frozenset({"unplaced_write"}))

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        self.stamp(attempt, ctx)
        self.executor.submit(None, attempt, ctx, job)


class Remaking(Variant):
    """The submit function makes the row a context of its own, with a new id."""

    stamps = (1,)

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.truth.accepted(attempt)
        ctx = self.truth.remake(attempt, ctx)
        self.scheduler.pause()
        self.stamp(attempt, ctx)
        self.executor.submit(self.run, attempt, ctx, job)


class Base(Variant):
    """Its subclasses work in their own way."""

    def run(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Work function."""
        self.scheduler.pause()
        self.work(attempt, ctx, job)


class Overriding(Base):
    """A subclass that overrides the work function."""

    def run(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Work function."""
        self.work(attempt, ctx, job)


class Extending(Base):
    """A subclass that extends it."""

    def run(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Work function."""
        self.scheduler.pause()
        super().run(attempt, ctx, job)


class Registry(Variant):
    """A registry of bound methods, made before any row is handed over."""

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        super().__init__(truth, scheduler, workers)
        self.jobs: dict[str, Callable[..., object]] = {"run": self.run}

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        self.executor.submit(self.jobs["run"], attempt, ctx, job)


def timed(function: Callable[..., object]) -> Callable[..., object]:
    """Decorate as hosts do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> object:
        return function(*args, **kwargs)

    return wrapper


class Decorated(Variant):
    """The work function is decorated on the instance."""

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        super().__init__(truth, scheduler, workers)
        self.run: Any = timed(self.run)


def called_later(host: Variant, ctx: Any, job: Job) -> Callable[[Attempt], None]:
    """Return what is handed over in place of the work function, and calls it."""

    def call(attempt: Attempt) -> None:
        host.run(attempt, ctx, job)

    return call


class Naming(Variant):
    """The work function is named for a log line, and then something else is handed over that calls it."""

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        assert self.run.__name__ == "run"
        self.executor.submit(called_later(self, ctx, job), attempt)


class Explicit(Variant):
    """The work function is looked up on the class, and handed over with its `self`."""

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        self.executor.submit(Explicit.run, self, attempt, ctx, job)


class Turn:
    """Awaited, it lets others run."""

    def __await__(self) -> Generator[None]:
        yield


class Awaited(Variant):
    """The submit function is a coroutine: it is called, and hands over when it is awaited. Nothing else is a proof."""

    async def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        await Turn()
        self.executor.submit(self.run, ctx, (attempt, job))
        await Turn()

    def run(self, ctx: Any, row: tuple[Attempt, Job]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Work function."""
        attempt, job = row
        self.work(attempt, ctx, job)


class AwaitedQueue(Variant):
    """The same in front of a hand-written queue."""

    async def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        await Turn()
        self.executor.submit(None, attempt, ctx, job)
        await Turn()


class Yielding(Variant):
    """The submit function is a generator."""

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> Generator[None]:
        """Submit function."""
        yield
        self.executor.submit(self.run, attempt, ctx, job)
        yield


class Optional(Variant):
    """Some rows have no order: what their workers file instead is no mistake."""


class Spelling(Variant):
    """Ids are filed as text, in hex or by name."""


class Fanning(Variant):
    """Two workers for one hand-over, each known by what it is given; the first one that comes late is told."""

    may = dict.fromkeys(("observe", "pin", "strict"), frozenset({"no_submission"}))

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        twin = self.truth.twin(attempt)
        self.executor.submit(None, (attempt,), attempt, ctx, job)
        self.executor.submit(None, (twin,), attempt, ctx, job)

    def run(self, part: tuple[Attempt], attempt: Attempt, ctx: Any, job: Job) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Work function."""
        self.work(part[0], ctx, job)


class Spreading(Variant):
    """The same, with what was looked up once."""

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        twin, run = self.truth.twin(attempt), self.run
        self.executor.submit(run, attempt, ctx, job)
        self.executor.submit(run, twin, ctx, job)


class Deep(Variant):
    """The ids are in an object that the context holds, and are changed in that."""

    declared: ClassVar[dict[str, Any]] = {"fields": {"order_id": "row.order.id", "attempt": "row.attempt"}}
    at_read = True


class Several(Variant):
    """The row shares two objects, each of which has one of its ids."""

    declared: ClassVar[dict[str, Any]] = {
        "context": ("ctx", "ctx.row"),
        "fields": {"order_id": "ctx.order.id", "attempt": "ctx.row.attempt"},
    }
    at_read = True


class Sharing(Variant):
    """The worker shares the context, and is pinned at the read."""

    declared: ClassVar[dict[str, Any]] = {"pins": "read"}
    at_read = True


class Elsewhere(Variant):
    """The worker is given no context, but comes to it in another way."""

    at_read = True

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        self.executor.submit(self.run, attempt, job)

    def run(self, attempt: Attempt, job: Job) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Work function."""
        self.work(attempt, attempt.context, job)
