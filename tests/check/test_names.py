"""Names that a host chose and that are ours, too, are told apart where that can be done, and do no harm where not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otel_handoff.record import semconv
from tests.check import spans
from tests.check.test_judge import judged, of
from tests.check.test_records import row, wrong


def culprit(number: Any, prefix: str = "handoff.culprit.submission.", **ids: Any) -> dict[str, Any]:
    """A write, as an earlier detector told it; `number` last, for it shared its name with a field `id`."""
    return {
        semconv.CULPRIT_FIELD: "id",
        semconv.CULPRIT_LOCATION: "shop.py:20 in main",
        semconv.CULPRIT_THREAD: "MainThread",
        semconv.CULPRIT_TIME: spans.TIME,
        **{f"{prefix}{name}": value for name, value in ids.items()},
        semconv.CULPRIT_SUBMISSION_ID: number,
    }


@pytest.mark.parametrize("process", ["one", "two"])
def test_a_field_named_id_that_has_taken_the_place_of_the_number(tmp_path: Path, process: str) -> None:
    """It is text, so it is the id; whose number that is, its row in the same process says."""
    first, second = {"id": "order-1"}, {"id": "order-2"}
    call = wrong(3, "orders", 1, first, second, **culprit("order-2"))
    other = of(row(2, "orders", 2, second), process=process)
    _, (finding,) = judged(tmp_path, of(call, row(1, "orders", 1, first)), other)
    assert finding.culprit is not None
    assert (finding.culprit.ids, finding.culprit.value) == (second, "order-2")
    assert finding.culprit.number == (2 if process == "one" else None)
    assert (finding.filed, finding.unknown) == (second, ())


def test_a_number_beside_other_ids(tmp_path: Path) -> None:
    """It is whole, so it is the number."""
    ids = {"order_id": "order-1"}
    call = wrong(3, "orders", 1, ids, {"order_id": "order-2"}, **culprit(2, order_id="order-2"))
    _, (finding,) = judged(tmp_path, of(call, row(1, "orders", 1, ids)))
    assert finding.culprit is not None
    assert (finding.culprit.number, finding.culprit.ids) == (2, {"order_id": "order-2"})


def test_a_field_named_id_that_is_a_whole_number(tmp_path: Path) -> None:
    """Then its boundary has such a field: the value is the id's, which was put there last."""
    call = wrong(3, "orders", 1, {"id": 1}, {"id": 2}, **culprit(2))
    rows = [row(1, "orders", 1, {"id": 1}), row(2, "orders", 8, {"id": 2})]
    _, (finding,) = judged(tmp_path, of(call, *rows))
    assert finding.culprit is not None
    assert (finding.culprit.ids, finding.culprit.number) == ({"id": 2}, 8)


def test_a_field_named_id_beside_the_number(tmp_path: Path) -> None:
    """Each has a name of its own by now."""
    call = wrong(3, "orders", 1, {"id": 1}, {"id": 2}, **culprit(8, semconv.CULPRIT_ID, id=2))
    _, (finding,) = judged(tmp_path, of(call, row(1, "orders", 1, {"id": 1})))
    assert finding.culprit is not None
    assert (finding.culprit.ids, finding.culprit.number) == ({"id": 2}, 8)


@pytest.mark.parametrize("boundary", ["thread", "handoff", "handoff.submission", ""])
def test_a_boundary_that_is_named_as_what_every_row_carries(tmp_path: Path, boundary: str) -> None:
    """Its ids are its own, and neither the worker's thread nor what tells the submission."""
    ids = {"order_id": "order-1"}
    call = wrong(3, boundary, 1, ids, {"order_id": "order-2"})
    _, findings = judged(tmp_path, of(call, row(1, boundary, 1, ids), row(2, boundary, 2, {"order_id": "order-2"})))
    assert all(finding.submission.ids == ids for finding in findings)
    assert len(findings) == 1
