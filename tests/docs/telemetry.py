"""Make the tables of docs/telemetry.md, or say whether they are up to date: `python -m tests.docs.telemetry [--write]`.

An attribute's row is its name in `semconv.py` and the docstring that follows it there, `type: meaning`. A metric's row
is what a reader of the real instruments is told, and the name that a real scrape gives it.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, InMemoryMetricReader, Metric, Sum
from prometheus_client import CollectorRegistry

from otel_handoff.record import semconv
from otel_handoff.tell.metrics import Metrics
from tests.docs.tables import DOCS, Tables, main

PAGE: Final = DOCS / "telemetry.md"

SUBMISSION: Final = "BOUNDARY SUBMISSION_ID SUBMISSION_TIME SUBMISSION_THREAD SUBMISSION_LOCATION "
ROW_SPAN: Final = "BOUNDARY SUBMISSION_ID SUBMISSION_TIME SUBMISSION_THREAD QUEUE_DURATION STALE THREAD_NAME"
ALL: Final = "SUBMISSION_LOCATION THREAD_ID"
SPAN: Final = (
    "MISMATCH MISMATCH_FIELDS MISMATCH_EVIDENCE MISMATCH_OUTCOME SUBMISSION_LOCATION OBSERVED CULPRIT_SUBMISSION_ID "
    "MISMATCH_SPAN ERROR_TYPE"
)
EVENT: Final = SUBMISSION + (
    "MISMATCH_FIELDS MISMATCH_EVIDENCE MISMATCH_OUTCOME CODE_FILE CODE_LINE CODE_FUNCTION MISMATCH_OCCURRENCE "
    "MISMATCH_TORN MODE THREAD_NAME STALE EXPECTED OBSERVED "
    "CALL_TARGET CULPRIT_FIELD CULPRIT_LOCATION CULPRIT_THREAD CULPRIT_TIME CULPRIT_SUBMISSION_ID CULPRIT_ID"
)
UNCHECKED: Final = (
    "BOUNDARY UNCHECKED_REASON UNCHECKED_FIELDS UNCHECKED_ROWS UNCHECKED_PINNED UNCHECKED_DETAIL UNWATCHED"
)

LEFT: Final = "SUBMISSION_PROCESS DELIVERY"
RAISED: Final = "EXCEPTION_TYPE EXCEPTION_STACKTRACE"
LATE: Final = "JUDGED_ROWS JUDGED_UNWATCHED JUDGED_LOST CALLS_BEYOND"


def meanings() -> dict[str, tuple[str, str]]:
    """Return type and meaning of each attribute, by its constant's name."""
    body = ast.parse(inspect.getsource(semconv)).body
    found: dict[str, tuple[str, str]] = {}
    for named, said in pairwise(body):
        match named, said:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))) if ": " in text:
                kind, _, meaning = text.partition(": ")
                found[name] = kind, meaning
            case _:
                pass
    return found


def attributes(constants: str) -> Iterator[str]:
    """Yield a table of attributes."""
    yield "| attribute | type | |"
    yield "|---|---|---|"
    known = meanings()
    for constant in constants.split():
        name: str = getattr(semconv, constant)
        kind, meaning = known[constant]
        yield f"| `{name}{'<field>' if name.endswith('.') else ''}` | {kind} | {meaning} |"


class Instrument(NamedTuple):
    """One, as a reader and a scrape of the real one have it."""

    name: str
    kind: str
    unit: str
    attributes: tuple[str, ...]
    meaning: str
    scraped: list[str]


def instruments() -> Iterator[Instrument]:
    """Yield each, by name."""
    reader, registry = InMemoryMetricReader(), CollectorRegistry()
    provider = MeterProvider(metric_readers=[reader, PrometheusMetricReader(registry=registry)])
    made = Metrics(provider)
    made.boundary("orders", ["order_id"])
    made.queue_duration.record(0.0, {semconv.BOUNDARY: "orders"})
    data = reader.get_metrics_data()
    assert data is not None
    scraped = [sample.name for family in registry.collect() for sample in family.samples]
    provider.shutdown()
    for metric in sorted(data.resource_metrics[0].scope_metrics[0].metrics, key=lambda metric: metric.name):
        (names,) = {tuple(sorted(point.attributes or {})) for point in metric.data.data_points}
        told = metric.unit or "", names, metric.description or ""
        yield Instrument(metric.name, _instrument(metric), *told, _scraped(metric.name, scraped))


def metrics() -> Iterator[str]:
    """Yield the table of metrics."""
    yield "| metric | instrument, unit | attributes | | scraped by Prometheus |"
    yield "|---|---|---|---|---|"
    for one in instruments():
        unit = f"`{one.unit}`" if "{" in one.unit else one.unit
        attributes, scraped = (", ".join(f"`{name}`" for name in names) for names in (one.attributes, one.scraped))
        yield f"| `{one.name}` | {one.kind}, {unit} | {attributes} | {one.meaning} | {scraped} |"


def _instrument(metric: Metric) -> str:
    if isinstance(metric.data, Histogram):
        return "histogram"
    assert isinstance(metric.data, Sum)
    return "counter" if metric.data.is_monotonic else "up-down counter"


def _scraped(name: str, names: list[str]) -> list[str]:
    prefix = re.escape(name.replace(".", "_"))
    return list(dict.fromkeys(found for found in names if re.fullmatch(rf"{prefix}(_seconds)?(_[a-z]+)?", found)))


TABLES: Final[Tables] = {
    "semconv.py: row span": lambda: attributes(ROW_SPAN),
    "semconv.py: rows of other processes": lambda: attributes(LEFT),
    "semconv.py: row span, with attributes=all": lambda: attributes(ALL),
    "semconv.py: span with a mismatch": lambda: attributes(SPAN),
    "semconv.py: event and log record": lambda: attributes(EVENT),
    "semconv.py: exception": lambda: attributes(RAISED),
    "semconv.py: unchecked": lambda: attributes(UNCHECKED),
    "semconv.py: late spans": lambda: attributes(LATE),
    "metrics.py": metrics,
}


if __name__ == "__main__":
    sys.exit(main({PAGE: TABLES}))
