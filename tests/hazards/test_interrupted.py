"""An interrupt may come wherever Python looks for one: after each call that our code makes, too.

It reaches the host, the next rows are judged as ever, and what is called outside of rows is nobody's.
"""

from __future__ import annotations

import contextvars
import dis
import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from otel_handoff import HandoffMismatchError
from tests.hazards.conftest import Instrument
from tests.hosts import Context, Job, Ledger, Order
from tests.hosts import Pool as RealPool
from tests.telemetry import Telemetry


class Interrupt(KeyboardInterrupt):
    """Somebody presses a key."""


class Pool(RealPool):
    """Its rows are worked on when the test says so, on the thread of the test."""

    def __init__(self) -> None:
        super().__init__()
        self.executor.submit = self._keep  # type: ignore[method-assign]
        self.kept: list[Callable[[], Any]] = []

    def _keep(self, work: Any, *args: Any) -> Any:
        self.kept.append(lambda: work(*args))


def interrupted(act: Callable[[], Any], at: int) -> bool:
    """Do something, interrupted at one of those places; return whether there are so many."""
    count = 0
    called: set[int] = set()

    def each(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        if event == "opcode":
            if id(frame) in called:
                count += 1
                if count == at:
                    sys.settrace(None)
                    raise Interrupt
            name = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            (called.add if name.startswith("CALL") else called.discard)(id(frame))
        return each

    def start(frame: FrameType, _event: str, _argument: Any) -> Any:
        if not frame.f_globals.get("__name__", "").startswith("otel_handoff"):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return each

    before = sys.gettrace()
    gc.disable()  # what is raised in a finalizer reaches nobody
    sys.settrace(start)
    try:
        act()
    except Interrupt:
        return True
    finally:
        sys.settrace(before)
        gc.enable()
    assert count < at, "it did not reach the host"
    return False


def do(order: Order, ctx: Context) -> str | None:
    """Read the id."""
    return ctx.order and ctx.order.id


def submit(pool: Pool, ctx: Context, job: Job = do) -> Callable[[], Any]:
    """Hand a row over; return its work."""
    assert ctx.order is not None
    pool.enqueue(ctx.order, ctx, job)
    return pool.kept.pop()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="there Python traces the instructions of some functions alone")
@pytest.mark.parametrize("mode", ["pin", "observe", "strict"])
@pytest.mark.parametrize("what", ["submit", "work"])
def test_interrupted_anywhere(what: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """While a row is handed over, and while it is worked on."""
    instrument(mode)
    ledger, at = Ledger(), 0
    kept: list[Any] = []  # what comes up in a finalizer reaches nobody
    for _ in range(2):  # what is found out once is known
        submit(Pool(), Context(order=Order("A")))()

    def is_there() -> bool:
        pool, ctx = Pool(), Context(order=Order("A"))
        work = (lambda: kept.append(submit(pool, ctx))) if what == "submit" else submit(pool, ctx)
        there = interrupted(work, at)
        pool.kept.clear()
        ledger.post("Q", "outside of rows")
        ctx.order = Order("B")
        assert submit(pool, ctx)() == "B"
        assert telemetry.mismatches == []
        ctx.order = Order("C")
        work = submit(pool, ctx, lambda order, ctx: ledger.post(do(order, ctx), ""))
        ctx.order = Order("D")
        try:
            assert work() == ("C:" if mode == "pin" else "D:")
        except HandoffMismatchError:
            assert mode == "strict"
        assert telemetry.mismatches != [], f"silent after an interrupt at the {at}th place"
        telemetry.mismatches.clear()
        pool.executor.shutdown()
        return there

    there = True
    while there:
        at += 1
        there = contextvars.copy_context().run(is_there)  # each as on a new thread
    assert at > 20
