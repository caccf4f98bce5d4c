"""A batch of rows, one hand-over: a call is compared with the row that it names, and is wrong if it names none."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffMismatchError
from otel_handoff.check.spelt import is_same
from otel_handoff.handover.lease import active
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class Bulk:
    """Files rows in batches."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    def send(self, rows: Any, as_ids: Any) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, rows, as_ids)

    def work(self, rows: Any, as_ids: Any) -> list[str]:
        """Work function: file each row under what it is told to."""
        done: list[str] = []
        for _, ids in zip(rows, as_ids, strict=True):
            try:
                self.file(*ids)
                done.append("filed")
            except HandoffMismatchError:
                done.append("blocked")
        return done

    def file(self, order: Any, tenant: Any) -> None:
        """What is compared."""


def declare(**options: Any) -> Boundary:
    """By order and tenant of each row."""
    declared: dict[str, Any] = {
        "name": "bulk",
        "submit": f"{__name__}:Bulk.send",
        "work": f"{__name__}:Bulk.work",
        "ids": {"order": "rows.*.order", "tenant": "rows.*.tenant"},
        "calls": [Call(f"{__name__}:Bulk.file", {"order": "order", "tenant": "tenant"})],
    }
    return Boundary(**{**declared, **options})


ROWS = [{"order": 1, "tenant": "a"}, {"order": 2, "tenant": "b"}]


def send(rows: Any, as_ids: Any) -> list[str]:
    """Hand it over, and wait."""
    bulk = Bulk()
    try:
        return bulk.send(rows, as_ids).result()
    finally:
        bulk.pool.shutdown()


@IN_EACH_MODE
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("rows", [ROWS, tuple(ROWS), dict(enumerate(ROWS))])
def test_each_row_s_own_is_right(
    rows: Any, alone: bool, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """In whichever order, and spelt as it may be."""
    instrument(mode, boundaries=[declare(**({"submit": None} if alone else {}))])
    assert send(rows, [("2", "b"), (1, "a")]) == ["filed", "filed"]
    assert telemetry.mismatches == []
    assert telemetry.unchecked() == {}


@IN_EACH_MODE
def test_what_names_none_of_them_is_wrong(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """And what names one, and has the tenant of another."""
    instrument(mode, boundaries=[declare()])
    done = send(ROWS, [(3, "c"), (2, "a")])
    assert done == (["blocked"] * 2 if mode == "strict" else ["filed"] * 2)
    assert [dict(m.observed) for m in telemetry.mismatches] == [{"order": 3, "tenant": "c"}, {"tenant": "a"}]
    assert str(telemetry.mismatches[0].expected["order"]) == "any of ['1', '2']"


def test_a_batch_of_one_is_a_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """With its id."""
    instrument("observe", boundaries=[declare()])
    send(ROWS[:1], [(2, "b")])
    (mismatch,) = telemetry.mismatches
    assert dict(mismatch.expected) == {"order": 1, "tenant": "a"}


@pytest.mark.parametrize("rows", [[], iter(ROWS), "ab", None, [{"order": 1}, {}]])
def test_what_cannot_be_gone_through_is_not_judged(rows: Any, instrument: Instrument, telemetry: Telemetry) -> None:
    """An iterator would be empty for the worker; of rows without an id nothing is known."""
    instrument("observe", boundaries=[declare()])
    bulk = Bulk()
    bulk.send(rows, []).exception()
    bulk.pool.shutdown()
    assert telemetry.mismatches == []


@pytest.mark.parametrize("ids", ["plain", "hashed"])
def test_check_knows_it_again(ids: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """On the row's span are the ids of all; hashed, each by itself."""
    instrument("observe", boundaries=[declare()], ids=ids)
    send(ROWS, [(1, "a"), (2, "b")])
    (row,) = telemetry.spans("process bulk")
    calls = telemetry.spans("Bulk.file")
    assert len(calls) == 2
    for call in calls:
        for name in ("bulk.order", "bulk.tenant"):
            assert is_same((row.attributes or {})[name], (call.attributes or {})[name])
    assert not is_same((row.attributes or {})["bulk.tenant"], "c")


# -- a loop that takes several


class Collector:
    """A thread that takes some items, and then works on them."""

    def __init__(self, size: int, *, says_done: bool) -> None:
        self.rows: queue.Queue[Any] = queue.Queue()
        self.size, self.says_done = size, says_done
        self.filed: list[Any] = []
        self.go = threading.Event()

    def put(self, row: Any, ctx: Any) -> None:
        """Put one in."""
        self.rows.put((row, ctx))

    def serve(self) -> None:
        """Work function."""
        while True:
            batch = [self.rows.get() for _ in range(self.size)]
            if batch[0] is None or batch[0][0] is None:
                return
            assert self.go.wait(WAIT)
            for row, ctx in batch:
                try:
                    Ledger().post(ctx.order_id, row)
                    self.filed.append((row, ctx.order_id))
                except HandoffMismatchError:
                    self.filed.append((row, "blocked"))
                if self.says_done:
                    self.rows.task_done()

    def run(self) -> None:
        """Let it work."""
        thread = threading.Thread(target=self.serve)
        thread.start()
        self.go.set()
        thread.join(WAIT)


def collecting() -> Boundary:
    """The collector's."""
    return Boundary(
        "collect",
        work=f"{__name__}:Collector.serve",
        takes="queue:Queue.get",
        context="item.1",
        fields={"order": "order_id"},
        calls=[Call("tests.hosts:Ledger.post", {"order": "order_id"})],
        batch=True,
    )


@pytest.mark.parametrize("says_done", [False, True])
@IN_EACH_MODE
def test_a_loop_that_takes_several_is_right(
    mode: str, says_done: bool, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Each item has a context of its own."""
    instrument(mode, boundaries=[collecting()])
    collector = Collector(2, says_done=says_done)
    for row in "ABCD":
        collector.put(row, Desk(row))
    for _ in range(2):
        collector.rows.put(None)
    collector.run()
    assert collector.filed == [(row, row) for row in "ABCD"]
    assert telemetry.mismatches == []
    assert telemetry.unchecked() == {}
    calls = {(call.attributes or {})["collect.order"]: call for call in telemetry.spans("Ledger.post")}
    rows = {(row.attributes or {})["collect.order"]: row for row in telemetry.spans("process collect")}
    assert {name: call.parent and call.parent.span_id for name, call in calls.items()} == {
        name: row.context and row.context.span_id for name, row in rows.items()
    }
    assert active.get() is None


@IN_EACH_MODE
def test_a_loop_that_takes_several_and_has_what_they_share(
    mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """They share one context: what was put there for a row of another batch is wrong, and is read for each."""
    instrument(mode, boundaries=[collecting()])
    collector, desk = Collector(2, says_done=False), Desk()
    for row in "ABCD":
        desk.order_id = row
        collector.put(row, desk)
    for _ in range(2):
        collector.rows.put(None)
    collector.run()
    if mode == "pin":
        assert collector.filed == [(row, row) for row in "ABCD"]
        assert {m.outcome for m in telemetry.mismatches} == {"prevented"}
    else:
        filed = "blocked" if mode == "strict" else "D"
        assert collector.filed == [("A", filed), ("B", filed), ("C", "D"), ("D", "D")]
        found = [m for m in telemetry.mismatches if m.outcome in ("used", "blocked")]
        assert [dict(m.observed) for m in found] == [{"order": "D"}] * 2
        assert {str(m.expected["order"]) for m in found} == {"any of ['A', 'B']"}
        exposed = [dict(m.expected) for m in telemetry.mismatches if m.outcome == "exposed"]
        assert exposed == [{"order": "C"}]  # what D was filed under is no other batch's
    assert telemetry.unchecked() == {}


class Item:
    """It has the row and its context, and is no tuple in which a copy could be given."""

    def __init__(self, row: Any, ctx: Any) -> None:
        self.row, self.ctx = row, ctx

    def __iter__(self) -> Any:
        return iter((self.row, self.ctx))

    def __getitem__(self, at: int) -> Any:
        return (self.row, self.ctx)[at]


@pytest.mark.parametrize("shares", [False, True])
def test_a_batch_that_is_pinned_at_the_read(shares: bool, instrument: Instrument, telemetry: Telemetry) -> None:
    """Rows with a context each read their own. Of those that share one, one does: that is told, and not as pinned."""
    boundary = replace(collecting(), context="item.ctx")
    instrument("pin", boundaries=[boundary])
    collector, desk = Collector(2, says_done=False), Desk()
    for row in "AB":
        mine = desk if shares else Desk()
        mine.order_id = row
        collector.rows.put(Item(row, mine))
    for _ in range(2):
        collector.rows.put(Item(None, None))
    collector.run()
    assert telemetry.unchecked() == ({"one_context": 2} if shares else {})
    pinned = [(span.attributes or {}).get("handoff.unchecked.pinned") for span in telemetry.spans("process collect")]
    assert pinned == [False if shares else None] * 2
    assert collector.filed == [("A", "B" if shares else "A"), ("B", "B")]


def test_what_batch_is_of() -> None:
    """A loop; and the error says what is to be written elsewhere."""
    with pytest.raises(ValueError, match=r"name what it takes them with as takes.*rows\.\*\.id"):
        declare(batch=True)
