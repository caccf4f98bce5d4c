"""Ten thousand alike mismatches are one story, and none of them is lost."""

from __future__ import annotations

import logging
import threading

import pytest

from otel_handoff import HandoffInstrumentor
from otel_handoff.tell.alike import LIMIT, Alike
from otel_handoff.tell.second import PerSecond
from tests.hosts import WAIT, Context, Ledger, Order, Pool, back_to_back, boundary
from tests.telemetry import Telemetry

ROWS = 120


def race(telemetry: Telemetry, mode: str) -> None:
    """Each row files two calls after the context has moved on to the last, which alone is right."""
    HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary()], **telemetry.options)
    pool, ledger, ctx, submitted = Pool(), Ledger(), Context(), threading.Event()

    def job(order: Order, ctx: Context) -> None:
        assert submitted.wait(WAIT)
        for text in ("one", "two"):
            ledger.post(ctx.order.id if ctx.order else None, text)

    for future in back_to_back(pool, ctx, job, submitted, [f"order-{number}" for number in range(ROWS + 1)]):
        future.result(WAIT)
    pool.close()


def test_errors_are_told_in_one_line_each(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """The first in full; each later one names its record, both sides, both places and how many there were."""
    race(telemetry, "observe")
    calls = 2 * ROWS
    assert [mismatch.occurrence for mismatch in telemetry.mismatches] == list(range(1, calls + 1))
    texts = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(texts) == calls
    assert "Overwritten by thread" in texts[0]
    assert "\n" in texts[0]
    last = texts[-1]
    assert "\n" not in last
    assert f"{calls} like it so far" in last
    assert f"order_id='order-{ROWS}' instead of 'order-{ROWS - 1}'" in last
    assert telemetry.mismatches[-1].location in last
    culprit = telemetry.mismatches[-1].culprit
    assert culprit is not None
    assert culprit.location in last
    logs = [log.log_record for log in telemetry.logs()]
    assert [log.body for log in logs] == texts
    assert [(log.attributes or {})["handoff.mismatch.occurrence"] for log in logs] == list(range(1, calls + 1))
    assert telemetry.mismatches[-1].as_dict()["occurrence"] == calls


def test_warnings_are_told_ever_more_rarely(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is filed wrongly: the 1st, 10th and 100th are logged; each is still counted, and a log record."""
    caplog.set_level(logging.WARNING, "otel_handoff")
    race(telemetry, "pin")
    assert len(telemetry.mismatches) == len(telemetry.logs()) == ROWS
    texts = [record.getMessage() for record in caplog.records]
    assert ["like it so far" in text for text in texts] == [False, True, True]
    assert "10 like it" in texts[1]
    assert "100 like it" in texts[2]


def test_another_place_is_another_story(telemetry: Telemetry) -> None:
    """The same field, misread at two places."""
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary()], **telemetry.options)
    pool, ctx, submitted = Pool(), Context(), threading.Event()

    def job(_order: Order, ctx: Context) -> None:
        assert submitted.wait(WAIT)
        _ = ctx.order
        _ = ctx.order

    for future in back_to_back(pool, ctx, job, submitted, "ABC"):
        future.result(WAIT)
    pool.close()
    told = [(mismatch.submission.ids["order_id"], mismatch.occurrence) for mismatch in telemetry.mismatches]
    assert told == [("A", 1), ("A", 1), ("B", 2), ("B", 2)]
    assert len({mismatch.location for mismatch in telemetry.mismatches}) == 2


def test_stories_are_bounded() -> None:
    """Code that is made at run time makes places without end: those beyond the limit are one story."""
    alike = Alike()
    assert {alike.count(("place", number)) for number in range(LIMIT)} == {1}
    assert [alike.count(("place", LIMIT + number)) for number in range(3)] == [1, 2, 3]
    assert alike.count(("place", 0)) == 2


def test_a_storm_is_counted_and_not_told(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond so many within a second: on the span, in the counters and for the hook, but no event and no log record."""
    monkeypatch.setattr("otel_handoff.tell.alerts.LIMIT", 10)
    monkeypatch.setattr("otel_handoff.tell.second.PerSecond.__init__.__defaults__", (lambda: 1.0,))
    race(telemetry, "observe")
    calls = 2 * ROWS
    assert len(telemetry.mismatches) == sum(telemetry.counted("handoff.mismatches").values()) == calls
    assert telemetry.counted("handoff.untold_mismatches") == {(): calls - 10}
    assert len(telemetry.logs()) == 10
    spans = [span for span in telemetry.spans("Ledger.post") if (span.attributes or {}).get("handoff.mismatch.found")]
    assert len(spans) == calls
    assert sum(len(span.events) for span in spans) == 10
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    (storm,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(errors) == 10
    assert "More than 10 mismatches (used) within a second" in storm


def test_each_second_begins_anew() -> None:
    """What was in the one before it does not count."""
    now = [0.5]
    second = PerSecond(lambda: now[0])
    assert [second.count() for _ in range(3)] == [1, 2, 3]
    now[0] = 7.0
    assert [second.count() for _ in range(2)] == [1, 2]
