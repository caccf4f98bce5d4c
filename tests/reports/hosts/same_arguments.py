"""A queue with priorities, as django-q and huey have: all rows have one context, and nothing tells them apart.

The last in is the first out, so that the oldest that is waiting is not the one that is worked on.
"""

from __future__ import annotations

import queue
import threading

from otel_handoff import Boundary, Call
from tests.reports.books import books, refusing, start_all
from tests.reports.expected import Expected

EXPECTED = Expected(shared="`ctx.job`, by all rows, and nothing else is given", records=4, wrong=3)


class Context:
    """What the queue knows of its jobs."""

    job: str | None = None


waiting: queue.LifoQueue[tuple[Context, int]] = queue.LifoQueue()
order: list[str] = []


def enqueue(ctx: Context, retries: int = 3) -> None:
    order.append(str(ctx.job))
    waiting.put((ctx, retries))


def work_off() -> None:
    while not waiting.empty():
        ctx, _ = waiting.get()
        with refusing():
            file(order.pop(), ctx.job)
        waiting.task_done()


def file(owner: str, job: str | None) -> None:
    books.file(owner, job)


def declared() -> Boundary:
    return Boundary(
        "queue",
        work=f"{__name__}:work_off",
        takes="queue:Queue.get",
        context="item.0",
        fields={"job": "job"},
        calls=[Call(f"{__name__}:file", {"job": "job"})],
    )


def run() -> None:
    ctx = Context()
    for n in range(4):
        with books.request(f"job-{n}"):
            ctx.job = f"job-{n}"  # the write
            enqueue(ctx)
    start_all([threading.Thread(target=work_off)])
