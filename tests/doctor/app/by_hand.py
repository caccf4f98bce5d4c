"""Pipelines that set OpenTelemetry up in their own code."""

from __future__ import annotations

import functools
import importlib
import logging
import logging.config
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    ConsoleLogRecordExporter,
    LogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_handoff import Boundary, Call, HandoffInstrumentor, Mismatch
from otel_handoff.elspeth import ElspethInstrumentor

_logger = logging.getLogger("opentelemetry.exporter.refused")


def unused_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Refused:
    """What connects to an endpoint that is down, and says why it failed, as the OTLP exporters do."""

    def __init__(self) -> None:
        self._port = unused_port()
        self._endpoint = f"http://user:hunter2@127.0.0.1:{self._port}/v1?api-key=hunter2"
        self._headers = {"authorization": "Bearer hunter2-token"}

    def _connects(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port)).close()
        except OSError as error:
            _logger.error("Cannot send to %s with %s: %s", self._endpoint, self._headers, error)
            return False
        return True


class RefusedSpans(Refused, SpanExporter):
    """Of spans."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Try."""
        return SpanExportResult.SUCCESS if self._connects() else SpanExportResult.FAILURE


class RefusedLogs(Refused, LogRecordExporter):
    """Of log records."""

    def export(self, batch: Any) -> LogRecordExportResult:
        """Try."""
        return LogRecordExportResult.SUCCESS if self._connects() else LogRecordExportResult.FAILURE

    def shutdown(self) -> None:
        """Nothing to shut down."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing to flush."""
        return True


def endpoint_down() -> None:
    """Spans and log records go nowhere; the counters go to the console."""
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(BatchSpanProcessor(RefusedSpans()))
    logger_provider = LoggerProvider()
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(RefusedLogs()))
    meter_provider = MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())])
    ElspethInstrumentor().instrument(
        mode="observe",
        tracer_provider=tracer_provider,
        logger_provider=logger_provider,
        meter_provider=meter_provider,
        on_mismatch=page_somebody,
    )


def page_somebody(mismatch: Mismatch) -> None:
    """Wake the one on call, which a test must not."""
    raise SystemExit(mismatch)


def global_providers() -> None:
    """Set global providers after instrumenting, which is allowed."""
    ElspethInstrumentor().instrument()
    trace.set_tracer_provider(TracerProvider())
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())]))
    _logs.set_logger_provider(LoggerProvider())


class Foreign(trace.TracerProvider):
    """A provider of somebody else's make."""

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        """A tracer that shows nothing."""
        return ForeignTracer()


class ForeignTracer(trace.NoOpTracer):
    """It shows neither sampler nor processors."""


def foreign() -> None:
    """Somebody else's SDK."""
    ElspethInstrumentor().instrument(tracer_provider=Foreign())


class Opaque(SpanProcessor):
    """A processor that shows no exporter."""


def opaque() -> None:
    """A processor that shows no exporter."""
    provider = TracerProvider()
    provider.add_span_processor(Opaque())
    ElspethInstrumentor().instrument(tracer_provider=provider)


def wrong_parameters() -> None:
    """A boundary whose context goes by another name, and a call without that id."""
    HandoffInstrumentor().instrument(
        boundaries=[
            Boundary(
                name="orders",
                submit="orders:Pool.enqueue",
                work="orders:Pool._run",
                context="context",
                fields={"order_id": "order.id"},
                calls=[Call("orders:Ledger.post", {"order_id": "id"}), Call("orders:Ledger.send", {"order_id": "id"})],
            ),
            Boundary(name="gone", submit="no_such_host:f", work="no_such_host:g", fields={"order_id": "order.id"}),
        ]
    )


def logs_to_a_file() -> None:
    """Set Python's logging up, and say something."""
    logging.basicConfig(filename="pipeline.log")
    logging.getLogger("pipeline").warning("The queue is short.")
    ElspethInstrumentor().instrument()


def silences() -> None:
    """Set Python's logging up, which disables the loggers that are there."""
    importlib.import_module("otel_handoff.declare.settings")
    logging.config.dictConfig({"version": 1})
    ElspethInstrumentor().instrument()


def only_opentelemetry_hears_0() -> None:
    """Put OpenTelemetry's handler on the root, as its instrumentation does, and export nothing."""
    logging.getLogger().addHandler(LoggingHandler(logger_provider=LoggerProvider()))
    ElspethInstrumentor().instrument()


def only_opentelemetry_hears_1() -> None:
    """And another's."""
    only_opentelemetry_hears_0()
    logging.getLogger().addHandler(logging.StreamHandler())


def exports_the_log() -> None:
    """Have Python's log exported, and say something."""
    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(ConsoleLogRecordExporter()))
    logging.basicConfig(handlers=[LoggingHandler(logger_provider=provider)])
    logging.getLogger("pipeline").warning("The queue is short.")
    ElspethInstrumentor().instrument(logger_provider=provider)


def providers_of_their_own() -> None:
    """Two instrumentors, each with a provider of its own, and a hook."""
    boundary = Boundary(
        name="orders", submit="orders:Pool.enqueue", work="orders:Pool._run", fields={"order_id": "order.id"}
    )
    ElspethInstrumentor().instrument(tracer_provider=TracerProvider(), on_mismatch=page_somebody)
    HandoffInstrumentor().instrument(
        boundaries=[boundary], tracer_provider=TracerProvider(ALWAYS_OFF), on_mismatch=page_somebody
    )


class Hanging(RefusedLogs):
    """Never comes back."""

    def export(self, batch: Any) -> LogRecordExportResult:
        """Wait for ever."""
        threading.Event().wait()
        return LogRecordExportResult.SUCCESS


class Raising(RefusedSpans):
    """Does not even try."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Fail."""
        raise ConnectionError("no route to http://user:hunter2@collector")


def exporters_that_fail() -> None:
    """One that hangs, one that raises, and counters that a view drops."""
    tracer_provider, logger_provider = TracerProvider(), LoggerProvider()
    tracer_provider.add_span_processor(BatchSpanProcessor(Raising()))
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(Hanging()))
    reader = PeriodicExportingMetricReader(ConsoleMetricExporter())
    view = View(instrument_name="handoff.*", aggregation=DropAggregation())
    ElspethInstrumentor().instrument(
        tracer_provider=tracer_provider,
        logger_provider=logger_provider,
        meter_provider=MeterProvider([reader], views=[view]),
    )


def off() -> None:
    """Turn it off in the code."""
    ElspethInstrumentor().instrument(mode="off")


def not_importable() -> None:
    """Hosts whose modules end the process, or fail, when they are imported."""
    HandoffInstrumentor().instrument(
        boundaries=[
            Boundary(name=name, submit=f"{name}:f", work=f"{name}:g", fields={"order_id": "order.id"})
            for name in ("main_program", "out_of_date")
        ]
    )


def wrapped_again() -> None:
    """Somebody else wraps the same function afterwards."""
    ElspethInstrumentor().instrument()
    host: Any = importlib.import_module("elspeth.plugins.infrastructure.batching.mixin").BatchTransformMixin
    ours = host.accept_row

    def theirs(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs)

    host.accept_row = functools.update_wrapper(theirs, ours)


def go_on() -> None:
    """Start a thread that never ends."""
    threading.Thread(target=threading.Event().wait).start()


def go_on_and_fail() -> None:
    """The same, and fail."""
    go_on()
    fail()


async def asynchronous() -> None:
    """Wait for somebody to await it."""


def nothing() -> None:
    """Set nothing up."""


def fail() -> None:
    """Do not even come to an end."""
    raise LookupError("no telemetry today")


def give_up() -> None:
    """Set something up, say why that is not enough, and end the process."""
    exports_the_log()
    sys.exit(3)


def close_stdout() -> None:
    """Nothing is to be printed by the pipeline."""
    sys.stdout.close()


def hook_alone() -> None:
    """Mismatches go to code of one's own."""
    ElspethInstrumentor().instrument(tracer_provider=TracerProvider(), on_mismatch=page_somebody)


def modes_of_their_own() -> None:
    """Two instrumentors that differ in one setting."""
    boundary = Boundary(
        name="orders", submit="orders:Pool.enqueue", work="orders:Pool._run", fields={"order_id": "order.id"}
    )
    ElspethInstrumentor().instrument(mode="observe")
    HandoffInstrumentor().instrument(boundaries=[boundary])
