"""Somebody presses Ctrl-C, or a worker is interrupted."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from opentelemetry import context as context_api

import otel_handoff
from otel_handoff import HandoffInstrumentor
from otel_handoff.demo.pipeline.context import PluginContext
from otel_handoff.demo.pipeline.results import TransformResult
from otel_handoff.demo.transform import ReadabilityTransform
from otel_handoff.handover.lease import active
from otel_handoff.handover.transport import in_progress, submitting
from tests.faults.conftest import Host
from tests.hosts import WAIT, Context, Order, Pool, boundary
from tests.telemetry import Telemetry

MODES = pytest.mark.parametrize("mode", ["observe", "pin"])


class Interrupted(ReadabilityTransform):
    """Row 3's first worker is interrupted; its executor, which waits in vain, then tries it again at once."""

    struck: threading.Event

    @property
    def batch_wait_timeout(self) -> float:
        """Seconds the executor should wait for a row: none more for one whose worker has just been lost."""
        if self.struck.is_set():
            self.struck.clear()
            return 0.0
        return WAIT

    def _process(self, row: Mapping[str, object], ctx: PluginContext) -> TransformResult:
        if (row["row"], row["attempt"]) == ("row-0003", 0):
            self.struck.set()
            raise KeyboardInterrupt
        return super()._process(row, ctx)


@MODES
def test_worker_interrupted(mode: str, host: Host) -> None:
    """A KeyboardInterrupt in a worker ends its work as without us, and its retry is a row like any other."""

    class Once(Interrupted):
        struck = threading.Event()

    def wait_for_it(row_id: str, attempt: int) -> None:
        if (row_id, attempt) == ("row-0003", 0):
            assert Once.struck.wait(WAIT)

    options: dict[str, Any] = {"transform": Once, "on_submitted": wait_for_it}
    expected = host.expected(mode, **options)
    assert '"state_id": "state-0003-1"' in expected.trail
    assert host.instrumented(mode, **options) == expected
    assert active.get() is None


@pytest.fixture
def sigint() -> Iterator[None]:
    """SIGINT interrupts, also where these tests are run in the background of a shell, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@MODES
@pytest.mark.usefixtures("sigint")
def test_ctrl_c(mode: str, host: Host) -> None:
    """SIGINT in the midst of a run ends it where it would have ended, and what is in flight is finished likewise."""

    def press(row_id: str, _attempt: int) -> None:
        if row_id == "row-0003":
            signal.raise_signal(signal.SIGINT)

    expected = host.expected(mode, on_submitted=press)
    assert expected.results == "interrupted"
    assert '"state_id": "state-0003-0"' in expected.trail
    assert host.instrumented(mode, on_submitted=press) == expected
    assert (active.get(), submitting.get()) == (None, None)


def whose(_order: Order, ctx: Any) -> str:
    """Read an id."""
    return ctx.order.id


class Inline:
    """An executor that works where it is waited for, so that all is on one thread."""

    def __init__(self) -> None:
        self.work: list[Callable[[], Any]] = []

    def submit(self, function: Any, *args: Any) -> None:
        """Keep the work, and all that hangs on it: what a finalizer raises reaches nobody, here as anywhere."""
        self.work.append(lambda: function(*args))


_OURS = str(Path(otel_handoff.__file__).parent)


class Interrupter:
    """Raises a KeyboardInterrupt at one line of ours, as a signal might; counts the lines."""

    def __init__(self, at: int) -> None:
        self.lines = 0
        self.hit: bool = False
        self._at = at

    def __call__(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """Trace functions of ours alone."""
        return self._line if frame.f_code.co_filename.startswith(_OURS) else None

    def _line(self, _frame: FrameType, event: str, _arg: object) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines == self._at:
                self.hit = True
                raise KeyboardInterrupt
        return self._line


@contextmanager
def traced(trace: Interrupter) -> Generator[None]:
    """Interrupt what is run inside."""
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.fixture
def no_collection() -> Generator[None]:
    """Nothing is collected meanwhile: what a finalizer raises, of whatever other tests have left, reaches nobody."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@MODES
@pytest.mark.usefixtures("no_collection")
def test_interrupted_at_any_line_of_ours(mode: str, telemetry: Telemetry) -> None:
    """Wherever an interrupt hits us it reaches the host, keeps nothing alive, and the next row there is its own."""
    HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary()], **telemetry.options)
    pool: Any = object.__new__(Pool)
    pool.executor = Inline()

    def hand_over(name: str) -> Any:
        ctx = Context(order=Order(name))
        pool.enqueue(ctx.order, ctx, whose)
        return pool.executor.work[-1]()

    assert hand_over("A") == "A"  # the first does what is done once
    counted = Interrupter(0)
    with traced(counted):
        assert hand_over("B") == "B"
    otel = context_api.get_current()
    swallowed: list[int] = []
    for at in range(1, counted.lines + 1):
        interrupter = Interrupter(at)
        try:
            with traced(interrupter):
                hand_over("A")
            if interrupter.hit:  # not each row takes as many lines
                swallowed.append(at)
        except KeyboardInterrupt:
            pass
        assert hand_over("C") == "C"
        # A line that comes just after the row was made current may leave it so, as in any code of that kind.
        active.set(None)
        submitting.set(None)
        context_api.attach(otel)
        pool.executor.work.clear()
        assert not in_progress()
    assert counted.lines > 50
    assert swallowed == []
    assert telemetry.mismatches == []
