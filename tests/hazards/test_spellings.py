"""An id that is filed in another spelling is the same id: it is not reported, and not blocked."""

from __future__ import annotations

import base64
import enum
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk, Host, declare, run_rows
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class Kind(enum.Enum):
    """An id."""

    FIRST = "first"


class NaNs(Desk):
    """Each access makes a new NaN."""

    @property
    def number(self) -> float:
        """An id that is not equal to itself."""
        return float("nan")

    @number.setter
    def number(self, number: float) -> None: ...


UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")
SPELT: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "a UUID as text": (UUID, str),
    "a UUID as hex": (UUID, lambda value: value.hex),
    "text as a UUID": (str(UUID), uuid.UUID),
    "an int as text": (17, str),
    "an int as a trace id": (17, lambda value: f"{value:032x}"),
    "an enum's value": (Kind.FIRST, lambda value: value.value),
    "an enum's name": (Kind.FIRST, lambda value: value.name),
    "bytes as hex": (b"\x01\xff", lambda value: value.hex()),
    "True as 1": (True, int),
    "1 as True": (1, bool),
    "NaN as another NaN": (float("nan"), lambda _: float("nan")),
    "a UUID as a URN": (UUID, lambda value: value.urn),
    "a time in ISO 8601": (datetime(2026, 1, 2, tzinfo=timezone.utc), lambda value: value.isoformat()),
    "a decimal as text": (Decimal("17.00"), lambda _: "17"),
    "bytes in base64": (b"abc", lambda value: base64.b64encode(value).decode()),
    "a tuple as a list": (("a", 1), list),
    "NaN as text": (float("nan"), str),
}


@IN_EACH_MODE
@pytest.mark.parametrize("spelt", SPELT)
def test_an_id_is_filed_in_another_spelling(
    spelt: str, mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """It is the same id."""
    order_id, file_as = SPELT[spelt]
    instrument(mode, boundaries=[declare(Host)])
    host, ledger = Host(), Ledger()
    host.submit(Desk(order_id), lambda ctx: ledger.post(file_as(ctx.order_id), "entry")).result(WAIT)
    host.close()
    assert len(ledger.entries) == 1
    assert told(telemetry) == []


@IN_EACH_MODE
def test_nan_made_anew(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A NaN that is another object at each access is the same id."""
    instrument(mode, boundaries=[declare(Host, fields={"order_id": "number"})])
    ledger = Ledger()
    run_rows(Host(), [lambda ctx: ledger.post(ctx.number, "entry")], NaNs())
    assert len(ledger.entries) == 1
    assert told(telemetry) == []


@IN_EACH_MODE
def test_another_id_in_another_spelling(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is found all the same."""
    instrument(mode, boundaries=[declare(Host)])
    other = uuid.UUID(int=UUID.int + 1)
    host = Host()
    handed = host.submit(Desk(UUID), lambda _ctx: Ledger().post(other.hex, "entry"))
    assert (handed.exception(WAIT) is not None) is (mode == "strict")
    host.close()
    assert [(outcome, observed) for _, _, outcome, observed in told(telemetry)] == [
        ("blocked" if mode == "strict" else "used", {"order_id": other.hex})
    ]
