"""The ways by which a mismatch leaves the process, and whether there is one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry import _logs, metrics, trace

from otel_handoff.around.engine import Engine
from otel_handoff.doctor import own, sdk
from otel_handoff.doctor.finding import Finding, note, ok, unknown, wrong
from otel_handoff.doctor.sdk import Sink
from otel_handoff.record import semconv


@dataclass(frozen=True)
class Ways:
    """Where the alerts of an engine go, or where they would go if there were one.

    Attributes:
        engine: whose; None where nothing is turned on.
        tracer_provider: where its spans come from.
        tracer: with which it makes them.
        logger: with which it emits log records.
        meter_provider: where its counters are.
    """

    engine: Engine | None
    tracer_provider: Any
    tracer: Any
    logger: Any
    meter_provider: Any

    @property
    def spans(self) -> list[Sink] | None:
        """Span processors, in order."""
        return [] if sdk.is_nothing(self.tracer) else sdk.span_sinks(self.tracer)

    @property
    def logs(self) -> list[Sink] | None:
        """Log record processors, in order."""
        return [] if sdk.is_nothing(self.logger) else sdk.log_sinks(self.logger)

    @property
    def metrics(self) -> list[Sink] | None:
        """Metric readers, in order."""
        if sdk.is_nothing(self.meter_provider) or sdk.is_disabled(self.meter_provider):
            return []
        return sdk.metric_sinks(self.meter_provider)


def of_each(look: Callable[[Ways], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what `look` finds on the ways of each engine, those that share their providers once.

    Where there are several, whose they are is said first.
    """
    found = [(turned.name, _ways(turned.engine)) for turned in own.instrumentors() if turned.engine is not None]
    distinct = {
        (
            id(ways.tracer_provider),
            id(sdk.logs_lead_to(ways.logger)),
            id(ways.meter_provider),
            id(own.hook_of(ways.engine)),
        ): (name, ways)
        for name, ways in reversed(found or [("", _ways(None))])
    }
    for name, ways in reversed(distinct.values()):
        if len(distinct) > 1:
            yield ok("providers", f"those of the instrumentor {name}", instrumentor=name)
        yield from look(ways)


def _ways(engine: Engine | None) -> Ways:
    tracer_provider = logger = meter_provider = None
    tracer = trace.get_tracer(semconv.SCOPE)
    if engine is not None:
        tracer_provider, tracer = own.tracer_provider_of(engine), engine.tracer
        logger, meter_provider = own.events_of(engine), own.meter_provider_of(engine)
    return Ways(
        engine,
        tracer_provider or trace.get_tracer_provider(),
        sdk.real(tracer),
        sdk.real(logger or _logs.get_logger(semconv.SCOPE)),
        meter_provider or metrics.get_meter_provider(),
    )


def exporting(sinks: Sequence[Sink] | None) -> list[Sink] | None:
    """Return those that give things away; ours do not. None where it cannot be told."""
    return None if sinks is None else [sink for sink in sinks if not sink.is_ours]


def look() -> Iterator[Finding]:
    """Yield a finding for each way, and the verdict."""
    yield from of_each(_look)
    yield python_log(logging.ERROR, "told by the logger otel_handoff")


def _look(ways: Ways) -> Iterator[Finding]:
    logs, counters, spans = exporting(ways.logs), exporting(ways.metrics), exporting(ways.spans)
    decision = sdk.root_decision(ways.tracer)
    log, counter, span = _way("log record", logs), _way("counter", counters), _way("span event", spans)
    if decision == "never" and spans:
        span = note("span event", "the sampler keeps no span")
    yield from (log, counter, span)
    hook = own.hook_of(ways.engine)
    if hook is not None:
        yield ok("hook", f"on_mismatch: {getattr(hook, '__qualname__', type(hook).__name__)}")
    if ways.engine is None:
        yield wrong("alert", "nothing is wrapped, so no alert is made", "See above: turn otel-handoff on first.")
    elif "ok" in (log.state, counter.state):
        yield ok("alert", "yes, each mismatch, sampled or not (whether it arrives: --send-test-alert)")
    elif "unknown" in (log.state, counter.state, span.state):
        yield unknown("alert", "not all of the ways can be seen; --send-test-alert tries them")
    elif span.state == "ok":
        some = "" if decision == "always" else " of a row that is sampled"
        yield note(
            "alert",
            f"on the span{some} alone: no log record and no counter leaves the process",
            "Have logs or metrics exported, too, to be woken: see docs/alerting.md.",
        )
    elif hook is None:
        yield wrong(
            "alert",
            "no: a mismatch leaves this process only as a line of Python's log",
            "Have logs and metrics exported (OTEL_LOGS_EXPORTER, OTEL_METRICS_EXPORTER, or processors in the"
            " configuration file); see docs/alerting.md.",
        )
    else:
        yield note("alert", "only to your hook, and as a line of Python's log")


def _way(subject: str, sinks: Sequence[Sink] | None) -> Finding:
    if sinks is None:
        return unknown(subject, "this SDK does not show what is set up")
    if not sinks:
        return note(subject, "not exported")
    if subject != "counter":  # a reader without an exporter is scraped
        exporters = [sink for sink in sinks if sink.exporter is not None]
        if not exporters:
            return unknown(subject, f"whether {', '.join(sink.name for sink in sinks)} exports")
        sinks = exporters
    return ok(subject, "; ".join(sink.exports for sink in sinks), exporters=sdk.names(sinks))


def python_log(level: int, text: str) -> Finding:
    """Return `text`, or that nothing of this level gets out by Python's log."""
    logger = logging.getLogger("otel_handoff")
    handlers = list(_handlers(logger))
    last: Any = logging.lastResort
    heard = [handler for handler in handlers or [last] if handler and handler.level <= level]
    heard = [handler for handler in heard if not isinstance(handler, logging.NullHandler)]
    if not logger.isEnabledFor(level) or not heard:
        return note(
            "Python log", f"the logger otel_handoff is silenced in this process at {logging.getLevelName(level)}"
        )
    if not all(type(handler).__module__.startswith(_OPENTELEMETRY) for handler in heard):
        return ok("Python log", text)
    said = "goes to OpenTelemetry's handler alone, with which Python prints nothing on stderr any more"
    do = "Set up Python's logging, too, as by logging.basicConfig(), to have it printed."
    if exporting(_ways(None).logs) == []:
        do = f"{do[:-1]}, or have logs exported (OTEL_LOGS_EXPORTER)."
        return wrong("Python log", f"lost: the logger otel_handoff {said}, and no log is exported", do)
    return note("Python log", f"the logger otel_handoff {said}", do)


_OPENTELEMETRY: Final = "opentelemetry."


def _handlers(logger: logging.Logger) -> Iterator[logging.Handler]:
    """Yield those that a record of `logger` comes to."""
    at: logging.Logger | None = logger
    while at is not None:
        yield from at.handlers
        at = at.parent if at.propagate else None
