"""The count by which otel-handoff is judged is itself right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otel_handoff.demo import truth
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.truth import MisroutedResult, WrongCall


@pytest.fixture
def states(landscape: Landscape) -> dict[tuple[int, int], str]:
    """Rows 0 and 1 with two attempts each: (row, attempt) -> state_id."""
    landscape.begin_run("run-1")
    node_id = landscape.register_node("run-1", "n")
    tokens = [landscape.create_token(landscape.create_row("run-1", index, {})) for index in (0, 1)]
    return {
        (row, attempt): landscape.begin_node_state(tokens[row], node_id, attempt)
        for row in (0, 1)
        for attempt in (0, 1)
    }


def file_call(landscape: Landscape, state_id: str, row: int, attempt: int, request: int = 0) -> None:
    """File under `state_id` a call that was made for `attempt` of `row`."""
    body = {"json": {"row": f"row-{row:04d}", "attempt": attempt, "request": request}}
    landscape.record_call(state_id, landscape.allocate_call_index(state_id), "http", "success", body)


def test_calls_in_their_place_are_not_counted(
    landscape: Landscape, states: dict[tuple[int, int], str], tmp_path: Path
) -> None:
    """Also not those of an attempt that failed, late as they may be."""
    landscape.complete_node_state(states[0, 0], "failed")
    for (row, attempt), state_id in states.items():
        file_call(landscape, state_id, row, attempt)
    counted = truth.count(tmp_path / "landscape.db")
    assert counted == truth.Truth(rows=2, attempts=4, calls=4, wrong_calls=[], misrouted_results=[])


def test_calls_of_another_row_or_attempt_are_counted_with_both_sides(
    landscape: Landscape, states: dict[tuple[int, int], str], tmp_path: Path
) -> None:
    """Another attempt of the same row is as wrong as another row."""
    file_call(landscape, states[0, 0], 0, 0)
    file_call(landscape, states[0, 1], 0, 0, request=1)
    file_call(landscape, states[1, 0], 1, 0)
    file_call(landscape, states[1, 0], 0, 1)
    file_call(landscape, states[1, 1], 7, 0)
    counted = truth.count(tmp_path / "landscape.db")
    assert counted.calls == 5
    assert counted.wrong_calls == [
        WrongCall(states[0, 0], states[0, 1], "row-0000", "row-0000", call_index=0, request=1),
        WrongCall(states[0, 1], states[1, 0], "row-0000", "row-0001", call_index=1, request=0),
        WrongCall(None, states[1, 1], "row-0007", "row-0001", call_index=0, request=0),
    ]


def test_results_are_compared_with_what_they_say_themselves(
    landscape: Landscape, states: dict[tuple[int, int], str], tmp_path: Path
) -> None:
    """Right and delivered, right and dropped, raised: none is misrouted. Another's token or state, or none: each is."""

    def output(row: int, attempt: int) -> dict[str, Any]:
        return {"row": f"row-{row:04d}", "attempt": attempt}

    landscape.record_emission("token-0000", states[0, 0], output(0, 0), delivered=True)
    landscape.record_emission("token-0000", states[0, 1], output(0, 1), delivered=False)
    landscape.record_emission("token-0000", states[1, 0], None, delivered=False)
    landscape.record_emission("token-0000", states[1, 0], output(0, 0), delivered=False)
    landscape.record_emission("token-0000", states[0, 1], output(0, 0), delivered=True)
    landscape.record_emission("token-0000", None, output(0, 0), delivered=False)
    landscape.record_emission("token-0001", states[0, 0], output(0, 0), delivered=True)
    assert truth.count(tmp_path / "landscape.db").misrouted_results == [
        MisroutedResult(states[0, 0], states[1, 0], delivered=False),
        MisroutedResult(states[0, 0], states[0, 1], delivered=True),
        MisroutedResult(states[0, 0], None, delivered=False),
        MisroutedResult(states[0, 0], states[0, 0], delivered=True),
    ]
