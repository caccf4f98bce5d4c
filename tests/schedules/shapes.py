"""What the kinds of host have in common: a context with a token and a state, and how to hand it over."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol, cast

from otel_handoff.demo.pipeline.context import TokenInfo
from tests.schedules import mixin
from tests.schedules.hosts import Context, Front, Ledger, Order, Pool, Queue, Slotted, Worker
from tests.schedules.pools import ControlledPool
from tests.schedules.records import Attempt, Got, Ids
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import Truth, tick
from tests.schedules.variants import Variant

Getter = Callable[[Any], Any]


class Host(Protocol):
    """A host as the runner uses it."""

    roots: tuple[str, str]
    key: str
    getters: tuple[dict[str, Getter], dict[str, Getter]]
    """For each root: how -> a function that reads it."""
    executor: ControlledPool
    stamps: tuple[int, ...]
    """The attributes that the submit function itself may write."""
    may: frozenset[str]
    """The reasons for which a row may be left unjudged."""
    at_read: bool
    """Whether workers share what their ids are in, and are pinned at the read."""

    def context(self) -> Any:
        """Make a context."""
        ...

    def ids(self, root: str, value: Any) -> Ids:
        """Return the fields that start at an attribute with this value."""
        ...

    def token(self, row: int | str) -> Any:
        """Make the token of a row; another of the same row is equal."""
        ...

    def like(self, token: Any) -> Any:
        """Make a token that is equal to this one."""
        ...

    def state(self, label: str) -> Any:
        """Make the state of an attempt."""
        ...

    def again(self, state: Any) -> Any:
        """Make a state that is equal to this one."""
        ...

    def close(self) -> None:
        """Let the host's tasks end, when nothing is left to do."""
        ...

    def submit(self, attempt: Attempt, ctx: Any, job: Callable[[Any], object]) -> None:
        """Hand over."""
        ...

    def give_up(self, attempt: Attempt) -> bool:
        """Evict."""
        ...

    def call(self, worker: Worker, gots: tuple[Got, Got], *, fails: bool) -> None:
        """File an external call under ids that were read."""
        ...

    def route(self, worker: Worker, gots: tuple[Got, Got]) -> None:
        """Hand a result on under them."""
        ...

    def call_by_method(self, worker: Worker, *, fails: bool) -> None:
        """Let the context file a call."""
        ...

    def reaches_by_class(self, root: int, *, slots: bool) -> bool:
        """Whether a copy of the context has an attribute by a read that its class sees: it is in no `__dict__`."""
        ...


def anew(text: str) -> str:
    """Return an equal string that is another object."""
    return "".join(list(text))


def _getters(root: str, attribute: Getter, method: Getter) -> dict[str, Getter]:
    return {
        "attribute": attribute,
        "alias": attribute,
        "getattr": lambda ctx: getattr(ctx, root),
        "method": method,
        "copy": lambda ctx: attribute(copy.copy(ctx)),
        "vars": lambda ctx: cast("dict[str, Any]", vars(ctx))[root],
    }


class Generic:
    """`Pool` or `Queue`."""

    roots: tuple[str, str] = ("order", "attempt")
    key: str = "order_id"
    getters: tuple[dict[str, Getter], dict[str, Getter]] = (
        _getters("order", lambda ctx: ctx.order, lambda ctx: ctx.current_order()),
        _getters("attempt", lambda ctx: ctx.attempt, lambda ctx: ctx.current_attempt()),
    )

    stamps: tuple[int, ...] = ()
    may: frozenset[str] = frozenset()
    at_read: bool = False

    def __init__(
        self, kind: type[Pool | Queue | Variant], truth: Truth, scheduler: Scheduler, workers: int, slots: bool
    ) -> None:
        self._host: Any = kind(truth, scheduler, workers)
        self._truth = truth
        self._scheduler = scheduler
        self.executor: ControlledPool = self._host.executor
        self._ledger = Ledger()
        self._slots = slots

    def context(self) -> Any:
        """Make a context."""
        return Slotted() if self._slots else Context()

    def ids(self, root: str, value: Any) -> Ids:
        """Return the one field that starts there."""
        return {"attempt": value} if root == "attempt" else {"order_id": value.id if value is not None else None}

    def token(self, row: int | str) -> Order:
        """Make an order."""
        return Order(anew(f"order {row}"))

    def like(self, token: Order) -> Order:
        """Make an equal order."""
        return Order(anew(token.id))

    def state(self, label: str) -> Any:
        """Make an attempt's id."""
        return label

    def again(self, state: Any) -> Any:
        """Make an equal one."""
        return anew(state)

    def close(self) -> None:
        """Let the pool end."""
        self.executor.closed = True

    def submit(self, attempt: Attempt, ctx: Any, job: Callable[[Any], object]) -> None:
        """Hand over."""
        self._host.enqueue(attempt, ctx, job)

    def give_up(self, attempt: Attempt) -> bool:
        """Evict."""
        return self._host.give_up(attempt.expected["order_id"], attempt.expected["attempt"])

    def call(self, worker: Worker, gots: tuple[Got, Got], *, fails: bool) -> None:
        """File an external call."""
        order, attempt = self.filed(worker, gots)
        ledger: Any = self._ledger
        worker.file("call", self._named(gots), lambda: ledger.post(order, attempt, fails=fails))

    def route(self, worker: Worker, gots: tuple[Got, Got]) -> None:
        """Hand a result on."""
        ledger: Any = self._ledger
        order, attempt = self.filed(worker, gots)
        worker.file("result", self._named(gots), lambda: ledger.route(order_id=order, attempt=attempt))

    def filed(self, worker: Worker, gots: tuple[Got, Got]) -> tuple[object, object]:
        """Return the ids as they are filed."""
        return gots[0].ids["order_id"], gots[1].ids["attempt"]

    def call_by_method(self, worker: Worker, *, fails: bool) -> None:
        """Let the context file a call."""
        worker.handed.file(Front(self._ledger, worker), fails)

    def reaches_by_class(self, root: int, *, slots: bool) -> bool:
        """Only those of a context without a `__dict__`."""
        return slots

    def _named(self, gots: tuple[Got, Got]) -> dict[str, Got]:
        return {"order_id": gots[0], "attempt": gots[1]}


class Mixin:
    """The embedded pipeline."""

    stamps: tuple[int, ...] = ()
    may: frozenset[str] = frozenset()
    at_read: bool = False

    roots: tuple[str, str] = ("token", "state_id")
    key: str = "token_id"
    getters: tuple[dict[str, Getter], dict[str, Getter]] = (
        _getters("token", lambda ctx: ctx.token, lambda ctx: ctx.current_token()),
        _getters("state_id", lambda ctx: ctx.state_id, lambda ctx: ctx.current_state()),
    )

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        self._transform = mixin.Transform(truth, scheduler, workers)
        self._scheduler = scheduler
        self.executor: ControlledPool = self._transform.executor

    def context(self) -> Any:
        """Make a run's context."""
        landscape: Any = self._transform.front
        return mixin.RowContext("run-1", {}, landscape, node_id="node-1")

    def ids(self, root: str, value: Any) -> Ids:
        """Return the fields that start there."""
        if root == "state_id":
            return {"state_id": value}
        if value is None:
            return {"row_id": None, "token_id": None}
        return {"row_id": value.row_id, "token_id": value.token_id}

    def token(self, row: int | str) -> TokenInfo:
        """Make a token."""
        return TokenInfo(anew(f"row {row}"), anew(f"token {row}"), {})

    def like(self, token: TokenInfo) -> TokenInfo:
        """Make an equal token."""
        return TokenInfo(anew(token.row_id), anew(token.token_id), token.row_data)

    def state(self, label: str) -> Any:
        """Make a state's id."""
        return label

    def again(self, state: Any) -> Any:
        """Make an equal one."""
        return anew(state)

    def close(self) -> None:
        """Let the pool and the release task end."""
        self.executor.closed = self._transform.closed = True

    def submit(self, attempt: Attempt, ctx: Any, job: Callable[[Any], object]) -> None:
        """Hand over."""

        def work(handed: Any) -> None:
            self._transform.front.workers[self._transform.front.task] = Worker(
                attempt.truth, self._scheduler, attempt, handed, nested=False
            )
            job(handed)

        self._transform.enqueue(attempt, ctx, work)

    def give_up(self, attempt: Attempt) -> bool:
        """Evict."""
        ids: Any = attempt.expected
        return self._transform.give_up(ids["token_id"], ids["state_id"])

    def call(self, worker: Worker, gots: tuple[Got, Got], *, fails: bool) -> None:
        """File an external call directly, as audited clients do that took the id earlier."""
        landscape: Any = self._transform.front.landscape
        state_id = gots[1].ids["state_id"]
        status = "error" if fails else "success"
        worker.file(
            "call", {"state_id": gots[1]}, lambda: landscape.record_call(state_id, 0, "http", status, {}, latency_ms=1)
        )

    def route(self, worker: Worker, gots: tuple[Got, Got]) -> None:
        """Results are routed by the pipeline itself, when the work is done."""
        self.call(worker, gots, fails=False)

    def call_by_method(self, worker: Worker, *, fails: bool) -> None:
        """Let the context record a call."""
        front = self._transform.front
        before = front.workers.get(front.task)
        front.workers[front.task] = worker
        front.began[front.task] = begin = tick()
        try:
            worker.handed.record_call("http", "error" if fails else "success", {})
        except RuntimeError:
            # No row is current: the id was read, and no call came of it.
            worker.saw(worker.handed, "state_id", {"state_id": None}, "method", begin)
            raise
        finally:
            if before is not None:
                front.workers[front.task] = before

    def reaches_by_class(self, root: int, *, slots: bool) -> bool:
        """None: it has a `__dict__`."""
        return False
