"""Where a row goes that could not be judged: a span that can be counted, a log record, Python's logging."""

from __future__ import annotations

import logging

from opentelemetry import _logs, trace
from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.util.types import AttributeValue

from otel_handoff.host.guard import guard
from otel_handoff.record import semconv
from otel_handoff.record.unchecked import Unchecked
from otel_handoff.tell.spans import submission_attributes
from otel_handoff.version import __version__

_logger = logging.getLogger("otel_handoff")


class Notices:
    """Tells rows that could not be judged; calmer than a mismatch: the 1st, 10th, 100th, ... of a kind."""

    def __init__(self, tracer: Tracer, logger_provider: LoggerProvider | None) -> None:
        """Make spans with `tracer`, and records for the logs of `logger_provider`, or the global one."""
        self._tracer = tracer
        self._events = _logs.get_logger(semconv.SCOPE, __version__, logger_provider, semconv.SCHEMA)

    def __call__(self, unchecked: Unchecked) -> None:
        """Tell it. Each row has its span, so that it can be counted; the rest is told now and then."""
        if not unchecked.has_span:
            with guard:
                self._span(unchecked)
        if str(unchecked.occurrence).rstrip("0") == "1":
            with guard:
                self._log_record(unchecked)
            with guard:
                _logger.warning(
                    "%s", str(unchecked), extra={"handoff_unchecked": _attributes(unchecked, unchecked.so_far)}
                )

    def _span(self, unchecked: Unchecked) -> None:
        submission = unchecked.submission
        parent = submission.otel_context if submission is not None else Context()
        span = self._tracer.start_span(f"unchecked {unchecked.boundary}", parent, SpanKind.INTERNAL)
        if span.is_recording():
            ids = submission_attributes(submission) if submission is not None else {}
            span.set_attributes({**ids, **_attributes(unchecked, unchecked.rows)})
        span.end()

    def _log_record(self, unchecked: Unchecked) -> None:
        submission = unchecked.submission
        self._events.emit(
            LogRecord(
                context=submission.otel_context
                if submission is not None
                else trace.set_span_in_context(trace.INVALID_SPAN),
                severity_number=SeverityNumber.WARN,
                severity_text="WARN",
                body=str(unchecked),
                attributes=_attributes(unchecked, unchecked.so_far),
                event_name=semconv.EVENT_UNCHECKED,
            )
        )


def _attributes(unchecked: Unchecked, rows: int) -> dict[str, AttributeValue]:
    gap = unchecked.gap
    return {
        **({semconv.UNCHECKED_DETAIL: gap.detail} if gap is not None else {}),
        semconv.BOUNDARY: unchecked.boundary,
        semconv.UNCHECKED_REASON: unchecked.reason,
        semconv.UNCHECKED_ROWS: rows,
        semconv.UNCHECKED_PINNED: unchecked.pinned,
    }
