# ruff: noqa: T201  a command prints
"""`python -m tests.mutation`: breaks copies of the package, one edit each, and shows that the suite notices."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.mutation.mutants import MUTANTS, Mutant

_ROOT: Final = Path(__file__).parents[2]
_MOST_SECONDS: Final = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Break, test, tell; 1 if a mutant survived, or if the tests fail anyway."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="the mutants whose module or name contain this")
    parser.add_argument("--table", type=Path, help="the Markdown file to write")
    parser.add_argument("--jobs", type=int, default=2, help="test runs at a time")
    options = parser.parse_args(arguments)
    mutants = [mutant for mutant in MUTANTS if options.only in str(mutant)]
    if not mutants:
        parser.error(f"no mutant is called {options.only!r}")
    begin = time.monotonic()
    killers: dict[Mutant, str | None] = {}
    with ThreadPoolExecutor(options.jobs) as pool:
        # A mutant that dies of tests which fail anyway proves nothing.
        selections = sorted({mutant.tests for mutant in mutants})
        for tests, failed in zip(selections, pool.map(first_failure, selections), strict=True):
            print(f"{'FAILED' if failed else 'passed'}    unbroken: {failed or tests}", flush=True)
            if failed:
                return 1
        for mutant, failed in zip(mutants, pool.map(_killer, mutants), strict=True):
            killers[mutant] = failed
            verdict = "killed  " if failed else "SURVIVED"
            print(f"{verdict}  {len(killers)}/{len(mutants)} {mutant}: {failed or mutant.breaks}", flush=True)
    survivors = sum(failed is None for failed in killers.values())
    print(f"{len(mutants) - survivors} of {len(mutants)} mutants killed in {time.monotonic() - begin:.0f} s")
    if options.table:
        options.table.write_text(markdown(killers), encoding="utf-8")
    return 1 if survivors else 0


def _killer(mutant: Mutant) -> str | None:
    return first_failure(mutant.tests, mutant)


def first_failure(tests: str, mutant: Mutant | None = None) -> str | None:
    """Run `tests` on a copy of the package, broken by `mutant`; return the first one that fails, None if all pass.

    Raises:
        ValueError: the mutant's old text is not there exactly once.
        RuntimeError: no test ran, or none failed by an assertion.
        subprocess.TimeoutExpired: the run hangs.
    """
    with tempfile.TemporaryDirectory(prefix="otel-handoff-mutant-") as folder:
        source = Path(folder, "src")
        shutil.copytree(_ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            mutant.apply(source)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(source), "COLUMNS": "300"},  # what failed is not cut off
            capture_output=True,
            text=True,
            timeout=_MOST_SECONDS,
            check=False,
        )
    if run.returncode == 0:
        return None
    for line in run.stdout.splitlines():
        # Not just any error: a mutant that crashes is noticed by every test, and says nothing about the assertions.
        if found := re.match(r"(?:FAILED|ERROR) (tests/\S+::.+?) - (?:AssertionError|assert|Failed)\b", line):
            return found[1]
    raise RuntimeError(f"{mutant or 'unbroken'}: pytest {tests} ended with {run.returncode}\n{run.stdout}{run.stderr}")


def markdown(killers: Mapping[Mutant, str | None]) -> str:
    """Return the table."""
    lines = [
        "# Mutations",
        "",
        "Made by `python -m tests.mutation --table docs/mutations.md`. Each mutant is one small edit of one module, a",
        "slip that a refactoring could make (`tests/mutation/mutants.py`). The test that is named passes without it,",
        "and fails with it.",
        "",
        "| module | mutant | what is broken | killed by |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{mutant.module}` | {mutant.name} | {mutant.breaks} | {f'`{killer}`' if killer else '**survived**'} |"
        for mutant, killer in killers.items()
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
