"""In pin the submit function has its worker's copy: what it writes there is for both, and is written once."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.hazards.conftest import Instrument
from tests.hazards.one_row import Body, Desk, Host, OwnHost, declare
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", ["off", "observe", "strict", "pin"])
ORDERS = [f"order-{n}" for n in range(40)]


class Slots:
    """Keeps its values in slots."""

    __slots__ = ("order_id", "seq")

    def __init__(self) -> None:
        self.order_id: Any = None
        self.seq = 0


class Counting(Desk):
    """A context with a number of its own."""

    seq = 0


class Table(dict[str, Any]):
    """A dict of the host's own."""


def number_of(ctx: Any) -> int:
    """Its number."""
    found = cast("dict[str, Any]", ctx)["seq"] if isinstance(ctx, dict) else ctx.seq
    return int(found)


def count(ctx: Any) -> int:
    """Give it the next number."""
    number = number_of(ctx) + 1
    if isinstance(ctx, dict):
        ctx["seq"] = number
    else:
        ctx.seq = number
    return number


class Logged:
    """Each setting of the id is logged, and counted."""

    def __init__(self) -> None:
        self._order_id: Any = None
        self.log: list[Any] = []

    @property
    def order_id(self) -> Any:
        """The id."""
        return self._order_id

    @order_id.setter
    def order_id(self, order_id: Any) -> None:
        self._order_id = order_id
        self.log.append(order_id)


class Before(OwnHost):
    """Numbers the rows on the context, before it hands them over."""

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        count(ctx)
        return super().submit(ctx, body)


class After(OwnHost):
    """Numbers them when they are handed over, and perhaps begun."""

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        handed = super().submit(ctx, body)
        count(ctx)
        return handed


class NowAndThen(OwnHost):
    """Numbers every twentieth."""

    rows = 0

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        self.rows += 1
        if self.rows % 20 == 0:
            ctx.seq = self.rows
        return super().submit(ctx, body)


class InSteps(OwnHost):
    """Hands over in a generator."""

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        count(ctx)
        yield self.pool.submit(self.work, ctx, body)
        count(ctx)

    def hand_over(self, ctx: Any, body: Body) -> Any:
        """Run the generator."""
        [handed] = self.submit(ctx, body)
        return handed


CONTEXTS: dict[str, Callable[[], Any]] = {
    "a plain object": Counting,
    "slots": Slots,
    "a namespace": lambda: SimpleNamespace(order_id=None, seq=0),
    "a dict": lambda: {"order_id": None, "seq": 0},
    "a dict of its own": lambda: Table(order_id=None, seq=0),
}
EACH_CONTEXT = pytest.mark.parametrize("context", CONTEXTS)


def name(ctx: Any, order_id: str) -> None:
    """Write the id."""
    if isinstance(ctx, dict):
        ctx["order_id"] = order_id
    else:
        ctx.order_id = order_id


def id_of(ctx: Any) -> Any:
    """Read the id."""
    return cast("Any", ctx)["order_id"] if isinstance(ctx, dict) else ctx.order_id


@IN_EACH_MODE
@EACH_CONTEXT
@pytest.mark.parametrize(("host", "each"), [(Before, 1), (After, 1), (InSteps, 2)])
def test_its_caller_sees_it(
    host: type[OwnHost], each: int, context: str, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Row after row, also the last."""
    instrument(mode, boundaries=[declare(host, calls=())])
    handing, ctx = host(), CONTEXTS[context]()
    for order_id in ORDERS:
        name(ctx, order_id)
        handing.hand_over(ctx, lambda _ctx: None).result(WAIT)
    handing.close()
    assert number_of(ctx) == each * len(ORDERS)
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


@IN_EACH_MODE
@EACH_CONTEXT
def test_its_worker_sees_it(context: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """As before."""
    instrument(mode, boundaries=[declare(Before, calls=())])
    host, ctx = Before(), CONTEXTS[context]()
    seen: list[int] = []
    for order_id in ORDERS:
        name(ctx, order_id)
        seen.append(host.submit(ctx, number_of).result(WAIT))
    host.close()
    assert seen == list(range(1, len(ORDERS) + 1))
    assert told(telemetry) == []


@IN_EACH_MODE
def test_what_is_written_now_and_then(mode: str, instrument: Instrument) -> None:
    """Its code shows that it does."""
    instrument(mode, boundaries=[declare(NowAndThen, calls=())])
    host, ctx = NowAndThen(), Counting()
    seen: list[int] = []
    for order_id in ORDERS:
        ctx.order_id = order_id
        host.submit(ctx, number_of).result(WAIT)
        seen.append(ctx.seq)
    host.close()
    assert seen == [0] * 19 + [20] * 20 + [40]


class Elsewhere(OwnHost):
    """Writes to the context that it holds itself, not to the one that it is given."""

    def __init__(self, ctx: Any) -> None:
        super().__init__()
        self.ctx = ctx

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        count(self.ctx)
        return super().submit(ctx, body)


@IN_EACH_MODE
@EACH_CONTEXT
def test_what_is_written_by_another_name(context: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The worker sees it all the same."""
    instrument(mode, boundaries=[declare(Elsewhere, calls=())])
    ctx = CONTEXTS[context]()
    host = Elsewhere(ctx)
    seen: list[int] = []
    for order_id in ORDERS:
        name(ctx, order_id)
        seen.append(host.submit(ctx, number_of).result(WAIT))
    host.close()
    assert seen == list(range(1, len(ORDERS) + 1))
    assert told(telemetry) == []


class Waits(OwnHost):
    """Goes on only when its row has been worked on."""

    def __init__(self) -> None:
        super().__init__()
        self.done = threading.Event()

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        handed = super().submit(ctx, body)
        assert self.done.wait(WAIT)
        return handed


def worked_on_meanwhile(host: Waits, ctx: Any, body: Body) -> Any:
    """Hand over a row; while its worker has begun, and submit waits, its caller goes on to B; return the result."""
    begun, moved = threading.Event(), threading.Event()

    def waits(given: Any) -> Any:
        begun.set()
        assert moved.wait(WAIT)
        result = body(given)
        host.done.set()
        return result

    with ThreadPoolExecutor(1) as submitter:
        handed = submitter.submit(host.submit, ctx, waits)
        assert begun.wait(WAIT)
        ctx.order_id = "B"
        moved.set()
        result = handed.result(WAIT).result(WAIT)
    host.close()
    return result


def test_the_next_id_does_not_come_to_the_copy(instrument: Instrument, telemetry: Telemetry) -> None:
    """What is carried over is no id: not even one that another thread writes while a row is handed over."""
    instrument("pin", boundaries=[declare(Waits)])
    ctx = Counting()
    ctx.order_id = "A"

    def body(given: Any) -> Any:
        Ledger().post(given.order_id, "entry")
        return given.order_id

    assert worked_on_meanwhile(Waits(), ctx, body) == "A"
    assert ctx.order_id == "B"
    assert [(outcome, observed) for _, _, outcome, observed in told(telemetry)] == [("prevented", {"order_id": "B"})]


class Stamped(Waits):
    """Gives the row its id, and goes on only when it has been worked on."""

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        ctx.order_id = "A"
        return super().submit(ctx, body)


@pytest.mark.parametrize("context", [Counting, lambda: SimpleNamespace(order_id=None)], ids=["object", "namespace"])
def test_the_id_of_a_row_does_not_come_back(context: Callable[[], Any], instrument: Instrument) -> None:
    """Where the caller has gone on to the next while it was being handed over."""
    instrument("pin", boundaries=[declare(Stamped, calls=())])
    ctx = context()
    assert worked_on_meanwhile(Stamped(), ctx, lambda given: given.order_id) == "A"
    assert ctx.order_id == "B"


class Backpressure(OwnHost):
    """Waits before it hands over."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.free = threading.Event(), threading.Event()

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        self.entered.set()
        assert self.free.wait(WAIT)
        return super().submit(ctx, body)


@pytest.mark.parametrize("context", [*CONTEXTS.values(), Logged], ids=[*CONTEXTS, "behind a property"])
def test_the_next_id_while_it_waits_to_be_handed_over(context: Callable[[], Any], instrument: Instrument) -> None:
    """It stays with the caller, wherever the class keeps it."""
    instrument("pin", boundaries=[declare(Backpressure, calls=())])
    host, ctx = Backpressure(), context()
    name(ctx, "A")
    with ThreadPoolExecutor(1) as submitter:
        handed = submitter.submit(host.submit, ctx, id_of)
        assert host.entered.wait(WAIT)
        name(ctx, "B")
        host.free.set()
        assert handed.result(WAIT).result(WAIT) == "A"
    host.close()
    assert id_of(ctx) == "B"


def around_the_class(ctx: Any, order_id: str) -> None:
    """Stamp the id where no descriptor sees it."""
    if isinstance(ctx, dict):
        ctx["order_id"] = order_id
    else:
        vars(ctx)["order_id"] = order_id


class Stamps(OwnHost):
    """Gives the row its id."""

    def __init__(self) -> None:
        super().__init__()
        self.orders = iter(ORDERS)

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        around_the_class(ctx, next(self.orders))
        return super().submit(ctx, body)


@EACH_CONTEXT
def test_a_stamp_that_nobody_sees(context: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The copy that the submit function has written to says which row it is."""
    if context == "slots":
        pytest.skip("has no __dict__")
    instrument("pin", boundaries=[declare(Stamps)])
    host, ctx, ledger = Stamps(), CONTEXTS[context](), Ledger()

    def file(given: Any) -> None:
        ledger.post(id_of(given), "entry")

    for _ in ORDERS:
        host.submit(ctx, file).result(WAIT)
    host.close()
    assert [entry[0] for entry in ledger.entries] == ORDERS
    assert id_of(ctx) == ORDERS[-1]
    assert told(telemetry) == []
    spans = telemetry.spans("process desk")
    assert [(span.attributes or {})["desk.order_id"] for span in spans] == ORDERS


# -- setters


class LoggedInSlots(Logged):
    """The same in slots."""

    __slots__ = ("_order_id", "log")


class LoggedBelow(Logged):
    """It keeps the id in an object that its copies share."""

    def __init__(self) -> None:
        self.below: dict[str, Any] = {"id": None}
        self.log = []

    @property
    def order_id(self) -> Any:
        """The id."""
        return self.below["id"]

    @order_id.setter
    def order_id(self, order_id: Any) -> None:
        self.below["id"] = order_id
        self.log.append(order_id)


class Setting(OwnHost):
    """Gives the row its id, by the setter."""

    def __init__(self) -> None:
        super().__init__()
        self.orders = iter(ORDERS)

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        ctx.order_id = next(self.orders)
        return super().submit(ctx, body)


@IN_EACH_MODE
@pytest.mark.parametrize("context", [Logged, LoggedInSlots, LoggedBelow])
def test_a_setter_runs_once(context: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """And both contexts have what it stored."""
    instrument(mode, boundaries=[declare(Setting)])
    host, ctx, ledger = Setting(), context(), Ledger()
    for n, _ in enumerate(ORDERS):
        host.submit(ctx, lambda given: ledger.post(given.order_id, "entry")).result(WAIT)
        assert ctx.order_id == ORDERS[n]
    host.close()
    assert ctx.log == ORDERS
    assert [entry[0] for entry in ledger.entries] == ORDERS
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


# -- a copy is another object


class ById(OwnHost):
    """Keeps what belongs to a context by its address."""

    def __init__(self, ctx: Any) -> None:
        super().__init__()
        self.known: Any = {id(ctx): "known"}

    def key(self, ctx: Any) -> Any:
        """Under which it looks."""
        return id(ctx)

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        known = self.known[self.key(ctx)]
        return self.pool.submit(self.work, ctx, lambda _ctx: known)


class ByObject(ById):
    """By the context itself."""

    def __init__(self, ctx: Any) -> None:
        super().__init__(ctx)
        self.known = {ctx: "known"}

    def key(self, ctx: Any) -> Any:
        """Under which it looks."""
        return ctx


class Weakly(ByObject):
    """And weakly."""

    def __init__(self, ctx: Any) -> None:
        super().__init__(ctx)
        self.known = weakref.WeakKeyDictionary({ctx: "known"})


class InTheWorker(ById):
    """On the worker."""

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, ctx, lambda ctx: self.known[self.key(ctx)])


def explained(caplog: pytest.LogCaptureFixture) -> int:
    """How often it was said why."""
    return sum("by its identity" in one.getMessage() for one in caplog.records)


@pytest.mark.parametrize("host", [ById, ByObject, Weakly, InTheWorker])
def test_a_copy_is_not_found_by_its_identity(
    host: type[ById], instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    """That is how it is in pin; why, and what to do, is said once."""
    instrument("pin", boundaries=[declare(host, calls=())])
    ctx = Desk("A")
    handing = host(ctx)
    for _ in range(2):
        with pytest.raises(KeyError):
            handing.submit(ctx, lambda _: None).result(WAIT)
    handing.close()
    assert explained(caplog) == 1
    assert "OTEL_HANDOFF_MODE=observe" in caplog.text


@pytest.mark.parametrize("host", [ById, ByObject, Weakly, InTheWorker])
@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_a_context_is_found_by_its_identity(
    host: type[ById], mode: str, instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    """Where there is no copy."""
    instrument(mode, boundaries=[declare(host, calls=())])
    ctx = Desk("A")
    handing = host(ctx)
    assert handing.submit(ctx, lambda _: None).result(WAIT) == "known"
    handing.close()
    assert explained(caplog) == 0


@pytest.mark.parametrize(
    "error",
    [KeyError("A"), KeyError(1), KeyError(), ValueError(7), KeyError(Desk("B"))],
    ids=["text", "number", "nothing", "other-error", "other-object"],
)
def test_any_other_error_is_the_hosts_own(
    error: Exception, instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is said of it."""
    instrument("pin", boundaries=[declare(Host, calls=())])
    host = Host()

    def body(_ctx: Any) -> None:
        raise error

    with pytest.raises(type(error)):
        host.submit(Desk("A"), body).result(WAIT)
    host.close()
    assert explained(caplog) == 0
