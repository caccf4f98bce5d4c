"""`otel-handoff check`, as it is run, and files for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from otel_handoff.record import semconv
from tests.check import spans
from tests.command import Done, handoff
from tests.traces import lines

COMMAND = (sys.executable, "-m", "otel_handoff.cli", "check")


Check = Callable[..., Done]
"""Runs the command."""


def check(*arguments: Any, stdin: bytes = b"", **environment: str) -> Done:
    """Run it, in a process of its own where it has standard input or variables."""
    return handoff("check", *arguments, stdin=stdin, environment=environment)


def read_one_line_of(*command: str) -> Done:
    """Run `command` and read what it prints as `| head -1` does."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    return Done(process.returncode, line, err)


def checked(*paths: Path) -> dict[str, Any]:
    """Return what the command tells of some files, as JSON."""
    return json.loads(check(*paths, "--format", "json").out)


def written(path: Path, *requests: Any, more: str = "") -> Path:
    path.write_text(lines.text(*requests) + more)
    return path


def of(*made: dict[str, Any]) -> dict[str, Any]:
    return lines.request(*made, resource={"service.instance.id": "one"}, scope=semconv.SCOPE)


def wrong_call(filed: str = "state-2", more: dict[str, Any] = spans.CULPRIT) -> dict[str, Any]:
    """A run with one call that is filed under submission 2."""
    events = spans.report("call", 1, more=more, state_id=filed)
    return of(spans.call(2, 1, 1, events=events), spans.row(1, 1), spans.row(3, 2))
