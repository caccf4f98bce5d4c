"""Reads spans, in any order and once, into the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from otel_handoff import semconv
from otel_handoff.report.model import (
    CallRecord,
    MismatchRecord,
    Process,
    Row,
    SubmissionRecord,
    Trace,
    WriteRecord,
)

if TYPE_CHECKING:
    from otel_handoff.traces.otlp import SpanRecord

_WHO = ("service.name", "service.instance.id", "host.name", "process.pid")


class _Told(NamedTuple):
    """An event `handoff.mismatch`, kept until all rows are known."""

    process: Process
    trace_id: str
    span_id: str
    time_ns: int
    attributes: Mapping[str, object]


def collect(spans: Iterable[SpanRecord]) -> Trace:
    """Return what `spans` tell. Spans of other instrumentations are counted and not kept."""
    collector = _Collector()
    for span in spans:
        collector.add(span)
    return collector.finish()


class _Collector:
    def __init__(self) -> None:
        self._trace = Trace()
        self._processes: dict[tuple[object, ...], Process] = {}
        self._rows: dict[tuple[str, str], Row] = {}
        self._calls: dict[tuple[str, str], list[tuple[Process, int, CallRecord]]] = {}
        self._told: list[_Told] = []
        self._tellers: set[tuple[str, str]] = set()

    def add(self, span: SpanRecord) -> None:
        self._trace.spans += 1
        attributes = span.attributes
        number = attributes.get(semconv.SUBMISSION_ID)
        process = self._process(span.resource)
        if isinstance(number, int):
            if semconv.SUBMISSION_TIME in attributes:
                self._add_row(span, process)
            else:
                call = CallRecord(span.name, span.span_id, span.start_ns, span.end_ns, span.status_error)
                key = (span.trace_id, span.parent_span_id)
                self._calls.setdefault(key, []).append((process, number, call))
        self._add_events(span, process)

    def _process(self, resource: Mapping[str, object]) -> Process:
        key = tuple(resource.get(name) for name in _WHO)
        if (known := self._processes.get(key)) is None:
            service, instance, host, pid = (None if part is None else str(part) for part in key)
            detail = f"pid {pid}" if pid else (instance or "")
            if host and pid:
                detail += f" on {host}"
            known = self._processes[key] = Process(service or "process", detail)
        return known

    def _add_row(self, span: SpanRecord, process: Process) -> None:
        key = (span.trace_id, span.span_id)
        if key in self._rows:
            self._trace.repeated += 1
            return
        row = Row(
            process,
            _submission(span.attributes),
            _text(span.attributes, semconv.THREAD_NAME) or "unknown thread",
            span.start_ns,
            max(span.start_ns, span.end_ns),
            span.trace_id,
            span.span_id,
            span.attributes.get(semconv.STALE) is True,
        )
        self._rows[key] = row
        self._trace.rows.append(row)
        self._trace.by_number[process, row.submission.number] = row

    def _add_events(self, span: SpanRecord, process: Process) -> None:
        found = [event for event in span.events if event.name == semconv.MISMATCH]
        if not found:
            return
        key = (span.trace_id, span.span_id)
        if key in self._tellers:
            return
        self._tellers.add(key)
        self._told += [_Told(process, *key, event.time_ns, event.attributes) for event in found]

    def finish(self) -> Trace:
        trace = self._trace
        for told in self._told:
            mismatch = self._mismatch(told)
            mismatch.row.mismatches.append(mismatch)
            trace.mismatches.append(mismatch)
        self._attach_calls()
        trace.rows.sort(key=lambda row: row.submission.time_unix_nano)
        trace.mismatches.sort(key=lambda mismatch: mismatch.time_unix_nano)
        for row in trace.rows:
            row.mismatches.sort(key=lambda mismatch: mismatch.time_unix_nano)
        return trace

    def _attach_calls(self) -> None:
        for parent, calls in self._calls.items():
            row = self._rows.get(parent)
            for process, number, call in calls:
                # Under a span of the host's own, say of a nested pool, the number tells the row.
                owner = row or self._trace.by_number.get((process, number))
                if owner is None:
                    self._trace.orphans += 1
                else:
                    owner.calls.append(call)
        for row in self._trace.rows:
            once = {call.span_id: call for call in row.calls}
            self._trace.repeated += len(row.calls) - len(once)
            row.calls = sorted(once.values(), key=lambda call: call.start_ns)

    def _mismatch(self, told: _Told) -> MismatchRecord:
        attributes = told.attributes
        row = self._row_of(told)
        names = [name.removeprefix(semconv.EXPECTED) for name in attributes if name.startswith(semconv.EXPECTED)]
        return MismatchRecord(
            row=row,
            expected={name: attributes[semconv.EXPECTED + name] for name in names},
            observed={name: attributes.get(semconv.OBSERVED + name) for name in names},
            evidence=_text(attributes, semconv.MISMATCH_EVIDENCE),
            outcome=_text(attributes, semconv.MISMATCH_OUTCOME),
            stale=attributes.get(semconv.STALE) is True,
            thread_name=_text(attributes, semconv.THREAD_NAME) or row.worker or "unknown thread",
            time_unix_nano=told.time_ns,
            location=_text(attributes, semconv.MISMATCH_LOCATION),
            target=_text(attributes, semconv.CALL_TARGET),
            details=_details(attributes, row.submission),
            culprit=_culprit(attributes, row.submission.boundary),
            trace_hex=told.trace_id,
            span_hex=told.span_id,
        )

    def _row_of(self, told: _Told) -> Row:
        submission = _submission(told.attributes)
        row = self._trace.by_number.get((told.process, submission.number))
        if row is None:
            # Its row span was not exported, or is in a file that was not given.
            row = Row(told.process, submission, None, None, None, told.trace_id, "", stale=False)
            self._trace.rows.append(row)
            self._trace.by_number[told.process, submission.number] = row
        return row


def _submission(attributes: Mapping[str, object]) -> SubmissionRecord:
    boundary = _text(attributes, semconv.BOUNDARY)
    prefix = f"{boundary}."
    # What a call is (`elspeth.call.index`) has a dot more than an id.
    ids = {
        name.removeprefix(prefix): value
        for name, value in attributes.items()
        if name.startswith(prefix) and "." not in name.removeprefix(prefix)
    }
    return SubmissionRecord(
        _whole(attributes, semconv.SUBMISSION_ID),
        boundary,
        ids,
        _text(attributes, semconv.SUBMISSION_THREAD) or "unknown thread",
        _whole(attributes, semconv.SUBMISSION_TIME),
        _text(attributes, semconv.SUBMISSION_LOCATION),
    )


def _details(attributes: Mapping[str, object], submission: SubmissionRecord) -> dict[str, object]:
    ids = {f"{submission.boundary}.{name}" for name in submission.ids}
    return {
        name: value
        for name, value in attributes.items()
        if name not in ids and name != semconv.THREAD_NAME and not name.startswith("handoff.")
    }


def _culprit(attributes: Mapping[str, object], boundary: str) -> WriteRecord | None:
    if semconv.CULPRIT_LOCATION not in attributes:
        return None
    submission = None
    if semconv.CULPRIT_SUBMISSION_ID in attributes:
        ids = {
            name.removeprefix(semconv.CULPRIT_ID): value
            for name, value in attributes.items()
            if name.startswith(semconv.CULPRIT_ID) and name != semconv.CULPRIT_SUBMISSION_ID
        }
        submission = SubmissionRecord(_whole(attributes, semconv.CULPRIT_SUBMISSION_ID), boundary, ids, "", 0, "")
    field = _text(attributes, semconv.CULPRIT_FIELD)
    return WriteRecord(
        field,
        attributes.get(semconv.OBSERVED + field),
        _text(attributes, semconv.CULPRIT_THREAD) or "unknown thread",
        _whole(attributes, semconv.CULPRIT_TIME),
        _text(attributes, semconv.CULPRIT_LOCATION),
        submission,
    )


def _text(attributes: Mapping[str, object], name: str) -> str:
    value = attributes.get(name)
    return "" if value is None else str(value)


def _whole(attributes: Mapping[str, object], name: str) -> int:
    value = attributes.get(name)
    return value if isinstance(value, int) else 0
