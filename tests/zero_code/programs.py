"""Running a program that knows nothing of this package, as an operator would."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

APP = Path(__file__).parent / "app"
BIN = Path(sys.executable).parent
TIMEOUT = 90.0

CONSOLE = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console", "OTEL_LOGS_EXPORTER": "console"}
QUIET = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a program filed, printed and exported."""

    filed: list[tuple[str, str]]
    exported: list[Json]
    stderr: str

    def spans(self, name: str) -> list[Json]:
        """The console exporter's spans of this name."""
        return [item for item in self.exported if item.get("name") == name and "context" in item]

    def logs(self, event: str) -> list[Json]:
        """The console exporter's log records of this event."""
        return [item for item in self.exported if item.get("event_name") == event]

    def counted(self, metric: str) -> dict[tuple[str, ...], Any]:
        """The console exporter's points that are not zero, keyed by the values of their sorted attributes."""
        found: dict[tuple[str, ...], Any] = {}
        for item in self.exported:
            for resource in cast("list[Json]", item.get("resource_metrics", [])):
                for scope in resource["scope_metrics"]:
                    for candidate in scope["metrics"]:
                        for point in candidate["data"]["data_points"] if candidate["name"] == metric else ():
                            if value := point.get("value", point.get("count")):
                                found[tuple(value for _, value in sorted(point["attributes"].items()))] = value
        return found

    def metrics(self) -> set[str]:
        """The names of the exported metrics."""
        return {
            metric["name"]
            for item in self.exported
            for resource in cast("list[Json]", item.get("resource_metrics", []))
            for scope in resource["scope_metrics"]
            for metric in scope["metrics"]
        }


def run(directory: Path, script: str, *flags: str, **environment: str) -> Outcome:
    """Run a program of `app` under `opentelemetry-instrument` with these flags."""
    launcher = shutil.which("opentelemetry-instrument", path=str(BIN))
    assert launcher is not None
    return _outcome(directory, script, [launcher, *flags], environment)


def run_alone(directory: Path, script: str, **environment: str) -> Outcome:
    """Run a program of `app` with nothing around it."""
    return _outcome(directory, script, [], environment)


def _outcome(directory: Path, script: str, launcher: list[str], environment: dict[str, str]) -> Outcome:
    database = directory / f"{script}.db"
    database.unlink(missing_ok=True)
    command = [*launcher, sys.executable, str(APP / script), str(database)]
    done = subprocess.run(
        command, cwd=APP, env=clean(environment), capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert done.returncode == 0, done.stderr
    connection = sqlite3.connect(database)
    try:
        filed = connection.execute("select * from calls order by rowid").fetchall()
    finally:
        connection.close()
    return Outcome([(row[0], row[-1]) for row in filed], documents(done.stdout), done.stderr)


def python(code: str, **environment: str) -> str:
    """Run this code with the programs of `app` importable, and return what it prints."""
    environment.setdefault("PYTHONPATH", str(APP))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean(environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def clean(environment: dict[str, str]) -> dict[str, str]:
    """Return this process's environment without what configures OpenTelemetry or Python, and with what is given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHON"))}
    # Nothing is exported before the end: two exporters then never write to one stream at a time.
    late = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_BLRP_SCHEDULE_DELAY": "600000"}
    # What Python's log has stays on stderr; by default opentelemetry-instrumentation-logging takes it to the exporter.
    log = {"OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "false"}
    # To load httpx takes a sixth of the time of such a program; who has to do with it turns it on.
    others = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "httpx"}
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**inherited, "PATH": path, **late, **log, **others, **environment}


def documents(text: str) -> list[Json]:
    """The JSON objects that the text is made of."""
    found: list[Json] = []
    decoder = json.JSONDecoder()
    while text := text.strip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found
