"""One mode of the demo whose rows go to another process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

from otel_handoff.demo import corpus
from otel_handoff.demo.across import sender
from otel_handoff.demo.across.place import Place
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.orchestrator import RunReport
from otel_handoff.demo.run import ModeRun
from otel_handoff.demo.service import Service
from otel_handoff.demo.watched import instrumented, turned_off
from otel_handoff.instrumentor import HandoffInstrumentor
from otel_handoff.record.mismatch import Mismatch


def _anytime(_row_id: str, _attempt: int) -> None:
    """Of the requests none is held up: what is wrong was wrong when it was sent."""


def run_mode(
    mode: str,
    *,
    engine: str,
    rows: int,
    seed: int,
    out: Path,
    port: int = 0,
    broker: str = "filesystem://",
    progress: Callable[[int], object],
) -> ModeRun:
    """Send rows to an engine's worker in one mode, and leave `landscape.db` and `traces.jsonl` in `out/<mode>`.

    Args:
        mode: `off`, `observe`, `pin` or `strict`.
        engine: `celery` or `dask`.
        rows: how many rows to send.
        seed: decides, with `rows`, which of them are sent together.
        out: a directory; made if it is not there. Files of an earlier run are replaced.
        port: of the loopback service; 0 takes a free one.
        broker: the URL of Celery's; by default files, in a folder of the run's own.
        progress: called with the number of rows just done.

    Raises:
        UsageError: the broker is not there, or the worker has ended.
        OSError: a file cannot be written, or the port is taken.
        ImportError: an extra is not installed.
    """
    directory = out / mode
    directory.mkdir(parents=True, exist_ok=True)
    database, traces, log = (directory / name for name in ("landscape.db", "traces.jsonl", "worker.log"))
    sends: Any = import_module(f"otel_handoff.demo.across.{engine}")
    data = corpus.load(rows)
    mismatches: list[Mismatch] = []
    report = RunReport()

    def told(what: Any) -> None:
        if isinstance(what, Mismatch):
            mismatches.append(what)
            return
        row_id, error = what
        if error is None:
            report.completed += 1
        else:
            report.failed[row_id] = error
        progress(1)

    turned_off(HandoffInstrumentor())
    with ExitStack() as stack:
        service = Service(port, _anytime)
        stack.callback(service.close)
        for stale in (database, directory / "landscape.db-wal", directory / "landscape.db-shm", traces, log):
            stale.unlink(missing_ok=True)
        traces.touch()
        landscape = Landscape(database)
        stack.callback(landscape.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="otel-handoff-demo-"))
        place = Place(mode, database, traces, log, service.url, folder, broker)
        if mode != "off":
            watched = instrumented(HandoffInstrumentor(), mode, traces, told, boundaries=[sends.BOUNDARY])
            stack.enter_context(watched)
        running = stack.enter_context(sends.running(place, told))
        run_id = landscape.begin_run(f"run-{mode}-{seed}", {"mode": mode, "rows": rows, "seed": seed})
        started = time.perf_counter()
        sender.send(landscape, run_id, sender.batches(data, seed), running)
        running.begin()
        while report.completed + len(report.failed) < rows:
            running.wait()
        seconds = time.perf_counter() - started
        landscape.complete_run(run_id)
    return ModeRun(mode, rows, database, traces, seconds, report, mismatches)
