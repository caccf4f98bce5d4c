"""Which work is stale: what was given up or tried again, that and no other, and once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from otel_handoff import Call, HandoffInstrumentor
from tests.hosts import WAIT, Context, Order, Pool, boundary
from tests.telemetry import Telemetry


class Retrying(Pool):
    """Tries orders again, and gives attempts up while it can."""

    can_give_up = True

    def give_up(self, order_id: str, attempt: str) -> bool:
        """Evict one attempt; False where it is too late."""
        return self.can_give_up


class Attempts:
    """Attempts of orders, each of which begins when a worker is free and ends when it is let go."""

    def __init__(self, workers: int) -> None:
        self.pool = Retrying(workers)
        self._ctx = Context()
        self._runs: dict[str, tuple[threading.Event, threading.Event, Future[Any]]] = {}

    def submit(self, name: str) -> None:
        """Hand over attempt 1 of order A as `"A1"`."""
        begun, go = threading.Event(), threading.Event()

        def job(_order: Order, _ctx: Context) -> None:
            begun.set()
            assert go.wait(WAIT)

        order = self._ctx.order = Order(name[0])
        self._ctx.attempt = name[1]
        self._runs[name] = begun, go, self.pool.enqueue(order, self._ctx, job)

    def wait_until_begun(self, name: str) -> None:
        """Wait for a worker to begin."""
        assert self._runs[name][0].wait(WAIT)

    def finish(self, *names: str) -> None:
        """Let workers go, in this order, and wait for each."""
        for name in names:
            _, go, future = self._runs[name]
            go.set()
            future.result(WAIT)

    def close(self) -> None:
        """Let everybody go."""
        for _, go, _ in self._runs.values():
            go.set()
        self.pool.close()


@pytest.fixture
def attempts(row: str | None, workers: int, telemetry: Telemetry) -> Iterator[Attempts]:
    """An instrumented pool; `row` is the field by which a retry is known, if any."""
    declared = boundary(
        submit=f"{__name__}:Retrying.enqueue",
        work=f"{__name__}:Retrying._run",
        row=row,
        evict=Call(f"{__name__}:Retrying.give_up", {"order_id": "order_id", "attempt": "attempt"}),
    )
    HandoffInstrumentor().instrument(mode="pin", boundaries=[declared], **telemetry.options)
    attempts = Attempts(workers)
    yield attempts
    attempts.close()
    HandoffInstrumentor().uninstrument()


def stale(telemetry: Telemetry) -> tuple[list[str], int]:
    """The attempts whose spans say that they were stale, and how many were counted."""
    marked = [
        f"{found['orders.order_id']}{found['orders.attempt']}"
        for span in telemetry.spans("process orders")
        if (found := span.attributes or {}).get("handoff.stale")
    ]
    return sorted(marked), sum(telemetry.points("handoff.stale_work").values())


@pytest.mark.parametrize(("row", "workers"), [(None, 3)])
def test_only_the_attempt_that_is_given_up_is_stale(attempts: Attempts, telemetry: Telemetry) -> None:
    """Others share its order or its number, and go on."""
    for name in ("A1", "A2", "B1"):
        attempts.submit(name)
    assert attempts.pool.give_up("A", "1")
    attempts.finish("A1", "A2", "B1")
    assert stale(telemetry) == (["A1"], 1)


@pytest.mark.parametrize(("row", "workers"), [(None, 1)])
def test_what_it_is_too_late_to_give_up_is_not_stale(attempts: Attempts, telemetry: Telemetry) -> None:
    """The host says False, and the result counts."""
    attempts.submit("A1")
    attempts.wait_until_begun("A1")
    attempts.pool.can_give_up = False
    assert not attempts.pool.give_up("A", "1")
    attempts.finish("A1")
    assert stale(telemetry) == ([], 0)


@pytest.mark.parametrize(("row", "workers"), [(None, 1)])
def test_work_that_is_stale_when_it_begins_is_counted_once(attempts: Attempts, telemetry: Telemetry) -> None:
    """It is stale at its end as well."""
    attempts.submit("A1")
    attempts.submit("B1")
    assert attempts.pool.give_up("B", "1")
    attempts.finish("A1", "B1")
    assert stale(telemetry) == (["B1"], 1)


@pytest.mark.parametrize(("row", "workers"), [("order_id", 1)])
def test_a_late_attempt_does_not_shield_the_next_from_being_superseded(
    attempts: Attempts, telemetry: Telemetry
) -> None:
    """Attempt 1 ends after attempt 2 was submitted; attempt 3 makes attempt 2 stale all the same."""
    attempts.submit("A1")
    attempts.submit("A2")
    attempts.finish("A1")
    attempts.wait_until_begun("A2")
    attempts.submit("A3")
    attempts.finish("A2", "A3")
    assert stale(telemetry) == (["A1", "A2"], 2)
