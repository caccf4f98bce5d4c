"""What Ray runs: tasks, and methods of actors. Where it is decorated, no function is left in this module."""

from __future__ import annotations

import asyncio
import threading
from importlib import import_module
from typing import Any

import yard

ray: Any = import_module("ray")


@ray.remote
def bill(row: Any, desk: Any, _late: Any = None) -> Any:
    """File a row under what its desk says."""
    yard.file(row, desk.row)
    return row


def plain(row: Any, desk: Any) -> None:
    """The same; it is made a task where it is used."""
    yard.file(row, desk.row)


@ray.remote
def shared(row: Any, desk: Any) -> None:
    """The same of a desk that was put once for all."""
    yard.file(row, desk.row)


@ray.remote(max_retries=1, retry_exceptions=True)
def flaky(row: Any, desk: Any) -> None:
    """File a row when it is tried again."""
    mark = yard.HERE / f"tried-{row}"
    if not mark.exists():
        mark.touch()
        raise OSError(row)
    yard.file(row, desk.row)


class Pairs:
    """Has what its calls share, of which two run at a time."""

    row: Any = None

    def __init__(self) -> None:
        self.pair = threading.Barrier(2, timeout=30)


@ray.remote
class Counter(Pairs):
    """In threads."""

    def own(self, row: Any) -> None:
        """Keep the row on itself: of a pair, one is wrong."""
        self.row = row
        self.pair.wait()
        yard.file(row, self.row)
        self.pair.wait()

    def bill(self, row: Any, desk: Any) -> Any:
        """File a row under what its desk says."""
        yard.file(row, desk.row)
        return self.alone(row)

    def alone(self, row: Any) -> Any:
        """Is called by it; and by itself, as any method may be."""
        return row


@ray.remote
class Waiter:
    """In an event loop."""

    def __init__(self) -> None:
        self.row: Any = None
        self.others: list[asyncio.Event] = []

    async def own(self, row: Any) -> None:
        """Keep the row on itself, and go on when there is another: of a pair, one is wrong."""
        self.row = row
        if self.others:
            self.others.pop().set()
        else:
            there = asyncio.Event()
            self.others.append(there)
            await there.wait()
        yard.file(row, self.row)
