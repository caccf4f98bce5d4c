"""Provoked interleavings: when a worker is held, what lets it go, and that no host is ever stuck."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from otel_handoff import Boundary, HandoffInstrumentor
from otel_handoff.around import provoke
from otel_handoff.around.patience import Patience
from otel_handoff.around.provoke import Provoker, turn_on
from otel_handoff.handover.lease import Lease
from tests.hosts import WAIT, Context, Job, Ledger, Order, Pool, boundary
from tests.telemetry import Telemetry


@contextmanager
def provoked(provoker: Provoker, telemetry: Telemetry, *boundaries: Boundary) -> Generator[None]:
    """Instrument the pool, and provoke."""
    instrumentor = HandoffInstrumentor()
    instrumentor.instrument(boundaries=boundaries or [boundary()], mode="observe", **telemetry.options)
    Lease.provoker = provoker
    try:
        yield
    finally:
        Lease.provoker = None
        instrumentor.uninstrument()


@pytest.fixture
def pool() -> Iterator[Pool]:
    """One worker."""
    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Every row is held once, at its start, until the next submission."""
    monkeypatch.setattr(provoke, "_CHANCE", 1.0)
    monkeypatch.setattr(provoke, "_HOLDS", (1,))
    monkeypatch.setattr(provoke, "_STEPS", (("submission", 1),))
    return monkeypatch


class Telling(Provoker):
    """Says when somebody is held."""

    def __init__(self, seed: int, wait: float) -> None:
        super().__init__(seed, wait)
        self.holding = holding = threading.Event()

        class Holds(list[Any]):
            def append(self, hold: Any) -> None:
                super().append(hold)
                holding.set()

        self._holds = Holds()


def post(ledger: Ledger) -> Job:
    """Work that files its order under what the context says."""
    return lambda order, ctx: ledger.post(ctx.order and ctx.order.id, order.id)


def test_a_held_worker_goes_first_when_the_submitter_has_moved_on(
    always: pytest.MonkeyPatch, pool: Pool, telemetry: Telemetry
) -> None:
    """It has filed its order before the next one is in the queue, and under the next one's id."""
    ledger, ctx = Ledger(), Context()
    filed: list[int] = []

    class Watched(Context):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            filed.append(len(ledger.entries))

    ctx = Watched()
    provoker = Provoker(2, WAIT)
    with provoked(provoker, telemetry):
        ctx.order = Order("A")
        first = pool.enqueue(ctx.order, ctx, post(ledger))
        ctx.order = Order("B")
        always.setattr(provoke, "_HOLDS", (0,))
        second = pool.enqueue(ctx.order, ctx, post(ledger))
        first.result(WAIT)
        second.result(WAIT)
    assert ledger.entries == [("B", None, "A"), ("B", None, "B")]
    assert filed[-1] == 0
    (mismatch,) = telemetry.mismatches
    assert (mismatch.evidence, mismatch.outcome, mismatch.observed) == ("call", "used", {"order_id": "B"})
    assert (provoker.held.value, provoker.in_vain.value) == (1, 0)


def test_a_changed_id_lets_a_worker_go_and_the_same_id_does_not(
    always: pytest.MonkeyPatch, pool: Pool, telemetry: Telemetry
) -> None:
    """An equal order is no step; another one is, submitted or not."""
    always.setattr(provoke, "_STEPS", (("write", 1),))
    ledger, ctx = Ledger(), Context(order=Order("A"))
    provoker = Telling(2, WAIT)
    with provoked(provoker, telemetry):
        future = pool.enqueue(Order("A"), ctx, post(ledger))
        assert provoker.holding.wait(WAIT)
        ctx.order = Order("A")
        ctx.attempt = None
        assert not ledger.entries
        ctx.order = Order("B")
        future.result(WAIT)
    assert ledger.entries == [("B", None, "A")]


def test_a_host_that_waits_for_each_row_loses_little_and_is_never_stuck(pool: Pool, telemetry: Telemetry) -> None:
    """All rows are right, and places where nobody moves on are passed over more and more often."""
    ledger, ctx = Ledger(), Context()
    provoker = Provoker(3, 0.001)
    with provoked(provoker, telemetry):
        for number in range(200):
            ctx.order = Order(str(number))
            pool.enqueue(ctx.order, ctx, post(ledger)).result(WAIT)
    assert ledger.entries == [(str(number), None, str(number)) for number in range(200)]
    assert telemetry.mismatches == []
    assert 0 < provoker.in_vain.value == provoker.held.value < 40


def test_a_lock_around_every_access_neither_helps_nor_hangs(pool: Pool, telemetry: Telemetry) -> None:
    """The worker is held with the lock that the submitter needs: the bound ends it. Elsewhere the race is found."""
    lock, ledger, ctx = threading.Lock(), Ledger(), Context()

    def locked(order: Order, ctx: Context) -> None:
        with lock:
            order_id = ctx.order and ctx.order.id
        ledger.post(order_id, order.id)

    with provoked(Provoker(2, 0.01), telemetry):
        futures: list[Any] = []
        for number in range(50):
            with lock:
                ctx.order = Order(str(number))
            futures.append(pool.enqueue(Order(str(number)), ctx, locked))
        for future in futures:
            future.result(WAIT)
    assert len(ledger.entries) == 50
    assert any(mismatch.outcome == "used" for mismatch in telemetry.mismatches)


class Inline(Pool):
    """Works on the thread that submits."""

    def enqueue(self, order: Order, ctx: Context, job: Job) -> Any:
        """Submit function."""
        return self._run(order, ctx, job)

    def _run(self, order: Order, ctx: Context, job: Job) -> Any:
        return job(order, ctx)


def test_a_host_that_works_on_the_submitting_thread_is_not_held(
    always: pytest.MonkeyPatch, telemetry: Telemetry
) -> None:
    """It would be waiting for itself."""
    host, ledger, ctx = Inline(), Ledger(), Context(order=Order("A"))
    provoker = Provoker(2, WAIT)
    inline = boundary(submit=f"{__name__}:Inline.enqueue", work=f"{__name__}:Inline._run")
    with provoked(provoker, telemetry, inline):
        host.enqueue(Order("A"), ctx, post(ledger))
    assert ledger.entries == [("A", None, "A")]
    assert provoker.held.value == 0
    assert telemetry.counted("handoff.submissions") == {("orders",): 1}


def test_the_end_of_a_test_lets_everybody_go(always: pytest.MonkeyPatch, pool: Pool, telemetry: Telemetry) -> None:
    """Who was held is waited for; who comes after is not held, until the next test begins."""
    ledger, ctx = Ledger(), Context(order=Order("A"))
    provoker = Telling(2, WAIT)
    with provoked(provoker, telemetry):
        pool.enqueue(Order("A"), ctx, post(ledger))
        assert provoker.holding.wait(WAIT)
        provoker.settle()
        assert ledger.entries == [("A", None, "A")]
        pool.enqueue(Order("B"), ctx, post(ledger)).result(WAIT)
        assert provoker.held.value == 1


class Noting(Provoker):
    """Notes what it would do."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.noted: list[tuple[int, str, int]] = []

    def _wait(self, hold: Any) -> bool:
        self.noted.append((hold.lease.submission.number, hold.kind, hold.steps))
        return True


def choices(seed: int, test: str, telemetry: Telemetry) -> list[tuple[int, str, int]]:
    """Return what is done to 20 rows, with rows counted from 0."""
    provoker = Noting(seed)
    provoker.restart(test)
    pool, ctx, ledger = Pool(), Context(), Ledger()
    with provoked(provoker, telemetry):
        before = telemetry.counted("handoff.submissions").get(("orders",), 0)
        for number in range(20):
            ctx.order = Order(str(number))
            pool.enqueue(ctx.order, ctx, post(ledger)).result(WAIT)
        pool.close()
        assert telemetry.counted("handoff.submissions")["orders",] == before + 20
    first = min(number for number, _, _ in provoker.noted)
    return [(number - first, kind, steps) for number, kind, steps in provoker.noted]


def test_a_seed_repeats_the_choices_of_a_test(telemetry: Telemetry) -> None:
    """Whatever ran before it; another seed, or another test, has other ones."""
    noted = choices(2, "a test", telemetry)
    assert len(noted) > 5
    assert choices(2, "a test", telemetry) == noted
    assert choices(3, "a test", telemetry) != noted
    assert choices(2, "another", telemetry) != noted


def test_a_place_that_was_in_vain_is_passed_over_and_one_hit_forgives_it() -> None:
    """After n holds in vain 2^n - 1 chances, at most 31."""
    patience = Patience()
    passed: list[int] = []
    for _ in range(7):
        patience.learn("x", moved=False)
        passed.append(next(count for count in range(100) if patience.is_worth_it("x")))
    assert passed == [1, 3, 7, 15, 31, 31, 31]
    assert patience.is_worth_it("y")
    patience.learn("x", moved=True)
    assert patience.is_worth_it("x")


# -- outside of pytest


@pytest.mark.parametrize(
    ("environment", "seed", "told"),
    [
        ({}, None, ""),
        ({"OTEL_HANDOFF_PROVOKE": "0"}, None, ""),
        ({"OTEL_HANDOFF_PROVOKE_WAIT": "0.5"}, None, ""),
        ({"OTEL_HANDOFF_PROVOKE": "yes"}, None, "OTEL_HANDOFF_PROVOKE=yes is neither 1 nor a seed"),
        ({"OTEL_HANDOFF_PROVOKE": "-3"}, None, "OTEL_HANDOFF_PROVOKE=-3 is neither 1 nor a seed"),
        ({"OTEL_HANDOFF_PROVOKE": "7"}, 7, "PROVOKED INTERLEAVINGS ARE ON"),
        ({"OTEL_HANDOFF_PROVOKE": "1"}, 1, "never for production"),
        ({"OTEL_HANDOFF_PROVOKE": "7", "OTEL_HANDOFF_PROVOKE_WAIT": "nan"}, 7, "is not a number of seconds"),
    ],
)
def test_only_a_number_in_the_environment_turns_it_on(
    environment: dict[str, str],
    seed: int | None,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    telemetry: Telemetry,
) -> None:
    """And it says so; uninstrumenting turns it off."""
    for name in ("OTEL_HANDOFF_PROVOKE", "OTEL_HANDOFF_PROVOKE_WAIT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    instrumentor = HandoffInstrumentor()
    with caplog.at_level(logging.WARNING, "otel_handoff"):
        instrumentor.instrument(boundaries=[boundary()], **telemetry.options)
    provoker, text = Lease.provoker, caplog.text
    assert turn_on(9, 1.0) is (seed is None)  # where it is on, the first one's seed stays
    if seed is None:
        Lease.provoker = None
    instrumentor.uninstrument()
    assert Lease.provoker is None
    if seed is None:
        assert provoker is None
    else:
        assert isinstance(provoker, Provoker)
        assert (provoker.seed == seed) is (seed > 1)
        assert provoker.wait == 0.25
    assert told in text
    assert bool(text) is bool(told)
