"""The metrics. Counts are plain tallies behind observable instruments: born at zero, whenever the provider is set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, Observation

from otel_handoff.handover.lease import Rows
from otel_handoff.host.guard import Tally, guard
from otel_handoff.host.identity import ByIdentity
from otel_handoff.record import semconv
from otel_handoff.record.gaps import Gap
from otel_handoff.record.mismatch import Mismatch
from otel_handoff.record.reasons import REASONS
from otel_handoff.version import __version__

_POSSIBLE: Final = (
    ("start", "exposed"),
    ("start", "prevented"),
    ("end", "exposed"),
    ("end", "prevented"),
    ("read", "used"),
    ("read", "prevented"),
    ("span", "used"),
    ("call", "used"),
    ("call", "blocked"),
    ("call", "prevented"),
    ("call", "exposed"),
    ("result", "used"),
    ("result", "blocked"),
    ("result", "prevented"),
    ("result", "exposed"),
)
"""Evidence and outcome of the series that exist from the start: an alert on a rise needs a zero to rise from."""

_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0)


class BoundaryCounts:
    """What is counted for one boundary.

    Attributes:
        shown: whether there are series of it. Of a host that is not there, there are none.
        submissions: rows handed over.
        recognised: rows that a worker ran under.
        flawed: those of them that could not be judged all the same.
        unwatched: rows of which reads could not be seen: judged at their start, calls and end.
        stale_work: rows worked on after they were given up.
        rows: those in flight, and those that left and are not done.
        sent: those that left for another process, each time that they did.
        arrived: those that came from one, each delivery.
        mismatches: by field, evidence and outcome.
        unchecked: rows that could not be judged, by reason.
        told: how many times such rows were told.
        gaps: parts of the declaration that were not met, and how often that was counted in `unchecked`: it is no row.
    """

    def __init__(self) -> None:
        self.shown: bool = False
        self.submissions: Tally = Tally()
        self.recognised: Tally = Tally()
        self.flawed: Tally = Tally()
        self.unwatched: Tally = Tally()
        self.stale_work: Tally = Tally()
        self.rows: Rows = Rows()
        self.sent: Tally = Tally()
        self.arrived: Tally = Tally()
        self.mismatches: dict[tuple[str, str, str], Tally] = {}
        self.unchecked: dict[str, Tally] = {reason: Tally() for reason in REASONS}
        self.told: dict[str, Tally] = {reason: Tally() for reason in REASONS}
        self.gaps: dict[Gap, int] = {}

    @property
    def in_flight(self) -> int:
        """How many rows are handed over, and neither done nor dropped, nor gone to another process."""
        if not self.sent.value:
            return self.rows.count()
        return len({lease.row for lease in self.rows.leases() if not lease.posted})

    @property
    def judged(self) -> int:
        """How many rows were judged, or are being."""
        return self.recognised.value - self.flawed.value

    @property
    def unchecked_rows(self) -> dict[str, int]:
        """How many rows could not be judged, by reason: without what is told once, of all rows."""
        rows = {reason: tally.value for reason, tally in self.unchecked.items()}
        for gap, times in list(self.gaps.items()):
            rows[gap.reason] -= times
        return rows

    def expect(self, fields: Iterable[str]) -> None:
        """Start a series at zero for each thing that can be said of each field."""
        for field in fields:
            for evidence, outcome in _POSSIBLE:
                self.mismatches.setdefault((field, evidence, outcome), Tally())


class Metrics:
    """The instruments of one meter provider, shared by all that is instrumented with it."""

    def __init__(self, provider: MeterProvider | None) -> None:
        meter = metrics.get_meter(semconv.SCOPE, __version__, provider, semconv.SCHEMA)
        self._boundaries: dict[str, BoundaryCounts] = {}
        self.untold: Tally = Tally()
        self.queue_duration: Histogram = meter.create_histogram(
            semconv.METRIC_QUEUE_DURATION,
            "s",
            "Time from a row's submission to the start of its work.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        meter.create_observable_counter(
            semconv.METRIC_SUBMISSIONS, [self._submissions], "{submission}", "Rows handed over."
        )
        meter.create_observable_counter(
            semconv.METRIC_MISMATCHES, [self._mismatches], "{mismatch}", "Fields that disagreed with their submission."
        )
        meter.create_observable_counter(
            semconv.METRIC_UNTOLD,
            [self._untold],
            "{mismatch}",
            "Mismatches that were only counted and marked on spans: there were too many within a second.",
        )
        meter.create_observable_counter(
            semconv.METRIC_UNCHECKED,
            [self._unchecked],
            "{row}",
            "Rows of which it is not known whether they are right.",
        )
        meter.create_observable_counter(
            semconv.METRIC_STALE_WORK, [self._stale_work], "{row}", "Work that ran after its submission was given up."
        )
        meter.create_observable_up_down_counter(
            semconv.METRIC_IN_FLIGHT,
            [self._in_flight],
            "{row}",
            "Rows handed over, and neither done nor dropped, nor gone to another process.",
        )
        meter.create_observable_counter(
            semconv.METRIC_SENT, [self._sent], "{row}", "Rows that left for another process."
        )
        meter.create_observable_counter(
            semconv.METRIC_ARRIVED,
            [self._arrived],
            "{row}",
            "Rows that came from another process; each delivery is one.",
        )
        meter.create_observable_counter(
            semconv.METRIC_INTERNAL_ERRORS, [self._internal_errors], "{error}", "Errors of otel-handoff itself."
        )

    def boundary(self, name: str, fields: Iterable[str], *, shown: bool = True) -> BoundaryCounts:
        """Return the counts of a boundary, made on first use. Boundaries of one name share them."""
        counts = self._boundaries.setdefault(name, BoundaryCounts())
        counts.expect(fields)
        counts.shown |= shown
        return counts

    def _shown(self) -> Iterator[tuple[str, BoundaryCounts]]:
        return ((name, counts) for name, counts in list(self._boundaries.items()) if counts.shown)

    def count(self, mismatch: Mismatch) -> None:
        """Count each field of a mismatch."""
        counts = self._boundaries[mismatch.submission.boundary]
        for field in mismatch.observed:
            counts.mismatches[field, mismatch.evidence, mismatch.outcome].add()

    def _submissions(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, counts in self._shown():
            yield Observation(counts.submissions.value, {semconv.BOUNDARY: name})

    def _untold(self, _options: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self.untold.value)

    def _unchecked(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, counts in self._shown():
            for reason, tally in counts.unchecked.items():
                yield Observation(tally.value, {semconv.BOUNDARY: name, semconv.UNCHECKED_REASON: reason})

    def _stale_work(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, counts in self._shown():
            yield Observation(counts.stale_work.value, {semconv.BOUNDARY: name})

    def _in_flight(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, counts in self._shown():
            yield Observation(counts.in_flight, {semconv.BOUNDARY: name})

    def _sent(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, counts in self._shown():
            yield Observation(counts.sent.value, {semconv.BOUNDARY: name})

    def _arrived(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, counts in self._shown():
            yield Observation(counts.arrived.value, {semconv.BOUNDARY: name})

    def _mismatches(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, counts in self._shown():
            for (field, evidence, outcome), tally in list(counts.mismatches.items()):
                attributes = {
                    semconv.BOUNDARY: name,
                    semconv.FIELD: field,
                    semconv.MISMATCH_EVIDENCE: evidence,
                    semconv.MISMATCH_OUTCOME: outcome,
                }
                yield Observation(tally.value, attributes)

    def _internal_errors(self, _options: CallbackOptions) -> Iterable[Observation]:
        yield Observation(guard.errors.value)


_by_provider: Final[ByIdentity[MeterProvider, Metrics]] = ByIdentity()
_of_global: Final[list[Metrics]] = []


def metrics_of(provider: MeterProvider | None) -> Metrics:
    """Return the one `Metrics` of `provider`, or of the global provider: instruments are not created twice."""
    if provider is None:
        if not _of_global:
            _of_global.append(Metrics(None))
        return _of_global[0]
    found = _by_provider.get(provider)
    if found is None:
        found = _by_provider[provider] = Metrics(provider)
    return found
