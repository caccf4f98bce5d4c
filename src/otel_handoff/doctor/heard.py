"""Listening to what is logged while something is tried."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager


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
def heard(logger: str = "", *, quietly: bool = True) -> Generator[Heard, None, None]:
    """Listen to a logger, and to those below it, of this and other threads.

    Args:
        logger: its name; the root's is empty.
        quietly: whether what it says goes nowhere else for the time.
    """
    listening, source = Heard(), logging.getLogger(logger)
    before = source.handlers, source.propagate
    if quietly:
        source.handlers, source.propagate = [], False
    source.addHandler(listening)
    try:
        yield listening
    finally:
        source.removeHandler(listening)
        if quietly:
            source.handlers, source.propagate = before
