"""One mode of the demo on a landscape of its own, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_handoff.demo import corpus, truth
from otel_handoff.demo.pipeline.batch_adapter import SharedBatchAdapter
from otel_handoff.demo.pipeline.executor import TransformExecutor
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.orchestrator import Orchestrator, RunReport
from otel_handoff.demo.schedule import Gate, plan
from otel_handoff.demo.service import Service
from otel_handoff.demo.transform import ReadabilityTransform
from otel_handoff.demo.watched import instrumented, turned_off
from otel_handoff.elspeth import ElspethInstrumentor
from otel_handoff.record.mismatch import HandoffMismatchError, Mismatch

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader

MODES: Final = ("off", "observe", "pin", "strict")


@dataclass(frozen=True)
class ModeRun:
    """A finished run.

    Attributes:
        mode: `off`, `observe`, `pin` or `strict`.
        rows: how many were fed in.
        database: the landscape.
        traces: OTLP JSON lines; an empty file when `off`.
        seconds: from the first row to the last late worker.
        report: which rows were completed, and why others were not.
        mismatches: what otel-handoff reported, in order.
    """

    mode: str
    rows: int
    database: Path
    traces: Path
    seconds: float
    report: RunReport
    mismatches: list[Mismatch]


def run_mode(
    mode: str,
    *,
    rows: int,
    seed: int,
    out: Path,
    port: int = 0,
    progress: Callable[[int], object] | None = None,
    metric_readers: Sequence[MetricReader] = (),
) -> ModeRun:
    """Run the pipeline in one mode and leave `landscape.db` and `traces.jsonl` in `out/<mode>`.

    Args:
        mode: one of `MODES`.
        rows: how many rows to feed in.
        seed: decides, with `rows`, which of them are held up and how.
        out: a directory; made if it is not there. Files of an earlier run are replaced.
        port: of the loopback service; 0 takes a free one.
        progress: called with the number of rows just done.
        metric_readers: read the metrics while it runs, and are shut down with it.

    Raises:
        OSError: a file cannot be written, or the port is taken.
        ImportError: an extra is not installed.
    """
    directory = out / mode
    directory.mkdir(parents=True, exist_ok=True)
    database, traces = directory / "landscape.db", directory / "traces.jsonl"
    schedule = plan(rows, seed)
    data = corpus.load(rows)
    mismatches: list[Mismatch] = []
    turned_off(ElspethInstrumentor())
    with ExitStack() as stack:
        gate = Gate(schedule)
        service = Service(port, gate.arrived)
        stack.callback(service.close)
        # Only now: when the port is taken, the files of an earlier run stay.
        for stale in (database, directory / "landscape.db-wal", directory / "landscape.db-shm", traces):
            stale.unlink(missing_ok=True)
        traces.touch()
        landscape = Landscape(database)
        stack.callback(landscape.close)
        if mode != "off":
            stack.enter_context(
                instrumented(ElspethInstrumentor(), mode, traces, mismatches.append, metric_readers=metric_readers)
            )
        adapter = SharedBatchAdapter()
        transform = ReadabilityTransform(service.url, adapter)
        # When it is interrupted: open the gate first, or the worker would be waited for while it waits itself.
        stack.callback(transform.close)
        stack.callback(gate.open)
        executor = TransformExecutor(landscape, adapter, on_submitted=gate.submitted)
        groups = [[data[row] for row in group] for group in schedule.groups]
        config: dict[str, object] = {"mode": mode, "rows": rows, "seed": seed}
        started = time.perf_counter()
        report = Orchestrator(landscape, adapter, executor).run(
            f"run-{mode}-{seed}", transform, groups, config, progress
        )
        seconds = time.perf_counter() - started
    return ModeRun(mode, rows, database, traces, seconds, report, mismatches)


def summarize(run: ModeRun) -> dict[str, int | float]:
    """Count what went wrong, by the landscape, and how much of it was reported.

    Returns:
        `rows`, `attempts`, `calls`; `calls_misattributed` and `results_misrouted`, both by the landscape alone;
        `mismatches_reported`, of every outcome; `misattributed_and_reported`: wrong calls named by a `used` report,
        with the state they belong to and the one they are filed under; `false_reports`: `used` reports that the
        landscape does not bear out; `rows_per_second`.
    """
    found = truth.count(run.database)
    wrong: Counter[tuple[object, object]] = Counter(
        (call.true_state_id, call.filed_state_id) for call in found.wrong_calls
    )
    troubled = {call.true_state_id for call in found.wrong_calls}
    troubled |= {result.true_state_id for result in found.misrouted_results}
    # What was sent wrongly, and is refused where it is worked on, leaves no record.
    blocked = {row_id for row_id, error in run.report.failed.items() if isinstance(error, HandoffMismatchError)}
    used = [mismatch for mismatch in run.mismatches if mismatch.outcome == "used"]
    told: Counter[tuple[object, object]] = Counter(
        (mismatch.expected.get("state_id"), mismatch.observed.get("state_id"))
        for mismatch in used
        if mismatch.evidence == "call"
    )
    # As multisets: one report bears out one call.
    borne_out = (wrong & told).total()
    others = [mismatch.submission.ids for mismatch in used if mismatch.evidence != "call"]
    return {
        "rows": found.rows,
        "attempts": found.attempts,
        "calls": found.calls,
        "calls_misattributed": len(found.wrong_calls),
        "results_misrouted": len(found.misrouted_results),
        "mismatches_reported": len(run.mismatches),
        "misattributed_and_reported": borne_out,
        "false_reports": told.total()
        - borne_out
        + sum(ids.get("state_id") not in troubled and ids.get("row_id") not in blocked for ids in others),
        "rows_per_second": round(run.rows / run.seconds, 1),
    }
