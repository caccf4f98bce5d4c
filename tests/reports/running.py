"""Runs the host of one report in one mode, and says what became of it."""

from __future__ import annotations

import functools
import gc
import importlib
import inspect
import json
import logging
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Sum
from opentelemetry.sdk.trace import TracerProvider

from otel_handoff import Boundary, HandoffInstrumentor, HandoffMismatchError, Mismatch
from otel_handoff.record import semconv
from tests.reports.books import books
from tests.reports.catalogue import Report
from tests.reports.expected import MARK, Expected
from tests.reports.shown import in_one_line

ROOT: Final = Path(__file__).parents[2]
MODES: Final = ("off", "observe", "pin", "strict")
WAIT: Final = 100.0
"""Seconds for one run."""


@dataclass
class Outcome:
    """What became of one run.

    Attributes:
        report: its name.
        mode: of otel-handoff.
        declaration: the boundary, in one line; empty with `off`.
        expected: what the host says of itself.
        records: how many things were filed.
        wrong: of these, under the id of another: `[owner, id]` each.
        owners: whose was what is not wrong.
        traces: in how many the trace of the request had arrived.
        told: what was told to have taken effect, or refused: `[owner, id]` each.
        rightly: how many of these are wrong records indeed; in `strict`, how many are refused and were not filed.
        falsely: how many are not; and of how many rows in order it was told that the context had moved on.
        refused: how many of these were not filed, as `strict` has refused them.
        prevented: what `pin` says that it spared: `[owner, id]` each.
        culprits: the writes that are named, as file:line and function.
        wrong_culprits: those that are not where the host says.
        unchecked: rows that were not judged, by reason.
        errors: our own.
        said: all that Python's log was told, from `INFO` up, but mismatches.
    """

    report: str
    mode: str
    declaration: str
    expected: Expected
    records: int = 0
    wrong: list[list[str]] = field(default_factory=list[list[str]])
    owners: list[str] = field(default_factory=list[str])
    traces: int = 0
    told: list[list[str]] = field(default_factory=list[list[str]])
    rightly: int = 0
    falsely: int = 0
    refused: int = 0
    prevented: list[list[str]] = field(default_factory=list[list[str]])
    culprits: list[str] = field(default_factory=list[str])
    wrong_culprits: list[str] = field(default_factory=list[str])
    unchecked: dict[str, int] = field(default_factory=dict[str, int])
    errors: int = 0
    said: list[str] = field(default_factory=list[str])


@functools.cache
def outcome(name: str, mode: str) -> Outcome:
    """Run it in a process of its own.

    Raises:
        RuntimeError: it did not come to an end.
    """
    command = [sys.executable, "-m", "tests.reports", name, mode]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WAIT, check=False)
    if done.returncode or not done.stdout.strip():
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stdout}{done.stderr}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    expected = Expected(**said.pop("expected"))
    return Outcome(expected=expected, **said)


def run(report: Report, mode: str) -> Outcome:
    """Run it here, which can be done once in a process: it is instrumented, and not undone."""
    trace.set_tracer_provider(TracerProvider())
    host = importlib.import_module(f"tests.reports.hosts.{report.module}")
    variant = (report.variant,) if report.variant else ()
    said: Expected | dict[str, Expected] = host.EXPECTED
    expected = said if isinstance(said, Expected) else said[report.variant]
    boundary: Boundary | None = None
    mismatches: list[Mismatch] = []
    failures: list[str] = []
    threading.excepthook = functools.partial(_of_thread, failures)
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    log = _Log()
    logger = logging.getLogger("otel_handoff")
    logger.addHandler(log)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    instrumentor = HandoffInstrumentor()
    if mode != "off":
        boundary = host.declared(*variant)
        instrumentor.instrument(
            mode=mode,
            boundaries=[boundary],
            on_mismatch=mismatches.append,
            meter_provider=meters,
        )
    host.run(*variant)
    if failures:
        raise RuntimeError("\n".join(failures))
    if mode != "off":
        gc.collect()
        instrumentor.uninstrument()  # what was not seen is told by now
    found = Outcome(report.name, mode, in_one_line(boundary) if boundary is not None else "", expected)
    _count_records(found)
    _count_told(found, mismatches)
    _look_at_culprits(found, mismatches, host)
    found.unchecked = _counted(reader, semconv.METRIC_UNCHECKED, semconv.UNCHECKED_REASON)
    found.errors = sum(_counted(reader, semconv.METRIC_INTERNAL_ERRORS, "").values())
    found.said = log.said
    return found


def as_json(found: Outcome) -> str:
    """Return it in one line."""
    return json.dumps(asdict(found))


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "HANDOFF MISMATCH" not in text and "HANDOFF EXPOSURE" not in text:
            self.said.append(text)


def _of_thread(failures: list[str], args: threading.ExceptHookArgs) -> None:
    if not issubclass(args.exc_type, HandoffMismatchError):  # that is what `strict` is for
        failures.append(f"{args.thread}: {args.exc_type.__name__}: {args.exc_value}")


def _count_records(found: Outcome) -> None:
    found.records = len(books.records)
    found.wrong = sorted(map(list, books.wrong().elements()))
    found.owners = sorted(owner for owner, filed, _ in books.records if owner == filed)
    found.traces = sum(record.traced for record in books.records)


def _count_told(found: Outcome, mismatches: Iterable[Mismatch]) -> None:
    by_outcome: dict[str, list[list[str]]] = {}
    for each in mismatches:
        by_outcome.setdefault(each.outcome, []).append([_first(each.expected), _first(each.observed)])
    told = _counter([*by_outcome.get("used", []), *by_outcome.get("blocked", [])])
    found.told = sorted(map(list, told.elements()))
    found.prevented = sorted(by_outcome.get("prevented", []))
    filed = {owner for owner, _, _ in books.records} if found.mode == "strict" else set(books.traces)
    refused = Counter({pair: count for pair, count in told.items() if pair[0] not in filed})
    found.refused = refused.total()
    right = _counter(found.wrong) + refused
    found.rightly = (right & told).total()
    suspected = [owner for owner, _ in by_outcome.get("exposed", []) if owner in found.owners]
    found.falsely = (told - right).total() + len(suspected)


def _first(ids: Any) -> str:
    value = next(iter(ids.values()))
    return value.decode() if isinstance(value, bytes) else str(value)


def _counter(pairs: Iterable[list[str]]) -> Counter[tuple[str, str]]:
    return Counter((owner, filed) for owner, filed in pairs)


def _look_at_culprits(found: Outcome, mismatches: Iterable[Mismatch], host: ModuleType) -> None:
    named = {each.culprit.location if each.culprit is not None else "" for each in mismatches}
    found.culprits = sorted(named)
    if found.expected.culprit == MARK:
        lines, _ = inspect.getsourcelines(host)
        here = Path(str(host.__file__)).name
        right = {f"{here}:{number}" for number, line in enumerate(lines, 1) if MARK in line}
        found.wrong_culprits = sorted(each for each in named if _place(each) not in right)
    else:
        found.wrong_culprits = sorted(each for each in named if _function(each) != found.expected.culprit)


def _place(location: str) -> str:
    # "reports/hosts/deep_id.py:70 in put" -> "deep_id.py:70"
    return location.partition(" in ")[0].rpartition("/")[2]


def _function(location: str) -> str:
    place, _, function = location.partition(" in ")
    return f"{place.rpartition('/')[2].partition(':')[0]} in {function}" if place else ""


def _counted(reader: InMemoryMetricReader, metric: str, by: str) -> dict[str, int]:
    counts: Counter[str] = Counter()
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data is not None else ():
        for scope in resource.scope_metrics:
            for each in scope.metrics:
                if each.name == metric and isinstance(each.data, Sum):
                    for point in each.data.data_points:
                        counts[str((point.attributes or {}).get(by, ""))] += int(point.value)
    return {name: count for name, count in sorted(counts.items()) if count}
