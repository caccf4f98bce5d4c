"""What nobody hears is printed: OpenTelemetry's handler alone, without a provider, is nobody."""

from __future__ import annotations

import logging

import pytest

from otel_handoff.tell.unheard import Unheard, listen

LOGGER = logging.getLogger("otel_handoff")


class LoggingHandler(logging.Handler):
    """As OpenTelemetry's."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep nothing."""


def printed(
    capsys: pytest.CaptureFixture[str], *heard_by: logging.Handler, on: logging.Logger = logging.root
) -> list[str]:
    """Say something that is heard by these, and return what was printed."""
    kept, ours = logging.root.handlers[:], LOGGER.handlers[:]
    logging.root.handlers[:] = []
    try:
        on.handlers += heard_by
        listen()
        listen()
        assert sum(isinstance(handler, Unheard) for handler in LOGGER.handlers) == 1
        LOGGER.info("too quiet")
        LOGGER.warning("said")
    finally:
        logging.root.handlers[:], LOGGER.handlers[:] = kept, ours
    return capsys.readouterr().err.splitlines()


def test_it_is_printed_where_nobody_hears(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no handler as well, as Python does."""
    of_opentelemetry = type("LoggingHandler", (LoggingHandler,), {"__module__": "opentelemetry.sdk._logs"})
    assert printed(capsys) == ["said"]
    assert printed(capsys, of_opentelemetry()) == ["said"]


def test_it_is_not_where_somebody_does(capsys: pytest.CaptureFixture[str]) -> None:
    """A handler of a host's own, even one that does nothing, on the root or on ours."""
    assert printed(capsys, LoggingHandler()) == []
    assert printed(capsys, logging.NullHandler(), on=LOGGER) == []
