"""In-memory OpenTelemetry providers, and what tests ask of them."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from otel_handoff import Mismatch


class Telemetry:
    """A tracer, meter and logger provider, and a hook, all of which remember what they were given."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()
        self._metrics = InMemoryMetricReader()
        self.mismatches: list[Mismatch] = []
        self.tracer_provider = TracerProvider(sampler=sampler)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.logger_provider = LoggerProvider()
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        self.meter_provider = MeterProvider(metric_readers=[self._metrics])

    @property
    def options(self) -> dict[str, Any]:
        """What `instrument()` takes."""
        return {
            "tracer_provider": self.tracer_provider,
            "meter_provider": self.meter_provider,
            "logger_provider": self.logger_provider,
            "on_mismatch": self.mismatches.append,
        }

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        """The ended spans, oldest first, or those called `name`."""
        return [span for span in self._spans.get_finished_spans() if name in (None, span.name)]

    def logs(self) -> list[ReadableLogRecord]:
        """The log records."""
        return list(self._logs.get_finished_logs())

    def points(self, metric: str) -> dict[tuple[tuple[str, object], ...], Any]:
        """The points of a metric: sorted attributes -> value (a histogram's count)."""
        data = self._metrics.get_metrics_data()
        found: dict[tuple[tuple[str, object], ...], Any] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for candidate in scope.metrics:
                    if candidate.name == metric:
                        for point in candidate.data.data_points:
                            value = getattr(point, "value", None)
                            key = tuple(sorted((point.attributes or {}).items()))
                            found[key] = getattr(point, "count", None) if value is None else value
        return found

    def counted(self, metric: str) -> dict[tuple[object, ...], Any]:
        """The points that are not zero, keyed by their attributes' values in order of the attributes' names."""
        return {tuple(value for _, value in key): count for key, count in self.points(metric).items() if count}

    def shutdown(self) -> None:
        """Shut the providers down."""
        self.tracer_provider.shutdown()
        self.logger_provider.shutdown()
        self.meter_provider.shutdown()
