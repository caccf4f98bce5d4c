"""A loop that takes items off a queue and does the work itself: no function is the work."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import logging.handlers
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from opentelemetry import trace

from otel_handoff import Boundary, Call, HandoffInstrumentor, HandoffMismatchError, current_submission
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk
from tests.hazards.rows import culprits, told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
Go = Callable[[], None]


class Named(NamedTuple):
    """A tuple whose places have names."""

    n: int
    ctx: Any


class Job:
    """An item that has the context."""

    def __init__(self, n: Any, ctx: Any) -> None:
        self.n = n
        self.ctx = ctx

    def __lt__(self, other: Any) -> bool:
        return self.n < other.n


def file(ctx: Any, filed: list[Any]) -> None:
    """File the order, or say that it was blocked."""
    try:
        Ledger().post(ctx.order_id, "entry")
    except HandoffMismatchError:
        filed.append("blocked")
    else:
        filed.append(ctx.order_id)


class Threaded:
    """A thread takes items off a queue of the standard library."""

    takes = "queue:Queue.get"
    kind: Any = queue.Queue

    def __init__(self) -> None:
        self.q: Any = self.kind()
        self.filed: list[Any] = []
        self.between: list[Any] = []
        self.thread = threading.Thread(target=lambda: self.loop(), daemon=True)

    def put(self, item: Any) -> None:
        """Put one in."""
        self.q.put(item)

    def loop(self) -> None:
        """Work until there is None."""
        while True:
            item = self.q.get()
            if (ctx := context_in(item)) is None:
                break
            file(ctx, self.filed)
            self.q.task_done()
            self.between.append(current_submission())

    def run(self, end: Any = None) -> None:
        """Let it work on what is there."""
        self.q.put(end)
        self.thread.start()
        self.thread.join(WAIT)
        assert not self.thread.is_alive()


class Last(Threaded):
    """The last one first."""

    takes = "queue:LifoQueue.get"
    kind = queue.LifoQueue

    def run(self, end: Any = None) -> None:
        items = [self.q.queue.pop() for _ in range(len(self.q.queue))]
        self.q.queue.append(end)
        self.q.queue.extend(reversed(items))
        self.thread.start()
        self.thread.join(WAIT)


class Nowait(Threaded):
    """It looks whether there is one, and waits with a timeout."""

    def loop(self) -> None:
        while True:
            try:
                item = self.q.get_nowait()
            except queue.Empty:
                with contextlib.suppress(queue.Empty):
                    self.q.get(timeout=0)
                break
            self.between.append(None)
            if (ctx := context_in(item)) is not None:
                file(ctx, self.filed)


class Own:
    """A queue of the host's own."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def push(self, job: Any) -> None:
        """Put one in."""
        self.items.append(job)

    def pop(self) -> Any:
        """Take one out."""
        return self.items.pop(0)

    put, get = push, pop

    def task_done(self) -> None:
        """Nothing."""


class OfItsOwn(Threaded):
    """The same with that."""

    takes = f"{__name__}:Own.pop"
    submit = f"{__name__}:Own.push"
    kind = Own

    def loop(self) -> None:
        while (ctx := context_in(self.q.pop())) is not None:
            file(ctx, self.filed)

    def run(self, end: Any = None) -> None:
        super().run(end)
        self.between.append(current_submission())


class InATask(Threaded):
    """A task takes items off a queue of asyncio's."""

    takes = "asyncio:Queue.get"
    kind = asyncio.Queue

    def put(self, item: Any) -> None:
        self.q.put_nowait(item)

    async def loop(self) -> None:  # type: ignore[override]
        while (ctx := context_in(await self.q.get())) is not None:
            await asyncio.sleep(0)
            file(ctx, self.filed)
            self.q.task_done()
            self.between.append(current_submission())

    def run(self, end: Any = None) -> None:
        async def both() -> None:
            await asyncio.gather(asyncio.create_task(self.loop()), self.q.put(end))

        asyncio.run(both())


class Streamed(InATask):
    """A task of anyio's iterates over a stream."""

    takes = "anyio.streams.memory:MemoryObjectReceiveStream.receive"

    def __init__(self) -> None:
        super().__init__()
        anyio = pytest.importorskip("anyio")
        self.sends, self.receives = anyio.create_memory_object_stream(10)

    def put(self, item: Any) -> None:
        self.sends.send_nowait(item)

    async def loop(self) -> None:  # type: ignore[override]
        async for item in self.receives:
            file(context_in(item), self.filed)

    def run(self, end: Any = None) -> None:
        async def both() -> None:
            task = asyncio.create_task(self.loop())
            await asyncio.sleep(0)
            await self.sends.aclose()
            await task
            self.receives.close()
            self.between.append(current_submission())

        asyncio.run(both())


KINDS = (Threaded, Last, Nowait, OfItsOwn, InATask, Streamed)
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)

ITEMS: dict[str, tuple[str, Callable[[int, Any], Any]]] = {
    "tuple": ("item.1", lambda n, ctx: (n, ctx)),
    "named": ("item.ctx", lambda n, ctx: Named(n, ctx)),
    "list": ("item.1", lambda n, ctx: [n, ctx]),
    "object": ("item.ctx", Job),
    "itself": ("item", lambda _, ctx: ctx),
    "dict": ("item[the ctx]", lambda n, ctx: {"n": n, "the ctx": ctx}),
}
EVERY_ITEM = pytest.mark.parametrize("item", ITEMS)


def context_in(item: Any) -> Any:
    """Return the context; None where there is none."""
    if isinstance(item, (Job, Named)):
        return item.ctx
    if type(item) is dict:
        return item["the ctx"]  # pyright: ignore[reportUnknownVariableType]
    return item[1] if type(item) in (tuple, list) else item


def declare(kind: Any, context: str, **options: Any) -> Boundary:
    """The boundary of a kind of loop."""
    declared: dict[str, Any] = {
        "name": "desk",
        "submit": getattr(kind, "submit", None),
        "work": f"{__name__}:{kind.__name__}.loop",
        "takes": kind.takes,
        "context": context,
        "fields": {"order_id": "order_id"},
        "calls": [Call("tests.hosts:Ledger.post", {"order_id": "order_id"})],
    }
    return Boundary(**{**declared, **options})


@IN_EACH_MODE
@EVERY_KIND
@EVERY_ITEM
def test_in_order(kind: Any, item: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Nothing is told; each row has a span below what was current when it was put in, and is nobody's afterwards."""
    context, make = ITEMS[item]
    instrument(mode, boundaries=[declare(kind, context)])
    host, requests = kind(), list[Any]()
    for n, name in enumerate("ABC"):
        with telemetry.tracer_provider.get_tracer("test").start_as_current_span(name) as span:
            host.put(make(n, Desk(name)))
        requests.append(span.get_span_context().span_id)
    host.run()
    assert sorted(host.filed) == list("ABC")
    assert host.between == [None] * len(host.between)
    assert host.between
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    spans = telemetry.spans("process desk")
    assert sorted((span.attributes or {})["desk.order_id"] for span in spans) == list("ABC")  # type: ignore[type-var]
    assert sorted(span.parent.span_id for span in spans if span.parent) == sorted(requests)
    assert telemetry.counted("handoff.submissions") == {("desk",): 3}
    assert telemetry.counted("handoff.in_flight") == {}


@IN_EACH_MODE
@EVERY_KIND
@EVERY_ITEM
def test_overtaken(kind: Any, item: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """All rows have one context, which is at the last of them: each is told but that; in `pin` each has its own."""
    context, make = ITEMS[item]
    instrument(mode, boundaries=[declare(kind, context)])
    host, ctx = kind(), Desk()
    if item == "itself":
        host.put(ctx := Desk("A"))
        ctx.order_id = "B"
        names = "A"
    else:
        for n, ctx.order_id in enumerate("ABC"):
            host.put(make(n, ctx))
        names = "AB"
    host.run()
    wrong = {"observe": ctx.order_id, "strict": "blocked"}
    expected = [wrong.get(mode, name) for name in names] + ([] if item == "itself" else ["C"])
    assert sorted(host.filed) == sorted(expected)
    outcome = {"observe": "used", "strict": "blocked", "pin": "prevented"}[mode]
    assert sorted((name, of) for name, _, of, _ in told(telemetry)) == [(name, outcome) for name in names]
    assert culprits(telemetry) == [threading.current_thread().name] * len(names)
    assert telemetry.unchecked() == {}
    assert ctx.order_id == {"A": "B", "AB": "C"}[names]


class Full(list[Any]):
    """Takes no more."""

    def append(self, item: Any, /) -> None:
        raise queue.Full


@IN_EACH_MODE
def test_a_queue_that_is_full(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What it refuses is no row any more, and not one that nobody works on."""
    instrument(mode, boundaries=[declare(OfItsOwn, "item.1")])
    host = OfItsOwn()
    host.q.items = Full()
    with pytest.raises(queue.Full):
        host.put((0, Desk("A")))
    gc.collect()
    assert telemetry.counted("handoff.in_flight") == {}
    assert telemetry.unchecked() == {}


class Asks(Threaded):
    """Its work asks another thread, by another queue, and others take items, too."""

    def loop(self) -> None:
        answers: queue.Queue[Any] = queue.Queue()
        while (item := self.q.get()) is not None:
            answers.put("not a row")
            answers.get()
            answers.put((0, None))
            answers.get()
            self.between.append(current_submission())
            file(item[1], self.filed)


@IN_EACH_MODE
def test_other_queues_are_nobodys(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What the work takes off another one does not end its row; and another consumer's items are nobody's."""
    instrument(mode, boundaries=[declare(Asks, "item.1")])
    host, others = Asks(), queue.Queue[Any]()
    for name in "AB":
        host.put((0, Desk(name)))
        others.put((0, Desk(name)))
    taken = others.get_nowait()
    assert (taken[1].order_id, current_submission()) == ("A", None)
    host.run()
    assert [submission and submission.ids["order_id"] for submission in host.between] == ["A", "B"]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    assert telemetry.counted("handoff.submissions") == {("desk",): 2}


@IN_EACH_MODE
def test_one_that_was_put_in_before(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Of that it is not known with what: it is told, and the row before is over."""
    host = Threaded()
    host.put((0, Desk("A")))
    instrument(mode, boundaries=[declare(Threaded, "item.1")])
    host.put((0, Desk("B")))
    host.run()
    assert host.filed == ["A", "B"]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"no_submission": 1}


@IN_EACH_MODE
def test_a_loop_that_was_looked_up_before(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is not seen to run, though items are taken: that is told."""
    host = Threaded()
    host.thread = threading.Thread(target=host.loop, daemon=True)
    instrument(mode, boundaries=[declare(Threaded, "item.1")])
    host.put((0, Desk("A")))
    host.run()
    HandoffInstrumentor().uninstrument()
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"no_worker": 1}


class Raises(Threaded):
    """Ends with an error, in the midst of a row."""

    def loop(self) -> None:
        try:
            self.raising()
        except LookupError:
            self.between.append(current_submission())

    def raising(self) -> None:
        """The loop."""
        while (item := self.q.get()) is not None:
            raise LookupError(item[1].order_id)


@IN_EACH_MODE
def test_the_loop_raises(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The row ends with it, and says so on its span."""
    instrument(mode, boundaries=[declare(Raises, "item.1", work=f"{__name__}:Raises.raising", calls=[])])
    host = Raises()
    host.put((0, Desk("A")))
    host.run()
    assert host.between == [None]
    (span,) = telemetry.spans("process desk")
    assert not span.status.is_ok
    assert telemetry.counted("handoff.in_flight") == {}


class Spans(Threaded):
    """Has a span of its own around each item, in which it takes that."""

    tracer: Any = None
    last: bool = False

    def loop(self) -> None:
        for _ in range(3):
            with self.tracer.start_as_current_span("turn") as turn:
                item = self.q.get()
                if item is None:
                    self.last = trace.get_current_span() is turn
                else:
                    file(item[1], self.filed)
            self.between.append(trace.get_current_span())


@IN_EACH_MODE
def test_the_loops_own_spans(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """They are current as long as they would be, and no longer."""
    instrument(mode, boundaries=[declare(Spans, "item.1")])
    Spans.tracer = telemetry.tracer_provider.get_tracer("test")
    host = Spans()
    for name in "AB":
        host.put((0, Desk(name)))
    host.run()
    assert host.filed == ["A", "B"]
    assert host.between == [trace.INVALID_SPAN] * 3
    assert host.last
    assert all(span.parent is None for span in telemetry.spans("turn"))
    assert told(telemetry) == []


class Result(Desk):
    """A context that takes a result."""

    result: Any = None


class Leaves(Threaded):
    """Leaves a result."""

    def loop(self) -> None:
        while (job := self.q.get()) is not None:
            file(job.ctx, self.filed)
            job.ctx.result = "done"


@IN_EACH_MODE
def test_a_result_that_is_left_on_the_item(mode: str, instrument: Instrument) -> None:
    """Of an item that is no tuple there is no copy: what the loop leaves on its context arrives."""
    instrument(mode, boundaries=[declare(Leaves, "item.ctx")])
    host, ctx = Leaves(), Result("A")
    host.put(Job(0, ctx))
    ctx.order_id = "B"
    host.run()
    assert (ctx.order_id, ctx.result) == ("B", "done")
    assert host.filed == [{"observe": "B", "strict": "blocked", "pin": "A"}[mode]]


class Spawns(InATask):
    """Gives the work on an item to a task of its own, which outlives it."""

    async def loop(self) -> None:  # type: ignore[override]
        tasks: list[Any] = []
        while (item := await self.q.get()) is not None:
            tasks.append(asyncio.create_task(self.one(item[1])))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)

    async def one(self, ctx: Any) -> None:
        """Work on one."""
        for _ in range(5):
            await asyncio.sleep(0)
        file(ctx, self.filed)


@IN_EACH_MODE
def test_a_task_for_each(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is right, and nobody is accused."""
    instrument(mode, boundaries=[declare(Spawns, "item.1")])
    host = Spawns()
    for name in "ABC":
        host.put((0, Desk(name)))
    host.run()
    assert host.filed == list("ABC")
    assert told(telemetry) == []


class Shares(InATask):
    """A task that the loop begins for its first item takes from the same queue."""

    async def loop(self) -> None:  # type: ignore[override]
        item = await self.q.get()
        other = asyncio.create_task(self.other())
        await other
        file(item[1], self.filed)
        self.between.append(current_submission())
        assert await self.q.get() is None

    async def other(self) -> None:
        """Take one."""
        file((await self.q.get())[1], self.filed)


@IN_EACH_MODE
def test_a_task_that_takes_from_the_same_queue(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is not the loop: the row goes on; and that nobody works on the other is told."""
    instrument(mode, boundaries=[declare(Shares, "item.1", calls=[])])
    host = Shares()
    for name in "AB":
        host.put((0, Desk(name)))
    host.run()
    assert host.filed == ["B", "A"]
    (submission,) = host.between
    assert submission is not None
    assert submission.ids["order_id"] == "A"
    assert told(telemetry) == []


class Waits(InATask):
    """It begins a task for each item that it waits for."""

    async def loop(self) -> None:  # type: ignore[override]
        while (item := await asyncio.create_task(self.q.get())) is not None:
            file(item[1], self.filed)


@IN_EACH_MODE
@pytest.mark.parametrize("times", [1, 3])
def test_a_task_that_takes_for_the_loop(
    times: int, mode: str, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Which row the loop goes on with is not known: that is told, once."""
    instrument(mode, boundaries=[declare(Waits, "item.1")])
    host = Waits()
    for _ in range(times):
        host.put((0, Desk("A")))
    host.run()
    assert host.filed == ["A"] * times
    assert telemetry.unchecked() == {"no_worker": 1}
    assert "a task that it began took an item for it" in caplog.text


@IN_EACH_MODE
def test_a_place_that_no_item_has(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is told, unless there was but a sign to end."""
    instrument(mode, boundaries=[declare(Threaded, "item.job")])
    Threaded().run()
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {}
    instrument(mode, boundaries=[declare(Threaded, "item.job")])
    host = Threaded()
    host.put((0, Desk("A")))
    host.run()
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"field_unresolved": 1}


@IN_EACH_MODE
def test_an_item_that_is_put_in_twice(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A plain queue says which comes first; of another kind it is told."""
    instrument(
        mode,
        boundaries=[
            declare(Threaded, "item.ctx", calls=[]),
            declare(Last, "item.ctx", name="last", calls=[]),
        ],
    )
    for host in (Threaded(), Last()):
        job = Job(0, Desk("A"))
        host.put(job)
        host.put(job)
        host.run()
        assert host.filed == ["A", "A"]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"no_submission": 1}


def test_a_full_queue(instrument: Instrument) -> None:
    """What was not put in is not remembered."""
    instrument("observe", boundaries=[declare(Threaded, "item.1")])
    full: queue.Queue[Any] = queue.Queue(1)
    full.put((0, Desk("A")))
    ctx = Desk("B")
    with pytest.raises(queue.Full):
        full.put((0, ctx), timeout=0)
    ref = weakref.ref(ctx)
    del ctx
    gc.collect()
    assert ref() is None
    assert full.get()[1].order_id == "A"


@IN_EACH_MODE
def test_nothing_stays(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Neither of rows that are done, nor of a queue that is dropped with what is in it."""
    instrument(mode, boundaries=[declare(Threaded, "item.1", calls=[])])
    host, refs = Threaded(), list[Any]()
    for name in "AB":
        ctx = Desk(name)
        refs.append(weakref.ref(ctx))
        host.put((0, ctx))
        dropped: queue.Queue[Any] = queue.Queue()
        dropped.put((0, ctx))
        del ctx, dropped
    host.run()
    del host
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


def test_what_others_put_into_queues_of_the_standard_library(instrument: Instrument, telemetry: Telemetry) -> None:
    """A log handler's records pass as they are."""
    instrument("pin", boundaries=[declare(Threaded, "item.1")])
    records: queue.Queue[Any] = queue.Queue()
    record = logging.LogRecord("a", logging.INFO, "b", 1, "c", None, None)
    logging.handlers.QueueHandler(records).enqueue(record)
    assert records.get() is record
    pill = (0, None)
    records.put(pill)
    assert records.get() is pill
    assert telemetry.counted("handoff.submissions") == {}


@IN_EACH_MODE
@pytest.mark.parametrize("overtakes", [False, True])
def test_the_item_says_which_row_it_is(
    overtakes: bool, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """`ids` start at the item, as the context does."""
    instrument(mode, boundaries=[declare(Threaded, context="item.ctx", ids={"order_id": "item.n"})])
    host, desk = Threaded(), Desk()
    for order in "ABC":
        desk = desk if overtakes else Desk()
        desk.order_id = order
        host.put(Job(order, desk))
    host.run()
    wrong = {"observe": ["C", "C", "C"], "strict": ["blocked", "blocked", "C"], "pin": ["A", "B", "C"]}
    assert host.filed == (wrong[mode] if overtakes else ["A", "B", "C"])
    assert [name for name, *_ in told(telemetry)] == (["A", "B"] if overtakes else [])
    assert telemetry.unchecked() == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"context": "ctx"}, "a place on the item"),
        ({"ids": {"order_id": "ctx.order_id"}}, "write a place on the item, as 'item.id', not 'ctx.order_id'"),
        ({"takes": "queue:SimpleQueue.get"}, "a SimpleQueue cannot be seen into"),
        ({"takes": "app:Jobs.pop"}, "submit is missing"),
    ],
)
def test_what_cannot_be_meant(options: dict[str, Any], said: str) -> None:
    """It is said, with what to write."""
    with pytest.raises(ValueError, match=said):
        declare(Threaded, **{"context": "item.1", **options})
