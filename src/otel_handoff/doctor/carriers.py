"""Whether slips leave with what OpenTelemetry carries, where a boundary needs that."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

from opentelemetry import propagate

from otel_handoff.doctor import own
from otel_handoff.doctor.finding import Finding, ok, wrong
from otel_handoff.handover.carriers import FIELD

_HOOK: Final = "ray.init(_tracing_startup_hook='module:function')"


def look() -> Iterator[Finding]:
    """Yield whether there is the propagator, and of Ray whether it traces."""
    there = [
        handoff
        for turned in own.instrumentors()
        for handoff in turned.handoffs
        if handoff.boundary.engine in ("message", "ray") and handoff.engine.settings.remote
    ]
    if not there:
        return
    names = ", ".join(sorted({handoff.boundary.name for handoff in there}))
    if FIELD in propagate.get_global_textmap().fields:
        yield ok("propagators", f"handoff carries the slips of {names}")
    else:
        text = f"handoff is none of them: rows of {names} leave without a slip, and are not known where they arrive"
        yield wrong("propagators", text, "Set OTEL_PROPAGATORS=tracecontext,baggage,handoff on both sides.")
    if any(handoff.boundary.engine == "ray" for handoff in there):
        yield _of_ray()


def _of_ray() -> Finding:
    ray: Any = sys.modules.get("ray")
    tracing: Any = sys.modules.get("ray.util.tracing.tracing_helper")
    if ray is None or tracing is None or not ray.is_initialized():
        text = "cannot tell: whether Ray traces, as it is not started in this process"
        return Finding("ray.tracing", "unknown", text, f"See that it is started by {_HOOK}.")
    if tracing._is_tracing_enabled():
        return ok("ray.tracing", "Ray traces, and runs its hook in each worker")
    do = f"Start it by {_HOOK}: a function that turns otel-handoff on."
    return wrong("ray.tracing", "Ray does not trace: nothing is carried to its workers", do)
