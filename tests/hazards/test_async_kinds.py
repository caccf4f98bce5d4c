"""Coroutines as work under each event loop, and where they meet: nested rows, and a host that was reported."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace

from otel_handoff import Boundary, Call, HandoffInstrumentor, HandoffMismatchError, current_submission
from tests.hazards.async_host import Tasks, filing, rows, whose
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk, declare
from tests.hazards.rows import told
from tests.hosts import Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
OUTCOMES: Any = {"observe": ("call", "used"), "strict": ("call", "blocked"), "pin": ("read", "prevented")}


def needs(*names: str) -> list[Any]:
    """Import what the extra `test` brings, or skip."""
    found: list[Any] = []
    for name in names:
        try:
            found.append(importlib.import_module(name))
        except ImportError:
            pytest.skip(f"{name} is not installed: pip install {' '.join(names)}")
    return found


# -- other loops


class Nursery:
    """Hands over to a task group of anyio's."""

    def __init__(self, group: Any, anyio: Any) -> None:
        self.group = group
        self.anyio = anyio
        self.done: list[Any] = []

    def submit(self, ctx: Any) -> None:
        """Submit function."""
        self.group.start_soon(self.work, ctx)

    async def work(self, ctx: Any) -> None:
        """Work function."""
        try:
            before = whose()
            await self.anyio.sleep(0)
            Ledger().post(ctx.order_id, "entry")
            in_thread = await self.anyio.to_thread.run_sync(whose)
            with self.anyio.move_on_after(0):
                await self.anyio.sleep_forever()
            self.done.append((before, in_thread, whose()))
        except HandoffMismatchError:
            self.done.append("blocked")


def trio_backend() -> dict[str, Any]:
    """Anyio on trio."""
    needs("anyio", "trio")
    return {"backend": "trio"}


def asyncio_backend() -> dict[str, Any]:
    """Anyio on asyncio."""
    needs("anyio")
    return {"backend": "asyncio"}


def uvloop_backend() -> dict[str, Any]:
    """Anyio on uvloop."""
    needs("anyio", "uvloop")
    return {"backend": "asyncio", "backend_options": {"use_uvloop": True}}


BACKENDS = pytest.mark.parametrize("backend", [asyncio_backend, uvloop_backend, trio_backend])


@IN_EACH_MODE
@BACKENDS
def test_a_task_group_of_anyio(
    backend: Callable[[], dict[str, Any]], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """The first row's wrong record is found; its cancelled scopes and threads are its own."""
    options = backend()
    (anyio,) = needs("anyio")
    instrument(mode, boundaries=[declare(Nursery)])

    async def main() -> list[Any]:
        ctx = Desk()
        async with anyio.create_task_group() as group:
            host = Nursery(group, anyio)
            for name in "AB":
                ctx.order_id = name
                host.submit(ctx)
        return host.done

    done = anyio.run(main, **options)
    assert sorted(done, key=str) == [
        ("A",) * 3 if mode != "strict" else ("B",) * 3,
        "blocked" if mode == "strict" else ("B",) * 3,
    ]
    assert told(telemetry) == [("A", *OUTCOMES[mode], {"order_id": "B"})]
    assert telemetry.points("handoff.in_flight") == {(("handoff.boundary", "desk"),): 0}
    assert telemetry.unchecked() == {}


class TrioTasks:
    """The same without anyio, and an asynchronous generator that trio is to finalise."""

    def __init__(self, nursery: Any, trio: Any, log: list[Any]) -> None:
        self.nursery, self.trio, self.log = nursery, trio, log

    def submit(self, ctx: Any) -> None:
        """Submit function."""
        self.nursery.start_soon(self.work, ctx)

    async def work(self, ctx: Any) -> None:
        """Work function."""
        await self.trio.lowlevel.checkpoint()
        task = self.trio.lowlevel.current_task()
        self.log.append((whose(), task.name, len(list(task.iter_await_frames()))))


class TrioSteps:
    """The work is an asynchronous generator, dropped half-way."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def submit(self, ctx: Any) -> Any:
        """Submit function."""
        return self.work(ctx)

    async def work(self, ctx: Any) -> Any:
        """Work function."""
        try:
            yield whose()
        finally:
            self.log.append(whose())


def test_trio_itself(instrument: Instrument, telemetry: Telemetry) -> None:
    """It looks into the frame of what it runs, and through what that waits for."""
    (trio,) = needs("trio")
    instrument("observe", boundaries=[declare(TrioTasks, calls=[]), declare(TrioSteps, name="steps", calls=[])])
    log: list[Any] = []

    async def steps() -> None:
        async for one in TrioSteps(log).submit(Desk("B")):
            assert one == "B"
            break
        await trio.testing.wait_all_tasks_blocked()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            TrioTasks(nursery, trio, log).submit(Desk("A"))
        with pytest.warns(ResourceWarning, match=r"TrioSteps\.work"):
            await steps()

    needs("trio.testing")
    trio.run(main)
    assert log == [("A", "tests.hazards.test_async_kinds.TrioTasks.work", 1), "B"]
    assert set(telemetry.points("handoff.in_flight").values()) == {0}
    assert told(telemetry) == []


def test_uvloop_itself(instrument: Instrument, telemetry: Telemetry) -> None:
    """Its tasks are asyncio's, its transports are not."""
    (uvloop,) = needs("uvloop")
    instrument("observe", boundaries=[declare(Tasks)])
    loop = uvloop.new_event_loop()
    try:
        assert loop.run_until_complete(rows(Tasks(), filing)) == ["A", "B"]
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
    assert told(telemetry) == [("A", "call", "used", {"order_id": "B"})]


# -- where rows meet


class Both:
    """What works on a request hands an order over, and does so in one function."""

    async def outer(self, request: Any, ctx: Any) -> Any:
        """Work of one boundary: it is handed over by `begin`; and the submit function of another."""
        await asyncio.sleep(0)
        before = all_ids()
        task = asyncio.create_task(self.inner(ctx))
        await asyncio.sleep(0)
        return before, await task, all_ids(), request.order_id

    def begin(self, request: Any, ctx: Any) -> Any:
        """Submit function of the outer boundary."""
        return asyncio.create_task(self.outer(request, ctx))

    async def inner(self, ctx: Any) -> Any:
        """Work of the inner boundary."""
        await asyncio.sleep(0)
        Ledger().post(ctx.order_id, "entry")
        return all_ids()


def all_ids() -> Any:
    """Return whose boundary and row is current: the inner one."""
    submission = current_submission()
    return submission and (submission.boundary, submission.ids["order_id"])


@pytest.mark.parametrize("turned", [True, False])
def test_a_coroutine_that_is_both(turned: bool, instrument: Instrument, telemetry: Telemetry) -> None:
    """Work of one boundary and submit of another: the inner row is current in its own steps, the outer in others."""
    where = f"{__name__}:Both"
    boundaries = [
        declare(Both, name="outer", submit=f"{where}.begin", work=f"{where}.outer", context="request", calls=[]),
        declare(Both, name="inner", submit=f"{where}.outer", work=f"{where}.inner"),
    ]
    instrument("observe", boundaries=boundaries[::-1] if turned else boundaries)

    async def main() -> Any:
        request, ctx = Desk("R"), Desk("A")
        task = Both().begin(request, ctx)
        for _ in range(2):
            await asyncio.sleep(0)
        ctx.order_id = "B"
        return await task

    assert asyncio.run(main()) == (("outer", "R"), ("inner", "A"), ("outer", "R"), "R")
    assert told(telemetry) == [("A", "call", "used", {"order_id": "B"})]
    assert set(telemetry.points("handoff.in_flight").values()) == {0}
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {}
    assert [len(telemetry.spans(f"process {name}")) for name in ("outer", "inner")] == [1, 1]


class Fans:
    """Hands over several rows in one call, and each to several workers."""

    def submit(self, ctx: Any, names: str) -> list[Any]:
        """Submit function."""
        handed: list[Any] = []
        for name in names:
            ctx.order_id = name
            handed += [asyncio.create_task(self.work(ctx)), asyncio.create_task(self.work(ctx))]
        return handed

    async def work(self, ctx: Any) -> Any:
        """Work function."""
        await asyncio.sleep(0)
        return whose(), ctx.order_id


def test_one_call_many_tasks(instrument: Instrument, telemetry: Telemetry) -> None:
    """Each of them is its row's, also when another has ended the row before."""
    instrument("observe", boundaries=[declare(Fans, calls=[])])

    async def main() -> Any:
        return await asyncio.gather(*Fans().submit(Desk("A"), "AB"))

    assert asyncio.run(main()) == [("A", "B")] * 2 + [("B", "B")] * 2
    assert {each[0] for each in told(telemetry)} == {"A"}
    assert set(telemetry.points("handoff.in_flight").values()) == {0}


# -- reported


class Record:
    """The one record that each request fills in again."""

    request: Any = None


class Store:
    """In the shape of ogx#5168: an asyncio worker that is begun within the first request, and its queue."""

    def __init__(self) -> None:
        self.queue: Any = None
        self.task: Any = None
        self.row = Record()
        self.saved: list[tuple[str, str, bool]] = []

    async def enqueue(self, item: dict[str, Any], row: Any) -> None:
        """Submit function."""
        if self.task is None:
            self.queue = asyncio.Queue()
            self.task = asyncio.create_task(self.loop())
        await self.queue.put((item, row))

    async def loop(self) -> None:
        """The worker."""
        while True:
            item, row = await self.queue.get()
            with contextlib.suppress(HandoffMismatchError):
                await self.write(item, row)
            self.queue.task_done()

    async def write(self, item: dict[str, Any], row: Any) -> None:
        """Work function."""
        await asyncio.sleep(0)
        self.save(item["owner"], row.request, item["root"])

    def save(self, owner: str, request: str, root: int) -> None:
        """File it."""
        self.saved.append((owner, request, trace.get_current_span().get_span_context().trace_id == root))


@IN_EACH_MODE
def test_an_asyncio_queue_and_its_worker(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """All wrong records and nothing else in observe; none of them is made in strict; none is wrong in pin."""
    where = f"{__name__}:Store"
    fields = {"request": "request"}
    calls = [Call(f"{where}.save", fields)]
    store = Boundary("store", f"{where}.enqueue", f"{where}.write", context="row", fields=fields, calls=calls)
    instrument(mode, boundaries=[store])
    tracer = telemetry.tracer_provider.get_tracer("host")

    async def main() -> Store:
        store = Store()
        for number in range(4):
            with tracer.start_as_current_span(f"r{number}") as span:
                store.row.request = f"r{number}"
                root = span.get_span_context().trace_id
                await store.enqueue({"owner": f"r{number}", "root": root}, store.row)
        await store.queue.join()
        store.task.cancel()
        return store

    saved = asyncio.run(main()).saved
    wrong = [(owner, request) for owner, request, _ in saved if owner != request]
    expected = [(f"r{number}", "r3") for number in range(3)]
    assert wrong == (expected if mode == "observe" else [])
    assert len(saved) == (1 if mode == "strict" else 4)
    assert all(right for _, _, right in saved), "the trace did not arrive"
    found = [(m.submission.ids["request"], m.observed["request"], m.outcome) for m in telemetry.mismatches]
    assert found == [(*pair, OUTCOMES[mode][1]) for pair in expected]
    assert {m.culprit and m.culprit.value for m in telemetry.mismatches} <= {"r1", "r2", "r3"}
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {}
