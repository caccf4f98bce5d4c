"""Pinned at the read: a worker shares its context, and is given what was submitted where it reads a field of it."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from otel_handoff import HandoffMismatchError
from tests.hosts import WAIT
from tests.telemetry import Telemetry
from tests.unit.watch.one_row import Fanning, Global, Host, Ledger, OwnHost, on, race, told

SPARED = ("read", "prevented", {"order_id": "A"}, {"order_id": "B"}, "to_b")


class Desk:
    """A context."""

    order_id: Any = None
    result: Any = None

    def filed(self) -> Any:
        """Read the id in a method of the context's own."""
        return self.order_id


@dataclass
class Data(Desk):
    """Its attributes have defaults."""

    order_id: Any = None
    result: Any = None


class Slots:
    """It has no `__dict__`."""

    __slots__ = ("order_id", "result")

    def filed(self) -> Any:
        """Read it."""
        return self.order_id


class OverADict(Desk):
    """Its id is a property, whose values lie in a dict."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    @property
    def order_id(self) -> Any:
        """Its id."""
        return self.values.get("order_id")

    @order_id.setter
    def order_id(self, order_id: Any) -> None:
        self.values["order_id"] = order_id and str(order_id)


class NoCopy(Desk):
    """It gives no copy that is fit for work."""

    def __del__(self) -> None: ...


class OwnLookUp(Desk):
    """Nobody sees its reads."""

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name)


KINDS: list[Callable[[], Any]] = [Desk, Data, Slots, OverADict, NoCopy]


def of_a(kind: Callable[[], Any]) -> Any:
    """A context of order A."""
    ctx = kind()
    ctx.order_id = "A"
    return ctx


def to_b(ctx: Any) -> None:
    """The submitting thread goes on."""
    ctx.order_id = "B"


def files(ctx: Any) -> Any:
    """The worker files."""
    ledger = Ledger()
    ledger.post(ctx.filed() if hasattr(ctx, "filed") else ctx.order_id, "entry")
    return ledger.entries[0][0]


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of contexts that are not pinned, or not by a copy."""
    texts = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    return [text for text in texts if "only observed" in text or "no copy that is fit" in text]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", [Host, Global])
def test_reads(kind: Callable[[], Any], host: type[OwnHost], telemetry: Telemetry) -> None:
    """The worker shares the object, reads and files its own id, and what it was spared is told with who wrote it."""
    on(telemetry, "pin", host, pins="read")
    ctx = of_a(kind)
    assert race(ctx, to_b, lambda given: (given is ctx, files(given), given.order_id), host) == (True, "A", "A")
    assert ctx.order_id == "B"
    assert told(telemetry) == [SPARED]


@pytest.mark.parametrize("kind", KINDS)
def test_no_parameter_of_the_worker(kind: Callable[[], Any], telemetry: Telemetry) -> None:
    """A worker that is not given the context is pinned at the read without being asked for."""
    on(telemetry, "pin", Global)
    ctx = of_a(kind)
    assert race(ctx, to_b, lambda given: (given is ctx, files(given)), Global) == (True, "A")
    assert told(telemetry) == [SPARED]


@pytest.mark.parametrize("pins", ["read", None])
def test_no_copy(pins: str | None, telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """A context that gives no copy is pinned at the read; once it is said why, unless that is declared."""
    on(telemetry, "pin", pins=pins)
    for _ in range(2):
        telemetry.mismatches.clear()
        assert race(of_a(NoCopy), to_b, files) == "A"
        assert told(telemetry) == [SPARED]
    assert len(warned(caplog)) == (pins is None)
    assert all("given what was submitted where they read a declared field" in text for text in warned(caplog))


def test_only_a_copy(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Where a copy is declared, and there is none, the worker is only observed."""
    on(telemetry, "pin", pins="copy")
    assert race(of_a(NoCopy), to_b, files) == "B"
    assert [one[:2] for one in told(telemetry)] == [("call", "used")]
    assert len(warned(caplog)) == 1


@pytest.mark.parametrize("kind", [OwnLookUp, SimpleNamespace])
def test_cannot_be_watched(kind: Callable[[], Any], telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Where reads are not seen the worker is only observed, and that is told once."""
    on(telemetry, "pin", pins="read")
    for _ in range(2):
        telemetry.mismatches.clear()
        assert race(of_a(kind), to_b, files) == "B"
        assert [one[:2] for one in told(telemetry)] == [("call", "used")]
    assert len(warned(caplog)) == 1


def test_without_watch(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """The same where nothing is watched."""
    on(telemetry, "pin", watch=False, pins="read")
    assert race(of_a(Desk), to_b, files) == "B"
    assert [one[:2] for one in told(telemetry)] == [("call", "used")]
    (text,) = warned(caplog)
    assert "watch is off" in text


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_other_modes(mode: str, telemetry: Telemetry) -> None:
    """They change nothing."""
    on(telemetry, mode, pins="read")
    if mode == "strict":
        with pytest.raises(HandoffMismatchError):
            race(of_a(Desk), to_b, files)
    else:
        assert race(of_a(Desk), to_b, files) == "B"
    assert [one[1] for one in told(telemetry)] == ["used" if mode == "observe" else "blocked"]


@pytest.mark.parametrize("kind", KINDS)
def test_clean(kind: Callable[[], Any], telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Of a row whose context stays as it is nothing is told, nor where another object says the same."""
    on(telemetry, "pin", pins="read")
    assert race(of_a(kind), lambda ctx: setattr(ctx, "order_id", str(b"A", "ascii")), files) == "A"
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    assert warned(caplog) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", ["A", "B"])
def test_its_own_write(kind: Callable[[], Any], after: str, telemetry: Telemetry) -> None:
    """What the worker writes is stored, and is what it reads from then on, whatever others write; A as well."""
    on(telemetry, "pin", pins="read")
    ctx, wrote, go = of_a(kind), threading.Event(), threading.Event()
    a = ctx.order_id
    seen: list[Any] = []

    def body(given: Any) -> Any:
        given.order_id = "own"
        seen.append(given.order_id)
        wrote.set()
        assert go.wait(WAIT)
        return given.order_id, files(given)

    def to(ctx: Any) -> None:
        ctx.order_id = a if after == "A" else "B"

    host = Host()
    done = host.submit(ctx, body)
    assert wrote.wait(WAIT)
    seen.append(ctx.order_id)
    to(ctx)
    go.set()
    assert done.result(WAIT) == ("own", "own")
    host.pool.shutdown()
    assert seen == ["own", "own"]
    assert ctx.order_id == after
    if after == "B":
        assert told(telemetry) == [("read", "prevented", {"order_id": "own"}, {"order_id": "B"}, "to")]
    else:
        assert [one[:2] for one in told(telemetry)] in ([], [("read", "prevented")])


def test_a_setter_that_changes_what_it_is_given(telemetry: Telemetry) -> None:
    """The worker reads what its own write has become."""
    on(telemetry, "pin", pins="read")

    def body(given: Any) -> Any:
        given.order_id = 7
        return given.order_id

    assert race(of_a(OverADict), to_b, body) == "7"
    assert told(telemetry) == []


def test_a_result_is_not_lost(telemetry: Telemetry) -> None:
    """What the worker leaves on the object, fields or not, is there for the submitter."""
    on(telemetry, "pin", pins="read")
    ctx = of_a(Desk)

    def body(given: Any) -> None:
        given.result, given.order_id = "done", "own"

    race(ctx, to_b, body)
    assert (ctx.result, ctx.order_id) == ("done", "own")
    assert telemetry.unchecked() == {}


def test_a_thread_of_the_worker(telemetry: Telemetry) -> None:
    """It reads what the worker reads, and its writes are the worker's."""
    on(telemetry, "pin", pins="read")

    def body(given: Any) -> Any:
        read: list[Any] = []

        def child() -> None:
            read.append(given.order_id)
            given.order_id = "own"

        thread = threading.Thread(target=child)
        thread.start()
        thread.join()
        return read, given.order_id

    assert race(of_a(Desk), to_b, body) == (["A"], "own")
    assert told(telemetry) == [SPARED]


def test_other_threads(telemetry: Telemetry) -> None:
    """Whoever works on no row, or on another one, reads what is there."""
    on(telemetry, "pin", pins="read")
    ctx = of_a(Desk)
    seen: list[Any] = []

    def change(ctx: Any) -> None:
        to_b(ctx)
        seen.append(ctx.order_id)
        seen.append(race(ctx, lambda ctx: setattr(ctx, "order_id", "C"), files))

    assert race(ctx, change, files) == "A"
    assert seen == ["B", "B"]
    assert [(one[2], one[3]) for one in told(telemetry)] == [
        ({"order_id": "B"}, {"order_id": "C"}),
        ({"order_id": "A"}, {"order_id": "C"}),
    ]


def test_what_outlives_the_row(telemetry: Telemetry) -> None:
    """A thread that goes on when the row is done reads what is there, and that is told."""
    on(telemetry, "pin", pins="read")
    go, read = threading.Event(), list[Any]()
    threads: list[threading.Thread] = []

    def later(given: Any) -> None:
        assert go.wait(WAIT)
        read.append(given.order_id)

    def body(given: Any) -> None:
        threads.append(threading.Thread(target=later, args=(given,)))
        threads[0].start()

    race(of_a(Desk), to_b, body)
    go.set()
    threads[0].join()
    assert read == ["B"]
    assert telemetry.mismatches == []


@pytest.mark.parametrize("kind", [Desk, NoCopy])
def test_deleted(kind: Callable[[], Any], telemetry: Telemetry) -> None:
    """Where others take an attribute away the worker still has it; where it does so itself it is gone."""
    on(telemetry, "pin", pins="read")
    assert race(of_a(kind), lambda ctx: delattr(ctx, "order_id"), files) == "A"

    def body(given: Any) -> Any:
        del given.order_id
        return given.order_id

    assert race(of_a(kind), lambda _: None, body) is None


def test_not_there_at_the_hand_over(telemetry: Telemetry) -> None:
    """An attribute that was not there when the row was handed over is not made up."""
    on(telemetry, "pin", pins="read", fields={"order_id": "order_id", "late": "late"})
    ctx = of_a(Desk)
    assert race(ctx, lambda ctx: setattr(ctx, "late", "L"), lambda given: given.late) == "L"
    assert telemetry.unchecked() == {"field_unresolved": 1}
    with pytest.raises(AttributeError):
        race(of_a(Desk), to_b, lambda given: given.late)


def test_the_host_copies(telemetry: Telemetry) -> None:
    """A worker that is given a copy which the host made reads what is on that."""
    on(telemetry, "pin", pins="read")

    class Copies(Host):
        def submit(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
            return self.pool.submit(self.work, copy.copy(ctx), body)

    ctx = of_a(Desk)

    def body(given: Any) -> Any:
        return given is ctx, given.order_id, files(given)

    assert race(ctx, to_b, body, Copies) == (False, "A", "A")
    assert told(telemetry) == []


def test_the_property_of_a_copy(telemetry: Telemetry) -> None:
    """A copy shares what a property's values lie in: on it, too, they are what was submitted."""
    on(telemetry, "pin")
    ctx = of_a(OverADict)
    assert race(ctx, to_b, lambda given: (given is ctx, given.order_id, files(given))) == (False, "A", "A")
    assert told(telemetry) == [SPARED]


def test_the_property_of_a_copy_is_written(telemetry: Telemetry) -> None:
    """What the worker writes there is its own."""
    on(telemetry, "pin")

    def body(given: Any) -> Any:
        given.order_id = "own"
        return given.order_id, files(given)

    assert race(of_a(OverADict), lambda _: None, body) == ("own", "own")
    assert told(telemetry) == []


def test_taken_off(telemetry: Telemetry) -> None:
    """Rows in flight are no longer pinned when the boundary is taken off."""
    instrumentor = on(telemetry, "pin", pins="read")

    def change(ctx: Any) -> None:
        to_b(ctx)
        instrumentor.uninstrument()

    assert race(of_a(Desk), change, files) == "B"
    assert told(telemetry) == []


def test_several_workers(telemetry: Telemetry) -> None:
    """Each is given what was submitted, whatever another wrote for itself."""
    on(telemetry, "pin", host=Fanning, pins="read")
    host, ctx, go = Fanning(), of_a(Desk), threading.Event()
    read: list[Any] = []

    def body(given: Any) -> None:
        assert go.wait(WAIT)
        read.append(given.order_id)
        given.order_id = "own"
        read.append(given.order_id)

    futures = host.submit(ctx, body)
    to_b(ctx)
    go.set()
    for each in futures:
        each.result(WAIT)
    host.pool.shutdown()
    assert read == ["A", "own"] * 2
