"""What carries rows, or traces, to worker threads: each turned on in a process of its own.

A function here turns one contender on in this process, proves that it reaches a worker, and returns what runs rows
under it. It raises ImportError where the contender is not installed. No one of them has an exporter, or a network.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from otel_handoff import HandoffInstrumentor, Mismatch, current_submission
from otel_handoff.host.guard import guard
from tests.benchmarks.host import BOUNDARY, Context, Processor, Row, Rows


class NotReachedError(Exception):
    """A contender is on, and a worker sees nothing of it: its cost would be that of nothing."""


def bare() -> Rows:
    """Turn nothing on."""
    return Rows()


def _tracer_provider(telemetry: str) -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

    return TracerProvider(sampler=ALWAYS_OFF if telemetry == "unsampled" else ALWAYS_ON)


class Handoff:
    """Rows under otel-handoff, which must find nothing wrong with a clean one."""

    def __init__(self, mode: str, telemetry: str, *, watch: bool) -> None:
        self.mismatches: int = 0
        provider = None if telemetry == "none" else _tracer_provider(telemetry)
        instrumentor: Any = HandoffInstrumentor()
        instrumentor.instrument(
            boundaries=[BOUNDARY], mode=mode, watch=watch, tracer_provider=provider, on_mismatch=self._count
        )
        # As in a real process, rows are submitted inside a span of the application.
        tracer = provider.get_tracer("application") if provider is not None else None
        rows = Rows(around=_inside(tracer) if tracer is not None else contextlib.nullcontext)
        self._rows = reached(rows, lambda: current_submission() is not None)
        self._counts: Any = instrumentor._handoffs[0]._counts

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
    """Turn otel-handoff on: `telemetry` is `none` (no SDK provider), `unsampled` or `spans`."""
    return Handoff(mode, telemetry, watch=watch)


def _inside(tracer: Any) -> Callable[[], contextlib.AbstractContextManager[object]]:
    return lambda: tracer.start_as_current_span("submit")


def reached(rows: Rows, sees: Callable[[], bool]) -> Rows:
    """Return `rows`, if a worker sees what it should."""
    if not rows.look(sees):
        raise NotReachedError("the worker sees nothing of the submitter")
    return rows


def _sees_span() -> bool:
    from opentelemetry import trace

    return trace.get_current_span().get_span_context().is_valid


def otel_threading() -> Rows:
    """Turn opentelemetry-instrumentation-threading on, with a span to carry."""
    threading = importlib.import_module("opentelemetry.instrumentation.threading")
    threading.ThreadingInstrumentor().instrument()
    return reached(Rows(around=_inside(_tracer_provider("spans").get_tracer("application"))), _sees_span)


def logfire() -> Rows:
    """Turn logfire's executor instrumentation on, as `logfire.configure` does, with a span to carry."""
    found = importlib.import_module("logfire")
    found.configure(send_to_logfire=False, console=False, metrics=False, inspect_arguments=False)
    return reached(Rows(around=lambda: found.span("submit")), _sees_span)


def ddtrace_futures() -> Rows:
    """Turn ddtrace's integration of futures on, with a span to carry, which never ends: nothing is sent."""
    os.environ.update(
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
        DD_TRACE_STARTUP_LOGS="false",
        DD_CRASHTRACKING_ENABLED="false",
    )
    found = importlib.import_module("ddtrace")
    found.patch(futures=True)
    tracer = importlib.import_module("ddtrace.trace").tracer
    tracer.trace("submit")
    return reached(Rows(), lambda: tracer.current_trace_context() is not None)


def sentry() -> Rows:
    """Turn sentry's ThreadingIntegration on alone, with a scope to carry; without a DSN it sends nothing."""
    found = importlib.import_module("sentry_sdk")
    integration = importlib.import_module("sentry_sdk.integrations.threading").ThreadingIntegration
    found.init(dsn=None, default_integrations=False, integrations=[integration(propagate_scope=True)])
    found.get_isolation_scope().set_tag("application", "bench")
    return reached(Rows(), lambda: "application" in found.get_isolation_scope()._tags)


def four(ctx: Context) -> dict[str, Any]:
    """Return four ids of a row, as attributes."""
    return {"run_id": ctx.run_id, "node_id": ctx.node_id, "state_id": ctx.state_id, "token_id": ctx.token.token_id}


def as_ours(row: Row, ctx: Context) -> dict[str, Any]:
    """Return as many attributes, and as long ones, as otel-handoff puts on the span of a row."""
    thread = threading.current_thread()
    return {
        **four(ctx),
        "row_id": ctx.token.row_id,
        "boundary": "bench",
        "submission.id": row,
        "submission.time": time.time_ns(),
        "submission.thread": thread.name,
        "submission.location": "benchmarks/host.py:140 in __call__",
        "queue.duration": 0.001,
        "thread.id": thread.ident,
        "thread.name": thread.name,
    }


_ATTRIBUTES: Final[Mapping[str, Callable[[Row, Context], dict[str, Any]]]] = {
    "four": lambda _row, ctx: four(ctx),
    "as ours": as_ours,
}


def hand_written(attributes: str | None = None) -> Rows:
    """Let each row start a span by hand, on the worker; with `four` ids on it, or with as much `as ours`."""
    attributes_of = _ATTRIBUTES[attributes] if attributes is not None else None
    tracer = _tracer_provider("spans").get_tracer("application")

    def wrap(processor: Processor) -> Processor:
        def plain(row: Row, ctx: Context) -> object:
            with tracer.start_as_current_span("process"):
                return processor(row, ctx)

        def tagged(row: Row, ctx: Context) -> object:
            assert attributes_of is not None
            with tracer.start_as_current_span("process") as span:
                span.set_attributes(attributes_of(row, ctx))
                return processor(row, ctx)

        return plain if attributes_of is None else tagged

    return Rows(wrap)
