# ruff: noqa: T201  a command prints
"""What a row may cost: `python -m tests.benchmarks.budget` fails where it has come to cost more.

`budget.json` holds, for each minor version of Python, what `tests.benchmarks.counts` counts, and the CPU time of a row
over that of a bare one. Counts are the same on every run, so their margin is small; time is not, so its margin is wide,
and it is there for what costs time without being counted. Where more is wanted on purpose, `make budget` accepts what
the code costs now, for each virtual environment that `make test-matrix` made; commit the file, and say why.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.commands import run
from tests.benchmarks.counts import Counts
from tests.benchmarks.handoff_cost import BARE, checked, ours
from tests.benchmarks.results import Part, Table
from tests.benchmarks.rounds import children, interleave, median

FILE: Final = Path(__file__).with_name("budget.json")
VERSION: Final = "{}.{}".format(*sys.version_info)

MARGINS: Final = {
    "instructions": 0.02,
    "calls": 0.02,
    "below": 0.10,  # other people's code: it changes with their versions
}
_TIME_MARGIN: Final = 0.5
_TIMED: Final = ours("pin", "none", watch=True)
_ROWS: Final = 2000
_ROUNDS: Final = 9

_ABOUT: Final = """\
`.ci/run` compares what a clean row makes the interpreter do with the budget in `tests/benchmarks/budget.json`:
bytecode instructions executed in otel-handoff's files, functions called from there, and functions of others that run
beneath. These counts are the same on every run, so a few per cent more fail it; the test suite makes the same
comparison on each version of Python. The CPU time over a bare row is compared as well, with half as much again
allowed, for what costs time and is not counted.

Where a row is to cost more on purpose: `make test-matrix`, `make budget`, and commit the file with the reason.
"""

Found = Mapping[str, Counts]


def counted(source: Path | None = None) -> dict[str, Counts]:
    """Count in a process of its own, where nothing else has left anything; with the package below `source`, if given.

    Raises:
        RuntimeError: it could not be counted.
    """
    ran = run(["-m", "tests.benchmarks.counts"], source=source)
    if ran.code:
        raise RuntimeError(f"counting failed: {ran.err[-1000:]}")
    return json.loads(ran.out)


def budget() -> dict[str, Any]:
    """Return the committed budget: version of Python -> `counts` and `time`."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def overruns(allowed: Found, found: Found) -> list[str]:
    """Say, one line each, what costs more than is allowed and the margin, or has no budget."""
    lines = [f"{name}: no budget" for name in found if name not in allowed]
    lines += [f"{name}: no longer counted" for name in allowed if name not in found]
    for name in allowed.keys() & found.keys():
        for kind, margin in MARGINS.items():
            before, now = allowed[name][kind], found[name][kind]
            if now > before * (1 + margin):
                lines.append(f"{name}: {_change(kind, before, now)}, {margin:.0%} allowed")
    return sorted(lines)


def savings(allowed: Found, found: Found) -> list[str]:
    """Say, one line each, what has come to cost less than the budget less the margin."""
    return sorted(
        f"{name}: {_change(kind, allowed[name][kind], found[name][kind])}"
        for name in allowed.keys() & found.keys()
        for kind, margin in MARGINS.items()
        if found[name][kind] < allowed[name][kind] * (1 - margin)
    )


def _change(kind: str, before: float, now: float) -> str:
    percent = f" ({now / before - 1:+.0%})" if before else ""
    return f"{before:,} -> {now:,} {kind}{percent}"


def time_ratio() -> float:
    """Return the CPU time of a row with all checks and watch, over that of a bare one."""
    with children([BARE, _TIMED]) as running:
        answers = interleave(running, _ROUNDS, {"rows": _ROWS})
    checked(_TIMED.name, answers[_TIMED.name], _ROWS)
    return median(answers[_TIMED.name], "cpu") / median(answers[BARE.name], "cpu")


def described() -> Part:
    """Tell, for the page of results, what keeps a row from becoming dearer."""
    part = Part("Kept so", _ABOUT)
    allowed = budget().get(VERSION)
    if allowed is not None:
        rows = [[name, *(f"{each[kind]:,}" for kind in MARGINS)] for name, each in allowed["counts"].items()]
        part.tables.append(Table(f"Budget of Python {VERSION}", ["", *MARGINS], rows))
    return part


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, or update; 1 if something costs more than it may."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.budget", description="Compare what a row costs with the committed budget."
    )
    parser.add_argument("--update", action="store_true", help="accept what it costs now, for this version of Python")
    options = parser.parse_args(arguments)
    found, ratio, whole = counted(), time_ratio(), budget()
    if options.update:
        whole[VERSION] = {"time": round(ratio, 2), "counts": found}
        ordered = dict(sorted(whole.items(), key=lambda item: [int(part) for part in item[0].split(".")]))
        FILE.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
        print(f"{FILE.name}: Python {VERSION} updated")
        return 0
    if VERSION not in whole:
        print(f"no budget for Python {VERSION}: make budget", file=sys.stderr)
        return 1
    allowed, highest = whole[VERSION]["counts"], whole[VERSION]["time"] * (1 + _TIME_MARGIN)
    over = overruns(allowed, found)
    if ratio > highest:
        over.append(f"CPU time: {ratio:.2f}x a bare row, at most {highest:.2f}x allowed")
    for line in savings(allowed, found):
        print(f"cheaper: {line}")
    print(f"CPU time: {ratio:.2f}x a bare row, at most {highest:.2f}x allowed")
    if over:
        print("A row costs more than it may. If that is meant: make budget, and commit the file.", file=sys.stderr)
        for line in over:
            print(f"  {line}", file=sys.stderr)
        return 1
    print(f"within the budget of Python {VERSION}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
