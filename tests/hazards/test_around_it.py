"""What surrounds a row: ids that fight back, finalizers at any moment, forks.

Hooks, exporters, providers and limits are tested in tests/unit/tell/test_alerts.py and test_processor.py.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otel_handoff
from otel_handoff import HandoffInstrumentor
from tests.hazards.conftest import Instrument
from tests.hazards.rows import Overtaken, culprits, overtake, told
from tests.hosts import WAIT, Context, Ledger, Order, Pool, QueuePool, boundary
from tests.telemetry import Telemetry, needs_sdk

MODES = pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
OURS = str(Path(otel_handoff.__file__).parent)
ROOT = Path(__file__).parents[2]


# -- ids that fight back


class Curious:
    """An id whose comparison looks at the context that it came from."""

    def __init__(self, name: str, ctx: Any) -> None:
        self.name = name
        self.ctx = ctx
        self.depth = 0

    def __eq__(self, other: object) -> bool:
        self.depth += 1
        try:
            assert self.depth < 5, "we ask again and again"
            return isinstance(other, Curious) and self.name == other.name and self.ctx.attempt is not None
        finally:
            self.depth -= 1

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Curious({self.name}, {self.ctx.tenant})" if self.ctx.attempt is not None else "Curious"


@MODES
def test_an_id_whose_comparison_reads_the_context(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Comparing and printing ids may read the fields again: that is our own look, not the worker's."""
    ctx: Any = Context()
    ctx.attempt = Curious("1", ctx)

    def change(ctx: Any) -> None:
        ctx.attempt = Curious("2", ctx)

    instrument(mode)
    assert overtake(lambda _order, ctx: ctx.attempt.name, change, ctx) == ("1" if mode == "pin" else "2")
    assert [(m.evidence, m.outcome, [*m.observed]) for m in telemetry.mismatches] == [
        ("read", "prevented" if mode == "pin" else "used", ["attempt"])
    ]


@MODES
def test_an_equal_id_whose_comparison_reads_the_context(
    mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """And where it says that they are equal, nothing is told."""
    ctx: Any = Context()
    ctx.attempt = Curious("1", ctx)

    def change(ctx: Any) -> None:
        ctx.attempt = Curious("1", ctx)

    instrument(mode)
    assert overtake(lambda _order, ctx: ctx.attempt.name, change, ctx) == "1"
    assert told(telemetry) == []


def test_an_id_whose_text_changes(instrument: Instrument, telemetry: Telemetry) -> None:
    """A span carries the text that an id had: that it has another by now is no mismatch."""

    class Counting:
        def __init__(self) -> None:
            self.count = 0

        def __str__(self) -> str:
            self.count += 1
            return str(self.count)

    ctx: Any = Context()
    ctx.attempt = Counting()
    instrument("observe")
    overtake(lambda order, ctx: Ledger().post(ctx.order.id, "text"), lambda _ctx: None, ctx)
    assert told(telemetry) == []


@MODES
def test_a_path_that_reads_the_context(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """An id on the way of a dotted path may be a property that asks the context."""

    class Asking:
        def __init__(self, ctx: Any, name: str) -> None:
            self.ctx = ctx
            self.name = name

        @property
        def id(self) -> str:
            return self.name if self.ctx.order is not None else "none"

    ctx: Any = Context()
    instrument(mode)
    row = Overtaken(lambda _order, ctx: ctx.order.id, ctx)
    row.wait_until_begun()
    ctx.order = Asking(ctx, "B")
    assert row.go() == ("A" if mode == "pin" else "B")
    # The property reads the field as well, in the worker: that is a read at a place of its own.
    expected = ("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})
    assert told(telemetry) == [expected] * (1 if mode == "pin" else 2)


@MODES
def test_eq_of_a_token_raises(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The alarm is kept where the whole token is the field, in a call as in a read."""

    class Raising:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, _other: object) -> bool:
            raise ArithmeticError("incomparable")

    first, second = Raising(), Raising()
    ctx: Any = Context()
    ctx.attempt = first
    instrument(mode, boundaries=[boundary(calls=())])
    found = overtake(lambda _order, ctx: ctx.attempt, lambda ctx: setattr(ctx, "attempt", second), ctx)
    assert found is (first if mode == "pin" else second)
    [mismatch] = telemetry.mismatches
    assert mismatch.expected["attempt"] is first
    assert mismatch.observed["attempt"] is second
    assert culprits(telemetry) == [threading.current_thread().name]


# -- finalizers


class Finalizers:
    """Runs `finalize` at each line of our code on the threads that it traces, as a garbage collection may."""

    def __init__(self, finalize: Callable[[], None]) -> None:
        self._finalize = finalize
        self._busy = threading.local()
        self.lines: set[tuple[str, int]] = set()

    def _trace(self, frame: types.FrameType, _event: str, _arg: object) -> Any:
        return self._line if frame.f_code.co_filename.startswith(OURS) else None

    def _line(self, frame: types.FrameType, event: str, _arg: object) -> Any:
        if event == "line" and not getattr(self._busy, "now", False):
            self._busy.now = True
            self.lines.add((frame.f_code.co_filename, frame.f_lineno))
            try:
                self._finalize()
            finally:
                self._busy.now = False
        return self._line

    def __enter__(self) -> Finalizers:  # noqa: PYI034 - 3.10 has no Self
        gc.disable()  # a true collection would run finalizers of finalizers
        threading.settrace(self._trace)
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        gc.enable()


class Kept(list[Any]):
    """A queue, or an executor, that keeps what it is given."""

    def put(self, item: Any) -> None:
        """As a queue."""
        self.append(item)

    def submit(self, *item: Any) -> None:
        """As an executor."""
        self.append(item)


def idle(host: Any) -> Any:
    """A pool without threads, whose rows are never worked on."""
    pool: Any = host.__new__(host)
    pool.executor = pool.queue = Kept()
    return pool


@MODES
@pytest.mark.parametrize("host", [Pool, QueuePool])
@pytest.mark.parametrize("what", ["drops a row", "hands over a row", "uses a context"])
def test_a_finalizer_runs_inside_our_code(
    what: str, host: Any, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """At every line of ours: it drops queued rows, hands one over, or reads and writes a context. All stays right."""
    instrument(mode, boundaries=[boundary(host, name="orders")])
    waiting = idle(host)
    for number in range(2_000 if what == "drops a row" else 0):
        order = Order(str(number))
        waiting.enqueue(order, Context(order=order), len)
    ctx, own = Context(order=Order("A")), Context(order=Order("own"))
    dropped: list[int] = []

    def finalize() -> None:
        if what == "drops a row":
            if waiting.queue:
                waiting.queue.pop()
                dropped.append(1)
        elif what == "hands over a row":
            order = Order("finalizer")
            idle(host).enqueue(order, Context(order=order), len)
        else:
            for used in (own, ctx):
                assert used.order is not None
                used.shared = {}
                used.attempt = used.attempt
            own.order = Order("own")

    def job(order: Order, ctx: Any) -> Any:
        ledger = Ledger()
        ledger.post(ctx.order.id, "text")
        return ctx.order.id

    # What a worker reads, its finalizers read: the context holds what was submitted, or the row has moved on for all.
    with Finalizers(finalize) as finalizers:
        traced = host()  # its threads are traced
        for name in "ABC":
            order = Order(name)
            ctx.order = order
            assert traced.enqueue(order, ctx, job).result(WAIT) == name
        traced.close()
    assert len(finalizers.lines) > 100
    assert told(telemetry) == []
    assert what != "drops a row" or dropped
    waiting.queue.clear()
    gc.collect()
    assert telemetry.counted("handoff.in_flight") == {}


def test_a_finalizer_of_a_value_that_is_dropped_from_the_record(instrument: Instrument, telemetry: Telemetry) -> None:
    """A value that falls out of the bounded record may write to the context as it goes."""
    instrument("observe")
    row = Overtaken(lambda _order, ctx: ctx.order.id)
    row.wait_until_begun()
    gone: list[int] = []

    class Writing:
        def __init__(self, number: int) -> None:
            self.id = str(number)

        def __del__(self) -> None:
            gone.append(int(self.id))
            row.ctx.attempt = None

    for number in range(500):
        row.ctx.order = Writing(number)
    assert len(gone) > 300
    row.ctx.order = Order("B")
    assert row.go() == "B"
    assert told(telemetry) == [("A", "read", "used", {"order_id": "B"})]
    assert culprits(telemetry) == [threading.current_thread().name]


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_a_finalizer_waits_for_another_thread_that_hands_over(mode: str, instrument: Instrument) -> None:
    """A context that dies inside our code may wait for somebody who hands a row over: no lock of ours is held."""
    instrument(mode, boundaries=[boundary(QueuePool)])
    waiting, other = idle(QueuePool), idle(QueuePool)
    submitted: list[bool] = []

    class Waiting(Context):
        def __del__(self) -> None:
            done = threading.Event()

            def submit() -> None:
                order = Order("B")
                other.enqueue(order, Context(order=order), len)
                done.set()

            threading.Thread(target=submit, daemon=True).start()
            submitted.append(done.wait(WAIT))

    def drop_one() -> None:
        order = Order("A")
        waiting.enqueue(order, Waiting(order=order), len)

    drop_one()
    gc.collect()
    waiting.queue.clear()
    gc.collect()
    assert submitted
    assert all(submitted)


# -- fork

FORK = """
import os, sys, threading
import tests.hosts as hosts
from otel_handoff import HandoffInstrumentor, current_submission
from otel_handoff.host.guard import guard
from tests.telemetry import Telemetry

guard.reraise = True
mode, host, where = sys.argv[1:]
telemetry = Telemetry()
host = getattr(hosts, host)
HandoffInstrumentor().instrument(mode=mode, boundaries=[hosts.boundary(host)], **telemetry.options)

def overtaken(pool, ctx):
    begun, go = threading.Event(), threading.Event()
    def job(order, ctx):
        begun.set()
        assert go.wait(20)
        return ctx.order.id
    ctx.order = hosts.Order("A")
    future = pool.enqueue(ctx.order, ctx, job)
    assert begun.wait(20)
    return future, go

def story():
    return [(m.submission.ids["order_id"], m.evidence, m.outcome, m.observed["order_id"]) for m in telemetry.mismatches]

def child(ctx):
    # All that a process does: reads and writes of a context in flight, and rows of its own with threads of its own.
    telemetry.mismatches.clear()
    ctx.order = hosts.Order("C")
    assert ctx.order.id == "C"
    pool, own = host(), hosts.Context()
    future, go = overtaken(pool, own)
    own.order = hosts.Order("B")
    go.set()
    read = future.result(20)
    pool.close()
    HandoffInstrumentor().uninstrument()
    assert ctx.order.id == "C"
    os.write(1, f"child {read} {story()}\\n".encode())

def forked(ctx):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            child(ctx)
            status = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

pool, ctx = host(3), hosts.Context()
if where == "submitter":
    future, go = overtaken(pool, ctx)
    queued = [overtaken(pool, hosts.Context()) for _ in range(2)]
    assert forked(ctx) == 0
    ctx.order = hosts.Order("B")
    go.set()
    print("parent", future.result(20), story())
    for future, go in queued:
        go.set()
        assert future.result(20) == "A"
else:
    def job(order, ctx):
        assert current_submission().ids["order_id"] == "A"
        assert forked(ctx) == 0
        return ctx.order.id
    ctx.order = hosts.Order("A")
    print("parent", pool.enqueue(ctx.order, ctx, job).result(20), story())
pool.close()
assert guard.errors.value == 0
"""


def python(script: str, *arguments: str, timeout: float = 60) -> list[str]:
    """Run a script in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("mode", ["observe", "pin"])
@pytest.mark.parametrize("host", ["Pool", "QueuePool"])
@pytest.mark.parametrize("where", ["submitter", "worker"])
def test_fork_while_rows_are_in_flight(where: str, host: str, mode: str) -> None:
    """Both processes go on: the child's rows are the child's own, and the parent's are untouched."""
    needs_sdk()
    read, outcome = ("A", "prevented") if mode == "pin" else ("B", "used")
    child = f"child {read} [('A', 'read', '{outcome}', 'B')]"
    parent = f"parent {read} [('A', 'read', '{outcome}', 'B')]" if where == "submitter" else "parent A []"
    assert python(FORK, mode, host, where) == [child, parent]


FORK_WHILE_HANDING_OVER = """
import os, sys, threading
import tests.hosts as hosts
from otel_handoff import HandoffInstrumentor
import otel_handoff

HandoffInstrumentor().instrument(mode=sys.argv[1], boundaries=[hosts.boundary(hosts.QueuePool)])
ours = os.path.dirname(otel_handoff.__file__)
lines, arrived, go = [0], threading.Event(), threading.Event()
stop_at = [0]
stops = {}  # where it comes to for the first time, with all that called it: on a later one no other lock is held

def way(frame):
    while frame.f_code is not hand_over.__code__:
        yield frame.f_code, frame.f_lineno
        frame = frame.f_back

def trace(frame, event, arg):
    if not frame.f_code.co_filename.startswith(ours):
        return None
    def line(frame, event, arg):
        if event == "line":
            lines[0] += 1
            if not stop_at[0]:
                stops.setdefault(tuple(way(frame)), lines[0])
            if lines[0] == stop_at[0]:
                arrived.set()
                assert go.wait(20)
        return line
    return line

class Idle:
    def put(self, item):
        pass

def hand_over():
    pool = hosts.QueuePool.__new__(hosts.QueuePool)
    pool.queue = Idle()
    order = hosts.Order("A")
    pool.enqueue(order, hosts.Context(order=order), len)
    arrived.set()

def handing_over(stop):
    lines[0], stop_at[0] = 0, stop
    arrived.clear(); go.clear()
    threading.settrace(trace)
    thread = threading.Thread(target=hand_over)
    thread.start()
    threading.settrace(None)
    return thread

for _ in range(2):  # the first does what is done once
    stops.clear()
    thread = handing_over(0)
    thread.join()
hung = []
for stop in stops.values():
    thread = handing_over(stop)
    assert arrived.wait(20)
    pid = os.fork()
    if pid == 0:
        import faulthandler, signal
        signal.alarm(20)  # the kernel ends a child that hangs
        pool, ctx = hosts.QueuePool(), hosts.Context(order=hosts.Order("A"))
        ok = pool.enqueue(ctx.order, ctx, lambda order, ctx: ctx.order.id).result(15) == "A"
        pool.close()
        os._exit(0 if ok else 1)
    if os.waitpid(pid, 0)[1] != 0:
        hung.append(stop)
    go.set()
    thread.join()
    if len(hung) > 2:
        break
print(len(stops) > 50, hung)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_fork_while_another_thread_hands_over(mode: str) -> None:
    """At whatever line of ours the other thread is, the child can hand over and work: no lock is left held in it."""
    assert python(FORK_WHILE_HANDING_OVER, mode, timeout=100) == ["True []"]


def test_uninstrument_in_a_hook(instrument: Instrument, telemetry: Telemetry) -> None:
    """A hook may even end it all."""

    def hook(mismatch: Any) -> None:
        telemetry.mismatches.append(mismatch)
        HandoffInstrumentor().uninstrument()

    instrument("observe", on_mismatch=hook)
    before = dict(vars(Context))
    row = Overtaken(lambda order, ctx: Ledger().post(ctx.order.id, order.id))
    row.ctx.order = Order("B")
    row.go()
    assert [m.outcome for m in telemetry.mismatches] == ["used"]
    assert list(before) == list(vars(Context))
