"""The load: programs of `tests.schedules` on real threads, several at once, in one mode after the other."""

from __future__ import annotations

import itertools
import logging
import sys
import threading
import time
from array import array
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from otel_handoff import HandoffInstrumentor, Mismatch
from otel_handoff.host.guard import guard
from tests.schedules import mixin
from tests.schedules.explore import HOSTS, Outcome, Setting, Total
from tests.schedules.hosts import Pool, Queue, boundary
from tests.schedules.lines import without_methods
from tests.schedules.oracle import Oracle
from tests.schedules.program import Program, generate
from tests.schedules.run import Run
from tests.schedules.truth import tick
from tests.soak.free import Free, running
from tests.soak.growth import Sample, sample

MODES: Final = ("observe", "pin")
LANES: Final = 2
"""Programs at once, each of several threads."""


class Soak:
    """One soak.

    Attributes:
        totals: what was judged, per mode.
        rows: handed over so far.
    """

    def __init__(self) -> None:
        self.totals: dict[str, Total] = {mode: Total(Setting(mode)) for mode in MODES}
        self._samples = array("q")  # flat: as objects they would be what grows
        self._seeds = itertools.count()
        self._runs: dict[Free, Run] = {}
        self._lock = threading.Lock()
        self.faults: list[str] = []
        """What belongs to no program."""

    @property
    def rows(self) -> int:
        """How many attempts were made."""
        return sum(total.rows for total in self.totals.values())

    @property
    def samples(self) -> list[Sample]:
        """What the process held after each slice, while nothing was in flight."""
        width = len(Sample._fields)
        return [Sample(*self._samples[at : at + width]) for at in range(0, len(self._samples), width)]

    def run(self, seconds: float, progress: Callable[[float], object] = lambda _seconds: None) -> None:
        """Load for so long, in slices that change between the modes; `progress` is told the seconds gone."""
        slices = max(10, min(240, round(seconds / 10) // 2 * 2))
        begin = time.monotonic()
        with _telemetry() as providers, _prepared(self.faults):
            for number in range(slices):
                until = begin + seconds * (number + 1) / slices
                self._slice(MODES[number % len(MODES)], until, providers, lambda: progress(time.monotonic() - begin))
                for provider in providers.values():
                    provider.force_flush()  # its threads are idle then
                self._samples.extend(sample(self.rows))

    def _slice(self, mode: str, until: float, providers: dict[str, Any], progress: Callable[[], object]) -> None:
        HandoffInstrumentor().instrument(
            boundaries=[boundary(Pool), boundary(Queue), mixin.BOUNDARY],
            mode=mode,
            on_mismatch=self.on_mismatch,
            **providers,
        )
        lanes = [threading.Thread(target=self._lane, args=(mode, until), name=f"lane-{lane}") for lane in range(LANES)]
        try:
            for lane in lanes:
                lane.start()
            for lane in lanes:
                while lane.is_alive():
                    lane.join(0.5)
                    progress()
        finally:
            HandoffInstrumentor().uninstrument()

    def _lane(self, mode: str, until: float) -> None:
        while True:
            seed = next(self._seeds)
            host = HOSTS[seed % len(HOSTS)]
            outcome = self._judged(program_of(seed, host), Free(seed))
            with self._lock:
                self.totals[mode].add(seed, host, outcome)
            if time.monotonic() >= until:
                return

    def _judged(self, program: Program, free: Free) -> Outcome:
        run = Run(program, free, watch=True)
        self._runs[free] = run
        run.go()
        del self._runs[free]
        verdict = Oracle(run.truth, run.reports, run.unchecked, may=run.may, exact=False).judge()
        # Where a value is written twice, the second write may come between a read and the look for its culprit. Which
        # of them is named is counted, not judged: schedules that are chosen judge it.
        verdict.culprits.clear()
        return Outcome(program, [], verdict, run.truth.faults, len(run.truth.attempts))

    def on_mismatch(self, mismatch: Mismatch) -> None:
        """Take a report, on the thread of the program that it is about."""
        free = running()
        run = self._runs.get(free) if free is not None else None
        if run is None:
            self.faults.append(f"reported outside of every program: {mismatch!r}")
        else:
            run.reports.append((tick(), mismatch))


def program_of(seed: int, host: str) -> Program:
    """Return the program of a seed.

    The pipeline's own code reads ids where no oracle sees it: see `lines.program_of`. There a single thread submits.
    """
    pipeline = host == "mixin"
    program = generate(seed, host, owns=not pipeline, two=not pipeline)
    return without_methods(program) if pipeline else program


class _Errors(logging.Handler):
    """Keeps the errors of our own that the guard tells of."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and len(self._faults) < 20:
            self._faults.append(logging.Formatter().formatException(record.exc_info))


@contextmanager
def _prepared(faults: list[str]) -> Generator[None]:
    logger = logging.getLogger("otel_handoff")
    before = (guard.reraise, time.time_ns, logger.propagate, logger.level, sys.getswitchinterval())
    errors, handler = guard.errors.value, _Errors(faults)
    guard.reraise, time.time_ns, logger.propagate = False, tick, False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    sys.setswitchinterval(1e-5)  # threads switch inside the detector, too
    try:
        yield
    finally:
        logger.removeHandler(handler)
        guard.reraise, time.time_ns, logger.propagate, level, interval = before
        logger.setLevel(level)
        sys.setswitchinterval(interval)
    if guard.errors.value != errors:
        faults.append(f"{guard.errors.value - errors} internal errors")


class _Spans(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


class _Records(LogRecordExporter):
    def export(self, batch: Any) -> LogRecordExportResult:
        return LogRecordExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        return True

    def shutdown(self) -> None: ...


@contextmanager
def _telemetry() -> Generator[dict[str, Any]]:
    """Real providers, batched as in production, whose exporters succeed and keep nothing."""
    tracers, loggers, meters = TracerProvider(), LoggerProvider(), MeterProvider([InMemoryMetricReader()])
    tracers.add_span_processor(BatchSpanProcessor(_Spans(), schedule_delay_millis=100))
    loggers.add_log_record_processor(BatchLogRecordProcessor(_Records(), schedule_delay_millis=100))
    dropping = logging.getLogger("opentelemetry.sdk")
    level = dropping.level
    dropping.setLevel(logging.ERROR)
    try:
        yield {"tracer_provider": tracers, "logger_provider": loggers, "meter_provider": meters}
    finally:
        for provider in (tracers, loggers, meters):
            provider.shutdown()
        dropping.setLevel(level)
