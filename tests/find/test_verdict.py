"""What is said of a run: the text, the exit code and pytest's are one verdict."""

from __future__ import annotations

import pytest

from otel_handoff.find.found import EARLY, Result
from otel_handoff.find.text import lines
from otel_handoff.find.verify import NOT_KNOWN, NOTHING, WRONG_IDS, Tried, verdict


def tried(outcome: str) -> Tried:
    """A trial in which that was told once."""
    found = Tried()
    found.add("observe", [{"rows": {"work": 1}, "told": [["work", outcome, ["1@0"]]]}])
    return found


def test_what_was_not_looked_into() -> None:
    """The first places are named, those before all that make it unknown; it is said how many more there are."""
    unseen = {f"a deque at {number}": number for number in range(1, 9)} | {f"work {EARLY}": 1}
    said = [line for line in lines(Result(rows=1, unseen=unseen), None, shared=False) if line.startswith("Not looked")]
    assert said == [
        f"Not looked into: work {EARLY}",
        *(f"Not looked into: a deque at {number}, {number} times" for number in (8, 7, 6, 5)),
        "Not looked into: 4 places more, which --format json names",
    ]


@pytest.mark.parametrize(
    ("result", "trial", "expected", "said"),
    [
        (Result(rows=1, processes=1), None, NOTHING, "Nothing wrong was seen"),
        (Result(), None, NOT_KNOWN, "NOT KNOWN: nothing was handed over"),
        (Result(rows=1, lost=1), None, NOT_KNOWN, "1 process began, and ended without a word"),
        (Result(rows=1, lost=1), Tried(), NOT_KNOWN, "1 process began, and ended without a word"),
        (Result(rows=1, lost=1), tried("used"), WRONG_IDS, "WRONG, as the trial shows"),
        (Result(rows=1, unseen={f"work {EARLY}": 2}), None, NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (Result(rows=1, unseen={f"work {EARLY}": 2}), tried("exposed"), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (Result(rows=1, unseen={f"work {EARLY}": 2}), tried("prevented"), NOTHING, "Nothing wrong was seen"),
    ],
)
def test_the_text_says_what_the_code_does(result: Result, trial: Tried | None, expected: int, said: str) -> None:
    """Also where what is proposed was tried, and a process had nothing to say."""
    assert verdict(result, trial) == expected
    assert any(said in line for line in lines(result, trial, shared=False))
