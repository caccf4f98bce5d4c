"""Many runs: instruments once per mode, runs program after program, and adds the verdicts up."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from otel_handoff import Boundary, HandoffInstrumentor, Mismatch
from otel_handoff.around.handoff import settle_all
from otel_handoff.host.guard import guard
from tests.schedules import loops, mixin
from tests.schedules.adapters import DECLARED, VARIANTS
from tests.schedules.hosts import Pool, Queue, boundary
from tests.schedules.notes import Provider
from tests.schedules.oracle import Oracle
from tests.schedules.program import Program, generate
from tests.schedules.records import Unchecked
from tests.schedules.run import Run
from tests.schedules.scheduler import Greenlets, Scheduler
from tests.schedules.shrink import same_failure, shrink
from tests.schedules.strategies import Decisions, Priorities, RandomChoice, Strategy
from tests.schedules.truth import tick
from tests.schedules.verdict import Verdict

HOSTS: Final = ("pool", "queue", "mixin")
SHAPES: Final = tuple(VARIANTS)


@dataclass(frozen=True)
class Setting:
    """How the hosts are instrumented."""

    mode: str
    watch: bool = True

    def __str__(self) -> str:
        return self.mode if self.watch else f"{self.mode}, no watch"


SETTINGS: Final = tuple(Setting(mode, watch) for watch in (True, False) for mode in ("observe", "pin", "strict"))


class Errors(logging.Handler):
    """Keeps the errors of our own that the guard tells of."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        if record.exc_info:
            self.told.append(logging.Formatter().formatException(record.exc_info))


class Explorer:
    """Runs programs under one setting; a context manager, within which the hosts are instrumented."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._run: Run | None = None
        self._runs = 0
        self._errors = Errors()
        self._undo = ExitStack()
        self._hosts: tuple[str, ...] = ()

    def __enter__(self) -> Explorer:  # noqa: PYI034  typing has no Self on 3.10
        self._undo.enter_context(explored(self._errors))
        self._undo.callback(HandoffInstrumentor().uninstrument)
        self._instrument(HOSTS)
        return self

    def _instrument(self, hosts: tuple[str, ...]) -> None:
        if self._hosts:
            HandoffInstrumentor().uninstrument()
        self._hosts = hosts
        HandoffInstrumentor().instrument(
            boundaries=[boundary_of(host) for host in hosts],
            mode=self._setting.mode,
            watch=self._setting.watch,
            tracer_provider=Provider(self._on_unchecked),
            on_mismatch=self._on_mismatch,
        )

    def __exit__(self, *error: object) -> None:
        self._undo.close()

    def run(self, program: Program, strategy: Strategy) -> Outcome:
        """Run one program to its end, and judge it."""
        return self.run_on(program, Greenlets(strategy), exact=True)

    def run_on(self, program: Program, scheduler: Scheduler, *, exact: bool) -> Outcome:
        """The same on a scheduler of one's choice."""
        if program.host not in self._hosts:
            self._instrument(HOSTS if program.host in HOSTS else (program.host,))
        self._runs += 1
        if self._runs % 100 == 0:
            gc.collect()
        self._errors.told.clear()
        self._run = run = Run(program, scheduler, watch=self._setting.watch, mode=self._setting.mode)
        run.go()
        settle_all()
        self._run = None
        verdict = Oracle(run.truth, run.reports, run.unchecked, may=run.may, exact=exact).judge()
        faults = [*run.truth.faults, *(f"internal error: {text}" for text in self._errors.told)]
        return Outcome(program, list(scheduler.decisions), verdict, faults, len(run.truth.attempts))

    def _on_mismatch(self, mismatch: Mismatch) -> None:
        if self._run is not None:
            self._run.truth.reported(mismatch)
            self._run.reports.append((tick(), mismatch))

    def _on_unchecked(self, unchecked: Unchecked) -> None:
        if self._run is not None:
            self._run.unchecked.append(unchecked)


def boundary_of(host: str) -> Boundary:
    """Return the hand-off of a host."""
    if host == "mixin":
        return mixin.BOUNDARY
    if host == "looping":
        return loops.boundary()
    return boundary({"pool": Pool, "queue": Queue, **DECLARED}[host])


@contextmanager
def explored(errors: logging.Handler) -> Generator[None]:
    """Let nothing but the scheduler decide what comes next; `errors` is given what the package logs."""
    logger = logging.getLogger("otel_handoff")
    before = (guard.reraise, time.time_ns, logger.propagate, logger.level)
    collecting = gc.isenabled()
    gc.disable()  # a finalizer runs at a point that is no schedule's; it may even be in the scheduler
    guard.reraise, time.time_ns, logger.propagate = False, tick, False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(errors)
    try:
        yield
    finally:
        logger.removeHandler(errors)
        guard.reraise, time.time_ns, logger.propagate, level = before
        logger.setLevel(level)
        if collecting:
            gc.enable()


@dataclass
class Outcome:
    """One run, judged."""

    program: Program
    decisions: list[int]
    verdict: Verdict
    faults: list[str]
    rows: int

    @property
    def failures(self) -> list[str]:
        """Everything that must not be."""
        return [*self.faults, *self.verdict.failures()]


@dataclass
class Total:
    """Many runs, added up."""

    setting: Setting
    schedules: int = 0
    rows: int = 0
    uses: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    evidence: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    counts: Counter[str] = field(default_factory=Counter[str])
    told: Counter[str] = field(default_factory=Counter[str])
    failed: list[tuple[int, str, Outcome]] = field(default_factory=list[tuple[int, str, Outcome]])
    """Seed, host and outcome of the first runs with a failure."""

    def add(self, seed: int, host: str, outcome: Outcome) -> None:
        """Add one run."""
        self.schedules += 1
        self.rows += outcome.rows
        self.uses += outcome.verdict.uses
        self.evidence += outcome.verdict.evidence
        self.told += outcome.verdict.told
        for text in outcome.failures:
            self.counts[text.split(":", 1)[0] if text.split(":", 1)[0] in FAILURES else "fault"] += 1
        if outcome.failures and len(self.failed) < MOST_KEPT:
            self.failed.append((seed, host, outcome))

    def merge(self, other: Total) -> None:
        """Add the runs of another."""
        self.schedules += other.schedules
        self.rows += other.rows
        self.uses += other.uses
        self.evidence += other.evidence
        self.counts += other.counts
        self.told += other.told
        self.failed = (self.failed + other.failed)[:MOST_KEPT]


MOST_KEPT: Final = 20
FAILURES: Final = (
    "false alarm",
    "missed",
    "culprit",
    "took effect",
    "neither judged nor told",
    "why",
    "internal error",
)


SHARING: Final = frozenset({"fanning", "spreading"})
"""Hosts in which two workers have one context, or one copy: where one of them writes, the other is not right."""

STAMPING: Final = frozenset({"stamping", "stampingqueue"})
"""Hosts in which the submit function writes the ids. Without watch that is not told from another's writing them."""

BESIDE: Final = frozenset({"deep", "elsewhere", "several"})
"""Hosts that keep ids where a copy does not reach. Without watch nobody sees them read there, and none is pinned."""


def seen(hosts: Sequence[str], setting: Setting) -> tuple[str, ...]:
    """Return the hosts whose rows are judged rightly in a setting."""
    return tuple(host for host in hosts if setting.watch or host not in (*STAMPING, *BESIDE))


def strategy_of(seed: int) -> Strategy:
    """Return the strategy of a seed: half of them choose at random, half by priorities."""
    return RandomChoice(seed) if seed % 2 else Priorities(seed)


def explore(
    setting: Setting,
    seeds: Sequence[int],
    hosts: Sequence[str] = HOSTS,
    *,
    clean: bool = False,
    owns: bool = True,
) -> Total:
    """Run the program of each seed, on the hosts in turn."""
    total = Total(setting)
    with Explorer(setting) as explorer:
        for seed, host in in_turn(seeds, hosts):
            writes = owns and (host not in SHARING or not (clean or setting.mode == "pin"))
            program = generate(seed, host, clean=clean, owns=writes)
            outcome = explorer.run(program, strategy_of(seed))
            total.add(seed, host, outcome)
    return total


def in_turn(seeds: Sequence[int], hosts: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Give each seed a host; the seeds of one that is instrumented by itself follow each other."""
    turns = [(seed, hosts[(seed // 2) % len(hosts)]) for seed in seeds]
    yield from (turn for turn in turns if turn[1] in HOSTS)
    yield from sorted((turn for turn in turns if turn[1] not in HOSTS), key=lambda turn: hosts.index(turn[1]))


class Part(NamedTuple):
    """A share of an exploration, for a process of its own."""

    setting: Setting
    first: int
    last: int
    hosts: tuple[str, ...]
    clean: bool


def explore_part(part: Part) -> Total:
    """Run it."""
    return explore(part.setting, range(part.first, part.last), part.hosts, clean=part.clean)


def repeat(setting: Setting, program: Program, decisions: Sequence[int]) -> Outcome:
    """Run a program once more, under recorded decisions."""
    with Explorer(setting) as explorer:
        return explorer.run(program, Decisions(decisions))


def smallest(total: Total) -> str:
    """Tell of the first failure of a total: its seed, and the smallest program and schedule that fail likewise."""
    if not total.failed:
        return "no failure"
    seed, host, outcome = total.failed[0]
    kind = outcome.failures[0].split(":", 1)[0]
    with Explorer(total.setting) as explorer:

        def fails(program: Program, decisions: Sequence[int]) -> bool:
            return same_failure(explorer.run(program, Decisions(decisions)).failures, kind)

        program, decisions = outcome.program, outcome.decisions
        if fails(program, decisions):
            program, decisions = shrink(program, decisions, fails)
            outcome = explorer.run(program, Decisions(decisions))
    return "\n".join(
        [
            f"{total.setting}: {dict(total.counts)} in {total.schedules} schedules; the first, seed {seed} on {host}:",
            *outcome.failures,
            f"repeat(Setting({total.setting.mode!r}, {total.setting.watch}), {program}, {decisions})",
        ]
    )
