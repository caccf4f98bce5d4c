"""pebble 5.2, noxdafox/pebble#156: a done callback runs on a thread of the pool.

The trace of who added it is not there, and the job that it is given says another's name by then.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from functools import partial

from pebble import ThreadPool

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books
from tests.reports.expected import Expected

EXPECTED = Expected(shared="`job.name`, by all callbacks", records=4, wrong=3)
all_scheduled = threading.Event()

logging.getLogger("concurrent.futures").setLevel(logging.CRITICAL + 1)  # it logs what is refused


class Job:
    """What is being run."""

    name: str | None = None


def compute(name: str) -> str:
    assert all_scheduled.wait(WAIT)
    return name


class Runner:
    """Runs jobs, and saves what they came to."""

    def __init__(self) -> None:
        self.pool = ThreadPool(1)

    def start(self, name: str, job: Job) -> Future[str]:
        future = self.pool.schedule(compute, args=(name,))
        future.add_done_callback(partial(self.done, job))
        return future

    def done(self, job: Job, future: Future[str]) -> None:
        save(future.result(), job.name)


def save(owner: str, name: str | None) -> None:
    books.file(owner, name)


def declared() -> Boundary:
    return Boundary(
        "runner",
        work=f"{__name__}:Runner.done",
        context="job",
        fields={"name": "name"},
        calls=[Call(f"{__name__}:save", {"name": "name"})],
    )


def run() -> None:
    runner, job = Runner(), Job()
    for n in range(4):
        with books.request(f"job-{n}"):
            job.name = f"job-{n}"  # the write
            runner.start(f"job-{n}", job)
    all_scheduled.set()
    runner.pool.close()
    runner.pool.join()
