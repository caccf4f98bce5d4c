"""Runs pytest on a project, in a process of its own, and says how each test ended."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from textwrap import dedent
from typing import Final

import pytest

PYTEST: Final = "import sys, pytest; sys.path.remove(''); sys.exit(pytest.main())"
"""As the script `pytest`, which leaves the current directory off the path, unlike `python -m pytest`."""


@dataclass(frozen=True)
class Run:
    """What a run of pytest came to: its exit code, the outcomes by test, and what it printed."""

    code: int
    outcomes: dict[str, str]
    printed: str

    def section(self, test: str) -> str:
        """Return what was printed about a failed test."""
        found = re.search(
            rf"^_+ (?:ERROR at \w+ of )?{re.escape(test)} _+$(.*?)(?=^_{{3,}} |^=+ \w)", self.printed, _FLAGS
        )
        assert found, f"nothing is said of {test}:\n{self.printed}"
        return found[1]


_FLAGS = re.DOTALL | re.MULTILINE


class Project:
    """A directory with files of a plugin author's."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester

    def write(self, module: str, text: str) -> None:
        """Write a module."""
        (self.pytester.path / f"{module}.py").write_text(dedent(text).lstrip("\n"), encoding="utf-8")

    def ini(self, text: str) -> None:
        """Write pytest.ini."""
        (self.pytester.path / "pytest.ini").write_text(f"[pytest]\n{dedent(text)}", encoding="utf-8")

    def run(self, *options: str) -> Run:
        """Run pytest."""
        fixed = (f"--basetemp={self.pytester.path / 'tmp'}", "-rA", "-pno:cacheprovider", "-pno:xdist")
        result = self.pytester.run(sys.executable, "-c", PYTEST, *fixed, *options)
        printed = "\n".join(result.outlines + result.errlines)
        lines = re.findall(r"^(PASSED|FAILED|ERROR|XFAIL|SKIPPED) \S+::(\w+)\b", printed, re.MULTILINE)
        return Run(int(result.ret), {name: outcome for outcome, name in lines}, printed)

    def checked(self, *options: str) -> Run:
        """Run `pytest --handoff` with the shop's boundary."""
        return self.run("--handoff", "--handoff-boundaries=shop:BOUNDARIES", *options)
