"""What a call files under stands where it stands: on its object, in a header, in what it returns."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from otel_handoff import Call, HandoffMismatchError
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Host, declare
from tests.hazards.rows import told
from tests.telemetry import Telemetry

Body = Callable[[Any], Any]

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class Desk:
    """Its order moves on behind the back of the class: only calls can tell."""

    order_id: Any = None


class Client:
    """Files what it is given under the id that it has itself."""

    def __init__(self, order_id: Any) -> None:
        self.order_id = order_id
        self.filed: list[Any] = []

    def post(self, _body: str) -> Any:
        self.filed.append(self.order_id)
        return SimpleNamespace(order_id=self.order_id, headers={"X-Order": str(self.order_id)})

    async def later(self, body: str) -> Any:
        await asyncio.sleep(0)
        if body == "fails":
            raise KeyError(body)
        return None if body == "none" else self.post(body)

    def send(self, body: str, *, headers: Any, **options: Any) -> Any:
        self.filed.append(headers["X-Order"])
        return None if body == "none" else (headers["X-Order"], options)

    def take(self) -> Any:
        return self.order_id

    @classmethod
    def make(cls, order_id: Any) -> Any:
        return cls(order_id)

    def any_of(self, *rest: Any, **named: Any) -> Any:
        self.filed.append(rest[0])
        return named


def work(mode: str, instrument: Instrument, call: Call, body: Body) -> Any:
    """Hand over A; its worker comes by B, and files."""
    instrument(mode, boundaries=[declare(Host, calls=[call])])
    desk, host = Desk(), Host()
    desk.order_id = "A"

    def files(_: Any) -> Any:
        try:
            return body("B")
        except HandoffMismatchError as error:
            return error

    try:
        return host.submit(desk, files).result(20)
    finally:
        host.close()


def client(method: str, **options: Any) -> Call:
    """The call of one of its methods."""
    return Call(f"{__name__}:Client.{method}", **options)


CASES: list[tuple[Call, Body]] = [
    (client("post", ids={"order_id": "self.order_id"}), lambda order: Client(order).post("")),
    (
        client("send", ids={"order_id": "headers[X-Order]"}),
        lambda order: Client(0).send("", headers={"X-Order": order}),
    ),
    (client("any_of", ids={"order_id": "args.0"}), lambda order: Client(0).any_of(order)),
    (client("any_of", ids={"order_id": "kwargs.id[to be]"}), lambda order: Client(0).any_of(0, id={"to be": order})),
]


@IN_EACH_MODE
@pytest.mark.parametrize(("call", "body"), CASES)
def test_it_is_compared_before_it_is_made(
    call: Call, body: Body, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Strict refuses it."""
    result = work(mode, instrument, call, body)
    assert isinstance(result, HandoffMismatchError) == (mode == "strict")
    assert told(telemetry) == [("A", "call", "blocked" if mode == "strict" else "used", {"order_id": "B"})]
    assert telemetry.unchecked() == {}


@IN_EACH_MODE
@pytest.mark.parametrize(("call", "body"), CASES)
def test_a_right_one_is_right(call: Call, body: Body, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Whether it is made for the first time, or again."""
    work(mode, instrument, call, lambda _: [body("A"), body("A")])
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


@IN_EACH_MODE
@pytest.mark.parametrize("path", ["result.order_id", "result.headers[X-Order]"])
def test_what_only_its_result_says_is_compared_when_it_has_returned(
    path: str, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It is filed by then, and is told as used; strict raises."""
    used = Client("B")
    result = work(mode, instrument, client("post", ids={"order_id": path}), lambda _: used.post(""))
    assert used.filed == ["B"]
    assert isinstance(result, HandoffMismatchError) == (mode == "strict")
    assert told(telemetry) == [("A", "call", "used", {"order_id": "B"})]


@IN_EACH_MODE
def test_what_is_awaited_says_it_then(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A coroutine is no result: what it comes to is."""
    used, call = Client("B"), client("later", ids={"order_id": "result.order_id"})
    result = work(mode, instrument, call, lambda _: asyncio.run(used.later("")))
    assert used.filed == ["B"]
    assert isinstance(result, HandoffMismatchError) == (mode == "strict")
    assert told(telemetry) == [("A", "call", "used", {"order_id": "B"})]
    assert telemetry.unchecked() == {}


def test_what_is_awaited_stays_what_it_is(instrument: Instrument, telemetry: Telemetry) -> None:
    """A coroutine of that name, what is right is right, and an error is an error. One that says nothing is told."""
    names: list[str] = []

    def body(_: Any) -> None:
        coroutine = Client("A").later("")
        names.extend([type(coroutine).__name__, coroutine.__qualname__])
        asyncio.run(coroutine)
        with pytest.raises(KeyError, match="fails"):
            asyncio.run(Client("A").later("fails"))
        assert telemetry.unchecked() == {}
        asyncio.run(Client("A").later("none"))

    assert work("strict", instrument, client("later", ids={"order_id": "result.order_id"}), body) is None
    assert names == ["coroutine", "Client.later"]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"field_unresolved": 1}


def test_a_right_result_is_right(instrument: Instrument, telemetry: Telemetry) -> None:
    """Also in another spelling."""
    call = client("post", ids={"order_id": "result.headers[X-Order]"})
    work("strict", instrument, call, lambda _: Client("A").post(""))
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


def test_a_result_that_does_not_say_it_is_told(instrument: Instrument, telemetry: Telemetry) -> None:
    """It is not called wrong."""
    call = client("send", ids={"order_id": "result[0]"})
    assert work("strict", instrument, call, lambda _: Client(0).send("none", headers={"X-Order": "B"})) is None
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"field_unresolved": 1}


def test_a_call_that_raises_returns_nothing(instrument: Instrument, telemetry: Telemetry) -> None:
    """Nor is anything compared."""
    call = client("send", ids={"order_id": "result[0]"})
    with pytest.raises(KeyError):
        work("observe", instrument, call, lambda _: Client(0).send("", headers={}))
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


def test_what_is_read_for_a_call_may_be_what_is_returned(instrument: Instrument, telemetry: Telemetry) -> None:
    """The record is then torn, of two."""
    calls = [
        client("take", ids={"order_id": "result"}, evidence="read"),
        client("post", ids={"order_id": "self.order_id"}),
    ]
    instrument("observe", boundaries=[declare(Host, calls=calls)])
    desk, host = Desk(), Host()
    desk.order_id = "A"

    def files(_: Any) -> None:
        Client("A").take()
        Client("B").post("")

    host.submit(desk, files).result(20)
    host.close()
    (mismatch,) = telemetry.mismatches
    assert mismatch.torn


@pytest.mark.parametrize(
    ("method", "path", "hint"),
    [
        ("post", "boddy.id", "has no parameter 'boddy', where 'boddy.id' starts: it is not compared."),
        ("post", "args.0", "has no parameter 'args', where 'args.0' starts: it is not compared."),
        ("make", "order.id", "has no parameter 'order', where 'order.id' starts: it is not compared."),
        ("take", "kwargs.id", "has no parameter 'kwargs', where 'kwargs.id' starts: it is not compared."),
    ],
)
def test_a_path_that_no_call_has_is_told_when_it_is_declared(
    method: str, path: str, hint: str, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """And counted, when it is called."""
    call = client(method, ids={"order_id": path})
    work("observe", instrument, call, lambda _: getattr(Client("B"), method)(*(["x"] if method != "take" else [])))
    target = f"{__name__}:Client.{method}"
    assert caplog.messages[0].startswith(f"Call {target!r}: ids['order_id']: {target} {hint}")
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"field_unresolved": 1}
