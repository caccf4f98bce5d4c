"""What is shared is found wherever it is: under another name, on the object, on a job, in a module, in a ContextVar."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import logging
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from types import SimpleNamespace
from typing import Any

import pytest

from otel_handoff import Boundary
from otel_handoff.handover.lease import Lease, active
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, OwnHost, declare, filed_by_a
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)

STATE: Any = SimpleNamespace(clients={"desk": None})
REQUEST: ContextVar[Any] = ContextVar("request")


class Elsewhere(OwnHost):
    """Is handed the desk, and keeps it where its workers find it."""

    def hand_over(self, ctx: Any, body: Body) -> Any:
        return self.submit(ctx, body)


class AnotherName(Elsewhere):
    """The worker calls it something else, and takes the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: queue.LifoQueue[Any] = queue.LifoQueue()

    def submit(self, ctx: Any, body: Body) -> Any:
        self.jobs.put((ctx, body))
        return self.pool.submit(self._take)

    def _take(self) -> Any:
        item, job = self.jobs.get()
        return self.work(job, item)

    def work(self, job: Body, item: Any) -> Any:  # type: ignore[override]
        return job(item)


class OnItself(Elsewhere):
    """Keeps it on itself."""

    desk: Any = None

    def hand_over(self, ctx: Any, body: Body) -> Any:
        self.desk = ctx
        return self.submit(body)

    def submit(self, body: Body) -> Any:  # type: ignore[override]
        return self.pool.submit(self.work, body)

    def work(self, body: Body) -> Any:  # type: ignore[override]
        return body(self.desk)


class ThroughTheClass(OnItself):
    """Takes its work function off the class."""

    def submit(self, body: Body) -> Any:  # type: ignore[override]
        return self.pool.submit(ThroughTheClass.work, self, body)

    def work(self, body: Body) -> Any:  # type: ignore[override]
        return body(self.desk)


class OnTheJob(Elsewhere):
    """Each row is a job, on which it is one of several things."""

    def hand_over(self, ctx: Any, body: Body) -> Any:
        return self.submit(SimpleNamespace(parts=[ctx], body=body))

    def submit(self, job: Any) -> Any:  # type: ignore[override]
        return self.pool.submit(self.work, job)

    def work(self, job: Any) -> Any:  # type: ignore[override]
        return job.body(job.parts[0])


class OpenEnded(Elsewhere):
    """Takes whatever it is given."""

    def hand_over(self, ctx: Any, body: Body) -> Any:
        return self.submit(ctx, job=body)

    def submit(self, *given: Any, **more: Any) -> Any:
        return self.pool.submit(self.work, *given, **more)

    def work(self, *given: Any, **more: Any) -> Any:
        return more["job"](given[0])


class InAModule(Elsewhere):
    """The whole process has one."""

    def hand_over(self, ctx: Any, body: Body) -> Any:
        STATE.clients["desk"] = ctx
        return self.submit(body)

    def submit(self, body: Body) -> Any:  # type: ignore[override]
        return self.pool.submit(self.work, body)

    def work(self, body: Body) -> Any:  # type: ignore[override]
        return body(STATE.clients["desk"])


class InAContextVariable(InAModule):
    """Each request has its own, and the pool's threads are the first one's."""

    def hand_over(self, ctx: Any, body: Body) -> Any:
        REQUEST.set(ctx)
        return self.submit(body)

    def submit(self, body: Body) -> Any:  # type: ignore[override]
        context = copy_context()
        return self.pool.submit(lambda: context.run(self.work, body))

    def work(self, body: Body) -> Any:  # type: ignore[override]
        return body(REQUEST.get())


class Hands(threading.Thread):
    """A thread that has it on itself."""

    def __init__(self, desk: Any, body: Body) -> None:
        super().__init__(daemon=True)
        self.desk, self.body = desk, body

    def run(self) -> None:
        self.body(self.desk)


class Threads:
    """Makes one for each row."""

    def __init__(self) -> None:
        self.threads: list[Hands] = []

    def hand_over(self, ctx: Any, body: Body) -> Any:
        thread = Hands(ctx, body)
        self.threads.append(thread)
        thread.start()
        return thread

    def close(self) -> None:
        for thread in self.threads:
            thread.join(WAIT)


PLACES: list[tuple[Any, str, dict[str, str]]] = [
    (AnotherName, "ctx", {}),
    (OnItself, "self.desk", {}),
    (OnItself, "self", {"order_id": "desk.order_id"}),
    (ThroughTheClass, "self.desk", {}),
    (OnTheJob, "job.parts[0]", {}),
    (OpenEnded, "args.0", {}),
    (OpenEnded, "given.0", {}),
    (InAModule, f"{__name__}:STATE.clients[desk]", {}),
    (InAContextVariable, f"{__name__}:REQUEST", {}),
    (Threads, "self.desk", {}),
]


def at(host: Any, place: str, fields: dict[str, str], **options: Any) -> Boundary:
    """The boundary of `host`, whose desk is at `place`."""
    if host is Threads:
        options = {"submit": f"{__name__}:Hands.start", "work": f"{__name__}:Hands.run", **options}
    return declare(host, context=place, fields=fields or {"order_id": "order_id"}, **options)


@IN_EACH_MODE
@pytest.mark.parametrize(("host", "place", "fields"), PLACES)
def test_a_wrong_record_is_found(
    host: Any, place: str, fields: dict[str, str], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Order B is on the shared desk when A's worker files: it is told, refused, or prevented."""
    instrument(mode, boundaries=[at(host, place, fields)])
    filed = filed_by_a(host())
    if mode == "pin" and place != "self":  # it is in another object, which is not watched
        assert filed == "A"
    outcomes = {"B": {"used"}, "blocked": {"blocked"}, "A": {"prevented"}}[filed]
    assert (filed == "blocked") == (mode == "strict")
    assert {outcome for _, _, outcome, _ in told(telemetry)} == outcomes
    assert {(row, observed["order_id"]) for row, _, _, observed in told(telemetry)} == {("A", "B")}
    assert telemetry.unchecked() == {}


@IN_EACH_MODE
@pytest.mark.parametrize(("host", "place", "fields"), PLACES)
def test_a_right_record_is_not_accused(
    host: Any, place: str, fields: dict[str, str], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It is seen, and its row has a span."""
    instrument(mode, boundaries=[at(host, place, fields)])
    assert filed_by_a(host(), change=lambda _: None) == "A"
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    (span,) = telemetry.spans("process desk")
    assert dict(span.attributes or {})["desk.order_id"] == "A"


@pytest.mark.parametrize("place", ["self.desk", f"{__name__}:STATE.clients[desk]"])
def test_another_object_in_its_place_is_what_the_worker_reads(
    place: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Each row has a desk of its own, in the one place: by the time that the worker looks, it is the next row's."""
    host = OnItself() if place == "self.desk" else InAModule()
    instrument("observe", boundaries=[at(type(host), place, {})])
    ready, go = threading.Event(), threading.Event()
    first = host.pool.submit(lambda: ready.set() or go.wait(WAIT))
    assert ready.wait(WAIT)
    ledger = Ledger()
    rows = [host.hand_over(Desk(order_id), lambda desk: ledger.post(desk.order_id, "")) for order_id in "AB"]
    go.set()
    assert first.result(WAIT)
    assert [row.result(WAIT) for row in rows] == ["B:", "B:"]
    host.close()
    assert [(row, outcome, observed) for row, _, outcome, observed in told(telemetry)] == [
        ("A", "used", {"order_id": "B"})
    ]


def test_a_job_is_known_under_another_name_whichever_is_taken_first(
    instrument: Instrument, telemetry: Telemetry
) -> None:
    """The very object proves it."""
    instrument("observe", boundaries=[at(AnotherName, "ctx", {})])
    host = AnotherName()
    ready, go = threading.Event(), threading.Event()
    first = host.pool.submit(lambda: ready.set() or go.wait(WAIT))
    assert ready.wait(WAIT)
    rows = [host.submit(Desk(order_id), lambda desk: Ledger().post(desk.order_id, "")) for order_id in "ABCD"]
    go.set()
    assert first.result(WAIT)
    assert [row.result(WAIT) for row in rows] == ["D:", "C:", "B:", "A:"]
    host.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    spans = telemetry.spans("process desk")
    assert [dict(span.attributes or {})["desk.order_id"] for span in spans] == ["D", "C", "B", "A"]


def test_a_worker_that_is_given_another_object_is_none_of_them(instrument: Instrument, telemetry: Telemetry) -> None:
    """Though it is of the same class, and a row waits."""
    instrument("observe", boundaries=[at(AnotherName, "ctx", {})])
    host, desk = AnotherName(), Desk("A")
    taken: list[Lease | None] = []

    def take(_: Any) -> None:
        taken.append(active.get())

    host.jobs.put((Desk("other"), take))
    host.pool.submit = _dropped  # type: ignore[method-assign, assignment]
    host.submit(desk, take)
    (mine, job), (other, another) = host.jobs.get(), host.jobs.get()
    host.work(another, other)
    host.work(job, mine)
    assert [lease and lease.ids["order_id"] for lease in taken] == [None, "A"]
    assert telemetry.unchecked() == {"no_submission": 1}


def _dropped(*_: Any) -> None: ...


class Extended(OnItself):
    """Hands over in its own way, by what it extends; and a row of its own for each that it is given."""

    def submit(self, body: Body) -> Any:  # type: ignore[override]
        return super().submit(body)

    def work(self, body: Body) -> Any:  # type: ignore[override]
        return super().work(body)


def test_an_override_hands_over_one_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """What it calls, with the same arguments, is not another one; with others it is, whatever is shared."""
    instrument("observe", boundaries=[at(OnItself, "self.desk", {})])
    host = Extended()
    assert filed_by_a(host) == "B"
    assert [(row, outcome) for row, _, outcome, _ in told(telemetry)] == [("A", "used")]
    assert telemetry.counted("handoff.submissions") == {("desk",): 1}


def test_a_place_that_no_call_has_is_told(instrument: Instrument, caplog: pytest.LogCaptureFixture) -> None:
    """A global is no parameter; how it is written is said."""
    with caplog.at_level(logging.WARNING, "otel_handoff"):
        instrument("observe", boundaries=[at(InAModule, "STATE", {})])
        assert filed_by_a(InAModule()) == "B"
    assert caplog.messages[0] == (
        f"{__name__}:InAModule.submit has no parameter 'STATE': boundary 'desk' checks nothing. "
        f"Name the context's in Boundary(context=...). Did you mean '{__name__}:STATE'?"
    )


def test_what_is_no_argument_is_pinned_at_the_read(instrument: Instrument, caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing that a copy could be given for; nothing needs to be said of it."""
    instrument("pin", boundaries=[at(OnItself, "self.desk", {})])
    host, desk = OnItself(), Desk("A")
    seen: list[Any] = []
    host.hand_over(desk, lambda given: seen.extend([given, active.get()])).result(WAIT)
    host.close()
    given, lease = seen
    assert given is desk
    assert (lease.pinned, lease.at_read) == (False, True)
    assert caplog.messages == []


def test_what_cannot_be_pinned_at_the_read_either_is_told(
    instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Once: its rows are observed."""
    instrument("pin", boundaries=[at(OnItself, "self.desk", {}, pins="copy")])
    assert filed_by_a(OnItself()) == "B"
    assert [(row, outcome) for row, _, outcome, _ in told(telemetry)] == [("A", "used")]
    (message,) = [message for message in caplog.messages if "no argument" in message]
    assert message == (
        f"Boundary 'desk': what is at 'self.desk' is no argument of {__name__}:OnItself.submit, for which a worker "
        "could be given a copy, and is not pinned at the read: its rows are only observed."
    )


class Replacing(OnItself):
    """Has another desk for each row."""

    def work(self, body: Any) -> Any:
        return body(self)


@pytest.mark.parametrize(
    ("place", "path", "filed"), [("self.desk", "order_id", ["C", "B"]), ("self", "desk.order_id", ["A", "B"])]
)
def test_what_is_replaced(
    place: str, path: str, filed: list[str], instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker that has begun reads the other; that is told, with what is to be declared, which cures it."""
    work = f"{__name__}:Replacing.work"
    instrument("pin", boundaries=[at(Replacing, place, {"order_id": path}, submit=None, work=work)])
    host, begun, go = Replacing(), threading.Event(), threading.Event()

    def body(host: Any) -> Any:
        begun.set()
        assert go.wait(WAIT)
        ledger = Ledger()
        ledger.post(host.desk.order_id, "entry")
        return ledger.entries[0][0]

    host.desk = Desk("A")
    first = host.pool.submit(host.work, body)
    assert begun.wait(WAIT)
    host.desk = Desk("B")
    second = host.pool.submit(host.work, body)
    host.desk = Desk("C")
    go.set()
    found = [first.result(WAIT), second.result(WAIT)]
    host.close()
    assert found == filed
    hints = [message for message in caplog.messages if "is replaced" in message]
    assert [hint.partition("Declare ")[2] for hint in hints] == (
        [] if place == "self" else ["what has it: Boundary(context='self', fields={'order_id': 'desk.order_id'})."]
    )


@IN_EACH_MODE
@pytest.mark.parametrize(("host", "place"), [(OnItself, "self.desk"), (InAModule, f"{__name__}:STATE.clients[desk]")])
def test_where_the_work_function_is_named_alone(
    host: Any, place: str, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """The place is seen from there."""
    instrument(mode, boundaries=[at(host, place, {}, submit=None)])
    filed = filed_by_a(host())
    assert filed == {"observe": "B", "strict": "blocked", "pin": "A"}[mode]
    assert {(row, observed["order_id"]) for row, _, _, observed in told(telemetry)} == {("A", "B")}
    assert telemetry.unchecked() == {}


def test_a_row_waits_in_a_pool_that_is_shared(instrument: Instrument, telemetry: Telemetry) -> None:
    """No parameter, and the same object for all rows: whose each worker is cannot be known, and is told."""
    instrument("observe", boundaries=[at(Polled, "self.desk", {})])
    host = Polled()
    for order_id in "AB":
        host.desk = Desk(order_id)
        host.submit()
    assert [host.work(), host.work()] == ["B", "B"]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"ambiguous": 2}


class Polled:
    """The worker is given nothing."""

    def __init__(self) -> None:
        self.desk: Any = None
        self.pool = ThreadPoolExecutor(1)

    def submit(self) -> None:
        pass

    def work(self) -> Any:
        return self.desk.order_id


class InADict:
    """Has its desk's state in a dict."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.state: dict[str, Any] = {"order_id": "A"}

    def submit(self) -> Any:
        return self.pool.submit(self.work)

    def work(self) -> Any:
        return self.state["order_id"]


def test_what_has_it_is_named_where_that_can_be_pinned(
    instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    """A dict on the object cannot, and the object can; nor is pin advised where that is the mode."""
    where = f"{__name__}:InADict"
    instrument(
        "pin",
        boundaries=[
            Boundary("desk", f"{where}.submit", f"{where}.work", context="self.state", fields={"order": "order_id"})
        ],
    )
    host = InADict()
    host.submit().result(WAIT)
    host.pool.shutdown()
    assert "Declare what has it: Boundary(context='self', fields={'order': 'state.order_id'})." in caplog.text
    assert "set OTEL_HANDOFF_MODE=pin" not in caplog.text
