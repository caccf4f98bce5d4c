"""Hosts of whose rows it cannot always be known which they are: that is told, and nobody is accused."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from tests.schedules.hosts import Job
from tests.schedules.pools import Item
from tests.schedules.records import Attempt
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import Truth
from tests.schedules.variants import Variant, called_later


class Newest(deque[Item]):
    """A queue whose last item is taken first."""

    def popleft(self) -> Item:
        """Take the one that was put in last."""
        return self.pop()


class Defaulting(Variant):
    """Without a context the host's own is meant, which the detector does not see: its rows are told."""

    may = dict.fromkeys(("observe", "pin", "strict"), frozenset({"context_unreadable"}))

    def enqueue(self, attempt: Attempt, job: Job, ctx: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Submit function."""
        ctx = ctx or self.ctx
        self.entered(attempt)
        self.executor.submit(self.run, attempt, ctx, job)


class Early(Variant):
    """A registry that was made before the work function was wrapped: no worker is ever seen, and that is told."""

    may = dict.fromkeys(("observe", "pin", "strict"), frozenset({"no_worker"}))

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        self.executor.submit(self.jobs["run"], self, attempt, ctx, job)

    def run(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Work function."""
        self.work(attempt, ctx, job)

    jobs: ClassVar[dict[str, Callable[..., object]]] = {"run": run}


class Noting(Variant):
    """The same, but what was looked up is kept: then nobody knows that it is not what was handed over."""

    may = dict.fromkeys(("observe", "pin", "strict"), frozenset({"no_submission", "no_worker"}))

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        super().__init__(truth, scheduler, workers)
        self.named: list[object] = []

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        self.named.append(self.run)
        self.executor.submit(called_later(self, ctx, job), attempt)


class Stack(Variant):
    """The last row is worked on first, and both functions are given only the context: in `pin` that is a proof."""

    may = dict.fromkeys(
        ("observe", "strict"), frozenset({"ambiguous", "several_workers", "no_submission", "no_worker"})
    )

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        super().__init__(truth, scheduler, workers)
        self.executor.items = Newest()

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.entered(attempt)
        self.executor.submit(None, ctx, (attempt, job))

    def run(self, ctx: Any, row: tuple[Attempt, Job]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Work function."""
        attempt, job = row
        self.work(attempt, ctx, job)
