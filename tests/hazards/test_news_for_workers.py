"""What the submitting thread writes for a worker that works already: a flag that it polls is seen, in each mode."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from otel_handoff import Boundary, Call
from otel_handoff.host.polling import polled
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES
from tests.hosts import WAIT
from tests.telemetry import Telemetry

HERE = __name__
filed: list[tuple[str, Any]] = []


def file(row: str, under: Any) -> None:
    """What files something."""
    filed.append((row, under))


class Desk:
    """The context."""

    def __init__(self, row: str) -> None:
        self.row = row
        self.cancelled = False
        self.state = "open"

    def is_over(self) -> bool:
        """Whether its workers are to stop."""
        return self.cancelled

    def wait_for_it(self, turns: Turns) -> None:
        """Return when it is cancelled."""
        while not self.cancelled:
            next(turns)

    def cancel(self) -> None:
        """Tell its workers."""
        self.cancelled, self.state = True, "over"


class Turns:
    """Lets a worker go round until the submitting thread has gone on, and a bounded number of times since."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.left = 3

    def __iter__(self) -> Turns:
        return self

    def __next__(self) -> None:
        self.begun.set()
        assert self.go.wait(WAIT)
        self.left -= 1
        assert self.left, "it does not stop"


def while_it_is_not(row: str, desk: Desk, turns: Turns) -> None:
    """Work until it is cancelled."""
    while not desk.cancelled:
        next(turns)
    file(row, desk.row)


def unless_it_is(row: str, desk: Desk, turns: Turns) -> None:
    """Look in each turn."""
    for _ in turns:
        if desk.cancelled:
            break
    file(row, desk.row)


def unless_it_says_so(row: str, desk: Desk, turns: Turns) -> None:
    """Ask it by a method."""
    for _ in turns:
        if desk.is_over():
            break
    file(row, desk.row)


def while_it_is_open(row: str, desk: Desk, turns: Turns) -> None:
    """Compare."""
    while desk.state == "open":
        next(turns)
    file(row, desk.row)


def wait_for(turns: Turns, desk: Desk) -> None:
    """Return when it is cancelled."""
    while not desk.cancelled:
        next(turns)


def wait_as_told(turns: Turns, *, whose: Desk) -> None:
    """Leave that to another."""
    wait_for(turns, whose)


def by_a_function(row: str, desk: Desk, turns: Turns) -> None:
    """Wait by a function of the module."""
    wait_for(turns, desk)
    file(row, desk.row)


def by_one_below(row: str, desk: Desk, turns: Turns) -> None:
    """Wait by a function that calls another."""
    wait_as_told(turns, whose=desk)
    file(row, desk.row)


def by_its_method(row: str, desk: Desk, turns: Turns) -> None:
    """Let the context wait."""
    desk.wait_for_it(turns)
    file(row, desk.row)


async def awaiting(row: str, desk: Desk, turns: Turns) -> None:
    """Work in a task."""
    while not desk.cancelled:
        await asyncio.sleep(0)
        next(turns)
    file(row, desk.row)


class Office:
    """Hands over by a function of its own."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool

    def submit(self, row: str, desk: Desk, turns: Turns) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, row, desk, turns)

    def work(self, row: str, desk: Desk, turns: Turns) -> None:
        """Work function."""
        while not desk.cancelled:
            next(turns)
        file(row, desk.row)


class Bureau(Office):
    """Waits by functions of its own."""

    def work(self, row: str, desk: Desk, turns: Turns) -> None:
        """Work function."""
        self.wait(desk, turns)
        file(row, desk.row)

    def wait(self, desk: Desk, turns: Turns) -> None:
        """Leave that to another."""
        self.wait_on(turns, desk)

    @staticmethod
    def wait_on(turns: Turns, desk: Desk) -> None:
        """Return when it is cancelled."""
        wait_for(turns, desk)


def by_pool(work: Callable[..., Any]) -> Callable[..., Any]:
    """Hand over to a pool."""

    def hand_over(pool: ThreadPoolExecutor, *given: Any) -> Any:
        return pool.submit(work, *given)

    return hand_over


def by_office(pool: ThreadPoolExecutor, *given: Any) -> Any:
    """Hand over by a function of the host's own."""
    return Office(pool).submit(*given)


def by_bureau(pool: ThreadPoolExecutor, *given: Any) -> Any:
    """Hand over by a function of the host's own."""
    return Bureau(pool).submit(*given)


def by_task(pool: ThreadPoolExecutor, *given: Any) -> Future[None]:
    """Run a coroutine on a thread."""
    coroutine = awaiting(*given)
    return pool.submit(asyncio.run, coroutine)


HANDED: dict[str, Callable[..., Any]] = {
    "while_it_is_not": by_pool(while_it_is_not),
    "unless_it_is": by_pool(unless_it_is),
    "unless_it_says_so": by_pool(unless_it_says_so),
    "while_it_is_open": by_pool(while_it_is_open),
    "awaiting": by_task,
    "Office.work": by_office,
    "by_a_function": by_pool(by_a_function),
    "by_one_below": by_pool(by_one_below),
    "by_its_method": by_pool(by_its_method),
    "Bureau.work": by_bureau,
}


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "strict"])
@pytest.mark.parametrize("work", HANDED)
def test_a_worker_that_is_told_to_stop(work: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It stops; in `pin` it files its own row all the same, as what it shares is pinned at the read."""
    filed.clear()
    boundary = Boundary(
        "desk",
        submit=f"{HERE}:Office.submit" if "." in work else None,
        work=f"{HERE}:{work}",
        context="desk",
        fields={"row": "row"},
        calls=[Call(f"{HERE}:file", {"row": "under"})],
    )
    instrument(mode, boundaries=[boundary])
    desk, turns = Desk("a"), Turns()
    with ThreadPoolExecutor(1) as pool:
        handed = HANDED[work](pool, "a", desk, turns)
        try:
            assert turns.begun.wait(WAIT)
            desk.row = "b"
            desk.cancel()
        finally:
            turns.go.set()
        handed.result(WAIT)
    assert filed == [("a", "a" if mode == "pin" else "b")]
    (mismatch,) = telemetry.mismatches
    assert mismatch.outcome == ("prevented" if mode == "pin" else "used")


def asks_once(row: str, desk: Desk, turns: Turns) -> None:
    """It looks before it begins, and goes on with what it has."""
    if desk.cancelled:
        return
    for _ in turns:
        file(row, desk.row)


def asks_for_its_id(row: str, desk: Desk, turns: Turns) -> None:
    """It looks at a field."""
    while desk.row == row:
        next(turns)


def looks_at(desk: Desk, turns: Turns) -> None:
    """It waits for something else."""
    while turns.left:
        file(desk.row, next(turns))


def waits_for_others(row: str, desk: Desk, turns: Turns) -> None:
    """What it waits for is not on the context."""
    wait_for(turns, Desk(row))
    looks_at(desk, turns)


@pytest.mark.parametrize("work", [asks_once, asks_for_its_id, waits_for_others])
def test_what_is_no_news(work: Any) -> None:
    """Nobody waits for anything: a copy is as good."""
    assert polled(work, "desk", ["row"]) == ()
