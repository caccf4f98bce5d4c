"""Executors whose threads are tasks of the scheduler."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

from tests.schedules.records import Attempt
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import tick


class Item:
    """A piece of work on a queue."""

    def __init__(self, function: Callable[..., Any] | None, args: tuple[Any, ...]) -> None:
        self.work: tuple[Callable[..., Any] | None, tuple[Any, ...]] | None = (function, args)
        self.attempt: Attempt | None = attempt_in(args)
        self.done: bool = False


def attempt_in(args: tuple[Any, ...]) -> Attempt | None:
    """Return whose work this is: a row's hand-over carries its attempt, itself or in the row."""
    for value in args:
        found = value.get("attempt") if isinstance(value, dict) else value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(found, tuple):
            found = attempt_in(found)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(found, Attempt):
            return found
    return None


class ControlledPool:
    """An executor whose threads are tasks of the scheduler."""

    def __init__(self, scheduler: Scheduler, name: str, workers: int) -> None:
        self.scheduler: Scheduler = scheduler
        self.closed: bool = False
        self.raised: list[BaseException] = []
        self._name = name
        self.items: deque[Item] = deque()
        self._started = 0
        self._idle = 0
        self._counting = Lock()
        for _ in range(workers):
            self._start()

    def submit(self, function: Callable[..., Any] | None, *args: Any) -> Item:
        """Queue a call."""
        item = Item(function, args)
        if item.attempt is not None:
            item.attempt.item = item
        self.items.append(item)
        self.scheduler.pause()
        return item

    def drop(self, item: Item) -> bool:
        """Take an item off the queue; False if it has been begun."""
        try:
            self.items.remove(item)  # at once: a worker that switches where it likes may be quicker
        except ValueError:
            return False
        item.work = None
        item.done = True
        return True

    def _start(self) -> None:
        with self._counting:
            self._started += 1
            name = f"{self._name}-{self._started}"
        self.scheduler.spawn(name, self._loop)

    def _loop(self) -> None:
        while True:
            with self._counting:
                self._idle += 1
            self.scheduler.wait(lambda: bool(self.items) or self.closed)
            with self._counting:
                self._idle -= 1
            try:
                item = self.items.popleft()
            except IndexError:
                if self.closed:
                    return
                continue  # on threads that switch where they like, another was quicker
            self._run(item)
            del item

    def _run(self, item: Item, since: int = 0) -> None:
        # The work may have begun before it was known which item it is on: at the earliest then.
        work, item.work = item.work, None
        assert work is not None
        attempt = item.attempt
        if attempt is not None:
            attempt.start = (since or tick(), 0)
        try:
            self.call(*work)
        except Exception as error:
            self.raised.append(error.with_traceback(None))
        del work
        if attempt is not None:
            attempt.finish = (attempt.finish[0], tick())
            if attempt.callback is not None:
                attempt.callback()
        item.done = True

    def call(self, function: Callable[..., Any] | None, args: tuple[Any, ...]) -> None:
        """Do one item's work."""
        if function is not None:
            function(*args)


class NestedPool(ControlledPool):
    """The pool to which workers give a part of their work."""

    def submit(self, function: Callable[..., Any] | None, *args: Any) -> Item:
        """Queue a call; the boundaries name this function in `pools`."""
        if self._idle <= len(self.items):
            self._start()  # whoever waits for a nested task must not keep it from running
        return super().submit(function, *args)
