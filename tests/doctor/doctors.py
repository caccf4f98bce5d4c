"""Running `otel-handoff doctor` as an operator would, beside a host built like ELSPETH."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.zero_code.programs import APP, BIN, TIMEOUT, clean

HERE = Path(__file__).parent / "app"
COMMAND = (sys.executable, "-m", "otel_handoff.cli", "doctor")


@dataclass(frozen=True)
class Done:
    """What a run of the doctor left."""

    code: int
    out: str
    err: str

    @property
    def findings(self) -> list[dict[str, Any]]:
        """All findings of `--json`."""
        report = json.loads(self.out)
        return [finding for section in report["sections"] for finding in section["findings"]]

    def of(self, subject: str, state: str | None = None) -> dict[str, Any]:
        """The one finding on this subject (in this state)."""
        (found,) = [
            finding
            for finding in self.findings
            if finding["subject"] == subject and (state is None or finding["state"] == state)
        ]
        return found

    def wrong(self) -> dict[str, str]:
        """Subject -> text of what needs attention."""
        return {finding["subject"]: finding["text"] for finding in self.findings if finding["state"] == "wrong"}


@dataclass(frozen=True)
class Doctor:
    """How it is run."""

    command: tuple[str, ...] = COMMAND
    cwd: Path = APP
    launcher: tuple[str, ...] = ()

    def __call__(self, *arguments: str, **environment: str) -> Done:
        """Run it, with nothing inherited that configures OpenTelemetry or Python."""
        # Where nothing is said the distro asks for OTLP exporters, which this environment need not have.
        quiet = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
        done = subprocess.run(
            [*self.launcher, *self.command, *arguments],
            cwd=self.cwd,
            env=clean({**quiet, "PYTHONPATH": str(HERE), **environment}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        found = Done(done.returncode, done.stdout, done.stderr)
        if "--json" in arguments and done.returncode < 2:
            assert done.returncode == bool(found.wrong()), done.stdout
            assert [finding for finding in found.findings if finding["state"] == "wrong" and not finding["do"]] == []
            assert "an error of its own" not in done.stdout
        return found


doctor: Final = Doctor()
"""In the directory of a host that is built like ELSPETH."""


def instrument() -> str:
    """The path of `opentelemetry-instrument`."""
    found = shutil.which("opentelemetry-instrument", path=str(BIN))
    assert found is not None
    return found
