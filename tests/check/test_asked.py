"""What `otel-handoff check --id` answers to who asks whether a row is affected."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.check import spans
from tests.check.command import Check, of, written, wrong_call
from tests.traces import lines


def run(folder: Path) -> Path:
    """A wrong call of submission 1 that is filed under 2; 3 has nothing to do with it, in a trace of its own."""
    clean = spans.row(5, 3, trace="c" * 32)
    return written(folder / "a.jsonl", wrong_call(), of(clean, spans.call(6, 5, 3, trace="c" * 32)))


@pytest.mark.parametrize("asked", ["row-3", "token-3", "state-3", "c" * 32, "C" * 32, f"{5:016x}", f"{6:016x}"])
def test_a_row_that_nothing_is_wrong_about(check: Check, tmp_path: Path, asked: str) -> None:
    """By each of its ids, by its trace, its span, and the span of its call."""
    done = check(run(tmp_path), "--id", asked)
    assert (done.code, done.err) == (0, "")
    assert (
        f"1 submission carried '{asked}':\n  #3 of elspeth, 2023-11-14T22:13:20.000000+00:00: no mismatch" in done.out
    )
    assert "Nothing is wrong about it" in done.out
    assert "state-2" not in done.out


@pytest.mark.parametrize(
    ("asked", "carriers"),
    [
        ("row-1", {1: 1}),  # whose call it is
        (f"{1:016x}", {1: 1}),  # the span of its row, which the mismatch does not name
        ("state-2", {2: 0}),  # which it is filed under
        ("row-2", {2: 0}),
        ("run-1", {1: 1, 2: 0, 3: 0}),
        (lines.TRACE, {1: 1, 2: 0}),
    ],
)
def test_a_mismatch_concerns_both_sides(check: Check, tmp_path: Path, asked: str, carriers: dict[int, int]) -> None:
    """The row that it is of comes first, and has it counted."""
    done = check(run(tmp_path), "--id", asked, "--format", "json")
    told = json.loads(done.out)
    assert done.code == 1
    assert [each["evidence"] for each in told["mismatches"]] == ["call"]
    assert (told["id"], {each["number"]: each["mismatches"] for each in told["submissions"]}) == (asked, carriers)
    assert next(iter(carriers)) == told["submissions"][0]["number"]
    assert told["submissions"][0]["ids"] == spans.ids(next(iter(carriers)))
    text = check(run(tmp_path), "--id", asked).out
    assert "What concerns it: 1 mismatch of 1 kind." in text
    assert f"{len(carriers)} submission{'s' * (len(carriers) > 1)} carried '{asked}':" in text


def test_an_id_that_nothing_has_is_no_all_clear(check: Check, tmp_path: Path) -> None:
    """It is not spelled in full, say: exit 2."""
    done = check(run(tmp_path), "--id", "row-")
    assert done.code == 2
    assert "No submission in these files carried 'row-'.\nNor does a mismatch name it." in done.out
    told = json.loads(check(run(tmp_path), "--id", "row-", "--format", "json").out)
    assert (told["submissions"], told["mismatches"]) == ([], [])


def test_an_id_that_no_submission_carried_but_a_call_is_filed_under(check: Check, tmp_path: Path) -> None:
    """Both are said."""
    done = check(written(tmp_path / "a.jsonl", wrong_call("state-99", more={})), "--id", "state-99")
    assert done.code == 1
    assert "No submission in these files carried 'state-99'.\nWhat concerns it: 1 mismatch" in done.out


def test_records_and_exit_code_are_of_that_id_alone(check: Check, tmp_path: Path) -> None:
    """Of two wrong calls, the one; and what was prevented is left out where that is asked."""
    second = of(spans.call(8, 7, 4, events=spans.report("call", 4, state_id="state-5")), spans.row(7, 4))
    spared = of(spans.call(10, 9, 6, events=spans.report("call", 6, "prevented", state_id="state-5")), spans.row(9, 6))
    path = written(tmp_path / "a.jsonl", wrong_call(), second, spared)
    filed = {"row-1": ["state-2"], "row-4": ["state-5"], "state-5": ["state-5"], "row-6": []}
    for asked, expected in filed.items():
        records = csv.DictReader(io.StringIO(check(path, "--id", asked, "--records", "-").out))
        assert [row["filed_under"] for row in records] == expected
    codes = [check(path, "--id", asked, "--fail-on", "error").code for asked in ("row-4", "row-6")]
    assert codes == [1, 0]


def test_an_id_of_many_submissions_is_not_told_without_end(check: Check, tmp_path: Path) -> None:
    """But counted; and one that was claimed twice counts once."""
    rows = [spans.row(number, number) for number in range(1, 31)]
    done = check(written(tmp_path / "a.jsonl", of(*rows, spans.row(40, 30))), "--id", "run-1")
    assert "30 submissions carried 'run-1':\n  #30 of elspeth" in done.out
    assert done.out.count("run_id='run-1'") == 20 + 1
    assert "  and 10 more (--format json lists them)\n" in done.out


def test_what_is_asked_for_does_nothing_to_the_terminal(check: Check, tmp_path: Path) -> None:
    """Nor to the database."""
    done = check(run(tmp_path), "--id", "\x1b[2J'; DROP TABLE spans")
    assert (done.code, done.err) == (2, "")
    assert "\\x1b[2J" in done.out
    assert "\x1b" not in done.out
