"""A process of a benchmark: builds one subject, then runs it once for each line that it is sent.

`python -m tests.benchmarks.child MODULE:FUNCTION '{"option": ...}'` calls the function, and says in a line of JSON that
it is ready, or why it is skipped. Each line of JSON that comes in is the options of one run; a line with the CPU and
wall seconds of that run goes out, together with what the subject returned.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO


def main(target: str, options: str) -> None:
    """Serve until there is no more input."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a contender prints is not an answer
    module, function = target.split(":")
    try:
        subject = getattr(importlib.import_module(module), function)(**json.loads(options))
    except ImportError as error:
        _say(out, skipped=f"{error.name} cannot be imported" if error.name else str(error))
        return
    except Exception as error:
        _say(out, failed=f"{type(error).__name__}: {error}")
        return
    _say(out, ready=True)
    for line in sys.stdin:
        given: dict[str, Any] = json.loads(line)
        gc.collect()  # what an earlier run left is not on this one's bill
        wall, cpu = time.perf_counter(), time.process_time()
        returned: Mapping[str, float] | None = subject(**given)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        _say(out, cpu=cpu, wall=wall, rss=resident(), **(returned or {}))
    getattr(subject, "close", int)()  # processes of its own, which would stay


def _say(out: TextIO, **what: object) -> None:
    out.write(json.dumps(what) + "\n")


def resident() -> int:
    """Return this process's resident memory in bytes; 0 where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(0)  # no contender flushes anything at exit
