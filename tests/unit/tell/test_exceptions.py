"""What the work raises: where it is told, and as what, is opted into as the general conventions have it."""

from __future__ import annotations

import re

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import StatusCode

from otel_handoff import HandoffInstrumentor
from tests.hosts import WAIT, Context, Ledger, Order, Pool, boundary
from tests.telemetry import Telemetry


class RefusedError(Exception):
    """What the work raises; its text quotes the row."""


def fail(order: Order, _ctx: Context) -> None:
    """Fail when a call was filed under another's id, so that the row has a span in any case."""
    Ledger().post("Z", "text")
    raise RefusedError(order.id)


@pytest.mark.parametrize("spans", ["all", "mismatch"])
@pytest.mark.parametrize(
    ("opted", "events", "records"),
    [(None, 1, 0), ("", 1, 0), ("logs", 0, 1), ("logs/dup", 1, 1), ("metrics", 1, 0)],
)
def test_where_an_exception_is_told(
    opted: str | None, events: int, records: int, spans: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the span, in the log, or in both, with class and place and without the text; the span says which it was."""
    if opted is not None:
        monkeypatch.setenv("OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN", opted)
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary()], spans=spans, **telemetry.options)
    pool, ctx = Pool(), Context(order=Order("A-17"))
    assert ctx.order is not None
    assert isinstance(pool.enqueue(ctx.order, ctx, fail).exception(WAIT), RefusedError)
    pool.close()
    [row] = telemetry.spans("process orders")
    told = [event for event in row.events if event.name == "exception"]
    logged = [log.log_record for log in telemetry.logs() if log.log_record.event_name == "exception"]
    assert (len(told), len(logged)) == (events, records)
    assert (row.status.status_code, row.status.description) == (StatusCode.ERROR, "RefusedError")
    assert (row.attributes or {})["error.type"] == f"{__name__}.RefusedError"
    context = row.get_span_context()
    assert context is not None
    for record in logged:
        assert (record.trace_id, record.span_id) == (context.trace_id, context.span_id)
        assert record.severity_number is SeverityNumber.ERROR
    for facts in [event.attributes for event in told] + [record.attributes for record in logged]:
        assert (facts or {}).keys() == {"exception.type", "exception.stacktrace"}
        assert (facts or {})["exception.type"] == f"{__name__}.RefusedError"
        assert re.search(r"in fail\b", str((facts or {})["exception.stacktrace"]))
        assert "A-17" not in str(facts)
