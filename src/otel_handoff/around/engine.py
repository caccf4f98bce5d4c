"""What all boundaries of one instrumentor share: settings, providers, alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol, cast

from opentelemetry import trace
from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Tracer, TracerProvider

from otel_handoff.declare.settings import Settings
from otel_handoff.record import semconv
from otel_handoff.record.submission import Submission, submissions
from otel_handoff.tell.alerts import Alerts, Hook
from otel_handoff.tell.metrics import Metrics, metrics_of
from otel_handoff.tell.notices import Notices
from otel_handoff.version import __version__

_logger = logging.getLogger("otel_handoff")


class _SdkProvider(Protocol):
    add_span_processor: Callable[[Any], None]


class Engine:
    """Settings, tracer, metrics and alerts, and the span processor on the provider that spans come from."""

    def __init__(
        self,
        settings: Settings,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        on_mismatch: Hook | None = None,
    ) -> None:
        """Use the given providers, or the global ones, also when those are set later."""
        self.settings: Settings = settings
        self.submission: Callable[..., Submission] = submissions(settings.ids_key if settings.ids == "hashed" else None)
        self.metrics: Metrics = metrics_of(meter_provider)
        self.alerts: Alerts = Alerts(self.metrics, logger_provider, on_mismatch)
        self.tracer: Tracer = trace.get_tracer(semconv.SCOPE, __version__, tracer_provider)
        self.notices: Notices = Notices(self.tracer, logger_provider)
        self.traced: bool = False
        """Whether there is a provider that may make real spans."""
        self._provider = tracer_provider
        self.find_provider()

    def is_traced(self) -> bool:
        """Whether there is a provider that may make real spans, also one that was set only now."""
        if not self.traced:
            self.find_provider()
        return self.traced

    def find_provider(self) -> None:
        """Put the span processor on the SDK provider, once there is one. Called for each recorded row until then."""
        provider = self._provider or trace.get_tracer_provider()
        if self.traced or isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
            return  # it is found, or none is set yet
        self.traced = True
        if hasattr(provider, "add_span_processor"):
            try:
                from otel_handoff.processor import attach_once
            except ImportError:
                _logger.info("No span processor of this SDK can be made: spans of others are not tagged or checked.")
                return
            attach_once(cast(_SdkProvider, provider))
