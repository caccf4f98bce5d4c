"""Exporters over real sockets to backends that are down, and providers that batch to them."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from tests.hosts import WAIT


class Backend:
    """What exporters post to; it keeps what went wrong.

    Attributes:
        waiting: set when something was posted and there is no answer yet.
        errors: of each export that failed.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.waiting = threading.Event()
        self.errors: list[OSError] = []

    def post(self) -> None:
        """Post something and read the answer, as an exporter over HTTP does."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        try:
            connection.request("POST", "/v1/traces", b"{}")
            self.waiting.set()
            connection.getresponse()
        except OSError as error:
            self.errors.append(error)
            raise
        finally:
            connection.close()


@contextmanager
def refusing() -> Generator[Backend]:
    """A port that is taken, and on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield Backend(bound.getsockname()[1])


@contextmanager
def hanging() -> Generator[Backend]:
    """A port whose connections are accepted by the kernel, and never answered until the end."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(16)
    try:
        yield Backend(listening.getsockname()[1])
    finally:
        listening.close()


class _Spans(SpanExporter):
    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def export(self, spans: Any) -> Any:
        self._backend.post()


class _Records(LogRecordExporter):
    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def export(self, batch: Any) -> Any:
        self._backend.post()

    def shutdown(self) -> None: ...

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        return True


class _Metrics(MetricExporter):
    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._backend = backend

    def export(self, metrics_data: Any, timeout_millis: float = 10_000, **kwargs: Any) -> Any:
        self._backend.post()

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None: ...

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True


@contextmanager
def providers(backend: Backend) -> Generator[dict[str, Any]]:
    """Providers that batch to `backend`, in queues so short that they are full at once."""
    batches: dict[str, Any] = {"max_queue_size": 4, "max_export_batch_size": 2, "schedule_delay_millis": 1}
    tracers, loggers = TracerProvider(), LoggerProvider()
    tracers.add_span_processor(BatchSpanProcessor(_Spans(backend), **batches))
    loggers.add_log_record_processor(BatchLogRecordProcessor(_Records(backend), **batches))
    reader = PeriodicExportingMetricReader(_Metrics(backend), export_interval_millis=20)
    meters = MeterProvider([reader], shutdown_on_exit=False)
    yield {"tracer_provider": tracers, "logger_provider": loggers, "meter_provider": meters}
    # When the backend is gone: what hangs is let go then.
    for provider in (tracers, loggers, meters):
        provider.shutdown()
