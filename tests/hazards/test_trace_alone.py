"""A boundary without ids: the trace reaches the worker, nothing is compared, and that is said."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otel_handoff import Boundary
from otel_handoff.doctor import examine
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES
from tests.hosts import WAIT
from tests.telemetry import Telemetry, needs_sdk

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class Service:
    """Nothing is shared: only the trace is lost between the two."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2)
        self.seen: list[Any] = []

    def hand(self, name: str) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, name)

    async def hand_in_a_loop(self, name: str) -> Any:
        """Submit function of an event loop's."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, self.work, name)

    def work(self, name: str) -> Any:
        """Work function."""
        from opentelemetry.trace import get_current_span

        self.seen.append(get_current_span().get_span_context().trace_id)
        return name


def declare(submit: str | None = "hand", **options: Any) -> Boundary:
    """Name no ids."""
    where = f"{__name__}:Service"
    handed = f"{where}.{submit}" if submit else None
    declared: dict[str, Any] = {"name": "trace", "submit": handed, "work": f"{where}.work", **options}
    return Boundary(**declared)


@IN_EACH_MODE
@pytest.mark.parametrize("options", [{}, {"context": "name"}])
def test_the_trace_reaches_the_worker(
    options: dict[str, Any], mode: str, instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """Each row's own, in a span of its own that says that nothing was compared; no row is told one by one."""
    needs_sdk()
    with caplog.at_level(logging.INFO, "otel_handoff"):
        instrument(mode, boundaries=[declare(**options)])
    assert caplog.messages == [
        "Boundary 'trace' names no ids: the trace is carried to its workers, and nothing is compared."
    ]
    caplog.clear()
    service, tracer = Service(), telemetry.tracer_provider.get_tracer("test")
    traces: list[int] = []
    for number in range(3):
        with tracer.start_as_current_span(f"request {number}") as span:
            traces.append(span.get_span_context().trace_id)
            assert service.hand("same").result(WAIT) == "same"
    service.pool.shutdown()
    assert service.seen == traces
    spans = telemetry.spans("process trace")
    assert [span.context and span.context.trace_id for span in spans] == traces
    assert [dict(span.attributes or {})["handoff.unchecked.reason"] for span in spans] == 3 * ["nothing_declared"]
    assert (telemetry.mismatches, telemetry.unchecked(), caplog.messages) == ([], {}, [])


@IN_EACH_MODE
def test_where_the_work_function_is_named_alone(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """However it is handed over; what it is given is what it was given."""
    needs_sdk()
    instrument(mode, boundaries=[declare(submit=None)])
    service, tracer = Service(), telemetry.tracer_provider.get_tracer("test")
    with tracer.start_as_current_span("request") as span:
        assert service.hand("a").result(WAIT) == "a"
        assert service.pool.submit(lambda: service.work("b")).result(WAIT) == "b"
    service.pool.shutdown()
    assert service.seen == 2 * [span.get_span_context().trace_id]
    assert telemetry.unchecked() == {}


def test_in_a_loop(instrument: Instrument, telemetry: Telemetry) -> None:
    """Whose executor carries no context by itself."""
    needs_sdk()
    instrument("pin", boundaries=[declare("hand_in_a_loop")])
    service, tracer = Service(), telemetry.tracer_provider.get_tracer("test")

    async def request() -> int:
        with tracer.start_as_current_span("request") as span:
            await service.hand_in_a_loop("a")
            return span.get_span_context().trace_id

    trace = asyncio.run(request())
    assert service.seen == [trace]
    service.pool.shutdown()
    (span,) = telemetry.spans("process trace")
    assert span.parent is not None


def test_the_doctor_says_so(instrument: Instrument) -> None:
    """It is no fault."""
    instrument("pin", boundaries=[declare()])
    service = Service()
    service.hand("a").result(WAIT)
    service.pool.shutdown()
    (finding,) = [finding for finding in examine().findings if finding.subject == "trace.rows"]
    assert finding.text == "1 row handed over; the trace is carried, and nothing is compared: no ids are declared"
    assert finding.state == "note"
