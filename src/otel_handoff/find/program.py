"""The program that is looked at, from its start to its end: what `otel-handoff find` wants is in its environment."""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from otel_handoff.host.guard import guard

INTO: Final = "OTEL_HANDOFF_FIND_INTO"
"""The folder that results are written into, a file for each process."""

BEGUN: Final = ".begun"
"""Behind the number of a process, in that folder, until it has written its own."""

PACKAGES: Final = "OTEL_HANDOFF_FIND_PACKAGES"
"""Installed packages that count as the program's own, with commas between."""

PROVOKE: Final = "OTEL_HANDOFF_FIND_PROVOKE"
"""Seconds that a worker is held back for the next hand-over."""

TRY: Final = "OTEL_HANDOFF_FIND_TRY"
"""A mode, and behind a colon a file with boundaries: these are tried, and nothing else is looked at."""


def begin() -> None:
    """Look, or try what was proposed."""
    folder = Path(os.environ[INTO])
    mode, _, proposed = os.environ.get(TRY, "").partition(":")
    if mode:
        from otel_handoff.find.trial import Trial

        trial = Trial(mode, json.loads(Path(proposed).read_text(encoding="utf-8")))
        write_into(folder, trial.counted, trial.forget)
        return
    packages = [name for name in os.environ.get(PACKAGES, "").split(",") if name]
    look(folder, packages, float(os.environ.get(PROVOKE) or 0))


def look(folder: Path, packages: Sequence[str] = (), patience: float = 0) -> None:
    """Look from now on; see `session.start`. What was found is written into a folder."""
    from otel_handoff.find import session

    session.start(packages, patience=patience)
    write_into(folder, lambda: session.result().as_dict(), session.forget)


def write_into(folder: Path, result: Callable[[], dict[str, Any]], forget: Callable[[], object]) -> None:
    """When the process ends, and on SIGUSR2, write its result; a fork of it forgets what is the parent's to tell."""

    def begun() -> None:
        with suppress(OSError):
            (folder / f"{os.getpid()}{BEGUN}").touch()

    def write() -> None:
        try:
            part = folder / f".{os.getpid()}.part"
            part.write_text(json.dumps(result()), encoding="utf-8")
            part.replace(folder / f"{os.getpid()}.json")
            (folder / f"{os.getpid()}{BEGUN}").unlink(missing_ok=True)
        except FileNotFoundError:  # who asked for it is gone
            pass
        except Exception as error:
            guard.met(error)
            sys.stderr.write(f"otel-handoff find: process {os.getpid()} could not say what it found: {error!r}\n")

    def exits(code: int, at_once: Callable[[int], NoReturn] = os._exit) -> NoReturn:
        write()  # a worker process ends so, without `atexit`
        at_once(code)

    def forked() -> None:
        forget()
        begun()

    begun()
    atexit.register(write)
    os._exit = exits
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forked)
    if hasattr(signal, "SIGUSR2"):
        with suppress(ValueError):  # this is not the main thread
            if signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL:
                signal.signal(signal.SIGUSR2, lambda _number, _frame: write())
