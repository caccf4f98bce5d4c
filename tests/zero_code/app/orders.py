"""A host that has nothing to do with ELSPETH: a hand-written queue with one thread, and a ledger in SQLite."""

from __future__ import annotations

import queue
import sqlite3
import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Order:
    """A row."""

    id: str


@dataclass
class Desk:
    """The context that all orders share."""

    order: Order | None = None


class Ledger:
    """Files entries in SQLite."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("create table calls (order_id text, text text)")

    def post(self, order_id: str, text: str) -> None:
        """File one entry."""
        self.connection.execute("insert into calls values (?, ?)", (order_id, text))


class Pool:
    """Hands orders to its own thread."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.queue: queue.Queue[Any] = queue.Queue()
        self.both = threading.Event()
        self.thread = threading.Thread(target=self._loop)
        self.thread.start()

    def enqueue(self, order: Order, ctx: Desk) -> None:
        """Hand an order over."""
        self.queue.put((order, ctx))

    def _loop(self) -> None:
        while (item := self.queue.get()) is not None:
            self._run(*item)

    def _run(self, order: Order, ctx: Desk) -> None:
        assert self.both.wait(20)
        assert ctx.order is not None
        self.ledger.post(ctx.order.id, order.id)
