"""What every command does with what the user can put right: a line on stderr, and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
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
        # Whoever read our output has enough. Python must not flush into the closed pipe when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
    """Tell `message` on stderr, and return `code`."""
    sys.stderr.write(f"otel-handoff: {message}\n")  # stderr escapes what it cannot write
    return code


def colours(output: TextIO) -> bool:
    """Return whether colours belong there: on a terminal, unless NO_COLOR (https://no-color.org) or TERM=dumb."""
    return output.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
