"""ELSPETH's hand-off goes wrong in seven ways; each is forced here on its real classes, and what is reported judged."""

from __future__ import annotations

import threading

import pytest

from otel_handoff import HandoffMismatchError, Mismatch
from tests.elspeth.host import SHORT, Host, clears_context
from tests.steps import after, busy, capture, hang, idle, late, wait

WATCHED = pytest.mark.parametrize("mode", ["off", "observe", "pin"])
WATCHED_AND_STRICT = pytest.mark.parametrize("mode", ["off", "observe", "pin", "strict"])

Attempt = tuple[str, int]


def judge(
    host: Host,
    mode: str,
    mismatches: list[Mismatch],
    *,
    submitted: Attempt,
    used: Attempt,
    evidence: str = "call",
    stale: bool = False,
) -> None:
    """Hold what was reported against the one thing that went wrong."""
    if mode == "off":
        assert mismatches == []
        return
    reports = about_state(mismatches)
    if mode == "pin":
        assert {(m.outcome, m.evidence) for m in reports} <= {("prevented", evidence), ("prevented", "read")}
        assert reports
    else:
        outcome = "used" if mode == "observe" else "blocked"
        assert [(m.outcome, m.evidence) for m in reports] == [(outcome, evidence)], texts(mismatches)
    for mismatch in reports:
        assert mismatch.expected["state_id"] == host.state(*submitted)
        assert mismatch.observed["state_id"] == host.state(*used)
        assert mismatch.submission.ids["state_id"] == host.state(*submitted)
        assert mismatch.submission.ids["run_id"] == host.run_id
        assert mismatch.submission.ids["node_id"] == host.node_id
        assert host.names[str(mismatch.submission.ids["token_id"])] == submitted[0]
        assert mismatch.stale is stale
        assert host.state(*used) in str(mismatch)
    submission = reports[0].submission
    errors = [m for m in mismatches if m.is_error]
    assert all(m.submission is submission for m in errors), texts(errors)


def about_state(mismatches: list[Mismatch]) -> list[Mismatch]:
    """Return the reports of a wrong state that was, or would have been, used."""
    return [m for m in mismatches if "state_id" in m.expected and m.outcome != "exposed"]


def texts(mismatches: list[Mismatch]) -> str:
    """Return the full reports, for a failure's message."""
    return "\n\n".join(str(m) for m in mismatches)


def filed(host: Host, mode: str, right: list[Attempt], *, submitted: Attempt, used: Attempt) -> None:
    """Hold the landscape against what this mode promises."""
    expected = {attempt: [attempt] for attempt in right}
    if mode == "pin":
        expected[submitted] = [submitted]
    elif mode != "strict":
        expected[submitted] = [used]
    assert host.filed() == expected


def blocked(host: Host, mode: str, submitted: Attempt) -> None:
    """Hold what the processor saw against what this mode promises."""
    if mode != "strict":
        assert host.raised == {}
        return
    assert set(host.raised) == {submitted}
    assert isinstance(host.raised[submitted], HandoffMismatchError)


@WATCHED_AND_STRICT
def test_a_call_recorded_after_the_next_row_was_submitted(host: Host, mode: str, mismatches: list[Mismatch]) -> None:
    """a: two rows back to back, one worker, and the first reads the context late."""
    started, both = threading.Event(), threading.Event()
    transform = host.transform({("A", 0): late(started, both)})
    first = host.submit(transform, host.token("A"))
    wait(started)
    second = host.submit(transform, host.token("B"))
    both.set()
    if mode == "strict":
        with pytest.raises(HandoffMismatchError):
            first.wait()
    else:
        first.wait()
    second.wait()
    host.close()
    filed(host, mode, [("B", 0)], submitted=("A", 0), used=("B", 0))
    blocked(host, mode, ("A", 0))
    judge(host, mode, mismatches, submitted=("A", 0), used=("B", 0))


@WATCHED
def test_a2_result_routed_under_the_next_row(host: Host, mode: str, mismatches: list[Mismatch]) -> None:
    """a2: the processor never touches the context; the worker was merely busy while the next row was submitted."""
    started, both = threading.Event(), threading.Event()
    transform = host.transform({("Z", 0): busy(started, both), ("A", 0): idle, ("B", 0): idle})
    earlier = host.submit(transform, host.token("Z"))
    wait(started)
    first = host.submit(transform, host.token("A"))
    second = host.submit(transform, host.token("B"))
    both.set()
    earlier.wait()
    second.wait()  # results leave in order: by now the first row's has been routed, to its waiter or to none
    if mode == "pin":
        first.wait()
    else:
        with pytest.raises(TimeoutError):
            first.wait(timeout=SHORT)
    host.close()
    assert host.filed() == {}
    judge(host, mode, mismatches, submitted=("A", 0), used=("B", 0), evidence="result")


@WATCHED_AND_STRICT
def test_b1_call_recorded_while_the_retry_runs(host: Host, mode: str, mismatches: list[Mismatch]) -> None:
    """b1: attempt 0 times out, attempt 1 starts under a new state, and the old worker then records."""
    started, retried, recorded = threading.Event(), threading.Event(), threading.Event()
    steps = {("A", 0): late(started, retried, recorded), ("A", 1): after(retried, recorded)}
    transform = host.transform(steps, workers=2)
    token = host.token("A")
    with pytest.raises(TimeoutError):
        host.execute(transform, token, 0, timeout=SHORT, submitted=lambda: wait(started))
    host.execute(transform, token, 1)
    host.close()
    filed(host, mode, [("A", 1)], submitted=("A", 0), used=("A", 1))
    blocked(host, mode, ("A", 0))
    judge(host, mode, mismatches, submitted=("A", 0), used=("A", 1), stale=True)


@WATCHED
def test_b2_call_recorded_while_the_next_row_runs(host: Host, mode: str, mismatches: list[Mismatch]) -> None:
    """b2: attempt 0 of one row times out, the next row is submitted, and the old worker then records."""
    started, following, recorded = threading.Event(), threading.Event(), threading.Event()
    steps = {("A", 0): late(started, following, recorded), ("B", 0): after(following, recorded)}
    transform = host.transform(steps, workers=2)
    with pytest.raises(TimeoutError):
        host.execute(transform, host.token("A"), timeout=SHORT, submitted=lambda: wait(started))
    host.execute(transform, host.token("B"))
    host.close()
    filed(host, mode, [("B", 0)], submitted=("A", 0), used=("B", 0))
    blocked(host, mode, ("A", 0))
    judge(host, mode, mismatches, submitted=("A", 0), used=("B", 0), stale=True)


@WATCHED
def test_b3_call_recorded_while_no_row_is_current(host: Host, mode: str, mismatches: list[Mismatch]) -> None:
    """b3: attempt 0 times out and nothing follows: the call is right by luck (0.1) or lost (later versions)."""
    started, over = threading.Event(), threading.Event()
    transform = host.transform({("A", 0): late(started, over)})
    with pytest.raises(TimeoutError):
        host.execute(transform, host.token("A"), timeout=SHORT, submitted=lambda: wait(started))
    over.set()
    host.close()
    lost = clears_context()
    if not lost or mode == "pin":
        assert host.filed() == {("A", 0): [("A", 0)]}
        assert host.raised == {}
    else:
        assert host.filed() == {}
        assert type(host.raised["A", 0]).__name__ == "FrameworkBugError"
    if not lost or mode == "off":
        assert mismatches == []
        return
    reports = about_state(mismatches)
    assert len(reports) == 1, texts(mismatches)
    (mismatch,) = reports
    assert mismatch.expected["state_id"] == host.state("A")
    assert mismatch.observed["state_id"] is None
    assert mismatch.outcome == ("prevented" if mode == "pin" else "used")
    assert mismatch.evidence in ({"call", "read"} if mode == "pin" else {"read"})
    assert mismatch.stale is True


@WATCHED
def test_b5_queued_attempt_runs_under_the_next_attempt(host: Host, mode: str, mismatches: list[Mismatch]) -> None:
    """b5: attempt 1 waits behind a hanging attempt 0, is evicted but not cancelled, and runs while attempt 2 is on."""
    started, go = threading.Event(), threading.Event()
    transform = host.transform({("A", 0): hang(started, go), ("A", 1): capture, ("A", 2): capture})
    token = host.token("A")
    with pytest.raises(TimeoutError):
        host.execute(transform, token, 0, timeout=SHORT, submitted=lambda: wait(started))
    with pytest.raises(TimeoutError):
        host.execute(transform, token, 1, timeout=SHORT)
    host.execute(transform, token, 2, submitted=go.set)
    host.close()
    filed(host, mode, [("A", 0), ("A", 2)], submitted=("A", 1), used=("A", 2))
    judge(host, mode, mismatches, submitted=("A", 1), used=("A", 2), stale=True)


@WATCHED
def test_b5_queued_attempt_runs_under_the_next_row(host: Host, mode: str, mismatches: list[Mismatch]) -> None:
    """b5: attempt 1 waits behind a hanging attempt 0, is evicted, not cancelled, and runs while the next row is on."""
    started, go = threading.Event(), threading.Event()
    transform = host.transform({("A", 0): hang(started, go), ("A", 1): capture, ("B", 0): capture})
    token = host.token("A")
    with pytest.raises(TimeoutError):
        host.execute(transform, token, 0, timeout=SHORT, submitted=lambda: wait(started))
    with pytest.raises(TimeoutError):
        host.execute(transform, token, 1, timeout=SHORT)
    host.execute(transform, host.token("B"), submitted=go.set)
    host.close()
    filed(host, mode, [("A", 0), ("B", 0)], submitted=("A", 1), used=("B", 0))
    judge(host, mode, mismatches, submitted=("A", 1), used=("B", 0), stale=True)
