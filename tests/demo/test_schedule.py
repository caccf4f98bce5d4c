"""The schedule depends on rows and seed alone, and forces what it promises."""

from __future__ import annotations

import threading

import httpx
import pytest

from otel_handoff.demo import corpus
from otel_handoff.demo.pipeline.context import TokenInfo
from otel_handoff.demo.schedule import Gate, Schedule, plan
from otel_handoff.demo.service import Service, analyse

PATIENCE = 10.0


def test_the_same_seed_gives_the_same_schedule() -> None:
    """And another seed another one."""
    assert plan(200, 1) == plan(200, 1)
    assert plan(200, 1) != plan(200, 2)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 6, 49, 50, 51, 53, 200])
def test_every_row_is_fed_in_once_and_every_hold_can_end(rows: int) -> None:
    """No hold waits for a row that does not come."""
    for seed in range(20):
        schedule = plan(rows, seed)
        assert [row for group in schedule.groups for row in group] == list(range(rows))
        names = {f"row-{row:04d}" for row in range(rows)}
        assert {row for row, _ in (*schedule.holds, *schedule.holds.values())} <= names


def test_every_fifty_rows_hold_one_of_each_kind() -> None:
    """A pipelined group, a retry and a hang."""
    schedule = plan(200, 1)
    assert sum(len(group) == 3 for group in schedule.groups) == 4
    assert sum(held[0] == until[0] for held, until in schedule.holds.items()) == 4
    assert len(schedule.holds) == 12


def test_a_request_is_held_until_the_attempt_it_waits_for_is_handed_over() -> None:
    """And the leader of a group holds its submitter until its own request has come in."""
    gate = Gate(Schedule([(0, 1)], {("row-0000", 0): ("row-0001", 0)}, frozenset({("row-0000", 0)})))
    answered = threading.Event()

    def ask() -> None:
        gate.arrived("row-0000", 0)
        answered.set()

    worker = threading.Thread(target=ask)
    worker.start()
    gate.submitted(TokenInfo("row-0000", "token-0000", {}), 0)
    gate.submitted(TokenInfo("row-0001", "token-0001", {}), 1)
    assert not answered.is_set()
    gate.submitted(TokenInfo("row-0001", "token-0001", {}), 0)
    worker.join(PATIENCE)
    assert answered.is_set()
    gate.arrived("row-0009", 0)


def test_an_open_gate_holds_nothing() -> None:
    """As after Ctrl-C."""
    gate = Gate(plan(50, 1))
    gate.open()
    for row in range(50):
        gate.submitted(TokenInfo(f"row-{row:04d}", "", {}), 0)
        gate.arrived(f"row-{row:04d}", 0)


def test_the_service_answers_from_the_text_and_tells_what_came_in() -> None:
    """Over real HTTP, on one kept connection."""
    seen: list[tuple[str, int]] = []
    service = Service(0, lambda row, attempt: seen.append((row, attempt)))
    with httpx.Client(trust_env=False) as http:
        for attempt in (0, 1):
            body = {"row": "row-1", "attempt": attempt, "ask": "words", "text": "Call me Ishmael."}
            assert http.post(service.url, json=body).json() == {"words": 3, "letters": 13}
    service.close()
    assert seen == [("row-1", 0), ("row-1", 1)]


def test_questions_about_a_text() -> None:
    """Sentences, reading ease, and nothing else."""
    assert analyse("Down, down, down. Would it never end?", "sentences") == {"sentences": 2, "words_per_sentence": 3.5}
    assert analyse("The cat sat.", "readability") == {"reading_ease": 119.2}
    assert analyse("", "readability") == {"reading_ease": 205.8}
    with pytest.raises(ValueError, match="unknown question"):
        analyse("", "mood")


def test_the_corpus_is_real_prose_with_its_source() -> None:
    """At least 200 different rows, from the first again after the last."""
    rows = corpus.load(200)
    assert len({row["text"] for row in rows}) == 200
    assert all(row["source"] and row["id"] for row in rows)
    many = corpus.load(1000)
    assert len(many) == 1000
    assert many.count(many[0]) > 1
