"""Where a mismatch goes: the open span, a log record, the counter, Python logging and the user's hook."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from opentelemetry import _logs, trace
from opentelemetry._logs import LoggerProvider, LogRecord, NoOpLogger, SeverityNumber
from opentelemetry.trace import Span, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from otel_handoff.host.guard import guard
from otel_handoff.host.outside import pass_on
from otel_handoff.record import semconv
from otel_handoff.record.mismatch import ERRORS, Mismatch
from otel_handoff.record.story import as_line, what
from otel_handoff.tell.metrics import Metrics
from otel_handoff.tell.second import PerSecond
from otel_handoff.tell.spans import carried, code_attributes, lead_to, submission_attributes
from otel_handoff.version import __version__

_logger = logging.getLogger("otel_handoff")

Hook = Callable[[Mismatch], object]
EVENT: Final = semconv.MISMATCH

_ERROR_TYPE: Final = "handoff_mismatch"

LIMIT: Final = 1_000
"""Errors, and warnings, told within a second. What is beyond is counted, marked on its span, and given to the hook."""


def is_report(record: logging.LogRecord) -> bool:
    """Whether a record of Python's log tells a mismatch; it has it as `handoff_mismatch`, in primitives."""
    return hasattr(record, "handoff_mismatch")


class Alerts:
    """Sends each mismatch to every destination; one that fails does not keep it from the others."""

    def __init__(self, metrics: Metrics, logger_provider: LoggerProvider | None, on_mismatch: Hook | None) -> None:
        """Send to `metrics`, to the OpenTelemetry logs of `logger_provider` (or the global one), and to the hook."""
        self._metrics = metrics
        self._events = _logs.get_logger(semconv.SCOPE, __version__, logger_provider, semconv.SCHEMA)
        self._on_mismatch = on_mismatch
        self._errors = PerSecond()  # apart: errors are told however many warnings there are
        self._warnings = PerSecond()

    def exports(self) -> bool:
        """Whether there is a logger provider for the OpenTelemetry log records."""
        return not isinstance(getattr(self._events, "_logger", self._events), NoOpLogger)

    def __call__(self, mismatch: Mismatch, span: Span, row: Span) -> None:
        """Raise the alert. `span` is marked if it still records, and so is that of its row."""
        within = 0
        with guard:
            self._metrics.count(mismatch)
            within = (self._errors if mismatch.is_error else self._warnings).count()
        exported = mismatch.exported()  # the hook is within the process, and has the ids as they are
        told = within <= LIMIT
        facts = None
        with guard:
            facts = attributes_of(exported) if told else None
        with guard:
            if span.is_recording():
                mark(exported, span, facts)
            if row is not span and row.is_recording():
                describe(exported, row, span)
        if told:
            self._tell(exported, facts or {}, span)
        else:  # a storm must not stall the host
            with guard:
                self._metrics.untold.add()
                if within == LIMIT + 1:
                    _logger.warning(
                        "More than %d mismatches (%s) within a second: the others of this second are counted in "
                        "%s and %s, and marked on their spans, but not told.",
                        LIMIT,
                        mismatch.outcome,
                        semconv.METRIC_MISMATCHES,
                        semconv.METRIC_UNTOLD,
                    )
        if self._on_mismatch is not None:
            try:
                self._on_mismatch(mismatch)
            except Exception as error:
                pass_on(error)
                _logger.warning("The on_mismatch hook raised; the mismatch is reported elsewhere.", exc_info=True)

    def _tell(self, mismatch: Mismatch, facts: Mapping[str, AttributeValue], span: Span) -> None:
        # The first of its kind is told in full, the others in one line. All facts are in the attributes of each.
        text = EVENT
        with guard:
            text = str(mismatch) if mismatch.occurrence == 1 else as_line(mismatch)
        with guard:
            self._log_record(mismatch, text, facts, span)
        with guard:
            if _logger.isEnabledFor(level := _level(mismatch)):
                # Primitives: handlers pickle it, and formatters walk through what is in it.
                _logger.log(level, "%s", text, extra={"handoff_mismatch": mismatch.as_dict()})

    def _log_record(self, mismatch: Mismatch, text: str, facts: Mapping[str, AttributeValue], span: Span) -> None:
        context = mismatch.submission.otel_context
        if span.get_span_context().is_valid:
            context = trace.set_span_in_context(span, context)
        self._events.emit(
            LogRecord(
                timestamp=mismatch.time_unix_nano,
                context=context,
                severity_number=SeverityNumber.ERROR if mismatch.is_error else SeverityNumber.WARN,
                severity_text="ERROR" if mismatch.is_error else "WARN",
                body=text,
                attributes=facts,
                event_name=EVENT,
            )
        )


def _level(mismatch: Mismatch) -> int:
    if mismatch.is_error:
        return logging.ERROR
    # Nothing is filed wrongly: of many alike warnings the 10th, the 100th, ... are enough.
    return logging.WARNING if str(mismatch.occurrence).rstrip("0") == "1" else logging.DEBUG


def mark(mismatch: Mismatch, span: Span, facts: Mapping[str, AttributeValue] | None) -> None:
    """Put the mismatch on a span that records: attributes, an event of `facts`, a link to the culprit's row."""
    describe(mismatch, span, span)
    if facts is not None:
        span.add_event(EVENT, facts, mismatch.time_unix_nano)
    culprit = mismatch.culprit
    if culprit is not None and culprit.submission is not None:
        lead_to(culprit.submission, span)


def describe(mismatch: Mismatch, span: Span, told_by: Span) -> None:
    """Put the attributes and the status on a span that records; the mismatch may be `told_by` that of a call below it.

    They describe one mismatch: the first, unless an error follows a warning, or its own one that of a call. The events
    have them all.
    """
    before = carried(span) or {}
    another = span is not told_by
    if semconv.MISMATCH in before:
        was_error, was_another = before.get(semconv.MISMATCH_OUTCOME) in ERRORS, semconv.MISMATCH_SPAN in before
        if was_error > mismatch.is_error or (was_error == mismatch.is_error and (another or not was_another)):
            return
        another |= was_another  # what is on it stays, if nothing takes its place
    culprit = mismatch.culprit
    said: dict[str, AttributeValue] = {
        semconv.MISMATCH: True,
        semconv.MISMATCH_FIELDS: tuple(mismatch.observed),
        semconv.MISMATCH_EVIDENCE: mismatch.evidence,
        semconv.MISMATCH_OUTCOME: mismatch.outcome,
        semconv.SUBMISSION_LOCATION: mismatch.submission.location,
        **{semconv.OBSERVED + name: semconv.attribute_value(id_) for name, id_ in mismatch.observed.items()},
    }
    if culprit is not None and culprit.submission is not None:
        said[semconv.CULPRIT_SUBMISSION_ID] = culprit.submission.number
    elif semconv.CULPRIT_SUBMISSION_ID in before:  # that was of the one before
        said[semconv.CULPRIT_SUBMISSION_ID] = 0
    if mismatch.is_error:
        said[semconv.ERROR_TYPE] = _ERROR_TYPE
    if another:
        said[semconv.MISMATCH_SPAN] = trace.format_span_id(told_by.get_span_context().span_id)
    span.set_attributes(said)
    if mismatch.is_error:
        span.set_status(Status(StatusCode.ERROR, what(mismatch)))


def attributes_of(mismatch: Mismatch) -> dict[str, AttributeValue]:
    """Return what event and log record carry: both sides, where, and the culprit."""
    submission = mismatch.submission
    value = semconv.attribute_value
    attributes: dict[str, AttributeValue] = {
        **submission_attributes(submission),
        semconv.MISMATCH_FIELDS: tuple(mismatch.observed),
        semconv.MISMATCH_EVIDENCE: mismatch.evidence,
        semconv.MISMATCH_OUTCOME: mismatch.outcome,
        **code_attributes(mismatch.frames),
        semconv.MISMATCH_OCCURRENCE: mismatch.occurrence,
        semconv.STALE: mismatch.stale,
        semconv.MODE: mismatch.mode,
        semconv.THREAD_NAME: mismatch.thread_name,
    }
    for field, observed in mismatch.observed.items():
        attributes[semconv.EXPECTED + field] = submission.attribute_value(field)
        attributes[semconv.OBSERVED + field] = value(observed)
    if mismatch.torn:
        attributes[semconv.MISMATCH_TORN] = True
    if mismatch.target:
        attributes[semconv.CALL_TARGET] = mismatch.target
    for name, detail in mismatch.details.items():
        attributes[name] = value(detail)
    culprit = mismatch.culprit
    if culprit is not None:
        attributes[semconv.CULPRIT_FIELD] = culprit.field
        attributes[semconv.CULPRIT_LOCATION] = culprit.location
        attributes[semconv.CULPRIT_THREAD] = culprit.thread_name
        attributes[semconv.CULPRIT_TIME] = culprit.time_unix_nano
        if culprit.submission is not None:
            attributes[semconv.CULPRIT_SUBMISSION_ID] = culprit.submission.number
            for field in culprit.submission.ids:
                attributes[semconv.CULPRIT_ID + field] = culprit.submission.attribute_value(field)
    return attributes
