"""What all boundaries of one instrumentor share: settings, providers, alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, cast

from opentelemetry import trace
from opentelemetry._logs import LoggerProvider
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Tracer, TracerProvider

from otel_handoff.around.sampling import Never, never_recorded
from otel_handoff.declare.settings import Settings
from otel_handoff.host.carried import span_context_in
from otel_handoff.record import semconv
from otel_handoff.record.submission import Submission, submissions
from otel_handoff.tell.alerts import Alerts, Hook
from otel_handoff.tell.exceptions import Exceptions
from otel_handoff.tell.metrics import Metrics, metrics_of
from otel_handoff.tell.notices import Notices
from otel_handoff.version import __version__

_logger = logging.getLogger("otel_handoff")


_in_use: Final[list[Engine]] = []


def _see_who_is_alone() -> None:
    # Each row asks for it.
    engines = tuple(_in_use)
    for engine in engines:
        engine.sees(engines)


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
        self.tracer: Tracer = trace.get_tracer(semconv.SCOPE, __version__, tracer_provider, semconv.SCHEMA)
        self.exceptions: Exceptions = Exceptions(logger_provider)
        self.notices: Notices = Notices(self.tracer, logger_provider)
        self.traced: bool = False
        """Whether there is a provider that may make real spans."""
        self.provider: TracerProvider | None = None
        """That provider."""
        self._never: Never | None = None
        self._is_alone: bool = True
        self._provider = tracer_provider
        self.uses_global: bool = tracer_provider is None
        """Whether it is that of the process, which may yet be set."""
        self.find_provider()

    def use(self) -> None:
        """A boundary of it is attached."""
        _in_use.append(self)
        _see_who_is_alone()

    def leave(self) -> None:
        """The boundary is attached no more."""
        if self in _in_use:
            _in_use.remove(self)
            _see_who_is_alone()

    def sees(self, others: Iterable[Engine]) -> None:
        """Know whether the boundaries that are attached by now all have the provider of this one."""
        self._is_alone = all(other.provider is self.provider for other in others)

    def is_traced(self) -> bool:
        """Whether there is a provider that may make real spans. One may be set at any time: each row asks."""
        if not self.traced:
            if getattr(trace, "_TRACER_PROVIDER", self) is None and self._provider is None:
                return False  # what `get_tracer_provider` says, which looks into the environment each time
            self.find_provider()
        return self.traced

    def may_record(self, context: Context) -> bool:
        """Whether a span under `context` may be recorded."""
        if not (self.traced or self.is_traced()):
            return False
        never = self._never
        if never is None or not self._is_alone:
            return True  # another boundary's provider may record what this one does not
        if never is Never.ANY:
            return False
        parent = span_context_in(context)
        if parent is not None and parent.is_valid:
            return parent.trace_flags.sampled
        return never is Never.UNSAMPLED

    def find_provider(self) -> None:
        """Put the span processor on the SDK provider, once there is one."""
        provider = self._provider or trace.get_tracer_provider()
        if self.traced or isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider)):
            return  # it is found, or none is set yet
        self.traced = True
        self.provider = provider
        self._never = never_recorded(provider)
        _see_who_is_alone()
        if hasattr(provider, "add_span_processor"):
            try:
                from otel_handoff.processor import attach_once
            except ImportError:
                _logger.info("No span processor of this SDK can be made: spans of others are not tagged or checked.")
                return
            attach_once(cast(_SdkProvider, provider))
