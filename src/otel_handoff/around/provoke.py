"""Provoked interleavings: a worker is held back until the submitter has moved on, and then goes first.

A race that shows once in a million runs needs a worker that is late by just one step of the submitter. Here the worker
is made late on purpose, where it matters: when it starts, before it reads a watched field, before it files a call or a
result. Which worker, where, and for how many steps is drawn from a seed. Choosing a few places per row at random, in
place of disturbing every step a little, follows Burckhardt et al., "A Randomized Scheduler with Probabilistic
Guarantees of Finding Bugs" (ASPLOS 2010).

No wait is unbounded, so no host can deadlock: one that waits for its worker before it moves on loses the bound, and a
place where that keeps happening is passed over more and more often.
"""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
import weakref
from typing import Any, Final

from otel_handoff.around.patience import Patience
from otel_handoff.handover.lease import Lease, active, judged_lease
from otel_handoff.host.guard import Tally, guard
from otel_handoff.host.ids import same

_logger = logging.getLogger("otel_handoff")

_CHANCE: Final = 0.4
"""That a row is held at a point, while it may be held at all."""

_HOLDS: Final = (0, 1, 1, 2)
"""How often a row is held, drawn evenly: some run through, or everybody would be equally late."""

_STEPS: Final = (("submission", 1),) * 5 + (("submission", 2),) * 3 + (("submission", 3), ("write", 1), ("write", 2))
"""Until what a worker is held, drawn evenly: so many submissions of its context, or ids of it that changed."""

_TURN: Final = 0.2
"""Part of the bound for which the submitter waits, in turn, until a worker that was let go has made its next step."""

_LARGEST_SEED: Final = 2**31


class _Row:
    """What is drawn for one row, and which thread handed it over."""

    __slots__ = ("draw", "holds", "submitter")

    def __init__(self, seed: str) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - no secret: a run to be repeated
        self.holds: int = self.draw.choice(_HOLDS)
        self.submitter: int = threading.get_ident()


class _Hold:
    """One worker, held back. Each attribute is set before `news`, so that who wakes sees it."""

    __slots__ = ("evicted", "kind", "lease", "let_go", "moved", "news", "passed", "steps")

    def __init__(self, lease: Lease, kind: str, steps: int) -> None:
        self.lease = lease
        self.kind = kind
        self.steps = steps
        self.moved: bool = False
        self.evicted: bool = False
        self.let_go: bool = False
        self.news = threading.Event()
        self.passed = threading.Event()

    def step(self, kind: str) -> bool:
        """The submitter made a step; return whether it was the one that the worker was held for."""
        self.moved = True
        if kind == self.kind:
            self.steps -= 1
            self.let_go = self.steps <= 0
            self.news.set()  # also where more steps are to come: the submitter is alive, so it is waited for anew
        return self.let_go

    def free(self) -> None:
        self.let_go = True
        self.news.set()


class Provoker:
    """Holds workers back. What the engine calls is told by `lease.Provoker`; none of it raises.

    Attributes:
        seed: repeats the choices, where rows are submitted in the same order.
        wait: seconds that a worker is held while nothing moves on.
        held: how many times a worker was held.
        in_vain: how many times nothing had moved on at the end of it.
    """

    def __init__(self, seed: int, wait: float = 0.25) -> None:
        self.seed: int = seed
        self.wait: float = wait
        self.held: Tally = Tally()
        self.in_vain: Tally = Tally()
        self._patience = Patience()
        self._rows: weakref.WeakKeyDictionary[Lease, _Row] = weakref.WeakKeyDictionary()
        self._holds: list[_Hold] = []  # appended, removed and copied in single steps, so there is no lock
        self._passing: dict[int, _Hold] = {}
        self._owed: dict[Lease, threading.Event] = {}
        self._calm = False
        self.restart("")

    def restart(self, name: str) -> None:
        """Begin a test: its choices depend on the seed and its name, and not on the tests before it."""
        self._name = name
        self._ordinals = itertools.count()
        self._calm = False

    def settle(self) -> None:
        """End a test: hold nobody any more, and give those who were held the time that they lost, once."""
        self._calm = True
        for hold in self._holds[:]:
            hold.free()
        until = time.monotonic() + self.wait
        for over in list(self._owed.values()):
            over.wait(max(0.0, until - time.monotonic()))
        self._owed.clear()

    # -- the submitter

    def submitted(self, lease: Lease, context: Any) -> None:
        """A row is about to be handed over: workers that were held for this go first."""
        with guard:
            self._rows[lease] = _Row(f"{self.seed}/{self._name}/{next(self._ordinals)}")
            self._let_go([hold for hold in self._of(context) if hold.step("submission")])

    def wrote(self, context: Any, root: str, value: Any) -> None:
        """A field was written. The same id again is no step, nor is what a worker writes for itself."""
        if not self._holds:
            return
        with guard:
            writer = active.get()
            changed = [
                hold
                for hold in self._of(context)
                if hold.lease is not writer and not same(hold.lease.roots.get(root), value)
            ]
            self._let_go([hold for hold in changed if hold.step("write")])

    def evicted(self, lease: Lease) -> None:
        """A row was given up: whoever gave it up is about to move on, so its worker is held once more as long."""
        with guard:
            for hold in self._of(lease.context) if lease.context is not None else ():
                if hold.lease is lease and not hold.evicted:
                    hold.evicted = True
                    hold.news.set()

    def _of(self, context: Any) -> list[_Hold]:
        return [hold for hold in self._holds[:] if hold.lease.context is context]

    def _let_go(self, holds: list[_Hold]) -> None:
        for hold in holds:
            hold.free()
        for hold in holds:
            hold.passed.wait(self.wait * _TURN)

    # -- the worker

    def hold(self, lease: Lease, point: str) -> None:
        """A worker is about to do something: hold it back, or not."""
        with guard:
            self._pass()
            row = self._rows.get(lease)
            # A host that works on the submitting thread would be waiting for itself.
            if self._calm or row is None or not row.holds or lease.ended or row.submitter == threading.get_ident():
                return
            place = f"{lease.submission.boundary} {point}"
            if row.draw.random() >= _CHANCE or not self._patience.is_worth_it(place):
                return
            row.holds -= 1
            self._patience.learn(place, moved=self._wait(_Hold(lease, *row.draw.choice(_STEPS))))

    def reads(self, context: Any, root: str) -> None:
        """A field is about to be read, by a worker or by anybody."""
        lease = active.get()
        if lease is not None and (context is lease.handed or context is lease.context) and judged_lease() is lease:
            self.hold(lease, f"read {root}")

    def ended(self, lease: Lease) -> None:
        """The work on a row is over."""
        with guard:
            self._pass()
            if (over := self._owed.pop(lease, None)) is not None:
                over.set()

    def _pass(self) -> None:
        # This thread's last hold is behind it: whoever let it go first may go on.
        if self._passing and (hold := self._passing.pop(threading.get_ident(), None)) is not None:
            hold.passed.set()

    def _wait(self, hold: _Hold) -> bool:
        self.held.add()
        self._owed.setdefault(hold.lease, threading.Event())
        self._passing[threading.get_ident()] = hold
        self._holds.append(hold)
        try:
            while not hold.let_go and hold.news.wait(self.wait):
                hold.news.clear()
        finally:
            self._holds.remove(hold)
        if not hold.moved:
            self.in_vain.add()
        return hold.moved


def any_seed() -> int:
    """Return a seed to print, so that the run can be repeated."""
    return random.SystemRandom().randrange(2, _LARGEST_SEED)


def turn_on(seed: int, wait: float) -> bool:
    """Provoke interleavings in this process; 1 as the seed means any.

    Returns:
        Whether this call did it: False where they are provoked already.
    """
    if Lease.provoker is not None:
        return False
    provoker = Provoker(any_seed() if seed == 1 else seed, wait)
    Lease.provoker = provoker
    _logger.warning(
        "PROVOKED INTERLEAVINGS ARE ON: workers are held back on purpose, up to %s s at a time. This is for tests, "
        "never for production. To repeat this run: OTEL_HANDOFF_PROVOKE=%d",
        wait,
        provoker.seed,
    )
    return True
