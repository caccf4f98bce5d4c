"""Programs that are rebuilt of public reports: what is proposed for them works as it is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_RUN = """
from tests.reports.hosts import {module} as host
host.run(*{variant})
from tests.reports.books import books
print(books.wrong().total())
"""


@pytest.mark.parametrize(
    ("report", "outcome", "code"),
    [
        ("deep_id:dict", "exposed", 2),
        ("same_name:backend", "used", 1),
        ("thread_subclass", "used", 1),
        ("async_queue", "used", 1),
        ("same_arguments", "used", 2),
    ],
)
def test_what_is_proposed(report: str, outcome: str, code: int) -> None:
    """The rows that are wrong are told where it is observed, and none is left where it is pinned; a doubt stays one."""
    module, _, variant = report.partition(":")
    program = _RUN.format(module=module, variant=[variant] if variant else [])
    command = [sys.executable, "-m", "otel_handoff.cli", "find", "--verify", "--format", "json", "--"]
    ran = subprocess.run(
        [*command, sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    wrong, observed, pinned = (int(line) for line in ran.stderr.splitlines() if line.isdigit())
    assert wrong == observed > 0
    assert pinned == 0
    data: Any = json.loads(ran.stdout)
    (told,) = data["tried"]["mismatches"]["observe"]
    assert (told["outcome"], told["times"]) == (outcome, wrong)
    assert {one["outcome"] for one in data["tried"]["mismatches"]["pin"]} == {"prevented"}
    assert ran.returncode == code
