"""Rows through real clusters of Dask, of threads and of processes: counted from the trail, without the detector."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import clean
from tests.check.command import checked
from tests.processes.test_pools import Yard, ran

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(find_spec("distributed") is None, reason="Dask is not installed: the extra `dask`"),
]

N = 8
LATE = ("by_delayed", "by_name", "by_method", "by_self", "by_packed", "by_dict")
"""Serialised when they are computed: all but the last are wrong."""
CLEAN = ("by_submit", "by_map", "by_dict_of")
"""Serialised in the call, or made another."""
SHAPES = (*LATE, *CLEAN, "by_scatter", "by_threads")


def dask(
    folder: Path, kind: str, mode: str, *shapes: str, count: int = N, want: int | None = None, **more: str
) -> Yard:
    """Run shapes on one cluster."""
    want = count * len(shapes) if want is None else want
    return ran(folder, ["yard_dask.py", kind, str(count), *shapes], mode, want, **{"YARD_WORKER": "on", **more})


def by_shape(rows: list[tuple[str, str]]) -> Counter[str]:
    """Count rows of each shape."""
    return Counter(row.partition(".")[0] for row, _ in rows)


@pytest.mark.parametrize(("kind", "killed", "again"), [("threads", (), ()), ("processes", ("killed",), ("again",))])
def test_each_wrong_record_is_told_and_nothing_else(
    kind: str, killed: tuple[str, ...], again: tuple[str, ...], tmp_path: Path
) -> None:
    """By the worker that filed it, with the write that the client saw; also by one that was started after another."""
    want = N * len((*SHAPES, *again)) + len(killed)  # whose worker is killed first: with it go spans
    yard = dask(tmp_path, kind, "observe", *killed, *SHAPES, *again, want=want)
    wrong = by_shape(yard.wrong)
    assert {shape: wrong[shape] for shape in (*SHAPES, *killed, *again)} == {
        **dict.fromkeys((*LATE, "by_threads", *again), N - 1),
        **dict.fromkeys(CLEAN, 0),
        "by_scatter": N // 2,
        **dict.fromkeys(killed, 1),
    }
    assert yard.found("call") == yard.wrong
    assert by_shape(yard.found("read")) == {**dict.fromkeys((*LATE, *again), N - 1), **dict.fromkeys(killed, 1)}
    # What tasks of one worker share may move on while a slow one is at work: that is no mismatch.
    assert {told[0] for told in yard.told} - {"exposed"} == {"used"}
    places = {"by_dict": None, "by_scatter": "own", "killed": "killed"}  # who writes to a dict is not seen
    for told in yard.told:
        shape = told[2].partition(".")[0]
        place = places.get(shape, "rows")
        assert (told[5] and told[5].split(" in ")[1]) == place
    assert "NOT CHECKED" not in yard.logged
    assert "\n    at dask/" not in yard.logged  # it is the host that hands over, and computes
    told = checked(*tmp_path.glob("parent.jsonl"), *tmp_path.glob("child.jsonl"))
    records = [
        (one["expected"]["row"], one["observed"]["row"]) for one in told["mismatches"] if one["evidence"] == "call"
    ]
    assert sorted(records) == yard.wrong
    left = N * len((*LATE, *CLEAN, *again)) + len(killed)
    assert (told["checked"]["sent"], told["checked"]["never_worked"], told["checked"]["gone"]) == (left, 0, 0)
    assert told["judged"] == len(yard.filed)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_pinned_nothing_is_wrong(kind: str, tmp_path: Path) -> None:
    """What is serialised is what was submitted; what the tasks of a worker share, each reads as its own."""
    yard = dask(tmp_path, kind, "pin", *SHAPES)
    assert yard.wrong == []
    assert {told[0] for told in yard.told} == {"prevented"}
    assert "NOT CHECKED" not in yard.logged


@pytest.mark.parametrize(("mode", "wrong"), [("observe", N), ("pin", 0)])
def test_what_goes_on_while_it_is_serialised(mode: str, wrong: int, tmp_path: Path) -> None:
    """A method, and a tuple of `map`, have copies."""
    yard = dask(tmp_path, "threads", mode, "by_late")
    assert len(yard.wrong) == wrong
    assert len(yard.found("call")) == wrong


def test_strict_blocks_there(tmp_path: Path) -> None:
    """Whoever asks for the result has the error."""
    yard = dask(tmp_path, "threads", "strict", "refused", want=1)
    assert yard.wrong == []
    assert len(yard.found("call", "blocked")) == N - 1


def test_a_worker_without_it_does_the_work(tmp_path: Path) -> None:
    """What leaves wrong is told where it leaves."""
    yard = dask(tmp_path, "processes", "observe", "by_delayed", YARD_WORKER="off")
    assert len(yard.wrong) == N - 1
    assert yard.found("read") == yard.wrong
    assert len(yard.told) == N - 1


def test_everything_can_be_kept_at_home(tmp_path: Path) -> None:
    """Nothing goes along, and nothing is told but that."""
    yard = dask(tmp_path, "threads", "observe", "by_delayed", OTEL_HANDOFF_REMOTE="off")
    assert len(yard.wrong) == N - 1
    assert yard.told == []
    assert "NOT CHECKED" in yard.logged


def test_what_cannot_be_serialised_was_not_sent(tmp_path: Path) -> None:
    """Whoever handed it over has the error: no row is missing."""
    yard = dask(tmp_path, "processes", "observe", "unpicklable", "by_submit", count=4, want=4)
    assert (yard.wrong, yard.told, yard.logged) == ([], [], "")
    told = checked(*tmp_path.glob("parent.jsonl"), *tmp_path.glob("child.jsonl"))
    rows = told["checked"]
    assert (told["judged"], rows["sent"], rows["unsent"], rows["never_worked"]) == (4, 4, 8, 0)


def test_a_task_that_is_done_again_as_its_result_was_lost(tmp_path: Path) -> None:
    """Nobody counts that: it is told how often it was worked on, and is no mismatch."""
    yard = dask(tmp_path, "processes", "observe", "lost", want=2)
    assert (yard.wrong, yard.told, yard.logged) == ([], [], "")
    told = checked(*tmp_path.glob("parent.jsonl"), *tmp_path.glob("child.jsonl"))
    assert told["verdict"] == "no mismatch"
    rows = told["checked"]
    assert (rows["several"], rows["most"], rows["sent"], rows["never_worked"], rows["gone"]) == (1, 2, 1, 0, 0)


@clean.lasting
@pytest.mark.parametrize("kind", ["threads", pytest.param("processes", marks=clean.asked_for)])
def test_clean_rows_without_a_word(kind: str, tmp_path: Path) -> None:
    """Nothing is told of them."""
    yard = dask(tmp_path, kind, "observe", "by_map", count=clean.ROWS)
    assert (yard.wrong, yard.told, yard.logged) == ([], [], "")
