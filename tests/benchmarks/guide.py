"""The shapes of docs/shapes.md, each as small as can be, with clean rows: each files once under an id that it reads."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, Final

from otel_handoff import Boundary, Call, HandoffInstrumentor, Mismatch
from otel_handoff.host.guard import guard

_HERE: Final = "tests.benchmarks.guide"
BURST: Final = 32


class Desk:
    """What has the id of a row."""

    def __init__(self, row: str = "") -> None:
        self.row: str = row


def file(under: str) -> None:
    """Take a filing, and keep none."""


class Host:
    """Brings rows through one pool of one thread, a burst at a time; each row of a burst has a desk of its own."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.names = [f"row {number}" for number in range(BURST)]
        self.desks = [Desk(name) for name in self.names]

    def __call__(self, rows: int) -> None:
        """Bring so many through."""
        for first in range(0, rows, BURST):
            self.burst(min(BURST, rows - first))

    def burst(self, rows: int) -> None:
        """Hand some over, and wait for them."""
        for future in [self.hand_over(row, desk) for row, desk in zip(self.names[:rows], self.desks, strict=False)]:
            future.result()

    def hand_over(self, row: str, desk: Any) -> Future[None]:
        """Hand one over."""
        return self.pool.submit(self.work, row, desk)

    def work(self, row: str, desk: Any) -> None:
        """Work function."""
        file(desk.row)


class Plain(Host):
    """A pool is given the function."""


class Closure(Host):
    """A lambda calls it."""

    def hand_over(self, row: str, desk: Any) -> Future[None]:
        """Hand one over."""
        return self.pool.submit(lambda: self.work(row, desk))


class Queued(Host):
    """A function of the host's own hands over, through a queue."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.done: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=self.serve, daemon=True).start()

    def burst(self, rows: int) -> None:
        """Hand some over, and wait for them."""
        for row, desk in zip(self.names[:rows], self.desks, strict=False):
            self.enqueue(row, desk)
        for _ in range(rows):
            self.done.get()

    def enqueue(self, row: str, desk: Any) -> None:
        """Submit function."""
        self.rows.put((row, desk))

    def serve(self) -> None:
        """Take rows."""
        while True:
            self.work(*self.rows.get())
            self.done.put(None)


class Loop(Queued):
    """The loop does the work itself."""

    def serve(self) -> None:
        """Work function."""
        while True:
            _, desk = self.rows.get()
            file(desk.row)
            self.rows.task_done()
            self.done.put(None)


class OnSelf(Host):
    """What is shared is on the object."""

    def __init__(self) -> None:
        super().__init__()
        self.stands = [Stand(row, self.pool) for row in self.names]

    def hand_over(self, row: str, desk: Any) -> Future[None]:
        """Hand one over."""
        return self.stands[self.names.index(row)].hand_over(row)


class Stand:
    """Has a desk."""

    def __init__(self, row: str, pool: ThreadPoolExecutor) -> None:
        self.pool, self.desk = pool, Desk(row)

    def hand_over(self, row: str) -> Future[None]:
        """Submit function."""
        return self.pool.submit(self.work, row)

    def work(self, row: str) -> None:
        """Work function."""
        file(self.desk.row)


class Several(OnSelf):
    """Several things are shared."""

    def hand_over(self, row: str, desk: Any) -> Future[None]:
        """Hand one over."""
        number = self.names.index(row)
        return self.pool.submit(self.both, self.stands[number], desk)

    def both(self, stand: Stand, desk: Any) -> None:
        """Work function."""
        file(desk.row)


desk_of_all: Final = Desk("row 0")


class InModule(Host):
    """It is a global: the one row of all."""

    def hand_over(self, row: str, desk: Any) -> Future[None]:
        """Submit function."""
        return self.pool.submit(self.look, row)

    def look(self, row: str) -> None:
        """Work function."""
        file(desk_of_all.row)


class Deep(Host):
    """The id lies deeper."""

    def __init__(self) -> None:
        super().__init__()
        self.desks: list[Any] = [{"meta": {"row": row}} for row in self.names]

    def work(self, row: str, desk: Any) -> None:
        """Work function."""
        file(desk["meta"]["row"])


class Batch(Host):
    """A batch of rows is handed over: four in each."""

    def burst(self, rows: int) -> None:
        """Hand some over, and wait for them."""
        parts = [self.names[first : min(first + 4, rows)] for first in range(0, rows, 4)]
        for future in [self.pool.submit(self.all_of, [{"id": row} for row in part]) for part in parts]:
            future.result()

    def all_of(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Work function."""
        for row in rows:
            file(row["id"])


class Tasks(Host):
    """Coroutines, a task for each row."""

    def burst(self, rows: int) -> None:
        """Hand some over, and wait for them."""
        asyncio.run(self.tasks(rows))

    async def tasks(self, rows: int) -> None:
        """Make a task of each."""
        made = [asyncio.create_task(self.step(desk)) for desk in self.desks[:rows]]
        await asyncio.gather(*made)

    async def step(self, desk: Any) -> None:
        """Work function."""
        await asyncio.sleep(0)
        file(desk.row)


current: Final = ContextVar("current", default="")


class Variable(Host):
    """The id is in a ContextVar."""

    def hand_over(self, row: str, desk: Any) -> Future[None]:
        """Hand one over."""
        current.set(row)
        return self.pool.submit(self.take, row)

    def take(self, row: str) -> None:
        """Work function: what it files is its own, as in `observe` its thread has no variable."""
        current.get()
        file(row)


class Trace(Host):
    """Only the trace is to arrive."""


HOSTS: Final[Mapping[str, type[Host]]] = {
    (kind.__doc__ or "").split(":")[0].rstrip("."): kind
    for kind in (*(Plain, Closure, Queued, Loop, OnSelf, Several, InModule, Deep, Batch, Tasks, Variable, Trace),)
}

_DECLARED: Final[Mapping[type[Host], Mapping[str, Any]]] = {
    Queued: {"submit": f"{_HERE}:Queued.enqueue"},
    Loop: {"work": f"{_HERE}:Loop.serve", "takes": "queue:Queue.get", "context": "item.1"},
    OnSelf: {"submit": f"{_HERE}:Stand.hand_over", "work": f"{_HERE}:Stand.work", "context": "self.desk"},
    Several: {
        "work": f"{_HERE}:Several.both",
        "context": ("desk", "stand.desk"),
        "fields": {"row": "desk.row", "other": "stand.desk.row"},
    },
    InModule: {
        "submit": f"{_HERE}:InModule.hand_over",
        "work": f"{_HERE}:InModule.look",
        "context": f"{_HERE}:desk_of_all",
    },
    Deep: {"work": f"{_HERE}:Deep.work", "fields": {"row": "meta.row"}},
    Batch: {"work": f"{_HERE}:Batch.all_of", "context": None, "fields": None, "ids": {"row": "rows.*.id"}},
    Tasks: {"work": f"{_HERE}:Tasks.step"},
    Variable: {
        "work": f"{_HERE}:Variable.take",
        "context": None,
        "fields": None,
        "ids": {"row": "row"},
        "contextvars": True,
    },
    Trace: {"fields": {}, "calls": ()},
}


def boundary(kind: type[Host]) -> Boundary:
    """Return what the guide says to write for it."""
    declared: dict[str, Any] = {
        "name": kind.__name__.lower(),
        "work": f"{_HERE}:Host.work",
        "context": "desk",
        "fields": {"row": "row"},
        "calls": (Call(f"{_HERE}:file", ids={"row": "under"}),),
        **_DECLARED.get(kind, {}),
    }
    return Boundary(**{name: value for name, value in declared.items() if value is not None})


def shape(name: str, mode: str) -> Callable[..., Any]:
    """Return what brings rows through a shape, and tells what came of it; `bare` as mode is without otel-handoff."""
    kind = HOSTS[name]
    if mode == "bare":
        return kind()
    mismatches: list[Mismatch] = []
    instrumentor: Any = HandoffInstrumentor()
    instrumentor.instrument(boundaries=[boundary(kind)], mode=mode, on_mismatch=mismatches.append)
    host = kind()
    counts: Any = instrumentor._handoffs[0].counts

    def run(rows: int) -> dict[str, int]:
        before = counts.submissions.value
        host(rows)
        return {
            "submissions": counts.submissions.value - before,
            "mismatches": len(mismatches),
            "internal_errors": guard.errors.value,
        }

    return run
