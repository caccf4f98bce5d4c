"""What every command does: a mistake of the user is told in one line, and a file is there in full or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TextIO


class UsageError(Exception):
    """What the user can put right, in one line."""


def told(run: Callable[[], int]) -> int:
    """Return what `run` returns; or tell what kept it from that, and return 2, or 130 after Ctrl-C.

    Where nobody reads stdout to its end (`| head`), nothing is told, and 1 is returned.
    """
    try:
        code = run()
        sys.stdout.flush()  # here what cannot be written is told as anything else
        return code
    except BrokenPipeError:
        hush(sys.stdout)
        return 1
    except UsageError as error:
        return fail(str(error), 2)
    except OSError as error:
        return fail(": ".join(str(part) for part in (error.filename, error.strerror) if part), 2)
    except MemoryError:
        return fail("out of memory", 2)
    except KeyboardInterrupt:
        return fail("interrupted", 130)


def fail(message: str, code: int) -> int:
    """Tell `message` on stderr, after what stdout still takes, and return `code`."""
    try:
        sys.stdout.flush()
    except OSError:
        hush(sys.stdout)
    sys.stderr.write(f"otel-handoff: {message}\n")  # stderr escapes what it cannot write
    return code


def hush(out: TextIO) -> None:
    """Let what goes to `out` go nowhere: it takes nothing, and Python must not flush into that when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


@contextlib.contextmanager
def in_full(name: str, *, newline: str | None = None) -> Generator[TextIO]:
    """Open a file of UTF-8 that takes its place under `name` once it is complete; until then, what was there stays.

    A device or a pipe is written to as it is: nothing may take its place.

    Args:
        name: of the file; where it is there, its permissions are kept, and a link to it stays one.
        newline: as for `open`.

    Raises:
        OSError: it cannot be written.
    """
    target = Path(os.path.realpath(name))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        mode = os.stat(name or os.curdir).st_mode  # noqa: PTH116  by the name: where /dev/stdout leads has none
    except FileNotFoundError:
        mode = None
    is_file = mode is None or stat.S_ISREG(mode)
    try:
        file = (part if is_file else Path(name)).open("w", encoding="utf-8", errors="backslashreplace", newline=newline)
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from error
    try:
        with file:
            if is_file and mode is not None:
                part.chmod(stat.S_IMODE(mode))
            yield file
        if is_file:
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def colours(output: TextIO) -> bool:
    """Return whether colours belong there: on a terminal, unless NO_COLOR (https://no-color.org) or TERM=dumb."""
    return output.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
