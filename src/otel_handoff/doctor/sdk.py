"""The one place that reads what the OpenTelemetry SDK keeps to itself: it has no public way to ask what is set up.

Each look is guarded. What is not found where it used to be is `None`, which means that it cannot be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from otel_handoff.doctor.discretion import without_secrets


@dataclass(frozen=True)
class Sink:
    """A span processor, log record processor or metric reader.

    Attributes:
        part: the object itself.
        name: its class.
        exporter: what it exports with; None where it has none, or none that can be seen.
        endpoint: where to, without credentials (see `discretion`); empty where the exporter does not say.
        is_ours: it is this package's own.
    """

    part: Any
    name: str
    exporter: Any
    endpoint: str
    is_ours: bool = False

    @property
    def exports(self) -> str:
        """`OTLPSpanExporter to http://localhost:4318/v1/traces`."""
        name = type(self.exporter if self.exporter is not None else self.part).__name__
        return f"{name} to {self.endpoint}" if self.endpoint else name


def guarded(look: Callable[[], Any]) -> Any:
    """Return what `look` finds, or None."""
    try:
        return look()
    except Exception:
        return None


def real(proxy: Any) -> Any:
    """Return the tracer or logger behind a proxy of the API, or itself."""
    for name in ("_tracer", "_logger"):
        behind = guarded(lambda name=name: getattr(proxy, name)) if type(proxy).__name__.startswith("Proxy") else None
        if behind is not None:
            return behind
    return proxy


def is_nothing(provider: Any) -> bool:
    """Whether this provider, tracer or logger is the API's own, which keeps nothing."""
    return type(provider).__name__.startswith(("Proxy", "_Proxy", "NoOp"))


def is_disabled(provider: Any) -> bool | None:
    """Whether an SDK provider was switched off by `OTEL_SDK_DISABLED`."""
    return guarded(lambda: bool(provider._disabled))


def sampler(tracer: Any) -> Any:
    """Return the sampler of an SDK tracer."""
    return guarded(lambda: tracer.sampler)


def root_decision(tracer: Any) -> str | None:
    """Return what its sampler does with a new trace, by its description: `always`, `never`, `some`."""
    description: str | None = guarded(lambda: str(tracer.sampler.get_description()))
    if description is None:
        return None
    kind, _, arguments = description.partition("{")
    root = arguments.partition("root:")[2].partition(",")[0] if kind == "ParentBased" else description
    ratio = guarded(lambda: float(root.removeprefix("TraceIdRatioBased{").rstrip("}")))
    if root.startswith("AlwaysOnSampler") or ratio == 1:
        return "always"
    if root.startswith("AlwaysOffSampler") or ratio == 0:
        return "never"
    return None if ratio is None else "some"


def span_sinks(tracer: Any) -> list[Sink] | None:
    """Return the span processors of an SDK tracer, in order."""
    return _sinks(lambda: tracer.span_processor._span_processors)


def log_sinks(logger: Any) -> list[Sink] | None:
    """Return the log record processors of an SDK logger, in order."""
    return _sinks(lambda: logger._multi_log_record_processor._log_record_processors)


def logs_lead_to(logger: Any) -> Any:
    """Return what all SDK loggers of one provider give their records to; of others, the logger itself.

    Of those of the API that keep nothing, one is as good as another.
    """
    if is_nothing(logger):
        return None
    return guarded(lambda: logger._multi_log_record_processor) or logger


def metric_sinks(provider: Any) -> list[Sink] | None:
    """Return the metric readers of an SDK meter provider, in order."""
    found = _sinks(lambda: provider._metric_readers)
    return found if found is not None else _sinks(lambda: provider._sdk_config.metric_readers)


def _sinks(look: Callable[[], Sequence[Any]]) -> list[Sink] | None:
    parts = guarded(lambda: list(look()))
    return None if parts is None else [_sink(part) for part in parts]


def _sink(part: Any) -> Sink:
    exporter = next(_exporters(part), None)
    is_ours = type(part).__module__ == "otel_handoff.processor"
    return Sink(part, type(part).__name__, exporter, endpoint(exporter if exporter is not None else part), is_ours)


def _exporters(part: Any) -> Iterator[Any]:
    for look in (
        lambda: part._exporter,
        lambda: part.span_exporter,
        lambda: part._batch_processor._exporter,
    ):
        if callable(getattr(found := guarded(look), "export", None)):
            yield found


def endpoint(exporter: Any) -> str:
    """Return where an exporter sends to: an address, a file, `stdout`; or an empty string."""
    for look in (
        lambda: exporter._endpoint,
        lambda: exporter.endpoint,
        lambda: exporter._stream.name,
        lambda: exporter._exporter._stream.name,
        lambda: exporter.out.name,
    ):
        if isinstance(found := guarded(look), str) and found:
            return without_secrets(found).strip("<>")
    return ""


def header_values(exporter: Any) -> list[str]:
    """Return what an exporter sends along to identify itself, which is not to be shown."""
    for look in (lambda: dict(exporter._headers), lambda: dict(exporter._client._headers)):
        if (found := guarded(look)) is not None:
            return [str(value) for value in found.values()]
    return []


def names(sinks: Sequence[Sink]) -> list[dict[str, str]]:
    """Return processors or readers for machines."""
    return [
        {
            "class": sink.name,
            "exporter": "" if sink.exporter is None else type(sink.exporter).__name__,
            "endpoint": sink.endpoint,
        }
        for sink in sinks
    ]
