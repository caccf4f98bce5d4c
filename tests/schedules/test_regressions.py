"""What the explorer found, each as the smallest schedule that shows it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from types import FrameType, ModuleType
from typing import Any

from otel_handoff import HandoffInstrumentor, current_submission
from otel_handoff.handover import claims, findings
from otel_handoff.handover import written as writes
from otel_handoff.host.current import active
from tests.hosts import WAIT, Context, Order, Pool, boundary
from tests.schedules.explore import Setting, repeat
from tests.schedules.program import STATE, TOKEN, Act, Call, Evict, Ghost, Nested, Own, Program, Read, Rewrite, Submit


def failures(mode: str, *acts: Act, decisions: Sequence[int] = (), host: str = "pool", workers: int = 1) -> list[str]:
    """Run one submitter's acts. Without decisions it does all of them before any worker starts."""
    return repeat(Setting(mode), Program(host, "shared", (tuple(acts),), workers), decisions).failures


def test_a_none_that_the_worker_wrote_itself_is_its_own() -> None:
    """It was taken for no write at all."""
    assert not failures("observe", Submit(0, (Own(STATE, "none"), Call("route"))))


def test_an_id_that_the_worker_wrote_before_another_is_its_own() -> None:
    """Only the last one was remembered."""
    own = Own(STATE, "unique")
    steps = (own, Read(STATE, "attribute"), own, Read(TOKEN, "attribute"), Call("kept"))
    assert not failures("observe", Submit(0, steps))


def test_a_wrong_read_of_what_was_spared_before_is_told() -> None:
    """`prevented` was taken for the news of a later read, off the raw context, that took effect."""
    assert not failures("pin", Submit(0, (Read(STATE, "attribute"), Read(STATE, "alias"))), Submit(1, ()))


def test_a_wrong_id_is_told_though_another_was_read_often_before() -> None:
    """Sixty-four sightings of one wrong id left no room for the next."""
    steps = (*[Read(STATE, "attribute")] * 64, Read(TOKEN, "attribute"))
    assert not failures("observe", Submit(0, steps), Submit(1, ()))


def test_the_culprit_of_a_read_is_the_write_that_was_read() -> None:
    """An equal id that was written between the read and the end of the work was named."""
    inner = Nested((Read(TOKEN, "method"), Nested((), join=False)), join=True)
    first = Submit(0, (Read(TOKEN, "attribute"), inner), token_first=False)
    again = Rewrite(TOKEN, "equal")
    decisions = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1]
    assert not failures("observe", first, Submit(1, (), token_first=False), again, decisions=decisions, host="mixin")


def test_the_culprit_of_a_call_is_the_write_that_was_read() -> None:
    """The ids of a retry, which were written between the read and the call, were named."""
    acts = (Submit(0, (Call("now"),), token_first=False), Submit(1, ()), Evict(1), Submit(1, ()))
    decisions = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 2]
    assert not failures("observe", *acts, decisions=decisions, host="queue", workers=2)


def test_the_culprit_of_a_spared_read_is_the_write_that_was_there() -> None:
    """The same for what a pinned worker was spared."""
    first = Submit(0, (Call("now"),), token_first=False)
    acts = (first, Ghost(STATE, "none", "equal"), Submit(2, (), token_first=False), Ghost(STATE, "none", "same"))
    decisions = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 2]
    assert not failures("pin", *acts, decisions=decisions, host="queue", workers=2)


def test_every_write_of_a_row_s_id_is_claimed() -> None:
    """Of two writes of one object the second was said to be of the row, while a worker had read the first."""
    second = Submit(10, (Call("now"),), token_first=False), Ghost(TOKEN, "none", "same"), Submit(11, ())
    program = Program("pool", "shared", ((Submit(0, ()),), second), workers=3)
    decisions = [0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1, 0, 2, 0, 0, 2]
    assert not repeat(Setting("observe"), program, decisions).failures


class _Bare:
    """A context."""


def _open(context: object, opened: list[object]) -> None:
    opened.append(writes.open_record(context))


def _preempt(line: int, act: Callable[[], object], run: Callable[[], object], module: ModuleType = writes) -> bool:
    """Run, and `act` before the so-manieth line of `module`, as another thread might; False if it has fewer."""
    count = 0

    def trace(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        if event == "line":
            count += 1
            if count == line + 1:
                sys.settrace(None)
                act()
        return trace

    def call(frame: FrameType, _event: str, _arg: object) -> Any:
        return trace if frame.f_code.co_filename == module.__file__ else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        run()
    finally:
        sys.settrace(before)
    return count > line


def test_a_record_outlives_the_one_before_it() -> None:
    """A worker that let the last record go took the next one, opened by the submitter meanwhile, with it."""
    for line in range(100):
        context = _Bare()
        held, opened = [writes.open_record(context)], list[object]()
        if not _preempt(line, functools.partial(_open, context, opened), held.clear):
            break
        assert writes.record_of(context) is opened[0]
    else:
        raise AssertionError


def test_two_submitters_share_one_record() -> None:
    """Each made one of its own: the writes went to the second only, and the first row's culprit was not seen."""
    for line in range(100):
        context, opened = _Bare(), list[object]()
        submit = functools.partial(_open, context, opened)
        if not _preempt(line, submit, submit):
            break
        assert opened[0] is opened[1] is writes.record_of(context)
    else:
        raise AssertionError


def test_two_threads_share_the_findings_of_a_row() -> None:
    """The worker and a thread of its own, say, that find something first at the same time."""
    shared: list[bool] = []

    def find(line: int) -> bool:
        lease, found = active.get(), list[object]()
        assert lease is not None
        assert not lease.has_findings

        def look() -> None:
            found.append(lease.findings)

        reached = _preempt(line, look, look, findings)
        shared.append(all(one is lease.findings for one in found))
        return reached

    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary(calls=())])
    pool = Pool()
    try:
        for line in range(100):
            if not pool.enqueue(Order("A"), Context(), lambda _order, _ctx, line=line: find(line)).result(WAIT):
                break
            assert shared == [True] * (line + 1)
        else:
            raise AssertionError
    finally:
        pool.close()
        HandoffInstrumentor().uninstrument()
    assert len(shared) > 2, "nobody was interrupted"


class ByHand:
    """A queue without threads; the work function is looked up by whoever works."""

    def __init__(self) -> None:
        self.found: list[object] = []

    def submit(self, order: Order, ctx: Context) -> None:
        """Hand over; the test keeps the arguments."""

    def work(self, order: Order, ctx: Context) -> None:
        """Find out for whom this is done."""
        submission = current_submission()
        self.found.append(submission and submission.ids["attempt"])


def test_a_row_that_is_handed_over_while_the_one_before_it_is_claimed() -> None:
    """It is claimed by the same arguments, and must not go with the last of them that was waiting."""
    ours = boundary(submit=f"{__name__}:ByHand.submit", work=f"{__name__}:ByHand.work", calls=())
    HandoffInstrumentor().instrument(mode="observe", boundaries=[ours])
    try:
        for line in range(200):
            pool, order, ctx = ByHand(), Order("A"), Context(attempt="1")
            pool.submit(order, ctx)

            def again(pool: ByHand = pool, order: Order = order, ctx: Context = ctx) -> None:
                ctx.attempt = "2"
                pool.submit(order, ctx)

            if not _preempt(line, again, functools.partial(pool.work, order, ctx), claims):
                break
            pool.work(order, ctx)
            assert pool.found == ["1", "2"]
        else:
            raise AssertionError
    finally:
        HandoffInstrumentor().uninstrument()
