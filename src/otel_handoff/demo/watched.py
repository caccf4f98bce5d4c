"""otel-handoff in one process of a run, with providers of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from otel_handoff.instrumentor import Instrumentor
from otel_handoff.record.mismatch import Mismatch
from otel_handoff.tell.alerts import is_report

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader


def turned_off(instrumentor: Instrumentor) -> None:
    """Turn off what `opentelemetry-instrument` has turned on, say: mode `off` would not be off."""
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@contextmanager
def instrumented(
    instrumentor: Instrumentor,
    mode: str,
    traces: Path,
    on_mismatch: Callable[[Mismatch], object],
    *,
    metric_readers: Sequence[MetricReader] = (),
    **options: Any,
) -> Generator[None]:
    """Instrument the pipeline with providers of its own, whatever the process has.

    Args:
        instrumentor: which; `options` are its own.
        mode: `observe`, `pin` or `strict`.
        traces: OTLP JSON lines are appended to it.
        on_mismatch: is given each of them.
        metric_readers: read the metrics meanwhile, and are shut down with it.
        options: for `instrument()`.
    """
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    from otel_handoff.file_exporter import FileSpanExporter

    resource = Resource.create({"service.name": "otel-handoff-demo"})
    with ExitStack() as stack:
        tracers = TracerProvider(sampler=ALWAYS_ON, resource=resource)
        tracers.add_span_processor(BatchSpanProcessor(FileSpanExporter(traces)))
        stack.callback(tracers.shutdown)
        loggers = LoggerProvider(resource=resource)
        stack.callback(loggers.shutdown)
        meters = MeterProvider(resource=resource, metric_readers=metric_readers)
        stack.callback(meters.shutdown)
        logger = logging.getLogger("otel_handoff")
        logger.addFilter(_is_no_report)
        stack.callback(logger.removeFilter, _is_no_report)
        instrumentor.instrument(
            mode=mode,
            tracer_provider=tracers,
            logger_provider=loggers,
            meter_provider=meters,
            on_mismatch=on_mismatch,
            **options,
        )
        stack.callback(instrumentor.uninstrument)
        yield


def _is_no_report(record: logging.LogRecord) -> bool:
    """Keep the reports, which are collected, from the log: dozens of them would hide the table."""
    return not is_report(record)
