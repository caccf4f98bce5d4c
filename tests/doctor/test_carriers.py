"""What the doctor says of rows that leave with what OpenTelemetry carries."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from opentelemetry import propagate
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_handoff import Boundary, HandoffInstrumentor
from otel_handoff.doctor import examine
from otel_handoff.doctor.finding import Finding
from otel_handoff.propagator import HandoffPropagator
from tests.telemetry import Telemetry

SEND = f"{__name__}:send"
MESSAGE = Boundary(name="bills", submit=SEND, work="message:far.away:bill", fields={"row": "row"})
HERE = Boundary(name="bills", submit=SEND, work=f"message:{__name__}:bill", fields={"row": "row"})
RAY = Boundary(name="tasks", work="ray:shop.bill", fields={"row": "row"})
THREADS = Boundary(name="threads", work=f"{__name__}:bill", fields={"row": "row"})


def send(ctx: object) -> None:
    """Send."""


def bill(ctx: object) -> None:
    """Work."""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What was turned on is turned off, and the propagators are those of before."""
    before = propagate.get_global_textmap()
    yield
    propagate.set_global_textmap(before)
    HandoffInstrumentor().uninstrument()


def found(telemetry: Telemetry, boundary: Boundary, *, carries: bool, remote: bool = True) -> dict[str, Finding]:
    """Return what is found of one boundary, by subject."""
    ours = [HandoffPropagator()] if carries else []
    propagate.set_global_textmap(CompositePropagator([TraceContextTextMapPropagator(), *ours]))
    HandoffInstrumentor().instrument(boundaries=[boundary], remote=remote, **telemetry.options)
    return {finding.subject: finding for finding in examine().findings}


@pytest.mark.parametrize("boundary", [MESSAGE, RAY])
@pytest.mark.parametrize("carries", [True, False])
def test_whether_there_is_the_propagator(boundary: Boundary, carries: bool, telemetry: Telemetry) -> None:
    """Without it, each row leaves without a slip."""
    finding = found(telemetry, boundary, carries=carries)["propagators"]
    assert finding.state == ("ok" if carries else "wrong")
    assert boundary.name in finding.text
    assert ("OTEL_PROPAGATORS=tracecontext,baggage,handoff" in finding.do) != carries


@pytest.mark.parametrize(("boundary", "remote"), [(THREADS, True), (MESSAGE, False)])
def test_nothing_is_said_where_nothing_is_carried(boundary: Boundary, remote: bool, telemetry: Telemetry) -> None:
    """Rows of threads need no propagator; nor does what is kept at home."""
    assert "propagators" not in found(telemetry, boundary, carries=False, remote=remote)


@pytest.mark.parametrize(("boundary", "state"), [(MESSAGE, "unknown"), (HERE, "ok")])
def test_the_work_may_be_elsewhere(boundary: Boundary, state: str, telemetry: Telemetry) -> None:
    """Of a sender, nothing is wrong that cannot import it."""
    assert found(telemetry, boundary, carries=True)["bills.work"].state == state


@pytest.mark.parametrize(
    ("started", "traces", "state"), [(False, False, "unknown"), (True, False, "wrong"), (True, True, "ok")]
)
def test_whether_ray_traces(
    started: bool, traces: bool, state: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as it is started here."""
    ray = SimpleNamespace(is_initialized=lambda: started, ObjectRef=type("ObjectRef", (), {}))
    monkeypatch.setitem(sys.modules, "ray", ray)
    tracing = SimpleNamespace(_is_tracing_enabled=lambda: traces)
    monkeypatch.setitem(sys.modules, "ray.util.tracing.tracing_helper", tracing)
    assert found(telemetry, RAY, carries=True)["ray.tracing"].state == state
