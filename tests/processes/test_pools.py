"""Rows through real pools of processes: what children file is counted from the trail, without the detector."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests import clean
from tests.check.command import checked

APP = Path(__file__).parent / "app"
SOURCE = Path(__file__).parents[2] / "src"

has_joblib = find_spec("joblib") is not None

SHAPES = (
    "submit", "of_below", "in_partial", "of_method", "of_class", "in_others", "by_enqueue", "by_hand_over", "by_map",
    "by_apply", "by_starmap", "by_queue", "of_self", "of_self_by_map", "of_self_by_pool",
    *(("by_joblib", "by_loky", "of_self_by_joblib") if has_joblib else ()),
)  # fmt: skip
BEGUN = (
    *(("submit", "spawn"), ("submit", "forkserver"), ("by_enqueue", "spawn")),
    *(("by_apply", "forkserver"), ("by_queue", "spawn")),
)
"""How a child begins does not concern what is handed over: some of them."""
N = 40

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="fork and forkserver are there on Linux"),
]


@dataclass
class Yard:
    """One run: what was filed, what was told, and what was logged."""

    filed: list[list[Any]]
    told: list[list[Any]]
    logged: str

    @property
    def wrong(self) -> list[tuple[Any, Any]]:
        """Rows that were filed under another's id."""
        return sorted((row, under) for row, under in self.filed if row != under)

    def found(self, evidence: str, outcome: str = "used") -> list[tuple[Any, Any]]:
        """What was told of some evidence."""
        return sorted((told[2], told[3]) for told in self.told if told[:2] == [outcome, evidence])


def run(
    folder: Path,
    shape: str,
    method: str = "fork",
    mode: str = "observe",
    count: int = N,
    want: int | None = None,
    **more: str,
) -> Yard:
    """Run one shape to its end, or several with `+` between them."""
    rows = count * len(shape.split("+")) if want is None else want
    return ran(folder, ["yard_run.py", shape, method, str(count)], mode, rows, **more)


def ran(folder: Path, command: list[str], mode: str, want: int, **more: str) -> Yard:
    """Run a program of the yard's to its end, in which so many rows are filed."""
    seconds = 110 if want < clean.ROWS else clean.SECONDS - 10
    environment = {
        **os.environ,
        "YARD": str(folder),
        "YARD_MODE": mode,
        "PYTHONPATH": os.pathsep.join((str(SOURCE), str(APP))),
        "PYTHONWARNINGS": "ignore",
        **more,
    }
    command = [sys.executable, *command]
    done = subprocess.run(
        command, cwd=APP, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stderr
    filed, told = (_lines(folder / f"{name}.jsonl") for name in ("filed", "told"))
    logged = folder / "logged.txt"
    yard = Yard(filed, told, logged.read_text("utf-8") if logged.exists() else "")
    assert len(filed) == want
    assert "an error of its own" not in yard.logged, yard.logged
    return yard


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@pytest.mark.parametrize(("shape", "method"), [*((shape, "fork") for shape in SHAPES), *BEGUN])
def test_each_wrong_record_is_told_and_nothing_else(shape: str, method: str, tmp_path: Path) -> None:
    """By the child that filed it, with the write that the parent saw; and by the parent, as it was pickled."""
    yard = run(tmp_path, shape, method)
    assert yard.wrong
    assert yard.found("call") == yard.wrong
    assert {row for row, _ in yard.found("read")} <= {row for row, _ in yard.wrong}
    assert {told[0] for told in yard.told} <= {"used"}
    culprits = {told[5] for told in yard.told if told[1] == "call"}
    assert {culprit and culprit.split(" in ")[1] for culprit in culprits} <= {"rows", None}
    assert "rows" in {culprit and culprit.split(" in ")[1] for culprit in culprits}
    assert "NOT CHECKED" not in yard.logged
    told = checked(*tmp_path.glob("parent.jsonl"), *tmp_path.glob("child.jsonl"))
    records = [
        (one["expected"]["row"], one["observed"]["row"]) for one in told["mismatches"] if one["evidence"] == "call"
    ]
    assert sorted(records) == yard.wrong
    assert {one["evidence"] for one in told["mismatches"]} <= {"call", "read"}
    rows = told["checked"]
    assert (told["judged"], rows["sent"], rows["never_worked"], rows["gone"]) == (N, N, 0, 0)


def test_pinned_nothing_is_wrong(tmp_path: Path) -> None:
    """What is pickled is what was submitted, also below: of all shapes in one process, as none may be wrong."""
    shapes = [shape for shape in SHAPES if shape != "by_loky"]  # which joblib is built on
    yard = run(tmp_path, "+".join(shapes), mode="pin")
    assert yard.wrong == []
    assert {told[0] for told in yard.told} <= {"prevented"}
    assert "NOT CHECKED" not in yard.logged


def test_what_leads_to_itself_is_not_copied(tmp_path: Path) -> None:
    """On the far side there would be two of it: it is only compared, and told, with the write that did it."""
    yard = run(tmp_path, "of_own", mode="pin")
    assert yard.wrong
    assert yard.found("call") == yard.wrong
    assert {told[0] for told in yard.told} == {"used"}
    assert "rows" in {told[5] and told[5].split(" in ")[1] for told in yard.told}


@pytest.mark.skipif(not has_joblib, reason="joblib is not installed")
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_what_was_to_leave_and_does_not_is_itself(mode: str, tmp_path: Path) -> None:
    """A copy goes to another process; here its worker has the object that the method was looked up on."""
    yard = run(tmp_path, "of_self_by_threads", mode=mode)
    assert yard.wrong
    assert yard.found("call") == yard.wrong


def test_strict_blocks_in_the_child(tmp_path: Path) -> None:
    """And the error comes back to the parent, where nobody asks for it."""
    yard = None
    with pytest.raises(AssertionError):
        yard = run(tmp_path, "of_method", mode="strict")
    assert yard is None
    filed, told = _lines(tmp_path / "filed.jsonl"), _lines(tmp_path / "told.jsonl")
    assert all(row == under for row, under in filed)
    assert len(filed) + len([one for one in told if one[0] == "blocked"]) == N


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_what_cannot_be_pickled_was_not_sent(mode: str, tmp_path: Path) -> None:
    """Whoever handed it over has the error: no row is missing, and nobody was given what it had become."""
    yard = run(tmp_path, "unpicklable", mode=mode, count=8, want=4)
    assert (yard.wrong, yard.told, yard.logged) == ([], [], "")
    told = checked(*tmp_path.glob("parent.jsonl"), *tmp_path.glob("child.jsonl"))
    rows = told["checked"]
    assert (told["verdict"], told["judged"]) == ("no mismatch", 4)
    assert (rows["sent"], rows["unsent"], rows["never_worked"]) == (4, 12 + 4 * has_joblib, 0)


@clean.lasting
@pytest.mark.parametrize(
    "shape",
    ["clean", *(pytest.param(shape, marks=clean.asked_for) for shape in ("clean_by_pool", "clean_by_loky"))],
)
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_clean_rows_without_a_word(mode: str, shape: str, tmp_path: Path) -> None:
    """Nothing is told of them."""
    yard = run(tmp_path, shape, mode=mode, count=clean.ROWS)
    assert yard.wrong == []
    assert yard.told == []
    assert yard.logged == ""


def test_everything_can_be_kept_at_home(tmp_path: Path) -> None:
    """Then a child knows of no row, and says so."""
    yard = run(tmp_path, "submit", OTEL_HANDOFF_REMOTE="off")
    assert yard.wrong
    assert yard.told == []
    assert "NOT CHECKED" in yard.logged


def test_hashed_ids_do_not_leave(tmp_path: Path) -> None:
    """And are compared all the same."""
    yard = run(tmp_path, "submit", OTEL_HANDOFF_IDS="hashed")
    assert len(yard.found("call")) == len(yard.wrong) > 0
    assert all(str(told[2]).startswith("hashed:") for told in yard.told if told[4] == "child")
