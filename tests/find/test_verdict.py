"""What is said of a run: the text, the exit code and pytest's are one verdict."""

from __future__ import annotations

from typing import Any

import pytest

from otel_handoff.find.found import EARLY, EXPOSED, WRONG, Found, Line, Result
from otel_handoff.find.launch import Ran
from otel_handoff.find.text import lines
from otel_handoff.find.values import NO, PERHAPS, SURELY, how_surely
from otel_handoff.find.verify import NOT_KNOWN, NOTHING, WRONG_IDS, Tried, verdict


def tried(*observed: str, pinned: tuple[str, ...] = (), seen: int = 1, code: int = 0, lost: int = 0) -> Tried:
    """A trial of a boundary of one row, in which that was told once in each mode; in pin the program ends with `code`.

    In observe each read was seen of so many rows, and so many processes ended without a word.
    """

    def ran(outcomes: tuple[str, ...], code: int = 0) -> Ran:
        told = [["work", outcome, ["1@0"]] for outcome in outcomes]
        return Ran(code, lost, [{"rows": {"work": 1}, "seen": {"work": seen}, "told": told}])

    found = Tried()
    found.add("observe", ran(observed))
    found.add("pin", ran(pinned, code))
    return found


def found(verdict: str = EXPOSED, **changed: Any) -> Found:
    """What was found of one row, with a boundary of its own."""
    plain: dict[str, Any] = {
        **dict.fromkeys(("way", "work", "context", "kind", "doubt", "unwatched", "why_not", "note"), ""),
        "hands_over": Line("", "", 0, "", 1),
        "fields": {},
        "why": {},
        **dict.fromkeys(("reads", "writes"), ()),
        **dict.fromkeys(("wrong", "pickled"), 0),
        "example": None,
        "rows": 1,
        "moved": 1,
        "boundary": {"name": "work", "work": "app:work", "context": "desk", "fields": {"row": "row"}},
    }
    return Found(verdict, **{**plain, **changed})


UNSEEN = found(unwatched="a dict")
GLOBAL = found(unwatched="a global", boundary=None)
DOUBTED = found(wrong=1, doubt="it goes round")
MOVED = found()
AN_ACCUSED = found(WRONG, wrong=1)
VARIABLE = found(unwatched="a variable", boundary={"name": "work", "work": "app:work", "contextvars": True})


def of(*several: Found) -> Result:
    """A run of one row in which that was found."""
    return Result([*several], rows=1, processes=1)


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
        (Result(rows=1, lost=1), tried("used"), NOT_KNOWN, "1 process began, and ended without a word"),
        (Result(rows=1, unseen={f"work {EARLY}": 2}), None, NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (Result(rows=1, unseen={f"work {EARLY}": 2}), tried("prevented"), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (of(AN_ACCUSED), tried(), WRONG_IDS, "WRONG in 1 hand-over"),
        (of(UNSEEN), None, NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (of(UNSEEN), tried(), NOTHING, "Nothing wrong was seen"),
        (of(UNSEEN), tried(seen=0), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (of(UNSEEN), tried(lost=1), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (of(UNSEEN), tried("exposed"), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (of(UNSEEN, GLOBAL), tried(), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (of(VARIABLE), tried(), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (of(DOUBTED), tried(), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (of(DOUBTED), tried("used"), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
        (of(MOVED), None, NOTHING, "Nothing wrong was seen"),
        (of(MOVED), tried("exposed"), NOTHING, "Nothing wrong was seen"),
        (of(MOVED), tried("used"), NOT_KNOWN, "NOT KNOWN in 1 hand-over"),
    ],
)
def test_the_text_says_what_the_code_does(result: Result, trial: Tried | None, expected: int, said: str) -> None:
    """Also where what is proposed was tried, and a process had nothing to say."""
    assert verdict(result, trial) == expected
    assert any(said in line for line in lines(result, trial, shared=False))


@pytest.mark.parametrize(
    ("trial", "expected"),
    [
        (tried("used", pinned=("prevented",)), "not that it is another row's"),
        (tried("used", pinned=("used",)), "does not guard it"),
        (tried("exposed", pinned=("exposed",)), "does not guard it"),
        (tried("exposed", pinned=("prevented",)), ""),
        (tried(), "not shown"),
        (tried("exposed", code=3), "Do not use it as it is: in pin the program ends otherwise: with 3, not 0."),
    ],
)
def test_what_is_said_of_a_trial(trial: Tried, expected: str) -> None:
    """Whether what is proposed guards it, and leaves the program what it is; a doubt stays one."""
    _, _, *said = trial.said(DOUBTED)
    assert expected in said[0][1] if expected else not said


@pytest.mark.parametrize(
    ("name", "surely"),
    [
        ("uid", SURELY),
        ("ident", SURELY),
        ("identifier", SURELY),
        ("state", NO),
        ("state_id", SURELY),
        ("place", PERHAPS),
    ],
)
def test_what_a_name_says(name: str, surely: int) -> None:
    """Of values that may be anything."""
    assert how_surely(name, ["a 1", "b 2", "c 3"]) == surely
