"""A pinned worker gets a copy that is fit for work, or else is pinned at the read, and that is said."""

from __future__ import annotations

import logging
import queue
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from otel_handoff.host.guard import guard
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import Desk, Host, declare, filed_by_a, run_rows
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry


class DropsHandle(Desk):
    """Leaves its handle out of its state, as the documentation of pickle says."""

    def __init__(self) -> None:
        super().__init__()
        self.handle = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "handle"}


class NewLock(DropsHandle):
    """Makes a lock anew where its state is set."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.handle = threading.Lock()


class PerInstance:
    """A descriptor that keeps its values by instance."""

    def __init__(self) -> None:
        self.values: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()

    def __get__(self, instance: Any, _owner: type | None = None) -> Any:
        return self if instance is None else self.values.get(instance)

    def __set__(self, instance: Any, value: Any) -> None:
        self.values[instance] = value


class KeptElsewhere:
    """Its id is kept by such a descriptor."""

    order_id = PerInstance()

    def __init__(self) -> None:
        self.handle = threading.Lock()


class Resets(Desk):
    """A copy of it is a new one, without an identity."""

    def __init__(self) -> None:
        super().__init__()
        self.handle = threading.Lock()

    def __copy__(self) -> Resets:
        return Resets()


class Slots:
    """Keeps all in slots, and says so itself where it is pickled."""

    __slots__ = ("handle", "order_id")

    def __init__(self) -> None:
        self.handle = threading.Lock()

    def __getstate__(self) -> Any:
        return (None, {"order_id": self.order_id})  # type: ignore[has-type]


class SlotsUnset:
    """One of its slots was never set, and its `__getattr__` knows no such name."""

    __slots__ = ("handle", "never", "order_id")

    def __init__(self) -> None:
        self.handle = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


class DictOfAttributes(dict[str, Any]):
    """A dict whose items are its attributes: one that is not there is a KeyError."""

    def __init__(self) -> None:
        super().__init__(handle=threading.Lock())

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getattr__(self, name: str) -> Any:
        return self[name]


class BareDictOfAttributes(dict[str, Any]):
    """The same in fewer words, and without a `__dict__`."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(handle=threading.Lock())

    __getattr__: Any = dict[str, Any].__getitem__
    __setattr__: Any = dict[str, Any].__setitem__


class ItsOwnAttributes(dict[str, Any]):
    """The same in one line: what is written by attribute is read as an item."""

    def __init__(self) -> None:
        super().__init__(handle=threading.Lock())
        self.__dict__ = self


class OrderOfAttributes(OrderedDict[str, Any]):
    """The same in an order that it keeps, with a name in its `__dict__` besides."""

    def __init__(self) -> None:
        super().__init__(last=1, handle=threading.Lock())
        vars(self)["name"] = "desk"
        self.move_to_end("last")

    def __copy__(self) -> OrderOfAttributes:
        made = OrderOfAttributes()  # with another handle
        made.order_id = self.order_id
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __getattr__(self, name: str) -> Any:
        return self[name]


class ListWithAttributes(list[Any]):
    """Items, and attributes by a `__getattr__` that knows only its own names."""

    def __init__(self) -> None:
        super().__init__(["item"])
        self.handle = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


class SetWithAttributes(set[Any]):
    """The same of a set."""

    def __init__(self) -> None:
        super().__init__({"item"})
        self.handle = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


class Owner(Desk):
    """Closes what it owns when it is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.handle = threading.Lock()
        self.open = {"connection": True}

    def __del__(self) -> None:
        self.open["connection"] = False


class SharesItsDict(Desk):
    """A copy of it has the same attributes, for ever: a write to one is a write to both."""

    def __init__(self) -> None:
        super().__init__()
        self.handle = threading.Lock()

    def __copy__(self) -> SharesItsDict:
        made = object.__new__(SharesItsDict)
        object.__setattr__(made, "__dict__", self.__dict__)
        return made


class Refuses(Desk):
    """Cannot be copied by anybody, and has something of its own that is kept elsewhere."""

    handle = PerInstance()

    def __init__(self) -> None:
        super().__init__()
        self.handle = threading.Lock()

    def __reduce_ex__(self, _protocol: Any) -> Any:
        raise TypeError("no copies")


OF_ITEMS: list[type[Any]] = [DictOfAttributes, BareDictOfAttributes, ItsOwnAttributes, OrderOfAttributes]
WITH_ITEMS: list[type[Any]] = [ListWithAttributes, SetWithAttributes]
FIT = [DropsHandle, NewLock, KeptElsewhere, Resets, Slots, SlotsUnset, SharesItsDict, *OF_ITEMS, *WITH_ITEMS]
UNFIT = [Owner, Refuses]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of contexts without copies."""
    return [
        one.getMessage()
        for one in caplog.records
        if one.levelno >= logging.WARNING and "no copy that is fit" in one.getMessage()
    ]


@pytest.mark.parametrize("context", FIT, ids=lambda one: one.__name__)
def test_its_worker_is_pinned(
    context: Callable[[], Any], instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker reads its own id, off a copy that has the rest of the original on it."""
    instrument("pin", boundaries=[declare(Host)])
    ctx, handles = context(), list[Any]()

    def change(ctx: Any) -> None:
        ctx.order_id = "B"
        assert ctx.order_id == "B"

    class Looks(Host):
        def hand_over(self, ctx: Any, body: Any) -> Any:
            return self.submit(ctx, lambda given: (handles.append(given.handle), body(given)))

    handle = ctx.handle
    assert filed_by_a(Looks(), ctx, change) == "A"
    assert handles == [handle]
    assert warnings(caplog) == []
    unwatched = context in (*OF_ITEMS, *WITH_ITEMS)  # by no attribute of the class
    spared = [] if unwatched else [("prevented", {"order_id": "B"})]
    assert [(outcome, observed) for _, _, outcome, observed in told(telemetry)] == spared
    assert telemetry.unchecked() == {}


@pytest.mark.parametrize("context", [*OF_ITEMS, *WITH_ITEMS], ids=lambda one: one.__name__)
def test_its_worker_has_the_items(context: Callable[[], Any], instrument: Instrument, telemetry: Telemetry) -> None:
    """The worker's copy is another object with the same items, in the same order."""
    instrument("pin", boundaries=[declare(Host)])
    ctx, given = context(), list[Any]()

    class Keeps(Host):
        def hand_over(self, ctx: Any, body: Any) -> Any:
            return self.submit(ctx, lambda copied: (given.append((copied, list(copied))), body(copied)))

    assert filed_by_a(Keeps(), ctx, lambda ctx: setattr(ctx, "order_id", "B")) == "A"
    ((copied, items),) = given
    assert copied is not ctx
    assert type(copied) is context
    assert items == list(ctx)


def test_its_worker_writes_attributes_that_are_items(instrument: Instrument) -> None:
    """As it would on the original."""
    instrument("pin", boundaries=[declare(Host)])
    ctx: Any = ItsOwnAttributes()

    def body(given: Any) -> Any:
        given.status = "done"
        return given is ctx, given["status"]

    assert run_rows(Host(), [body, body], ctx) == [(False, "done")] * 2


class WrittenMeanwhile(Desk):
    """Another thread writes to it while its second copy is compared with it."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: list[None] = []

    def __copy__(self) -> WrittenMeanwhile:
        made = object.__new__(WrittenMeanwhile)
        vars(made).update(vars(self))
        self.copies.append(None)
        if len(self.copies) == 2:
            self.note = "later"
        return made


def test_others_write_while_it_is_copied(instrument: Instrument, caplog: pytest.LogCaptureFixture) -> None:
    """It was fit before, and so it is again: each worker has a copy, and nothing is said."""
    instrument("pin", boundaries=[declare(Host)])
    ctx = WrittenMeanwhile()
    assert run_rows(Host(), [lambda given: given is ctx] * 3, ctx) == [False] * 3
    assert len(ctx.copies) == 4
    assert warnings(caplog) == []


@pytest.mark.parametrize("context", UNFIT, ids=lambda one: one.__name__)
def test_its_worker_is_pinned_at_the_read(
    context: Callable[[], Any], instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker shares the context, unharmed; that is said once, and it reads its own id."""
    instrument("pin", boundaries=[declare(Host)])
    ctx = context()
    assert run_rows(Host(), [lambda given: given is ctx] * 5, ctx) == [True] * 5
    assert getattr(ctx, "open", {"connection": True}) == {"connection": True}
    assert filed_by_a(Host(), ctx) == "A"
    assert told(telemetry) == [("A", "read", "prevented", {"order_id": "B"})]
    assert len(warnings(caplog)) == 1


class Lazy(Desk):
    """Its second id is only there where somebody works."""

    def __init__(self, raises: Exception) -> None:
        super().__init__()
        self.raises = raises

    @property
    def batch(self) -> Any:
        """Raise."""
        raise self.raises

    @batch.setter
    def batch(self, batch: Any) -> None: ...


@pytest.mark.parametrize("raises", [RuntimeError("not here"), KeyError("batch"), OSError("gone")], ids=repr)
def test_an_id_raises_at_the_hand_over(raises: Exception, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is not known, and said so; the others are pinned and judged."""
    errors = guard.errors.value
    instrument("pin", boundaries=[declare(Host, fields={"order_id": "order_id", "batch": "batch"})])
    assert filed_by_a(Host(), Lazy(raises)) == "A"
    assert [(outcome, observed) for _, _, outcome, observed in told(telemetry)] == [("prevented", {"order_id": "B"})]
    assert telemetry.unchecked() == {"field_unresolved": 1}
    (span,) = telemetry.spans("process desk")
    attributes = dict(span.attributes or {})
    assert attributes["handoff.unchecked.fields"] == ("batch",)
    assert attributes["handoff.unchecked.pinned"] is True
    assert guard.errors.value == errors


def test_a_dict_of_attributes_without_one(instrument: Instrument, telemetry: Telemetry) -> None:
    """A field that is not set yet is a key that this row has not; the other one, which is, is pinned and judged."""
    instrument("pin", boundaries=[declare(Host, fields={"order_id": "order_id", "batch": "batch"})])
    assert filed_by_a(Host(), DictOfAttributes()) == "A"
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}


def test_nobody_holds_the_hosts_lock_twice(instrument: Instrument, telemetry: Telemetry) -> None:
    """Two workers on their own copies keep each other out, as they did without us."""
    instrument("pin", boundaries=[declare(Host)])
    ctx, ledger = NewLock(), Ledger()
    ctx.order_id = "A"

    def body(given: Any) -> bool:
        ledger.post(given.order_id, "entry")
        return given.handle.acquire(blocking=False)

    hosts = [Host(), Host()]
    with ctx.handle:
        assert [host.submit(ctx, body).result(WAIT) for host in hosts] == [False, False]
    for host in hosts:
        host.close()
    assert ctx.handle.acquire(blocking=False)
    assert told(telemetry) == []


class Job(Future[Any]):
    """A context that is its own result."""

    order_id: Any = None

    def is_done(self) -> bool:
        """Whether who waits is let go on."""
        return self.result(WAIT) is True


class Signal(threading.Event):
    """One that says when it is done."""

    order_id: Any = None

    def set_result(self, _result: Any) -> None:
        """Wake who waits."""
        self.set()

    def is_done(self) -> bool:
        """Whether who waits is let go on."""
        return self.wait(WAIT)


class Mailbox(queue.Queue[Any]):
    """One that is given what comes of it."""

    order_id: Any = None

    def set_result(self, result: Any) -> None:
        """Wake who waits."""
        self.put(result)

    def is_done(self) -> bool:
        """Whether who waits is let go on."""
        return self.get(timeout=WAIT) and self.unfinished_tasks == 1


@pytest.mark.parametrize("context", [Job, Signal, Mailbox])
def test_others_wait_on_the_context_itself(
    context: Any, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not copied: what a worker sets on it is for them."""
    instrument("pin", boundaries=[declare(Host, calls=[])])
    host, ctx, go = Host(), context(), threading.Event()
    ctx.order_id = "A"

    def body(ctx: Any) -> None:
        assert go.wait(WAIT)
        assert ctx.order_id == "A"
        ctx.set_result(True)

    handed = host.submit(ctx, body)
    go.set()
    handed.result(WAIT)
    host.close()
    assert ctx.is_done()
    assert "others may wait on it itself" in caplog.text
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
