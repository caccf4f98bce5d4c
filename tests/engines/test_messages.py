"""Messages over a bus of lists: whoever fills in their headers asks the propagator, as instrumentations do."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry import context as context_api
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_handoff import Boundary, Call, HandoffInstrumentor, HandoffMismatchError
from otel_handoff.handover.carriers import FIELD
from otel_handoff.propagator import HandoffPropagator
from tests import clean
from tests.telemetry import Telemetry

PROPAGATOR = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator(), HandoffPropagator()])


class Desk:
    """What the sender goes on changing."""

    row: Any = None
    notes: Any = None


class Bus:
    """A broker's client, and what it has sent: headers and body."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, str], bytes]] = []
        self.before: Callable[[], object] = nothing
        self.between: Callable[[], object] = nothing

    def send(self, row: Any, desk: Any) -> None:
        """Fill in the headers, and then make the body."""
        self.before()
        headers: dict[str, str] = {}
        PROPAGATOR.inject(headers)
        self.between()
        self.sent.append((headers, pickle.dumps((row, desk))))

    async def send_later(self, row: Any, desk: Any) -> None:
        """The same, in a coroutine."""
        await asyncio.sleep(0)
        self.send_now(row, desk)
        await asyncio.sleep(0)

    def send_now(self, row: Any, desk: Any) -> None:
        """What it calls."""
        Bus.send(self, row, desk)


def nothing() -> None:
    """As most."""


class Trail:
    """What was filed."""

    def __init__(self) -> None:
        self.filed: list[tuple[Any, Any]] = []
        self.asks: Callable[[], object] = nothing

    def file(self, row: Any, under: Any) -> None:
        """File `row` under an id."""
        self.asks()
        self.filed.append((row, under))


TRAIL = Trail()


def bill(row: Any, desk: Any) -> Any:
    """The work."""
    TRAIL.file(row, desk["row"] if isinstance(desk, dict) else desk.row)
    return baggage.get_baggage("tenant")


def work(bus: Bus) -> list[Any]:
    """Work on all that was sent, as a consumer does."""
    done: list[Any] = []
    while bus.sent:
        headers, body = bus.sent.pop(0)
        token = context_api.attach(PROPAGATOR.extract(headers))
        try:
            done.append(bill(*pickle.loads(body)))
        finally:
            context_api.detach(token)
    return done


@pytest.fixture(autouse=True)
def off_again() -> Iterator[None]:
    """What was turned on is turned off."""
    TRAIL.filed = []
    yield
    if HandoffInstrumentor().is_instrumented_by_opentelemetry:
        HandoffInstrumentor().uninstrument()


def instrument(telemetry: Telemetry, mode: str = "observe", submit: str = "send", **options: Any) -> None:
    """Declare what sends, and what works."""
    boundary = Boundary(
        name="bills",
        submit=f"{__name__}:Bus.{submit}",
        work=f"message:{__name__}:bill",
        context="desk",
        fields={"row": "row"},
        calls=[Call(f"{__name__}:Trail.file", ids={"row": "under"})],
    )
    HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary], **telemetry.options, **options)


def elsewhere(run: Callable[[], object]) -> None:
    """Run it in another thread, to its end."""
    thread = threading.Thread(target=run, name="other")
    thread.start()
    thread.join()


def moving(desk: Desk, row: Any) -> Callable[[], None]:
    """Another thread goes on with the desk."""
    return lambda: elsewhere(lambda: setattr(desk, "row", row))


def rows(bus: Bus, desk: Desk, at: str) -> None:
    """Send three, of which the desk moves on under the first two."""
    for row, following in (("r1", "r2"), ("r2", "r3"), ("r3", "r3")):
        desk.row = row
        setattr(bus, at, moving(desk, following) if following != row else nothing)
        bus.send(row, desk)


@pytest.mark.parametrize(("at", "culprit"), [("before", True), ("between", False)])
def test_each_wrong_record_is_told_where_it_is_filed(at: str, culprit: bool, telemetry: Telemetry) -> None:
    """Also where the body is made when the headers are filled in: then the write is not on the slip."""
    instrument(telemetry)
    bus = Bus()
    rows(bus, Desk(), at)
    assert telemetry.mismatches == []  # when the body is made nobody knows
    work(bus)
    assert TRAIL.filed == [("r1", "r2"), ("r2", "r3"), ("r3", "r3")]
    told = [(one.outcome, one.evidence, one.expected["row"], one.observed["row"]) for one in telemetry.mismatches]
    assert told == [("used", "call", "r1", "r2"), ("used", "call", "r2", "r3")]
    writers = {one.culprit and one.culprit.thread_name for one in telemetry.mismatches}
    assert writers == ({"other"} if culprit else {None})
    assert telemetry.unchecked() == {}


@pytest.mark.parametrize("at", ["before", "between"])
def test_pinned_nothing_is_wrong(at: str, telemetry: Telemetry) -> None:
    """The function that sends has a copy; what it leaves on that is on the original."""
    instrument(telemetry, "pin")
    bus = Bus()
    rows(bus, Desk(), at)
    work(bus)
    assert TRAIL.filed == [("r1", "r1"), ("r2", "r2"), ("r3", "r3")]
    assert [one.outcome for one in telemetry.mismatches if one.outcome != "prevented"] == []
    assert telemetry.unchecked() == {}


def test_strict_blocks_it_there(telemetry: Telemetry) -> None:
    """Nothing is filed wrongly."""
    instrument(telemetry, "strict")
    bus, desk = Bus(), Desk()
    desk.row, bus.before = "r1", moving(desk, "r2")
    bus.send("r1", desk)
    with pytest.raises(HandoffMismatchError):
        work(bus)
    assert TRAIL.filed == []


def test_a_body_that_was_made_before_is_not_accused(telemetry: Telemetry) -> None:
    """The desk has moved on by the time that the headers are filled in, and what was sent is right."""
    instrument(telemetry)
    bus, desk = Bus(), Desk()
    desk.row, bus.before = "r1", moving(desk, "r2")
    bus.send("r1", desk)
    desk.row = "r1"
    bus.sent[0] = bus.sent[0][0], pickle.dumps(("r1", desk))
    work(bus)
    assert TRAIL.filed == [("r1", "r1")]
    assert telemetry.mismatches == []


def test_what_else_came_stays(telemetry: Telemetry) -> None:
    """Baggage is not lost under the row, whose span is a child of that of its leaving; the slip is in none of it."""
    instrument(telemetry)
    bus, desk = Bus(), Desk()
    desk.row = "r1"
    token = context_api.attach(baggage.set_baggage("tenant", "acme"))
    bus.send("r1", desk)
    context_api.detach(token)
    headers = bus.sent[0][0]
    assert headers["baggage"] == "tenant=acme"
    assert json.loads(headers[FIELD])["ids"] == {"row": "r1"}
    assert work(bus) == ["acme"]
    (sent,), (done,) = telemetry.spans("send bills"), telemetry.spans("process bills")
    assert sent.context is not None
    assert done.parent is not None
    assert (done.parent.span_id, done.context and done.context.trace_id) == (
        sent.context.span_id,
        sent.context.trace_id,
    )


def test_a_coroutine_sends(telemetry: Telemetry) -> None:
    """The row goes with what it sends in any of its steps; with nothing that others send meanwhile."""
    instrument(telemetry, submit="send_later")
    bus, other, desk = Bus(), Bus(), Desk()

    async def both() -> None:
        desk.row = "r1"
        sending = bus.send_later("r1", desk)
        task = asyncio.ensure_future(sending)
        await asyncio.sleep(0)
        other.send_now("x", desk)
        await task

    asyncio.run(both())
    assert FIELD in bus.sent[0][0]
    assert FIELD not in other.sent[0][0]
    work(bus)
    assert TRAIL.filed == [("r1", "r1")]
    assert telemetry.unchecked() == {}


def test_a_function_that_sends_nothing_is_told(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or does so without headers: that its row is not known there is said here."""
    instrument(telemetry)
    bus, desk = Bus(), Desk()
    desk.row = "r1"
    monkeypatch.setattr(f"{__name__}.PROPAGATOR", TraceContextTextMapPropagator())
    bus.send("r1", desk)
    assert telemetry.unchecked() == {"other_process": 1}
    work(bus)
    assert telemetry.unchecked() == {"other_process": 1, "no_slip": 1}
    assert telemetry.mismatches == []


def test_one_that_raises_is_not(telemetry: Telemetry) -> None:
    """Nothing was sent."""
    instrument(telemetry)
    bus, desk = Bus(), Desk()
    desk.row = "r1"

    def fail() -> None:
        raise OSError

    bus.before = fail
    with pytest.raises(OSError):
        bus.send("r1", desk)
    assert telemetry.unchecked() == {}


def test_each_of_two_messages_is_a_row(telemetry: Telemetry) -> None:
    """One function may send to two."""
    instrument(telemetry, submit="send_now")
    bus, desk = Bus(), Desk()
    desk.row = "r1"
    bus.before = lambda: PROPAGATOR.inject(first)
    first: dict[str, str] = {}
    bus.send_now("r1", desk)
    numbers = {json.loads(headers[FIELD])["number"] for headers in (first, bus.sent[0][0])}
    assert len(numbers) == 2


@pytest.mark.parametrize(
    ("client", "sampled"),
    [
        *(
            (f"opentelemetry.instrumentation.{name}", sampled)
            for name in ("httpx", "grpc")
            for sampled in (True, False)
        ),
        ("opentelemetry.instrumentation.urllib3.of.some.version", False),
        ("shop.own_client", True),  # whose span says what it is
    ],
)
def test_a_request_goes_without(client: str, sampled: bool, telemetry: Telemetry) -> None:
    """What sends a message may ask others for this and that: no id of the row goes out with it, sampled or not."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

    instrument(telemetry)
    bus, desk = Bus(), Desk()
    desk.row = "r1"
    headers: dict[str, str] = {}
    tracer = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF).get_tracer("t")
    there: dict[str, Any] = {"__name__": client, "inject": PROPAGATOR.inject}
    exec("def ask(headers):\n    inject(headers)\n", there)

    def ask() -> None:
        with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT):
            there["ask"](headers)

    bus.before = ask
    with tracer.start_as_current_span("publish", kind=SpanKind.PRODUCER):
        bus.send("r1", desk)
    assert "traceparent" in headers
    assert FIELD not in headers
    assert FIELD in bus.sent[0][0]


def test_a_worker_sends_nothing_of_its_row(telemetry: Telemetry) -> None:
    """Neither the work, nor what sends for no boundary, nor a thread's hand-over."""
    instrument(telemetry)
    bus, desk = Bus(), Desk()
    desk.row = "r1"
    bus.send("r1", desk)
    found: dict[str, str] = {}
    TRAIL.asks = lambda: PROPAGATOR.inject(found)
    try:
        work(bus)
    finally:
        TRAIL.asks = nothing
    assert "traceparent" in found
    assert FIELD not in found


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 10_000, "x" * 10_000_000, json.dumps({"version": 2}), json.dumps({"version": 1}), b"\xff", 7],
)
def test_what_is_no_slip_is_told_and_no_more(text: Any, telemetry: Telemetry) -> None:
    """The work is done all the same; of ten megabytes nothing is kept."""
    instrument(telemetry)
    context = PROPAGATOR.extract({FIELD: [text]})
    kept = [value for value in context.values() if hasattr(value, "text")]
    assert all(len(each.text) < 10_000 for each in kept)
    token = context_api.attach(context)
    bill("r1", {"row": "r1"})
    context_api.detach(token)
    assert TRAIL.filed == [("r1", "r1")]
    assert telemetry.unchecked() == {"slip_unread" if text else "no_slip": 1}
    assert telemetry.mismatches == []


def test_a_hand_over_to_threads_sends_nothing(telemetry: Telemetry) -> None:
    """What it tells others meanwhile is no hand-over of its row."""
    boundary = Boundary(
        name="bills", submit=f"{__name__}:Bus.send", work=f"{__name__}:bill", context="desk", fields={"row": "row"}
    )
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary], **telemetry.options)
    bus, desk = Bus(), Desk()
    desk.row = "r1"
    bus.send("r1", desk)
    assert "handoff-slip" not in bus.sent[0][0]
    assert telemetry.spans("send bills") == []


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"work": "message:shop.desk:bill"}, "submit is missing"),
        ({"work": "message:shop.desk:bill", "submit": "a:b", "pools": ["c:d"]}, "pools is of threads"),
        ({"work": "message:shop.desk:bill:more", "submit": "a:b"}, "work"),
        ({"work": "message:shop.desk:bill", "submit": "a:b", "context": ["x", "y"]}, "one is compared"),
        ({"work": "ray:shop.bill", "submit": "a:b"}, "submit is of threads"),
        ({"work": "ray:shop:bill"}, "'ray:' and a task's module"),
    ],
)
def test_what_cannot_be_meant_is_said(declared: dict[str, Any], said: str) -> None:
    """In one sentence, when it is declared."""
    with pytest.raises(ValueError, match=said):
        Boundary(name="bills", **declared)


def test_a_module_may_be_called_message() -> None:
    """Then that is a plain function."""
    assert Boundary(name="bills", work="message:bill").engine == ""


def test_what_is_not_asked_for_is_not_read(telemetry: Telemetry) -> None:
    """A slip from anybody does nothing to rows of threads."""
    boundary = Boundary(name="bills", work=f"{__name__}:bill", context="desk", fields={"row": "row"})
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary], **telemetry.options)
    slip = {"version": 1, "boundary": "bills", "process": "p", "number": 1, "time": 1, "thread": "t", "place": "p"}
    token = context_api.attach(PROPAGATOR.extract({FIELD: json.dumps({**slip, "ids": {"row": "forged"}})}))
    bill("r1", {"row": "r1"})
    context_api.detach(token)
    assert telemetry.mismatches == []
    assert telemetry.counted("handoff.arrived_rows") == {}


def test_everything_can_be_kept_at_home(telemetry: Telemetry) -> None:
    """Nothing goes along, and nothing is told."""
    instrument(telemetry, remote=False)
    bus, desk = Bus(), Desk()
    desk.row = "r1"
    bus.send("r1", desk)
    assert FIELD not in bus.sent[0][0]
    work(bus)
    assert telemetry.unchecked() == {}


def test_ids_may_go_as_hashes(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key that both sides have."""
    monkeypatch.setenv("OTEL_HANDOFF_IDS_KEY", "secret")
    instrument(telemetry, ids="hashed")
    bus = Bus()
    rows(bus, Desk(), "before")
    assert '"r1"' not in bus.sent[0][0][FIELD]
    work(bus)
    assert [one.outcome for one in telemetry.mismatches] == ["used", "used"]


@clean.lasting
def test_clean_rows_without_a_word(telemetry: Telemetry) -> None:
    """Nothing is told of them, and nothing of them stays."""
    instrument(telemetry)
    bus = Bus()
    for number in range(clean.ROWS):
        desk = Desk()
        desk.row = f"r{number}"
        bus.send(desk.row, desk)
    work(bus)
    assert len(TRAIL.filed) == clean.ROWS
    assert (telemetry.mismatches, telemetry.unchecked()) == ([], {})
    assert set(telemetry.counted("handoff.in_flight").values()) <= {0}
    assert (
        telemetry.counted("handoff.sent_rows") == telemetry.counted("handoff.arrived_rows") == {("bills",): clean.ROWS}
    )


@pytest.mark.parametrize(("pins", "filed"), [(None, "r0"), ("ids", "r1")])
def test_ids_are_what_is_read_there(pins: str | None, filed: str, telemetry: Telemetry) -> None:
    """What the messages of a process share has another's id, and the arguments say which row it is."""
    declared: dict[str, Any] = {"context": "desk", "fields": {"row": "row"}, "ids": {"row": "row"}, "pins": pins}
    boundary = Boundary(name="bills", submit=f"{__name__}:Bus.send", work=f"message:{__name__}:bill", **declared)
    HandoffInstrumentor().instrument(mode="pin", boundaries=[boundary], **telemetry.options)
    desk = Desk()
    desk.row = "r0"
    bill("r1", desk)
    assert TRAIL.filed == [("r1", filed)]
