"""Runs the tasks of a program on threads of the operating system, which switch where they like."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from tests.schedules.scheduler import Scheduler, Task
from tests.schedules.strategies import Decisions

_LONGEST: Final = 60.0
"""Seconds after which a run that does not end is given up."""

_here: Final = threading.local()


def running() -> Free | None:
    """Return the scheduler that the calling thread is a task of."""
    return getattr(_here, "scheduler", None)


class Free(Scheduler):
    """Tasks are threads, and nobody hands them a baton. Where a task may give way, it sometimes does."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.RLock()
        self._ready_now = threading.Condition(self._lock)
        """A task that waits may go on."""
        self._settled = threading.Condition(self._lock)
        """A task waits, or has ended."""
        self._begun = threading.Event()
        self._random = random.Random(seed)
        self._gives_way = self._random.choice((0.0, 0.1, 0.5))
        self._given_up = False
        self._threads: list[threading.Thread] = []
        super().__init__(Decisions([]))

    @property
    def current(self) -> Task | None:
        """The task whose thread asks."""
        return getattr(_here, "task", None)

    @current.setter
    def current(self, task: Task | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Nobody is told to run."""

    def spawn(self, name: str, function: Callable[[], object]) -> None:
        """Add a task; from any thread."""
        with self._lock:
            super().spawn(name, function)

    def pause(self) -> None:
        """Wake those that what was just done lets go on; perhaps give way."""
        with self._lock:
            if any(task.ready is not None and task.ready() for task in self._tasks):
                self._ready_now.notify_all()
        if self._random.random() < self._gives_way:
            time.sleep(0)

    def wait(self, ready: Callable[[], bool]) -> None:
        """Block until `ready`."""
        task = self.current
        assert task is not None
        self.pause()
        with self._lock:
            task.ready = ready
            self._settled.notify_all()
            while not (ready() or self._given_up):
                self._ready_now.wait(_LONGEST)
            task.ready = None
            if self._given_up:
                raise TimeoutError(f"the run is stuck: {task.name}")

    def run(self) -> None:
        """Run until every task has ended, or none can go on any more."""
        self._begun.set()
        deadline = time.monotonic() + _LONGEST
        with self._lock:
            while left := [task for task in self._tasks if not task.done]:
                if all(task.ready is not None for task in left) and not self._any_ready(left):
                    self.on_idle()
                    self._given_up = not self._any_ready(left)
                    self._ready_now.notify_all()
                if self._given_up or not self._settled.wait(max(0.0, deadline - time.monotonic())):
                    break
            self._given_up = any(not task.done for task in self._tasks)
            self.failures.extend(f"task {task.name} never ends" for task in self._tasks if not task.done)
            self._ready_now.notify_all()
        for thread in self._threads:
            thread.join(10)

    @staticmethod
    def _any_ready(tasks: list[Task]) -> bool:
        return any(task.ready is not None and task.ready() for task in tasks)

    def _prepare(self, task: Task) -> None:
        thread = threading.Thread(target=self._body, args=(task,), name=task.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _body(self, task: Task) -> None:
        _here.scheduler, _here.task = self, task
        self._begun.wait(_LONGEST)
        self._call(task)
        with self._lock:
            self._settled.notify_all()
            self._ready_now.notify_all()

    def _switch(self, task: Task, following: Task | None) -> Any:
        raise NotImplementedError
