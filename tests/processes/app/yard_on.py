"""Turns otel-handoff on, in the parent or in a child, and lists what it tells."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_handoff import Boundary, Call, HandoffInstrumentor, Mismatch
from otel_handoff.file_exporter import FileSpanExporter

HERE = Path(os.environ["YARD"])
PARENT = int(os.environ.setdefault("YARD_PARENT", str(os.getpid())))

CALLS = [Call("yard:file", ids={"row": "under"})]
NOTES = [Call("yard_clerk:note", ids={"row": "under"})]
ROW = {"row": "row"}
BOUNDARIES = [
    Boundary(name="work", work="yard:work", context="desk", fields=ROW, calls=CALLS),
    Boundary(name="deep", work="yard:deep", context="desk", fields={"row": "order.id"}, calls=CALLS),
    Boundary(name="packed", work="yard:packed", context="item.1", fields=ROW, calls=CALLS),
    Boundary(name="listed", work="yard_clerk:listed", context="item.1", fields=ROW, calls=NOTES),
    Boundary(name="named", work="yard_clerk:named", context="item.desk", fields=ROW, calls=NOTES),
    Boundary(name="plain", work="yard:plain", context="desk", fields=ROW, calls=CALLS),
    Boundary(name="own", work="yard:own", context="desk", fields=ROW, ids={"row": "row"}, calls=CALLS),
    Boundary(name="fatal", work="yard:fatal", context="desk", fields=ROW, calls=CALLS),
    Boundary(
        name="loop",
        work="yard:serve",
        takes="multiprocessing:Queue.get",
        context="item.1",
        fields=ROW,
        calls=[Call("yard:file", ids={"row": "under"})],
    ),
    Boundary(name="bill", work="yard:Shop.bill", context="desk", fields=ROW, calls=CALLS),
    Boundary(name="clerk", work="yard_clerk:Clerk.bill", context="self", fields=ROW, calls=NOTES),
    Boundary(name="caller", work="yard_clerk:Clerk.__call__", context="self", fields=ROW, calls=NOTES),
    Boundary(name="asker", work="yard_clerk:Clerk.ask", context="self", fields=ROW, calls=NOTES),
    Boundary(name="after", work="yard_clerk:Clerk.after", context="self", fields=ROW, calls=NOTES),
    Boundary(name="counts", work="yard_clerk:Clerk.counts", context="self", fields=ROW, calls=NOTES),
    Boundary(name="desks", work="yard_clerk:Clerk.post", context="self.desk", fields=ROW, calls=NOTES),
    Boundary(name="post", submit="yard:Shop.enqueue", work="yard:Shop.post", context="desk", fields=ROW, calls=CALLS),
    Boundary(name="handed", submit="yard:hand_over", work="yard:handed", context="desk", fields=ROW, calls=CALLS),
]


def told(mismatch: Mismatch) -> None:
    """Append a line."""
    culprit = mismatch.culprit
    line: list[Any] = [mismatch.outcome, mismatch.evidence, mismatch.expected["row"], mismatch.observed["row"]]
    line += ["parent" if os.getpid() == PARENT else "child", culprit.location if culprit else None]
    with (HERE / "told.jsonl").open("a", encoding="utf-8", buffering=1 << 20) as file:
        file.write(json.dumps(line) + "\n")


class Lines(logging.Handler):
    """Appends what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Append a line."""
        with (HERE / "logged.txt").open("a", encoding="utf-8") as file:
            file.write(f"{record.levelname} {self.format(record)}\n")


def turn_on(side: str) -> None:
    """Both sides do."""
    mode = os.environ["YARD_MODE"]
    if mode != "off":
        listen(side)
        HandoffInstrumentor().instrument(mode=mode, boundaries=BOUNDARIES, on_mismatch=told)


def listen(side: str) -> None:
    """List what is logged, and what spans there are."""
    log = logging.getLogger("otel_handoff")
    log.propagate = False
    log.addHandler(Lines())
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(FileSpanExporter(str(HERE / f"{side}.jsonl"))))
    trace.set_tracer_provider(provider)


def turn_off() -> None:
    """At the end."""
    if HandoffInstrumentor().is_instrumented_by_opentelemetry:
        HandoffInstrumentor().uninstrument()
