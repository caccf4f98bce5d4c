"""What a worker finds around it that is no argument, ContextVars and thread-locals, is its own row's in mode pin."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest

from otel_handoff import Boundary, Call, current_submission
from otel_handoff.handover.transport import submitting
from tests.hazards.conftest import Instrument
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

USER: ContextVar[str] = ContextVar("user", default="nobody")
LOCAL = threading.local()


class Request:
    """What the submitter works on."""

    def __init__(self, user: Any) -> None:
        self.user = user


class Service:
    """Serves requests on one thread, which keeps what was left on it."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.ledger = Ledger()

    def hand(self, request: Any, body: Any) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, request, body)

    def work(self, request: Any, body: Any) -> Any:
        """Work function."""
        return body(self, request)

    def close(self) -> None:
        """Wait for the thread."""
        self.pool.shutdown()


def declare(**options: Any) -> Boundary:
    """The service's, whose calls are filed under a user."""
    declared: dict[str, Any] = {
        "name": "service",
        "submit": f"{__name__}:Service.hand",
        "work": f"{__name__}:Service.work",
        "context": "request",
        "fields": {"user": "user"},
        "calls": [Call("tests.hosts:Ledger.post", {"user": "order_id"})],
    }
    return Boundary(**{**declared, **options})


def by_variable(service: Any, request: Any) -> Any:
    """File under the user of the ContextVar; leave another behind."""
    filed = service.ledger.post(USER.get(), request.user)
    USER.set("left")
    return filed


def by_local(service: Any, request: Any) -> Any:
    """File under the user of the thread."""
    return service.ledger.post(getattr(LOCAL, "user", None), request.user)


def sets_its_own(service: Any, request: Any) -> Any:
    """Do so first."""
    LOCAL.user = request.user
    return by_local(service, request)


def by_name(service: Any, request: Any) -> Any:
    """File under what it is given."""
    return service.ledger.post(request.user, "")


@pytest.fixture
def service() -> Any:
    """A service, and no user on this thread."""
    service = Service()
    yield service
    service.close()
    vars(LOCAL).clear()


def wrong(telemetry: Telemetry) -> list[tuple[Any, Any]]:
    """Whose records were told as wrong, and what they were filed under."""
    return [(m.submission.ids["user"], m.observed["user"]) for m in telemetry.mismatches if m.outcome == "used"]


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_a_worker_runs_in_the_contextvars_of_its_hand_over(
    mode: str, service: Service, instrument: Instrument, telemetry: Telemetry
) -> None:
    """What it leaves there is not the next one's; and without that, it is found."""
    instrument(mode, boundaries=[declare(contextvars=True)])
    filed: list[Any] = []
    for user in "AB":
        token = USER.set(user)
        filed.append(service.hand(Request(user), by_variable).result(WAIT))
        USER.reset(token)
    left = service.pool.submit(USER.get).result(WAIT)
    if mode == "pin":
        assert (filed, left, wrong(telemetry)) == (["A:A", "B:B"], "nobody", [])
    else:
        assert filed == ["nobody:A", "left:B"]
        assert wrong(telemetry) == [("A", "nobody"), ("B", "left")]
    assert telemetry.unchecked() == {}


def test_what_is_ours_is_not_taken_along(service: Service, instrument: Instrument, telemetry: Telemetry) -> None:
    """A worker hands over in turn: of that, the outer row is not current, nor is it being handed over."""
    instrument("pin", boundaries=[declare(contextvars=True)])
    other = Service()
    seen: list[Any] = []

    def inner(_service: Any, _request: Any) -> Any:
        submission = current_submission()
        seen.append((submission and submission.ids["user"], submitting.get()))
        return USER.get()

    def outer(_service: Any, _request: Any) -> Any:
        USER.set("inner")
        result = other.hand(Request("inner"), inner).result(WAIT)
        submission = current_submission()
        return result, submission and submission.ids["user"]

    token = USER.set("outer")
    assert service.hand(Request("outer"), outer).result(WAIT) == ("inner", "outer")
    USER.reset(token)
    other.close()
    assert seen == [("inner", None)]
    spans = {dict(span.attributes or {})["service.user"]: span for span in telemetry.spans("process service")}
    assert spans["inner"].parent is not None
    assert spans["inner"].parent.span_id == (spans["outer"].context and spans["outer"].context.span_id)


LOCALS = {"context": f"{__name__}:LOCAL"}


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_a_thread_has_the_row_s_value_and_gives_its_own_back(
    mode: str, service: Service, instrument: Instrument, telemetry: Telemetry
) -> None:
    """The submitter's thread has it; the pool's has another's, or none."""
    instrument(mode, boundaries=[declare(**LOCALS)])
    filed: list[Any] = []
    service.pool.submit(setattr, LOCAL, "user", "left").result(WAIT)
    for user in "AB":
        LOCAL.user = user
        filed.append(service.hand(Request(user), by_local).result(WAIT))
    assert service.pool.submit(getattr, LOCAL, "user").result(WAIT) == "left"
    if mode == "pin":
        assert (filed, wrong(telemetry)) == (["A:A", "B:B"], [])
    else:
        assert filed == ["left:A", "left:B"]
        assert wrong(telemetry) == [("A", "left"), ("B", "left")]
    assert telemetry.unchecked() == {}


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_the_row_says_itself_whose_it_is(
    mode: str, service: Service, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that forgets to set its own works under the one before; one that sets it is right."""
    instrument(mode, boundaries=[declare(**LOCALS, ids={"user": "request.user"})])
    bodies = [sets_its_own, by_local, sets_its_own, by_local]
    filed = [service.hand(Request(user), body).result(WAIT) for user, body in zip("ABCD", bodies, strict=True)]
    if mode == "pin":
        assert (filed, wrong(telemetry)) == (["A:A", "B:B", "C:C", "D:D"], [])
        assert service.pool.submit(hasattr, LOCAL, "user").result(WAIT) is False
    else:
        assert filed == ["A:A", "A:B", "C:C", "C:D"]
        assert wrong(telemetry) == [("B", "A"), ("D", "C")]
    assert [m.outcome for m in telemetry.mismatches if m.outcome != "used"] == []
    assert telemetry.unchecked() == {}
    assert [text for text in caplog.messages if "MISMATCH" not in text] == []  # a thread that has none says nothing


def test_it_is_given_back_whatever_the_worker_raises(service: Service, instrument: Instrument) -> None:
    """The thread serves others."""
    instrument("pin", boundaries=[declare(**LOCALS)])
    LOCAL.user = "A"

    def fails(_service: Any, _request: Any) -> None:
        assert LOCAL.user == "A"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        service.hand(Request("A"), fails).result(WAIT)
    assert service.pool.submit(hasattr, LOCAL, "user").result(WAIT) is False


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_a_thread_without_it_is_no_other_row_s(
    mode: str, service: Service, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that reads none of it is right."""
    instrument(mode, boundaries=[declare(**LOCALS)])
    LOCAL.user = "A"
    service.hand(Request("A"), by_name).result(WAIT)
    assert telemetry.mismatches == []
    assert telemetry.unchecked() == {}
    assert caplog.messages == []


STEPS: ContextVar[list[Any]] = ContextVar("steps", default=[])  # noqa: B039  that is what it is about
LIST = {"context": f"{__name__}:STEPS", "fields": {"user": "0.user"}, "ids": {"user": "request.user"}}


@pytest.fixture
def steps() -> Any:
    """The list that all threads have, empty."""
    STEPS.get().clear()
    yield STEPS.get()
    STEPS.get().clear()


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_a_list_that_a_contextvar_has_by_default(
    mode: str, alone: bool, steps: list[Any], instrument: Instrument, telemetry: Telemetry
) -> None:
    """In pin each worker has one of its own; what it leaves in it is there for all afterwards."""
    instrument(mode, boundaries=[declare(**LIST, **({"submit": None} if alone else {}))])
    service, both = Service(), threading.Barrier(2, timeout=WAIT)
    service.pool = ThreadPoolExecutor(2)

    def body(service: Any, request: Any) -> Any:
        both.wait()
        STEPS.get().append(request)
        both.wait()
        return service.ledger.post(STEPS.get()[0].user, request.user)

    filed = [each.result(WAIT) for each in [service.hand(Request(user), body) for user in "AB"]]
    service.close()
    assert sorted(request.user for request in steps) == ["A", "B"]
    if mode == "pin":
        assert (filed, wrong(telemetry)) == (["A:A", "B:B"], [])
    else:
        assert len(wrong(telemetry)) == 1
    assert telemetry.unchecked() == {}


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_a_list_that_tasks_have_by_default(
    mode: str, steps: list[Any], instrument: Instrument, telemetry: Telemetry
) -> None:
    """The same of coroutines: it is the row's own in each step."""
    instrument(mode, boundaries=[declare(**LIST, submit=None, work=f"{__name__}:Async.work")])

    async def rows() -> list[Any]:
        service = Async()
        return await asyncio.gather(*(service.work(Request(user)) for user in "AB"))

    filed = asyncio.run(rows())
    assert [request.user for request in steps] == ["A", "B"]
    if mode == "pin":
        assert (filed, wrong(telemetry)) == (["A:A", "B:B"], [])
    else:
        assert wrong(telemetry) == [("B", "A")]
    assert telemetry.unchecked() == {}


class Async:
    """Serves requests in tasks."""

    ledger = Ledger()

    async def work(self, request: Any) -> Any:
        """Work function."""
        STEPS.get().append(request)
        await asyncio.sleep(0)
        return self.ledger.post(STEPS.get()[0].user, request.user)
