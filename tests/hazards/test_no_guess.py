"""Where nothing proves which row a worker is, none is chosen: no right row is accused, and each is told."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk, declare
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class OtherObjects:
    """Takes the newest first; the worker is given another object than was handed over."""

    def __init__(self) -> None:
        self.jobs: queue.LifoQueue[Any] = queue.LifoQueue()

    def submit(self, ctx: Any) -> None:
        self.jobs.put(Desk(ctx.order_id))

    def work(self, item: Any) -> Any:
        return Ledger().post(item.order_id, "entry")


@IN_EACH_MODE
def test_the_functions_share_no_object(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Each job has a context of its own and is right; whose each worker is cannot be known."""
    instrument(mode, boundaries=[declare(OtherObjects)])
    host = OtherObjects()
    for order_id in "ABCD":
        host.submit(Desk(order_id))
    assert [host.work(host.jobs.get()) for _ in range(4)] == ["D:entry", "C:entry", "B:entry", "A:entry"]
    HandoffInstrumentor().uninstrument()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"no_worker": 4, "no_submission": 4}
    assert telemetry.spans("process desk") == []


class SameArguments:
    """Takes the newest first; all rows are given the very same."""

    def __init__(self) -> None:
        self.jobs: queue.LifoQueue[Any] = queue.LifoQueue()

    def submit(self, ctx: Any, retries: int = 3) -> None:
        self.jobs.put((ctx, retries))

    def work(self, ctx: Any, retries: int = 3) -> Any:
        assert retries == 3
        return Ledger().post(ctx.order_id, "entry")


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_rows_that_wait_are_given_the_same(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Which is which is not known: nothing is blocked, and no row is said to be right."""
    instrument(mode, boundaries=[declare(SameArguments)])
    host, ctx = SameArguments(), Desk()
    for order_id in "ABCD":
        ctx.order_id = order_id
        host.submit(ctx)
    assert [host.work(*host.jobs.get()) for _ in range(4)] == ["D:entry"] * 4
    HandoffInstrumentor().uninstrument()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"ambiguous": 4}


class OtherName(SameArguments):
    """The work function takes what is submitted under another name."""

    def submit(self, ctx: Any) -> None:  # type: ignore[override]
        self.jobs.put((ctx,))

    def work(self, envelope: Any) -> Any:  # type: ignore[override]
        return Ledger().post(envelope.order_id, "entry")


@pytest.mark.parametrize(("pins", "left"), [(None, "DDDD"), ("copy", "DCBA")])
def test_a_worker_that_is_not_known_is_given_nothing_at_the_read(
    pins: Any, left: str, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not said to be pinned, and what would have it pinned is."""
    instrument("pin", boundaries=[declare(OtherName, pins=pins)])
    host, ctx = OtherName(), Desk()
    for order_id in "ABCD":
        ctx.order_id = order_id
        host.submit(ctx)
    assert [host.work(*host.jobs.get()) for _ in range(4)] == [f"{order_id}:entry" for order_id in left]
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == ({} if pins else {"ambiguous": 4})
    assert ("declare Boundary(pins='copy')" in caplog.text) == (pins is None)
    assert "pinned all the same" not in caplog.text


def test_pinned_rows_are_told_apart(instrument: Instrument, telemetry: Telemetry) -> None:
    """Each was given a copy of its own: all are cured, and known, in whichever order they run."""
    instrument("pin", boundaries=[declare(SameArguments)])
    host, ctx = SameArguments(), Desk()
    for order_id in "ABCD":
        ctx.order_id = order_id
        host.submit(ctx)
    assert [host.work(*host.jobs.get()) for _ in range(4)] == ["D:entry", "C:entry", "B:entry", "A:entry"]
    HandoffInstrumentor().uninstrument()
    assert sorted(told(telemetry)) == [(name, "read", "prevented", {"order_id": "D"}) for name in "ABC"]
    assert telemetry.unchecked() == {}


class Worker(threading.Thread):
    """A thread that is given the context when it is made."""

    def __init__(self, ctx: Any, go: threading.Event) -> None:
        super().__init__()
        self.ctx, self.go = ctx, go
        self.filed: Any = None

    def run(self) -> None:
        assert self.go.wait(WAIT)
        self.filed = Ledger().post(self.ctx.order_id, "entry")


@IN_EACH_MODE
def test_a_thread_is_made_with_its_context(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What it runs is given nothing, and is known by its own object: each is its own row's."""
    where = f"{__name__}:Worker"
    instrument(mode, boundaries=[declare(Worker, submit=f"{where}.__init__", work=f"{where}.run")])
    events = [threading.Event() for _ in range(3)]
    workers = [Worker(Desk(order_id), go) for order_id, go in zip("ABC", events, strict=True)]
    for worker, go in reversed(list(zip(workers, events, strict=True))):
        worker.start()
        go.set()
        worker.join(WAIT)
    assert [worker.filed for worker in workers] == ["A:entry", "B:entry", "C:entry"]
    HandoffInstrumentor().uninstrument()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    assert [dict(span.attributes or {})["desk.order_id"] for span in telemetry.spans("process desk")] == ["C", "B", "A"]


REGISTRY: dict[str, Any] = {}


def handler(ctx: Any) -> Any:
    """Work function, which is in a table since the import."""
    return Ledger().post(ctx.order_id, "entry")


REGISTRY["handler"] = handler


class ByTable:
    """Runs what the table says."""

    def __init__(self) -> None:
        self.rows: queue.Queue[Any] = queue.Queue()

    def submit(self, ctx: Any) -> None:
        self.rows.put(ctx)


@IN_EACH_MODE
def test_a_table_filled_at_import(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The function in it is the host's own, which nobody sees: that is told, and whether the row was pinned."""
    instrument(mode, boundaries=[declare(ByTable, work=f"{__name__}:handler", calls=[])])
    host, ctx = ByTable(), Desk()
    for order_id in "ABC":
        ctx.order_id = order_id
        host.submit(ctx)
    filed = [REGISTRY["handler"](host.rows.get()) for _ in range(3)]
    assert filed == (["A:entry", "B:entry", "C:entry"] if mode == "pin" else ["C:entry"] * 3)
    HandoffInstrumentor().uninstrument()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"no_worker": 3}
    attributes = [dict(span.attributes or {}) for span in telemetry.spans("unchecked desk")]
    assert [one["handoff.unchecked.pinned"] for one in attributes] == [mode == "pin"] * 3
