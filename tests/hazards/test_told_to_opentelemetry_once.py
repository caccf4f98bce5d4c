"""One mismatch is one OpenTelemetry log record, also where Python's log is exported by a handler of OpenTelemetry's."""

from __future__ import annotations

import io
import logging
import logging.handlers
import queue
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, cast

import pytest

from otel_handoff import HandoffInstrumentor
from tests.hazards.conftest import Instrument
from tests.hazards.rows import overtake
from tests.telemetry import Telemetry, exported, needs_sdk

HANDLERS = {
    "of-the-sdk": "opentelemetry.sdk._logs",
    "of-the-instrumentation": "opentelemetry.instrumentation.logging.handler",
}
EACH = pytest.mark.parametrize("which", HANDLERS)

MakeHandler = Callable[..., logging.Handler]


@pytest.fixture(autouse=True)
def sdk() -> None:
    """All of this needs it."""
    needs_sdk()


@pytest.fixture
def handler() -> Iterator[MakeHandler]:
    """Put a handler of OpenTelemetry's on a logger, for this test."""
    put: list[tuple[logging.Logger, logging.Handler]] = []

    def handler(which: str, provider: Any, logger: str | None = None, base: Any = None) -> logging.Handler:
        kind = handler_class(which)
        if base is not None:
            kind = base(kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK's is deprecated
            made = kind(logger_provider=provider)
        put.append((logging.getLogger(logger), made))
        put[-1][0].addHandler(made)
        return made

    yield handler
    for logger, made in put:
        logger.removeHandler(made)


def handler_class(which: str) -> Any:
    """The class of OpenTelemetry's that these versions have."""
    module = pytest.importorskip(HANDLERS[which], reason="pip install 'otel-handoff[test]'")
    if not hasattr(module, "LoggingHandler"):
        pytest.skip("this version has no such handler")
    return module.LoggingHandler


def race() -> None:
    """Have a worker read a wrong id."""
    overtake(lambda _order, ctx: ctx.order)


def events(logs: list[Any]) -> list[tuple[str | None, bool]]:
    """What became log records: the event's name, and whether the body is a report."""
    return [
        (record.log_record.event_name, "HANDOFF MISMATCH" in str(record.log_record.body))
        for record in logs
        if "HANDOFF MISMATCH" in str(record.log_record.body)
    ]


ONCE = [("handoff.mismatch.found", True)]


@EACH
@pytest.mark.parametrize("logger", [None, "otel_handoff"])
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_beside_a_handler(
    mode: str, logger: str | None, which: str, handler: MakeHandler, instrument: Instrument, telemetry: Telemetry
) -> None:
    """On the root logger or on ours, a mismatch is one log record, and each other handler has its own."""
    handler(which, telemetry.logger_provider, logger)
    out = io.StringIO()
    stream = logging.StreamHandler(out)
    logging.getLogger().addHandler(stream)
    try:
        instrument(mode)
        race()
    finally:
        logging.getLogger().removeHandler(stream)
    assert events(telemetry.logs()) == ONCE
    assert out.getvalue().count("HANDOFF MISMATCH") == 1


@EACH
def test_a_handler_with_a_provider_of_its_own(
    which: str, handler: MakeHandler, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Whichever provider it has: the record goes where the alerts go."""
    from opentelemetry.sdk._logs import LoggerProvider

    other = LoggerProvider()
    logs = exported(other)
    handler(which, other)
    instrument()
    race()
    assert events(telemetry.logs()) == ONCE
    assert events(list(logs.get_finished_logs())) == []
    other.shutdown()


@EACH
def test_where_we_export_nothing(which: str, handler: MakeHandler, instrument: Instrument) -> None:
    """Without a logger provider for the alerts, what Python's log has is all that there is: it is exported."""
    from opentelemetry._logs import NoOpLoggerProvider
    from opentelemetry.sdk._logs import LoggerProvider

    other = LoggerProvider()
    logs = exported(other)
    handler(which, other)
    instrument(logger_provider=NoOpLoggerProvider())
    race()
    assert events(list(logs.get_finished_logs())) == [(None, True)]
    other.shutdown()


@EACH
def test_what_else_is_logged(which: str, handler: MakeHandler, instrument: Instrument, telemetry: Telemetry) -> None:
    """The host's records, and our warnings that are no reports, are exported as without us."""
    handler(which, telemetry.logger_provider)
    instrument()
    logging.getLogger("host").error("theirs")
    logging.getLogger("otel_handoff").warning("ours")
    bodies = [record.log_record.body for record in telemetry.logs()]
    assert [body for body in bodies if body in ("theirs", "ours")] == ["theirs", "ours"]


@EACH
def test_behind_a_queue(which: str, handler: MakeHandler, instrument: Instrument, telemetry: Telemetry) -> None:
    """A handler that gets its records from another thread passes ours by as well."""
    made = handler(which, telemetry.logger_provider, "nobody")
    channel: queue.Queue[Any] = queue.Queue()
    first = logging.handlers.QueueHandler(channel)
    listener = logging.handlers.QueueListener(channel, made)
    logging.getLogger().addHandler(first)
    listener.start()
    try:
        instrument()
        race()
    finally:
        logging.getLogger().removeHandler(first)
        listener.stop()
    assert events(telemetry.logs()) == ONCE


@EACH
def test_a_handler_made_of_it(which: str, handler: MakeHandler, instrument: Instrument, telemetry: Telemetry) -> None:
    """One that a host derives from it gets the record, and what it does of its own it does."""
    seen: list[str] = []

    def derived(kind: Any) -> Any:
        class Derived(kind):
            def emit(self, record: logging.LogRecord) -> None:
                seen.append(record.name)
                cast("logging.Handler", super()).emit(record)

        return Derived

    handler(which, telemetry.logger_provider, base=derived)
    instrument()
    race()
    assert events(telemetry.logs()) == ONCE
    assert "otel_handoff" in seen


@EACH
def test_coming_and_going(which: str, instrument: Instrument) -> None:
    """After `uninstrument()` the class has its own function back."""
    kind = handler_class(which)

    def emit() -> object:
        return kind.__dict__["emit"]

    before = emit()
    instrument()
    assert emit() is not before
    HandoffInstrumentor().uninstrument()
    assert emit() is before


def test_under_the_instrumentation_itself(instrument: Instrument, telemetry: Telemetry) -> None:
    """`LoggingInstrumentor().instrument()`, as `opentelemetry-instrument` turns it on."""
    pytest.importorskip("opentelemetry.instrumentation.logging", reason="pip install 'otel-handoff[test]'")
    instrumentor = import_module("opentelemetry.instrumentation.logging").LoggingInstrumentor()
    instrumentor.instrument(logger_provider=telemetry.logger_provider)
    try:
        instrument()
        race()
    finally:
        HandoffInstrumentor().uninstrument()
        instrumentor.uninstrument()
    assert events(telemetry.logs()) == ONCE
