"""A worker that is pinned at the read hands its context on: that row begins with what the worker sees there."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from otel_handoff import Boundary, Call
from tests.hazards.conftest import Instrument
from tests.hosts import WAIT
from tests.telemetry import Telemetry

HERE = __name__
filed: list[tuple[str, Any]] = []


def file(step: str, under: Any) -> None:
    """What files something."""
    filed.append((step, under))


class Inner:
    """What a desk holds."""

    def __init__(self, row: str) -> None:
        self.row = row


class Desk:
    """The context."""

    def __init__(self, row: str) -> None:
        self.row = row
        self.inner = Inner(row)

    def move_on(self, row: str) -> None:
        """Serve another, in all that it holds."""
        self.row = self.inner.row = row


class Flow:
    """Two steps on one desk: the first hands over to the second when the submitting thread has gone on."""

    def __init__(self) -> None:
        self.firsts, self.seconds = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self.begun, self.go = threading.Event(), threading.Event()
        self.rows: queue.Queue[Any] = queue.Queue()
        self.later: queue.Queue[Any] = queue.Queue()

    def hold(self) -> None:
        self.begun.set()
        assert self.go.wait(WAIT)

    def run(self, start: Callable[[Desk], Any]) -> None:
        desk = Desk("a")
        handed = start(desk)
        assert self.begun.wait(WAIT)
        desk.move_on("b")
        self.go.set()
        handed.result(WAIT)
        self.firsts.shutdown()
        self.seconds.shutdown()

    # the second step is handed over to a pool: by a function of the host's own, or not

    def submit(self, desk: Desk, step: str) -> Any:
        return (self.firsts if step == "first" else self.seconds).submit(self.work, desk, step)

    def work(self, desk: Desk, step: str) -> None:
        if step == "first":
            self.hold()
            self.submit(desk, "second").result(WAIT)
        file(step, desk.row)

    def first(self, desk: Desk) -> None:
        self.hold()
        self.seconds.submit(self.second, desk).result(WAIT)
        file("first", desk.row)

    def second(self, desk: Desk) -> None:
        file("second", desk.row)

    def deep(self, desk: Desk) -> None:
        self.hold()
        self.seconds.submit(self.deeper, desk).result(WAIT)
        file("first", desk.inner.row)

    def deeper(self, desk: Desk) -> None:
        file("second", desk.inner.row)

    def enclosing(self, desk: Desk) -> None:
        self.hold()
        self.seconds.submit(lambda: self.second(desk)).result(WAIT)
        file("first", desk.row)

    def calling_back(self, desk: Desk) -> None:
        self.hold()
        done: Future[None] = Future()
        done.add_done_callback(self.called_back(desk))
        done.set_result(None)
        file("first", desk.row)

    def called_back(self, desk: Desk) -> Callable[[Any], None]:
        return lambda _: self.second(desk)

    # from queue to queue

    def serve(self) -> None:
        while (desk := self.rows.get()) is not None:
            self.hold()
            self.later.put(desk)
            file("first", desk.row)
            self.rows.task_done()
        self.later.put(None)

    def serve_later(self) -> None:
        while (desk := self.later.get()) is not None:
            file("second", desk.row)
            self.later.task_done()

    def queues(self, desk: Desk) -> Any:
        self.rows.put(desk)
        self.rows.put(None)
        self.seconds.submit(self.serve_later)
        return self.firsts.submit(self.serve)


async def task(desk: Desk, go: asyncio.Event) -> None:
    """A task that begins another, and waits for it."""
    await go.wait()
    await asyncio.create_task(subtask(desk))
    file("first", desk.row)


async def subtask(desk: Desk) -> None:
    """The other."""
    await asyncio.sleep(0)
    file("second", desk.row)


def tasks(_flow: Flow) -> None:
    """Run both."""

    async def together() -> None:
        desk, go = Desk("a"), asyncio.Event()
        begun = asyncio.create_task(task(desk, go))
        desk.move_on("b")
        go.set()
        await begun

    asyncio.run(together())


def declare(work: str, name: str = "desk", **options: Any) -> Boundary:
    """Declare a boundary."""
    declared: dict[str, Any] = {
        "name": name,
        "context": "desk",
        "fields": {"row": "row"},
        "pins": "read",
        "calls": [Call(f"{HERE}:file", {"row": "under"})],
    }
    return Boundary(work=f"{HERE}:{work}", **{**declared, **options})


DEEP: Any = {"fields": {"row": "inner.row"}}
COPY: Any = {"pins": "copy"}
SECOND = declare("Flow.second", "second")
SHAPES: dict[str, tuple[list[Boundary], Callable[[Flow], None]]] = {
    "submit, of one boundary": (
        [declare("Flow.work", submit=f"{HERE}:Flow.submit")],
        lambda flow: flow.run(lambda desk: flow.submit(desk, "first")),
    ),
    "one boundary": (
        [declare("Flow.work")],
        lambda flow: flow.run(lambda desk: flow.firsts.submit(flow.work, desk, "first")),
    ),
    "two boundaries": (
        [declare("Flow.first"), SECOND],
        lambda flow: flow.run(lambda desk: flow.firsts.submit(flow.first, desk)),
    ),
    "the inner one by a copy": (
        [declare("Flow.first"), declare("Flow.second", "second", **COPY)],
        lambda flow: flow.run(lambda desk: flow.firsts.submit(flow.first, desk)),
    ),
    "below the context": (
        [declare("Flow.deep", **DEEP), declare("Flow.deeper", "second", **DEEP)],
        lambda flow: flow.run(lambda desk: flow.firsts.submit(flow.deep, desk)),
    ),
    "below, the inner one by a copy": (
        [declare("Flow.deep", **DEEP), declare("Flow.deeper", "second", **DEEP, **COPY)],
        lambda flow: flow.run(lambda desk: flow.firsts.submit(flow.deep, desk)),
    ),
    "a lambda": (
        [declare("Flow.enclosing"), SECOND],
        lambda flow: flow.run(lambda desk: flow.firsts.submit(flow.enclosing, desk)),
    ),
    "a done callback": (
        [declare("Flow.calling_back"), SECOND],
        lambda flow: flow.run(lambda desk: flow.firsts.submit(flow.calling_back, desk)),
    ),
    "from queue to queue": (
        [
            declare("Flow.serve", takes="queue:Queue.get", context="item"),
            declare("Flow.serve_later", "second", takes="queue:Queue.get", context="item"),
        ],
        lambda flow: flow.run(flow.queues),
    ),
    "a task in a task": ([declare("task"), declare("subtask", "second")], tasks),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_its_worker_sees(shape: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is handed on: both steps file the row's own id, and it is told what they were spared."""
    filed.clear()
    boundaries, run = SHAPES[shape]
    instrument("pin", boundaries=boundaries)
    run(Flow())
    assert sorted(filed) == [("first", "a"), ("second", "a")]
    assert {(dict(m.submission.ids)["row"], m.outcome) for m in telemetry.mismatches} == {("a", "prevented")}
    assert {key: value for key, value in telemetry.unchecked().items() if key != "call_not_seen"} == {}
