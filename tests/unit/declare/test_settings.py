"""Settings: from code, from the environment, and what is said when they are wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffInstrumentor, environment_variables
from otel_handoff.declare.settings import BoundariesConfiguration, Configuration, Settings, boundaries_of, resolve
from otel_handoff.elspeth import BOUNDARIES, ElspethInstrumentor
from tests.hosts import boundary

PLAIN: dict[str, Any] = {
    "name": "orders",
    "submit": "tests.hosts:Pool.enqueue",
    "work": "tests.hosts:Pool._run",
    "fields": {"order_id": "order.id", "attempt": "attempt"},
    "calls": [{"target": "tests.hosts:Ledger.post", "ids": {"order_id": "order_id"}, "latency_ms": "latency_ms"}],
}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment says nothing, and nothing stays instrumented."""
    for name in vars(environment_variables):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name, raising=False)
    yield
    assert not HandoffInstrumentor().is_instrumented_by_opentelemetry
    assert not ElspethInstrumentor().is_instrumented_by_opentelemetry


def test_the_defaults() -> None:
    """Pin, watched, in the submitter's trace."""
    assert resolve() == Settings(mode="pin", watch=True, trace="child")


@pytest.mark.parametrize("mode", ["pin", "observe", "strict", "off"])
@pytest.mark.parametrize("trace", ["child", "link"])
@pytest.mark.parametrize("watch", [True, False])
def test_from_code_before_the_environment(
    mode: str, trace: str, watch: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the code says wins, and the environment is not even judged then."""
    monkeypatch.setenv("OTEL_HANDOFF_MODE", "nonsense")
    monkeypatch.setenv("OTEL_HANDOFF_WATCH", "nonsense")
    monkeypatch.setenv("OTEL_HANDOFF_TRACE", "nonsense")
    assert resolve(mode=mode, watch=watch, trace=trace) == Settings(mode, watch, trace)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("OTEL_HANDOFF_MODE", "observe", Settings(mode="observe")),
        ("OTEL_HANDOFF_MODE", " Strict ", Settings(mode="strict")),
        ("OTEL_HANDOFF_MODE", "OFF", Settings(mode="off")),
        ("OTEL_HANDOFF_MODE", "", Settings()),
        ("OTEL_HANDOFF_WATCH", "false", Settings(watch=False)),
        ("OTEL_HANDOFF_WATCH", "No", Settings(watch=False)),
        ("OTEL_HANDOFF_WATCH", "0", Settings(watch=False)),
        ("OTEL_HANDOFF_WATCH", "on", Settings(watch=True)),
        ("OTEL_HANDOFF_WATCH", "", Settings()),
        ("OTEL_HANDOFF_TRACE", "LINK", Settings(trace="link")),
        ("OTEL_HANDOFF_SPANS", "Mismatch", Settings(spans="mismatch")),
        ("OTEL_HANDOFF_SPANS", "sampled", Settings(spans="sampled")),
        ("OTEL_HANDOFF_ATTRIBUTES", "ALL", Settings(attributes="all")),
        ("OTEL_HANDOFF_IDS", "Hashed", Settings(ids="hashed")),
        ("OTEL_HANDOFF_IDS_KEY", " secret\n", Settings(ids_key="secret")),
    ],
)
def test_from_the_environment(
    variable: str, text: str, expected: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Case and blanks do not matter, and an empty variable is none."""
    monkeypatch.setenv(variable, text)
    assert resolve() == expected
    assert caplog.records == []


@pytest.mark.parametrize(
    ("variable", "text", "warning"),
    [
        (
            "OTEL_HANDOFF_MODE",
            "obsreve",
            "OTEL_HANDOFF_MODE=obsreve is not one of pin, observe, strict, off; using pin.",
        ),
        ("OTEL_HANDOFF_WATCH", "maybe", "OTEL_HANDOFF_WATCH=maybe is not true or false; using true."),
        ("OTEL_HANDOFF_TRACE", "parent", "OTEL_HANDOFF_TRACE=parent is not one of child, link; using child."),
        ("OTEL_HANDOFF_SPANS", "none", "OTEL_HANDOFF_SPANS=none is not one of all, sampled, mismatch; using all."),
        ("OTEL_HANDOFF_ATTRIBUTES", "no", "OTEL_HANDOFF_ATTRIBUTES=no is not one of few, all; using few."),
    ],
)
def test_a_wrong_environment_warns_and_the_default_holds(
    variable: str, text: str, warning: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The host must start, whatever a deployment says."""
    monkeypatch.setenv(variable, text)
    assert resolve() == Settings()
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.WARNING, warning)]


def test_a_slip_does_not_let_the_ids_out(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever sets it at all does not want plain ones."""
    monkeypatch.setenv("OTEL_HANDOFF_IDS", "hash")
    assert resolve() == Settings(ids="hashed")
    assert caplog.messages == ["OTEL_HANDOFF_IDS=hash is not one of plain, hashed; using hashed."]


def test_the_key_is_no_flag_and_not_shown() -> None:
    """A command line is seen by everybody, and a repr gets into logs."""
    assert not any("KEY" in name for name in vars(environment_variables))
    assert "secret" not in repr(Settings(ids_key="secret"))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"mode": "obsreve"}, "mode='obsreve' is not one of 'pin', 'observe', 'strict', 'off'"),
        ({"mode": True}, "mode=True is not one of 'pin', 'observe', 'strict', 'off'"),
        ({"mode": ["pin"]}, "mode=['pin'] is not one of 'pin', 'observe', 'strict', 'off'"),
        ({"watch": "yes"}, "watch='yes' is not True or False"),
        ({"trace": "parent"}, "trace='parent' is not one of 'child', 'link'"),
        ({"spans": "none"}, "spans='none' is not one of 'all', 'sampled', 'mismatch'"),
        ({"attributes": 1}, "attributes=1 is not one of 'few', 'all'"),
        ({"ids": "hash"}, "ids='hash' is not one of 'plain', 'hashed'"),
    ],
)
@pytest.mark.parametrize("instrumentor", [ElspethInstrumentor, HandoffInstrumentor])
def test_wrong_code_is_an_error_in_one_sentence(options: dict[str, Any], error: str, instrumentor: Any) -> None:
    """In code it is a mistake to be corrected, and nothing is left instrumented."""
    with pytest.raises(ValueError) as raised:
        resolve(**options)
    assert str(raised.value) == error
    boundaries = {"boundaries": [boundary()]} if instrumentor is HandoffInstrumentor else {}
    with pytest.raises(ValueError, match="is not"):
        instrumentor().instrument(**options, **boundaries)


def test_off_as_yaml_reads_it() -> None:
    """YAML takes an unquoted `off` for false."""
    assert resolve(mode=False) == Settings(mode="off")


@pytest.mark.parametrize("instrumentor", [ElspethInstrumentor, HandoffInstrumentor])
def test_an_unknown_option_is_named(instrumentor: Any) -> None:
    """A typing error in an option's name is told with the names there are."""
    with pytest.raises(TypeError, match=r"instrument\(\) has no option moed, tracer; it has mode, watch, trace, "):
        instrumentor().instrument(moed="pin", tracer=1)


def test_elspeth_takes_no_boundaries() -> None:
    """It has its own; the message says who takes others."""
    with pytest.raises(TypeError, match="use HandoffInstrumentor for others"):
        ElspethInstrumentor().instrument(boundaries=[boundary()])


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"name": "Orders"}, "Boundary 'Orders': a name is lower-case letters"),
        ({"name": ""}, "Boundary '': a name is"),
        ({"submit": "tests.hosts.Pool.enqueue"}, "submit: write 'module:Class.method' or 'module:function', not"),
        ({"work": "tests.hosts:"}, "work: write 'module:Class.method'"),
        ({"context": "not a name"}, "context: 'not a name' is no path: there is no space in a path"),
        ({"fields": {}}, "unknown field 'order_id'; it names none"),
        ({"ids": {"order_id": "order id"}}, "ids['order_id']: 'order id' is no path"),
        ({"ids": {"order": "order.id"}, "fields": {}}, "unknown field 'order_id'; its fields are order. Did you mean"),
        (
            {"fields": {"order_id": "order..id"}},
            "fields['order_id']: 'order..id' is no path: there is no name between two '.'",
        ),
        ({"fields": {"order_id": ""}}, "'' is no path: it is empty"),
        ({"row": "orderid"}, "unknown field 'orderid'; its fields are order_id, attempt"),
        ({"aliases": {"orderid": ("order.id",)}}, "unknown field 'orderid'"),
        ({"calls": [Call("a:b", {"orderid": "x"})]}, "unknown field 'orderid'"),
        ({"evict": Call("a:b", {"orderid": "x"})}, "unknown field 'orderid'"),
        ({"pools": ["nowhere"]}, "pools: write 'module:Class.method'"),
    ],
)
def test_a_boundary_that_cannot_be_meant(changed: dict[str, Any], error: str) -> None:
    """The declaration itself says what to change."""
    with pytest.raises(ValueError) as raised:
        boundary(**changed)
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"target": "Ledger.post", "ids": {}}, "Call.target: write 'module:Class.method' or 'module:function'"),
        ({"target": "a:b", "ids": {"order_id": "order id"}}, "Call 'a:b': ids['order_id']: 'order id' is no path"),
        ({"target": "a:b", "ids": {}, "attributes": {"x": "."}}, "Call 'a:b': attributes['x']: '.' is no path"),
        ({"target": "a:b", "ids": {}, "evidence": "span"}, "evidence is 'call', 'result' or 'read', not 'span'"),
    ],
)
def test_a_call_that_cannot_be_meant(options: dict[str, Any], error: str) -> None:
    """So does a call's."""
    with pytest.raises(ValueError) as raised:
        Call(**options)
    assert error in str(raised.value)


def test_boundaries_as_plain_data() -> None:
    """What a configuration file can hold is the same boundary."""
    assert boundaries_of([PLAIN]) == [boundary()]
    assert boundaries_of([boundary(), PLAIN]) == [boundary(), boundary()]
    evict: dict[str, Any] = {"target": "tests.hosts:Pool.close", "ids": {"order_id": "order_id"}}
    assert boundaries_of([{**PLAIN, "evict": evict}])[0].evict == Call(**evict)


NO_BOUNDARIES: list[tuple[Any, str]] = [
    ({**PLAIN, "feilds": {}}, "feilds"),
    ({"name": "orders"}, "missing"),
    ({**PLAIN, "calls": [{"ids": {}}]}, "missing"),
    ({**PLAIN, "calls": ["tests.hosts:Ledger.post"]}, ""),
    ({**PLAIN, "calls": None}, ""),
    ({**PLAIN, "fields": ["order_id"]}, ""),
    ({**PLAIN, "fields": {"order_id": 1}}, ""),
    ({**PLAIN, "submit": 1}, ""),
    ("orders", "boundaries holds 'orders', which is no Boundary"),
    (None, "boundaries holds None, which is no Boundary"),
]


@pytest.mark.parametrize(("given", "error"), NO_BOUNDARIES)
def test_plain_data_that_is_no_boundary(given: Any, error: str) -> None:
    """A wrong option is a `ValueError` that names it, never an error from somewhere inside."""
    with pytest.raises(ValueError) as raised:
        boundaries_of([given])
    assert error in str(raised.value)


DECLARED = [boundary()]
MORE = (PLAIN,)
UNSET = None


def test_boundaries_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of lists, separated by commas; what the code says comes first."""
    monkeypatch.setenv("OTEL_HANDOFF_BOUNDARIES", f"{__name__}:DECLARED, {__name__}:MORE")
    assert boundaries_of(None) == [boundary(), boundary()]
    assert boundaries_of([]) == []


@pytest.mark.parametrize(
    "reference",
    ["nowhere:X", f"{__name__}:NOTHING", __name__, f"{__name__}:PLAIN", f"{__name__}:UNSET", ":", "a:b:c"],
)
def test_boundaries_that_cannot_be_found_warn(
    reference: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Those that can be found are still attached."""
    monkeypatch.setenv("OTEL_HANDOFF_BOUNDARIES", f"{reference},{__name__}:DECLARED")
    assert boundaries_of(None) == [boundary()]
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert f"OTEL_HANDOFF_BOUNDARIES={reference} gives no boundaries" in record.getMessage()


def test_what_a_configuration_file_finds() -> None:
    """Each instrumentor names the dataclass of its options, whose absent values are None."""
    assert ElspethInstrumentor.configuration is Configuration
    assert HandoffInstrumentor.configuration is BoundariesConfiguration
    assert vars(BoundariesConfiguration()) == {
        "mode": None,
        "watch": None,
        "trace": None,
        "spans": None,
        "attributes": None,
        "ids": None,
        "remote": None,
        "boundaries": None,
    }


def test_elspeths_own_boundaries_are_ordinary_ones() -> None:
    """Nothing about ELSPETH is special to the engine."""
    assert all(type(declared) is Boundary for declared in BOUNDARIES)
    assert {declared.name for declared in BOUNDARIES} == {"elspeth"}


def test_a_file_says_where_what_is_shared_is() -> None:
    """All of it is plain data."""
    given: dict[str, Any] = {
        "name": "orders",
        "submit": "shop.pool:Pool.enqueue",
        "work": "shop.pool:Pool.run",
        "context": "shop.state:client[of 'one'].session",
        "fields": {"order_id": "[X-Order]"},
        "ids": {"order_id": "kwargs.headers[X-Order]", "tenant": "self.tenant"},
        "contextvars": True,
        "calls": [{"target": "shop.client:Client.post", "ids": {"tenant": "result.tenant"}}],
    }
    boundary = Boundary.from_mapping(given)
    assert boundary.names == ("order_id", "tenant")
    assert (boundary.context, boundary.contextvars) == (given["context"], True)
    with pytest.raises(ValueError, match=r"^Boundary 'orders': contextvars is true or false, not 'maybe'$"):
        Boundary.from_mapping({**given, "contextvars": "maybe"})
    with pytest.raises(ValueError, match=r"fields\['order_id'\]: 'a:b' is no path: .* in no module"):
        Boundary.from_mapping({**given, "fields": {"order_id": "a:b"}})
