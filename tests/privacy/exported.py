"""The embedded pipeline with every way out open, each into a file, and what is made of these files."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sqlite3
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.json.file._log_exporter import FileLogExporter
from opentelemetry.exporter.otlp.json.file.metric_exporter import FileMetricExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from otel_handoff import cli
from otel_handoff.demo import watched
from otel_handoff.demo.run import ModeRun, run_mode


class _Structured(logging.Handler):
    """Writes all that a log record has, as formatters for machines do: what is no primitive as its `str()`."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps({**vars(record), 'message': record.getMessage()}, default=str)}\n")


@dataclass(frozen=True)
class Exported:
    """What a run left.

    Attributes:
        run: the run, with its mismatches as the hook was given them.
        folder: what left the process, and what the commands make of it.
    """

    run: ModeRun
    folder: Path

    def files(self) -> dict[str, bytes]:
        """Return name -> content."""
        return {path.name: path.read_bytes() for path in sorted(self.folder.iterdir())}

    def containing(self, text: str) -> set[str]:
        """Return the files that hold `text`, as it is or as JSON has it."""
        wanted = {text.encode(), json.dumps(text)[1:-1].encode()}
        return {name for name, content in self.files().items() if any(each in content for each in wanted)}

    def checked(self) -> dict[str, Any]:
        """Return what `check --format json` said."""
        return json.loads((self.folder / "check.json").read_bytes())

    def ids(self) -> set[str]:
        """Return every id of the run, from its own audit trail."""
        found: set[str] = set()
        with contextlib.closing(sqlite3.connect(self.run.database)) as database:
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                rows = database.execute(f"SELECT * FROM {table}")
                for name, *_ in rows.description or ():
                    if name in ("run_id", "node_id", "row_id", "token_id", "state_id"):
                        found.update(id_ for (id_,) in database.execute(f"SELECT {name} FROM {table}") if id_)
        return found


@contextlib.contextmanager
def _replaced(monkeypatch: pytest.MonkeyPatch, file: Path, python_log: Path) -> Generator[None]:
    def providers(**options: Any) -> LoggerProvider:
        provider = LoggerProvider(**options)
        provider.add_log_record_processor(BatchLogRecordProcessor(FileLogExporter(file)))
        return provider

    handler = _Structured(python_log)
    logger = logging.getLogger("otel_handoff")
    with monkeypatch.context() as patch:
        patch.setattr("opentelemetry.sdk._logs.LoggerProvider", providers)
        patch.setattr(watched, "_is_no_report", bool)  # the demo keeps them out of its terminal
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)


def told(*arguments: str) -> bytes:
    """Return what a command says."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        cli.main(arguments)
    return out.getvalue().encode()


def export(mode: str, out: Path, monkeypatch: pytest.MonkeyPatch, rows: int = 20) -> Exported:
    """Run the pipeline; then check and report."""
    folder = out / "exported"
    folder.mkdir(parents=True)
    metrics = PeriodicExportingMetricReader(FileMetricExporter(folder / "metrics.jsonl"))
    with _replaced(monkeypatch, folder / "logs.jsonl", folder / "python.log"):
        run = run_mode(mode, rows=rows, seed=1, out=out, metric_readers=[metrics])
    traces = folder / "traces.jsonl"
    run.traces.rename(traces)
    records, page, perfetto = (str(folder / name) for name in ("records.csv", "page.html", "perfetto.json"))
    (folder / "check.txt").write_bytes(told("check", str(traces), "--records", records))
    (folder / "check.json").write_bytes(told("check", str(traces), "--format", "json"))
    (folder / "report.txt").write_bytes(told("report", str(traces), "-o", page, "--perfetto", perfetto))
    return Exported(run, folder)
