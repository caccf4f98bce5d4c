"""Rows whose worker is overtaken by the submitting thread, forced by events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from tests.hosts import WAIT, Context, Order, Pool, QueuePool
from tests.telemetry import Telemetry

Body = Callable[[Order, Any], Any]
Change = Callable[[Any], object]


def to_b(ctx: Any) -> None:
    """The submitting thread goes on to the next order."""
    ctx.order = Order("B")


class Refusing:
    """A context that takes orders as long as it likes to."""

    attempt: Any = None
    refuses = False

    def __init__(self) -> None:
        self._order: Any = None

    @property
    def order(self) -> Any:
        """The row."""
        return self._order

    @order.setter
    def order(self, order: Any) -> None:
        if self.refuses:
            raise ValueError("refused")
        self._order = order


class Overtaken:
    """Row A, handed over, whose worker waits until `go()`."""

    def __init__(self, body: Body, ctx: Any = None, pool: Any = None) -> None:
        self.ctx: Any = Context() if ctx is None else ctx
        self.pool: Any = pool or Pool()
        self._owned = pool is None
        self._go = threading.Event()
        self._begun = threading.Event()
        order = Order("A")
        self.ctx.order = order

        def job(order: Order, ctx: Any) -> Any:
            self._begun.set()
            assert self._go.wait(WAIT)
            return body(order, ctx)

        self.future: Future[Any] = self.pool.enqueue(order, self.ctx, job)

    def wait_until_begun(self) -> None:
        """Wait until the worker has begun, so that what follows is seen at its end, not at its start."""
        assert self._begun.wait(WAIT)

    def go(self) -> Any:
        """Let the worker run, and return what its body returned."""
        self._go.set()
        try:
            return self.future.result(WAIT)
        finally:
            if self._owned:
                self.pool.close()


def overtake(body: Body, change: Change = to_b, ctx: Any = None, pool: Pool | QueuePool | None = None) -> Any:
    """Hand over order A, change the context, then let A's worker run `body`."""
    row = Overtaken(body, ctx, pool)
    try:
        row.wait_until_begun()
        change(row.ctx)
    except BaseException:
        row.go()
        raise
    return row.go()


def changed_by_somebody(body: Body, pool: Any) -> Any:
    """Hand over order A; while its worker waits, somebody who got hold of the worker's own context changes that."""
    handed: list[Any] = []
    out, changed = threading.Event(), threading.Event()

    def job(order: Order, ctx: Any) -> Any:
        handed.append(ctx)
        out.set()
        assert changed.wait(WAIT)
        return body(order, ctx)

    order = Order("A")
    future = pool.enqueue(order, Context(order=order), job)
    assert out.wait(WAIT)
    to_b(handed[0])
    changed.set()
    try:
        return future.result(WAIT)
    finally:
        pool.close()


def told(telemetry: Telemetry) -> list[tuple[Any, ...]]:
    """What was reported: whose row, how it is known, what came of it, what was observed."""
    return [(m.submission.ids.get("order_id"), m.evidence, m.outcome, dict(m.observed)) for m in telemetry.mismatches]


def culprits(telemetry: Telemetry) -> list[Any]:
    """The threads of the culprits, None where none is known."""
    return [m.culprit and m.culprit.thread_name for m in telemetry.mismatches]
