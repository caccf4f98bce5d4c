"""huggingface/lerobot#4327, in small: a `functools.partial` binds one policy with state for all tasks of a pool.

`reset` gives it a new queue of actions, and each task goes on with those of the last one that was reset.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, settle
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="`policy.queue`, by all tasks",
    records=4,
    wrong=3,
    prevented=False,
    said=("what is in 'queue', a deque, may be read unseen",),
)
TASKS = [f"task-{n}" for n in range(4)]
all_reset = threading.Barrier(len(TASKS), timeout=WAIT)


class Action(NamedTuple):
    """One step of a task."""

    task: str


class Policy:
    """Keeps the actions that it has planned."""

    def __init__(self) -> None:
        self.queue: deque[Action] = deque()

    def reset(self, task: str) -> None:
        self.queue = deque([Action(task)])  # the write

    def select(self) -> Action:
        return self.queue[0]


def roll_out(task: str, policy: Policy, seed: int) -> None:
    policy.reset(task)
    all_reset.wait()
    act(task, policy.select())


def act(task: str, action: Action) -> None:
    books.file(task, action.task)


def declared() -> Boundary:
    return Boundary(
        "policy",
        work=f"{__name__}:roll_out",
        context="policy",
        fields={"task": "queue.0.task"},
        ids={"task": "task"},
        calls=[Call(f"{__name__}:act", {"task": "action.task"})],
    )


def run() -> None:
    roll = partial(roll_out, policy=Policy(), seed=1)
    with books.request("evaluation"), ThreadPoolExecutor(len(TASKS)) as pool:
        books.belongs(*TASKS)
        settle([pool.submit(roll, task) for task in TASKS])
