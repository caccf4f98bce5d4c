"""Listening to what is logged while something is tried."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


class Heard(logging.Handler):
    """Keeps warnings and errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)

    @property
    def messages(self) -> list[str]:
        """What was said, without tracebacks."""
        return [record.getMessage() for record in self.records]


@contextmanager
def heard(logger: str = "") -> Generator[Heard, None, None]:
    """Listen to a logger, and to those below it, of this and other threads. What is said goes nowhere else.

    Args:
        logger: its name; the root's is empty. Handlers that it is given meanwhile are not kept.
    """
    listening, source = Heard(), logging.getLogger(logger)
    before, level = (source.handlers, source.propagate, source.disabled), source.level
    # `dictConfig` disables the loggers that are there before it, unless it is told not to.
    source.handlers, source.propagate, source.disabled = [listening], False, False
    source.setLevel(logging.WARNING)
    try:
        yield listening
    finally:
        source.handlers, source.propagate, source.disabled = before
        source.setLevel(level)


@contextmanager
def all_heard() -> Generator[Heard, None, None]:
    """Listen to all loggers, whoever sets logging up meanwhile: with a handler of ours, `basicConfig` would do nothing.

    What is said goes where that set-up sends it, and nowhere where there is none.
    """
    listening, make, last_resort = Heard(), logging.getLogRecordFactory(), logging.lastResort

    def made(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        if record.levelno >= listening.level:
            listening.emit(record)
        return record

    logging.setLogRecordFactory(made)
    logging.lastResort = logging.NullHandler()
    try:
        yield listening
    finally:
        logging.lastResort = last_resort
        if logging.getLogRecordFactory() is made:
            logging.setLogRecordFactory(make)
        listening.setLevel(logging.CRITICAL + 1)  # somebody may have put theirs on top of ours
