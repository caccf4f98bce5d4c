"""A row that a worker of another row hands over: both hold, the inner one first."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import gc
import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffMismatchError, current_submission
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, Host, declare
from tests.hazards.rows import culprits, told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class Case:
    """The context of an inner row."""

    def __init__(self, case_id: Any) -> None:
        self.case_id = case_id


class Cases:
    """Files cases."""

    def file(self, case_id: Any) -> None:
        """File one."""


class Inner:
    """Hands over to a pool, from any worker."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2)

    def submit(self, case: Any, body: Body) -> Any:
        return self.pool.submit(self.work, case, body)

    def work(self, case: Any, body: Body) -> Any:
        return body(case)

    def close(self) -> None:
        self.pool.shutdown()


class ByQueue(Inner):
    """Threads that were there before any row take items off a queue."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: queue.Queue[Any] = queue.Queue()
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def submit(self, case: Any, body: Body) -> Any:
        done: Future[Any] = Future()
        self.rows.put((case, body, done))
        return done

    def loop(self) -> None:
        """Work until there is None."""
        while (item := self.rows.get()) is not None:
            case, body, done = item
            try:
                done.set_result(self.work(case, body))
            except Exception as error:
                done.set_exception(error)
            del item, case, body, done

    def close(self) -> None:
        self.rows.put(None)
        self.thread.join()
        super().close()


class Inline(Inner):
    """Works at once, on the thread of who hands over."""

    def submit(self, case: Any, body: Body) -> Any:
        done: Future[Any] = Future()
        done.set_result(self.work(case, body))
        return done


EVERY_INNER = pytest.mark.parametrize("inner", [Inner, ByQueue, Inline])


def boundaries(inner: type[Any], **options: Any) -> list[Boundary]:
    """Both."""
    cases = declare(
        inner,
        **options,
        name="cases",
        context="case",
        fields={"case_id": "case_id"},
        calls=[Call(f"{__name__}:Cases.file", {"case_id": "case_id"})],
    )
    return [declare(Host, **options), cases]


def post(order_id: Any) -> Any:
    """File an order; return it, or that it was blocked."""
    try:
        Ledger().post(order_id, "entry")
    except HandoffMismatchError:
        return "blocked"
    return order_id


def rows() -> list[Any]:
    """Whose work this is."""
    submission = current_submission()
    return [submission and submission.boundary, submission and dict(submission.ids)]


def within(inner: Any, body: Callable[[Any, Any], Any], between: Callable[[Any, Any], None]) -> list[Any]:
    """Hand over order A, whose worker hands over case 1, whose worker runs `body` with both when `between` has run.

    Return what that returned, and whose work it was before, within, and afterwards.
    """
    host, desk, case = Host(), Desk("A"), Case(1)
    begun, go = threading.Event(), threading.Event()
    found: list[Any] = []

    def outer_body(ctx: Any) -> None:
        found.append(rows())

        def inner_body(mine: Any) -> Any:
            begun.set()
            assert go.wait(WAIT)
            found.append(rows())
            return body(ctx, mine)

        result = inner.submit(case, inner_body).result(WAIT)
        found.append(rows())
        found.append(result)

    future = host.submit(desk, outer_body)
    assert begun.wait(WAIT)
    between(desk, case)
    go.set()
    future.result(WAIT)
    host.close()
    inner.close()
    return found


def file_both(ctx: Any, case: Any) -> Any:
    """File the order and the case."""
    filed = post(ctx.order_id)
    try:
        Cases().file(case.case_id)
    except HandoffMismatchError:
        return filed, "blocked"
    return filed, case.case_id


@IN_EACH_MODE
@pytest.mark.parametrize(
    ("inner", "options"),
    [(Inner, {}), (ByQueue, {}), (Inline, {}), (Inner, {"submit": None}), (Inline, {"submit": None})],
)
def test_both_hold(
    inner: type[Any], options: dict[str, Any], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """In order: nothing is told, the inner row is the current one, and then the outer again; spans have both ids."""
    instrument(mode, boundaries=boundaries(inner, **options))

    def body(ctx: Any, case: Any) -> Any:
        with telemetry.tracer_provider.get_tracer("test").start_as_current_span("theirs"):
            return file_both(ctx, case)

    found = within(inner(), body, lambda _desk, _case: None)
    order, case = ["desk", {"order_id": "A"}], ["cases", {"case_id": 1}]
    assert found == [order, case, order, ("A", 1)]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    for name in ("process cases", "theirs", "Ledger.post", "Cases.file"):
        (span,) = telemetry.spans(name)
        assert (span.attributes or {}).items() >= {"desk.order_id": "A", "cases.case_id": 1}.items(), name
    (desk,), (cases,) = telemetry.spans("process desk"), telemetry.spans("process cases")
    assert cases.parent is not None
    assert desk.context is not None
    assert cases.parent.span_id == desk.context.span_id
    assert "cases.case_id" not in (desk.attributes or {})


@IN_EACH_MODE
@EVERY_INNER
def test_the_outer_one_moves_on(inner: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What its call files in the inner worker is compared with it."""
    instrument(mode, boundaries=boundaries(inner))
    found = within(inner(), file_both, lambda desk, _: setattr(desk, "order_id", "B"))
    assert found[-1] == ({"observe": "B", "strict": "blocked", "pin": "A"}[mode], 1)
    outcome = {"observe": "used", "strict": "blocked", "pin": "prevented"}[mode]
    assert [(m.submission.boundary, m.outcome, m.observed) for m in telemetry.mismatches] == [
        ("desk", outcome, {"order_id": "B"})
    ]
    assert culprits(telemetry) == [threading.current_thread().name]


@IN_EACH_MODE
@EVERY_INNER
def test_the_inner_one_moves_on(inner: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """That is its own."""
    instrument(mode, boundaries=boundaries(inner))
    found = within(inner(), file_both, lambda _, case: setattr(case, "case_id", 2))
    assert found[-1] == ("A", {"observe": 2, "strict": "blocked", "pin": 1}[mode])
    outcome = {"observe": "used", "strict": "blocked", "pin": "prevented"}[mode]
    assert [(m.submission.boundary, m.outcome, m.observed) for m in telemetry.mismatches] == [
        ("cases", outcome, {"case_id": 2})
    ]


@IN_EACH_MODE
@EVERY_INNER
def test_what_the_inner_worker_writes_is_the_outer_ones_own(
    inner: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It is a part of its work."""

    def body(ctx: Any, _case: Any) -> Any:
        ctx.order_id = "A2"
        return post(ctx.order_id)

    def then(ctx: Any, case: Any) -> Any:
        return body(ctx, case), post(ctx.order_id)

    instrument(mode, boundaries=boundaries(inner))
    assert within(inner(), then, lambda _desk, _case: None)[-1] == ("A2", "A2")
    assert told(telemetry) == []


@IN_EACH_MODE
@EVERY_INNER
def test_the_outer_one_is_done_before(
    inner: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """The inner row goes on for it: what is filed for the order is still compared with it."""
    if inner is Inline:
        pytest.skip("there the outer one waits")
    instrument(mode, boundaries=boundaries(inner))
    host, desk, nested = Host(), Desk("A"), inner()
    go = threading.Event()

    def inner_body(ctx: Any) -> Callable[[Any], Any]:
        def body(_case: Any) -> Any:
            assert go.wait(WAIT)
            return post(ctx.order_id)

        return body

    handed = host.submit(desk, lambda ctx: nested.submit(Case(1), inner_body(ctx))).result(WAIT)
    desk.order_id = "B"
    go.set()
    assert handed.result(WAIT) == {"observe": "B", "strict": "blocked", "pin": "A"}[mode]
    host.close()
    nested.close()
    found = {"observe": {"used"}, "strict": {"used", "blocked"}, "pin": {"prevented"}}[
        mode
    ]  # a late read is told at once
    assert {(m.submission.boundary, m.outcome) for m in telemetry.mismatches if m.evidence != "end"} == {
        ("desk", outcome) for outcome in found
    }


class Sheet:
    """The context of books and pages."""

    book: Any = None
    page: Any = None


class Sheets:
    """Books, each of several pages, filed by one function."""

    def __init__(self) -> None:
        self.books, self.pages = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self.go, self.turn = threading.Event(), threading.Event()
        self.filed: list[Any] = []

    def book(self, name: str, ctx: Any) -> None:
        assert self.go.wait(WAIT)
        for number in (1, 2):
            ctx.page = number
            self.pages.submit(self.page, name, number, ctx)
        self.turn.set()

    def page(self, name: str, number: int, ctx: Any) -> None:
        assert self.turn.wait(WAIT)
        try:
            self.file(ctx.book, ctx.page)
        except HandoffMismatchError:
            self.filed.append((name, number, "blocked"))
        else:
            self.filed.append((name, number, (ctx.book, ctx.page)))

    def file(self, book: Any, page: Any) -> None: ...


@IN_EACH_MODE
def test_both_file_through_one_function(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A call of which each boundary declares other ids is compared for the row at hand, whoever wrote them."""
    here = f"{__name__}:Sheets"
    ids = {"book": "book", "page": "page"}
    instrument(
        mode,
        boundaries=[
            Boundary(
                "book",
                work=f"{here}.book",
                context="ctx",
                fields={"book": "book"},
                calls=[Call(f"{here}.file", {"book": "book"})],
            ),
            Boundary(
                "page",
                work=f"{here}.page",
                context="ctx",
                fields=ids,
                ids={"book": "name", "page": "number"},
                calls=[Call(f"{here}.file", ids)],
            ),
        ],
    )
    sheets, ctx = Sheets(), Sheet()
    for name in ("b1", "b2"):
        ctx.book = name
        sheets.books.submit(sheets.book, name, ctx)
    sheets.go.set()
    sheets.books.shutdown()
    sheets.pages.shutdown()
    right = [(name, number, (name, number)) for name in ("b1", "b2") for number in (1, 2)]
    if mode == "pin":
        assert sheets.filed == right
        return
    wrong = [m for m in telemetry.mismatches if m.outcome in ("used", "blocked") and m.submission.boundary == "page"]
    assert (
        len(wrong) == len([each for each, as_it_is in zip(sheets.filed, right, strict=True) if each != as_it_is]) == 3
    )


@IN_EACH_MODE
def test_a_row_within_a_row_of_the_same_boundary(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The inner one takes the place of the outer, until it is done."""
    instrument(mode, boundaries=[declare(Host)])
    host = Host()
    host.pool = ThreadPoolExecutor(2)

    def body(ctx: Any) -> Any:
        def nested(ctx: Any) -> Any:
            return rows(), post(ctx.order_id)

        within = host.submit(Desk("A/1"), nested).result(WAIT)
        return within, rows(), post(ctx.order_id)

    found = host.submit(Desk("A"), body).result(WAIT)
    host.close()
    assert found == ((["desk", {"order_id": "A/1"}], "A/1"), ["desk", {"order_id": "A"}], "A")
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


@IN_EACH_MODE
def test_a_row_that_hands_over_those_of_others(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Where both file the same id by the same call, the inner row says which is right."""
    batch = declare(
        Inner,
        name="batch",
        context="case",
        fields={"case_id": "case_id"},
        calls=[Call("tests.hosts:Ledger.post", {"case_id": "order_id"})],
    )
    instrument(mode, boundaries=[batch, declare(Host)])
    host, inner = Host(), Inner()

    def spread(_case: Any) -> Any:
        return host.submit(Desk("A"), lambda ctx: post(ctx.order_id)).result(WAIT)

    assert inner.submit(Case("batch 1"), spread).result(WAIT) == "A"
    host.close()
    inner.close()
    assert told(telemetry) == []


@IN_EACH_MODE
def test_rows_that_hand_over_the_next_one_do_not_pile_up(mode: str, instrument: Instrument) -> None:
    """Two boundaries by turns: what is long done is kept by none."""
    instrument(mode, boundaries=boundaries(Inner))
    host, inner = Host(), Inner()
    contexts: list[weakref.ref[Any]] = []
    alive: list[weakref.ref[Any]] = []
    done = threading.Event()

    def outer_body(_ctx: Any) -> None:
        case = Case(1)
        contexts.append(weakref.ref(case))
        inner.submit(case, inner_body)

    def inner_body(_case: Any) -> None:
        if len(contexts) > 40:
            gc.collect()
            alive.extend(ref for ref in contexts[:-4] if ref() is not None)
            done.set()
            return
        desk = Desk("A")
        contexts.append(weakref.ref(desk))
        host.submit(desk, outer_body)

    desk = Desk("A")
    contexts.append(weakref.ref(desk))
    host.submit(desk, outer_body)
    del desk
    assert done.wait(WAIT)
    host.close()
    inner.close()
    assert len(alive) <= 4
