"""Small hosts with rows that cannot be judged, one for each reason."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import copy
import multiprocessing
import pickle
import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider

from otel_handoff import Boundary, Call, HandoffInstrumentor
from otel_handoff.handover.sent import Arrived
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import Body, Desk, Host, OwnHost, declare, run_rows
from tests.hosts import WAIT, Ledger

ROWS = 3
GONE = "tests.hosts:Ledger.gone"
Run = Callable[[Instrument], None]


def file(ctx: Any) -> None:
    """File the order."""
    Ledger().post(ctx.order_id, "entry")


class Elsewhere(OwnHost):
    """What is declared as the work is never run."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.really, ctx, body)

    def really(self, ctx: Any, body: Body) -> Any:
        """Do the work."""
        return body(ctx)


class Newest:
    """A queue of which the newest row is taken first."""

    def __init__(self) -> None:
        self.rows: queue.LifoQueue[tuple[Any, Body]] = queue.LifoQueue()

    def submit(self, ctx: Any, body: Body) -> None:
        self.rows.put((ctx, body))

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


class Computed(Desk):
    """Its id is computed when it is asked for."""

    @property
    def number(self) -> str:
        """The id."""
        return f"no {self.order_id}"


class Promise:
    """Does it when it is awaited."""

    def __init__(self, ctx: Any, body: Body) -> None:
        self.ctx, self.body = ctx, body

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.body(self.ctx)
        yield


class Promises(OwnHost):
    """The work promises to do it."""

    def work(self, ctx: Any, body: Body) -> Any:
        return Promise(ctx, body)


class Sends:
    """Sends its rows away as text."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def submit(self, ctx: Any, body: Body) -> None:
        self.sent.append(pickle.dumps((self.work, ctx.order_id)))

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)

    def __reduce__(self) -> Any:
        return Sends, ()


class Processes:
    """The work is done by another process."""

    def __init__(self, method: str) -> None:
        self.pool = ProcessPoolExecutor(1, multiprocessing.get_context(method))

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(Sent().work, ctx, body)


class Sent(Processes):
    """What is sent there."""

    def __init__(self) -> None: ...

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


class Hoists(OwnHost):
    """The work function is looked up once, for two rows with contexts of their own."""

    def submit(self, ctx: Any, body: Body) -> Any:
        work = self.work
        self.pool.submit(work, copy.copy(ctx), body).result(WAIT)
        return self.pool.submit(work, copy.copy(ctx), body)


class Failing(SpanProcessor):
    """Fails where a row span begins."""

    def on_start(self, span: Span, parent_context: Any = None) -> None:
        if span.name.startswith("process"):
            raise LookupError(span.name)


def rows(
    instrument: Instrument,
    host: type[Any] = Host,
    body: Body = file,
    *,
    ctx: Any = None,
    mode: str = "observe",
    number: int = ROWS,
    **options: Any,
) -> None:
    """Hand over rows of `host`, one after the other."""
    instrument(mode, boundaries=[declare(host, **options)])
    run_rows(host(), [body] * number, ctx)


def no_worker(instrument: Instrument) -> None:
    """What is run is not what was declared."""
    rows(instrument, Elsewhere)


def no_submission(instrument: Instrument) -> None:
    """The work function is called by itself."""
    instrument("observe", boundaries=[declare(Newest)])
    for _ in range(ROWS):
        Newest().work(Desk("A"), file)


def ambiguous(instrument: Instrument) -> None:
    """All rows that wait are given the same."""
    instrument("observe", boundaries=[declare(Newest)])
    host, ctx = Newest(), Desk()
    for order_id in "ABC":
        ctx.order_id = order_id
        host.submit(ctx, file)
    while not host.rows.empty():
        host.work(*host.rows.get())


class Numbers(Newest):
    """Numbers the next row, when it has put this one into its queue."""

    def submit(self, ctx: Any, body: Body) -> None:
        self.rows.put((ctx, body))
        ctx.order_id += "'"


def unplaced_write(instrument: Instrument) -> None:
    """A queue of the host's own is given the row, and then its id is written."""
    instrument("observe", boundaries=[declare(Numbers)])
    host, ctx = Numbers(), Desk("A")
    for _ in range(ROWS):
        host.submit(ctx, file)
        host.work(*host.rows.get())


def context_unreadable(instrument: Instrument) -> None:
    """There is none."""
    instrument("observe", boundaries=[declare(Host)])
    host = Host()
    for _ in range(ROWS):
        host.submit(None, lambda ctx: ctx).result(WAIT)
    host.close()


def replaced(instrument: Instrument) -> None:
    """Somebody puts another function where ours is."""
    instrument("observe", boundaries=[declare(Newest)])
    ours = vars(Newest)["work"]
    try:
        Newest.work = lambda self, ctx, body: body(ctx)  # type: ignore[method-assign]
        HandoffInstrumentor().uninstrument()
    finally:
        Newest.work = ours.__wrapped__


def other_process(instrument: Instrument, method: str = "spawn") -> None:
    """The work item is pickled."""
    where = f"{__name__}:Sent.work"
    instrument("observe", boundaries=[declare(Processes, work=where)])
    host = Processes(method)
    with host.pool:
        for order_id in "ABC":
            host.submit(Desk(order_id), file).result(WAIT)


def no_id(instrument: Instrument) -> None:
    """The id is set when the row is handed over already."""
    instrument("observe", boundaries=[declare(Host)])
    host, ctx, go = Host(), Desk(), threading.Event()

    def body(given: Any) -> None:
        assert go.wait(WAIT)
        file(given)

    handed = host.submit(ctx, body)
    ctx.order_id = "B"
    go.set()
    handed.result(WAIT)
    host.close()


def slip_unread(instrument: Instrument) -> None:
    """What comes along is cut off."""
    instrument("observe", boundaries=[declare(Host, submit=None, calls=[])])
    host = Host()
    for _ in range(ROWS):
        Arrived(host.work, '{"version":1,"bound')(Desk("A"), file)


def unseen_read(instrument: Instrument) -> None:
    """A consumer that the first row begins reads for the others."""
    asked: queue.Queue[Any] = queue.Queue()

    def consume(ctx: Any) -> None:
        while (answer := asked.get(timeout=WAIT)) is not None:
            answer.put(ctx.order_id)

    def body(ctx: Any) -> Any:
        if not threads:
            threads.append(threading.Thread(target=consume, args=[ctx]))
            threads[0].start()
        answer: queue.Queue[Any] = queue.Queue()
        asked.put(answer)
        return answer.get(timeout=WAIT)

    threads: list[threading.Thread] = []
    instrument("observe", boundaries=[declare(Host, calls=[])])
    assert run_rows(Host(), [body] * (ROWS + 1)) == list("ABCD")
    asked.put(None)
    threads[0].join()


def not_handed_over(instrument: Instrument) -> None:
    """Servers call the work function in threads of their own, which nobody handed it to."""
    instrument("observe", boundaries=[declare(Host, submit=None, calls=[])])
    host = Host()

    def serve() -> None:
        for _ in range(ROWS):
            host.work(Desk("A"), file)

    threads = [threading.Thread(target=lambda: (serve(), None)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)


def internal_error(instrument: Instrument) -> None:
    """We fail at each row; the host does not notice."""
    provider = TracerProvider()
    provider.add_span_processor(Failing())
    rows(lambda *args, **options: instrument(*args, **{**options, "tracer_provider": provider}), calls=[])


def left_on_copy(ctx: Any) -> None:
    """Leave another id on the context."""
    file(ctx)
    ctx.order_id = "next"


class Item:
    """Holds its context, and is no tuple in which a copy could be given."""

    def __init__(self, ctx: Any) -> None:
        self.ctx = ctx


class Collects:
    """Takes several items before it works on them."""

    def __init__(self) -> None:
        self.items: queue.Queue[Item | None] = queue.Queue()

    def work(self) -> None:
        while (item := self.items.get()) is not None:
            for one in (item, *(self.items.get() for _ in range(ROWS - 1))):
                assert one is not None
                file(one.ctx)


def one_context(instrument: Instrument) -> None:
    """They share what was read last."""
    where = f"{__name__}:Collects.work"
    takes = Boundary(
        "desk", work=where, takes="queue:Queue.get", batch=True, context="item.ctx", fields={"order_id": "order_id"}
    )
    instrument("pin", boundaries=[takes])
    one, ctx = Collects(), Desk()
    for order in "ABC":
        ctx.order_id = order
        one.items.put(Item(ctx))
    one.items.put(None)
    thread = threading.Thread(target=one.work)
    thread.start()
    thread.join(WAIT)


CASES: Final[dict[str, tuple[Run, int]]] = {
    "no_worker": (no_worker, ROWS),
    "no_submission": (no_submission, ROWS),
    "not_handed_over": (not_handed_over, 1),
    "ambiguous": (ambiguous, ROWS),
    "field_unresolved": (lambda instrument: rows(instrument, fields={"order_id": "order_nr"}, calls=[]), ROWS),
    "field_computed": (
        lambda instrument: rows(instrument, ctx=Computed(), fields={"order_id": "number"}, calls=[]),
        ROWS,
    ),
    "context_unreadable": (context_unreadable, ROWS),
    "unplaced_write": (unplaced_write, ROWS),
    "call_not_seen": (lambda instrument: rows(instrument, body=lambda ctx: None), 1),
    "part_missing": (lambda instrument: rows(instrument, calls=[Call(GONE, {"order_id": "order_id"})]), 1),
    "replaced": (replaced, 1),
    "not_followed": (lambda instrument: rows(instrument, Promises, calls=[]), ROWS),
    "other_process": (other_process, ROWS),
    "slip_unread": (slip_unread, ROWS),
    "several_workers": (lambda instrument: rows(instrument, Hoists, number=1, calls=[]), 1),
    "left_on_copy": (lambda instrument: rows(instrument, body=left_on_copy, mode="pin"), ROWS),
    "no_id": (no_id, 1),
    "one_context": (one_context, ROWS),
    "unseen_read": (unseen_read, 1),
    "internal_error": (internal_error, ROWS),
}
"""By reason: what makes such rows, and how many of them."""
