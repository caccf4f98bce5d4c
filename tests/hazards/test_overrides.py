"""A declared function is often one that every subclass writes anew: its rows are seen, or told not to be."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import abc
import functools
import importlib
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from otel_handoff import Call
from otel_handoff.doctor import examine
from otel_handoff.host.births import Births
from otel_handoff.host.plainly import MISSING
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, Host, declare, filed_by_a
from tests.hazards.rows import told
from tests.hosts import WAIT
from tests.telemetry import Telemetry, uninstrument

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
FILED = {"observe": "B", "strict": "blocked", "pin": "A"}


class Base(abc.ABC):
    """What a boundary names: it does nothing itself."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    @abc.abstractmethod
    def submit(self, ctx: Any, body: Body) -> Any: ...

    @abc.abstractmethod
    def work(self, ctx: Any, body: Body) -> Any: ...

    def hand_over(self, ctx: Any, body: Body) -> Any:
        """Call the submit function."""
        return self.submit(ctx, body)

    def close(self) -> None:
        """Wait for the worker."""
        self.pool.shutdown()


class Shop(Base):
    """Does it all in its own way."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.work, ctx, body)

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


def late() -> Any:
    """Return an instance of a subclass that was given its functions when it was there."""

    class Late(Shop): ...

    def submit(self: Any, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.work, ctx, body)

    def work(_self: Any, ctx: Any, body: Body) -> Any:
        return body(ctx)

    late: Any = Late
    late.submit, late.work = submit, work
    return Late()


@IN_EACH_MODE
def test_an_abstract_base_is_declared(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Its subclasses' rows are judged, from the first one on."""
    before = dict(vars(Shop))
    instrument(mode, boundaries=[declare(Base)])
    assert filed_by_a(Shop()) == FILED[mode]
    assert [(name, dict(observed)) for name, _, _, observed in told(telemetry)] == [("A", {"order_id": "B"})]
    uninstrument()
    assert dict(vars(Shop)) == before
    assert telemetry.unchecked() == {}


@IN_EACH_MODE
def test_a_subclass_that_is_made_later(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is wrapped when it is made, and what its class does with subclasses is done as ever."""
    instrument(mode, boundaries=[declare(Base)])

    class Named(Shop):
        names: ClassVar[list[Any]] = []

        def __init_subclass__(cls, label: str, **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            cls.names.append((cls.__name__, label))

    class Late(Named, label="late"):
        def submit(self, ctx: Any, body: Body) -> Any:
            return self.pool.submit(self.work, ctx, body)

        def work(self, ctx: Any, body: Body) -> Any:
            return body(ctx)

    assert Named.names == [("Late", "late")]
    assert filed_by_a(Late()) == FILED[mode]
    assert [name for name, *_ in told(telemetry)] == ["A"]
    uninstrument()
    assert telemetry.unchecked() == {}
    assert not any("__init_subclass__" in vars(cls) for cls in (Base, Shop, Late))
    assert vars(Late)["submit"] is Late.submit


JOBS = """
import threading
from tests.hosts import Ledger

class Job(threading.Thread):
    def __init__(self, desk, go):
        super().__init__()
        self.desk, self.go, self.filed = desk, go, []

    def run(self):
        raise NotImplementedError

class Scan(Job):
    def run(self):
        assert self.go.wait(10)
        try:
            Ledger().post(self.desk.order_id, "entry")
            self.filed.append(self.desk.order_id)
        except Exception as error:
            self.filed.append(type(error).__name__)
"""


@IN_EACH_MODE
def test_a_subclass_beside_it_in_a_module_that_is_loaded_later(
    mode: str, instrument: Instrument, telemetry: Telemetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there when the module is: it is wrapped as its base is."""
    (tmp_path / "jobs_loaded_later.py").write_text(JOBS, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    options = {"submit": None, "work": "jobs_loaded_later:Job.run", "context": "self.desk"}
    instrument(mode, boundaries=[declare(Base, **options)])
    try:
        jobs: Any = importlib.import_module("jobs_loaded_later")
        desk, go = Desk("A"), threading.Event()
        job = jobs.Scan(desk, go)
        job.start()
        desk.order_id = "B"
        go.set()
        job.join(WAIT)
    finally:
        sys.modules.pop("jobs_loaded_later", None)
    assert job.filed == [{"observe": "B", "pin": "A", "strict": "HandoffMismatchError"}[mode]]
    assert [name for name, *_ in told(telemetry)] == ["A"]
    assert telemetry.unchecked() == {}


@pytest.mark.parametrize("rows_before", [False, True])
@pytest.mark.parametrize("asked", [uninstrument, examine])
def test_one_that_was_not_seen_in_time_is_told(
    asked: Any, rows_before: bool, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether others had rows or not: nobody says that all is well."""
    instrument(boundaries=[declare(Base, calls=[])])
    if rows_before:
        filed_by_a(Shop(), change=lambda _ctx: None)
    host = late()
    assert filed_by_a(host) == "B"
    diagnosis = str(asked())
    assert telemetry.unchecked() == {"replaced": 1}
    if asked is examine:
        assert "WRONG desk.unchecked.replaced" in diagnosis
        uninstrument()
    assert f"{__name__}:late.<locals>.Late.submit" in caplog.text


@IN_EACH_MODE
def test_an_override_that_another_boundary_declares(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is that one's alone, in whichever order they are declared."""
    names = [declare(Host, name="base", calls=[]), declare(Own, name="own")]
    for boundaries in (names, names[::-1]):
        telemetry.mismatches.clear()
        instrument(mode, boundaries=boundaries)
        assert filed_by_a(Own()) == FILED[mode]
        assert [mismatch.submission.boundary for mismatch in telemetry.mismatches] == ["own"]
        uninstrument()


class Own(Host):
    """Overrides both, and is declared by itself."""

    def submit(self, ctx: Any, body: Body) -> Any:
        return self.pool.submit(self.work, ctx, body)

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)


class Counts:
    """Counts its subclasses."""

    made = 0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.made += 1


class Inherits(Counts):
    """Has nothing of its own."""


class Plain:
    """Has nothing at all."""

    made = 0


@pytest.mark.parametrize(("cls", "counted"), [(Counts, True), (Inherits, True), (Plain, False)])
def test_what_hears_of_subclasses_is_not_pickled(cls: type[Any], counted: bool) -> None:
    """A class that is pickled by value has subclasses as ever where it is loaded, and nobody there hears of them."""
    cloudpickle: Any = pytest.importorskip("cloudpickle", reason="pip install 'otel-handoff[test]'")
    heard: list[type] = []
    births = Births(cls, dict(vars(cls)).get("__init_subclass__", MISSING), heard.append)
    sent: Any = pickle.loads(cloudpickle.dumps(births))
    loaded: Any = type(cls.__name__, (cls,), {"__init_subclass__": sent, "made": cls.made})
    made: Any = type("Sub", (loaded,), {})
    assert (made.made > loaded.made, heard) == (counted, [])


class Templates(Host):
    """Asks which of its functions a subclass overrides."""

    @staticmethod
    def file(order_id: Any) -> None:
        """File it."""

    def post(self, order_id: Any) -> None:
        """Post it."""

    def own(self) -> list[str]:
        """What is not this class's."""
        return [
            name
            for name in ("submit", "work", "file", "post")
            if getattr(type(self), name) is not getattr(Templates, name)
        ]


class Inherited(Templates):
    """Overrides nothing."""


class Overriding(Templates):
    """Overrides two."""

    def work(self, ctx: Any, body: Body) -> Any:
        return body(ctx)

    def post(self, order_id: Any) -> None: ...


@IN_EACH_MODE
def test_what_is_overridden_is_asked_of_the_classes(mode: str, instrument: Instrument) -> None:
    """By identity: a class gives the same function at each look, also while a row is handed over."""
    calls = [Call(f"{__name__}:Templates.{name}", {"order_id": "order_id"}) for name in ("file", "post")]
    instrument(mode, boundaries=[declare(Templates, calls=calls)])
    hosts: list[Any] = [Templates(), Inherited(), Overriding()]
    for _ in range(2):
        assert [host.own() for host in hosts] == [[], [], ["work", "post"]]
        for host in hosts:

            def by_class(ctx: Any, host: Any = host) -> Any:
                return Templates.work(host, ctx, lambda ctx: ctx.order_id)

            assert host.submit(Desk("A"), by_class).result(WAIT) == "A"
    uninstrument()
    assert [host.own() for host in hosts] == [[], [], ["work", "post"]]
    for host in hosts:
        host.close()


class Properties(Host):
    """Its work function is what a property returns."""

    label = "no function"

    @property
    def work(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.really

    @functools.cached_property
    def cached(self) -> Any:
        """The same."""
        return self.really

    def really(self, ctx: Any, body: Body) -> Any:
        """Do the work."""
        return body(ctx)


@pytest.mark.parametrize(
    ("name", "said", "do"),
    [
        ("work", "a property", "Declare the function that it returns."),
        ("cached", "a cached_property", "Declare the function that it returns."),
        ("label", "a str, and no function", "Declare a function."),
    ],
)
def test_what_is_no_function_is_called_what_it_is(
    name: str, said: str, do: str, instrument: Instrument, caplog: pytest.LogCaptureFixture
) -> None:
    """In the warning, and by the doctor."""
    target = f"{__name__}:Properties.{name}"
    instrument(boundaries=[declare(Properties, work=target)])
    assert [f"{target} is {said}: it is not checked. {do}"] == caplog.messages
    (found,) = [finding for finding in examine().findings if finding.subject == "desk.work"]
    assert (found.state, found.text, found.do) == ("wrong", f"Properties.{name} in {__name__} is {said}", do)


class Store:
    """Takes what is filed."""

    rows: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        self.filed: list[Any] = []

    def post(self, order_id: Any) -> None:
        """File it."""
        self.filed.append(order_id)


class Table(Store):
    """Files it in its own way."""

    def post(self, order_id: Any) -> None:
        Store.rows.append(order_id)


class Logs(Store):
    """Files it by what it overrides."""

    def post(self, order_id: Any) -> None:
        super().post(order_id)


class Defers(Store):
    """The same in a function within."""

    def post(self, order_id: Any) -> None:
        def later() -> None:
            super(Defers, self).post(order_id[0])

        later()


class Wraps(Store):
    """The same by name, of another thing."""

    def post(self, order_id: Any) -> None:
        Store.post(self, order_id[0])


POST = Call(f"{__name__}:Store.post", {"order_id": "order_id"})


@IN_EACH_MODE
@pytest.mark.parametrize("store", [Store, Table, Logs, Defers, Wraps])
def test_an_override_of_a_call(store: type[Store], mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is judged, and once."""
    before = dict(vars(store))
    instrument(mode, boundaries=[declare(Host, calls=[POST])])
    host, ledger = Host(), store()

    def file(order_id: str) -> Body:
        def body(_ctx: Any) -> None:
            ledger.post([order_id] if store in (Wraps, Defers) else order_id)

        return body

    host.submit(Desk("A"), file("A")).result(WAIT)
    assert told(telemetry) == []
    host.submit(Desk("A"), file("C")).exception(WAIT)
    host.close()
    assert [(kind, dict(observed)) for _, kind, _, observed in told(telemetry)] == [("call", {"order_id": "C"})]
    assert len([span for span in telemetry.spans() if span.name.endswith(".post")]) == 2
    uninstrument()
    assert telemetry.unchecked() == {}
    assert dict(vars(store)) == before


def test_one_of_a_call_that_was_not_seen_in_time_is_told(
    instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Others of the kind were: that says nothing of it."""
    instrument(boundaries=[declare(Host, calls=[POST])])

    class Late(Store): ...

    def post(store: Any, order_id: Any) -> None:
        store.filed.append(order_id)

    def file(ctx: Any) -> None:
        for store in (Store(), Late()):
            store.post(ctx.order_id)

    late: Any = Late
    late.post = post
    host = Host()
    host.submit(Desk("A"), file).result(WAIT)
    host.close()
    uninstrument()
    assert telemetry.unchecked() == {"call_not_seen": 1}
    assert "Late.post" in caplog.text
