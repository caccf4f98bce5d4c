"""Run ELSPETH's own tests plain, under `pytest --handoff`, and in mode pin, and say who is broken and what is found.

    python -m tests.elspeth.own_suite CHECKOUT PYTHON [TEST ...] [--all]

CHECKOUT is a checkout of ELSPETH; PYTHON, an interpreter that has what its tests need, and otel-handoff. Run are the
tests given, or those whose files name the hand-over (--all: all that the checkout runs by default).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

RUNS: Final[Mapping[str, Sequence[str]]] = {
    "plain": (),
    "`--handoff`": ("--handoff",),
    "`--handoff --handoff-mode pin`": ("--handoff", "--handoff-mode", "pin"),
}
_HAND_OVER: Final = re.compile(r"BatchTransformMixin|accept_row|SharedBatchAdapter|connect_output")
_HEAD: Final = (
    "| run | passed | failed | skipped | rows checked | tests with a wrong id | prevented | otherwise than plain "
    "| seconds |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
)


@dataclass(frozen=True)
class Run:
    """What came of one run.

    Attributes:
        outcomes: test -> `passed`, `failed` or `skipped`.
        found: the tests that failed because a row was worked on under a wrong id.
        printed: what pytest printed.
        seconds: how long it took.
    """

    outcomes: Mapping[str, str]
    found: frozenset[str]
    printed: str
    seconds: float

    def line(self, name: str, plain: Run) -> str:
        """Return it as a row of the table."""
        counts = Counter(self.outcomes.values())
        rows = re.search(r"handoff: ([\d,]+) rows? checked", self.printed)
        prevented = len(re.findall(r"HandoffWarning: prevented", self.printed))
        cells = (
            *(f"{counts[outcome]:,}" for outcome in ("passed", "failed", "skipped")),
            rows[1] if rows else "",
            *(("", "") if self is plain else (len(self.found), prevented)),
            "" if self is plain else len(self.otherwise(plain)),
            f"{self.seconds:.0f}",
        )
        return f"| {name} | {' | '.join(map(str, cells))} |\n"

    def otherwise(self, plain: Run) -> list[str]:
        """Return the tests with another outcome than plain, for which no wrong id accounts."""
        return sorted(
            test
            for test, outcome in self.outcomes.items()
            if plain.outcomes.get(test) != outcome and test not in self.found
        )


def run(checkout: Path, python: Path, tests: Sequence[str], options: Sequence[str]) -> Run:
    """Run the tests in the checkout, in one process."""
    with tempfile.TemporaryDirectory() as temporary:
        junit = Path(temporary, "junit.xml")
        command = [python, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", f"--junitxml={junit}"]
        began = time.monotonic()
        done = subprocess.run(
            [*command, *options, *tests],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        if not junit.exists():
            sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
        outcomes: dict[str, str] = {}
        found: set[str] = set()
        for case in ET.parse(junit).iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            said = [child for child in case if child.tag in ("failure", "error", "skipped")]
            outcomes[name] = "passed" if not said else "skipped" if said[0].tag == "skipped" else "failed"
            if any("HANDOFF MISMATCH" in (child.text or "") for child in said):
                found.add(name)
        return Run(outcomes, frozenset(found), done.stdout, time.monotonic() - began)


def hand_over(checkout: Path) -> list[str]:
    """Return the test files that name the hand-over."""
    files = sorted((checkout / "tests").rglob("test_*.py"))
    return [str(file.relative_to(checkout)) for file in files if _HAND_OVER.search(file.read_text("utf-8"))]


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 where a test went otherwise than plain, and no wrong id accounts for it."""
    parser = argparse.ArgumentParser(prog="python -m tests.elspeth.own_suite", description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("python", type=Path)
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--all", action="store_true")
    asked = parser.parse_args(arguments)
    checkout = asked.checkout.resolve()
    tests = asked.tests or ([] if asked.all else hand_over(checkout))
    runs = {name: run(checkout, asked.python.absolute(), tests, options) for name, options in RUNS.items()}
    plain = runs["plain"]
    sys.stdout.write(_HEAD + "".join(each.line(name, plain) for name, each in runs.items()))
    broken = False
    for name, each in runs.items():
        for test in sorted(each.found):
            sys.stdout.write(f"{name}: wrong id in {test}\n")
        for test in each.otherwise(plain):
            broken = True
            sys.stdout.write(f"{name}: {each.outcomes[test]}, plain {plain.outcomes.get(test)}: {test}\n")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
