"""To observe changes nothing: no code of the host's runs more often, and whatever was loaded again is given back."""

from __future__ import annotations

import importlib
import importlib.machinery
import itertools
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Desk, Host, declare, filed_by_a, run_rows
from tests.hazards.rows import told
from tests.telemetry import Telemetry

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


class Counts(Desk):
    """Its number is another one each time that somebody asks."""

    numbers = itertools.count(1)

    @property
    def number(self) -> int:
        """The next one."""
        return next(self.numbers)


@IN_EACH_MODE
@pytest.mark.parametrize("watch", [True, False])
def test_a_property_is_not_run(mode: str, watch: bool, instrument: Instrument, telemetry: Telemetry) -> None:
    """The workers alone run it, as without us; that its rows are not judged in it is said."""

    class Ours(Counts):
        numbers = itertools.count(1)

    instrument(mode, watch=watch, boundaries=[declare(Host, fields={"number": "number"}, calls=[])])
    assert run_rows(Host(), [lambda ctx: ctx.number] * 3, Ours()) == [1, 2, 3]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"field_computed": 3}


class Setter(Desk):
    """Its number has a setter, and says how often it was asked for."""

    asked = 0

    @property
    def number(self) -> Any:
        """The id."""
        self.asked += 1
        return self.order_id

    @number.setter
    def number(self, number: Any) -> None:
        self.order_id = number


def test_a_property_with_a_setter(instrument: Instrument, telemetry: Telemetry) -> None:
    """It is run once, at the hand-over, besides what the host does."""
    instrument("observe", boundaries=[declare(Host, fields={"number": "number"}, calls=[])])
    ctx = Setter()
    assert run_rows(Host(), [lambda ctx: ctx.number] * 3, ctx) == list("ABC")
    assert ctx.asked == 6
    assert (told(telemetry), telemetry.unchecked()) == ([], {})


SHOP = """
    from tests.hazards.one_row import Host as _Host

    class Shop(_Host):
        def submit(self, ctx, body):
            return self.pool.submit(self.work, ctx, body)

        def work(self, ctx, body):
            return body(ctx)
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of this test's own."""
    (tmp_path / "a_shop.py").write_text(textwrap.dedent(SHOP))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    yield importlib.import_module("a_shop")
    HandoffInstrumentor().uninstrument()
    sys.modules.pop("a_shop", None)


def functions(module: Any) -> list[Any]:
    """The functions that are wrapped."""
    return [vars(module.Shop)[name] for name in ("submit", "work")]


def is_ours(module: Any) -> bool:
    """Whether they are."""
    return any(hasattr(function, "__wrapped__") for function in functions(module))


CAME_OF_IT = {
    "observe": ("B", [("A", "call", "used", {"order_id": "B"})]),
    "strict": ("blocked", [("A", "call", "blocked", {"order_id": "B"})]),
    "pin": ("A", [("A", "read", "prevented", {"order_id": "B"})]),
}


def assert_checked(host: Any, mode: str, telemetry: Telemetry) -> None:
    """The wrong id of a row of `host` is found."""
    telemetry.mismatches.clear()
    filed, news = CAME_OF_IT[mode]
    assert filed_by_a(host) == filed
    assert told(telemetry) == news


@IN_EACH_MODE
def test_a_module_is_loaded_again(mode: str, shop: Any, instrument: Instrument, telemetry: Telemetry) -> None:
    """The new class is checked, and so is the one before, of which there are instances; both are given back."""
    before = functions(shop)
    instrument(mode, boundaries=[declare(shop.Shop)])
    old = shop.Shop
    assert_checked(shop.Shop(), mode, telemetry)
    importlib.reload(shop)
    assert shop.Shop is not old
    assert_checked(shop.Shop(), mode, telemetry)
    assert_checked(old(), mode, telemetry)
    assert telemetry.unchecked() == {}
    HandoffInstrumentor().uninstrument()
    assert not is_ours(shop)
    assert [vars(old)[name] for name in ("submit", "work")] == before


@IN_EACH_MODE
def test_a_module_is_imported_anew(mode: str, shop: Any, instrument: Instrument, telemetry: Telemetry) -> None:
    """It was dropped in between; both are checked, and given back."""
    before = functions(shop)
    instrument(mode, boundaries=[declare(shop.Shop)])
    del sys.modules["a_shop"]
    anew: Any = importlib.import_module("a_shop")
    assert anew is not shop
    assert_checked(anew.Shop(), mode, telemetry)
    assert_checked(shop.Shop(), mode, telemetry)
    assert telemetry.unchecked() == {}
    HandoffInstrumentor().uninstrument()
    assert not is_ours(anew)
    assert functions(shop) == before


@IN_EACH_MODE
def test_it_is_instrumented_again(mode: str, shop: Any, instrument: Instrument, telemetry: Telemetry) -> None:
    """After a reload and its end, the next one checks the module as it is."""
    instrument("observe", boundaries=[declare(shop.Shop)])
    importlib.reload(shop)
    HandoffInstrumentor().uninstrument()
    instrument(mode, boundaries=[declare(shop.Shop)])
    assert_checked(shop.Shop(), mode, telemetry)


def test_a_reload_after_its_end(shop: Any, instrument: Instrument) -> None:
    """Nothing is wrapped any more, and nobody listens."""
    finders = list(sys.meta_path)
    instrument("observe", boundaries=[declare(shop.Shop)])
    HandoffInstrumentor().uninstrument()
    assert sys.meta_path == finders
    importlib.reload(shop)
    assert not is_ours(shop)


def test_a_module_has_its_own_loader(shop: Any, instrument: Instrument) -> None:
    """A module that was loaded while we listen says of its origin what it says without us."""
    instrument("observe", boundaries=[declare(shop.Shop)])
    importlib.reload(shop)
    assert type(shop.__loader__) is importlib.machinery.SourceFileLoader
    assert type(shop.__spec__.loader) is importlib.machinery.SourceFileLoader
