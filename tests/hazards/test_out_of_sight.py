"""What goes on where a row's worker is not: nobody is told that all is well over it."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import threading
from collections.abc import Awaitable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, Host, declare, run_rows
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


def file(ctx: Any) -> None:
    """File the order."""
    Ledger().post(ctx.order_id, "entry")


@IN_EACH_MODE
def test_another_thread_files(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A thread of the host's, which is nobody's, files a row's order after others were filed in their rows."""
    instrument(mode, boundaries=[declare(Host)])
    later: list[Any] = []
    run_rows(Host(), [file, later.append])
    writer = threading.Thread(target=file, args=later)
    writer.start()
    writer.join()
    assert telemetry.unchecked() == {"call_not_seen": 1}
    assert told(telemetry) == []


@IN_EACH_MODE
def test_it_is_filed_in_a_row_of_another_boundary(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Within a row it is that one's. Where the other row is within none, it is not known whose, and told."""
    instrument(mode, boundaries=[declare(Host), declare(Inner, name="inner", calls=[])])

    kept: list[Any] = []

    def body(ctx: Any) -> None:
        file(ctx)
        kept.append(ctx)
        inner.submit(Desk("inner"), lambda _: file(ctx)).result(WAIT)

    inner = Inner()
    run_rows(Host(), [body])
    assert telemetry.unchecked() == {}
    inner.submit(Desk("inner"), lambda _: file(kept[0])).result(WAIT)
    inner.close()
    assert telemetry.unchecked() == {"call_not_seen": 1}
    assert told(telemetry) == []


class Inner:
    """A pool within a pool."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.work, ctx, body)

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)

    def close(self) -> None:
        """Wait for the worker."""
        self.pool.shutdown()


class Promise(Awaitable[Any]):
    """Something to await, as other frameworks have it."""

    def __init__(self, ctx: Any) -> None:
        self.ctx = ctx

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from asyncio.sleep(0).__await__()
        return file(self.ctx)


class Promises(Host):
    """The work function promises to do it."""

    def work(self, ctx: Any, body: Body) -> Any:
        return Promise(ctx) if ctx.order_id == "B" else body(ctx)

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.work, ctx, body)


@IN_EACH_MODE
def test_work_that_is_to_be_awaited(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """One row is filed at once, the other when it is awaited: that one is not known."""
    instrument(mode, boundaries=[declare(Promises)])
    host, ctx = Promises(), Desk()
    promised: list[Any] = []
    for order_id in "AB":
        ctx.order_id = order_id
        promised.append(host.submit(ctx, file).result(WAIT))

    async def main() -> None:
        await promised[-1]

    asyncio.run(main())
    host.close()
    assert telemetry.unchecked() == {"not_followed": 1}
    assert told(telemetry) == []


class Forks:
    """Forks a process for each row."""

    def submit(self, ctx: Any, body: Body) -> Any:
        process = multiprocessing.get_context("fork").Process(target=self.work, args=(ctx, body))
        process.start()
        process.join()
        return process.exitcode

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are not forked here")
@IN_EACH_MODE
def test_a_process_that_is_forked(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Its rows went to another process: that is why no worker came."""
    instrument(mode, boundaries=[declare(Forks, calls=[])])
    host = Forks()
    assert [host.submit(Desk(order_id), str) for order_id in "ABC"] == [0, 0, 0]
    assert telemetry.unchecked() == {"other_process": 3}


class Renames(Host):
    """An override with a name of its own for the context."""

    def submit(self, desk: Any, body: Body) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().submit(desk, body)


@IN_EACH_MODE
def test_an_override_that_renames_the_context(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What it calls is called by the declared name: the row is judged, and counted once."""
    instrument(mode, boundaries=[declare(Host)])
    run_rows(Renames(), [file] * 3)
    assert telemetry.unchecked() == {}
    assert telemetry.counted("handoff.submissions") == {("desk",): 3}
    assert told(telemetry) == []


@pytest.mark.parametrize("times", [1, 1_000])
def test_work_that_was_looked_up_before(times: int, instrument: Instrument, telemetry: Telemetry) -> None:
    """What is in a registry is called as it is, and files: that no row was seen is told, be it at the end."""
    registry = [Inner.work]
    instrument(boundaries=[declare(Inner, submit=None)])
    host = Inner()
    for _ in range(times):
        host.pool.submit(lambda: registry[0](host, Desk("A"), file)).result(WAIT)
    host.close()
    assert telemetry.unchecked() == ({"no_worker": 1} if times > 1 else {})
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"no_worker": 1}


def test_what_is_filed_before_the_first_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """It is the program's own; so is what work files that is simply called."""
    instrument(boundaries=[declare(Host), declare(Inner, name="inner", submit=None)])
    file(Desk("first"))
    inner = Inner()
    inner.work(Desk("in place"), file)
    inner.close()
    run_rows(Host(), [file])
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {}
