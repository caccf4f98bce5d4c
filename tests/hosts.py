"""Small hosts that have nothing to do with ELSPETH: a thread pool, and a hand-written queue with its own threads."""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from otel_handoff import Boundary, Call

WAIT = 20.0
"""Seconds that a test waits for an event before it fails; nothing is ever timed by it."""


@dataclass(frozen=True)
class Order:
    """A row."""

    id: str


@dataclass
class Context:
    """The context that the submitting thread goes on changing."""

    tenant: str = "acme"
    order: Order | None = None
    attempt: str | None = None
    shared: dict[str, object] = field(default_factory=dict[str, object])

    def describe(self) -> str:
        """Read an id from inside a method of the context."""
        return f"{self.order.id if self.order else None}/{self.attempt}"


Job = Callable[[Order, Context], Any]


class Ledger:
    """An external call: files an entry under an order's id."""

    def __init__(self) -> None:
        self.entries: list[tuple[str | None, str | None, str]] = []

    def post(self, order_id: str | None, text: str, attempt: str | None = None, latency_ms: float | None = None) -> str:
        """File `text` under `order_id`."""
        self.entries.append((order_id, attempt, text))
        return f"{order_id}:{text}"


class Pool:
    """Hands orders to a `ThreadPoolExecutor`."""

    def __init__(self, workers: int = 1) -> None:
        self.executor = ThreadPoolExecutor(workers, thread_name_prefix="pool")
        self.results: list[tuple[object, object]] = []

    def enqueue(self, order: Order, ctx: Context, job: Job) -> Future[Any]:
        """Submit function."""
        return self.executor.submit(self._run, order, ctx, job)

    def _run(self, order: Order, ctx: Context, job: Job) -> Any:
        return job(order, ctx)

    def close(self) -> None:
        """Wait for the workers."""
        self.executor.shutdown()


class CopyingPool(Pool):
    """A pool whose host is cured: the worker gets a copy, made where the order is handed over."""

    def enqueue(self, order: Order, ctx: Context, job: Job) -> Future[Any]:
        """Submit function."""
        return self.executor.submit(self._run, order, copy.copy(ctx), job)


class QueuePool:
    """Hands orders to threads of its own through a queue; the work function is looked up on the worker."""

    def __init__(self, workers: int = 1) -> None:
        self.queue: queue.Queue[tuple[Order, Context, Job, Future[Any]] | None] = queue.Queue()
        self.threads = [threading.Thread(target=self._loop, name=f"queue-{n}") for n in range(workers)]
        for thread in self.threads:
            thread.start()

    def enqueue(self, order: Order, ctx: Context, job: Job) -> Future[Any]:
        """Submit function."""
        future: Future[Any] = Future()
        self.queue.put((order, ctx, job, future))
        return future

    def _loop(self) -> None:
        while (item := self.queue.get()) is not None:
            order, ctx, job, future = item
            try:
                future.set_result(self._run(order, ctx, job))
            except Exception as error:
                future.set_exception(error)
            del item, order, ctx, job, future

    def _run(self, order: Order, ctx: Context, job: Job) -> Any:
        return job(order, ctx)

    def close(self) -> None:
        """Let the threads end."""
        for _ in self.threads:
            self.queue.put(None)
        for thread in self.threads:
            thread.join()


def back_to_back(
    pool: Pool | QueuePool, ctx: Context, job: Job, submitted: threading.Event, names: Iterable[str] = "AB"
) -> list[Future[Any]]:
    """Hand orders over on one context, and say so to the workers."""
    futures: list[Future[Any]] = []
    for name in names:
        ctx.order = Order(name)
        futures.append(pool.enqueue(ctx.order, ctx, job))
    submitted.set()
    return futures


def boundary(host: type[Pool | QueuePool] = Pool, **options: Any) -> Boundary:
    """The hand-off of `host`."""
    declared: dict[str, Any] = {
        "name": "orders",
        "submit": f"tests.hosts:{host.__name__}.enqueue",
        "work": f"tests.hosts:{host.__name__}._run",
        "fields": {"order_id": "order.id", "attempt": "attempt"},
        "calls": [Call("tests.hosts:Ledger.post", {"order_id": "order_id"}, latency_ms="latency_ms")],
        **options,
    }
    return Boundary(**declared)
