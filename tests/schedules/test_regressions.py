"""What the explorer found, each as the smallest schedule that shows it."""

from __future__ import annotations

import contextvars
import functools
import itertools
import sys
from collections.abc import Callable, Sequence
from types import FrameType, ModuleType
from typing import Any

from otel_handoff import HandoffInstrumentor, current_submission
from otel_handoff.around import submit
from otel_handoff.handover import claims, findings, lease, written
from otel_handoff.handover.lease import active
from tests.hosts import WAIT, Context, Order, Pool, boundary
from tests.schedules.explore import Setting, repeat
from tests.schedules.program import (
    STATE,
    TOKEN,
    Act,
    Call,
    Drop,
    Evict,
    Ghost,
    Nested,
    Own,
    Program,
    Read,
    Rewrite,
    Submit,
)


def failures(mode: str, *acts: Act, decisions: Sequence[int] = (), host: str = "pool", workers: int = 1) -> list[str]:
    """Run one submitter's acts. Without decisions it does all of them before any worker starts."""
    return repeat(Setting(mode), Program(host, "shared", (tuple(acts),), workers), decisions).failures


def test_a_none_that_the_worker_wrote_itself_is_its_own() -> None:
    """It was taken for no write at all."""
    assert not failures("observe", Submit(0, (Own(STATE, "none"), Call("route"))))


def test_what_a_worker_writes_before_submit_returns_is_not_the_submitters() -> None:
    """It was carried from the worker's copy to the submitter's context, as if the submit function had written it."""
    first = Submit(0, (Read(TOKEN, "alias"), Call("method"), Read(TOKEN, "copy"), Own(TOKEN, "none")))
    second = Submit(1, (Nested((Own(STATE, "none"),), join=True), Read(STATE, "alias")), token_first=False)
    decisions = [0] * 12 + [1] + [0] * 6 + [1] + [0] * 5 + [1]
    program = Program("early", "own", ((first, second),), 2)
    assert not repeat(Setting("pin"), program, decisions).failures


def test_an_id_that_the_worker_wrote_before_another_is_its_own() -> None:
    """Only the last one was remembered."""
    own = Own(STATE, "unique")
    steps = (own, Read(STATE, "attribute"), own, Read(TOKEN, "attribute"), Call("kept"))
    assert not failures("observe", Submit(0, steps))


def test_what_the_worker_wrote_to_its_copy_is_its_own_though_it_wrote_the_original_since() -> None:
    """Its own None, read off its copy, was taken for the one that the submitter had put on the original."""
    steps = (Own(TOKEN, "none"), Own(TOKEN, "unique", alias=True), Call("method"))
    assert not failures("pin", Submit(0, steps), Ghost(TOKEN, "none", "same"), Submit(1, ()))


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


def test_a_task_that_the_worker_handed_on_is_judged_when_the_row_is_done() -> None:
    """The end of the work took it for a run of the work function of its own, and struck it off."""
    first = Submit(0, (Nested((Call("kept"),), join=False),))
    decisions = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    for mode in ("observe", "strict"):
        assert not failures(mode, first, Submit(1, ()), decisions=decisions, host="mixin")


def test_a_wrong_read_is_told_against_what_was_right_then() -> None:
    """An id that the worker wrote after the read was said to be what it should have read."""
    steps = (Read(STATE, "attribute"), Own(STATE, "unique"))
    assert not failures("observe", Submit(0, steps), Submit(1, ()))


def test_a_call_under_what_was_read_late_is_told_also_of_a_row_without_a_parent() -> None:
    """The read was told at once, as the row was done, and then forgotten: the call was taken for known otherwise."""
    late = Submit(0, (Nested((Call("method"),), join=False),), token_first=False)
    assert not failures("observe", late, Submit(1, ()), host="optional")


def test_an_id_that_a_pinned_worker_was_spared_and_then_wrote_itself_is_its_own() -> None:
    """What it would have read was taken for read, and the call for filed under that."""
    steps = (Read(STATE, "attribute"), Own(STATE, "none"), Read(STATE, "attribute"), Call("kept"))
    assert not failures("pin", Submit(0, steps), Ghost(STATE, "none", ""))


def test_an_id_that_a_pinned_worker_without_watch_was_spared_is_not_one_that_it_has() -> None:
    """A row without an order was accused of the order that it knew otherwise, as the context had moved on to that."""
    steps = (Call("kept"), Read(TOKEN, "alias"), Call("kept"))
    acts = (Submit(0, steps, token_first=False), Ghost(TOKEN, "own", "same"))
    program = Program("optional", "shared", (acts,), workers=3)
    assert not repeat(Setting("pin", watch=False), program, [0] * 11 + [1]).failures


def test_what_was_read_before_the_worker_wrote_the_same_is_told_against_what_was_submitted() -> None:
    """It was told as expected and observed at once."""
    first = Submit(0, (Own(STATE, "none"),))
    assert not failures("observe", first, Submit(1, (Own(STATE, "none", alias=True),), token_first=False), host="mixin")


def test_the_culprit_is_the_write_that_was_read_however_that_is_filed() -> None:
    """The same id, written again after the read, was named where the call was filed under its text."""
    first = Submit(0, (Call("kept"), Call("kept")))
    decisions = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 1]
    assert not failures("observe", first, Submit(0, ()), Rewrite(STATE, "equal"), decisions=decisions, host="spelling")


def test_a_none_is_written_for_no_row_that_says_something_else() -> None:
    """An order of none was said to be written for the row whose submit function wrote the attempt."""
    acts = (Submit(2, (Call("method"), Call("now"))), Ghost(TOKEN, "none", "same"), Submit(3, (), token_first=False))
    decisions = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert not failures("pin", *acts, decisions=decisions, host="stampingqueue")


class _Bare:
    """A context."""


def _open(context: object, opened: list[object]) -> None:
    opened.append(written.open_record(context))


def preempt(line: int, act: Callable[[], object], run: Callable[[], object], module: ModuleType = written) -> bool:
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
        held, opened = [written.open_record(context)], list[object]()
        if not preempt(line, functools.partial(_open, context, opened), held.clear):
            break
        assert written.record_of(context) is opened[0]
    else:
        raise AssertionError


def test_two_submitters_share_one_record() -> None:
    """Each made one of its own: the writes went to the second only, and the first row's culprit was not seen."""
    for line in range(100):
        context, opened = _Bare(), list[object]()
        hand_over = functools.partial(_open, context, opened)
        if not preempt(line, hand_over, hand_over):
            break
        assert opened[0] is opened[1] is written.record_of(context)
    else:
        raise AssertionError


def test_two_threads_share_the_findings_of_a_row() -> None:
    """The worker and a thread of its own, say, that find something first at the same time."""
    shared: list[bool] = []

    def find(line: int) -> bool:
        row, found = active.get(), list[object]()
        assert row is not None

        def look() -> None:
            found.append(row.findings)

        reached = preempt(line, look, look, findings)
        shared.append(all(one is row.findings for one in found))
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


def test_two_tasks_of_a_row_begin_at_once() -> None:
    """One was forgotten: what it read and filed when the row was done was nobody's."""
    for line in range(100):
        row = object.__new__(lease.Lease)
        begin = functools.partial(row.carry, 2, 1)
        if not preempt(line, begin, functools.partial(row.carry, 1, 1), lease):
            break
        assert row.carriers == {1: 1, 2: 1}
    else:
        raise AssertionError


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
    """With the same arguments: each worker is known to be of its own row, or it is told that it is not known."""
    ours = boundary(submit=f"{__name__}:ByHand.submit", work=f"{__name__}:ByHand.work", calls=())
    seen: set[tuple[object, ...]] = set()
    HandoffInstrumentor().instrument(mode="observe", boundaries=[ours])
    try:
        for line in range(300):
            pool, order, ctx = ByHand(), Order("A"), Context(attempt="1")
            pool.submit(order, ctx)

            def again(pool: ByHand = pool, order: Order = order, ctx: Context = ctx) -> None:
                ctx.attempt = "2"
                pool.submit(order, ctx)

            before = told()
            if not preempt(line, again, functools.partial(pool.work, order, ctx), claims):
                break
            pool.work(order, ctx)
            assert all(found in (None, right) for found, right in zip(pool.found, ("1", "2"), strict=True))
            assert told() - before == pool.found.count(None)
            assert not told("no_submission"), "a row was lost, with its claim"
            seen.add(tuple(pool.found))
        else:
            raise AssertionError
    finally:
        HandoffInstrumentor().uninstrument()
    assert seen >= {(None, None), ("1", "2")}, "they waited together, or one after the other"


def test_a_row_without_an_id_is_given_up_between_its_workers() -> None:
    """Its second worker was not told as late: what no retry can be found for was not remembered for its eviction."""
    acts = (
        Submit(0, (Read(TOKEN, "attribute"),)),
        Submit(1, (Own(TOKEN, "none", alias=True),), token_first=False),
        Drop(0),
        Drop(0),
        Drop(1),
        Submit(2, (), token_first=False),
        Submit(0, ()),
        Evict(2),
    )
    decisions = [0] * 12 + [1] + [0] * 12 + [1, 0, 1, 1] + [0] * 6 + [1, 0, 0, 1]
    program = Program("fanning", "shared", (acts,), 1, slots=True)
    assert not repeat(Setting("observe"), program, decisions).failures


class Queueing(ByHand):
    """It says when a worker may come."""

    def submit(self, order: Order, ctx: Context) -> None:
        """Hand over."""
        self.queued = order, ctx


def test_a_worker_that_comes_while_the_submit_function_returns() -> None:
    """It finds its row one way or the other, at whichever line the submitter is."""
    ours = boundary(submit=f"{__name__}:Queueing.submit", work=f"{__name__}:Queueing.work", calls=())
    for mode, module in itertools.product(("observe", "pin"), (claims, submit)):
        HandoffInstrumentor().instrument(mode=mode, boundaries=[ours])
        came = 0
        try:
            for line in range(300):
                pool, before = Queueing(), told()

                def work(pool: Queueing = pool) -> None:
                    if (queued := getattr(pool, "queued", None)) is not None:
                        contextvars.Context().run(pool.work, *queued)

                hand_over = functools.partial(pool.submit, Order("A"), Context(attempt="1"))
                if not preempt(line, work, hand_over, module):
                    break
                came += bool(pool.found)
                if not pool.found:
                    work()
                hand_over()  # with the same arguments: nothing of the first is left that it could be taken for
                work()
                assert pool.found == ["1", "1"]
                assert told() == before
            else:
                raise AssertionError
        finally:
            HandoffInstrumentor().uninstrument()
        assert came > 3, "no worker came early"


def told(reason: str = "") -> int:
    """Return how many rows of all boundaries were said to be unchecked, for any reason or this one."""
    instrumentor: Any = HandoffInstrumentor()
    return sum(
        count.value
        for handoff in instrumentor._handoffs
        for why, count in handoff.counts.unchecked.items()
        if why.startswith(reason)
    )
