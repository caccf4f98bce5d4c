"""What two spans carry is the same text only if it is the same ids; where that cannot be said, they are looked at."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from otel_handoff.check.carried import Carried
from otel_handoff.record import semconv
from tests.check import spans
from tests.check.command import Check, of, written
from tests.traces import lines

ROW = {"order_id": "1", "tenant": "a"}


def tagged(ids: dict[str, Any], boundary: str = "orders") -> dict[str, Any]:
    return {f"{boundary}.{name}": value for name, value in ids.items()}


def test_what_agrees_is_the_same_text() -> None:
    """Of a call and of somebody else's span, whatever else they carry, and in whatever order; by text, as spans are."""
    carried = Carried(["order.id"])
    row = carried.by_row("orders", ROW)
    assert row
    more = {"x": 1, **tagged({"tenant": "a", "order_id": 1, "call.index": 0})}
    assert carried.by_call("orders", more) == carried.by_another(more) == row
    for other in ({"order_id": "2"}, {"tenant": "b"}, {"order_id": True}, {"order_id": "1 "}):
        assert carried.by_call("orders", tagged({**ROW, **other})) not in (row, "")
        assert carried.by_another(tagged({**ROW, **other})) not in (row, "", carried.none)


def test_one_field_is_no_letters() -> None:
    """Nor does an id run into the next."""
    carried = Carried([])
    one = carried.by_row("one", {"id": "ab"})
    assert carried.by_call("one", {"one.id": "ab"}) == one != carried.by_call("one", {"one.id": "a"})
    two = carried.by_row("two", {"a": "x", "b": "y"})
    assert carried.by_call("two", {"two.a": "x\0y", "two.b": ""}) == ""
    assert carried.by_row("two", {"a": "x\0", "b": "y"}) == ""
    assert carried.by_another({"two.a": "x", "two.b": "y"}) == two


def test_what_is_to_be_looked_at_has_none() -> None:
    """Other fields, an alias besides, one that is missing, ids that are very long, a boundary that is new."""
    carried = Carried(["order.id"])
    assert carried.by_call("orders", tagged(ROW)) == ""
    row = carried.by_row("orders", ROW)
    assert carried.by_call("orders", {**tagged(ROW), "order.id": "1"}) == ""
    assert carried.by_another({**tagged(ROW), "order.id": "1"}) == ""
    assert carried.by_call("orders", tagged({"order_id": "1"})) == ""
    assert carried.by_another(tagged({"order_id": "1"})) == ""
    assert carried.by_row("orders", {**ROW, "tenant": "a" * 3000}) == ""
    assert carried.by_row("orders", {"order_id": "1"}) != row
    assert carried.by_row("orders", {}) == ""


def test_what_carries_nothing_does_so_of_what_is_known() -> None:
    """Fields that come later may be its."""
    carried = Carried(["order.id"])
    carried.by_row("orders", ROW)
    nothing = carried.by_another({"http.method": "GET"})
    assert nothing == carried.none
    assert carried.by_another({"order.id": "1"}) == ""
    carried.by_row("others", {"id": "1"})
    assert carried.none != nothing


def test_many_boundaries_take_no_memory() -> None:
    """Those beyond a hundred are looked at."""
    carried = Carried([])
    texts = [carried.by_row(f"b{number}", {"id": "1"}) for number in range(200)]
    assert (len({*texts}), texts[150], carried.by_another({"x": 1})) == (101, "", "")
    assert carried.by_call("b150", {"b150.id": "1"}) == ""


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_fields_that_come_later_are_compared(check: Check, tmp_path: Path, order: tuple[int, ...]) -> None:
    """Whatever was known when a span came: of one boundary nothing, of the other all."""
    submitted = {
        semconv.BOUNDARY: "orders",
        semconv.SUBMISSION_ID: 7,
        semconv.SUBMISSION_TIME: 5,
        semconv.QUEUE_DURATION: 0.1,
        "orders.order_id": "1",
    }
    run = [
        spans.row(1, 1),
        lines.span(2, "process orders", 1, attributes=lines.attributes(submitted)),  # pyright: ignore[reportCallIssue]
        spans.foreign(3, 2, 1, {"orders.order_id": "2"}),
        spans.foreign(4, 1, 1),
    ]
    done = check(written(tmp_path / "traces", of(*(run[at] for at in order))))
    assert "1 mismatch of 1 kind" in done.out
    assert "order_id" in done.out
