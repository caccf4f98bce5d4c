"""A small host whose work is a coroutine, a generator or an asynchronous generator, and what it is driven by."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any

from otel_handoff import current_submission
from tests.hazards.one_row import Desk
from tests.hosts import Ledger

Body = Callable[[Any], Coroutine[Any, Any, Any]]


def whose() -> Any:
    """Return the id of the row that is current."""
    submission = current_submission()
    return submission and submission.ids["order_id"]


async def filing(ctx: Any) -> Any:
    """Wait, and file what the context has by then."""
    await asyncio.sleep(0)
    Ledger().post(ctx.order_id, "entry")
    await asyncio.sleep(0)
    return whose()


class Tasks:
    """Hands over to a task of its own."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return asyncio.create_task(self.work(ctx, body))

    async def work(self, ctx: Any, body: Body) -> Any:
        return await body(ctx)


class AsyncTasks(Tasks):
    """The function that hands over is a coroutine, too."""

    async def submit(self, ctx: Any, body: Body) -> Any:
        await asyncio.sleep(0)
        return asyncio.create_task(self.work(ctx, body))


class Queued(Tasks):
    """A hand-written queue, whose worker looks the work function up by itself."""

    def __init__(self) -> None:
        self.rows: asyncio.Queue[Any] = asyncio.Queue()
        self.worker: Any = None

    def submit(self, ctx: Any, body: Body) -> Any:
        if self.worker is None:
            self.worker = asyncio.create_task(self.loop())  # in the midst of the first row
        done = asyncio.get_running_loop().create_future()
        self.rows.put_nowait((ctx, body, done))
        return done

    async def loop(self) -> None:
        while True:
            ctx, body, done = await self.rows.get()
            try:
                done.set_result(await self.work(ctx, body))
            except Exception as error:
                done.set_exception(error)
            del ctx, body, done


class Plain(Tasks):
    """The work function is a plain one, which returns a coroutine."""

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


class Steps:
    """The work is a generator; who iterates it is handed it."""

    def submit(self, ctx: Any, body: Any) -> Any:
        return self.work(ctx, body)

    def work(self, ctx: Any, body: Any) -> Generator[Any, Any, Any]:
        steps: Generator[Any, Any, Any] = body(ctx)
        return (yield from steps)


class AsyncSteps:
    """The work is an asynchronous generator."""

    def submit(self, ctx: Any, body: Any) -> Any:
        return self.work(ctx, body)

    async def work(self, ctx: Any, body: Any) -> AsyncGenerator[Any, Any]:
        async with contextlib.aclosing(body(ctx)) as made:
            async for one in made:
                yield one


async def rows(host: Any, body: Body, names: str = "AB", ctx: Any = None) -> list[Any]:
    """Hand orders over, one after the other on one context; then let them be worked on."""
    ctx = Desk() if ctx is None else ctx
    handed: list[Any] = []
    for name in names:
        ctx.order_id = name
        done = host.submit(ctx, body)
        handed.append(await done if asyncio.iscoroutine(done) else done)
    return await asyncio.gather(*handed, return_exceptions=True)
