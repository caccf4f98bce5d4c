"""ross/requests-futures#143, in small: the submit function uses a name that the work function has as well.

`class`: it looks the work function up on its class, `pool.submit(Shop.bill, self, ...)`. `backend`: it calls another
object's method of that name, as `self.backend.run(task)` where the work is `Task.run`. `control`: another name.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, refusing, settle
from tests.reports.expected import Expected

EXPECTED = Expected(shared="`ctx.order`, by all orders", records=4, wrong=3)
ORDERS = [f"order-{n}" for n in range(4)]
all_handed_over = threading.Event()


class Context:
    """What is being served."""

    order: str | None = None


def post(owner: str, order: str | None) -> None:
    books.file(owner, order)


class Shop:
    """Hands over by its class."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    def enqueue(self, order: str, ctx: Context) -> Future[None]:
        return self.pool.submit(Shop.bill, self, order, ctx)

    def bill(self, order: str, ctx: Context) -> None:
        assert all_handed_over.wait(WAIT)
        post(order, ctx.order)


class Task:
    """Is handed over itself."""

    def __init__(self, order: str) -> None:
        self.order = order

    def run(self, ctx: Context) -> None:
        self.execute(ctx)

    def execute(self, ctx: Context) -> None:
        assert all_handed_over.wait(WAIT)
        post(self.order, ctx.order)


class Backend:
    """A queue with a thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.queue: queue.Queue[tuple[Task, Context]] = queue.Queue()
        threading.Thread(target=self.loop, daemon=True).start()

    def run(self, task: Task, ctx: Context) -> None:
        self.queue.put((task, ctx))

    def loop(self) -> None:
        while True:
            task, ctx = self.queue.get()
            with refusing():
                getattr(task, self.name)(ctx)
            self.queue.task_done()


class Dispatcher:
    """Hands tasks to a backend."""

    def __init__(self, name: str) -> None:
        self.backend = Backend(name)

    def dispatch(self, task: Task, ctx: Context) -> None:
        self.backend.run(task, ctx)


def declared(variant: str) -> Boundary:
    declaration: dict[str, Any] = {
        "context": "ctx",
        "fields": {"order": "order"},
        "calls": [Call(f"{__name__}:post", {"order": "order"})],
    }
    if variant == "class":
        return Boundary("shop", submit=f"{__name__}:Shop.enqueue", work=f"{__name__}:Shop.bill", **declaration)
    work = f"{__name__}:Task.{'run' if variant == 'backend' else 'execute'}"
    return Boundary("tasks", submit=f"{__name__}:Dispatcher.dispatch", work=work, **declaration)


def run(variant: str) -> None:
    ctx, shop, dispatcher = Context(), Shop(), Dispatcher("run" if variant == "backend" else "execute")
    billed: list[Future[None]] = []
    for order in ORDERS:
        with books.request(order):
            ctx.order = order  # the write
            if variant == "class":
                billed.append(shop.enqueue(order, ctx))
            else:
                dispatcher.dispatch(Task(order), ctx)
    all_handed_over.set()
    settle(billed)
    dispatcher.backend.queue.join()
