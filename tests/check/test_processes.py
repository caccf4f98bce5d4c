"""Rows that left their process, judged with both sides' files: what was sent, what came of it, and how often."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otel_handoff.record import semconv
from tests.check import spans
from tests.check.command import Check, written
from tests.traces import lines

SENDER = {"service.name": "web", "process.pid": 1}
WORKER = {"service.name": "worker", "process.pid": 2}


def both(folder: Path, sent: list[Any], worked: list[Any]) -> tuple[Path, Path]:
    """Write the files of both sides."""
    one = written(folder / "sender.jsonl", more=lines.text(lines.request(*sent, resource=SENDER, scope=semconv.SCOPE)))
    other = written(
        folder / "worker.jsonl", more=lines.text(lines.request(*worked, resource=WORKER, scope=semconv.SCOPE))
    )
    return one, other


def test_all_that_was_sent_was_worked_on(check: Check, tmp_path: Path) -> None:
    """Each is one row, not two; and its calls are its own."""
    call = spans.call(20, 11, 1, carries={semconv.SUBMISSION_PROCESS: "web:1"})
    files = both(tmp_path, [spans.sent(1, 1), spans.sent(2, 2)], [spans.arrived(11, 1), spans.arrived(12, 2), call])
    done = check(*files)
    assert done.code == 0, done.out
    assert "No mismatch in 2 rows judged" in done.out
    told = json.loads(check(*files, "--format", "json").out)
    assert (told["judged"], told["mismatches"]) == (2, [])
    assert told["checked"]["sent"] == 2
    assert told["checked"]["never_worked"] == told["checked"]["gone"] == told["checked"]["calls_without_row"] == 0


def test_a_row_of_the_same_number_of_another_process_is_another(check: Check, tmp_path: Path) -> None:
    """Each process counts from 1."""
    sent = [spans.sent(1, 1), spans.sent(2, 1, "web:2")]
    files = both(tmp_path, sent, [spans.arrived(11, 1), spans.arrived(12, 1, "web:2")])
    assert check(*files).code == 0


def test_sent_and_never_worked(check: Check, tmp_path: Path) -> None:
    """It may be lost: that is no mismatch, and is said."""
    files = both(tmp_path, [spans.sent(1, 1), spans.sent(2, 2), spans.sent(3, 3)], [spans.arrived(11, 1)])
    done = check(*files)
    assert done.code == 0
    assert "2 rows sent to another process and not worked on in these files" in done.out
    assert "3 rows sent to another process" in done.out
    assert "2 of these were never worked on" in done.out


def test_the_other_side_is_not_there(check: Check, tmp_path: Path) -> None:
    """Then nothing is known of what came of it."""
    sender, _ = both(tmp_path, [spans.sent(1, 1)], [])
    done = check(sender)
    assert done.code == 2
    assert "nothing was judged: 1 row was sent to another process, whose spans are not in these files" in done.out


def test_worked_twice(check: Check, tmp_path: Path) -> None:
    """Of one delivery: two workers claimed it. A retry is another."""
    retried = [spans.arrived(11, 1), spans.arrived(12, 1, delivery=2), spans.arrived(13, 1, delivery=3)]
    assert check(*both(tmp_path, [spans.sent(1, 1)], retried)).code == 0
    done = check(*both(tmp_path, [spans.sent(1, 1)], [*retried, spans.arrived(14, 1, delivery=2)]))
    assert done.code == 1
    assert "2 workers claimed one submission" in done.out


@pytest.mark.parametrize(
    ("deliveries", "times"),
    [([None], 0), ([None, None], 2), ([None, None, None], 3), ([None, 2], 0), ([None, 2, 2], 3), ([1, None], 2)],
)
def test_worked_several_times_of_what_nobody_counts(
    deliveries: list[int | None], times: int, check: Check, tmp_path: Path
) -> None:
    """Its broker may deliver it as often as it must: that is told, and no mismatch; nor is it lost, or away."""
    worked = [spans.arrived(11 + at, 1, delivery=delivery) for at, delivery in enumerate(deliveries)]
    files = both(tmp_path, [spans.sent(1, 1), spans.sent(2, 2)], worked)
    done = check(*files, "--fail-on", "any,exposed")
    assert done.code == 0, done.out
    said = f"1 row was worked on {times} times; its broker may have delivered it again"
    assert (said in done.out) == bool(times)
    told = json.loads(check(*files, "--format", "json").out)
    assert (told["verdict"], told["checked"]["several"], told["checked"]["most"]) == (
        "no mismatch",
        int(bool(times)),
        times,
    )
    assert (told["checked"]["never_worked"], told["checked"]["gone"]) == (1, 0)


def test_another_row_than_was_sent(check: Check, tmp_path: Path) -> None:
    """By what its own span says."""
    files = both(tmp_path, [spans.sent(1, 1)], [spans.arrived(11, 1, state_id="state-9")])
    done = check(*files)
    assert done.code == 1
    assert "what was worked on is another row than was sent: state_id='state-9' instead of 'state-1'" in done.out
