"""Runs tasks one at a time, and switches between them only where they say so. Nothing sleeps.

Greenlets are ten times quicker than threads, and each has its own `contextvars` context, as a thread has. Threads serve
where the detector's own lines are pre-empted: `sys.settrace` belongs to a thread.
"""

from __future__ import annotations

import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

import greenlet

from tests.schedules.strategies import Strategy

_MOST_STEPS: Final = 200_000


class Task:
    """One thread of control."""

    def __init__(self, number: int, name: str, function: Callable[[], object]) -> None:
        self.number: int = number
        self.name: str = name
        self.function: Callable[[], object] = function
        self.ready: Callable[[], bool] | None = None
        """What it waits for."""
        self.done: bool = False


class Scheduler(ABC):
    """The tasks of one run.

    Attributes:
        decisions: the choices made, each a position among the tasks that could run; 0 is to let the same one run on.
        failures: tracebacks of tasks that raised.
        on_pause: called before another task may run.
        on_idle: called when nothing can run; the tasks are asked again after it, and then the run is over.
    """

    def __init__(self, strategy: Strategy) -> None:
        self.decisions: list[int] = []
        self.failures: list[str] = []
        self.on_idle: Callable[[], object] = lambda: None
        self.on_pause: Callable[[], object] = lambda: None
        self.current: Task | None = None
        self.settled: bool = True
        """Whether no task is just being added."""
        self._strategy = strategy
        self._tasks: list[Task] = []

    def spawn(self, name: str, function: Callable[[], object]) -> None:
        """Add a task; before `run`, or from a task."""
        self.settled = False
        task = Task(len(self._tasks), name, function)
        self._tasks.append(task)
        self._prepare(task)
        self.settled = True

    def pause(self) -> None:
        """A point at which another task may run."""
        task = self.current
        assert task is not None
        self.on_pause()
        following = self._next()
        if following is None:
            following = task  # the run is stuck; let it fail where it is
        if following is not task:
            self._switch(task, following)

    def wait(self, ready: Callable[[], bool]) -> None:
        """Let others run until `ready`."""
        task = self.current
        assert task is not None
        self.on_pause()
        task.ready = ready
        following = self._next()
        if following is not task:
            self._switch(task, following)
        task.ready = None

    @abstractmethod
    def run(self) -> None:
        """Run until nothing can run any more."""

    @abstractmethod
    def _prepare(self, task: Task) -> None: ...

    @abstractmethod
    def _switch(self, task: Task, following: Task | None) -> None: ...

    def _call(self, task: Task) -> None:
        try:
            task.function()
        except BaseException:
            self.failures.append(f"task {task.name}: {traceback.format_exc()}")
        task.done = True

    def _next(self) -> Task | None:
        ready = self._ready()
        if not ready:
            self.on_idle()
            ready = self._ready()
        if not ready or len(self.decisions) > _MOST_STEPS:
            return None
        choice = self._strategy.choose(ready)
        self.decisions.append(choice)
        self.current = self._tasks[ready[choice]]
        return self.current

    def _ready(self) -> list[int]:
        ready = [task.number for task in self._tasks if not task.done and (task.ready is None or task.ready())]
        if self.current is not None and self.current.number in ready:
            ready.remove(self.current.number)
            ready.insert(0, self.current.number)
        return ready


class Greenlets(Scheduler):
    """Tasks are greenlets of the calling thread, which goes by the running task's name."""

    def __init__(self, strategy: Strategy) -> None:
        super().__init__(strategy)
        self._hub = greenlet.getcurrent()
        self._thread = threading.current_thread()
        self._greenlets: list[Any] = []

    def run(self) -> None:
        """Run until nothing can run any more."""
        name = self._thread.name
        try:
            while (task := self._next()) is not None:
                self._thread.name = task.name
                self._greenlets[task.number].switch()
        finally:
            self._thread.name = name
        self.failures.extend(f"task {task.name} never ends" for task in self._tasks if not task.done)

    def _prepare(self, task: Task) -> None:
        self._greenlets.append(greenlet.greenlet(lambda: self._call(task), self._hub))

    def _switch(self, task: Task, following: Task | None) -> None:
        if following is None:
            self._hub.switch()
        else:
            self._thread.name = following.name
            self._greenlets[following.number].switch()
        self._thread.name = task.name


class Threads(Scheduler):
    """Tasks are threads that hand a baton on."""

    def __init__(self, strategy: Strategy) -> None:
        super().__init__(strategy)
        self._batons: list[threading.Semaphore] = []
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self.trace: Any = None
        """The trace function of each task's thread."""

    def run(self) -> None:
        """Run until nothing can run any more."""
        first = self._next()
        if first is not None:
            self._batons[first.number].release()
            assert self._over.wait(20), "the tasks are stuck"
        self.failures.extend(f"task {task.name} never ends" for task in self._tasks if not task.done)
        for task, thread in zip(self._tasks, self._threads, strict=True):
            if task.done:
                thread.join(10)

    def _prepare(self, task: Task) -> None:
        self._batons.append(threading.Semaphore(0))
        thread = threading.Thread(target=lambda: self._body(task), name=task.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _body(self, task: Task) -> None:
        import sys

        self._batons[task.number].acquire()
        sys.settrace(self.trace)
        try:
            self._call(task)
        finally:
            sys.settrace(None)
        following = self._next()
        if following is None:
            self._over.set()
        else:
            self._batons[following.number].release()

    def _switch(self, task: Task, following: Task | None) -> None:
        if following is None:
            self._over.set()
        else:
            self._batons[following.number].release()
        self._batons[task.number].acquire()
