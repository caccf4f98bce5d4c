"""What carries rows, or traces, to worker threads: each turned on in a process of its own.

A function here turns one contender on in this process, proves that it reaches a worker, and returns what runs rows
under it. It raises ImportError where the contender is not there. No one of them has an exporter, or a network.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from otel_handoff import HandoffInstrumentor, Mismatch, current_submission
from otel_handoff.host.guard import guard
from tests.benchmarks.host import BOUNDARY, LEDGER, Context, Processor, Row, Rows, no_op

Around = Callable[[], contextlib.AbstractContextManager[object]]
Start = Callable[..., contextlib.AbstractContextManager[object]]


class NotReachedError(Exception):
    """A contender is on, and a worker sees nothing of it: its cost would be that of nothing."""


class NotThereError(ImportError):
    """What is to be measured is not there yet."""


def bare() -> Rows:
    """Turn nothing on."""
    return Rows()


def reached(rows: Rows, sees: Callable[[], bool]) -> Rows:
    """Return `rows`, if a worker sees what it should."""
    if not rows.look(sees):
        raise NotReachedError("the worker sees nothing of the submitter")
    return rows


# otel-handoff


def provider_of(telemetry: str) -> Any:
    """Return what makes the spans, without an exporter; None for `none`.

    Args:
        telemetry: `none`, `unsampled` (ALWAYS_OFF), `parent` (the SDK's default sampler, which asks the parent), `one`
            (1 % of all traces); anything else samples all.
    """
    if telemetry == "none":
        return None
    from opentelemetry.sdk.trace import TracerProvider, sampling

    samplers = {
        "unsampled": sampling.ALWAYS_OFF,
        "parent": sampling.DEFAULT_ON,
        "one": sampling.ParentBasedTraceIdRatio(0.01),
    }
    return TracerProvider(sampler=samplers.get(telemetry, sampling.ALWAYS_ON))


def turn_on(instrumentor: Any, telemetry: str, **options: Any) -> Any:
    """Instrument with the spans of `telemetry`, which besides those of `provider_of` may be `mismatch`.

    Returns:
        the provider.

    Raises:
        NotThereError: there is no such setting.
    """
    if telemetry == "mismatch":
        if "spans" not in {option.name for option in fields(instrumentor.configuration)}:
            raise NotThereError("the setting spans is not there yet")
        options["spans"] = "mismatch"
    provider = provider_of(telemetry)
    instrumentor.instrument(tracer_provider=provider, **options)
    return provider


class Handoff:
    """Rows under otel-handoff, which must find nothing wrong with a clean one."""

    def __init__(self, mode: str, telemetry: str, *, watch: bool) -> None:
        self.mismatches: int = 0
        instrumentor: Any = HandoffInstrumentor()
        options = {"boundaries": [BOUNDARY], "mode": mode, "watch": watch, "on_mismatch": self._count}
        provider = turn_on(instrumentor, telemetry, **options)
        # As in a real process, rows are submitted inside a span of the application, or of its caller.
        around: Around = contextlib.nullcontext
        if telemetry == "parent":
            around = _inside_unsampled
        elif provider is not None:
            around = _inside(provider.get_tracer("application"))
        self._rows = reached(Rows(around=around), lambda: current_submission() is not None)
        self._counts: Any = instrumentor._handoffs[0].counts

    def _count(self, _mismatch: Mismatch) -> None:
        self.mismatches += 1

    def __call__(self, rows: int, **options: Any) -> Mapping[str, float]:
        """Run rows, and count what came of them."""
        before = self._counts.submissions.value, self.mismatches
        self._rows(rows, **options)
        return {
            "submissions": self._counts.submissions.value - before[0],
            "mismatches": self.mismatches - before[1],
            "in_flight": len(self._counts.rows.in_flight),
            "internal_errors": guard.errors.value,
        }


def handoff(mode: str = "pin", telemetry: str = "none", *, watch: bool = True) -> Handoff:
    """Turn otel-handoff on."""
    return Handoff(mode, telemetry, watch=watch)


def _inside(tracer: Any) -> Around:
    return lambda: tracer.start_as_current_span("submit")


def _inside_unsampled() -> contextlib.AbstractContextManager[object]:
    from opentelemetry import trace

    caller = trace.SpanContext(1, 1, is_remote=True, trace_flags=trace.TraceFlags(0))
    return trace.use_span(trace.NonRecordingSpan(caller))


# Spans by hand


def ids_of(ctx: Any) -> dict[str, Any]:
    """Return the ids of a row, as attributes."""
    token = ctx.token
    return {
        "run_id": ctx.run_id,
        "node_id": ctx.node_id,
        "state_id": ctx.state_id,
        "token_id": token.token_id,
        "row_id": token.row_id,
    }


def row_as_ours(row: Row, ctx: Any) -> dict[str, Any]:
    """Return as many attributes, of such kinds, as otel-handoff puts on the span of a row."""
    thread = threading.current_thread()
    return {
        **ids_of(ctx),
        "boundary": "bench",
        "submission.id": row,
        "submission.time": time.time_ns(),
        "submission.thread": thread.name,
        "queue.duration": 0.001,
        "thread.name": thread.name,
    }


def call_as_ours(row: Row, ctx: Any, **details: Any) -> dict[str, Any]:
    """Return as many attributes as otel-handoff puts on the span of a call, of which the boundary names `details`."""
    return {**ids_of(ctx), "boundary": "bench", "submission.id": row, **details}


def with_spans(start: Start, around: Around = contextlib.nullcontext) -> Rows:
    """Let each row and each call have a span, with as much on it as otel-handoff's: `start(name, attributes=...)`."""

    def wrap(processor: Processor) -> Processor:
        def work(row: Row, ctx: Context) -> object:
            with start("process", attributes=row_as_ours(row, ctx)):
                return processor(row, ctx)

        return work

    def calling(calls: int) -> Processor:
        def processor(row: Row, ctx: Context) -> None:
            for index in range(calls):
                with start("record_call", attributes=call_as_ours(row, ctx, index=index, status="success")):
                    LEDGER.record_call(ctx.state_id, index, "success")

        return processor if calls else no_op

    return Rows(wrap, around, calling)


def hand_written() -> Rows:
    """Start spans by hand, on the worker; nothing is carried there."""
    return reached(with_spans(provider_of("spans").get_tracer("application").start_as_current_span), _sees_own_span)


def _sees_span() -> bool:
    from opentelemetry import trace

    return trace.get_current_span().get_span_context().is_valid


def _sees_own_span() -> bool:
    from opentelemetry import trace

    span: Any = trace.get_current_span()
    return span.name == "process" and {**span.attributes}.keys() >= row_as_ours(0, Context(0)).keys()


def _sees_own_span_below_submit() -> bool:
    from opentelemetry import trace

    span: Any = trace.get_current_span()
    return _sees_own_span() and span.parent is not None


# What others have. Each carries its context alone, or makes spans besides, in its own way.


def otel_threading(*, spans: bool = False) -> Rows:
    """Turn opentelemetry-instrumentation-threading on, with a span to carry."""
    importlib.import_module("opentelemetry.instrumentation.threading").ThreadingInstrumentor().instrument()
    tracer = provider_of("spans").get_tracer("application")
    if not spans:
        return reached(Rows(around=_inside(tracer)), _sees_span)
    return reached(with_spans(tracer.start_as_current_span, _inside(tracer)), _sees_own_span_below_submit)


def logfire(*, spans: bool = False) -> Rows:
    """Turn logfire's executor instrumentation on, as `logfire.configure` does, with a span to carry."""
    found = importlib.import_module("logfire")
    found.configure(send_to_logfire=False, console=False, metrics=False, inspect_arguments=False)

    def around() -> Any:
        return found.span("submit")

    def start(name: str, attributes: dict[str, Any]) -> Any:
        return found.span(name, **attributes)

    return (
        reached(with_spans(start, around), _sees_own_span_below_submit)
        if spans
        else reached(Rows(around=around), _sees_span)
    )


def ddtrace_futures(*, spans: bool = False) -> Rows:
    """Turn ddtrace's integration of futures on, with a span to carry; what ends is dropped before it is sent."""
    os.environ.update(
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
        DD_TRACE_STARTUP_LOGS="false",
        DD_CRASHTRACKING_ENABLED="false",
    )
    importlib.import_module("ddtrace").patch(futures=True)
    found = importlib.import_module("ddtrace.trace")
    tracer = found.tracer

    class Drop(found.TraceFilter):
        def process_trace(self, trace: object) -> None:
            """Send nothing."""

    tracer.configure(trace_processors=[Drop()])

    def around() -> Any:
        return tracer.trace("submit")

    def start(name: str, attributes: dict[str, Any]) -> Any:
        span = tracer.trace(name)
        span.set_tags(attributes)
        return span

    def sees() -> bool:
        span = tracer.current_span()
        tags = span.get_tags().keys() | span.get_metrics().keys()
        return span.name == "process" and bool(span.parent_id) and tags >= row_as_ours(0, Context(0)).keys()

    return (
        reached(with_spans(start, around), sees)
        if spans
        else reached(Rows(around=around), lambda: tracer.current_trace_context() is not None)
    )


def sentry(*, spans: bool = False) -> Rows:
    """Turn sentry's ThreadingIntegration on alone, with a scope to carry; without a DSN it sends nothing."""
    found = importlib.import_module("sentry_sdk")
    integration = importlib.import_module("sentry_sdk.integrations.threading").ThreadingIntegration
    found.init(
        dsn=None,
        default_integrations=False,
        integrations=[integration(propagate_scope=True)],
        traces_sample_rate=1.0 if spans else None,
    )
    found.get_isolation_scope().set_tag("application", "bench")
    if not spans:
        return reached(Rows(), lambda: "application" in found.get_isolation_scope()._tags)

    def around() -> Any:
        return found.start_transaction(name="submit")

    def start(name: str, attributes: dict[str, Any]) -> Any:
        span = found.start_span(op=name, name=name)
        span.update_data(attributes)
        return span

    def sees() -> bool:
        span = found.get_current_span()
        data = span._data.keys()
        return span.op == "process" and bool(span.parent_span_id) and data >= row_as_ours(0, Context(0)).keys()

    return reached(with_spans(start, around), sees)
