"""Met while chain-ml/council#36 was rebuilt: the two functions call the same object by other names. Nothing is wrong.

Each job has its own context, and the last in is the first out.
"""

from __future__ import annotations

import queue
from collections.abc import Callable

from otel_handoff import Boundary, Call
from tests.reports.books import books, refusing
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="nothing: each job is its own",
    records=4,
    wrong=0,
    culprit="",
    why="A program that is right: nothing is told, and nothing refused.",
)


class Job:
    """Work to do."""

    def __init__(self, name: str) -> None:
        self.name = name


waiting: queue.LifoQueue[Job] = queue.LifoQueue()


def enqueue(job: Job) -> None:
    waiting.put(job)


def process(item: Job) -> None:
    file(item, item.name)


def file(item: Job, name: str) -> None:
    books.file(item.name, name)


def declared() -> Boundary:
    return Boundary(
        "jobs",
        submit=f"{__name__}:enqueue",
        work=f"{__name__}:process",
        context="job",
        fields={"name": "name"},
        calls=[Call(f"{__name__}:file", {"name": "name"})],
    )


def run() -> None:
    for n in range(4):
        with books.request(f"job-{n}"):
            enqueue(Job(f"job-{n}"))
    step: Callable[[Job], None] = process
    while not waiting.empty():
        with refusing():
            step(waiting.get())
