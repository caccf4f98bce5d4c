"""Turns otel-handoff on, and lists what it tells."""

import json
import logging
import os
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from shop_handoffs import BOUNDARIES

from otel_handoff import HandoffInstrumentor, Mismatch
from otel_handoff.file_exporter import FileSpanExporter
from otel_handoff.host.guard import guard

HERE = Path(os.environ["SHOP"])


def told(mismatch: Mismatch) -> None:
    """Append a line."""
    culprit = mismatch.culprit
    line = [
        mismatch.outcome,
        mismatch.evidence,
        str(mismatch.expected["row"]),
        str(mismatch.observed["row"]),
        os.environ["SHOP_SIDE"],
        culprit.location if culprit else None,
    ]
    with (HERE / "told.jsonl").open("a", encoding="utf-8", buffering=1 << 20) as file:
        file.write(json.dumps(line) + "\n")


class Lines(logging.Handler):
    """Appends what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line."""
        with (HERE / "logged.txt").open("a", encoding="utf-8") as file:
            file.write(f"{os.environ['SHOP_SIDE']} {record.levelname} {record.getMessage()}\n")
            if record.exc_info:
                file.write(f"{logging.Formatter().formatException(record.exc_info)}\n")


def turn_on() -> None:
    """Both sides do."""
    if os.environ.get("SHOP_MODE", "off") == "off":
        return
    log = logging.getLogger("otel_handoff")
    log.propagate = False
    log.addHandler(Lines())
    provider = TracerProvider()
    exporter = FileSpanExporter(str(HERE / f"{os.environ['SHOP_SIDE']}.jsonl"))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    guard.reraise = False
    HandoffInstrumentor().instrument(mode=os.environ["SHOP_MODE"], boundaries=BOUNDARIES, on_mismatch=told)


turn_on()
