"""Turns otel-handoff on, in the driver and in each worker: it is Ray's own tracing hook."""

from __future__ import annotations

import logging
import os
from typing import Any

import yard_on
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_handoff import Boundary, HandoffInstrumentor
from otel_handoff.file_exporter import FileSpanExporter

SHARES: Any = {"fields": yard_on.ROW, "ids": yard_on.ROW, "calls": yard_on.CALLS}
PLAIN: Any = {"context": "desk", "fields": yard_on.ROW, "calls": yard_on.CALLS}
BOUNDARIES = [
    Boundary(name="bills", work="ray:yard_pier.bill", **PLAIN),
    Boundary(name="plains", work="ray:yard_pier.plain", **PLAIN),
    Boundary(name="main", work="ray:yard_ray.here", **PLAIN),
    Boundary(name="flaky", work="ray:yard_pier.flaky", **PLAIN),
    Boundary(name="methods", work="ray:yard_pier.Counter.bill", **PLAIN),
    Boundary(name="shared", work="ray:yard_pier.shared", context="desk", pins="ids", **SHARES),
    Boundary(name="owns", work="ray:yard_pier.*.own", context="self", **SHARES),
    Boundary(name="alone", work="ray:yard_pier.Counter.alone", context="row", fields={"row": "row"}),
]


def setup() -> None:
    """Both sides do."""
    is_parent = os.getpid() == yard_on.PARENT
    if not is_parent and os.environ.get("YARD_WORKER") == "off":
        return
    log = logging.getLogger("otel_handoff")
    log.propagate = False
    log.addHandler(yard_on.Lines())
    provider = TracerProvider()  # a worker is ended without more ado: each span goes at once
    exporter = FileSpanExporter(str(yard_on.HERE / f"{'parent' if is_parent else 'child'}.jsonl"))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    HandoffInstrumentor().instrument(mode=os.environ["YARD_MODE"], boundaries=BOUNDARIES, on_mismatch=yard_on.told)
