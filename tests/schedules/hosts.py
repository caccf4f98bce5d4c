"""A small generic host, as a pool whose submit function names the work, and as a hand-written queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from otel_handoff import Boundary, Call, HandoffMismatchError
from tests.schedules.pools import ControlledPool
from tests.schedules.records import Attempt, Filed, Got, Ids
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import Truth, tick


class FilingFailedError(Exception):
    """What a ledger raises that does not accept a filing."""


@dataclass(frozen=True)
class Order:
    """A row. One with the same id is equal."""

    id: str


@dataclass
class Context:
    """A context that keeps its ids in its `__dict__`."""

    order: Order | None = None
    attempt: str | None = None

    def current_order(self) -> Order | None:
        """Read an id from inside the context."""
        return self.order

    def current_attempt(self) -> str | None:
        """Likewise."""
        return self.attempt

    def file(self, ledger: Front, fails: bool) -> None:
        """File a call, for which an id is read twice, as ELSPETH's `record_call` does."""
        ledger.allocate(self.order)
        ledger.post(self.order, self.attempt, fails)


class Slotted:
    """A context without a `__dict__`. One without weak references, too, would keep a dropped row's claim."""

    __slots__ = ("__weakref__", "attempt", "order")

    def __init__(self) -> None:
        self.order: Order | None = None
        self.attempt: str | None = None

    current_order = Context.current_order
    current_attempt = Context.current_attempt
    file = Context.file


class Ledger:
    """What is instrumented as calls and results."""

    def post(self, order_id: str | None, attempt: str | None, fails: bool) -> None:
        """File an external call."""
        if fails:
            raise FilingFailedError

    def route(self, order_id: str | None, attempt: str | None) -> None:
        """Hand a result on."""


class Worker:
    """One task at work for an attempt: what the hosts' own code needs in order to tell the truth of it."""

    def __init__(self, truth: Truth, scheduler: Scheduler, attempt: Attempt, handed: Any, *, nested: bool) -> None:
        self.truth: Truth = truth
        self.scheduler: Scheduler = scheduler
        self.attempt: Attempt = attempt
        self.handed: Any = handed
        self.nested: bool = nested
        self.kept: dict[str, Got] = {}
        """The newest read of each attribute."""

    def saw(self, context: Any, root: str, ids: Ids, via: str, begin: int, *, visible: bool = False) -> Got:
        """Tell of a read; `visible` says of one that seems to go around the class that it does not."""
        return self.truth.saw(self.attempt, context, root, ids, via, begin, nested=self.nested, visible=visible)

    def file(self, evidence: str, gots: dict[str, Got], call: Callable[[], object]) -> None:
        """Tell of a filing, and make it."""
        filed = self.truth.filing(self.attempt, evidence, gots, nested=self.nested)
        settle(filed, call)


def settle(filed: Filed, call: Callable[[], object]) -> None:
    """Make the call, and tell what became of it."""
    try:
        call()
    except HandoffMismatchError:
        filed.outcome = "blocked"
        raise
    except BaseException:
        filed.outcome = "exposed"
        raise
    else:
        filed.outcome = "used"
    finally:
        filed.done = tick()


class Front:
    """Stands before the ledger, where nothing of the detector is: sees what a context method read."""

    def __init__(self, ledger: Ledger, worker: Worker) -> None:
        self._ledger = ledger
        self._worker = worker
        self._begin = tick()

    def allocate(self, order: Order | None) -> None:
        """Take a number under an id; another task may run."""
        worker = self._worker
        worker.saw(worker.handed, "order", {"order_id": order and order.id}, "method", self._begin)
        worker.scheduler.pause()
        self._begin = tick()

    def post(self, order: Order | None, attempt: str | None, fails: bool) -> None:
        """File."""
        worker = self._worker
        order_id = order and order.id
        gots = {
            "order_id": worker.saw(worker.handed, "order", {"order_id": order_id}, "method", self._begin),
            "attempt": worker.saw(worker.handed, "attempt", {"attempt": attempt}, "method", self._begin),
        }
        worker.file("call", gots, lambda: self._ledger.post(order_id, attempt, fails))


Job = Callable[..., object]
"""What a row does, given its context; and, where several workers do it, which of them this is."""


class Pool:
    """Hands rows to a pool; the work function is looked up while submitting."""

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        self.truth: Truth = truth
        self.executor: ControlledPool = ControlledPool(scheduler, "worker", workers)

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function. Its own steps are another task's opportunity."""
        self.truth.accepted(attempt)
        self.executor.scheduler.pause()
        self.executor.submit(self.run, attempt, ctx, job)

    def run(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Work function."""
        try:
            job(ctx)
        finally:
            attempt.finish = (tick(), 0)

    def give_up(self, order_id: object, attempt: object) -> bool:
        """Evict a submission."""
        return True


class Queue(ControlledPool):
    """Hands rows to threads of its own through a queue; the work function is looked up on the worker."""

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        super().__init__(scheduler, "worker", workers)
        self.truth: Truth = truth
        self.executor: ControlledPool = self

    def enqueue(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Submit function."""
        self.truth.accepted(attempt)
        self.scheduler.pause()
        self.submit(None, attempt, ctx, job)

    def call(self, function: Callable[..., Any] | None, args: tuple[Any, ...]) -> None:
        """Between the queue and the work another task may run."""
        self.scheduler.pause()
        self.run(*args)

    def run(self, attempt: Attempt, ctx: Any, job: Job) -> None:
        """Work function."""
        try:
            job(ctx)
        finally:
            attempt.finish = (tick(), 0)

    def give_up(self, order_id: object, attempt: object) -> bool:
        """Evict a submission."""
        return True


class Row:
    """What a context holds that has its ids in it."""

    order: Order | None = None
    attempt: str | None = None


class Holding:
    """A context that has its ids in another object."""

    def __init__(self) -> None:
        self.row = Row()

    @property
    def order(self) -> Order | None:
        """Its order."""
        return self.row.order

    @order.setter
    def order(self, order: Order | None) -> None:
        self.row.order = order

    @property
    def attempt(self) -> str | None:
        """Its attempt."""
        return self.row.attempt

    @attempt.setter
    def attempt(self, attempt: str | None) -> None:
        self.row.attempt = attempt

    current_order: Any = Context.current_order
    current_attempt: Any = Context.current_attempt
    file: Any = Context.file


class Parted(Holding):
    """A context that has one of its ids itself, and the other in another object."""

    order: Any = None


def boundary(host: type[Any]) -> Boundary:
    """The hand-off of `host`."""
    ids = {"order_id": "order_id", "attempt": "attempt"}
    here, there = __name__, f"{host.__module__}:{host.__name__}"
    declared: dict[str, Any] = {
        "name": host.__name__.lower(),
        "submit": None if getattr(host, "alone", False) else f"{there}.enqueue",
        "work": f"{there}.run",
        "fields": {"order_id": "order.id", "attempt": "attempt"},
        "calls": (Call(f"{here}:Ledger.post", ids), Call(f"{here}:Ledger.route", ids, evidence="result")),
        "pools": ("tests.schedules.pools:NestedPool.submit",),
        "row": "order_id",
        "evict": Call(f"{there}.give_up", ids),
    }
    return Boundary(**{**declared, **getattr(host, "declared", {})})
