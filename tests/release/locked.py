"""Trying the first step of getting started in an environment that holds an older OpenTelemetry, as ELSPETH's does."""

from __future__ import annotations

import os
import re
import venv
from pathlib import Path
from typing import Final

from tests.release.build import ROOT, run

LOCKED: Final = (
    "opentelemetry-sdk==1.40.0",
    "opentelemetry-exporter-otlp==1.40.0",
    "opentelemetry-exporter-prometheus==0.61b0",
)
"""What ELSPETH 0.7.1 has of OpenTelemetry, with its extra `webui`."""


def locked(wheel: Path, directory: Path) -> str:
    """Do what docs/getting-started.md says first: nothing that was there moves, and the exporters still import.

    Returns:
        A line that says so.

    Raises:
        AssertionError: something does not work; with what was said.
    """
    directory.mkdir()
    venv.create(directory / "venv", with_pip=True)
    programs = directory / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip = (programs / "python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", *LOCKED)
    before = _there(pip)
    page = (ROOT / "docs" / "getting-started.md").read_text("utf-8")
    found = re.search(r"## 1\..*?```\n(.*?)```", page, re.DOTALL)
    assert found is not None
    commands = found[1].replace("otel-handoff[", f"{wheel}[")
    run("bash", "-ec", commands, cwd=directory, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    run(*pip, "check")
    after = _there(pip)
    assert before <= after, before - after
    imports = "import opentelemetry.exporter.otlp.proto.grpc.trace_exporter, opentelemetry.exporter.prometheus"
    run(programs / "python", "-c", f"{imports}, otel_handoff.file_exporter", cwd=directory)
    return "the first step of getting started leaves a locked environment as it is"


def _there(pip: tuple[str | Path, ...]) -> set[str]:
    return set(run(*pip, "freeze").splitlines())
