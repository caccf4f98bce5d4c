"""Try inputs until the time is over: `python -m tests.fuzz --minutes 5`. The first that breaks a promise is kept."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings

from otel_handoff.demo.run import run_mode
from tests.fuzz.inputs import built, inputs, lines_of
from tests.fuzz.promises import Promises

_ROOM: Final = 1 << 30
"""Bytes that a command may take on top of what the interpreter has when it starts."""


def _limited() -> None:
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _ROOM, size + _ROOM))


def _rounds(promises: Promises, real: list[Any], examples: int, until: float, first: int) -> int:
    """Try `examples` inputs with each seed from `first` until it is late; return how many were tried."""
    tried = 0
    for number in range(first, sys.maxsize):

        @seed(number)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example),
            print_blob=False,
        )
        @given(inputs(real))
        def promises_are_kept(data: bytes) -> None:
            nonlocal tried
            tried += 1
            promises.hold(data)

        promises_are_kept()
        if time.monotonic() >= until:
            break
    return tried


def main() -> int:
    """Return 0 if every promise was kept, else raise what broke it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.0, help="go on for so long (0: one round)")
    parser.add_argument("--examples", type=int, default=500, help="inputs in a round (500)")
    parser.add_argument("--seed", type=int, default=0, help="of the first round (0)")
    parser.add_argument("--keep", default="fuzz-failure", metavar="FILE", help="where the input goes that fails")
    options = parser.parse_args()
    keep = Path(options.keep).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        traces = run_mode("observe", rows=6, seed=1, out=Path(folder, "demo")).traces
        real = [*built(), *lines_of(traces.read_bytes())]
        home = Path(folder, "fuzz")
        home.mkdir()
        promises = Promises(home)
        _limited()
        started = time.monotonic()
        try:
            tried = _rounds(promises, real, options.examples, started + 60 * options.minutes, options.seed)
        except BaseException:
            keep.write_bytes(promises.input.read_bytes())
            sys.stderr.write(f"The input is in {keep}\n")
            raise
    sys.stdout.write(f"{tried:,} inputs in {time.monotonic() - started:.0f} s; every promise was kept\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
