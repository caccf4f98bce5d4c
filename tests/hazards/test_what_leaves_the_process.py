"""Mismatches, submissions, errors and log records are pickled, copied and walked through by whatever a host has."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import json
import logging
import logging.handlers
import multiprocessing
import pickle
import queue
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from otel_handoff import Call, HandoffMismatchError, Mismatch
from tests.hazards.conftest import Instrument
from tests.hazards.rows import overtake
from tests.hosts import WAIT, Context, Ledger, Order, boundary
from tests.telemetry import Telemetry


class Unsendable:
    """An id that is neither pickled nor copied."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.Lock()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unsendable) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<Unsendable {self.name}>"

    def __str__(self) -> str:
        return f"id {self.name}"


class Raising:
    """An id that raises whatever is asked of it."""

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError("incomparable")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise ArithmeticError("unprintable")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise ArithmeticError("unpicklable")


class Subject(str):  # noqa: SLOT000
    """An id whose class is the host's."""


IDS: dict[str, tuple[Any, Any]] = {
    "text": ("state-1", "state-2"),
    "uuid": (uuid.UUID(int=1), uuid.UUID(int=2)),
    "number": (1, 2.5),
    "decimal": (Decimal("1.0"), Decimal("2.0")),
    "text-of-the-host": (Subject("a"), Subject("b")),
    "unsendable": (Unsendable("a"), Unsendable("b")),
    "raising": (Raising(), Raising()),
    "none": ("state-1", None),
}
EACH = pytest.mark.parametrize("kind", IDS)


@pytest.fixture
def race(instrument: Instrument, telemetry: Telemetry) -> Callable[..., Mismatch]:
    """Have a worker read, and file, the id of another attempt, and return the mismatch."""

    def race(kind: str = "text", mode: str = "observe", **options: Any) -> Mismatch:
        first, second = IDS[kind]
        call = Call("tests.hosts:Ledger.post", {"attempt": "attempt"}, {"audit.text": "text"})
        instrument(mode, boundaries=[boundary(calls=[call])], **options)

        def to_second(ctx: Any) -> None:
            ctx.attempt = second

        def work(order: Order, ctx: Any) -> None:
            Ledger().post(order.id, "entry", ctx.attempt)

        try:
            overtake(work, to_second, Context(attempt=first))
        except HandoffMismatchError as error:
            assert error.mismatch is telemetry.mismatches[0]  # noqa: PT017
        [mismatch] = telemetry.mismatches
        return mismatch

    return race


FAR = """
import base64, json, pickle, sys
it = pickle.loads(base64.b64decode(sys.argv[1]))
submission = getattr(it, "submission", None)
culprit = getattr(it, "culprit", None)
whole = {"type": type(it).__name__, "str": str(it), "location": getattr(it, "location", None)}
if hasattr(it, "as_dict"):
    whole["as_dict"] = it.as_dict()
if submission is not None:
    whole["submitted"] = [submission.location, repr(submission), dict(submission.attributes)]
if culprit is not None:
    whole["written"] = [culprit.location, repr(culprit.value)]
print(json.dumps(whole))
"""


def told_elsewhere(it: Any, protocol: int = pickle.HIGHEST_PROTOCOL) -> dict[str, Any]:
    """What is told of a pickled object in another process."""
    try:
        written = base64.b64encode(pickle.dumps(it, protocol)).decode()
    except Exception as error:
        pytest.fail(f"cannot be pickled: {error!r}")
    done = subprocess.run([sys.executable, "-c", FAR, written], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@EACH
def test_a_mismatch_reads_the_same_elsewhere(kind: str, race: Callable[..., Mismatch]) -> None:
    """Report, places, ids and culprit, whatever the ids are."""
    mismatch = race(kind)
    found = told_elsewhere(mismatch)
    assert found["str"] == str(mismatch)
    assert found["location"] == mismatch.location
    assert found["location"].startswith("hazards/test_what_leaves_the_process.py:")
    assert found["as_dict"] == mismatch.as_dict()
    assert found["submitted"][0] == mismatch.submission.location
    assert found["submitted"][2] == mismatch.submission.attributes
    assert mismatch.culprit is not None
    assert found["written"][0] == mismatch.culprit.location


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_in_each_protocol(mode: str, protocol: int, race: Callable[..., Mismatch]) -> None:
    """What is loaded tells the same, and is pickled on."""
    mismatch = race(mode=mode)
    for whole in (mismatch, mismatch.submission, mismatch.culprit):
        loaded = pickle.loads(pickle.dumps(whole, protocol))
        again = pickle.loads(pickle.dumps(loaded, protocol))
        assert type(again) is type(whole)
        assert again.location == whole.location  # pyright: ignore[reportOptionalMemberAccess]
        if isinstance(again, Mismatch):
            assert str(again) == str(loaded) == str(mismatch)
            assert again == loaded or again.submission is not loaded.submission
            assert dict(again.submission.ids) == dict(mismatch.submission.ids)


def test_the_trace_that_it_was_submitted_in_goes_along(race: Callable[..., Mismatch], telemetry: Telemetry) -> None:
    """The submission's OpenTelemetry context is, elsewhere, that of a span in another process."""
    from opentelemetry import trace

    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("submit") as span:
        mismatch = race()
    loaded = pickle.loads(pickle.dumps(mismatch.submission))
    found = trace.get_current_span(loaded.otel_context).get_span_context()
    context = span.get_span_context()
    assert (found.trace_id, found.span_id, found.is_remote) == (context.trace_id, context.span_id, context.is_valid)


@EACH
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_same(how: Callable[[Any], Any], kind: str, race: Callable[..., Mismatch]) -> None:
    """They are immutable, so nothing is gained by another one."""
    mismatch = race(kind)
    for whole in (mismatch, mismatch.submission, mismatch.culprit, mismatch.frames):
        assert how(whole) is whole
    [held] = how([mismatch])
    assert held is mismatch


@pytest.mark.parametrize("kind", ["text", "uuid", "number", "decimal"])
def test_asdict(kind: str, race: Callable[..., Mismatch]) -> None:
    """`dataclasses.asdict` and `replace` work on it, as on any dataclass."""
    mismatch = race(kind)
    fields = dataclasses.asdict(mismatch)
    assert fields["submission"] is mismatch.submission
    assert fields["observed"] == mismatch.observed
    assert mismatch.culprit is not None
    assert fields["culprit"]["value"] == mismatch.culprit.value
    assert dataclasses.replace(mismatch, occurrence=7).location == mismatch.location
    assert dataclasses.replace(mismatch) == mismatch


# -- the error


def raised(kind: str, race: Callable[..., Mismatch]) -> HandoffMismatchError:
    """The error of strict mode."""
    return HandoffMismatchError(race(kind, "strict"))


def raise_it(error: Exception) -> None:
    """Work for another process."""
    raise error


@EACH
def test_the_error_reads_the_same_elsewhere(kind: str, race: Callable[..., Mismatch]) -> None:
    """In its text, and in the mismatch that it has."""
    error = raised(kind, race)
    assert told_elsewhere(error)["str"] == str(error)
    assert told_elsewhere(error.mismatch)["str"] == str(error.mismatch)
    copied = copy.copy(error)
    assert (str(copied), copied.mismatch) == (str(error), error.mismatch)
    assert copy.deepcopy(error).mismatch is error.mismatch


def test_the_error_out_of_another_process(race: Callable[..., Mismatch]) -> None:
    """A process pool hands it over as it hands over any other, with what has been put on it."""
    error = raised("text", race)
    vars(error)["row"] = 7
    with (
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool,
        pytest.raises(HandoffMismatchError) as caught,
    ):
        pool.submit(raise_it, error).result(60)
    assert str(caught.value) == str(error)
    assert str(caught.value.mismatch) == str(error.mismatch)
    assert vars(caught.value)["row"] == 7


# -- hashed ids


@pytest.mark.parametrize("key", ["", "a secret"])
def test_hashed_ids_leave_it_as_hashes(
    key: str, race: Callable[..., Mismatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an id nor the key is in what is pickled; a copy has them, as it does not leave the process."""
    monkeypatch.setenv("OTEL_HANDOFF_IDS_KEY", key)
    mismatch = race(ids="hashed")
    for whole in (mismatch, mismatch.submission, mismatch.culprit, HandoffMismatchError(mismatch)):
        written = pickle.dumps(whole)
        assert b"state-1" not in written
        assert b"state-2" not in written
        assert not key or key.encode() not in written
    assert pickle.loads(pickle.dumps(mismatch)).as_dict() == mismatch.exported().as_dict()
    assert copy.deepcopy(mismatch).observed == {"attempt": "state-2"}


# -- the log record


@pytest.fixture
def handlers() -> Iterator[list[logging.Handler]]:
    """Handlers of the root logger, for this test."""
    found: list[logging.Handler] = []
    root = logging.getLogger()
    yield found
    for handler in found:
        root.removeHandler(handler)


def listen(handlers: list[logging.Handler], handler: logging.Handler) -> None:
    """Have the root logger send to a handler."""
    handlers.append(handler)
    logging.getLogger().addHandler(handler)


class Socket(logging.handlers.SocketHandler):
    """Keeps what it would send."""

    def __init__(self) -> None:
        super().__init__("localhost", 9)
        self.sent: list[bytes] = []
        self.lost: list[str] = []

    def send(self, s: Any) -> None:
        """Send nothing."""
        self.sent.append(bytes(s))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Remember what went wrong."""
        self.lost.append(repr(sys.exc_info()[1]))


@EACH
def test_a_socket_handler(kind: str, race: Callable[..., Mismatch], handlers: list[logging.Handler]) -> None:
    """It pickles the record; who receives it need not have otel-handoff, nor the classes of the ids."""
    socket = Socket()
    listen(handlers, socket)
    mismatch = race(kind)
    assert socket.lost == []
    [sent] = socket.sent
    far = (
        "import base64, json, logging, pickle, sys\n"
        "sys.modules['otel_handoff'] = sys.modules['tests'] = None\n"
        "record = logging.makeLogRecord(pickle.loads(base64.b64decode(sys.argv[1])))\n"
        "print(json.dumps([record.getMessage(), record.handoff_mismatch]))"
    )
    command = [sys.executable, "-c", far, base64.b64encode(sent[4:]).decode()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [str(mismatch), mismatch.as_dict()]


@EACH
def test_a_queue_to_another_process(kind: str, race: Callable[..., Mismatch], handlers: list[logging.Handler]) -> None:
    """It arrives."""
    channel: Any = multiprocessing.get_context("spawn").Queue()
    listen(handlers, logging.handlers.QueueHandler(channel))
    try:
        mismatch = race(kind)
        record = channel.get(timeout=WAIT)
    except queue.Empty:
        pytest.fail("the record was lost on its way")
    finally:
        channel.close()
        channel.join_thread()
    assert record.handoff_mismatch == mismatch.as_dict()


@EACH
def test_a_json_formatter(kind: str, race: Callable[..., Mismatch], handlers: list[logging.Handler]) -> None:
    """One that walks through what is in `extra` writes a line, with all facts."""
    formatter = pytest.importorskip("pythonjsonlogger.json", reason="pip install 'otel-handoff[test]'")
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter.JsonFormatter())
    listen(handlers, handler)
    mismatch = race(kind)
    [line] = out.getvalue().splitlines()
    assert json.loads(line)["handoff_mismatch"] == json.loads(json.dumps(mismatch.as_dict()))


def test_what_nobody_hears_is_not_made(race: Callable[..., Mismatch], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the logger is off, no primitives are made of the mismatch."""
    made: list[object] = []
    monkeypatch.setattr(Mismatch, "as_dict", made.append)
    logging.getLogger("otel_handoff").setLevel(logging.CRITICAL)
    try:
        race()
    finally:
        logging.getLogger("otel_handoff").setLevel(logging.NOTSET)
    assert made == []
