"""Ids beneath the context: what is changed in place on the way to them is seen, told, and kept from a pinned worker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otel_handoff import HandoffMismatchError
from otel_handoff.host.guard import Tally, guard
from otel_handoff.watch import ways
from tests.hosts import WAIT
from tests.telemetry import Telemetry
from tests.unit.watch.kinds import KINDS, Desk, Frozen, FrozenOrder, Kind, Order, Outer
from tests.unit.watch.one_row import Fanning, Global, Host, Ledger, OwnHost, on, race, told

MODES = ("observe", "strict", "pin")
EACH_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
A, B = {"order_id": "A"}, {"order_id": "B"}


def started(telemetry: Telemetry, mode: str, kind: Kind, **options: Any) -> None:
    """Instrument for a kind."""
    on(telemetry, mode, fields={"order_id": kind.path}, **options)


def files(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A worker that files what it reads."""

    def body(ctx: Any) -> Any:
        ledger = Ledger()
        ledger.post(read(ctx), "entry")
        return ledger.entries[0][0]

    return body


def to_b(kind: Kind) -> Callable[[Any], None]:
    """The submitting thread goes on."""

    def change(ctx: Any) -> None:
        write(ctx)

    def write(ctx: Any) -> None:
        kind.write(ctx, "B")

    return change


def short(telemetry: Telemetry) -> list[tuple[Any, ...]]:
    """What was told, without whether there is a culprit."""
    return [one[:4] for one in told(telemetry)]


@EACH_KIND
def test_observed(kind: Kind, telemetry: Telemetry) -> None:
    """The worker files the wrong id: that is told, with who wrote it where writes are seen."""
    started(telemetry, "observe", kind)
    ctx = kind.make()
    assert race(ctx, to_b(kind), files(kind.read)) == "B"
    assert short(telemetry) == [("call", "used", A, B)]
    assert (telemetry.mismatches[0].culprit is not None) == kind.seen


@EACH_KIND
def test_read_only(kind: Kind, telemetry: Telemetry) -> None:
    """The worker reads it, and files nothing: told as used where the read is seen, and elsewhere that it changed."""
    started(telemetry, "observe", kind)
    assert race(kind.make(), to_b(kind), kind.read) == "B"
    assert short(telemetry) == [("read", "used", A, B) if kind.seen else ("end", "exposed", A, B)]


@EACH_KIND
def test_not_read(kind: Kind, telemetry: Telemetry) -> None:
    """The worker does not read it: that it was changed is told without watch, too."""
    started(telemetry, "observe", kind)
    race(kind.make(), to_b(kind), lambda _: None)
    assert short(telemetry) == [("end", "exposed", A, B)]


@EACH_KIND
def test_strict(kind: Kind, telemetry: Telemetry) -> None:
    """The call is refused."""
    started(telemetry, "strict", kind)
    with pytest.raises(HandoffMismatchError):
        race(kind.make(), to_b(kind), files(kind.read))
    assert short(telemetry) == [("call", "blocked", A, B)]


@EACH_KIND
def test_pinned(kind: Kind, telemetry: Telemetry) -> None:
    """The worker reads and files its own id, and what it was spared is told."""
    started(telemetry, "pin", kind)
    ctx = kind.make()
    assert race(ctx, to_b(kind), files(kind.read)) == "A"
    assert kind.read(ctx) == "B"
    assert short(telemetry) == [("read" if kind.seen else "end", "prevented", A, B)]
    assert (telemetry.mismatches[0].culprit is not None) == kind.seen


@pytest.mark.parametrize("host", [Host, Global])
@EACH_KIND
def test_pinned_at_the_read(kind: Kind, host: type[OwnHost], telemetry: Telemetry) -> None:
    """The same where the worker shares the context, as far as that can be watched."""
    if kind.path in ("meta.id", "ids.0") and not isinstance(kind.make(), Desk):
        pytest.skip("nobody sees its reads")
    started(telemetry, "pin", kind, host=host, pins="read")
    ctx = kind.make()
    assert race(ctx, to_b(kind), lambda given: (given is ctx, files(kind.read)(given)), host) == (True, "A")
    assert kind.read(ctx) == "B"
    assert short(telemetry) == [("read" if kind.seen else "end", "prevented", A, B)]


@pytest.mark.parametrize("mode", MODES)
@EACH_KIND
def test_clean(kind: Kind, mode: str, telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Of a row whose id stays nothing is told; of rows one after the other neither."""
    started(telemetry, mode, kind)
    ctx = kind.make()
    for id_ in "ABC":
        kind.write(ctx, id_)
        assert race(ctx, lambda _: None, files(kind.read)) == id_
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    if mode == "pin":
        assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("mode", MODES)
@EACH_KIND
def test_the_same_id_again(kind: Kind, mode: str, telemetry: Telemetry) -> None:
    """Another object that says the same is no other id."""
    started(telemetry, mode, kind)
    assert race(kind.make(), lambda ctx: kind.write(ctx, str(b"A", "ascii")), files(kind.read)) == "A"
    assert told(telemetry) == []


@pytest.mark.parametrize("pins", [None, "read"])
@EACH_KIND
def test_its_own_write(kind: Kind, pins: str | None, telemetry: Telemetry) -> None:
    """What the worker writes there it reads back, and files; that is its own."""
    started(telemetry, "pin", kind, pins=pins)

    def body(ctx: Any) -> Any:
        kind.write(ctx, "own")
        return kind.read(ctx), files(kind.read)(ctx)

    ctx = kind.make()
    assert race(ctx, lambda _: None, body)[0] == "own"
    assert [one for one in told(telemetry) if kind.seen] == []
    assert kind.read(ctx) == "own"


@EACH_KIND
def test_its_own_write_is_kept(kind: Kind, telemetry: Telemetry) -> None:
    """Also when the submitter writes there after it."""
    started(telemetry, "pin", kind)
    wrote, go = threading.Event(), threading.Event()

    def body(ctx: Any) -> Any:
        kind.write(ctx, "own")
        wrote.set()
        assert go.wait(WAIT)
        return kind.read(ctx)

    ctx, host = kind.make(), Host()
    done = host.submit(ctx, body)
    assert wrote.wait(WAIT)
    kind.write(ctx, "B")
    go.set()
    assert done.result(WAIT) == "own"
    host.pool.shutdown()
    assert kind.read(ctx) == "B"
    if kind.seen:
        assert short(telemetry) == [("read", "prevented", {"order_id": "own"}, B)]


@pytest.mark.parametrize("mode", MODES)
@EACH_KIND
def test_a_result_is_not_lost(kind: Kind, mode: str, telemetry: Telemetry) -> None:
    """What the worker leaves beside the id is there for the submitter when the work is done."""
    started(telemetry, mode, kind)
    ctx = kind.make()
    for id_ in "AB":
        kind.write(ctx, id_)
        race(ctx, lambda _: None, kind.leave)
        assert kind.left(ctx) == "done"
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


@EACH_KIND
def test_what_submit_writes(kind: Kind, telemetry: Telemetry) -> None:
    """What the submit function writes there is what the row is, and is there for its caller."""
    started(telemetry, "pin", kind, host=Stamps)
    ctx, host = kind.make(), Stamps()
    filed: list[Any] = []
    for id_ in ("R1", "R2"):
        host.stamp = lambda ctx, id_=id_: kind.write(ctx, id_)
        filed.append(host.submit(ctx, files(kind.read)).result(WAIT))
        assert kind.read(ctx) == id_
    host.pool.shutdown()
    assert filed == ["R1", "R2"]
    assert told(telemetry) == []


@pytest.mark.parametrize("pins", [None, "read"])
@EACH_KIND
def test_pinned_before_it_begins(kind: Kind, pins: str | None, telemetry: Telemetry) -> None:
    """The worker comes late: it is what was handed over that it works on."""
    if pins == "read" and not isinstance(kind.make(), Desk):
        pytest.skip("nobody sees its reads")
    started(telemetry, "pin", kind, pins=pins)
    ctx = kind.make()
    assert race(ctx, to_b(kind), files(kind.read), late=True) == "A"
    assert kind.read(ctx) == "B"
    assert short(telemetry) == [("read" if kind.seen else "start", "prevented", A, B)]


@EACH_KIND
def test_observed_before_it_begins(kind: Kind, telemetry: Telemetry) -> None:
    """And one that reads nothing: the context had moved on when it began."""
    started(telemetry, "observe", kind)
    race(kind.make(), to_b(kind), lambda _: None, late=True)
    assert short(telemetry) == [("start", "exposed", A, B)]


def test_after_many_that_cannot_be_changed(telemetry: Telemetry) -> None:
    """Most rows go the short way; one of which something can be changed does not, however many there were before."""
    on(telemetry, "pin", host=Alone, fields={"order_id": "order.id"})
    host, ctx = Alone(), Desk(order=FrozenOrder())
    for _ in range(20):
        host.submit(ctx, lambda given: given.order.id).result(WAIT)
    host.pool.shutdown()
    kind = KINDS["an object"]
    assert race(Desk(order=Order()), to_b(kind), files(kind.read), Alone) == "A"
    assert short(telemetry) == [("read", "prevented", A, B)]


REPLACED: dict[str, tuple[Callable[[], Any], str, Callable[[Any], object], Callable[[Any], Any]]] = {
    "the first": (
        lambda: Desk(outer=Outer()),
        "outer.order.id",
        lambda ctx: setattr(ctx, "outer", Outer(Order("B"))),
        lambda ctx: ctx.outer.order.id,
    ),
    "the second": (
        lambda: Desk(outer=Outer()),
        "outer.order.id",
        lambda ctx: setattr(ctx.outer, "order", Order("B")),
        lambda ctx: ctx.outer.order.id,
    ),
    "the first, of dicts": (
        lambda: Desk(meta={"in": {"id": "A"}}),
        "meta.in.id",
        lambda ctx: setattr(ctx, "meta", {"in": {"id": "B"}}),
        lambda ctx: ctx.meta["in"]["id"],
    ),
    "the second, of dicts": (
        lambda: Desk(meta={"in": {"id": "A"}}),
        "meta.in.id",
        lambda ctx: ctx.meta.__setitem__("in", {"id": "B"}),
        lambda ctx: ctx.meta["in"]["id"],
    ),
    "a dict in an object": (
        lambda: Desk(order=Desk(meta={"id": "A"})),
        "order.meta.id",
        lambda ctx: setattr(ctx.order, "meta", {"id": "B"}),
        lambda ctx: ctx.order.meta["id"],
    ),
}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("mode", ["observe", "pin"])
@pytest.mark.parametrize(("make", "path", "change", "read"), REPLACED.values(), ids=REPLACED)
def test_replaced(
    make: Callable[[], Any],
    path: str,
    change: Callable[[Any], object],
    read: Callable[[Any], Any],
    mode: str,
    late: bool,
    telemetry: Telemetry,
) -> None:
    """Whichever object on the way is replaced."""
    on(telemetry, mode, fields={"order_id": path})
    assert race(make(), change, files(read), late=late) == ("A" if mode == "pin" else "B")
    ((evidence, outcome, *sides, culprit),) = told(telemetry)
    assert sides == [A, B]
    assert outcome == ("prevented" if mode == "pin" else "used")
    seen = path != "meta.in.id" or "setattr" in change.__code__.co_names
    assert evidence == (("read" if seen else ("start" if late else "end")) if mode == "pin" else "call")
    assert (culprit is not None) == seen


def test_replaced_twice(telemetry: Telemetry) -> None:
    """What is in place of what was on the way is on no way any more, and its reads are nobody's."""
    on(telemetry, "pin", fields={"order_id": "order.id"})
    ctx: Any = Desk(order=Order())
    first = ctx.order

    def change(ctx: Any) -> None:
        ctx.order = Order("B")
        ctx.order.id = "C"
        first.id = "D"

    assert race(ctx, change, lambda given: (given.order is first, given.order.id)) == (True, "A")
    assert (ctx.order.id, first.id) == ("C", "D")
    assert [one[1:4] for one in told(telemetry)] == [("prevented", A, {"order_id": each}) for each in "CD"]


def test_shared_by_two_rows(telemetry: Telemetry) -> None:
    """Each row has its own id of the object that both are about."""
    on(telemetry, "pin", fields={"order_id": "order.id"})
    order, read = Order(), list[Any]()
    ctx, other = Desk(order=order), Desk(order=order)

    def change(_: Any) -> None:
        order.id = "B"
        read.append(race(other, lambda _: setattr(order, "id", "C"), files(lambda given: given.order.id)))

    read.append(race(ctx, change, files(lambda given: given.order.described())))
    assert read == ["B", "A"]
    assert [one[2:4] for one in told(telemetry)] == [(B, {"order_id": "C"}), (A, {"order_id": "C"})]
    assert [one.culprit is not None for one in telemetry.mismatches] == [True, True]


def test_who_wrote_it_belongs_to_a_row(telemetry: Telemetry) -> None:
    """The culprit is told with the row that it was written for."""
    on(telemetry, "pin", fields={"order_id": "order.id"})
    ctx: Any = Desk(order=Order())

    def change(ctx: Any) -> None:
        ctx.order.id = "B"
        race(ctx, lambda _: None, lambda _: None)

    race(ctx, change, files(lambda given: given.order.id))
    (mismatch,) = telemetry.mismatches
    assert mismatch.culprit is not None
    assert mismatch.culprit.submission is not None
    assert dict(mismatch.culprit.submission.ids) == B


def test_two_workers_write_the_same(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Where each counts up what it found, one count would be lost: that is told, and no more rows have copies."""
    on(telemetry, "pin", fields={"order_id": "meta.id"})
    met = threading.Barrier(2)
    ctx: Any = Desk(meta={"id": "A", "count": 0})

    def counts(given: Any) -> None:
        met.wait(WAIT)
        given.meta["count"] += 1

    for expected in (1, 3):
        hosts = Host(), Host()
        handed = [host.submit(ctx, counts) for host in hosts]
        for each, host in zip(handed, hosts, strict=True):
            each.result(WAIT)
            host.pool.shutdown()
        assert ctx.meta["count"] in ((expected,) if expected == 1 else (2, 3))
    assert telemetry.unchecked() == {"left_on_copy": 1}
    assert sum("wrote the same entry of 'meta'" in one.getMessage() for one in caplog.records) == 1


def test_two_workers_write_ids_of_their_own(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for another's: the next rows have copies as before."""
    on(telemetry, "pin", fields={"order_id": "meta.id"})
    met = threading.Barrier(2)
    ctx: Any = Desk(meta={"id": "A"})

    def stamps(given: Any) -> bool:
        met.wait(WAIT)
        own = given.meta["id"] = threading.current_thread().name
        met.wait(WAIT)
        return bool(given.meta["id"] == own)

    for _ in range(2):
        hosts = Host(), Host()
        handed = [host.submit(ctx, stamps) for host in hosts]
        assert [each.result(WAIT) for each in handed] == [True, True]
        for host in hosts:
            host.pool.shutdown()
    assert telemetry.unchecked() == {}
    assert not any("wrote the same entry" in one.getMessage() for one in caplog.records)


def test_too_many_entries(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """A dict that is large is not copied for each row; its workers share it, and that is told once."""
    on(telemetry, "pin", fields={"order_id": "meta.id"})
    for _ in range(2):
        meta: dict[Any, Any] = {"id": "A", **dict.fromkeys(range(2000))}
        assert race(Desk(meta=meta), lambda ctx: ctx.meta.update(id="B"), lambda given: id(given.meta)) == id(meta)
    assert short(telemetry) == [("end", "exposed", A, B)] * 2
    assert sum("more than 1,000 entries" in one.getMessage() for one in caplog.records) == 1


class OwnLookUp:
    """Nobody sees its reads."""

    def __init__(self) -> None:
        self.id = "A"

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name)


class Headers:
    """Its ids are found by a method of its own."""

    def __init__(self) -> None:
        self.values = {"id": "A"}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


@pytest.mark.parametrize("inner", [OwnLookUp, Headers])
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_cannot_be_watched(
    inner: Callable[[], Any], mode: str, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """An inner object of which nobody sees the reads is shared, and observed; that is told once."""
    on(telemetry, mode, fields={"order_id": "order.id"})

    def change(ctx: Any) -> None:
        ctx.order.values["id"] = "B"

    def plain(ctx: Any) -> None:
        ctx.order.id = "B"

    for _ in range(2):
        telemetry.mismatches.clear()
        body = files(lambda given: given.order.id)
        assert race(Desk(order=inner()), plain if inner is OwnLookUp else change, body) == "B"
        assert short(telemetry) == [("call", "used", A, B)]
    assert sum("CHECKED IN PART" in one.getMessage() for one in caplog.records) == 1


@EACH_KIND
def test_without_watch(kind: Kind, telemetry: Telemetry) -> None:
    """A dict or list is copied all the same; an object is shared, and what it files is judged."""
    started(telemetry, "pin", kind, watch=False)
    copied = kind.copied and kind.path != "order.meta.id"
    assert race(kind.make(), to_b(kind), files(kind.read)) == ("A" if copied else "B")
    ((_, outcome, *sides),) = short(telemetry)
    assert sides == [A, B]
    assert outcome == ("prevented" if copied else "used")


def test_computed_of_something_else(telemetry: Telemetry) -> None:
    """A property without a setter is not seen to change; what is filed is judged."""

    class Computed:
        def __init__(self) -> None:
            self.kept = "A"

        @property
        def id(self) -> str:
            return self.kept

    on(telemetry, "observe", fields={"order_id": "order.id"})
    ctx: Any = Desk(order=Computed())
    assert race(ctx, lambda ctx: setattr(ctx.order, "kept", "B"), files(lambda given: given.order.id)) == "B"
    assert short(telemetry) == [("call", "used", A, B)]


class OfTheThread:
    """What it has is another on each thread."""

    def __init__(self) -> None:
        self.local = threading.local()
        self.local.id = "A"

    @property
    def id(self) -> Any:
        """What this thread has."""
        return getattr(self.local, "id", None)


def test_computed_of_what_the_thread_has(telemetry: Telemetry) -> None:
    """In pin the worker has what the submitter's thread had, until it sets its own there."""
    on(telemetry, "pin", fields={"order_id": "order.id"})

    def body(given: Any) -> Any:
        before = files(lambda given: given.order.id)(given)
        given.order.local.id = "mine"
        return before, given.order.id

    ctx: Any = Desk(order=OfTheThread())
    assert race(ctx, lambda _: None, body) == ("A", "mine")
    assert short(telemetry) == [("read", "prevented", A, {"order_id": None})]
    assert ctx.order.id == "A"


def test_computed_and_set_by_the_worker_first(telemetry: Telemetry) -> None:
    """What a worker makes of it, it reads."""
    on(telemetry, "pin", fields={"order_id": "order.id"})

    def body(given: Any) -> Any:
        given.order.local.id = "mine"
        return given.order.id

    assert race(Desk(order=OfTheThread()), lambda _: None, body) == "mine"
    assert told(telemetry) == []


@pytest.mark.parametrize("mode", MODES)
def test_its_methods(mode: str, telemetry: Telemetry) -> None:
    """What a method of the inner object reads is what the worker reads."""
    on(telemetry, mode, fields={"order_id": "order.id"})
    read = race(Desk(order=Order()), lambda ctx: setattr(ctx.order, "id", "B"), lambda given: given.order.described())
    assert read == ("A" if mode == "pin" else "B")
    assert [one[:2] for one in told(telemetry)] == [("read", "prevented" if mode == "pin" else "used")]


def test_deleted(telemetry: Telemetry) -> None:
    """An attribute that another takes away is still there for the worker; one that it takes away itself is not."""
    on(telemetry, "pin", fields={"order_id": "order.id"})
    assert race(Desk(order=Order()), lambda ctx: delattr(ctx.order, "id"), lambda given: given.order.id) == "A"

    def body(given: Any) -> Any:
        del given.order.id
        return hasattr(given.order, "id")

    assert race(Desk(order=Order()), lambda _: None, body) is False


def test_what_the_submit_function_gives_it(telemetry: Telemetry) -> None:
    """An object that the submit function puts on the way is what the worker is given, with its ids."""
    on(telemetry, "pin", host=Stamps, fields={"order_id": "order.id"})
    host, ctx = Stamps(), Desk(order=None)
    filed: list[Any] = []
    for id_ in ("R1", "R2"):
        host.stamp = lambda ctx, id_=id_: setattr(ctx, "order", Order(id_))
        filed.append(host.submit(ctx, files(lambda given: given.order.id)).result(WAIT))
    host.pool.shutdown()
    assert filed == ["R1", "R2"]
    assert told(telemetry) == []


def test_two_rows_of_one_submit_function(telemetry: Telemetry) -> None:
    """It writes an id, hands over, and does so again: each row is what it was then."""
    on(telemetry, "pin", host=Twice, fields={"order_id": "order.id"})
    host, ctx = Twice(), Desk(order=Order(None))
    go, filed = threading.Event(), list[Any]()
    host.pool.submit(go.wait, WAIT)
    futures = host.submit(ctx, lambda given: filed.append(files(lambda given: given.order.id)(given)))
    go.set()
    for each in futures:
        each.result(WAIT)
    host.pool.shutdown()
    assert filed == ["R1", "R2"]
    assert [one[1:4] for one in told(telemetry)] == [("prevented", {"order_id": "R1"}, {"order_id": "R2"})]


def test_given_back(telemetry: Telemetry) -> None:
    """The classes on the way are as they were when the boundary is taken off."""
    instrumentor = on(telemetry, "pin", fields={"order_id": "token.order.id"})
    race(Desk(token=Frozen()), lambda _: None, lambda _: None)
    assert "id" in vars(Order)
    instrumentor.uninstrument()
    assert "id" not in vars(Order)


def test_an_error_of_ours(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not reach the host: the row is handed over all the same."""
    guard.reraise = False
    monkeypatch.setattr(guard, "errors", Tally())
    on(telemetry, "pin", fields={"order_id": "meta.id"})
    monkeypatch.setattr(ways, "give", None)
    assert race(Desk(meta={"id": "A"}), lambda _: None, lambda given: given.meta["id"]) == "A"
    assert guard.errors.value == 1


class Alone(OwnHost):
    """Nobody hands over, or works, in its place."""

    def submit(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, ctx, body)

    def work(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
        """Work function."""
        return body(ctx)


class Twice(OwnHost):
    """Hands over two rows, one after the other."""

    def submit(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
        """Submit function."""
        futures: list[Any] = []
        for id_ in ("R1", "R2"):
            ctx.order.id = id_
            futures.append(self.pool.submit(self.work, ctx, body))
        return futures

    def work(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
        """Work function."""
        return body(ctx)


class Stamps(OwnHost):
    """Its submit function writes the id."""

    stamp: Callable[[Any], object]

    def submit(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
        """Submit function."""
        self.stamp(ctx)
        return self.pool.submit(self.work, ctx, body)

    def work(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
        """Work function."""
        return body(ctx)


def bill(ctx: Any, body: Callable[[Any], Any]) -> Any:
    """Work function, which is all that is declared."""
    return body(ctx)


@pytest.mark.parametrize("kind", [KINDS[name] for name in ("an object", "a dict", "a list")])
@pytest.mark.parametrize("pins", [None, "read"])
def test_no_submit_function(kind: Kind, pins: str | None, telemetry: Telemetry) -> None:
    """However the work is handed over."""
    on(telemetry, "pin", submit=None, work=f"{__name__}:bill", fields={"order_id": kind.path}, pins=pins)
    begun, go, pool = threading.Event(), threading.Event(), ThreadPoolExecutor(1)

    def body(given: Any) -> Any:
        begun.set()
        assert go.wait(WAIT)
        return files(kind.read)(given)

    ctx = kind.make()
    done = pool.submit(bill, ctx, body)
    assert begun.wait(WAIT)
    to_b(kind)(ctx)
    go.set()
    assert done.result(WAIT) == "A"
    pool.shutdown()
    assert short(telemetry) == [("read" if kind.seen else "end", "prevented", A, B)]


@pytest.mark.parametrize("kind", [KINDS[name] for name in ("an object", "a property", "two levels")])
def test_several_workers(kind: Kind, telemetry: Telemetry) -> None:
    """Each is given what was submitted, whatever another wrote for itself."""
    on(telemetry, "pin", host=Fanning, fields={"order_id": kind.path}, pins="read")
    host, ctx, go = Fanning(), kind.make(), threading.Event()
    read: list[Any] = []

    def body(given: Any) -> None:
        assert go.wait(WAIT)
        read.append(kind.read(given))
        kind.write(given, "own")
        read.append(kind.read(given))

    futures = host.submit(ctx, body)
    to_b(kind)(ctx)
    go.set()
    for each in futures:
        each.result(WAIT)
    host.pool.shutdown()
    assert read == ["A", "own"] * 2
