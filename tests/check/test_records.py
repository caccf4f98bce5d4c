"""The list of wrong records finds them in the trail of any host, whatever its boundary calls them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from otel_handoff.record import semconv
from tests.check import spans
from tests.check.command import check, of, written, wrong_call
from tests.traces import lines


def submitted(boundary: str, number: int, ids: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: value for name, value in spans.submission(number).items() if not name.startswith("elspeth.")},
        semconv.BOUNDARY: boundary,
        **{f"{boundary}.{name}": value for name, value in ids.items()},
    }


def row(span_id: int, boundary: str, number: int, ids: dict[str, Any]) -> dict[str, Any]:
    return spans.row(span_id, number, attributes=lines.attributes(submitted(boundary, number, ids)))


def wrong(
    span_id: int, boundary: str, number: int, ids: dict[str, Any], observed: dict[str, Any], **told: Any
) -> dict[str, Any]:
    """A call of submission `number` that is filed under what was `observed`."""
    carried = {
        **submitted(boundary, number, ids),
        semconv.MISMATCH_FIELDS: list(observed),
        semconv.MISMATCH_EVIDENCE: "call",
        semconv.MISMATCH_OUTCOME: "used",
        **{f"{semconv.EXPECTED}{name}": ids.get(name) for name in observed if name in ids},
        **{f"{semconv.OBSERVED}{name}": value for name, value in observed.items()},
        **told,
    }
    event = {"name": semconv.MISMATCH, "timeUnixNano": str(spans.TIME), "attributes": lines.attributes(carried)}
    on_call = {semconv.BOUNDARY: boundary, semconv.SUBMISSION_ID: number}
    on_call |= {f"{boundary}.{name}": value for name, value in ids.items()}
    return spans.call(span_id, 0, number, attributes=lines.attributes(on_call), events=[event])


def listed(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(check(path, "--records", "-").out)))


def test_a_record_of_a_boundary_of_ones_own_is_found_by_its_ids_and_by_its_call(tmp_path: Path) -> None:
    """Its tenant is wrong: of which order it is, and whose it now seems to be, is in the list."""
    first, second = {"tenant": "acme", "order_id": "order-1"}, {"tenant": "globex", "order_id": "order-2"}
    call = wrong(3, "orders", 1, first, {"tenant": "globex"}, **{"orders.call.index": 4, "orders.ledger": "eu-1"})
    (record,) = listed(written(tmp_path / "a.jsonl", of(row(1, "orders", 1, first), row(2, "orders", 2, second), call)))
    assert (record["field"], record["filed_under"], record["belongs_under"]) == ("tenant", "globex", "acme")
    assert (record["tenant"], record["order_id"]) == ("acme", "order-1")
    assert (record["filed_tenant"], record["filed_order_id"]) == ("globex", "order-2")
    assert (record["orders.ledger"], record["call_index"]) == ("eu-1", "4")
    assert (record["row_id"], record["filed_row_id"]) == ("", "")


def test_boundaries_share_a_list(tmp_path: Path) -> None:
    """Each has its columns, after those of every list; a name that is taken has the boundary's before it."""
    ids = {"time": "noon", "filed_under": "x", "order_id": "order-1", "token_id": "t"}
    call = wrong(9, "orders", 7, ids, {"order_id": "order-2"})
    path = written(tmp_path / "a.jsonl", wrong_call(), of(row(8, "orders", 7, ids), call))
    elspeth, orders = listed(path)
    names = list(elspeth)
    assert names[:7] == ["record", "evidence", "boundary", "run_id", "row_id", "token_id", "call_index"]
    assert {"node_id", "orders.time", "filed_run_id"} <= set(names)
    assert names.index("found_by") < names.index("node_id") < names.index("orders.time") < names.index("filed_run_id")
    assert (elspeth["state_id"], elspeth["filed_state_id"], elspeth["order_id"]) == ("state-1", "state-2", "")
    assert (orders["orders.time"], orders["orders.filed_under"], orders["order_id"]) == ("noon", "x", "order-1")
    assert (orders["token_id"], orders["state_id"], orders["time"][:4]) == ("t", "", "2023")


def test_an_id_that_was_none_has_a_column_too(tmp_path: Path) -> None:
    """It is on no row span, but the call is filed under one."""
    ids = {"order_id": "order-1"}
    call = wrong(9, "orders", 7, ids, {"attempt": "2"})
    (record,) = listed(written(tmp_path / "a.jsonl", of(row(8, "orders", 7, ids), call)))
    assert (record["field"], record["filed_under"], record["belongs_under"]) == ("attempt", "2", "")
    assert (record["attempt"], record["order_id"]) == ("", "order-1")


def test_columns_have_an_end(tmp_path: Path) -> None:
    """What is beyond is in the column `details`, as all that is told of a call."""
    told = {f"orders.told.{number}": number for number in range(1000)}
    ids = {f"id{number}": str(number) for number in range(1000)}
    call = wrong(9, "orders", 7, ids, {"id0": "x"}, **told)
    (record,) = listed(written(tmp_path / "a.jsonl", of(row(8, "orders", 7, ids), call)))
    assert len(record) < 700
    assert "orders.told.999=999" in record["details"]


def test_a_list_without_records_has_the_columns_of_every_list(tmp_path: Path) -> None:
    """And no line."""
    done = check(written(tmp_path / "a.jsonl", of(spans.row(1, 1))), "--records", "-")
    assert done.out.startswith("record,evidence,boundary,run_id,")
    assert done.out.count("\n") == 1


def test_a_nul_is_told_as_what_it_is(tmp_path: Path) -> None:
    """In an id, or in the name of what is told of a call: Python 3.10 writes none into CSV."""
    ids = {"order_id": "order-\0-1"}
    call = wrong(3, "orders", 1, ids, {"order_id": "order-2"}, **{"orders.led\0ger": "eu-1"})
    (record,) = listed(written(tmp_path / "a.jsonl", of(row(1, "orders", 1, ids), call)))
    assert record["belongs_under"] == r"order-\x00-1"
    assert record[r"orders.led\x00ger"] == "eu-1"
