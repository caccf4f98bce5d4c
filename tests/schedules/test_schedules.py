"""Every wrong use through the context object is found, nothing else is, and the write that did it is named."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor
from otel_handoff.handover import written
from tests.schedules import batches, lines
from tests.schedules.explore import (
    HOSTS,
    SHAPES,
    Explorer,
    Setting,
    Total,
    explore,
    repeat,
    seen,
    smallest,
    strategy_of,
)
from tests.schedules.program import BLIND, generate
from tests.schedules.verdict import USES

MODES = pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
WATCH = pytest.mark.parametrize("watch", [True, False])


@pytest.fixture(autouse=True)
def in_order() -> None:
    """Garbage of other tests must not be collected in the middle of a schedule."""
    gc.collect()


def column(total: Total, name: str, *, without: frozenset[str] = frozenset()) -> int:
    """Add a column of the uses up."""
    return sum(count for (kind, what), count in total.uses.items() if what == name and kind not in without)


@MODES
def test_watched(mode: str) -> None:
    """Recall, precision and culprits are 100 % for what goes through the context object; nothing of ours raises."""
    total = explore(Setting(mode), range(300))
    assert not total.counts, smallest(total)
    for kind in USES:
        assert total.uses[kind, "wrong"] > 10, f"these schedules try no {kind}"
        assert kind in BLIND or kind == "nested pool" or total.uses[kind, "named"] == total.uses[kind, "right"]


@MODES
def test_unwatched(mode: str) -> None:
    """Without watch each call and result is still judged rightly, and a pinned worker still gets its own ids."""
    total = explore(Setting(mode, watch=False), range(100), owns=False)
    counts = dict(total.counts)
    assert not counts, smallest(total)


@MODES
def test_hosts_that_differ(mode: str) -> None:
    """Whatever a right host does, no row is neither judged nor told, and no right one is accused."""
    total = explore(Setting(mode), range(760), SHAPES)
    assert not total.counts, smallest(total)
    expected = {"context_unreadable", "no_worker", "no_submission"}
    assert set(total.told) - {"left_on_copy"} >= expected | ({"ambiguous"} if mode != "pin" else set())
    for kind in USES:
        assert total.uses[kind, "wrong"] > 10, f"these schedules try no {kind}"


@MODES
@pytest.mark.parametrize("host", SHAPES)
def test_a_host_that_differs_is_judged_at_all(mode: str, host: str) -> None:
    """A host whose every row were told as unchecked would pass any schedule."""
    total = explore(Setting(mode), range(16), [host])
    assert not total.counts, smallest(total)
    proven = [outcome for outcome in total.uses if outcome[1] == "found"]
    assert bool(proven) == (host not in ("early", "remaking")), "none of its wrong reads was found, or there are some"


@MODES
def test_hosts_that_differ_unwatched(mode: str) -> None:
    """The same without watch, but for those that write the ids themselves: nobody sees that they do."""
    setting = Setting(mode, watch=False)
    total = explore(setting, range(170), seen(SHAPES, setting), owns=False)
    assert not total.counts, smallest(total)


@MODES
@WATCH
def test_clean(mode: str, watch: bool) -> None:
    """Where no race is, nothing is reported. Without watch, though, a worker's own write is taken for wrong."""
    setting = Setting(mode, watch)
    total = explore(setting, range(150), (*HOSTS, *seen(SHAPES, setting)), clean=True, owns=watch)
    assert not total.counts, smallest(total)
    assert not total.evidence
    assert column(total, "uses") > 100


@MODES
@pytest.mark.parametrize("kind", batches.KINDS)
def test_batches(mode: str, kind: str) -> None:
    """What is filed under an id of no row that a worker has is found, and nothing else. In pin a loop has none."""
    racing = batches.explore(batches.Part(kind, mode, range(100)))
    assert racing.failures == []
    assert racing.counts["prevented" if (kind, mode) == ("loop", "pin") else "wrong"] > 100
    clean = batches.explore(batches.Part(kind, mode, range(40), clean=True))
    assert clean.failures == []
    assert (clean.counts["wrong"], clean.counts["prevented"]) == (0, 0)


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_lines_preempted(mode: str) -> None:
    """The same, where the detector is interrupted at any of its own lines."""
    total = lines.explore(Setting(mode), range(40))
    total.merge(lines.explore(Setting(mode), range(50), SHAPES))
    assert not total.counts, [(seed, host, outcome.failures) for seed, host, outcome in total.failed][:3]


@MODES
def test_the_same_seed_gives_the_same_run(mode: str) -> None:
    """A schedule is repeated from its seed, and from its decisions."""
    program = generate(11, "pool")
    with Explorer(Setting(mode)) as explorer:
        first = explorer.run(program, strategy_of(11))
        second = explorer.run(program, strategy_of(11))
    third = repeat(Setting(mode), program, first.decisions)
    assert first.decisions == second.decisions == third.decisions
    assert first.verdict.uses == second.verdict.uses == third.verdict.uses
    assert first.verdict.evidence == second.verdict.evidence == third.verdict.evidence


@MODES
def test_nothing_is_left_behind(mode: str) -> None:
    """When all rows are done or dropped, nothing is in flight and no write is on record."""
    records: Any = written.records  # pyright: ignore[reportPrivateUsage]
    before = set(records)  # what others have left
    with Explorer(Setting(mode)) as explorer:
        for seed in range(60):
            explorer.run(generate(seed, ("pool", "queue", "mixin")[seed % 3]), strategy_of(seed))
        gc.collect()
        instrumentor: Any = HandoffInstrumentor()
        for handoff in instrumentor._handoffs:
            assert not handoff.counts.rows.in_flight
            assert not handoff.claims.waiting()
        assert set(records) <= before
