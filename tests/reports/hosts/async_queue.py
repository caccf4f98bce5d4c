"""ogx-ai/ogx#5168, in small: a task that the first request begins does the writes of all, from an `asyncio.Queue`.

It has the first request's trace for ever, and all requests fill in one record, which it reads late.
"""

from __future__ import annotations

import asyncio

from otel_handoff import Boundary, Call
from tests.reports.books import books, refusing
from tests.reports.expected import Expected

EXPECTED = Expected(shared="`record.request`, by all requests", records=4, wrong=3)


class Record:
    """What is written behind the request's back."""

    request: str | None = None


class Store:
    """Writes in a task of its own."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[str, Record]] = asyncio.Queue()
        self.worker: asyncio.Task[None] | None = None

    async def enqueue(self, item: str, record: Record) -> None:
        if self.worker is None:
            self.worker = asyncio.create_task(self.loop())
        await self.queue.put((item, record))

    async def loop(self) -> None:
        while True:
            item, record = await self.queue.get()
            with refusing():
                await self.write(item, record)
            self.queue.task_done()

    async def write(self, item: str, record: Record) -> None:
        await asyncio.sleep(0)
        save(item, record.request)


def save(owner: str, request: str | None) -> None:
    books.file(owner, request)


def declared() -> Boundary:
    return Boundary(
        "store",
        submit=f"{__name__}:Store.enqueue",
        work=f"{__name__}:Store.write",
        context="record",
        fields={"request": "request"},
        calls=[Call(f"{__name__}:save", {"request": "request"})],
    )


def run() -> None:
    async def main() -> None:
        store, record = Store(), Record()
        for n in range(4):
            with books.request(f"r{n}"):
                record.request = f"r{n}"  # the write
                await store.enqueue(f"r{n}", record)
        await store.queue.join()
        assert store.worker is not None
        store.worker.cancel()

    asyncio.run(main())
