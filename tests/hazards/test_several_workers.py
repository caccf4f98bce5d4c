"""One hand-over, several workers: each of them is checked, and all of them are one row."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import gc
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import repeat
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest
from opentelemetry import trace

from otel_handoff import HandoffInstrumentor, HandoffMismatchError, current_submission
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, Host, declare
from tests.hazards.rows import culprits, told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
PARTS = 3


class Fan:
    """Hands a row over to several threads of a pool."""

    workers = PARTS

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(self.workers)

    def submit(self, ctx: Any, body: Body) -> list[Any]:
        raise NotImplementedError

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)

    def close(self) -> None:
        self.pool.shutdown()


class Lambdas(Fan):
    """Each looks the work function up by itself."""

    def submit(self, ctx: Any, body: Body) -> list[Any]:
        return [self.pool.submit(lambda: self.work(ctx, body)) for _ in range(PARTS)]


class Kept(Fan):
    """What was looked up once is run by each."""

    def submit(self, ctx: Any, body: Body) -> list[Any]:
        work = self.work
        return [self.pool.submit(work, ctx, body) for _ in range(PARTS)]


class LookedUp(Fan):
    """It is looked up for each."""

    def submit(self, ctx: Any, body: Body) -> list[Any]:
        return [self.pool.submit(self.work, ctx, body) for _ in range(PARTS)]


class Mapped(Fan):
    """By `map`, with parts of the row."""

    def submit(self, ctx: Any, body: Body) -> list[Any]:
        done = self.pool.map(self.work, repeat(ctx, PARTS), repeat(body, PARTS))
        return [self.pool.submit(list, done)]

    def close(self) -> None:
        super().close()


class Made(Mapped):
    """The same, with one thread more, which waits."""

    workers = PARTS + 1


class Queued(Fan):
    """Threads of the host's own take the same item, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: queue.Queue[tuple[Any, Body]] = queue.Queue()

    def submit(self, ctx: Any, body: Body) -> list[Any]:
        for _ in range(PARTS):
            self.rows.put((ctx, body))
        return [self.pool.submit(self.once) for _ in range(PARTS)]

    def once(self) -> Any:
        """Take one."""
        return self.work(*self.rows.get())


HOSTS = (Lambdas, Kept, LookedUp, Made, Queued)
EVERY_HOST = pytest.mark.parametrize("host", HOSTS)


class Together:
    """What the workers do: they begin, wait until all have, and file."""

    def __init__(self, parts: int = PARTS) -> None:
        self.parts = parts
        self.begun = threading.Barrier(parts + 1)
        self.go = threading.Event()
        self.filed: list[Any] = []
        self.whose: list[Any] = []

    def __call__(self, ctx: Any) -> Any:
        submission = current_submission()
        self.whose.append(submission and submission.ids["order_id"])
        self.begun.wait(WAIT)
        assert self.go.wait(WAIT)
        ledger = Ledger()
        try:
            ledger.post(ctx.order_id, "entry")
        except HandoffMismatchError:
            self.filed.append("blocked")
        else:
            self.filed.append(ledger.entries[0][0])


def run(host: Any, ctx: Any, body: Together, change: Callable[[], object] = lambda: None) -> None:
    """Hand one row over, and let its workers file when all have begun, and the context was changed."""
    handed = host.submit(ctx, body)
    body.begun.wait(WAIT)
    change()
    body.go.set()
    wait(handed, WAIT)
    assert not any(each.exception() for each in handed)


@IN_EACH_MODE
@EVERY_HOST
def test_each_is_checked(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """In order: nothing is told, each has a row span below what was current, and it is one row."""
    instrument(mode, boundaries=[declare(host)])
    made, body = host(), Together()
    flying: list[Any] = []
    with telemetry.tracer_provider.get_tracer("test").start_as_current_span("request") as request:
        run(made, Desk("A"), body, lambda: flying.append(telemetry.counted("handoff.in_flight")))
    made.close()
    assert (body.filed, body.whose) == (["A"] * PARTS, ["A"] * PARTS)
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    spans = telemetry.spans("process desk")
    assert len(spans) == PARTS
    assert {span.parent and span.parent.span_id for span in spans} == {request.get_span_context().span_id}
    assert len({str((span.attributes or {})["handoff.submission.id"]) for span in spans}) == 1
    assert flying == [{("desk",): 1}]
    assert telemetry.counted("handoff.in_flight") == {}
    assert telemetry.counted("handoff.submissions") == {("desk",): 1}


@IN_EACH_MODE
@EVERY_HOST
def test_each_is_overtaken(host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Each is told, with the write that did it; in `pin` each is kept from it."""
    instrument(mode, boundaries=[declare(host)])
    made, body, ctx = host(), Together(), Desk("A")
    run(made, ctx, body, lambda: setattr(ctx, "order_id", "B"))
    made.close()
    outcome = {"observe": "used", "strict": "blocked", "pin": "prevented"}[mode]
    assert body.filed == [{"observe": "B", "strict": "blocked", "pin": "A"}[mode]] * PARTS
    assert [(name, of, observed) for name, _, of, observed in told(telemetry)] == [
        ("A", outcome, {"order_id": "B"})
    ] * PARTS
    assert set(culprits(telemetry)) == {threading.current_thread().name}
    assert telemetry.unchecked() == {}


class InTurn(Queued):
    """One thread, which takes one after the other."""

    workers = 1

    def submit(self, ctx: Any, body: Body, order: Any = None) -> list[Any]:
        for _ in range(PARTS):
            self.rows.put((ctx, body, order))  # type: ignore[arg-type]
        return [self.pool.submit(self.once) for _ in range(PARTS)]

    def work(self, ctx: Any, body: Body, order: Any = None) -> Any:
        return body(ctx)


class Order:
    """A row's own object."""


@IN_EACH_MODE
def test_one_after_the_other(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """They are known by the same objects, once it is known that a row may have several: what came before is told."""
    instrument(mode, boundaries=[declare(InTurn)])
    host, ctx, filed = InTurn(), Desk(), list[Any]()

    def body(ctx: Any) -> None:
        try:
            Ledger().post(ctx.order_id, "entry")
            filed.append(ctx.order_id)
        except HandoffMismatchError:
            filed.append("blocked")

    for ctx.order_id in "AB":
        wait(host.submit(ctx, body, Order()), WAIT)
    assert filed == ["A"] * PARTS + ["B"] * PARTS
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"no_submission": PARTS - 1}
    hold = threading.Event()
    held = host.pool.submit(hold.wait, WAIT)
    ctx.order_id = "C"
    handed = host.submit(ctx, body, Order())
    ctx.order_id = "D"
    hold.set()
    wait([held, *handed], WAIT)
    host.close()
    assert filed[2 * PARTS :] == [{"observe": "D", "strict": "blocked", "pin": "C"}[mode]] * PARTS
    assert {(name, outcome) for name, evidence, outcome, _ in told(telemetry) if evidence != "start"} == {
        ("C", {"observe": "used", "strict": "blocked", "pin": "prevented"}[mode])
    }
    assert telemetry.unchecked() == {"no_submission": PARTS - 1}


class LeftToOthers(InTurn):
    """It only puts them in: somebody else says when each is taken."""

    def submit(self, ctx: Any, body: Body, order: Any = None) -> list[Any]:
        for _ in range(PARTS):
            self.rows.put((ctx, body, order))  # type: ignore[arg-type]
        return []


def test_a_late_worker_of_a_row_that_was_tried_again(instrument: Instrument, telemetry: Telemetry) -> None:
    """It is stale, though the other worker of its row was done when the retry was handed over."""
    instrument("observe", boundaries=[declare(LeftToOthers, row="order_id")])
    host, ctx = LeftToOthers(), Desk()

    def take(workers: int = PARTS) -> None:
        for _ in range(workers):
            host.pool.submit(host.once).result(WAIT)

    for ctx.order_id in "AB":
        host.submit(ctx, str, Order())
        take()
    ctx.order_id = "C"
    host.submit(ctx, str, first := Order())
    take(1)
    host.submit(ctx, str, Order())
    take()
    del first
    host.close()
    spans = [span.attributes or {} for span in telemetry.spans("process desk")]
    assert [bool(of.get("handoff.stale")) for of in spans if of["desk.order_id"] == "C"] == [False, True, True, False]


@IN_EACH_MODE
@EVERY_HOST
def test_what_one_writes_is_not_the_others_own(
    host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Where one writes an id that another reads, that is told, and who wrote it; what it reads itself is its own."""
    instrument(mode, boundaries=[declare(host, calls=[])])
    begun, wrote, read = threading.Barrier(PARTS), threading.Event(), threading.Barrier(PARTS)
    turns, seen = iter(range(PARTS)), list[Any]()

    def body(ctx: Any) -> None:
        mine = next(turns)
        begun.wait(WAIT)
        if mine == 0:
            ctx.order_id = "own"
            wrote.set()
        assert wrote.wait(WAIT)
        seen.append((threading.current_thread().name, mine, ctx.order_id))
        read.wait(WAIT)

    made = host()
    wait(made.submit(Desk("A"), body), WAIT)
    made.close()
    assert {value for _, _, value in seen} == {"own"}
    (writer,) = [name for name, mine, _ in seen if mine == 0]
    assert [(evidence, outcome) for _, evidence, outcome, _ in told(telemetry)] == [("read", "used")] * (PARTS - 1)
    assert culprits(telemetry) == [writer] * (PARTS - 1)
    assert writer not in {mismatch.thread_name for mismatch in telemetry.mismatches}


def test_what_one_leaves_for_another_arrives(instrument: Instrument) -> None:
    """In `pin`, too: all have the one copy."""
    instrument("pin", boundaries=[declare(Queued, calls=[])])
    first, second = queue.SimpleQueue[Any](), queue.SimpleQueue[Any]()

    def body(ctx: Any) -> None:
        if not hasattr(ctx, "total"):
            ctx.total = 0
        ctx.total += 1
        second.put(ctx.total)
        first.get(timeout=WAIT)

    host = Queued()
    handed = host.submit(Desk("A"), body)
    assert [second.get(timeout=WAIT) for _ in range(PARTS)] == [1, 2, 3]
    for _ in range(PARTS):
        first.put(None)
    wait(handed, WAIT)
    host.close()


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_two_rows_that_are_given_the_same(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Whose each worker is nobody can tell: nobody is accused, and each is told."""
    instrument(mode, boundaries=[declare(Queued, calls=[])])
    host, ctx = Queued(), Desk()
    hold = threading.Event()
    held = [host.pool.submit(hold.wait, WAIT) for _ in range(PARTS)]
    handed = list[Any]()
    whose = list[Any]()

    def body(ctx: Any) -> None:
        submission = current_submission()
        whose.append((submission and submission.ids["order_id"], ctx.order_id))

    for ctx.order_id in "AB":
        handed += host.submit(ctx, body)
    hold.set()
    wait([*held, *handed], WAIT)
    host.close()
    assert whose == [(None, "B")] * 2 * PARTS
    assert told(telemetry) == []
    unchecked = telemetry.unchecked()
    assert unchecked["ambiguous"] == 2
    assert sum(unchecked.values()) == 2 * PARTS


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_another_row_while_one_is_at_work(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """From then on further workers may be of either: nobody's, and told."""
    instrument(mode, boundaries=[declare(InTurn, calls=[])])
    host, ctx = InTurn(), Desk("A")
    host.pool = ThreadPoolExecutor(2)
    begun, go = threading.Event(), threading.Event()
    whose = list[Any]()

    def body(ctx: Any) -> None:
        if not begun.is_set():
            begun.set()
            assert go.wait(WAIT)
        submission = current_submission()
        whose.append((submission and submission.ids["order_id"], ctx.order_id))

    first = host.submit(ctx, body)
    assert begun.wait(WAIT)
    wait(first[1:], WAIT)
    assert whose == [("A", "A")] * (PARTS - 1)
    ctx.order_id = "B"
    second = host.submit(ctx, body)
    wait(second, WAIT)
    assert whose[PARTS - 1 :] == [(None, "B")] * PARTS
    ctx.order_id = "A"
    go.set()
    wait(first, WAIT)
    host.pool.shutdown()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"ambiguous": 1, "several_workers": PARTS - 1}


@IN_EACH_MODE
def test_what_was_not_handed_over_is_nobodys(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The submitting thread works on the next row itself, with the very same objects."""
    instrument(mode, boundaries=[declare(InTurn, calls=[])])
    host, ctx, order = InTurn(), Desk("A"), Order()
    whose = list[Any]()

    def body(ctx: Any) -> None:
        submission = current_submission()
        whose.append((submission and submission.ids["order_id"], ctx.order_id))

    wait(host.submit(ctx, body, order), WAIT)
    wait(host.submit(ctx, body, order), WAIT)
    ctx.order_id = "B"
    host.work(ctx, body, order)
    host.close()
    assert whose[-1] == (None, "B")
    assert told(telemetry) == []


def test_nothing_of_it_stays(instrument: Instrument, telemetry: Telemetry) -> None:
    """What is remembered of a row keeps nothing of it alive."""
    for mode in MODES:
        instrument(mode, boundaries=[declare(InTurn, calls=[])])
        host = InTurn()
        kept: list[weakref.ref[Any]] = []
        for name in "ABC":
            ctx, order = Desk(name), Order()
            kept += [weakref.ref(ctx), weakref.ref(order)]
            wait(host.submit(ctx, lambda ctx: ctx.order_id, order), WAIT)
            del ctx, order
        host.close()
        gc.collect()
        assert [ref() for ref in kept] == [None] * len(kept)
        assert trace.get_current_span() is trace.INVALID_SPAN
        HandoffInstrumentor().uninstrument()


class Chunks:
    """Gives chunks to a pool while it goes on reading rows, each of which it sets on the desk."""

    def __init__(self) -> None:
        self.pool, self.ledger = ThreadPool(2), Ledger()
        self.all_read = threading.Event()

    def submit(self, ctx: Any, rows: str) -> Iterator[Any]:
        yield from self.pool.imap(lambda row: self.work(ctx, row), self.read(ctx, rows))

    def read(self, ctx: Any, rows: str) -> Iterator[str]:
        for row in rows:
            ctx.order_id = row
            yield row
        self.all_read.set()

    def work(self, ctx: Any, row: str) -> Any:
        assert self.all_read.wait(WAIT)
        return self.ledger.post(ctx.order_id, row)


@IN_EACH_MODE
def test_what_had_no_id_at_all_is_not_judged(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """One hand-over for all rows: each worker meets an id, and nothing says which is wrong. None is made up for it."""
    instrument(mode, boundaries=[declare(Chunks)])
    chunks = Chunks()
    assert list(chunks.submit(Desk(), "ABC")) == ["C:A", "C:B", "C:C"]
    chunks.pool.close()
    chunks.pool.join()
    assert told(telemetry) == []
    assert "no_id" in telemetry.unchecked()
    assert telemetry.unchecked().keys() <= {"no_id", "no_submission"}  # one may come when the others are done


@IN_EACH_MODE
def test_a_row_without_an_id_among_others(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Where rows have ids, one that has none may not have another's."""
    instrument(mode, boundaries=[declare(Host)])
    for order_id in ("A", None):
        host, ctx, go = Host(), Desk(order_id), threading.Event()
        handed = host.submit(ctx, lambda given, go=go: (go.wait(WAIT), given.order_id)[1])
        ctx.order_id = "B"
        go.set()
        assert handed.result(WAIT) == (order_id if mode == "pin" else "B")
        host.close()
    outcome = "prevented" if mode == "pin" else "used"
    assert [(row, *rest) for row, *rest in told(telemetry)] == [
        (row, "read", outcome, {"order_id": "B"}) for row in ("A", None)
    ]
