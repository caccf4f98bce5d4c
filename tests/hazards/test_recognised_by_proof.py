"""Which worker is which row's is known by what proves it, however the host hands the row over."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import queue
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import Future
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffMismatchError
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, OwnHost, declare, filed_by_a
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry


class Template(OwnHost):
    """The work is left to subclasses."""

    def work(self, ctx: Any, body: Body) -> Any:
        raise NotImplementedError


class Implements(Template):
    """Overrides it."""

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


class Plain(OwnHost):
    """As usual."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.work, ctx, body)

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


class Extends(Plain):
    """Extends both functions, by names of its own for their parameters."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return super().submit(ctx, body)

    def work(self, ctx: Any, body: Body) -> Any:
        return super().work(ctx, body)


class Registry(OwnHost):
    """Keeps its bound methods in a table, with the work function as what is run otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.table = {"plain": self.work}

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.table["plain"] if self.table else self.work, ctx, body)


def decorated(function: Any) -> Any:
    """Call through."""
    return functools.wraps(function)(lambda *args: function(*args))


class Decorates(OwnHost):
    """Each instance decorates its own method."""

    def __init__(self) -> None:
        super().__init__()
        self.work = decorated(self.work)  # type: ignore[method-assign]


class NamesItForALine(OwnHost):
    """Names the work function for a log line, and hands something else over that calls it."""

    def submit(self, ctx: Any, body: Body) -> Any:
        logging.getLogger("desk").debug("to %s", self.work)
        return self.pool.submit(self.later, ctx, body)

    def later(self, ctx: Any, body: Body) -> Any:
        """Call the work function."""
        return self.work(ctx, body)


class OfTheClass(OwnHost):
    """Passes the function of the class, with the instance."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(OfTheClass.work, self, ctx, body)


class Loop(OwnHost):
    """Has an event loop on a thread of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def hand_over(self, ctx: Any, body: Body) -> Any:
        return asyncio.run_coroutine_threadsafe(self.begin(ctx, body), self.loop)

    async def begin(self, ctx: Any, body: Body) -> Any:
        """Await what the submit function returns."""
        return await self.submit(ctx, body)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        super().close()


class InExecutor(Loop):
    """An asynchronous service with a pool."""

    async def submit(self, ctx: Any, body: Body) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, self.work, ctx, body)


class ToThread(Loop):
    """The same with the loop's own pool; something is awaited before."""

    async def submit(self, ctx: Any, body: Body) -> Any:
        await asyncio.sleep(0)
        return await asyncio.to_thread(self.work, ctx, body)


class AsyncGenerates(Loop):
    """An asynchronous generator that hands over."""

    async def submit(self, ctx: Any, body: Body) -> AsyncGenerator[Any]:  # type: ignore[override]
        await asyncio.sleep(0)
        yield await asyncio.to_thread(self.work, ctx, body)

    async def begin(self, ctx: Any, body: Body) -> Any:
        return [done async for done in self.submit(ctx, body)]


class Generates(OwnHost):
    """A generator that hands over."""

    def submit(self, ctx: Any, body: Body) -> Generator[Any]:
        yield self.pool.submit(self.work, ctx, body)

    def hand_over(self, ctx: Any, body: Body) -> Any:
        (handed,) = self.submit(ctx, body)
        return handed


class Aliased(OwnHost):
    """Is called by other names of the same functions."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.run, ctx, body)

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)

    enqueue = submit
    run = work

    def hand_over(self, ctx: Any, body: Body) -> Any:
        return self.enqueue(ctx, body)


class WorkObject:
    """Is called, and given no instance."""

    def __call__(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


class CallsAnObject(OwnHost):
    """Its work is an object in the class body."""

    work = WorkObject()  # type: ignore[assignment]


class SubmitObject:
    """Hands over for the host that it is given."""

    def __call__(self, ctx: Any, body: Body) -> Any:
        host: Any = SubmitsByAnObject.latest
        return host.pool.submit(host.work, ctx, body)


class SubmitsByAnObject(OwnHost):
    """Its submit function is an object in the class body."""

    latest: Any = None
    submit = SubmitObject()  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        SubmitsByAnObject.latest = self


class Partial(OwnHost):
    """Binds the arguments beforehand."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(functools.partial(self.work, ctx, body=body))


PLAIN: list[type[Any]] = [
    *(Plain, Registry, Decorates, NamesItForALine, OfTheClass, InExecutor, ToThread),
    *(AsyncGenerates, Generates, Aliased, CallsAnObject, SubmitsByAnObject, Partial),
]
HOSTS: dict[type[Any], type[Any]] = {Implements: Template, Extends: Plain, **{host: host for host in PLAIN}}
"""By host: the class that is declared."""

CAME_OF_IT = {
    "observe": ("B", ("A", "call", "used", {"order_id": "B"})),
    "strict": ("blocked", ("A", "call", "blocked", {"order_id": "B"})),
    "pin": ("A", ("A", "read", "prevented", {"order_id": "B"})),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
def test_a_worker_is_recognised(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Its wrong id is found, blocked or cured, and the row is counted as judged."""
    instrument(mode, boundaries=[declare(HOSTS[host])])
    filed, news = CAME_OF_IT[mode]
    assert filed_by_a(host()) == filed
    assert told(telemetry) == [news]
    assert [span.name for span in telemetry.spans("process desk")] == ["process desk"]
    assert telemetry.unchecked() == {}


class PostObject:
    """Is called, and given no instance."""

    def __call__(self, order_id: Any) -> Any:
        return order_id


class Books:
    """Posts by an object in the class body."""

    post = PostObject()


class FilesByAnObject(OwnHost):
    """Files there, when the submitting thread went on."""

    def work(self, ctx: Any, body: Body) -> Any:
        body(ctx)
        with contextlib.suppress(HandoffMismatchError):
            Books().post(ctx.order_id)


@pytest.mark.parametrize("mode", MODES)
def test_a_call_by_an_object(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is seen, on an instance too, with the arguments that it was given."""
    post = Call(f"{__name__}:Books.post", {"order_id": "order_id"})
    instrument(mode, boundaries=[declare(FilesByAnObject, calls=[post])])
    assert Books().post("C") == Books.post("C") == "C"
    filed_by_a(FilesByAnObject())
    assert told(telemetry) == [CAME_OF_IT[mode][1]]
    assert telemetry.unchecked() == {}


class Task:
    """A row with its work; the context is everybody's."""

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        self.done: Future[Any] = Future()

    def work(self, ctx: Any) -> None:
        """File the order."""
        try:
            self.done.set_result(Ledger().post(ctx.order_id, self.order_id))
        except Exception as error:
            self.done.set_exception(error)


class Dispatcher:
    """Has its tasks run by a thread that takes the newest one first."""

    def __init__(self) -> None:
        self.tasks: queue.LifoQueue[tuple[Task, Any]] = queue.LifoQueue()

    def submit(self, task: Task, ctx: Any) -> None:
        """Submit function."""
        self.tasks.put((task, ctx))

    def run(self) -> None:
        """Run them all, on a thread of its own."""
        thread = threading.Thread(target=self._run)
        thread.start()
        thread.join()

    def _run(self) -> None:
        while not self.tasks.empty():
            task, ctx = self.tasks.get()
            task.work(ctx)


@pytest.mark.parametrize("mode", MODES)
def test_a_task_whose_method_is_the_work(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Rows with one shared context are told apart by the object that was handed over with each, whatever the order."""
    where = "tests.hazards.test_recognised_by_proof"
    calls = [Call("tests.hosts:Ledger.post", {"order_id": "order_id"})]
    submit, work = f"{where}:Dispatcher.submit", f"{where}:Task.work"
    instrument(mode, boundaries=[Boundary("desk", submit, work, fields={"order_id": "order_id"}, calls=calls)])
    dispatcher, ctx, tasks = Dispatcher(), Desk(), [Task(name) for name in "ABCD"]
    for task in tasks:
        ctx.order_id = task.order_id
        dispatcher.submit(task, ctx)
    dispatcher.run()
    came_of_it = [task.done.exception(WAIT) is None and task.done.result(WAIT) for task in tasks]
    expected = {"observe": ["D:A", "D:B", "D:C", "D:D"], "strict": [False] * 3 + ["D:D"]}
    assert came_of_it == expected.get(mode, ["A:A", "B:B", "C:C", "D:D"])
    evidence, outcome = {"observe": ("call", "used"), "strict": ("call", "blocked")}.get(mode, ("read", "prevented"))
    assert sorted(told(telemetry)) == [(name, evidence, outcome, {"order_id": "D"}) for name in "ABC"]
    assert telemetry.unchecked() == {}


SHARED = Desk("A")


class Flagged:
    """The functions share no parameter, and are given what any row is."""

    def submit(self, urgent: bool) -> None:
        self.urgent = urgent

    def work(self, now: bool) -> Any:
        assert now
        return Ledger().post(SHARED.order_id, "entry")


def test_a_flag_proves_nothing(instrument: Instrument, telemetry: Telemetry) -> None:
    """Another's worker that is given True as well is not known to be the row's."""
    instrument("observe", boundaries=[declare(Flagged, context=f"{__name__}:SHARED")])
    Flagged().submit(True)
    assert Flagged().work(True) == "A:entry"
    assert telemetry.spans("process desk") == []
    assert telemetry.unchecked() == {"no_submission": 1}
