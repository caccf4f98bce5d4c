"""Runs a command so that each Python program in it is looked at, and brings back what its processes wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from otel_handoff.commands import UsageError
from otel_handoff.find.program import BEGUN, INTO

_SITE: Final = str(Path(__file__).with_name("site"))


@dataclass(frozen=True)
class Ran:
    """A command that has ended.

    Attributes:
        code: its exit code.
        lost: how many processes began, and did not tell what they found.
        results: what its processes wrote, one each.
    """

    code: int
    lost: int
    results: list[dict[str, Any]]


def run(command: Sequence[str], environment: Mapping[str, str], *, is_quiet: bool) -> Ran:
    """Run a command; where it `is_quiet`, what it prints goes to stderr.

    Raises:
        UsageError: there is no such program, or it cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="otel-handoff-find-") as folder:
        paths = [_SITE, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        env = {**os.environ, **environment, INTO: folder, "PYTHONPATH": os.pathsep.join(paths)}
        try:
            process = subprocess.Popen(  # noqa: S603  the user says what to run
                command, env=env, stdout=sys.stderr.fileno() if is_quiet else None
            )
        except FileNotFoundError as error:
            raise UsageError(f"{command[0]}: there is no such program{_hint(command)}") from error
        except OSError as error:
            raise UsageError(f"{command[0]}: {error.strerror}{_hint(command)}") from error
        code = _wait(process)
        return Ran(code, lost_in(Path(folder)), written_in(Path(folder)))


def lost_in(folder: Path) -> int:
    """Return how many processes began, and have not written into a folder what they found."""
    return sum(1 for _ in folder.glob(f"*{BEGUN}"))


def written_in(folder: Path) -> list[dict[str, Any]]:
    """Return what the processes wrote into a folder, one each.

    Raises:
        UsageError: there is no such folder, or something else is in there.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.json")):
        try:
            data: Any = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UsageError(f"{path}: it is no result of find ({error})") from error
        if type(data) is not dict:
            raise UsageError(f"{path}: it is no result of find")
        found.append(cast("dict[str, Any]", data))
    return found


def _wait(process: subprocess.Popen[bytes]) -> int:
    def pass_on(number: int, _frame: object) -> None:
        process.send_signal(number)

    with suppress(ValueError):  # this is not the main thread
        signal.signal(signal.SIGTERM, pass_on)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # it was sent to the program as well, which may want to end in order
            continue


def _hint(command: Sequence[str]) -> str:
    if command[0].endswith(".py"):
        return f"; a script is run by Python: otel-handoff find -- python {' '.join(command)}"
    return ""
