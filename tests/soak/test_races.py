"""The hosts and the oracle of a soak hold where their own threads race."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from otel_handoff import Mismatch
from otel_handoff.around.running import Run, Running
from otel_handoff.handover.lease import Lease
from tests.schedules.explore import Explorer, Outcome, Setting
from tests.schedules.pools import ControlledPool, Item
from tests.schedules.program import STATE, TOKEN, Call, Ghost, Nested, Program, Read, Submit
from tests.schedules.records import Got
from tests.schedules.scheduler import Greenlets
from tests.schedules.strategies import Decisions
from tests.schedules.truth import Truth, tick
from tests.soak.free import Free


class Overtaken(deque[Item]):
    """A queue from which a worker takes each item just before somebody else does."""

    def remove(self, value: Item) -> None:
        """Not there any more."""
        self.clear()
        super().remove(value)


def test_a_worker_takes_what_is_being_dropped() -> None:
    """The item was begun, and the pool says so."""
    pool = ControlledPool(Free(0), "pool", 0)
    item = Item(None, ())
    pool.items = Overtaken((item,))
    assert not pool.drop(item)
    assert not item.done
    assert item.work is not None


class Interrupted(Explorer):
    """Others may run, as in a soak, between what is seen and where that is noted."""

    def judged(self, program: Program, decisions: list[int]) -> Outcome:
        """Run a program under recorded decisions."""
        self.told: list[tuple[str, str]] = []
        self.scheduler = Greenlets(Decisions(decisions))
        return self.run_on(program, self.scheduler, exact=False)

    def _on_mismatch(self, mismatch: Mismatch) -> None:
        self.told.append((mismatch.evidence, mismatch.outcome))
        if mismatch.evidence == "end":
            self.scheduler.pause()
        super()._on_mismatch(mismatch)


def test_a_result_is_handed_in_while_the_work_function_returns() -> None:
    """The row was done by returning, and the context wrong then: it is not asked how it was when the result came."""
    first = Submit(0, (Nested((Call("route"),), join=False),))
    explorer = Interrupted(Setting("observe"))
    program = Program("pool", "shared", ((first, Ghost(STATE, "ghost", ""), Ghost(STATE, "ghost", "")),), workers=2)
    with explorer:
        outcome = explorer.judged(program, [0] * 9 + [1, 1, 1, 0, 2, 1])
    assert not outcome.failures
    assert set(explorer.told) == {("end", "exposed"), ("read", "used"), ("result", "used")}


def test_a_call_is_filed_while_another_worker_of_the_row_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """That the row has the id off the context is known by then, or it is not."""
    steps = (Read(TOKEN, "copy"), Nested((Read(TOKEN, "attribute"),), join=False), Call("kept"))
    acts = (Submit(0, steps, token_first=False), Ghost(TOKEN, "ghost", ""))
    program = Program("pool", "shared", (acts, (Ghost(TOKEN, "none", ""),)), workers=2)
    explorer, saw = Interrupted(Setting("observe")), Truth.saw

    def seen(truth: Truth, *args: Any, **options: Any) -> Got:
        end = tick()
        explorer.scheduler.pause()
        return saw(truth, *args, end=end, **options)

    monkeypatch.setattr(Truth, "saw", seen)
    with explorer:
        outcome = explorer.judged(program, [0, 0, 0, 1, 1, 0, 0, 1, *[0] * 10, 1, 1, 0, 1, 1])
    assert not outcome.failures
    assert explorer.told == [("call", "used")]


def test_a_row_begins_where_a_loop_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the loop knows which row that is, the context may be another's again."""
    ghost = Ghost(STATE, "ghost", "")
    explorer, begin = Interrupted(Setting("observe")), Running.begin
    program = Program("looping", "shared", ((Submit(0, ()), ghost, ghost),), workers=1)

    def begun(running: Running, lease: Lease) -> Run:
        run = begin(running, lease)
        explorer.scheduler.pause()
        return run

    monkeypatch.setattr(Running, "begin", begun)
    with explorer:
        outcome = explorer.judged(program, [2, 2, 1, 0, 0, 0, 0, 1, 0, 1])
    assert not outcome.failures
    assert explorer.told == [("start", "exposed")]
