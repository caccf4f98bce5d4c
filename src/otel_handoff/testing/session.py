"""The instrumented run: what is turned on for it, and which mismatch belongs to which test."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from otel_handoff.around.provoke import Provoker
from otel_handoff.boundary import Boundary
from otel_handoff.declare import declared
from otel_handoff.elspeth import BOUNDARIES, ElspethInstrumentor
from otel_handoff.handover.lease import Lease
from otel_handoff.instrumentor import HandoffInstrumentor, Instrumentor
from otel_handoff.record.mismatch import Mismatch
from otel_handoff.record.submission import numbers
from otel_handoff.tell.alerts import is_report
from otel_handoff.tell.metrics import BoundaryCounts, metrics_of
from otel_handoff.testing.totals import Rows
from otel_handoff.testing.verdict import Mismatches

_logger: Final = logging.getLogger("otel_handoff")


class AlreadyInstrumentedError(Exception):
    """Somebody else has instrumented this process: their hook would be told, not ours."""


class Session:
    """One pytest process.

    A mismatch belongs to the test during which its row was submitted. One that is found when that test is over, or of
    a row that no test submitted, is late.

    Attributes:
        late: (the test's id or None, the mismatch) of those of severity ERROR.
    """

    def __init__(self, mode: str, boundaries: Sequence[Boundary], provoker: Provoker | None) -> None:
        self.late: list[tuple[str | None, Mismatch]] = []
        self._mode = mode
        self._boundaries = boundaries
        self._provoker = provoker
        self._lock = threading.RLock()  # re-entrant: a finalizer may report a mismatch while we are in here
        self._starts: list[int] = []
        self._tests: list[tuple[str, Mismatches]] = []
        self._on: list[Instrumentor] = []
        self._mismatches = 0
        self._exposures = 0
        # The counts go on for as long as the process, whoever turns what on and off in it: what is there is not ours.
        self._before = {name: _rows(counts) for name, counts in self._counts()}

    def instrument(self) -> None:
        """Instrument the process, also where a test has taken that off.

        Raises:
            AlreadyInstrumentedError: it is instrumented, and not by us.
            ValueError: an unknown mode.
        """
        for instrumentor, options in self._wanted():
            if instrumentor.is_instrumented_by_opentelemetry:
                if instrumentor in self._on:
                    continue
                raise AlreadyInstrumentedError(type(instrumentor).__name__)
            if Lease.provoker is None:
                Lease.provoker = self._provoker
            instrumentor.instrument(mode=self._mode, on_mismatch=self._found, **options)
            if instrumentor not in self._on:
                self._on.append(instrumentor)
        if _is_no_report not in _logger.filters:
            _logger.addFilter(_is_no_report)

    def uninstrument(self) -> None:
        """Leave the process as it was."""
        for instrumentor in self._on:
            if instrumentor.is_instrumented_by_opentelemetry:
                instrumentor.uninstrument()
        self._on.clear()
        if Lease.provoker is self._provoker:
            Lease.provoker = None
        _logger.removeFilter(_is_no_report)

    def _wanted(self) -> list[tuple[Instrumentor, dict[str, Any]]]:
        wanted: list[tuple[Instrumentor, dict[str, Any]]] = [(ElspethInstrumentor(), {})]
        if self._boundaries:
            wanted.append((HandoffInstrumentor(), {"boundaries": self._boundaries}))
        return wanted

    def begin(self, name: str) -> Mismatches:
        """A test begins: what is submitted from now on is its own."""
        self.instrument()
        mismatches = Mismatches()
        with self._lock:
            self._starts.append(_submissions())
            self._tests.append((name, mismatches))
        if self._provoker is not None:
            self._provoker.restart(name)
        return mismatches

    def settle(self) -> None:
        """A test is about to end: hold none of its workers back any more."""
        if self._provoker is not None:
            self._provoker.settle()

    def end(self, mismatches: Mismatches) -> None:
        """The test is over: what is found from now on is late."""
        with self._lock:
            mismatches.over = True

    def totals(self) -> dict[str, Any]:
        """Return what `Totals.add` takes."""
        provoker = self._provoker
        boundaries = {name: _since(self._before[name], _rows(counts)) for name, counts in self._counts()}
        return {
            "tests": len(self._tests),
            "boundaries": {
                name: asdict(rows) for name, rows in boundaries.items() if rows.rows or rows.unchecked or rows.gaps
            },
            "faults": list(self._faults()),
            "mismatches": self._mismatches,
            "exposures": self._exposures,
            "held": provoker.held.value if provoker else 0,
            "in_vain": provoker.in_vain.value if provoker else 0,
            "late": [(name, str(mismatch)) for name, mismatch in self.late],
        }

    def _counts(self) -> Iterator[tuple[str, BoundaryCounts]]:
        for name in dict.fromkeys(boundary.name for boundary in (*BOUNDARIES, *self._boundaries)):
            yield name, metrics_of(None).boundary(name, (), shown=False)

    def _faults(self) -> Iterator[tuple[str, str]]:
        for boundary in self._boundaries:
            for fault in declared.missing(boundary):
                yield f"boundary {boundary.name}: {fault.text}", fault.do

    def _found(self, mismatch: Mismatch) -> None:
        with self._lock:
            if mismatch.is_exposure:
                self._exposures += 1
            else:
                self._mismatches += 1
            position = bisect_right(self._starts, mismatch.submission.number - 1)
            name, mismatches = self._tests[position - 1] if position else (None, None)
            if mismatches is not None and not mismatches.over:
                mismatches.add(mismatch)
            elif mismatch.is_error:
                self.late.append((name, mismatch))


def _rows(counts: BoundaryCounts) -> Rows:
    gaps = [(gap.boundary, gap.reason, gap.detail) for gap in list(counts.gaps)]
    return Rows(counts.submissions.value, counts.judged, counts.unchecked_rows, counts.unwatched.value, gaps)


def _since(before: Rows, now: Rows) -> Rows:
    unchecked = {reason: rows - before.unchecked[reason] for reason, rows in now.unchecked.items()}
    unchecked = {reason: rows for reason, rows in unchecked.items() if rows}
    gaps = [gap for gap in now.gaps if gap not in before.gaps]
    return Rows(now.rows - before.rows, now.judged - before.judged, unchecked, now.unwatched - before.unwatched, gaps)


def _submissions() -> int:
    # How many there were so far: read off the repr, `count(7)`, which does not advance it.
    return int(repr(numbers)[6:-1]) - 1


def _is_no_report(record: logging.LogRecord) -> bool:
    """Keep the reports from the log: they are the failure's own text."""
    return not is_report(record)
