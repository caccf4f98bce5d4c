"""A work function that is looked up once, or in an unusual place: whose row it runs for is known by proof, or told."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import contextvars
import copy
import functools
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from otel_handoff import Boundary, current_submission
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, OwnHost, declare, filed_by_a, run_rows
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
IDS = ("A", "B", "C")


def file(ctx: Any, *_: Any) -> str:
    """File the order; return under which id."""
    ledger = Ledger()
    ledger.post(ctx.order_id, "entry")
    return str(ledger.entries[0][0])


# -- kept since the first row


class Keeps(OwnHost):
    """Keeps the work function that it looked up for the first row."""

    def submit(self, ctx: Any, body: Body) -> Any:
        if "kept" not in vars(self):
            self.kept = self.work
        return self.pool.submit(self.kept, ctx, body)


class KeepsAThread(OwnHost):
    """Begins, with the first row, a thread that works on all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.thread: Any = None

    def submit(self, ctx: Any, body: Body) -> Any:
        if self.thread is None:
            self.thread = threading.Thread(target=self.consume, args=[self.work])
            self.thread.start()
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.rows.put((done, ctx, body))
        return self.pool.submit(done.get, timeout=WAIT)

    def consume(self, work: Body) -> None:
        """Work on rows until there is None."""
        while (row := self.rows.get()) is not None:
            done, *args = row
            done.put(work(*args))

    def close(self) -> None:
        self.rows.put(None)
        self.thread.join()
        super().close()


@IN_EACH_MODE
@pytest.mark.parametrize("host", [Keeps, KeepsAThread])
def test_it_was_kept(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Each row is known by what it was given, and right."""
    instrument(mode, boundaries=[declare(host)])
    assert run_rows(host(), [file] * 3) == list(IDS)
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    assert [(span.attributes or {})["desk.order_id"] for span in telemetry.spans("process desk")] == list(IDS)


@IN_EACH_MODE
def test_a_race_where_it_was_kept(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Such a row, overtaken, is told as its own."""
    instrument(mode, boundaries=[declare(Keeps)])
    host, ctx = Keeps(), Desk("before")
    host.submit(ctx, file).result(WAIT)
    assert filed_by_a(host, ctx) == {"observe": "B", "strict": "blocked", "pin": "A"}[mode]
    assert {(name, tuple(observed.items())) for name, _, _, observed in told(telemetry)} == {
        ("A", (("order_id", "B"),))
    }


# -- looked up once, for several rows


class Hoisted(OwnHost):
    """Looks it up before a loop over rows that have contexts of their own."""

    def submit(self, ctx: Any, body: Body) -> Any:
        work, handed = self.work, list[Any]()
        for order_id in IDS:
            mine = copy.copy(ctx)
            mine.order_id = order_id
            handed.append(self.pool.submit(work, mine, body))
        return [row.result(WAIT) for row in handed]


class Mapped(OwnHost):
    """The same, by `map`."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return list(self.pool.map(self.work, [Desk(order_id) for order_id in IDS], [body] * 3))


class InTurn(OwnHost):
    """Before a loop over rows of one context, each done before the next."""

    def submit(self, ctx: Any, body: Body) -> Any:
        work, filed = self.work, list[Any]()
        for order_id in IDS:
            ctx.order_id = order_id
            filed.append(self.pool.submit(work, ctx, body).result(WAIT))
        return filed


class Itself(OwnHost):
    """Works on them itself."""

    def submit(self, ctx: Any, body: Body) -> Any:
        def bodies() -> Iterator[Body]:
            for order_id in IDS:
                ctx.order_id = order_id
                yield body

        return list(map(functools.partial(self.work, ctx), bodies()))


@IN_EACH_MODE
@pytest.mark.parametrize("host", [Hoisted, Mapped, InTurn, Itself])
def test_one_look_up_for_several_rows(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """All are right; the first may be known, the others are told."""
    instrument(mode, boundaries=[declare(host)])
    made = host()
    assert made.submit(Desk("none yet"), file) == list(IDS)
    made.close()
    assert told(telemetry) == []
    assert telemetry.unchecked()["several_workers"] == 2


# -- called by a worker, or by another's


class Drains(OwnHost):
    """A worker that is done takes the next row by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def submit(self, ctx: Any, body: Body) -> None:
        self.rows.put((ctx, body))

    def work(self, ctx: Any, body: Body) -> Any:
        filed = [body(ctx)]
        return filed if self.rows.empty() else filed + self.work(*self.rows.get())


@IN_EACH_MODE
def test_the_next_row_within_the_first(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is known by what it is given, which another row waits with."""

    def first(ctx: Any) -> Any:
        filed = file(ctx)
        ctx_of_all.order_id = "B"
        host.submit(ctx_of_all, lambda ctx: file(ctx))
        return filed

    instrument(mode, boundaries=[declare(Drains)])
    host, ctx_of_all = Drains(), Desk("A")
    host.submit(ctx_of_all, first)
    assert host.work(*host.rows.get()) == ["A", "B"]
    assert [evidence for _, evidence, _, _ in told(telemetry) if evidence != "end"] == []
    assert telemetry.unchecked() == {}
    assert telemetry.counted("handoff.submissions") == {("desk",): 2}


class Copies(OwnHost):
    """Hands over in a copy of its own context variables."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(contextvars.copy_context().run, self.work, ctx, body)


class CopiesAndExtends(Copies):
    """And its work function extends another."""

    def work(self, ctx: Any, body: Body) -> Any:
        return super().work(ctx, body)


@IN_EACH_MODE
def test_in_a_copy_of_the_submitters_context(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """There the hand-over is still current, though it is done."""
    instrument(mode, boundaries=[declare(Copies)])
    assert run_rows(CopiesAndExtends(), [file] * 3) == list(IDS)
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


class Urgent(OwnHost):
    """Has two submit functions for one work function."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.work, ctx, body)

    def urgent(self, ctx: Any, body: Body) -> Any:
        """Submit function, too."""
        return self.pool.submit(self.work, ctx, body)

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


@IN_EACH_MODE
@pytest.mark.parametrize("turned", [False, True])
def test_two_boundaries_with_one_work_function(
    turned: bool, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Each row is known by its own boundary, and no other says that it does not know it."""
    both: list[Boundary] = [declare(Urgent), declare(Urgent, name="urgent", submit=f"{__name__}:Urgent.urgent")]
    instrument(mode, boundaries=both[::-1] if turned else both)
    host, ctx = Urgent(), Desk("A")
    assert host.submit(ctx, file).result(WAIT) == "A"
    ctx.order_id = "B"
    assert host.urgent(ctx, file).result(WAIT) == "B"
    host.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


# -- a context of another class


class Row:
    """The context of a row."""

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id


class OfAnotherClass(OwnHost):
    """The submit function makes each row a context of another class."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.work, Row(f"{ctx.order_id}/1"), body)


@IN_EACH_MODE
def test_a_context_of_another_class(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It has ids of its own, and it is not known whether these are right."""
    instrument(mode, boundaries=[declare(OfAnotherClass)])
    assert run_rows(OfAnotherClass(), [file] * 3) == ["A/1", "B/1", "C/1"]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"context_unreadable": 3}


# -- another boundary's


class Notes(OwnHost):
    """Has it noted, by the work function of another boundary, that a row is handed over."""

    def submit(self, ctx: Any, body: Body) -> Any:
        noted = self.pool.submit(self.note, ctx, lambda _: current_submission()).result(WAIT)
        return noted, self.pool.submit(self.work, ctx, body).result(WAIT)

    def note(self, ctx: Any, body: Body) -> Any:
        return body(ctx)

    def hand_note(self, ctx: Any, body: Body) -> None:
        """Submit function of the other boundary."""


@IN_EACH_MODE
def test_looked_up_while_a_row_of_another_boundary_is_handed_over(
    mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It does not work on that row."""
    where = f"{__name__}:Notes"
    other = declare(Notes, name="notes", submit=f"{where}.hand_note", work=f"{where}.note")
    instrument(mode, boundaries=[declare(Notes), other])
    host = Notes()
    assert host.submit(Desk("A"), file) == (None, "A")
    host.close()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"no_submission": 1}
