"""A worker is stopped from outside: an exception sent to its thread arrives, also where it comes up in ours."""

from __future__ import annotations

import bdb
import contextlib
import ctypes
import functools
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from types import FrameType
from typing import Any, cast

import pytest

from otel_handoff import Call
from otel_handoff.handover.lease import active
from otel_handoff.handover.transport import submitting
from otel_handoff.host.guard import Guard
from tests.hazards.conftest import Instrument
from tests.hosts import WAIT, Context, Ledger, Order, Pool, boundary


class StopError(Exception):
    """A time limit's own error."""


SENT = pytest.mark.parametrize("kind", [StopError, LookupError, AttributeError, TimeoutError, ValueError, RuntimeError])

_send: Any = ctypes.PyDLL(None).PyThreadState_SetAsyncExc if sys.platform != "win32" else None
if _send is not None:
    _send.argtypes = [ctypes.c_ulong, ctypes.py_object, ctypes.py_object]  # one more, which it does not look at


def send(thread: int, kind: type[BaseException]) -> None:
    """What stopit, rq's timer and others do."""
    assert _send(thread, kind, None) == 1


def striking(kind: type[BaseException]) -> Any:
    """What sends the calling thread an exception.

    It takes one argument, and is not written in Python: whoever calls it is the first to meet what was sent.
    """
    return functools.partial(_send, threading.get_ident(), kind)


class Held:
    """An id; whoever asks whether it is equal to another is struck once the test wants that."""

    __hash__ = object.__hash__


class Waiting:
    """A context with an order, and an id behind a property."""

    def __init__(self) -> None:
        self.order = Order("A")


@SENT
@pytest.mark.parametrize("way", ["read", "call"])
def test_while_ids_are_compared(way: str, kind: type[Exception], instrument: Instrument) -> None:
    """It reaches the worker, as what it raised."""
    calls = [Call("tests.hosts:Ledger.post", {"attempt": "attempt"})]
    instrument(boundaries=[boundary(calls=calls)])

    class Mine(Held): ...

    pool, ctx, overtaken = Pool(), Context(attempt=cast("Any", Mine())), threading.Event()

    def job(_order: Order, ctx: Any) -> object:
        assert overtaken.wait(WAIT)
        other: Any = Held()
        cast("Any", Mine).__eq__ = staticmethod(striking(kind))
        return ctx.attempt if way == "read" else Ledger().post("A", "text", other)

    future = pool.enqueue(Order("A"), ctx, job)
    if way == "read":
        ctx.attempt = cast("Any", Held())
    overtaken.set()
    assert type(future.exception(WAIT)) is kind
    # Nothing of the row is left on its thread.
    assert pool.executor.submit(active.get).result(WAIT) is None
    pool.close()


@SENT
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_while_a_row_is_handed_over(mode: str, kind: type[Exception], instrument: Instrument) -> None:
    """It reaches the submitter, out of its call of the submit function."""

    class Ctx(Waiting):
        attempt = property(striking(kind), lambda _self, _value: None)

    instrument(mode)
    pool, ctx = Pool(), cast("Any", Ctx())
    with pytest.raises(kind):
        pool.enqueue(ctx.order, ctx, lambda _order, _ctx: None)
    assert submitting.get() is None
    pool.close()


@SENT
def test_while_a_mismatch_is_told(kind: type[Exception], instrument: Instrument) -> None:
    """It reaches the worker out of our alerts: here, out of the text that an id gives."""

    class Shown(Held):
        __repr__ = object.__repr__

    instrument()
    pool, ctx, overtaken = Pool(), Context(attempt=cast("Any", Held())), threading.Event()

    def job(_order: Order, ctx: Any) -> object:
        assert overtaken.wait(WAIT)
        text = striking(kind)

        def tell(shown: object) -> str:
            return str(text(shown))

        cast("Any", Shown).__str__ = tell
        return ctx.attempt

    future = pool.enqueue(Order("A"), ctx, job)
    ctx.attempt = cast("Any", Shown())
    overtaken.set()
    assert type(future.exception(WAIT)) is kind
    pool.close()


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_in_a_loop_of_reads(mode: str, instrument: Instrument) -> None:
    """It arrives at a worker that reads a wrong id over and over, wherever that is just then."""
    instrument(mode)
    for _ in range(20):
        pool, ctx, thread, begun = Pool(), Context(order=Order("A")), list[int](), threading.Event()

        def job(_order: Order, ctx: Any, thread: list[int] = thread, begun: threading.Event = begun) -> None:
            thread.append(threading.get_ident())
            while True:
                ctx.order  # noqa: B018
                begun.set()

        assert ctx.order is not None
        future = pool.enqueue(ctx.order, ctx, job)
        assert begun.wait(WAIT)
        ctx.order = Order("B")
        send(thread[0], StopError)
        assert type(future.exception(WAIT)) is StopError
        pool.close()


class LimitError(Exception):
    """A time limit's error that has a text, as rq's."""

    def __init__(self) -> None:
        super().__init__("took too long")


def swallowed(source: str, module: str, kind: type[Exception]) -> bool:
    """Whether a guard around `run()`, a function of `module`, keeps what comes of it."""
    names: dict[str, Any] = {"__name__": module, "strike": striking(kind)}
    exec(source, names)
    guarded = Guard()
    with contextlib.suppress(kind), guarded:
        names["run"]()
    return guarded.errors.value == 1


_CALLS = "def run():\n    strike(None)\n    return [None for _ in range(3)]"

_ENTERS = """
class Held:
    __eq__ = staticmethod(strike)

def inner():
    return [None for _ in range(3)]

def run():
    Held() == None
    return inner()
"""


@pytest.mark.parametrize(
    "module", ["otel_handoff.judge.detector", "otel_handoff.handover.findings", "otel_handoff.watch.writes"]
)
def test_one_with_a_text_where_we_ask_nobody(module: str) -> None:
    """A host's own kind of error, in a function that calls nothing of the host's, cannot have been raised there."""
    assert not swallowed(_CALLS, module, LimitError)


def test_one_with_a_text_where_we_ask_the_host() -> None:
    """There it may be what a host's object raised that is not written in Python, and stays away from the host."""
    assert swallowed(_CALLS, "otel_handoff.host.fields", LimitError)
    assert not swallowed(_CALLS, "otel_handoff.host.fields", StopError)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 looks for it at other places")
def test_one_with_a_text_where_python_looks_for_it() -> None:
    """At the start of a function nothing else can come, whatever it is."""
    assert not swallowed(_ENTERS, "otel_handoff.host.fields", LimitError)


# -- signals and debuggers


@pytest.fixture
def alarm() -> Iterator[Callable[[Any], None]]:
    """Set the handler of a signal, for this test."""
    before = signal.getsignal(signal.SIGUSR1)

    def alarm(handler: Any) -> None:
        signal.signal(signal.SIGUSR1, handler)

    yield alarm
    signal.signal(signal.SIGUSR1, before)


def raising(_number: int, _frame: FrameType | None) -> None:
    """A handler of a time limit."""
    raise StopError("took too long")


class Handler:
    """The same as an object, and as a method."""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle it."""
        raising(number, frame)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handle it."""
        raising(number, frame)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
@pytest.mark.parametrize(
    "handler",
    [raising, Handler(), Handler().handle, functools.partial(raising)],
    ids=["function", "object", "method", "partial"],
)
def test_a_signal_handler_that_raises(handler: Any, alarm: Callable[[Any], None], instrument: Instrument) -> None:
    """It reaches the submitter, though it came up in a property that we read."""
    alarm(handler)

    class Ctx(Waiting):
        @property
        def attempt(self) -> str:
            signal.raise_signal(signal.SIGUSR1)
            return "never"

        @attempt.setter
        def attempt(self, value: object) -> None: ...

    instrument()
    pool, ctx = Pool(), cast("Any", Ctx())
    with pytest.raises(StopError):
        pool.enqueue(ctx.order, ctx, lambda _order, _ctx: None)
    pool.close()


def test_whose_error_it_is_costs_little(instrument: Instrument, monkeypatch: pytest.MonkeyPatch) -> None:
    """A context without the attribute, as a dict is, makes ours raise at each row: no handler is looked for then."""
    asked: list[int] = []
    monkeypatch.setattr(signal, "getsignal", asked.append)
    instrument()
    pool = Pool()
    for _ in range(20):
        order = Order("a")
        pool.enqueue(order, cast("Any", {"order": order, "attempt": "1"}), lambda _order, _ctx: None)
    assert asked == []


def test_a_debugger_that_quits() -> None:
    """`q` at its prompt, in a function of ours, ends the program."""
    with pytest.raises(bdb.BdbQuit), Guard():
        raise bdb.BdbQuit


# -- and what is an error of ours stays one


def errors() -> Iterator[Callable[[], object]]:
    """Ways to fail that have nothing to do with it, with a text and without."""

    def raises() -> object:
        raise LookupError

    def generator() -> Generator[None]:
        yield

    def thrown() -> object:
        suspended = generator()
        next(suspended)
        return suspended.throw(ValueError())

    def deeper() -> object:
        return [raises() for _ in range(3)]

    yield raises
    yield thrown
    yield deeper
    yield functools.partial(next, iter(cast("tuple[int, ...]", ())))
    yield functools.partial(dict[str, int]().__getitem__, "key")
    yield lambda: queue.SimpleQueue[int]().get_nowait()
    yield lambda: int("x")
    yield lambda: getattr(object(), "missing")  # noqa: B009
    yield functools.partial(max, cast("Any", [1, "a"]))


@pytest.mark.parametrize("fail", list(errors()))
def test_an_error_of_ours_is_kept_from_the_host(fail: Callable[[], object]) -> None:
    """Whatever the host's objects, or our own slips, come to."""
    guarded = Guard()
    try:
        with guarded:
            fail()
        try:
            fail()
        except Exception as error:
            guarded.met(error)
    except Exception as error:
        pytest.fail(f"reached the host: {error!r}")
    assert guarded.errors.value == 2


def test_an_assertion_that_says_nothing() -> None:
    """It is raised by an instruction as well."""
    guarded = Guard()
    nothing: list[int] = []
    with guarded:
        assert nothing
    assert guarded.errors.value == 1


def test_the_control() -> None:
    """Without us, it comes up in whoever has called what sends it."""

    class Mine(Held):
        __eq__ = staticmethod(striking(StopError))

    with pytest.raises(StopError):
        assert bool(Mine() == Held())
