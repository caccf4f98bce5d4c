"""Rows through real Celery workers: what is wrong in the trail is told, and nothing else; in `pin` nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import clean
from tests.check.command import checked
from tests.engines.conftest import Shop, needs_celery, run

pytestmark = [needs_celery, pytest.mark.timeout(300)]

N = 12

LATE = {
    "by_name": (N, "in by_name"),  # first: by then Celery has made no task
    "by_links": (N, "in by_links"),
    "by_group": (N, "in by_group"),
    "by_signatures": (N, "in by_signatures"),
    "by_dicts": (N, None),
    "by_chains": (2 * N, "in by_chains"),
    "by_chords": (3 * N, "in by_chords"),
    "by_delay_in_pool": (N, "in by_delay_in_pool"),
    "by_retry": (N, "in again"),
}
"""Shapes that go wrong for certain: how much each files, and where the write was that made it wrong."""

CLEAN = {"by_notes": N, "by_delay": N, "by_autoretry": N}
SHAPES = {**{shape: filed for shape, (filed, _) in LATE.items()}, **CLEAN, "by_own": N}
WANT = sum(SHAPES.values())


RUNS = [("off", "threads"), ("observe", "threads"), ("pin", "threads"), ("observe", "prefork"), ("pin", "prefork")]


class Shops:
    """All shapes, in each mode with each kind of pool: run when the first test asks, which alone waits for it."""

    def __init__(self, folder: Callable[[str], Path]) -> None:
        self._folder = folder
        self._ran: dict[tuple[str, str], Shop | AssertionError] = {}

    def __getitem__(self, how: tuple[str, str]) -> Shop:
        if how not in self._ran:
            mode, pool = how
            try:
                self._ran[how] = run(self._folder(f"{mode}-{pool}"), *SHAPES, mode=mode, pool=pool, count=N, want=WANT)
            except AssertionError as error:
                self._ran[how] = error
        found = self._ran[how]
        if isinstance(found, AssertionError):
            raise found
        return found


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Shops:
    """One for all tests here."""
    return Shops(tmp_path_factory.mktemp)


@pytest.mark.parametrize("shape", LATE)
def test_without_it_rows_are_filed_under_others(shape: str, shops: Shops) -> None:
    """The races are real."""
    assert len(shops["off", "threads"].wrong(shape)) >= N - 1


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_wrong_record_is_told_and_nothing_else(shape: str, pool: str, shops: Shops) -> None:
    """With the write that did it, wherever that was."""
    shop = shops["observe", pool]
    wrong = shop.wrong(shape)
    assert shop.found(shape, "used") == wrong
    if shape in LATE:
        filed, place = LATE[shape]
        assert len(wrong) >= filed - filed // N
        culprits = {told[5] for told in shop.told if told[2].startswith(f"{shape}.")}
        assert all((place is None) if culprit is None else culprit.endswith(place or " ") for culprit in culprits)
    elif shape in CLEAN:
        assert wrong == []
        assert not [told for told in shop.told if any(each.startswith(f"{shape}.") for each in told[2:4])]


@pytest.mark.parametrize("shape", LATE)
def test_what_leaves_wrong_is_told_where_it_leaves(shape: str, shops: Shops) -> None:
    """Once for each message: a worker without otel-handoff would tell nothing."""
    shop = shops["observe", "threads"]
    left = [told for told in shop.told if told[1] == "read" and told[2].startswith(f"{shape}.") and told[0] == "used"]
    assert len(left) == len(shop.wrong(shape))
    assert {told[4] for told in left} == {"worker" if shape == "by_retry" else "sender"}


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("shape", SHAPES)
def test_pinned_nothing_is_wrong(shape: str, pool: str, shops: Shops) -> None:
    """What is published is what was submitted."""
    shop = shops["pin", pool]
    assert shop.wrong(shape) == []
    told = {told[0] for told in shop.told if told[2].startswith(f"{shape}.")}
    assert told == ({"prevented"} if shape in LATE else told & {"prevented"})


def test_nothing_is_left_unsaid(shops: Shops) -> None:
    """All rows were judged."""
    for how in RUNS:
        shop = shops[how]
        assert "NOT CHECKED" not in shop.logged


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_both_sides_are_judged_together(mode: str, pool: str, shops: Shops) -> None:
    """From their spans alone: each wrong record, and no row that was lost, or worked on twice."""
    shop = shops[mode, pool]
    told = checked(shop.folder / "sender.jsonl", shop.folder / "worker.jsonl")
    records = [
        (one["expected"]["row"], one["observed"]["row"]) for one in told["mismatches"] if one["evidence"] == "call"
    ]
    assert sorted(records) == sorted((row, under) for row, under in shop.filed if row != under)
    assert {one["evidence"] for one in told["mismatches"]} <= {"call", "read"}
    rows = told["checked"]
    assert (rows["sent"], rows["never_worked"], rows["gone"], rows["calls_without_row"]) == (WANT, 0, 0, 0)
    assert told["judged"] == WANT


def test_a_worker_without_it_does_the_work(tmp_path: Path) -> None:
    """What leaves wrong is told where it leaves."""
    shop = run(tmp_path, "by_group", "by_chains", worker_mode="off", count=4, want=12)
    wrong = shop.wrong("by_group") + shop.wrong("by_chains")
    assert len(wrong) == 9
    assert sorted((told[2], told[3]) for told in shop.told) == sorted(wrong)


def test_a_worker_whose_rows_came_without_a_slip_says_so(tmp_path: Path) -> None:
    """It judges only those whose arguments say which row they are."""
    shop = run(tmp_path, "by_group", "by_own", mode="off", worker_mode="observe", count=8, want=16)
    assert shop.found("by_group", "used") == []
    assert shop.found("by_own", "used") == shop.wrong("by_own")
    assert "1 row so far: its work came from another process without a slip" in shop.logged


@pytest.mark.parametrize("side", ["both", "sender"])
def test_everything_can_be_kept_at_home(side: str, tmp_path: Path) -> None:
    """Nothing goes along, and nothing is told."""
    worker_mode = "observe" if side == "both" else "off"
    shop = run(tmp_path, "by_group", worker_mode=worker_mode, count=4, want=4, OTEL_HANDOFF_REMOTE="off")
    assert shop.told == []
    assert "OTEL_HANDOFF_REMOTE" not in shop.logged


def test_strict_blocks_there(tmp_path: Path) -> None:
    """Before anything is filed under a wrong id; the tasks fail with it."""
    shop = run(tmp_path, "by_group", mode="strict", count=4, want=1, seconds=15)
    assert shop.wrong("by_group") == []
    assert len(shop.found("by_group", "blocked")) == 3


def test_hashed_ids_do_not_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And are compared all the same."""
    monkeypatch.setenv("OTEL_HANDOFF_IDS", "hashed")
    monkeypatch.setenv("OTEL_HANDOFF_IDS_KEY", "a key")
    shop = run(tmp_path, "by_group", "by_delay", count=4, want=8)
    assert len(shop.wrong("by_group")) == 3
    calls = [told for told in shop.told if told[1] == "call"]
    assert sorted(told[3] for told in calls) == sorted(under for _, under in shop.wrong("by_group"))
    assert all(told[2].startswith("hashed:") for told in calls)


def test_through_redis(redis: str, tmp_path: Path) -> None:
    """The same."""
    folder = tmp_path / "shop"
    folder.mkdir()
    shop = run(folder, "by_group", "by_chains", "by_delay", count=50, want=200, SHOP_BROKER=redis)
    for shape in ("by_group", "by_chains", "by_delay"):
        assert shop.found(shape, "used") == shop.wrong(shape)
    assert len(shop.wrong("by_group")) == 49


@clean.lasting
@pytest.mark.parametrize("mode", ["observe", pytest.param("pin", marks=clean.asked_for)])
def test_clean_rows_without_a_word(mode: str, redis: str, tmp_path: Path) -> None:
    """Nothing is told of them."""
    folder = tmp_path / "clean"
    folder.mkdir()
    shop = run(folder, "by_delay", mode=mode, count=clean.ROWS, want=clean.ROWS, SHOP_BROKER=redis)
    assert shop.told == []
    assert shop.logged == ""
