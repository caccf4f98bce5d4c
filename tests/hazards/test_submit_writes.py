"""A submit function that writes ids itself: each row is what it was handed over with, or it is told as not known."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import asyncio
import functools
import inspect
import queue
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, OwnHost, declare
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry, uninstrument

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
IDS = ("A", "B", "C")


def file(ctx: Any) -> str:
    """File the order; return under which id."""
    ledger = Ledger()
    ledger.post(ctx.order_id, "entry")
    return str(ledger.entries[0][0])


# -- one call hands over several rows, each of which is done before the next


class InTurn(OwnHost):
    """One after the other."""

    def submit(self, ctx: Any, body: Body) -> Any:
        filed: list[Any] = []
        for order_id in IDS:
            ctx.order_id = order_id
            filed.append(self.pool.submit(self.work, ctx, body).result(WAIT))
        return filed


class ByItself(OwnHost):
    """Calls itself for each."""

    def submit(self, ctx: Any, body: Body, ids: Any = IDS) -> Any:
        if len(ids) > 1:
            return [self.submit(ctx, body, [order_id]) for order_id in ids]
        ctx.order_id = ids[0]
        return self.pool.submit(self.work, ctx, body).result(WAIT)


class InSteps(OwnHost):
    """At each step of a generator."""

    def submit(self, ctx: Any, body: Body) -> Generator[Any]:
        for order_id in IDS:
            ctx.order_id = order_id
            yield self.pool.submit(self.work, ctx, body).result(WAIT)


class InACoroutine(OwnHost):
    """From a coroutine."""

    async def submit(self, ctx: Any, body: Body) -> Any:
        filed: list[Any] = []
        for order_id in IDS:
            ctx.order_id = order_id
            filed.append(await asyncio.get_running_loop().run_in_executor(self.pool, self.work, ctx, body))
        return filed


class InAsyncSteps(OwnHost):
    """At each step of an asynchronous generator."""

    async def submit(self, ctx: Any, body: Body) -> AsyncGenerator[Any]:
        for order_id in IDS:
            ctx.order_id = order_id
            yield await asyncio.get_running_loop().run_in_executor(self.pool, self.work, ctx, body)


class OnThreads(OwnHost):
    """On a thread for each."""

    def submit(self, ctx: Any, body: Body) -> Any:
        filed: list[Any] = []
        for order_id in IDS:
            ctx.order_id = order_id
            thread = threading.Thread(target=self.file_by, args=[filed, self.work, ctx, body])
            thread.start()
            thread.join()
        return filed

    def file_by(self, filed: list[Any], work: Body, *args: Any) -> None:
        """Run the work function."""
        filed.append(work(*args))


async def all_of(steps: AsyncGenerator[Any]) -> list[Any]:
    """Take all steps."""
    return [step async for step in steps]


def handed_over(host: Any, body: Body = file) -> Any:
    """Call the submit function once, and have it run to its end."""
    result: Any = host.submit(Desk("none yet"), body)
    if inspect.isasyncgen(result):
        result = all_of(cast("AsyncGenerator[Any]", result))
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    return list(result)


@IN_EACH_MODE
@pytest.mark.parametrize("host", [InTurn, ByItself, InSteps, InACoroutine, InAsyncSteps, OnThreads])
def test_several_rows_in_turn(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Each is a row of its own, and right."""
    instrument(mode, boundaries=[declare(host)])
    made = host()
    assert handed_over(made) == list(IDS)
    made.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    assert [(span.attributes or {})["desk.order_id"] for span in telemetry.spans("process desk")] == list(IDS)


class AllAtOnce(OwnHost):
    """One after the other, without waiting: the pool is held until all are handed over."""

    def submit(self, ctx: Any, body: Body) -> Any:
        go = threading.Event()
        self.pool.submit(go.wait, WAIT)
        handed: list[Any] = []
        for order_id in IDS:
            ctx.order_id = order_id
            handed.append(self.pool.submit(self.work, ctx, body))
        go.set()
        return [row.exception(WAIT) or row.result() for row in handed]


class ByItsOwnPool(OwnHost):
    """The same, with a pool that nobody knows."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Any] = []

    def submit(self, ctx: Any, body: Body) -> Any:
        for order_id in IDS:
            ctx.order_id = order_id
            self.rows.append(functools.partial(self.work, ctx, body))
        return [self.pool.submit(functools.partial(row)).exception(WAIT) for row in self.rows]


@IN_EACH_MODE
@pytest.mark.parametrize("host", [AllAtOnce, ByItsOwnPool])
def test_several_rows_at_once(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """All but the last are filed under its id: each of these is told, under its own."""
    instrument(mode, boundaries=[declare(host)])
    made = host()
    made.submit(Desk(), file)
    made.close()
    calls = [(order_id, observed) for order_id, evidence, _, observed in told(telemetry) if evidence == "call"]
    assert calls == [("A", {"order_id": "C"}), ("B", {"order_id": "C"})]


# -- before it hands over, or after


class Minted(OwnHost):
    """A queue of its own, which gets the row when its id is written."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.ids = iter(IDS)

    def submit(self, ctx: Any, body: Body) -> Any:
        ctx.order_id = next(self.ids)
        self.rows.put((ctx, body))
        return self.next()

    def next(self) -> Any:
        """Run the next row, on another thread."""
        return self.pool.submit(lambda: self.work(*self.rows.get()))


class MintedByAnother(Minted):
    """A function of its own writes it."""

    def submit(self, ctx: Any, body: Body) -> Any:
        self.mint(ctx)
        self.rows.put((ctx, body))
        return self.next()

    def mint(self, ctx: Any) -> None:
        """Write the id."""
        ctx.order_id = next(self.ids)


class MintedByName(Minted):
    """It is written by `setattr`, in a branch."""

    def submit(self, ctx: Any, body: Body) -> Any:
        if isinstance(ctx, Desk) and hasattr(ctx, "order_id"):
            setattr(ctx, "order_id", next(self.ids))  # noqa: B010 - as hosts do
        self.rows.put((ctx, body))
        return self.next()


class MintedBehind(Minted):
    """The submit function is decorated."""

    @staticmethod
    def logged(function: Any) -> Any:
        """Decorate it."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not kwargs:
                kwargs = {}
            return function(*args, **kwargs)

        return wrapper

    submit = logged(Minted.submit)


class BoundFirst(Minted):
    """The work function is bound to its arguments, the id is written, and a pool gets that."""

    def submit(self, ctx: Any, body: Body) -> Any:
        task = functools.partial(self.work, ctx, body)
        ctx.order_id = next(self.ids)
        return self.pool.submit(task)


@IN_EACH_MODE
@pytest.mark.parametrize("host", [Minted, MintedByAnother, MintedByName, MintedBehind, BoundFirst])
def test_before_it_is_handed_over(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What is written before is the row's id, and that is known."""
    instrument(mode, boundaries=[declare(host)])
    made, ctx = host(), Desk("none yet")
    assert [made.submit(ctx, file).result(WAIT) for _ in IDS] == list(IDS)
    made.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


class PutFirst(Minted):
    """The row is put into the queue, and then the id is written: the next row's, or this one's."""

    def submit(self, ctx: Any, body: Body) -> Any:
        self.rows.put((ctx, body))
        ctx.order_id = next(self.ids)
        return self.next()


class KeptFirst(Minted):
    """The context is given another name before."""

    def submit(self, ctx: Any, body: Body) -> Any:
        kept = ctx
        ctx.order_id = next(self.ids)
        self.rows.put((kept, body))
        return self.next()


class PutInALoop(Minted):
    """The id is written at each turn of a loop."""

    def submit(self, ctx: Any, body: Body) -> Any:
        while not hasattr(self, "done"):
            ctx.order_id = next(self.ids)
            self.rows.put((ctx, body))
            break
        return self.next()


class PutBySomebody(Minted):
    """Another function puts it, and then writes the id."""

    def submit(self, ctx: Any, body: Body) -> Any:
        self.put(ctx, body)
        return self.next()

    def put(self, ctx: Any, body: Body) -> None:
        """Put it."""
        _ = self.rows.put((ctx, body)), setattr(ctx, "order_id", next(self.ids))


class PutAround(Minted):
    """What decorates the submit function has put the row by then."""

    def submit(self, ctx: Any, body: Body) -> Any:
        self.rows.put((ctx, body))
        return Minted.submit(self, ctx, body)


class Sourceless(Minted):
    """There is no source to be looked at."""

    exec(
        "def submit(self, ctx, body):\n"
        "    ctx.order_id = next(self.ids)\n"
        "    self.rows.put((ctx, body))\n"
        "    return self.next()\n"
    )


class PutWithin(Minted):
    """The id is written where a `with` is left."""

    def submit(self, ctx: Any, body: Body) -> Any:
        with self.minting(ctx):
            self.rows.put((ctx, body))
        return self.next()

    @contextmanager
    def minting(self, ctx: Any) -> Generator[None]:
        """Write it in the end."""
        yield
        ctx.order_id = next(self.ids)


class PutOnTheLine(Minted):
    """The row is put on the line on which another function is called, which writes."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.then(ctx, self.rows.put((ctx, body)))

    def then(self, ctx: Any, _: None) -> Any:
        """Write the id."""
        ctx.order_id = next(self.ids)
        return self.next()


class PutByIt(Minted):
    """The context has the queue."""

    def submit(self, ctx: Any, body: Body) -> Any:
        ctx.rows = self.rows
        ctx.rows.put((self.kept, body))
        ctx.order_id = next(self.ids)
        return self.next()

    def hand_over(self, ctx: Any, body: Body) -> Any:
        self.kept = ctx
        return super().hand_over(ctx, body)


class PutWithinItsOwn(PutByIt):
    """The id is written where a `with` is left that knows the context by itself."""

    def submit(self, ctx: Any, body: Body) -> Any:
        with self.minting():
            self.rows.put((ctx, body))
        return self.next()

    @contextmanager
    def minting(self) -> Generator[None]:
        """Write it in the end."""
        yield
        self.kept.order_id = next(self.ids)


@IN_EACH_MODE
@pytest.mark.parametrize(
    "host", [PutWithin, PutOnTheLine, PutFirst, KeptFirst, PutInALoop, PutBySomebody, PutAround, Sourceless]
)
def test_perhaps_after(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Where it may have been written after that, the row is not known to be right, and nobody is accused."""
    instrument(mode, boundaries=[declare(host)])
    made = host()
    made.submit(Desk("none yet"), file).result(WAIT)
    made.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"unplaced_write": 1}


@pytest.mark.parametrize("mode", ["observe", "strict"])
@pytest.mark.parametrize("host", [PutByIt, PutWithinItsOwn])
def test_perhaps_by_what_it_holds(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A queue that is kept on the context may be given what leads to it; and who keeps the context need not name it."""
    instrument(mode, boundaries=[declare(host)])
    made = host()
    made.hand_over(Desk("none yet"), file).result(WAIT)
    made.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"unplaced_write": 1}


# -- within the submit function of another row


class Within:
    """Hands over by another boundary's submit function, which writes the id, and then itself."""

    def __init__(self) -> None:
        self.inner = Minted()
        self.pool = ThreadPoolExecutor(1)

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        first = self.inner.submit(ctx, body).result(WAIT)
        return first, self.pool.submit(self.work, ctx, body).result(WAIT)

    def work(self, ctx: Any, body: Body) -> Any:
        """Work function."""
        return body(ctx)


@IN_EACH_MODE
def test_written_by_an_inner_submit_function(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is the id of both rows, and of the caller's context."""
    inner = declare(Minted, name="inner", submit=f"{__name__}:Minted.submit", work=f"{__name__}:Minted.work")
    instrument(mode, boundaries=[declare(Within), inner])
    host, ctx = Within(), Desk("none yet")
    assert [host.submit(ctx, file) for _ in IDS] == [(order_id, order_id) for order_id in IDS]
    assert ctx.order_id == IDS[-1]
    host.pool.shutdown()
    host.inner.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


class Prepares(OwnHost):
    """A coroutine that first waits for tasks of its own, which hand over rows of theirs, and then writes its id."""

    async def submit(self, ctx: Any, body: Body, parts: Any = ("1", "2")) -> Any:
        tasks = [asyncio.create_task(self.submit(Desk(part), body, ())) for part in parts]
        await asyncio.gather(*tasks)
        if parts:
            ctx.order_id = "A"
        return await asyncio.get_running_loop().run_in_executor(self.pool, self.work, ctx, body)


@IN_EACH_MODE
def test_written_after_tasks_of_its_own(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A task has a copy of what was current where it was made: that is no hand-over of the one within the other."""
    instrument(mode, boundaries=[declare(Prepares)])
    host = Prepares()
    assert asyncio.run(host.submit(Desk("none yet"), file)) == "A"
    host.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


def test_a_source_that_was_changed_meanwhile(
    tmp_path: Path, instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in the file by now is not what runs, and has no such line: the write may have been after."""
    file_of_it = tmp_path / "changed.py"
    file_of_it.write_text("def submit(self, ctx, body): ...\n")
    names: dict[str, Any] = {}
    running = "def submit(self, ctx, body):\n    ctx.order_id = next(self.ids)\n    self.rows.put((ctx, body))\n"
    exec(compile(f"{running}    return self.next()\n", str(file_of_it), "exec"), names)
    monkeypatch.setattr(Minted, "submit", names["submit"])
    instrument("observe", boundaries=[declare(Minted)])
    made = Minted()
    made.submit(Desk("none yet"), file).result(WAIT)
    made.close()
    uninstrument()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"unplaced_write": 1}


class Advances(OwnHost):
    """Goes on to the next row as soon as a pool has this one."""

    def submit(self, ctx: Any, body: Body) -> Any:
        go = threading.Event()
        self.pool.submit(go.wait, WAIT)
        handed = self.pool.submit(functools.partial(self.work, ctx, body))
        ctx.order_id = "B"
        go.set()
        return handed


@IN_EACH_MODE
def test_after_it_was_handed_over(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A pool has the row, and then its id is written: the worker reads the next row's."""
    instrument(mode, boundaries=[declare(Advances)])
    host = Advances()
    assert host.submit(Desk("A"), file).exception(WAIT) is None or mode == "strict"
    host.close()
    assert ("A", "call", "blocked" if mode == "strict" else "used", {"order_id": "B"}) in told(telemetry)
    assert telemetry.unchecked() == {}
