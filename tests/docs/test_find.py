"""docs/find.md: its programs print what the page shows."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from tests.docs.tables import DOCS
from tests.docs.test_examples import outputs, run, saved, shape


def test_what_it_prints(tmp_path: Path) -> None:
    """In that order, and what the page leaves out may come between."""
    page = (DOCS / "find.md").read_text("utf-8")
    folder = saved(page, tmp_path / "my-shop")
    for command, expected in outputs(page).items():
        arguments = shlex.split(command)
        assert arguments[:2] == ["otel-handoff", "find"]
        environment = {"PATH": f"{_with_python(tmp_path)}{os.pathsep}{os.environ['PATH']}"}
        ran = run(folder, "-m", "otel_handoff.cli", *arguments[1:], environment=environment)
        assert ran.returncode == 1, ran.stdout
        printed = iter([shape(line) for line in ran.stdout.splitlines()])
        for line in expected:
            assert line == "..." or shape(line) in printed, (line, ran.stdout)
    assert len(outputs(page)) == 2


def _with_python(folder: Path) -> Path:
    # The page says `python`, which is the one that runs this.
    found = folder / "bin"
    found.mkdir(exist_ok=True)
    python = found / "python"
    if not python.exists():
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', "utf-8")
        python.chmod(0o755)
    return found
