"""What Python's log is told is for people: it is printed where OpenTelemetry's handler alone hears, and keeps nothing.

That handler is on the root logger of whoever is instrumented without code. Then Python does not print warnings, as it
does where there is no handler, and without a provider of log records they go nowhere.
"""

from __future__ import annotations

import logging
from typing import Final

from opentelemetry import _logs

_OURS: Final = logging.getLogger("otel_handoff")


class Unheard(logging.Handler):
    """Prints what nobody else hears."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print it as Python does where there is no handler."""
        last = logging.lastResort
        if last is not None and record.levelno >= last.level and not _is_heard():
            last.handle(record)


def listen() -> None:
    """Do so from now on."""
    if not any(isinstance(handler, Unheard) for handler in _OURS.handlers):
        _OURS.addHandler(Unheard())


def _is_heard() -> bool:
    logger: logging.Logger | None = _OURS
    while logger is not None:
        if any(not isinstance(handler, Unheard) and _keeps(handler) for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False


def _keeps(handler: logging.Handler) -> bool:
    # Whether what a handler is given goes anywhere: of OpenTelemetry's it does where there is a provider of an SDK.
    if not type(handler).__module__.startswith("opentelemetry."):
        return True
    return not type(_logs.get_logger_provider()).__module__.startswith("opentelemetry._logs")
