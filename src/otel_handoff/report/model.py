"""What a report shows, as plain data: processes, rows, calls and mismatches. All times are nanoseconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from otel_handoff.locations import Frames
from otel_handoff.mismatch import ERRORS


@dataclass(frozen=True)
class Process:
    """One process that sent spans.

    Attributes:
        name: its `service.name`, or `"process"`.
        detail: what tells it from others of that name: pid, host, or the instance's id; may be empty.
    """

    name: str
    detail: str

    @property
    def label(self) -> str:
        """Both, for people."""
        return f"{self.name} {self.detail}".rstrip()


@dataclass(slots=True)
class SubmissionRecord:
    """A submission as its spans tell it; `frames` is empty, spans carry a location only."""

    number: int
    boundary: str
    ids: Mapping[str, object]
    thread_name: str
    time_unix_nano: int
    location: str

    @property
    def frames(self) -> Frames:
        """Nothing."""
        return ()


@dataclass(slots=True)
class CallRecord:
    """A recorded call."""

    name: str
    span_id: str
    start_ns: int
    end_ns: int
    failed: bool


@dataclass(slots=True)
class Row:
    """A submission and the work on it.

    Attributes:
        process: who.
        submission: as handed over.
        worker: the thread that worked on it; None where the row span is not among those read.
        start_ns: of the work; None likewise.
        end_ns: of the work; None likewise.
        trace_id: of the row span, or of the span that told of it.
        span_id: of the row span; empty likewise.
        stale: worked on after its submission was evicted or superseded.
        calls: in order of their start.
        mismatches: in order of time.
    """

    process: Process
    submission: SubmissionRecord
    worker: str | None
    start_ns: int | None
    end_ns: int | None
    trace_id: str
    span_id: str
    stale: bool
    calls: list[CallRecord] = field(default_factory=list[CallRecord])
    mismatches: list[MismatchRecord] = field(default_factory=list["MismatchRecord"])


@dataclass(slots=True)
class WriteRecord:
    """The culprit of a mismatch."""

    field: str
    value: object
    thread_name: str
    time_unix_nano: int
    location: str
    submission: SubmissionRecord | None

    @property
    def frames(self) -> Frames:
        """Nothing."""
        return ()


@dataclass(slots=True)
class MismatchRecord:
    """A mismatch as its span event tells it. `story.as_text` of it is the report, one location deep.

    Attributes:
        row: the row concerned.
        expected: the fields that disagree, as submitted.
        observed: the same fields, as seen or used.
        evidence: how it is known.
        outcome: what came of it.
        stale: the submission had been evicted or superseded.
        thread_name: the observing thread.
        time_unix_nano: when.
        location: where.
        target: the call, result or span concerned, or an empty string.
        details: what the call was.
        culprit: the write that did it, where it is known.
        trace_hex: of the span that carries it.
        span_hex: likewise.
    """

    row: Row
    expected: Mapping[str, object]
    observed: Mapping[str, object]
    evidence: str
    outcome: str
    stale: bool
    thread_name: str
    time_unix_nano: int
    location: str
    target: str
    details: Mapping[str, object]
    culprit: WriteRecord | None
    trace_hex: str
    span_hex: str

    @property
    def submission(self) -> SubmissionRecord:
        """What the row was submitted with."""
        return self.row.submission

    @property
    def frames(self) -> Frames:
        """Nothing."""
        return ()

    @property
    def trace_id(self) -> int:
        """As a number; 0 where it is none."""
        return _number(self.trace_hex)

    @property
    def span_id(self) -> int:
        """As a number; 0 where it is none."""
        return _number(self.span_hex)

    @property
    def is_error(self) -> bool:
        """Whether a wrong id took effect or had to be blocked."""
        return self.outcome in ERRORS

    @property
    def cause(self) -> tuple[str, str] | None:
        """The culprit's location and field, or None: mismatches with the same one have one cause."""
        return None if self.culprit is None else (self.culprit.location, self.culprit.field)


def _number(hexadecimal: str) -> int:
    try:
        return int(hexadecimal, 16)
    except ValueError:
        return 0


@dataclass
class Trace:
    """Everything that was read.

    Attributes:
        rows: in order of submission.
        mismatches: in order of time.
        spans: how many were read.
        orphans: calls whose row is not among the spans read.
        repeated: spans that came more than once, and were taken once.
    """

    rows: list[Row] = field(default_factory=list[Row])
    mismatches: list[MismatchRecord] = field(default_factory=list[MismatchRecord])
    spans: int = 0
    orphans: int = 0
    repeated: int = 0

    def row_of(self, submission: SubmissionRecord | None, like: Row) -> Row | None:
        """Return the row of `submission` in the process of `like`, or None."""
        if submission is None:
            return None
        return self.by_number.get((like.process, submission.number))

    by_number: dict[tuple[Process, int], Row] = field(default_factory=dict[tuple[Process, int], Row])
