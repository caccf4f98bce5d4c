"""What another thread writes on the way to an id, at each line of handing the row over."""

from __future__ import annotations

import contextvars
import functools
import itertools
from typing import Any

import pytest

from otel_handoff import Boundary, HandoffInstrumentor, Mismatch, current_submission
from otel_handoff.around import submit
from otel_handoff.handover import lease
from otel_handoff.host import fields
from otel_handoff.watch import ways
from tests.hosts import Order
from tests.schedules.test_regressions import preempt


class Row:
    """What a context holds that has its order in it."""

    def __init__(self, order: Order | None) -> None:
        self.order = order


class Context:
    """A context that has it so, and in a dict."""

    def __init__(self, order: Order) -> None:
        self.row = Row(order)
        self.rows: dict[str, Order | None] = {"order": order}

    def put(self, order: Order | None) -> None:
        """Change what it holds in place."""
        self.row.order = self.rows["order"] = order


class Queue:
    """A queue without threads."""

    def submit(self, ctx: Context) -> None:
        """Hand over."""
        self.queued = ctx

    def work(self, ctx: Context) -> None:
        """Say which row it is, and what is found on the context."""
        submission = current_submission()
        assert submission is not None
        self.row = submission.ids["order_id"]
        self.found = [order and order.id for order in (ctx.row.order, ctx.rows["order"])]


@pytest.mark.parametrize("other", [Order("B"), None], ids=["another", "none"])
@pytest.mark.parametrize(
    ("mode", "path"), [("pin", "row.order.id"), ("pin", "rows.order.id"), ("observe", "row.order.id")]
)
def test_written_between_the_ids_and_what_leads_to_them(mode: str, path: str, other: Order | None) -> None:
    """The worker has what the row is said to be; or it is told that it has not, and who wrote that."""
    told: list[Mismatch] = []
    ours = Boundary("queue", f"{__name__}:Queue.submit", f"{__name__}:Queue.work", fields={"order_id": path})
    id_, seen = other and other.id, set[Any]()
    HandoffInstrumentor().instrument(mode=mode, boundaries=[ours], on_mismatch=told.append)
    try:
        for module, line in itertools.product((ways, lease, submit, fields), range(-1, 200)):
            queue, ctx = Queue(), Context(Order("A"))
            put = functools.partial(ctx.put, other)
            preempt(line, put, functools.partial(queue.submit, ctx), module)
            told.clear()
            contextvars.Context().run(queue.work, queue.queued)
            found = queue.found[path.startswith("rows")]
            if found != queue.row:
                assert mode == "observe"
                assert [(each.evidence, each.culprit and each.culprit.value) for each in told] == [("read", id_)]
            seen.add((queue.row, found))
    finally:
        HandoffInstrumentor().uninstrument()
    assert {row for row, _ in seen} == {"A", id_}, "it was written before, and after"
