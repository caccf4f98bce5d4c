"""Runs a command so that each Python program in it is looked at, and brings back what its processes wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from otel_handoff.commands import UsageError
from otel_handoff.find.program import BEGUN, INTO

_GRACE: Final = 5
"""Seconds that a program has to end when it is stopped."""

_SITE: Final = str(Path(__file__).with_name("site"))


@dataclass(frozen=True)
class Ran:
    """A command that has ended.

    Attributes:
        code: its exit code.
        seconds: how long it ran.
        was_stopped: whether it did not come to an end in time.
        lost: how many processes began, and did not tell what they found.
        results: what its processes wrote, one each.
    """

    code: int
    lost: int
    results: list[dict[str, Any]]
    seconds: float = 0
    was_stopped: bool = False


def run(command: Sequence[str], environment: Mapping[str, str], *, is_quiet: bool, at_most: float | None = None) -> Ran:
    """Run a command.

    Args:
        command: itself.
        environment: of it, beside what is here.
        is_quiet: whether what it prints goes to stderr.
        at_most: seconds after which it is stopped, if it has not ended.

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
        begun = time.monotonic()
        was_stopped = not _ends(process, at_most)
        seconds = time.monotonic() - begun
        return Ran(process.returncode, lost_in(Path(folder)), written_in(Path(folder)), seconds, was_stopped)


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


def _ends(process: subprocess.Popen[bytes], at_most: float | None) -> bool:
    # Whether it ends by itself in time.
    def pass_on(number: int, _frame: object) -> None:
        process.send_signal(number)

    with suppress(ValueError):  # this is not the main thread
        signal.signal(signal.SIGTERM, pass_on)
    while True:
        try:
            process.wait(at_most)
        except KeyboardInterrupt:  # it was sent to the program as well, which may want to end in order
            continue
        except subprocess.TimeoutExpired:
            _stop(process)
            return False
        return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _hint(command: Sequence[str]) -> str:
    if command[0].endswith(".py"):
        return f"; a script is run by Python: otel-handoff find -- python {' '.join(command)}"
    return ""
