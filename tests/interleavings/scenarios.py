"""The interleavings of elspeth.md §1, each forced by events on the embedded pipeline."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from tests.interleavings.harness import NODE, SHORT, Host, Scenario, Step, Work
from tests.steps import LONG, after, busy, capture, hang, idle, late, wait

# -- the interleavings


def a(host: Host) -> None:
    """Two rows are submitted back to back to one worker, and the first reads the context late."""
    started, both = threading.Event(), threading.Event()
    host.steps["A0"] = late(started, both)
    host.submitted.update(A0=lambda: wait(started), B0=both.set)
    host.executor().execute_pipelined(host.transform(), host.rows("AB"), host.ctx)


def a2(host: Host) -> None:
    """The same with processors that never touch the context: the worker was merely busy with an earlier row."""
    _behind_a_busy_row(host, idle)


def a_queued(host: Host) -> None:
    """Both: the worker was busy with an earlier row, and the processors record a call."""
    _behind_a_busy_row(host, Work.record)


def _behind_a_busy_row(host: Host, step: Step) -> None:
    started, both, last = threading.Event(), threading.Event(), threading.Event()

    def signal(work: Work) -> None:
        last.set()
        step(work)

    def misrouted() -> float:
        wait(last)  # then the one worker is done with A, and whatever it handed in is not for A's waiter
        return SHORT

    host.steps.update(Z0=busy(started, both), A0=step, B0=signal)
    host.submitted.update(Z0=lambda: wait(started), B0=both.set)
    transform = host.transform(patience=[LONG, LONG if host.mode == "pin" else misrouted, LONG])
    host.executor().execute_pipelined(transform, host.rows("ZAB"), host.ctx)


def b1(host: Host) -> None:
    """Attempt 0 times out, the retry starts under a new state, and the old worker then records."""
    started, retried, recorded = threading.Event(), threading.Event(), threading.Event()
    host.steps.update(A0=late(started, retried, recorded), A1=after(retried, recorded))
    host.submitted["A0"] = lambda: wait(started)
    (token,) = host.rows("A")
    host.executor(max_attempts=2).execute(host.transform(workers=2, patience=[SHORT, LONG]), token, host.ctx)


def b2(host: Host) -> None:
    """Attempt 0 of one row times out, the next row is submitted, and the old worker then records."""
    started, following, recorded = threading.Event(), threading.Event(), threading.Event()
    host.steps.update(A0=late(started, following, recorded), B0=after(following, recorded))
    host.submitted["A0"] = lambda: wait(started)
    first, second = host.rows("AB")
    executor, transform = host.executor(), host.transform(workers=2, patience=[SHORT, LONG])
    with pytest.raises(TimeoutError):
        executor.execute(transform, first, host.ctx)
    executor.execute(transform, second, host.ctx)


def b3(host: Host) -> None:
    """Attempt 0 times out, no row is current any more (0.7.1: both None), and the old worker then records."""
    started, over = threading.Event(), threading.Event()
    host.steps["A0"] = late(started, over)
    host.submitted["A0"] = lambda: wait(started)
    (token,) = host.rows("A")
    with pytest.raises(TimeoutError):
        host.executor().execute(host.transform(patience=[SHORT]), token, host.ctx)
    host.ctx.token = None
    host.ctx.state_id = None
    over.set()


def b5_next_attempt(host: Host) -> None:
    """Attempt 0 hangs; attempt 1 waits behind it, is evicted but never cancelled, and runs while attempt 2 is on."""
    started, go = threading.Event(), threading.Event()
    host.steps.update(A0=hang(started, go), A1=capture, A2=capture)
    host.submitted.update(A0=lambda: wait(started), A2=go.set)
    (token,) = host.rows("A")
    host.executor(max_attempts=3).execute(host.transform(patience=[SHORT, SHORT, LONG]), token, host.ctx)


def b5_next_row(host: Host) -> None:
    """Attempt 0 hangs; attempt 1 waits behind it, is evicted but never cancelled, and runs while the next row is on."""
    started, go = threading.Event(), threading.Event()
    host.steps.update(A0=hang(started, go), A1=capture, B0=capture)
    host.submitted.update(A0=lambda: wait(started), B0=go.set)
    first, second = host.rows("AB")
    executor, transform = host.executor(max_attempts=2), host.transform(patience=[SHORT, SHORT, LONG])
    with pytest.raises(TimeoutError):
        executor.execute(transform, first, host.ctx)
    executor.execute(transform, second, host.ctx)


def c(host: Host) -> None:
    """ABA: the ids change and change back while the worker runs, and are used in between."""
    started, there, recorded, back = (threading.Event() for _ in range(4))
    first, second = host.rows("AB")

    def between(work: Work) -> None:
        started.set()
        wait(there)
        try:
            work.record()
        finally:
            recorded.set()
            wait(back)

    def there_and_back() -> None:
        wait(started)
        state_id = host.ctx.state_id
        host.ctx.token = second
        host.ctx.state_id = host.landscape.begin_node_state(second.token_id, NODE, 0)
        there.set()
        wait(recorded)
        host.ctx.token = first
        host.ctx.state_id = state_id
        back.set()

    host.steps["A0"] = between
    host.submitted["A0"] = there_and_back
    host.executor().execute_pipelined(host.transform(), [first], host.ctx)


def d(host: Host) -> None:
    """A torn read inside one `record_call`: the index is allocated on one state, the row inserted under another."""
    inside, both = threading.Event(), threading.Event()

    def hold(state_id: str) -> None:
        if host.named(state_id) == "A0" and not inside.is_set():
            inside.set()
            wait(both)

    host.landscape.hold = hold
    host.submitted.update(A0=lambda: wait(inside), B0=both.set)
    host.executor().execute_pipelined(host.transform(), host.rows("AB"), host.ctx)


def e(host: Host) -> None:
    """Token and state are written one after the other, and are read in between."""
    started, token_written, read, both = (threading.Event() for _ in range(4))

    def reads_between(work: Work) -> None:
        started.set()
        wait(token_written)
        token = work.ctx.token
        work.record(token=token.token_id if token else None)
        read.set()
        wait(both)

    host.steps["A0"] = reads_between
    first, second = host.rows("AB")
    transform = host.transform()

    def writes_apart() -> None:
        wait(started)
        state_id = host.landscape.begin_node_state(second.token_id, NODE, 0)
        host.ctx.token = second
        token_written.set()
        wait(read)
        host.ctx.state_id = state_id
        waiter = host.adapter.register(second.token_id, state_id)
        transform.accept({"name": "B", "attempt": 0}, host.ctx)
        both.set()
        result = waiter.wait(LONG)
        host.landscape.complete_node_state(state_id, "completed", result.row)

    host.submitted["A0"] = writes_apart
    host.executor().execute(transform, first, host.ctx)


# -- runs in which nothing is wrong


def one_after_the_other(host: Host) -> None:
    """Each row is done before the next is submitted."""
    executor, transform = host.executor(), host.transform()
    for token in host.rows("ABC"):
        executor.execute(transform, token, host.ctx)
        transform.settle()


def slow_to_return(host: Host) -> None:
    """Each row is delivered before the next is submitted; the worker only takes its time to return."""
    release = threading.Event()
    host.submitted["B0"] = release.set
    executor, transform = host.executor(), host.transform()
    transform.return_late(release)
    for token in host.rows("AB"):
        executor.execute(transform, token, host.ctx)


def _rewritten(host: Host, rewrite: Scenario) -> None:
    started, written = threading.Event(), threading.Event()

    def reads(work: Work) -> None:
        started.set()
        wait(written)
        token = work.ctx.token
        work.record(token=token.token_id if token else None, node=work.ctx.node_id, run=work.ctx.run_id)

    def write() -> None:
        wait(started)
        rewrite(host)
        written.set()

    host.steps["A0"] = reads
    host.submitted["A0"] = write
    (token,) = host.rows("A")
    host.executor().execute(host.transform(), token, host.ctx)


def equal_token(host: Host) -> None:
    """The token is replaced by an equal one while the worker runs."""

    def replace(host: Host) -> None:
        assert host.ctx.token is not None
        host.ctx.token = dataclasses.replace(host.ctx.token)

    _rewritten(host, replace)


def same_ids(host: Host) -> None:
    """Every id is written again, as the same object and as an equal one, while the worker runs."""

    def again(host: Host) -> None:
        ctx = host.ctx
        ctx.state_id = ctx.state_id
        ctx.state_id = "".join(ctx.state_id or "")
        ctx.node_id = "".join(ctx.node_id or "")
        ctx.run_id = "".join(ctx.run_id)

    _rewritten(host, again)


def own_write(host: Host) -> None:
    """The worker writes an id itself and reads its own value back."""

    def writes(work: Work) -> None:
        work.ctx.node_id = "node-of-its-own"
        assert work.ctx.node_id == "node-of-its-own"
        work.record()

    host.steps["A0"] = writes
    (token,) = host.rows("A")
    host.executor().execute(host.transform(), token, host.ctx)
