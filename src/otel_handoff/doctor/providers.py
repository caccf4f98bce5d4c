"""How OpenTelemetry is set up in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Final

from otel_handoff.doctor import sdk
from otel_handoff.doctor.environment import was_tried
from otel_handoff.doctor.finding import Finding, note, ok, unknown, wrong
from otel_handoff.doctor.sdk import Sink
from otel_handoff.doctor.ways import Ways, of_each

_PACKAGES: Final = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-instrumentation", "opentelemetry-distro")


def look() -> Iterator[Finding]:
    """Yield the findings on packages, providers, sampler, processors and exporters."""
    versions = {package: _version(package) for package in _PACKAGES}
    yield ok("packages", ", ".join(f"{name} {found or '(none)'}" for name, found in versions.items()), **versions)
    installed = find_spec("opentelemetry.sdk") is not None
    if not installed:
        yield wrong(
            "sdk",
            "the OpenTelemetry SDK is not installed: no span, log record or counter is made",
            "pip install 'otel-handoff[sdk]' opentelemetry-distro, and the exporter that you use.",
        )
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield wrong("sdk", "switched off by OTEL_SDK_DISABLED", "Unset OTEL_SDK_DISABLED.")
    yield from of_each(partial(_signals, installed=installed))


def _signals(ways: Ways, *, installed: bool) -> Iterator[Finding]:
    yield from _traces(ways, installed=installed)
    yield from _other("logs", ways.logger, ways.logs, "log record processors")
    yield from _other("metrics", ways.meter_provider, ways.metrics, "metric readers")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _traces(ways: Ways, *, installed: bool) -> Iterator[Finding]:
    provider = ways.tracer_provider
    if sdk.is_nothing(provider):
        if installed:
            yield wrong("traces", "no tracer provider is set: the API's default makes no spans", _remedy())
        else:
            yield note("traces", "the API's default, which makes no spans")
        return
    yield ok("traces", _kind(provider), provider=_kind(provider))
    if sdk.is_nothing(ways.tracer):
        yield note("traces.tracer", f"it gives out a {type(ways.tracer).__name__}, which makes no spans")
        return
    yield _sampler(ways.tracer)
    yield from _span_processors(ways)


def _remedy() -> str:
    if find_spec("opentelemetry.distro") is None:
        return "pip install opentelemetry-distro (it is what lets opentelemetry-instrument set the SDK up)."
    if was_tried() and os.environ.get("OTEL_CONFIG_FILE"):
        return "See whether the set-up stopped, above or on stderr; if not, give OTEL_CONFIG_FILE a tracer_provider."
    if was_tried():
        return "See what stopped the set-up, above or on stderr, and put that right."
    return "Start the pipeline with opentelemetry-instrument, or set a provider in its code before the first row."


def _kind(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _sampler(tracer: Any) -> Finding:
    sampler, decision = sdk.sampler(tracer), sdk.root_decision(tracer)
    if sampler is None:
        return unknown("traces.sampler", "this tracer does not show its sampler")
    description = str(sdk.guarded(sampler.get_description) or type(sampler).__name__).partition(",remote")[0]
    description += "}" * (description.count("{") - description.count("}"))
    if decision == "never":
        return wrong(
            "traces.sampler",
            f"{description} keeps no trace: mismatches are in log records and the counter alone, and"
            " `otel-handoff check` has nothing to read",
            "Set OTEL_TRACES_SAMPLER=parentbased_always_on, and sample in a Collector, which can keep mismatches.",
            sampler=description,
        )
    if decision == "some":
        return note(
            "traces.sampler",
            f"{description}: a mismatch in a trace that is not kept is in log records and the counter alone",
            "See docs/at-scale.md for sampling in a Collector, which can keep mismatches.",
            sampler=description,
        )
    if decision is None:
        return unknown("traces.sampler", f"which traces {description} keeps", sampler=description)
    return ok("traces.sampler", f"{description} keeps every trace that starts here", sampler=description)


def _span_processors(ways: Ways) -> Iterator[Finding]:
    sinks = ways.spans
    if sinks is None:
        yield unknown("traces.processors", "this provider does not show its span processors")
        return
    listed = ", ".join(f"{place}. {_processor(sink)}" for place, sink in enumerate(sinks, 1)) or "none"
    yield ok("traces.processors", listed, processors=sdk.names(sinks))
    places = [place for place, sink in enumerate(sinks, 1) if sink.is_ours]
    if places:
        # Spans are tagged when they start and exported when they end, so ours may come after the exporters.
        yield ok(
            "traces.tagging",
            f"HandoffSpanProcessor is {places[0]} of {len(sinks)}; it tags spans when they start and exporters take"
            " them when they end, so it need not come first",
            place=places[0],
        )
    elif ways.engine is not None and not getattr(ways.engine, "traced", True):
        yield note("traces.tagging", "HandoffSpanProcessor is put on this provider with the first row")
    elif ways.engine is not None:
        yield wrong(
            "traces.tagging",
            "HandoffSpanProcessor is not on this provider: spans of others are neither tagged nor checked",
            "Call instrument() once the final provider is set, or give it that one as tracer_provider.",
        )
    if not [sink for sink in sinks if not sink.is_ours]:
        yield note("traces.exporters", "no span processor exports: spans are made and thrown away")


def _processor(sink: Sink) -> str:
    return sink.name if sink.exporter is None else f"{sink.name} ({sink.exports})"


def _other(signal: str, provider: Any, sinks: Sequence[Sink] | None, what: str) -> Iterator[Finding]:
    if sdk.is_nothing(provider) or sdk.is_disabled(provider):
        yield note(signal, "no provider is set, or it is switched off: the API's default keeps nothing")
    elif sinks is None:
        yield unknown(signal, f"{_kind(provider)} does not show its {what}")
    elif not sinks:
        yield note(signal, f"{_kind(provider)} without {what}: nothing is exported")
    else:
        yield ok(signal, ", ".join(map(_processor, sinks)), sinks=sdk.names(sinks))
