"""Commands run as a user runs them, with their time and their memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.rounds import ROOT, environment


@dataclass(frozen=True)
class Ran:
    """A command that ended: its exit code, wall seconds, CPU seconds, peak resident memory in bytes, and its output."""

    code: int
    wall: float
    cpu: float
    peak: int
    out: str
    err: str


def run(arguments: Sequence[str], *, source: Path | None = None) -> Ran:
    """Run this Python with `arguments`, from this tree; or with the package below `source`."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        env = environment(source or ROOT / "src")
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=env, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)  # it is reaped: Popen is to know
        out.seek(0)
        err.seek(0)
        unit = 1 if sys.platform == "darwin" else 1024
        cpu = usage.ru_utime + usage.ru_stime
        return Ran(process.returncode, wall, cpu, usage.ru_maxrss * unit, out.read(), err.read())


def otel_handoff(*arguments: str) -> Ran:
    """Run `otel-handoff` with `arguments`."""
    return run(["-m", "otel_handoff.cli", *arguments])
