"""Batches: a loop that takes several rows together, and one hand-over of several, under the scheduler.

The oracle is the batch itself: what is filed under an id that none of its rows was handed over with is wrong, and
nothing else is. Which of its own rows a worker means is its own affair.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from otel_handoff import Boundary, Call, HandoffInstrumentor, HandoffMismatchError, Mismatch
from otel_handoff.around.handoff import settle_all
from tests.schedules.explore import Errors, explored, strategy_of
from tests.schedules.pools import ControlledPool
from tests.schedules.scheduler import Greenlets, Scheduler

KINDS: Final = ("loop", "list")
MODES: Final = ("observe", "pin", "strict")


class Desk:
    """Where the row that is handed over next is written."""

    order: str | None = None


class Ledger:
    """What is compared."""

    def post(self, order: str | None) -> None:
        """File."""


@dataclass
class Filed:
    """One filing: under which id, in a batch of which, and whether it was refused."""

    order: str | None
    batch: frozenset[str]
    refused: bool = False

    @property
    def is_wrong(self) -> bool:
        """Whether it names no row of the batch."""
        return self.order not in self.batch


class Host:
    """Hands rows over, one by one or as lists, to threads that work on several together."""

    def __init__(self, scheduler: Scheduler, *, size: int) -> None:
        self.scheduler = scheduler
        self.size = size
        self.desk = Desk()
        self.ledger: Any = Ledger()
        self.line = Line()
        self.pool = ControlledPool(scheduler, "worker", 0)
        self.closed = False
        self.filed: list[Filed] = []
        self.at_desk: bool = False
        """Whether the desk is what is declared, so that each worker may have one of its own."""

    def loop(self) -> None:
        """Work function: take some rows, and file each under what its context says by then."""
        while True:
            self.scheduler.wait(lambda: bool(self.line.items) or self.closed)
            if not self.line.items:
                return
            rows = [self.line.take() for _ in range(min(self.size, len(self.line.items)))]
            batch = frozenset(row for row, _ in rows)
            for _, desk in rows:
                self.scheduler.pause()
                self._file(desk.order, batch)
            for _ in rows:
                self.line.task_done()

    def send(self, rows: Sequence[dict[str, str]], desk: Desk) -> None:
        """Submit function."""
        self.pool.submit(self.work, rows, desk)

    def work(self, rows: Sequence[dict[str, str]], desk: Desk) -> None:
        """Work function: file each, some of them under what the desk says."""
        batch = frozenset(row["order"] for row in rows)
        for number, row in enumerate(rows):
            self.scheduler.pause()
            self._file(row["order"] if number % 2 else desk.order, batch)

    def _file(self, order: str | None, batch: frozenset[str]) -> None:
        filed = Filed(order, batch)
        self.filed.append(filed)
        try:
            self.ledger.post(order)
        except HandoffMismatchError:
            filed.refused = True
        self.scheduler.pause()


class Line:
    """The queue."""

    def __init__(self) -> None:
        self.items: deque[tuple[str, Desk]] = deque()

    def put(self, item: tuple[str, Desk]) -> None:
        """Put a row in."""
        self.items.append(item)

    def take(self) -> tuple[str, Desk]:
        """Take one out."""
        return self.items.popleft()

    def task_done(self) -> None:
        """What was taken is done."""


def boundary(kind: str) -> Boundary:
    """The hand-off of a kind."""
    calls = (Call(f"{__name__}:Ledger.post", {"order": "order"}),)
    if kind == "list":
        there = f"{__name__}:Host"
        return Boundary(
            "list", submit=f"{there}.send", work=f"{there}.work", ids={"order": "rows.*.order"}, calls=calls
        )
    return Boundary(
        name="loop",
        submit=f"{__name__}:Line.put",
        work=f"{__name__}:Host.loop",
        takes=f"{__name__}:Line.take",
        context="item.1",
        fields={"order": "order"},
        calls=calls,
        batch=True,
    )


class Part(NamedTuple):
    """A share of an exploration, for a process of its own."""

    kind: str
    mode: str
    seeds: range
    clean: bool = False


@dataclass
class Found:
    """Many runs, added up."""

    part: Part
    counts: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])


def explore(part: Part) -> Found:
    """Run a program of the kind for each seed, and judge it."""
    found, errors = Found(part), Errors()
    kind, mode, seeds, clean = part
    reports: list[Mismatch] = []
    instrumentor = HandoffInstrumentor()
    with explored(errors):
        instrumentor.instrument(boundaries=[boundary(kind)], mode=mode, on_mismatch=reports.append)
        try:
            for seed in seeds:
                reports.clear()
                errors.told.clear()
                host = run(kind, random.Random(f"{seed}/{kind}/{clean}"), Greenlets(strategy_of(seed)), clean=clean)
                settle_all()
                found.counts["filed"] += len(host.filed)
                found.counts["wrong"] += sum(each.is_wrong for each in host.filed)
                found.counts["prevented"] += sum(report.outcome == "prevented" for report in reports)
                found.failures += [f"seed {seed}: {text}" for text in (*judge(host, reports, mode), *errors.told)]
        finally:
            instrumentor.uninstrument()
    return found


def judge(host: Host, reports: Sequence[Mismatch], mode: str) -> list[str]:
    """Compare what was reported with what was filed."""
    wrong = [each for each in host.filed if each.is_wrong]
    told = [report for report in reports if report.outcome in ("used", "blocked") and report.evidence != "read"]
    faults: list[str] = []
    filed = Counter[object](each.order for each in wrong)
    found = Counter[object](report.observed["order"] for report in told)
    missed, false = filed - found, found - filed
    faults += [f"missed: {order} in {count} filings" for order, count in missed.items()]
    faults += [f"false alarm: {order} in {count} filings" for order, count in false.items()]
    if mode == "pin" and host.at_desk:
        faults += [f"took effect: {each}" for each in wrong]
    if mode == "strict":
        faults += [f"refused: {each}" for each in host.filed if each.refused != each.is_wrong]
    for report in reports:
        expected, seen = report.expected["order"], report.observed["order"]
        if expected == seen:
            faults.append(f"false alarm: {report}")
        culprit = report.culprit
        if host.at_desk and (culprit is None or (culprit.value, culprit.thread_name) != (seen, "submitter")):
            faults.append(f"culprit: {culprit} of {report}")
    return faults


def run(kind: str, rng: random.Random, scheduler: Scheduler, *, clean: bool) -> Host:
    """Hand some rows over, with one desk for all, or (clean) one for each."""
    host = Host(scheduler, size=rng.randint(1, 3))
    host.at_desk = kind == "loop"
    sizes = [rng.randint(1, 3) for _ in range(rng.randint(2, 4))]

    def submit() -> None:
        number = 0
        for size in sizes:
            rows = [f"row {number + i}" for i in range(size)]
            number += size
            scheduler.pause()
            desk = Desk() if clean else host.desk
            if kind == "list":
                desk.order = rng.choice(rows)
                host.send([{"order": row} for row in rows], desk)
                continue
            for row in rows:
                desk = Desk() if clean else host.desk
                desk.order = row
                scheduler.pause()
                host.line.put((row, desk))

    def close() -> None:
        host.closed = host.pool.closed = True

    scheduler.spawn("submitter", submit)
    for worker in range(rng.randint(1, 2)):
        if kind == "loop":
            scheduler.spawn(f"worker-{worker}", host.loop)
        else:
            host.pool._start()  # pyright: ignore[reportPrivateUsage]
    scheduler.on_idle = close
    scheduler.run()
    assert not scheduler.failures, scheduler.failures
    assert not host.pool.raised, host.pool.raised
    return host
