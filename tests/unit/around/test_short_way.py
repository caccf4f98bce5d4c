"""Which way a row took: most go the short one, of which nothing is left but what is compared."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffInstrumentor
from otel_handoff.handover.findings import Findings
from otel_handoff.handover.lease import Lease
from otel_handoff.host.bound import is_bound
from otel_handoff.host.contexts import ContextClasses
from otel_handoff.host.standin import BoundStandIn
from otel_handoff.record import locations
from tests.hosts import WAIT, Context, Ledger, Order, Pool, boundary

ROWS, QUIET = 31, 20
"""How many rows there are, and how many are looked at more closely at first."""


names = itertools.count()


def declared(**options: Any) -> Boundary:
    """Return a boundary whose rows are counted from the first: those of one name are counted together."""
    return boundary(name=f"short_way.{next(names)}", **options)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often something was done that a row on the short way does without."""
    taken: Counter[str] = Counter()

    def counted(owner: Any, name: str, what: str) -> None:
        done: Callable[..., Any] = getattr(owner, name)

        def count(*args: Any, **kwargs: Any) -> Any:
            taken[what] += 1
            return done(*args, **kwargs)

        monkeypatch.setattr(owner, name, count)

    counted(ContextClasses, "of", "the class was looked at")
    counted(Lease, "_submitted", "the submission was made")
    counted(Findings, "__init__", "there were findings")
    counted(BoundStandIn, "__init__", "a method was wrapped anew")
    counted(locations, "capture", "the caller was looked for")
    return taken


def rows(work: Callable[[Order, Any], Any], context: Callable[[int], Any], taken: Counter[str]) -> None:
    """Hand rows over one after the other; by the first a boundary gets to know its host."""
    pool = Pool()
    for number in range(ROWS):
        pool.enqueue(Order(str(number)), context(number), work).result(WAIT)
        if number == QUIET:
            taken.clear()
    pool.close()


def fresh(number: int) -> Context:
    """Return a context of a row's own."""
    return Context(order=Order(str(number)), attempt="1")


def clean(_order: Order, ctx: Context) -> None:
    """Read, and file a call."""
    assert ctx.order is not None
    Ledger().post(ctx.order.id, "entry", ctx.attempt)


@pytest.mark.parametrize("watch", [True, False])
@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
def test_a_clean_row_goes_the_short_way(mode: str, watch: bool, taken: Counter[str]) -> None:
    """Also with calls, and with a read that a call is compared with; and where reads and writes are not watched."""
    read = Call("tests.hosts:Context.describe", {}, evidence="read")
    calls = [Call("tests.hosts:Ledger.post", {"order_id": "order_id"}), read]
    HandoffInstrumentor().instrument(mode=mode, watch=watch, boundaries=[declared(calls=calls)])

    def work(order: Order, ctx: Context) -> None:
        ctx.describe()
        clean(order, ctx)

    rows(work, fresh, taken)
    assert dict(taken) == {}


def test_one_context_for_all_rows_that_is_written_between_them(taken: Counter[str]) -> None:
    """As pipelines have it, where each is waited for."""
    HandoffInstrumentor().instrument(mode="pin", boundaries=[declared()])
    shared = Context(attempt="1")

    def moved(number: int) -> Context:
        shared.order = Order(str(number))
        return shared

    rows(clean, moved, taken)
    assert dict(taken) == {}


class Slotted:
    """A context without a `__dict__`."""

    __slots__ = ("__weakref__", "attempt", "order")

    def __init__(self, number: int) -> None:
        self.order = Order(str(number))
        self.attempt = "1"


def test_what_is_unusual_goes_the_slow_way(taken: Counter[str]) -> None:
    """A context whose class keeps its values elsewhere: each row asks how."""
    HandoffInstrumentor().instrument(mode="pin", boundaries=[declared()])
    rows(clean, Slotted, taken)
    assert taken["the class was looked at"] == ROWS - QUIET - 1


def test_what_disagrees_leaves_the_short_way(taken: Counter[str]) -> None:
    """There are findings, and the submission is made for those who are told."""
    HandoffInstrumentor().instrument(mode="observe", boundaries=[declared()])
    rows(lambda _order, _ctx: Ledger().post("another", "entry"), fresh, taken)
    assert taken["there were findings"] == ROWS - QUIET - 1
    assert taken["the submission was made"] == ROWS - QUIET - 1


def test_the_methods_are_looked_up_in_the_short_way() -> None:
    """Those of the host's, and those of the pools that are followed."""
    HandoffInstrumentor().instrument(mode="pin", boundaries=[declared()])
    pool = Pool()
    assert is_bound(pool.enqueue)
    assert is_bound(pool.executor.submit)
    assert is_bound(Ledger().post)
    pool.close()


def test_a_kept_method_does_nothing_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `uninstrument()` it is the host's own: no row is begun."""
    HandoffInstrumentor().instrument(mode="pin", watch=False, boundaries=[declared()])
    pool, ctx = Pool(), fresh(0)
    kept = pool.enqueue
    for _ in range(QUIET):
        kept(Order("A"), ctx, clean).result(WAIT)
    HandoffInstrumentor().uninstrument()
    begun: list[object] = []

    def count(*_: Any, **__: Any) -> None:
        begun.append(1)

    monkeypatch.setattr(Lease, "__init__", count)
    seen: list[Any] = []
    kept(Order("A"), ctx, lambda _order, ctx: seen.append(ctx)).result(WAIT)
    pool.close()
    assert (begun, seen) == ([], [ctx])
    assert seen[0] is ctx


def test_a_worker_that_hands_over_in_turn(taken: Counter[str]) -> None:
    """What we look at for that is not what it reads: it goes the slow way, as nobody's work."""
    HandoffInstrumentor().instrument(mode="observe", boundaries=[declared()])
    inner = Pool()

    def outer(_order: Order, ctx: Context) -> None:
        inner.enqueue(Order("inner"), ctx, lambda _order, _ctx: None).result(WAIT)

    rows(outer, fresh, taken)
    inner.close()
    assert taken["the class was looked at"] == ROWS - QUIET - 1


def test_a_subclass_that_is_met_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked whether it hands over in a way of its own."""
    HandoffInstrumentor().instrument(mode="observe", boundaries=[declared()])
    looked: list[object] = []
    monkeypatch.setattr(vars(Pool)["enqueue"]._self_wrapper.shared, "cover_overrides", lambda: looked.append(1))

    class Other(Pool):
        """Works as its base does."""

    for number, kind in enumerate((Pool, Pool, Other, Other, Pool)):
        pool = kind()
        pool.enqueue(Order("A"), fresh(number), clean).result(WAIT)
        pool.close()
    assert len(looked) == 3


class Override(Pool):
    """Does more, and then the same."""

    def enqueue(self, order: Order, ctx: Context, job: Any) -> Any:
        """Submit function, too."""
        return super().enqueue(order, ctx, job)


def test_an_override_that_calls_what_it_overrides() -> None:
    """Each row is handed over once, though both are wrapped."""
    HandoffInstrumentor().instrument(mode="observe", boundaries=[declared()])
    shared = vars(Pool)["enqueue"]._self_wrapper.shared
    before = shared.counts.submissions.value
    pool = Override()
    assert is_bound(pool.enqueue)
    assert is_bound(super(Override, pool).enqueue)
    for number in range(3):
        pool.enqueue(Order("A"), fresh(number), clean).result(WAIT)
    pool.close()
    assert shared.counts.submissions.value - before == 3
