"""Many runs: instruments once per mode, runs program after program, and adds the verdicts up."""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from opentelemetry.trace import NoOpTracerProvider

from otel_handoff import HandoffInstrumentor, Mismatch
from otel_handoff.host.guard import guard
from tests.schedules import mixin
from tests.schedules.hosts import Pool, Queue, boundary
from tests.schedules.oracle import Oracle
from tests.schedules.program import Program, generate
from tests.schedules.run import Run
from tests.schedules.scheduler import Greenlets, Scheduler
from tests.schedules.shrink import same_failure, shrink
from tests.schedules.strategies import Decisions, Priorities, RandomChoice, Strategy
from tests.schedules.truth import tick
from tests.schedules.verdict import Verdict

HOSTS: Final = ("pool", "queue", "mixin")


@dataclass(frozen=True)
class Setting:
    """How the hosts are instrumented."""

    mode: str
    watch: bool = True

    def __str__(self) -> str:
        return self.mode if self.watch else f"{self.mode}, no watch"


SETTINGS: Final = tuple(Setting(mode, watch) for watch in (True, False) for mode in ("observe", "pin", "strict"))


class _Errors(logging.Handler):
    """Keeps the errors of our own that the guard tells of."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.told.append(logging.Formatter().formatException(record.exc_info))


class Explorer:
    """Runs programs under one setting; a context manager, within which the hosts are instrumented."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._run: Run | None = None
        self._runs = 0
        self._errors = _Errors()
        self._undo = ExitStack()

    def __enter__(self) -> Explorer:  # noqa: PYI034  typing has no Self on 3.10
        self._undo.enter_context(_explored(self._setting, self._on_mismatch, self._errors))
        return self

    def __exit__(self, *error: object) -> None:
        self._undo.close()

    def run(self, program: Program, strategy: Strategy) -> Outcome:
        """Run one program to its end, and judge it."""
        return self.run_on(program, Greenlets(strategy), exact=True)

    def run_on(self, program: Program, scheduler: Scheduler, *, exact: bool) -> Outcome:
        """The same on a scheduler of one's choice."""
        self._runs += 1
        if self._runs % 100 == 0:
            gc.collect()
        self._errors.told.clear()
        self._run = run = Run(program, scheduler, watch=self._setting.watch)
        run.go()
        self._run = None
        verdict = Oracle(run.truth, run.reports, exact=exact).judge()
        faults = [*run.truth.faults, *(f"internal error: {text}" for text in self._errors.told)]
        return Outcome(program, list(scheduler.decisions), verdict, faults, len(run.truth.attempts))

    def _on_mismatch(self, mismatch: Mismatch) -> None:
        if self._run is not None:
            self._run.reports.append((tick(), mismatch))


@contextmanager
def _explored(setting: Setting, hook: Callable[[Mismatch], None], errors: logging.Handler) -> Generator[None]:
    logger = logging.getLogger("otel_handoff")
    before = (guard.reraise, time.time_ns, logger.propagate, logger.level)
    collecting = gc.isenabled()
    gc.disable()  # a finalizer runs at a point that is no schedule's; it may even be in the scheduler
    guard.reraise, time.time_ns, logger.propagate = False, tick, False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(errors)
    HandoffInstrumentor().instrument(
        boundaries=[boundary(Pool), boundary(Queue), mixin.BOUNDARY],
        mode=setting.mode,
        watch=setting.watch,
        tracer_provider=NoOpTracerProvider(),
        on_mismatch=hook,
    )
    try:
        yield
    finally:
        HandoffInstrumentor().uninstrument()
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
    failed: list[tuple[int, str, Outcome]] = field(default_factory=list[tuple[int, str, Outcome]])
    """Seed, host and outcome of the first runs with a failure."""

    def add(self, seed: int, host: str, outcome: Outcome) -> None:
        """Add one run."""
        self.schedules += 1
        self.rows += outcome.rows
        self.uses += outcome.verdict.uses
        self.evidence += outcome.verdict.evidence
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
        self.failed = (self.failed + other.failed)[:MOST_KEPT]


MOST_KEPT: Final = 20
FAILURES: Final = ("false alarm", "missed", "culprit", "took effect", "internal error")


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
        for seed in seeds:
            host = hosts[(seed // 2) % len(hosts)]
            outcome = explorer.run(generate(seed, host, clean=clean, owns=owns), strategy_of(seed))
            total.add(seed, host, outcome)
    return total


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
