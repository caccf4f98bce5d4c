"""The host of these tests: the embedded pipeline, and its audit trail as text.

It runs on two schedules that have the same rows. On `RACING` two pairs of rows are handed over together, and the first
of a pair is answered only when the second has been handed over: without us, and in observe mode, its calls are filed
under the second, on every machine. On `IN_ORDER` each row is waited for before the next: the correct run.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otel_handoff.demo import corpus
from otel_handoff.demo.pipeline.batch_adapter import SharedBatchAdapter
from otel_handoff.demo.pipeline.context import TokenInfo
from otel_handoff.demo.pipeline.executor import TransformExecutor
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.orchestrator import Orchestrator
from otel_handoff.demo.schedule import Gate, Schedule
from otel_handoff.demo.service import Service
from otel_handoff.demo.transform import ReadabilityTransform
from tests.hosts import WAIT

RACING: Final = Schedule(
    groups=((0,), (1, 2), (3,), (4, 5), (6,)),
    holds={("row-0001", 0): ("row-0002", 0), ("row-0004", 0): ("row-0005", 0)},
    leaders=frozenset({("row-0001", 0), ("row-0004", 0)}),
)
IN_ORDER: Final = Schedule(groups=tuple((row,) for row in range(7)), holds={}, leaders=frozenset())

OnSubmitted = Callable[[str, int], object]
"""Told of each hand-over: row_id and attempt."""


@dataclass(frozen=True)
class Ran:
    """What a run left to the host.

    Attributes:
        results: how many rows were completed, and why each of the others was not.
        trail: every table of the landscape, as text. Of a time it says only that there is one, and no port.
    """

    results: str
    trail: str


def nothing(_row_id: str, _attempt: int) -> None:
    """Do nothing at a hand-over."""


def run(
    path: Path,
    schedule: Schedule,
    *,
    on_submitted: OnSubmitted = nothing,
    transform: type[ReadabilityTransform] = ReadabilityTransform,
) -> Ran:
    """Run the rows of a schedule to the end, or to a KeyboardInterrupt, on a new landscape at `path`."""
    data = corpus.load(10)
    results = "interrupted"
    with ExitStack() as stack:
        gate = Gate(schedule)

        def submitted(token: TokenInfo, attempt: int) -> None:
            gate.submitted(token, attempt)
            on_submitted(token.row_id, attempt)

        service = Service(0, gate.arrived)
        stack.callback(service.close)
        landscape = Landscape(path)
        stack.callback(landscape.close)
        adapter = SharedBatchAdapter()
        worker = transform(service.url, adapter, timeout=WAIT)
        stack.callback(worker.close)
        stack.callback(gate.open)
        executor = TransformExecutor(landscape, adapter, on_submitted=submitted)
        groups = [[data[row] for row in group] for group in schedule.groups]
        try:
            report = Orchestrator(landscape, adapter, executor).run("run-1", worker, groups)
            results = f"{report.completed} {sorted((row_id, repr(error)) for row_id, error in report.failed.items())}"
        except KeyboardInterrupt:
            pass
    return Ran(results, trail(path).replace(service.url, "the service"))


_TIMES: Final = ("started_at", "completed_at", "created_at", "latency_ms")


def trail(path: Path) -> str:
    """Return every row of every table, ordered by its key, a line each."""
    lines: list[str] = []
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in sorted(tables):
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1"):
                cells: dict[str, Any] = dict(row)
                cells.update({name: "a time" for name in _TIMES if cells.get(name) is not None})
                lines.append(f"{table} {json.dumps(cells)}")
    return "\n".join(lines)
