"""Rows through a real Ray: tasks and actors, counted from the trail, without the detector."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.check.command import checked
from tests.processes.test_pools import Yard, ran

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: the extra `ray`"),
]

N = 6
CLEAN = ("by_task", "by_options", "by_main", "by_flaky", "by_method", "by_actors")
"""Pickled in the call."""
LEFT = (*CLEAN, "by_late")
SHARED = ("by_threads", "by_loop")
"""Of each pair, one is wrong."""
SHAPES = (*LEFT, "by_put", *SHARED)


def pier(folder: Path, mode: str, *shapes: str, count: int = N, want: int | None = None, **more: str) -> Yard:
    """Run shapes on one machine."""
    settings = {"OTEL_PROPAGATORS": "tracecontext,baggage,handoff", "RAY_AUTH_MODE": "disabled", **more}
    want = count * len(shapes) if want is None else want
    return ran(folder, ["yard_ray.py", str(count), *shapes], mode, want, **settings)


def by_shape(rows: list[tuple[str, str]]) -> Counter[str]:
    """Count rows of each shape."""
    return Counter(row.partition(".")[0] for row, _ in rows)


def test_each_wrong_record_is_told_and_nothing_else(tmp_path: Path) -> None:
    """By the worker that filed it; a task that is tried again is no other row."""
    yard = pier(tmp_path, "observe", *SHAPES)
    wrong = by_shape(yard.wrong)
    expected = {"by_late": N, "by_put": N - 1, **dict.fromkeys(SHARED, N // 2)}
    assert {shape: wrong[shape] for shape in SHAPES} == {**dict.fromkeys(CLEAN, 0), **expected}
    assert yard.found("call") == yard.wrong
    assert {told[0] for told in yard.told} - {"exposed"} == {"used"}
    places = {
        told[2].partition(".")[0]: told[5] and told[5].split(" in ")[1] for told in yard.told if told[1] == "call"
    }
    assert places == {"by_late": None, "by_put": None, "by_threads": "own", "by_loop": "own"}
    assert "NOT CHECKED" not in yard.logged
    told = checked(*tmp_path.glob("parent.jsonl"), *tmp_path.glob("child.jsonl"))
    records = [
        (one["expected"]["row"], one["observed"]["row"]) for one in told["mismatches"] if one["evidence"] == "call"
    ]
    assert sorted(records) == yard.wrong
    there = told["checked"]
    assert told["judged"] == len(yard.filed)
    assert (there["sent"], there["never_worked"], there["gone"]) == (N * len(LEFT), 0, 0)


def test_pinned_nothing_is_wrong(tmp_path: Path) -> None:
    """What is sent is what was submitted; what tasks or methods share, each reads as its own."""
    yard = pier(tmp_path, "pin", *SHAPES)
    assert yard.wrong == []
    assert {told[0] for told in yard.told} == {"prevented"}
    assert "NOT CHECKED" not in yard.logged


def test_strict_blocks_there(tmp_path: Path) -> None:
    """Whoever asks for the result has the error."""
    yard = pier(tmp_path, "strict", "refused", want=0)
    assert len(yard.found("call", "blocked")) == N


@pytest.mark.parametrize("without", [{"OTEL_PROPAGATORS": "tracecontext"}, {"YARD_HOOK": ""}])
def test_what_cannot_be_followed_is_told(without: dict[str, Any], tmp_path: Path) -> None:
    """Without the propagator, or without Ray's tracing, no slip goes along."""
    yard = pier(tmp_path, "observe", "by_task", **without)
    assert yard.told == []
    assert "OTEL_PROPAGATORS has no handoff" in yard.logged


def test_of_what_is_not_sent_nothing_is_told(tmp_path: Path) -> None:
    """Whoever hands it over has the error."""
    assert "NOT CHECKED" not in pier(tmp_path, "observe", "by_unsent", want=0, YARD_HOOK="").logged


def test_what_cannot_be_sent_is_not_missing(tmp_path: Path) -> None:
    """It is counted by itself."""
    pier(tmp_path, "observe", "by_unsent", "by_task", want=N)
    told = checked(*tmp_path.glob("parent.jsonl"), *tmp_path.glob("child.jsonl"))
    rows = told["checked"]
    assert (told["judged"], rows["sent"], rows["unsent"], rows["never_worked"]) == (N, N, 1, 0)


def test_a_worker_without_it_does_the_work(tmp_path: Path) -> None:
    """Nothing of what is sent needs it."""
    yard = pier(tmp_path, "observe", "by_task", "by_main", "by_method", YARD_WORKER="off")
    assert (yard.wrong, yard.told, yard.logged) == ([], [], "")


def test_everything_can_be_kept_at_home(tmp_path: Path) -> None:
    """Nothing goes along, and nothing is told."""
    yard = pier(tmp_path, "observe", "by_late", OTEL_HANDOFF_REMOTE="off")
    assert (len(yard.wrong), yard.told) == (N, [])
    assert "NOT CHECKED" not in yard.logged
