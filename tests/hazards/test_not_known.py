"""A row that could not be judged is told, with the reason: nobody is told that all is well."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor, current_submission
from otel_handoff.host.guard import Tally, guard
from otel_handoff.record.reasons import REASONS
from tests.hazards.conftest import Instrument
from tests.hazards.not_known import CASES, ROWS, Elsewhere, Newest, Processes, Sends, Sent, file, rows
from tests.hazards.one_row import MODES, Desk, declare
from tests.hosts import WAIT
from tests.telemetry import Telemetry

Run = Callable[[str], int]
TOLD = REASONS.keys() - {"nothing_declared", "no_slip"}
"""The first of the others is said once of its boundary, and on each span: `test_trace_alone`. The other takes a Celery
worker: `tests/engines`."""

EVERY_REASON = pytest.mark.parametrize("reason", sorted(TOLD))

SAID_BY_THE_ROW = {
    *("field_unresolved", "field_computed", "not_followed", "left_on_copy", "unplaced_write", "no_id", "one_context")
}
"""What a row's own span says."""


@pytest.fixture
def no_internal_errors(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """In place of the fixture that holds everywhere else: one of the reasons is an error of ours."""
    fresh = Tally()
    monkeypatch.setattr(guard, "errors", fresh)
    yield
    assert fresh.value == (ROWS if "internal_error" in request.node.name else 0)


@pytest.fixture
def run(instrument: Instrument) -> Run:
    """Run a case to its end; return how many rows it has."""

    def run(reason: str) -> int:
        case, number = CASES[reason]
        case(instrument)
        HandoffInstrumentor().uninstrument()
        return number

    return run


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of rows that were not judged."""
    told = [one for one in caplog.records if one.name == "otel_handoff" and "NOT CHECKED" in one.getMessage()]
    assert {one.levelno for one in told} <= {logging.WARNING}
    return [one.getMessage() for one in told]


def attributes_of(spans: list[Any]) -> list[dict[str, Any]]:
    """What spans say of it."""
    return [
        {key: value for key, value in span.attributes.items() if key.startswith("handoff.unchecked")} for span in spans
    ]


def test_every_reason_has_a_host() -> None:
    """Also the next one."""
    assert CASES.keys() == TOLD


@EVERY_REASON
def test_it_is_counted(reason: str, run: Run, telemetry: Telemetry) -> None:
    """It is counted under its reason and no other, and no row is accused."""
    number = run(reason)
    assert telemetry.unchecked() == {reason: number}
    assert telemetry.mismatches == []


@EVERY_REASON
def test_it_has_a_span(reason: str, run: Run, telemetry: Telemetry) -> None:
    """Each row has one that says so: its own, or one that stands for it."""
    number = run(reason)
    by_itself = attributes_of(telemetry.spans("unchecked desk"))
    of_rows = [one for one in attributes_of(telemetry.spans("process desk")) if one]
    for one in of_rows:
        one.pop("handoff.unchecked.fields", None)
    parts = [one.pop("handoff.unchecked.detail") for one in by_itself if "handoff.unchecked.detail" in one]
    assert len(parts) == (reason in ("call_not_seen", "part_missing", "replaced", "not_handed_over")), (
        "what is of all rows names the part"
    )
    if reason == "internal_error":  # the row has no span: that is where we failed
        assert (by_itself, of_rows) == ([], [])
        return
    said: dict[str, Any] = {"handoff.unchecked.reason": reason, "handoff.unchecked.pinned": reason == "left_on_copy"}
    if reason in SAID_BY_THE_ROW:
        assert (by_itself, of_rows) == ([], [said] * number)
    else:
        assert (by_itself, of_rows) == ([{**said, "handoff.unchecked.rows": 1}] * number, [])


@EVERY_REASON
def test_it_has_a_log_record(reason: str, run: Run, telemetry: Telemetry) -> None:
    """One of its first row."""
    run(reason)
    (record,) = [one.log_record for one in telemetry.logs()]
    assert (record.event_name, record.severity_text) == ("handoff.row.unchecked", "WARN")
    attributes = dict(record.attributes or {})
    assert attributes["handoff.boundary"] == "desk"
    assert attributes["handoff.unchecked.reason"] == reason
    assert attributes["handoff.unchecked.rows"] == 1
    assert attributes["handoff.unchecked.pinned"] is (reason == "left_on_copy")


@EVERY_REASON
def test_it_is_logged_once(reason: str, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """With what it means, and what to do."""
    run(reason)
    (line,) = warnings(caplog)
    assert REASONS[reason].meaning in line
    assert REASONS[reason].advice in line


def test_it_is_logged_again(instrument: Instrument, caplog: pytest.LogCaptureFixture) -> None:
    """At the 10th and the 100th row."""
    rows(instrument, Elsewhere, number=120)
    HandoffInstrumentor().uninstrument()
    assert [line.partition(", ")[2].partition(" so far")[0] for line in warnings(caplog)] == [
        "1 row",
        "10 rows",
        "100 rows",
    ]


def test_its_counter_is_born_at_zero(instrument: Instrument, telemetry: Telemetry) -> None:
    """For every reason, before there is any row."""
    instrument("observe", boundaries=[declare(Newest)])
    assert telemetry.points("handoff.unchecked_rows") == {
        (("handoff.boundary", "desk"), ("handoff.unchecked.reason", reason)): 0 for reason in REASONS
    }


@pytest.mark.parametrize("mode", MODES)
def test_rows_that_still_wait(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """They are told when it is undone, with their ids, and whether they are pinned."""
    instrument(mode, boundaries=[declare(Newest)])
    host = Newest()
    for order_id in "ABC":
        host.submit(Desk(order_id), file)
    assert telemetry.unchecked() == {}
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"no_worker": ROWS}
    spans = telemetry.spans("unchecked desk")
    assert [dict(span.attributes or {})["desk.order_id"] for span in spans] == list("ABC")
    assert {one["handoff.unchecked.pinned"] for one in attributes_of(spans)} == {mode == "pin"}


def test_a_storm(instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """What is told at a time is bounded; no row of them is left out of the number."""
    instrument("observe", boundaries=[declare(Newest)])
    host = Newest()
    for number in range(5_000):
        host.submit(Desk(str(number)), file)
    HandoffInstrumentor().uninstrument()
    assert telemetry.unchecked() == {"no_worker": 5_000}
    told = [one["handoff.unchecked.rows"] for one in attributes_of(telemetry.spans("unchecked desk"))]
    assert sum(told) == 5_000
    assert len(told) <= 201
    assert len(warnings(caplog)) == 3


AT_EXIT = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from otel_handoff import HandoffInstrumentor
from tests.hazards.not_known import Newest, file
from tests.hazards.one_row import Desk, declare

def provide():
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(formatter=lambda s: s.name + chr(10))))
    trace.set_tracer_provider(provider)

def instrument():
    HandoffInstrumentor().instrument(mode="observe", boundaries=[declare(Newest)])

for step in ({order}):
    step()
host = Newest()
host.submit(Desk("A"), file)
"""


@pytest.mark.parametrize("order", ["provide, instrument", "instrument, provide"])
def test_the_process_ends(order: str) -> None:
    """What waits then is told before the providers are shut down."""
    program = [sys.executable, "-c", AT_EXIT.replace("{order}", order)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.splitlines() == ["unchecked desk"]
    assert "HANDOFF NOT CHECKED: boundary 'desk', 1 row so far: no worker was recognised" in ended.stderr


OF_THE_TEST: list[Telemetry] = []


def seen_in_the_child(ctx: Desk) -> tuple[Any, bool, list[Any]]:
    """Return the id, whether a row is known, and what was reported by now, in this process."""
    return ctx.order_id, current_submission() is not None, [str(one) for one in OF_THE_TEST[0].mismatches]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("mode", MODES)
def test_a_forked_pool(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Its process is forked in the midst of the first hand-over, and serves all: none of them is judged there."""
    OF_THE_TEST[:] = [telemetry]
    instrument(mode, boundaries=[declare(Processes, work=f"{Sent.__module__}:Sent.work")])
    host = Processes("fork")
    with host.pool:
        done = [host.submit(Desk(order_id), seen_in_the_child).result(WAIT) for order_id in "ABCD"]
    HandoffInstrumentor().uninstrument()
    assert done == [(order_id, False, []) for order_id in "ABCD"]
    assert telemetry.mismatches == []
    assert telemetry.unchecked()["other_process"] == 4


def test_a_row_is_sent_away_at_once(instrument: Instrument, telemetry: Telemetry) -> None:
    """The work item is gone before the submit function returns, as a quick queue may have it: it is told once."""
    instrument("observe", boundaries=[declare(Sends)])
    host = Sends()
    for order_id in "ABC":
        host.submit(Desk(order_id), file)
    HandoffInstrumentor().uninstrument()
    assert len(host.sent) == ROWS
    assert telemetry.unchecked() == {"other_process": ROWS}
