"""huggingface/lerobot#4327 and its like, in small: the declared function is there, and the worker calls another object.

`override`: a subclass's. `registry`: what a registry took when its module was run. `bound`: a method that was bound
before any row. `control`: the function itself.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, refusing
from tests.reports.expected import Expected

EXPECTED = Expected(shared="`ctx.row`, by all rows", records=4, wrong=3)
ROWS = [f"row-{n}" for n in range(4)]
all_handed_over = threading.Event()


class Context:
    """What is being worked on."""

    row: str | None = None


Handler = Callable[[str, Context], None]
H = TypeVar("H", bound=Handler)
registry: dict[str, Handler] = {}


def register(function: H) -> H:
    registry[function.__name__] = function
    return function


@register
def handle(owner: str, ctx: Context) -> None:
    assert all_handed_over.wait(WAIT)
    save(owner, ctx.row)


def save(owner: str, row: str | None) -> None:
    books.file(owner, row)


class Base:
    """What subclasses fill in."""

    def execute(self, owner: str, ctx: Context) -> None:
        raise NotImplementedError


class Upper(Base):
    """One of them."""

    def execute(self, owner: str, ctx: Context) -> None:
        assert all_handed_over.wait(WAIT)
        save(owner, ctx.row)


class Plain:
    """Does it itself."""

    def execute(self, owner: str, ctx: Context) -> None:
        assert all_handed_over.wait(WAIT)
        save(owner, ctx.row)


bound = Plain().execute
WORK = {"override": "Base.execute", "control": "Plain.execute"}
LOOPS = ("registry", "bound")


class Pool:
    """A queue with a thread."""

    def __init__(self, work: Callable[[], Handler]) -> None:
        self.queue: queue.Queue[tuple[str, Context]] = queue.Queue()
        self.work = work
        threading.Thread(target=self.loop, daemon=True).start()

    def put(self, owner: str, ctx: Context) -> None:
        self.queue.put((owner, ctx))

    def loop(self) -> None:
        while True:
            owner, ctx = self.queue.get()
            with refusing():
                self.work()(owner, ctx)
            self.queue.task_done()


def declared(variant: str) -> Boundary:
    fields, calls = {"row": "row"}, [Call(f"{__name__}:save", {"row": "row"})]
    if variant in LOOPS:  # what it calls cannot be had by name any more: its loop can
        loop, get = f"{__name__}:Pool.loop", "queue:Queue.get"
        return Boundary("rows", work=loop, takes=get, context="item.1", fields=fields, calls=calls)
    put, work = f"{__name__}:Pool.put", f"{__name__}:{WORK[variant]}"
    return Boundary("rows", submit=put, work=work, context="ctx", fields=fields, calls=calls)


def run(variant: str) -> None:
    works: dict[str, Callable[[], Handler]] = {
        "override": lambda: Upper().execute,
        "registry": lambda: registry["handle"],
        "bound": lambda: bound,
        "control": lambda: Plain().execute,
    }
    ctx, pool = Context(), Pool(works[variant])
    for row in ROWS:
        with books.request(row):
            ctx.row = row  # the write
            pool.put(row, ctx)
    all_handed_over.set()
    pool.queue.join()
