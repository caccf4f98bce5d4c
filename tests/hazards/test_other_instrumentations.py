"""Beside other people's instrumentation of the same functions, turned on before ours or after."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

_MODULES = {
    "sentry": "sentry_sdk",
    "threading": "opentelemetry.instrumentation.threading",
    "ddtrace": "ddtrace",
    "logfire": "logfire",
}


def _is_here(name: str) -> bool:
    try:
        return find_spec(_MODULES[name]) is not None
    except ModuleNotFoundError:
        return False


def ran(which: str, when: str, mode: str) -> dict[str, Any]:
    """What a process of its own printed: nobody can take these instrumentations off again."""
    if missing := [name for name in which.split(",") if not _is_here(name)]:
        pytest.skip(f"{', '.join(missing)}: pip install 'otel-handoff[bench]'")
    command = [sys.executable, "-m", "tests.hazards.other_instrumentations", which, when, mode]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("which", [*_MODULES, ",".join(_MODULES)])
def test_beside(which: str, when: str) -> None:
    """Threads of each kind, pool tasks and callbacks run as without us, under their row, and leave nothing behind."""
    found = ran(which, when, "pin")
    a, b, afterwards = found["rows"]
    assert a == [["A", "A"]] * 7
    assert b == [["B", "B"]] * 7
    assert afterwards == [[None, "C"]] * 7  # uninstrumented
    assert found["later"] == [None]  # a thread that outlived its row
    assert found["between"] == [None, False]  # a task between two rows
    assert (found["failed"], found["errors"]) == ([], 0)


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_beside_sentry_in_each_mode(mode: str) -> None:
    """No thread of a worker dies of what Sentry makes of its `run`."""
    found = ran("sentry", "before", mode)
    assert found["rows"][:2] == [[["A", "A"]] * 7, [["B", "B"]] * 7]
    assert (found["failed"], found["errors"]) == ([], 0)


def test_beside_nobody() -> None:
    """The control: in mode off the same program runs, and nobody works for anybody."""
    found = ran("sentry", "before", "off")
    assert found["rows"][:2] == [[[None, "A"]] * 7, [[None, "B"]] * 7]
    assert found["failed"] == []
