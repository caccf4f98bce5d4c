"""A host that is cured: its submit function makes a context of the row's own, in whichever way, and hands that over."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, OwnHost, declare
from tests.hazards.rows import told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry


class Slots:
    """Cannot be referred to weakly."""

    __slots__ = ("order_id",)

    def __init__(self, order_id: Any = None) -> None:
        self.order_id = order_id


@dataclasses.dataclass(frozen=True)
class Frozen:
    """Never changes: each row has another one."""

    order_id: Any = None


class Model:
    """Is copied with other values by its `__dict__`, as models of validation libraries are."""

    def __init__(self, order_id: Any = None) -> None:
        self.order_id = order_id

    def copy(self, **update: Any) -> Model:
        """Return a copy."""
        made = object.__new__(Model)
        object.__setattr__(made, "__dict__", {**self.__dict__, **update})
        return made


def by_name(ctx: Any, order_id: str) -> Any:
    """Copy, and set it."""
    made = copy.copy(ctx)
    made.order_id = order_id
    return made


def anew(ctx: Any, order_id: str) -> Any:
    """Make one of the class."""
    return type(ctx)(order_id)


def by_replace(ctx: Any, order_id: str) -> Any:
    """Replace it."""
    return dataclasses.replace(ctx, order_id=order_id)


def by_dict(ctx: Any, order_id: str) -> Any:
    """Copy with another one."""
    return ctx.copy(order_id=order_id)


class Cured(OwnHost):
    """Makes it before it looks for the work function."""

    def submit(self, ctx: Any, body: Body, order_id: str, make: Callable[[Any, str], Any]) -> Any:  # type: ignore[override]
        ctx = make(ctx, order_id)
        return self.pool.submit(self.work, ctx, body)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("context", "make"),
    [
        (Desk, by_name),
        (Desk, anew),
        (Frozen, by_replace),
        (Frozen, anew),
        (Slots, by_name),
        (Slots, anew),
        (Model, by_dict),
    ],
)
def test_it_is_not_accused(
    context: type[Any], make: Callable[[Any, str], Any], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Its rows are what the submit function made them; perhaps it is not known, but each is filed, none reported."""
    instrument(mode, boundaries=[declare(Cured)])
    host, ledger, ctx = Cured(), Ledger(), context("nothing yet")

    def body(ctx: Any) -> None:
        ledger.post(ctx.order_id, "entry")

    for order_id in "ABC":
        host.submit(ctx, body, order_id, make).exception(WAIT)
    host.close()
    assert [entry[0] for entry in ledger.entries] == list("ABC")
    assert told(telemetry) == []
