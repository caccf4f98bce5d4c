"""The check that keeps a row cheap, and that it fails where a row has become dearer."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.benchmarks import budget as command
from tests.benchmarks.budget import VERSION, budget, counted, overruns, savings
from tests.benchmarks.counts import Counts
from tests.benchmarks.rounds import ROOT

_WORK_OF_OURS = "sum(number for number in range(40))"
_SLOWER = """

def _slower(*args, _begin=Running.begin):
    {work}
    return _begin(*args)


Running.begin = _slower
"""
_WORK_OF_OTHERS = "__import__('traceback').extract_stack()"


@pytest.fixture(scope="module")
def now() -> dict[str, Counts]:
    """What is counted of this tree."""
    return counted()


def test_a_row_costs_what_it_may(now: dict[str, Counts]) -> None:
    """What is counted of a clean row, of reads and of writes is within the committed budget."""
    if VERSION not in budget():
        pytest.skip(f"no budget for Python {VERSION}")
    if "WRAPT_DISABLE_EXTENSIONS" in os.environ:
        pytest.skip("the budget is for wrapt's C extension")
    assert overruns(budget()[VERSION]["counts"], now) == []


@pytest.mark.parametrize(("work", "kind"), [(_WORK_OF_OURS, "instructions"), (_WORK_OF_OTHERS, "below")])
def test_a_regression_is_seen(work: str, kind: str, tmp_path: Path, now: dict[str, Counts]) -> None:
    """A copy of the package that does more at the start of each row overruns what this one needs."""
    shutil.copytree(ROOT / "src" / "otel_handoff", tmp_path / "otel_handoff", ignore=shutil.ignore_patterns("*.pyc"))
    with (tmp_path / "otel_handoff" / "around" / "running.py").open("a") as module:
        module.write(_SLOWER.format(work=work))
    lines = overruns(now, counted(tmp_path))
    assert [line for line in lines if "a row with a call" in line and kind in line]


def test_the_same_on_every_run(now: dict[str, Counts]) -> None:
    """Counts do not depend on the run."""
    assert counted() == now


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], now: dict[str, Counts]
) -> None:
    """It fails where a row takes more time than the budget says, until the budget is updated."""
    file = tmp_path / "budget.json"
    file.write_text(json.dumps({VERSION: {"time": 0.1, "counts": now}}))
    monkeypatch.setattr(command, "FILE", file)
    monkeypatch.setattr(command, "counted", lambda: now)  # each time the same; what it takes is measured anew
    assert command.main([]) == 1
    told = capsys.readouterr().err
    assert "CPU time" in told
    assert "make budget" in told
    assert command.main(["--update"]) == 0
    assert command.main([]) == 0


def test_margins() -> None:
    """More than the margin is an overrun, less than the margin a saving; what is new or gone is said."""
    one = {"instructions": 1, "calls": 1, "below": 1}
    allowed = {"row": {"instructions": 1000, "calls": 100, "below": 10}, "gone": one}
    found = {"row": {"instructions": 1021, "calls": 102, "below": 8}, "new": one}
    assert overruns(allowed, found) == [
        "gone: no longer counted",
        "new: no budget",
        "row: 1,000 -> 1,021 instructions (+2%), 2% allowed",
    ]
    assert savings(allowed, found) == ["row: 10 -> 8 below (-20%)"]
