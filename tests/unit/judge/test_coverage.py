"""Rows that were not judged are counted wherever that is noticed, and told one by one as far as that is bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from otel_handoff.host.guard import guard
from otel_handoff.judge.coverage import Coverage
from otel_handoff.record.reasons import REASONS, WORKED
from otel_handoff.record.unchecked import Unchecked
from otel_handoff.tell.metrics import BoundaryCounts


class Told:
    """A boundary's rows, and what was told of them."""

    def __init__(self) -> None:
        self.counts = BoundaryCounts()
        self.told: list[Unchecked] = []
        self.coverage = Coverage("desk", self.counts, self.told.append)

    def rows(self) -> list[tuple[str, int, int, int]]:
        """Return the reason, and the numbers, of each thing told."""
        return [(one.reason, one.rows, one.so_far, one.occurrence) for one in self.told]


def test_a_miss_is_counted_at_once_and_told_later() -> None:
    """It may come in a finalizer, where nothing is told."""
    told = Told()
    told.coverage.miss("no_worker", detail="why")
    assert told.counts.unchecked["no_worker"].value == 1
    assert told.told == []
    told.coverage.tell()
    assert told.told == [Unchecked("desk", "no_worker", 1, detail="why")]
    told.coverage.tell()
    assert len(told.told) == 1


def test_each_is_told() -> None:
    """In order, with how many there were of its kind."""
    told = Told()
    for reason in ("no_worker", "ambiguous", "no_worker"):
        told.coverage.miss(reason)
        told.coverage.tell()
    assert told.rows() == [("no_worker", 1, 1, 1), ("ambiguous", 1, 1, 1), ("no_worker", 1, 2, 2)]


def test_a_storm_is_told_in_sums() -> None:
    """100 one by one, of the rest the number by reason; all are counted."""
    told = Told()
    for number in range(1_000):
        told.coverage.miss("no_worker" if number % 2 else "ambiguous")
    assert len(told.coverage.due) == 100
    told.coverage.tell()
    assert len(told.told) == 102
    assert {(one.reason, one.rows) for one in told.told[100:]} == {("no_worker", 450), ("ambiguous", 450)}
    assert {reason: tally.value for reason, tally in told.counts.unchecked.items() if tally.value} == {
        "no_worker": 500,
        "ambiguous": 500,
    }
    told.coverage.miss("no_worker")
    told.coverage.tell()
    assert told.rows()[-1][:3] == ("no_worker", 1, 501)


def test_it_is_missed_while_it_is_told() -> None:
    """A host's handler hands over in turn, or a finalizer runs: nothing is told within, and nothing is lost."""
    told = Told()

    def alert(unchecked: Unchecked) -> None:
        told.told.append(unchecked)
        if len(told.told) < 3:
            told.coverage.miss("no_worker")
            told.coverage.tell()
            assert len(told.told) == told.counts.told["no_worker"].value

    told.coverage = Coverage("desk", told.counts, alert)
    told.coverage.miss("no_worker")
    for _ in range(3):
        told.coverage.tell()
    assert [one.occurrence for one in told.told] == [1, 2, 3]
    assert told.coverage.due == []


def test_the_telling_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is an error of ours; what comes then is told all the same."""
    told = Told()

    def alert(unchecked: Unchecked) -> None:
        told.told.append(unchecked)
        if len(told.told) == 1:
            raise LookupError

    told.coverage = Coverage("desk", told.counts, alert)
    monkeypatch.setattr(guard, "reraise", False)
    monkeypatch.setattr(guard, "errors", type(guard.errors)())
    for _ in range(2):
        told.coverage.miss("replaced")
    told.coverage.tell()
    assert guard.errors.value == 1
    assert len(told.told) == 2
    monkeypatch.undo()


def test_a_fork_tells_nothing() -> None:
    """What is due is told by the process whose rows they are."""
    told = Told()
    for _ in range(300):
        told.coverage.miss("no_worker")
    told.coverage.forget()
    told.coverage.tell()
    assert told.told == []


def test_many_threads_miss() -> None:
    """Each row is counted, and told, once."""
    told, begin = Told(), threading.Barrier(4)

    def run() -> None:
        begin.wait(20)
        for _ in range(50):
            told.coverage.miss("no_worker")
            told.coverage.tell()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.coverage.tell()
    assert told.counts.unchecked["no_worker"].value == 200
    assert sum(one.rows for one in told.told) == 200


class Meanwhile(str):
    """A reason at whose third look-up something else is done: there the number of those beyond is written."""

    __slots__ = ("do", "looks")
    do: Callable[[], None]
    looks: int

    def __hash__(self) -> int:
        self.looks += 1
        if self.looks == 3:
            self.do()
        return super().__hash__()


@pytest.mark.parametrize("reason", REASONS)
def test_what_it_says(reason: str) -> None:
    """In one line: which boundary, how many, why, and what to do."""
    one = str(Unchecked("desk", reason, 1))
    many = str(Unchecked("desk", reason, 1_200, pinned=True, detail="Desk.work"))
    assert "\n" not in one + many
    assert one.startswith("HANDOFF NOT CHECKED: boundary 'desk', 1 row so far: ")
    assert f"{REASONS[reason].meaning}. Do: {REASONS[reason].advice}." in one
    assert f"1,200 rows so far: {REASONS[reason].meaning} (Desk.work). It was pinned all the same. Do: " in many


def test_where_a_worker_was_seen() -> None:
    """Each such reason is one of the reasons, and a row without a worker has none."""
    assert REASONS.keys() > WORKED
    assert not WORKED & {"no_worker", "no_submission", "ambiguous", "other_process"}
