"""What a worker leaves on the context is the submitter's, also where a pinned worker has a copy of it."""

# ruff: noqa: D101 - the tests say what each is about

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from typing import Any, cast

import pytest

from otel_handoff import Boundary, Call
from otel_handoff.host.following import look
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import Body, Desk, Host, OwnHost, declare, filed_by_a, run_rows
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry


class Slotted:
    __slots__ = ("__dict__", "order_id", "result")

    def __init__(self) -> None:
        self.order_id: Any = None
        self.result: Any = None


class Alone(OwnHost):
    """Names no function that hands over."""


def alone() -> Boundary:
    return Boundary(
        "desk",
        work=f"{__name__}:Alone.work",
        fields={"order_id": "order_id"},
    )


def put(ctx: Any, name: str, value: Any) -> None:
    if type(ctx) is dict:
        ctx[name] = value
    else:
        setattr(ctx, name, value)


def has(ctx: Any, name: str) -> Any:
    return look(ctx, name)[0]


def leaves(value: Any) -> Body:
    def body(ctx: Any) -> Any:
        put(ctx, "result", value)
        return has(ctx, "order_id")

    return body


def struct() -> Any:
    """Its class refuses what `object` does with attributes."""
    msgspec: Any = pytest.importorskip("msgspec")
    return msgspec.defstruct("Ticket", [("order_id", Any, None), ("result", Any, None)])()


@pytest.mark.parametrize("new", [Desk, Slotted, dict, struct])
@pytest.mark.parametrize("host", [Host, Alone])
def test_a_result_arrives_from_each_row(
    host: type[OwnHost], new: Callable[[], Any], instrument: Instrument, telemetry: Telemetry
) -> None:
    """By the time that its future has one; and nothing is told of it."""
    instrument("pin", boundaries=[alone() if host is Alone else declare(host, calls=[])])
    ctx, one = new(), host()
    seen: list[Any] = []
    for n in range(40):
        put(ctx, "order_id", n)
        one.hand_over(ctx, leaves(f"of {n}")).result(WAIT)
        seen.append(has(ctx, "result"))
    one.close()
    assert seen == [f"of {n}" for n in range(40)]
    assert has(ctx, "order_id") == 39
    assert telemetry.unchecked() == {}
    assert telemetry.mismatches == []


class Prepares(OwnHost):
    """Its submit function writes to the context itself, before and after it hands over."""

    def submit(self, ctx: Any, body: Any) -> Any:
        """Submit function."""
        before, work, after = body
        before(ctx)
        handed = self.pool.submit(self.work, ctx, work)
        after(ctx)
        return handed


def nothing(_ctx: Any) -> None:
    """What most rows leave."""


def adds(ctx: Any) -> None:
    put(ctx, "result", "rare")


def replaces(ctx: Any) -> None:
    put(ctx, "draft", "rare")


def takes_away(ctx: Any) -> None:
    if type(ctx) is dict:
        del ctx["draft"]
    else:
        del ctx.draft


@pytest.mark.parametrize("change", [adds, replaces, takes_away])
@pytest.mark.parametrize("new", [Desk, Slotted, dict])
@pytest.mark.parametrize("by", ["worker", "worker, alone", "before", "after"])
def test_what_few_rows_leave_is_there(
    by: str,
    new: Callable[[], Any],
    change: Body,
    instrument: Instrument,
    telemetry: Telemetry,
) -> None:
    """An error, say, long after the first rows: each is looked at, each on a context of its own."""
    of = {"worker": Host, "worker, alone": Alone}.get(by, Prepares)
    instrument("pin", boundaries=[alone() if of is Alone else declare(of, calls=[])])
    one = of()
    left: list[int] = []
    for n in range(70):
        ctx = new()
        put(ctx, "order_id", n)
        put(ctx, "draft", "draft")
        rarely = change if n % 23 == 21 else nothing
        body: Any = rarely
        is_left = threading.Event()
        if of is Prepares:  # its caller need not wait for the worker
            one.pool.submit(is_left.wait, WAIT)
            body = tuple(rarely if by == at else nothing for at in ("before", "worker", "after"))
        handed = one.hand_over(ctx, body)
        if of is not Prepares:
            handed.result(WAIT)
        if has(ctx, "draft") != "draft" or has(ctx, "result") == "rare":
            left.append(n)
        is_left.set()
    one.close()
    assert left == [21, 44, 67]
    assert telemetry.unchecked() == {}
    assert telemetry.mismatches == []


def counts(ctx: Any) -> None:
    put(ctx, "draft", has(ctx, "draft") + 1)


def renames(ctx: Any) -> None:
    put(ctx, "order_id", "its own")


@pytest.mark.parametrize(("change", "kept"), [(adds, 3), (counts, 3), (renames, 0)])
@pytest.mark.parametrize("new", [Desk, Slotted, dict])
def test_what_few_workers_leave_before_the_submit_function_returns_is_theirs(
    new: Callable[[], Any], change: Body, kept: int, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It was neither written by the submit function nor there before: all arrives, and an id among it is told."""
    instrument("pin", boundaries=[declare(Prepares, calls=[])])
    one = Prepares()
    arrived = 0
    for n in range(70):
        ctx = new()
        put(ctx, "order_id", n)
        put(ctx, "draft", 0)

        is_written, has_returned = threading.Event(), threading.Event()

        def work(given: Any, n: int = n, written: Any = is_written, returned: Any = has_returned) -> None:
            if n % 23 == 21:
                change(given)
            written.set()
            assert returned.wait(WAIT)

        def after(_: Any, written: Any = is_written) -> None:
            assert written.wait(WAIT)

        handed = one.hand_over(ctx, cast("Body", (nothing, work, after)))
        has_returned.set()
        handed.result(WAIT)
        arrived += has(ctx, "draft") == 1 or has(ctx, "result") == "rare"
    one.close()
    assert arrived == kept
    assert telemetry.unchecked() == ({} if kept else {"left_on_copy": 3})
    assert telemetry.mismatches == []


def test_what_few_submit_functions_write_by_another_name_reaches_the_worker(instrument: Instrument) -> None:
    """It is in the original by then, of which the worker has a copy."""
    instrument("pin", boundaries=[declare(Prepares, calls=[])])
    one = Prepares()
    seen: list[Any] = []
    for n in range(60):
        ctx: Any = Desk(n)
        ctx.draft = "draft"

        def rarely(_: Any, n: int = n, ctx: Any = ctx) -> None:
            if n % 23 == 21:
                ctx.draft = "rare"

        is_left = threading.Event()
        one.pool.submit(is_left.wait, WAIT)
        handed = one.hand_over(ctx, cast("Body", (rarely, attrgetter("draft"), nothing)))
        is_left.set()
        seen.append(handed.result(WAIT))
    one.close()
    assert [n for n, draft in enumerate(seen) if draft == "rare"] == [21, 44]


def test_what_is_on_a_context_is_not_compared_by_its_class(instrument: Instrument) -> None:
    """That might take long, or raise: a table's comparison is another table."""
    compared: list[object] = []

    class Table:
        def __eq__(self, other: object) -> bool:
            compared.append(other)
            raise ValueError("the truth of a table is ambiguous")

        def __hash__(self) -> int:
            return id(self)

    instrument("pin", boundaries=[declare(Host, calls=[])])
    one = Host()
    for n in range(40):
        ctx: Any = Desk(n)
        ctx.table = Table()
        one.hand_over(ctx, lambda given: setattr(given, "table", Table())).result(WAIT)
    one.close()
    assert compared == []


def test_what_is_taken_away_is_gone(instrument: Instrument) -> None:
    """A worker that deletes something deletes it for all."""
    instrument("pin", boundaries=[declare(Host)])
    ctx: Any = Desk()
    ctx.draft = "one"
    run_rows(Host(), [lambda ctx: delattr(ctx, "draft")], ctx)
    assert not hasattr(ctx, "draft")


def test_what_two_have_written_is_told_and_then_shared(
    instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """One count would be lost. Later rows share the context, and read the ids that they were submitted with."""
    instrument("pin", boundaries=[declare(Host)])
    ctx: Any = Desk()
    ctx.count = 0
    both = threading.Barrier(2, timeout=WAIT)

    def counts(given: Any) -> None:
        count = given.count
        both.wait()
        given.count = count + 1

    hosts = Host(), Host()
    for handed in [host.hand_over(ctx, counts) for host in hosts]:
        handed.result(WAIT)
    assert telemetry.unchecked() == {"left_on_copy": 1}
    assert sum("wrote 'count' on the same Desk" in text for text in caplog.messages) == 1

    def counts_on(given: Any) -> None:
        given.count += 1

    for host in hosts:
        host.hand_over(ctx, counts_on).result(WAIT)
        host.close()
    assert ctx.count == 3
    assert filed_by_a(Host(), ctx) == "A"
    assert telemetry.unchecked() == {"left_on_copy": 1}


class Default:
    order_id: Any = None


@pytest.mark.parametrize("new", [Desk, Slotted, Default])
def test_an_id_that_the_row_had_not_is_a_result(
    new: Callable[[], Any], instrument: Instrument, telemetry: Telemetry
) -> None:
    """Each worker leaves one, and the last of them stays, as it would without a copy."""
    instrument("pin", boundaries=[declare(Host)])
    ctx, one = new(), Host()
    all_in = threading.Barrier(3, timeout=WAIT)
    done = [threading.Event() for _ in range(3)]

    def gives(n: int) -> Body:
        def body(given: Any) -> None:
            all_in.wait()
            assert n == 0 or done[n - 1].wait(WAIT)
            given.order_id = n

        return body

    one.pool = ThreadPoolExecutor(3)
    handed = [one.hand_over(ctx, gives(n)) for n in range(3)]
    for n, each in enumerate(handed):
        each.result(WAIT)
        assert ctx.order_id == n
        done[n].set()
    one.close()
    assert telemetry.unchecked() == {}
    assert telemetry.mismatches == []


def test_an_id_in_the_place_of_the_row_s_stays_where_it_is(instrument: Instrument, telemetry: Telemetry) -> None:
    """It would be the next row's, if it were put where that is handed over; it is told."""
    instrument("pin", boundaries=[declare(Host)])
    ctx, one = Desk("A"), Host()
    one.hand_over(ctx, lambda given: setattr(given, "order_id", "mine")).result(WAIT)
    one.close()
    assert ctx.order_id == "A"
    assert telemetry.unchecked() == {"left_on_copy": 1}


def test_what_the_submitter_wrote_meanwhile_stays(instrument: Instrument, telemetry: Telemetry) -> None:
    """Its None was followed by an id of its own: what a worker gives the row is not put in its place."""
    instrument("pin", boundaries=[declare(Host)])
    ctx, one = Desk(), Host()
    go = threading.Event()

    def gives(given: Any) -> None:
        assert go.wait(WAIT)
        given.order_id = "mine"

    handed = one.hand_over(ctx, gives)
    ctx.order_id = "B"
    go.set()
    handed.result(WAIT)
    one.close()
    assert ctx.order_id == "B"
    assert telemetry.unchecked() == {"left_on_copy": 1}


@pytest.mark.parametrize("before", [0, 37])
def test_it_is_there_when_the_result_is_routed(before: int, instrument: Instrument) -> None:
    """The submitter may go on from then on, while the worker is on its way out; the first row, or a late one."""
    instrument(
        "pin",
        boundaries=[
            declare(Host, calls=[Call("tests.hosts:Ledger.post", {"order_id": "order_id"}, evidence="result")])
        ],
    )
    ctx: Any = Desk()

    def routes(given: Any) -> None:
        given.result = "done"
        Ledger().post(given.order_id, "entry")
        assert ctx.result == "done"

    run_rows(Host(), [nothing] * before + [routes], ctx)


def test_what_it_writes_by_another_name_for_the_original_is_there(instrument: Instrument) -> None:
    """Its copy, to which it wrote nothing, does not take that back."""
    instrument("pin", boundaries=[declare(Host)])
    ctx, one = Desk(), Host()
    one.hand_over(ctx, lambda _: setattr(ctx, "order_id", "mine")).result(WAIT)
    one.close()
    assert ctx.order_id == "mine"
