"""From a wrong row to the row whose ids it used: a link where that has a span by then, and its number in any case."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from otel_handoff import HandoffInstrumentor
from tests.hosts import WAIT, Context, Ledger, Order, Pool, boundary
from tests.telemetry import Telemetry

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


def race(telemetry: Telemetry, begins: str) -> tuple[ReadableSpan, ReadableSpan, ReadableSpan]:
    """A worker files A under B's id, and B begins before that, after it, or when A is done; both rows and the call."""
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary()], **telemetry.options)
    pool, ctx = Pool(1 if begins == "done" else 2), Context()
    submitted, filed, began = (threading.Event() for _ in range(3))

    def job(order: Order, ctx: Context) -> None:
        if order.id == "B":
            began.set()
        elif order.id == "A":
            assert submitted.wait(WAIT)
            if begins == "before":
                assert began.wait(WAIT)
            Ledger().post(ctx.order.id if ctx.order else None, "text")
            filed.set()
            if begins == "after":
                assert began.wait(WAIT)
        else:  # B is behind this one, and waits until A has filed
            assert filed.wait(WAIT)

    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("what all rows share"):
        rows: list[Any] = []
        for ctx.order in map(Order, ("A", "busy", "B") if begins == "after" else ("A", "B")):
            rows.append(pool.enqueue(ctx.order, ctx, job))
        submitted.set()
        for row in rows:
            row.result(WAIT)
    pool.close()
    of = {carried(span)["orders.order_id"]: span for span in telemetry.spans("process orders")}
    [call] = telemetry.spans("Ledger.post")
    return of["A"], of["B"], call


def carried(span: ReadableSpan) -> dict[str, Any]:
    """The attributes of a span."""
    return dict(span.attributes or {})


@pytest.mark.parametrize(("begins", "linked"), [("before", ["call"]), ("after", ["row"]), ("done", [])])
def test_where_the_way_leads(begins: str, linked: list[str], telemetry: Telemetry) -> None:
    """To the span that is the culprit's row alone: from the wrong call, or from its row if that began only then."""
    row, culprit, call = race(telemetry, begins)
    number = carried(culprit)["handoff.submission.id"]
    led_to = {
        name: [(link.context.span_id, dict(link.attributes or {})) for link in span.links]
        for name, span in (("row", row), ("call", call), ("culprit", culprit))
        if span.links
    }
    to = culprit.get_span_context()
    assert to is not None
    assert led_to == {name: [(to.span_id, {"handoff.submission.id": number})] for name in linked}
    assert {carried(span)["handoff.culprit.submission.id"] for span in (row, call)} == {number}
