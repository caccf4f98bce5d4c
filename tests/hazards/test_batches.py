"""A batch of rows, one hand-over: a call is compared with the row that it names, and is wrong if it names none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffMismatchError
from otel_handoff.check.spelt import is_same
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class Bulk:
    """Files rows in batches."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    def send(self, rows: Any, as_ids: Any) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, rows, as_ids)

    def work(self, rows: Any, as_ids: Any) -> list[str]:
        """Work function: file each row under what it is told to."""
        done: list[str] = []
        for _, ids in zip(rows, as_ids, strict=True):
            try:
                self.file(*ids)
                done.append("filed")
            except HandoffMismatchError:
                done.append("blocked")
        return done

    def file(self, order: Any, tenant: Any) -> None:
        """What is compared."""


def declare(**options: Any) -> Boundary:
    """By order and tenant of each row."""
    declared: dict[str, Any] = {
        "name": "bulk",
        "submit": f"{__name__}:Bulk.send",
        "work": f"{__name__}:Bulk.work",
        "ids": {"order": "rows.*.order", "tenant": "rows.*.tenant"},
        "calls": [Call(f"{__name__}:Bulk.file", {"order": "order", "tenant": "tenant"})],
    }
    return Boundary(**{**declared, **options})


ROWS = [{"order": 1, "tenant": "a"}, {"order": 2, "tenant": "b"}]


def send(rows: Any, as_ids: Any) -> list[str]:
    """Hand it over, and wait."""
    bulk = Bulk()
    try:
        return bulk.send(rows, as_ids).result()
    finally:
        bulk.pool.shutdown()


@IN_EACH_MODE
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("rows", [ROWS, tuple(ROWS), dict(enumerate(ROWS))])
def test_each_row_s_own_is_right(
    rows: Any, alone: bool, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """In whichever order, and spelt as it may be."""
    instrument(mode, boundaries=[declare(**({"submit": None} if alone else {}))])
    assert send(rows, [("2", "b"), (1, "a")]) == ["filed", "filed"]
    assert telemetry.mismatches == []
    assert telemetry.unchecked() == {}


@IN_EACH_MODE
def test_what_names_none_of_them_is_wrong(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """And what names one, and has the tenant of another."""
    instrument(mode, boundaries=[declare()])
    done = send(ROWS, [(3, "c"), (2, "a")])
    assert done == (["blocked"] * 2 if mode == "strict" else ["filed"] * 2)
    assert [dict(m.observed) for m in telemetry.mismatches] == [{"order": 3, "tenant": "c"}, {"tenant": "a"}]
    assert str(telemetry.mismatches[0].expected["order"]) == "any of ['1', '2']"


def test_a_batch_of_one_is_a_row(instrument: Instrument, telemetry: Telemetry) -> None:
    """With its id."""
    instrument("observe", boundaries=[declare()])
    send(ROWS[:1], [(2, "b")])
    (mismatch,) = telemetry.mismatches
    assert dict(mismatch.expected) == {"order": 1, "tenant": "a"}


@pytest.mark.parametrize("rows", [[], iter(ROWS), "ab", None, [{"order": 1}, {}]])
def test_what_cannot_be_gone_through_is_not_judged(rows: Any, instrument: Instrument, telemetry: Telemetry) -> None:
    """An iterator would be empty for the worker; of rows without an id nothing is known."""
    instrument("observe", boundaries=[declare()])
    bulk = Bulk()
    bulk.send(rows, []).exception()
    bulk.pool.shutdown()
    assert telemetry.mismatches == []


@pytest.mark.parametrize("ids", ["plain", "hashed"])
def test_check_knows_it_again(ids: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """On the row's span are the ids of all; hashed, each by itself."""
    instrument("observe", boundaries=[declare()], ids=ids)
    send(ROWS, [(1, "a"), (2, "b")])
    (row,) = telemetry.spans("process bulk")
    calls = telemetry.spans("Bulk.file")
    assert len(calls) == 2
    for call in calls:
        for name in ("bulk.order", "bulk.tenant"):
            assert is_same((row.attributes or {})[name], (call.attributes or {})[name])
    assert not is_same((row.attributes or {})["bulk.tenant"], "c")
