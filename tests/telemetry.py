"""In-memory OpenTelemetry providers, and what tests ask of them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import NoOpMeterProvider

from otel_handoff import HandoffInstrumentor, Mismatch
from otel_handoff.elspeth import ElspethInstrumentor

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.sampling import Sampler


class Telemetry:
    """A tracer, meter and logger provider, and a hook, all of which remember what they were given."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        self.mismatches: list[Mismatch] = []
        resource = _resource()
        self.tracer_provider = TracerProvider(sampler=sampler, resource=resource)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.logger_provider = LoggerProvider(resource=resource)
        self._logs = exported(self.logger_provider)
        self.meter_provider = MeterProvider(metric_readers=[self._metrics], resource=resource)

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

    def unchecked(self) -> dict[object, Any]:
        """How many rows could not be judged, by reason."""
        return {key[-1]: rows for key, rows in self.counted("handoff.unchecked_rows").items()}

    def shutdown(self) -> None:
        """Shut the providers down."""
        self.tracer_provider.shutdown()
        self.logger_provider.shutdown()
        self.meter_provider.shutdown()


@cache
def _resource() -> Any:
    # Threads are started to find one out: three times for each test would take a third of many.
    from opentelemetry.sdk.resources import Resource

    return Resource.create()


def exported(provider: LoggerProvider) -> Any:
    """Return an exporter that remembers the log records of `provider`, whatever this SDK calls it."""
    from opentelemetry.sdk._logs import export

    names = vars(export)
    exporter: Any = (
        names.get("InMemoryLogRecordExporter") or names["InMemoryLogExporter"]
    )()  # the latter before SDK 1.39
    provider.add_log_record_processor(export.SimpleLogRecordProcessor(exporter))
    return exporter


def needs_sdk() -> None:
    """Say that a test is about real spans: where the SDK is said to be lacking, it is skipped."""
    import_module("opentelemetry.sdk")


class NoSdk(Telemetry):
    """What is left without the SDK: the hook. A test that asks for more is skipped there, having come that far."""

    def __init__(self) -> None:
        self.mismatches: list[Mismatch] = []
        self._counts = NoOpMeterProvider()  # what was told of another test's rows is told again

    @property
    def options(self) -> dict[str, Any]:
        """The hook, and the providers of the API."""
        return {"meter_provider": self._counts, "on_mismatch": self.mismatches.append}

    def __getattr__(self, name: str) -> Any:
        raise ModuleNotFoundError(f"telemetry.{name} needs the SDK", name="opentelemetry.sdk")

    def shutdown(self) -> None:
        """Nothing was made."""


def uninstrument() -> None:
    """End whatever a test has instrumented."""
    for instrumentor in (HandoffInstrumentor(), ElspethInstrumentor()):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()
