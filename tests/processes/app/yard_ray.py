"""Hands rows to Ray: `python yard_ray.py 8 by_task by_actor`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import yard
import yard_pier
import yard_pier_on

from otel_handoff import HandoffInstrumentor

ray: Any = import_module("ray")


def rows(shape: str, count: int, desk: Any) -> Iterator[str]:
    """Each row, once the desk is the row's."""
    for number in range(count):
        desk.row = f"{shape}.{number}"
        yield desk.row


class Late:
    """An argument that takes its time to be pickled: another thread goes on meanwhile."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk

    def __reduce__(self) -> Any:
        number = int(self.desk.row.partition(".")[2]) + 1
        thread = threading.Thread(target=setattr, args=(self.desk, "row", f"by_late.{number}"))
        thread.start()
        thread.join()
        return str, ()


@ray.remote
def here(row: Any, desk: Any) -> None:
    """What is of the main program is pickled by value."""
    yard.file(row, desk.row)


def by_task(count: int) -> None:
    """Pickled in the call: nothing is wrong."""
    desk = yard.Desk()
    made = [yard_pier.bill.remote(row, desk=desk) for row in rows("by_task", count, desk)]
    assert ray.get(made) == [f"by_task.{number}" for number in range(count)]


def by_options(count: int) -> None:
    """Likewise."""
    desk, task = yard.Desk(), ray.remote(yard_pier.plain).options(num_cpus=1)
    ray.get([task.remote(row, desk) for row in rows("by_options", count, desk)])


def by_main(count: int) -> None:
    """Likewise."""
    desk = yard.Desk()
    ray.get([here.remote(row, desk) for row in rows("by_main", count, desk)])


def by_late(count: int) -> None:
    """In the call, and so late that all of them are wrong."""
    desk = yard.Desk()
    ray.get([yard_pier.bill.remote(_late=Late(desk), row=row, desk=desk) for row in rows("by_late", count, desk)])


def by_unsent(_count: int) -> None:
    """What cannot be pickled is not sent."""
    desk = yard.Desk()
    desk.row = "by_unsent.0"
    try:
        yard_pier.bill.remote(desk.row, desk, threading.Lock())
    except TypeError:
        return
    raise AssertionError


def by_put(count: int) -> None:
    """Put once, under the first row."""
    desk, there, made = yard.Desk(), None, []
    for row in rows("by_put", count, desk):
        there = there or ray.put(desk)
        made.append(yard_pier.shared.remote(row, there))
    ray.get(made)


def by_flaky(count: int) -> None:
    """Each is tried twice."""
    desk = yard.Desk()
    ray.get([yard_pier.flaky.remote(row, desk) for row in rows("by_flaky", count, desk)])


def by_method(count: int) -> None:
    """Of an actor."""
    desk, actor = yard.Desk(), yard_pier.Counter.remote()
    ray.get([actor.bill.remote(row, desk) for row in rows("by_method", count, desk)])


def by_threads(count: int) -> None:
    """What the methods of an actor share."""
    actor = yard_pier.Counter.options(max_concurrency=2).remote()
    ray.get([actor.own.remote(f"by_threads.{number}") for number in range(count)])


def by_loop(count: int) -> None:
    """Likewise."""
    actor = yard_pier.Waiter.remote()
    ray.get([actor.own.remote(f"by_loop.{number}") for number in range(count)])


def by_actors(count: int) -> None:
    """A task hands its row on to an actor: the worker hands over."""
    actor = yard_pier.Counter.remote()
    ray.get([hands_on.remote(actor, f"by_actors.{number}") for number in range(count)])


@ray.remote
def hands_on(actor: Any, row: Any) -> None:
    """In a worker, which has a handle alone."""
    desk = yard.Desk()
    desk.row = row
    ray.get(actor.bill.remote(row, desk))


def refused(count: int) -> None:
    """What is worked on wrongly does not come back."""
    desk, wrong = yard.Desk(), 0
    for row in rows("by_late", count, desk):
        try:
            ray.get(yard_pier.bill.remote(_late=Late(desk), row=row, desk=desk))
        except ray.exceptions.RayTaskError as error:
            wrong += "HandoffMismatchError" in str(error)
    assert wrong == count


def main(count: int, shapes: list[str]) -> None:
    """Run some shapes on one machine."""
    hook = os.environ.get("YARD_HOOK", "yard_pier_on:setup")
    options: Any = {"_tracing_startup_hook": hook} if hook else {}
    if not hook:
        yard_pier_on.setup()
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200_000_000, log_to_driver=False, **options)
    for shape in shapes:
        globals()[shape](count)
    HandoffInstrumentor().uninstrument()
    ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
