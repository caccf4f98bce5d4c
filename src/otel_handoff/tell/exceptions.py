"""What the work on a row, or a call, has raised: on the span, or as a log record where that is opted into."""

from __future__ import annotations

import os
import traceback
from typing import Final, NamedTuple

from opentelemetry import _logs, trace
from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber
from opentelemetry.trace import Span, Status, StatusCode

from otel_handoff.record import semconv
from otel_handoff.version import __version__

_OPT_IN: Final = "OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN"


class Raised(NamedTuple):
    """What is said of an error: its class in short and in full, and where.

    Not its message: that is the host's text, and may quote a row. That is also why it is not `Span.record_exception`.
    """

    short: str
    name: str
    where: str

    @staticmethod
    def of(error: BaseException) -> Raised:
        """Return it."""
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        return Raised(kind.__name__, name, "".join(traceback.format_tb(error.__traceback__)))


class Exceptions:
    """Says on spans that what they stand for has raised.

    As an event, or with `OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN` set to `logs` as a log record, or to `logs/dup` as both:
    https://opentelemetry.io/docs/specs/semconv/exceptions/
    """

    def __init__(self, logger_provider: LoggerProvider | None) -> None:
        """Send log records to `logger_provider`, or the global one."""
        opted = os.environ.get(_OPT_IN, "").strip().lower()
        self._as_event = opted != "logs"
        self._logger = None
        if opted in ("logs", "logs/dup"):
            self._logger = _logs.get_logger(semconv.SCOPE, __version__, logger_provider, semconv.SCHEMA)

    def record(self, span: Span, error: BaseException) -> None:
        """Say it of an `error`, on a span that records."""
        self.say(span, Raised.of(error))

    def say(self, span: Span, raised: Raised) -> None:
        """Say it of what is known of one."""
        facts = {semconv.EXCEPTION_TYPE: raised.name, semconv.EXCEPTION_STACKTRACE: raised.where}
        if self._as_event:
            span.add_event(semconv.EVENT_EXCEPTION, facts)
        if self._logger is not None:
            self._logger.emit(
                LogRecord(
                    context=trace.set_span_in_context(span),
                    severity_number=SeverityNumber.ERROR,
                    severity_text="ERROR",
                    attributes=facts,
                    event_name=semconv.EVENT_EXCEPTION,
                )
            )
        span.set_attribute(semconv.ERROR_TYPE, raised.name)
        span.set_status(Status(StatusCode.ERROR, raised.short))
