"""Where reads of a context cannot be seen, or could not for a while, nobody is told that all is well."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import pytest

from otel_handoff import HandoffInstrumentor
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk, Host, declare
from tests.hazards.rows import told
from tests.hosts import WAIT
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
UNPINNED = pytest.mark.parametrize("mode", ["observe", "strict"])


class OwnLookUp(Desk):
    """Looks attributes up in its own way."""

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name)


class Sealing(type):
    """Makes classes that cannot be changed."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise TypeError(f"{cls.__name__} is sealed")


class Sealed(metaclass=Sealing):
    """A context."""

    def __init__(self) -> None:
        self.order_id: Any = None


class Below:
    """Keeps everything one object further, which its copies share."""

    def __init__(self) -> None:
        object.__setattr__(self, "below", {})

    def __getattr__(self, name: str) -> Any:
        try:
            return vars(self)["below"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self.below[name] = value


class Table(MutableMapping[str, Any]):
    """A mapping of the host's own; its copies share what it holds."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        return self.rows[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.rows[key] = value

    def __delitem__(self, key: str) -> None:
        del self.rows[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


class Slots:
    """Watched where its values are."""

    __slots__ = ("order_id",)
    tenant = "acme"


class Fallback(Desk):
    """Finds by `__getattr__` what it does not have; it has the id."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Late:
    """Its id has a default."""

    order_id: Any = None


MAPPINGS = cast("tuple[type[Any], ...]", (dict, Table))


def put(ctx: Any, order_id: str) -> None:
    """Write the id."""
    if isinstance(ctx, MAPPINGS):
        ctx["order_id"] = order_id
    else:
        ctx.order_id = order_id


def get(ctx: Any) -> Any:
    """Read it."""
    return ctx["order_id"] if isinstance(ctx, MAPPINGS) else ctx.order_id


class Row:
    """Row A, at work until it is let go on."""

    def __init__(self, host: Host, ctx: Any) -> None:
        self._begun, self._read, self._done, self._end = (threading.Event() for _ in range(4))
        self.read: list[Any] = []
        self._ctx = ctx
        put(ctx, "A")
        self._future: Future[Any] = host.submit(ctx, self._body)
        assert self._begun.wait(WAIT)

    def _body(self, ctx: Any) -> None:
        self._begun.set()
        assert self._read.wait(WAIT)
        self.read.append(get(ctx))
        self._done.set()
        assert self._end.wait(WAIT)

    def is_overtaken(self) -> Any:
        """The context is B's when the worker reads it, and A's again when it ends; return what it read."""
        put(self._ctx, "B")
        self._read.set()
        assert self._done.wait(WAIT)
        put(self._ctx, "A")
        self._end.set()
        self._future.result(WAIT)
        return self.read[0]


def there_and_back(ctx: Any) -> Any:
    """Run such a row on a host of its own."""
    host = Host()
    try:
        return Row(host, ctx).is_overtaken()
    finally:
        host.close()


def marked(telemetry: Telemetry) -> list[Any]:
    """Which rows say that they were judged in part."""
    return [(span.attributes or {}).get("handoff.unwatched") for span in telemetry.spans("process desk")]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of it."""
    return [one.getMessage() for one in caplog.records if "CHECKED IN PART" in one.getMessage()]


UNWATCHED: list[Callable[[], Any]] = [SimpleNamespace, dict, OwnLookUp, Sealed, Below, Table]
SHARES: list[Callable[[], Any]] = [Below, Table]
"""Those whose copy is not apart from the original."""


@UNPINNED
@pytest.mark.parametrize("context", UNWATCHED)
def test_a_context_that_cannot_be_watched(
    context: Callable[[], Any],
    mode: str,
    instrument: Instrument,
    telemetry: Telemetry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A wrong id that is read and gone again is not seen; each row says so, and the log once, with what to do."""
    instrument(mode, boundaries=[declare(Host, calls=())])
    for _ in range(2):
        assert there_and_back(context()) == "B"
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}, "they were judged"
    assert marked(telemetry) == [True, True]
    [warning] = warnings(caplog)
    assert "boundary 'desk'" in warning
    assert "OTEL_HANDOFF_MODE=pin" in warning
    assert [one.levelno for one in caplog.records if one.getMessage() == warning] == [logging.WARNING]


@pytest.mark.parametrize("context", UNWATCHED)
def test_such_a_context_when_it_is_pinned(
    context: Callable[[], Any], instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Its copy is the worker's own, and nothing is missed; unless that shares what the id is in."""
    instrument("pin", boundaries=[declare(Host, calls=())])
    shares = context in SHARES
    assert there_and_back(context()) == ("B" if shares else "A")
    assert marked(telemetry) == [True if shares else None]
    assert len(warnings(caplog)) == shares


@IN_EACH_MODE
@pytest.mark.parametrize("context", [Desk, Slots, Fallback, Late])
def test_a_context_that_is_watched(
    context: Callable[[], Any],
    mode: str,
    instrument: Instrument,
    telemetry: Telemetry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is seen."""
    instrument(mode, boundaries=[declare(Host, calls=(), fields={"order_id": "order_id"})])
    assert there_and_back(context()) == ("A" if mode == "pin" else "B")
    assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})]
    assert marked(telemetry) == [None]
    assert warnings(caplog) == []


@UNPINNED
def test_watch_that_was_turned_off(
    mode: str, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Who turned it off need not be told; who reads the traces does."""
    instrument(mode, boundaries=[declare(Host, calls=())], watch=False)
    assert there_and_back(Desk()) == "B"
    assert marked(telemetry) == [True]
    assert warnings(caplog) == []


# -- what watched is replaced


def patched_meanwhile(host: Host, cls: type) -> None:
    """A test's patch is on while the first row is handed over."""
    with mock.patch.object(cls, "order_id", "patched"):
        host.submit(cls(), lambda ctx: ctx.order_id).result(WAIT)


def set_anew(host: Host, cls: type) -> None:
    """The class gets another default after the first row."""
    host.submit(cls(), lambda ctx: ctx.order_id).result(WAIT)
    setattr(cls, "order_id", "another")  # noqa: B010


def deleted(host: Host, cls: type) -> None:
    """The default goes."""
    host.submit(cls(), lambda ctx: ctx.order_id).result(WAIT)
    delattr(cls, "order_id")


def made_a_property(host: Host, cls: type) -> None:
    """The host puts a property there."""
    host.submit(cls(), lambda ctx: ctx.order_id).result(WAIT)

    def get(self: Any) -> Any:
        return getattr(self, "kept", None)

    def put(self: Any, value: Any) -> None:
        self.kept = value

    setattr(cls, "order_id", property(get, put))  # noqa: B010


def made_a_property_in_a_subclass(host: Host, cls: type) -> None:
    """The class inherits what is watched, and covers it."""
    base = cls.__mro__[1]
    ctx = base()
    ctx.order_id = "base"
    host.submit(ctx, lambda ctx: ctx.order_id).result(WAIT)
    made_a_property(host, cls)


REPLACED = [patched_meanwhile, set_anew, deleted, made_a_property, made_a_property_in_a_subclass]


@IN_EACH_MODE
@pytest.mark.parametrize("replace", REPLACED)
def test_it_is_watched_again_from_the_next_row_on(
    replace: Callable[[Host, type], None], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """What was not seen until then is told; what is wrong from then on is seen."""
    base = type("Base", (), {"order_id": None})
    cls = type("Late", (base,), {} if replace is made_a_property_in_a_subclass else {"order_id": None})
    instrument(mode, boundaries=[declare(Host, calls=())])
    host = Host()
    replace(host, cls)
    assert Row(host, cls()).is_overtaken() == ("A" if mode == "pin" else "B")
    host.close()
    assert told(telemetry) == [("A", "read", "prevented" if mode == "pin" else "used", {"order_id": "B"})]
    assert telemetry.unchecked() == {"replaced": 1}
    [span] = telemetry.spans("unchecked desk")
    assert (span.attributes or {})["handoff.unchecked.pinned"] is (mode == "pin")


@IN_EACH_MODE
def test_replaced_after_the_last_row(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is told in the end, when nobody hands over any more; and the host's own stays."""
    cls = type("Late", (), {"order_id": None})
    instrument(mode, boundaries=[declare(Host, calls=())])
    host = Host()
    set_anew(host, cls)
    host.close()
    assert telemetry.unchecked() == {}
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"replaced": 1}
    assert vars(cls)["order_id"] == "another"


@IN_EACH_MODE
def test_a_look_up_that_comes_later(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The class gets one of its own, which asks no descriptor: it is told in the end."""
    cls = type("Late", (), {"order_id": None})
    instrument(mode, boundaries=[declare(Host, calls=())])
    host = Host()
    host.submit(cls(), lambda ctx: ctx.order_id).result(WAIT)
    setattr(cls, "__getattribute__", OwnLookUp.__getattribute__)  # noqa: B010
    host.close()
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"replaced": 1}
    assert vars(cls)["order_id"] is None


@UNPINNED
def test_a_row_at_work_meanwhile(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It says itself that it was not judged."""
    cls = type("Late", (), {"order_id": None})
    instrument(mode, boundaries=[declare(Host, calls=())])
    host, other = Host(), Host()
    row = Row(host, cls())
    setattr(cls, "order_id", None)  # noqa: B010
    other.submit(cls(), lambda ctx: ctx.order_id).result(WAIT)
    row.is_overtaken()
    host.close()
    other.close()
    assert telemetry.unchecked() == {"replaced": 1}
    reasons = [(span.attributes or {}).get("handoff.unchecked.reason") for span in telemetry.spans("process desk")]
    assert sorted(map(str, reasons)) == ["None", "replaced"]


@IN_EACH_MODE
def test_taken_off_while_rows_are_handed_over(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """What we take off ourselves is not missed, nor is what two boundaries watch and one gives back."""
    instrument(mode, boundaries=[declare(Host, calls=())])
    host = Host()
    row = Row(host, Desk())
    HandoffInstrumentor().uninstrument()
    row.is_overtaken()
    host.submit(Desk("A"), get).result(WAIT)
    host.close()
    assert telemetry.unchecked() == {}
