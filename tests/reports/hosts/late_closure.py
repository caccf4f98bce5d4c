"""chain-ml/council#36 and python/cpython#131771, in small: a lambda that a loop hands over sees its last variable.

So each task runs the last runner, and files under its name.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, settle
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="the variable `runner`, by all lambdas",
    records=3,
    wrong=2,
    culprit="",  # nothing sees a write to a variable
    prevented=False,  # nor what a worker that has its own would have read off it
)
NAMES = ("a", "b", "c")
all_handed_over = threading.Event()
turns: Iterator[str] = iter(NAMES)
"""There is one worker: the n-th task is that of the n-th runner."""


class Runner:
    """Runs one chain."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self) -> None:
        note(next(turns), self.name)


def note(owner: str, runner: str) -> None:
    books.file(owner, runner)


def declared() -> Boundary:
    return Boundary(
        "council",
        work=f"{__name__}:Runner.run",
        context="self",
        fields={"runner": "name"},
        calls=[Call(f"{__name__}:note", {"runner": "runner"})],
    )


def run() -> None:
    with books.request("chain"), ThreadPoolExecutor(1) as pool:
        books.belongs(*NAMES)
        pool.submit(all_handed_over.wait, WAIT)
        tasks: list[Future[None]] = []
        for name in NAMES:
            runner = Runner(name)
            tasks.append(pool.submit(lambda: runner.run()))  # noqa: B023  that is the fault
        all_handed_over.set()
        settle(tasks)
