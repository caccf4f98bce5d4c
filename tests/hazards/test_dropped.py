"""A row whose work function was looked up for it, and for which that was never called: it is told, and told once."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import gc
import inspect
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES, Body, Desk, Host, OwnHost, declare
from tests.hosts import WAIT
from tests.telemetry import Telemetry, needs_sdk, uninstrument

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)


def nothing(_ctx: Any) -> None:
    """Do nothing."""


class Keeps(OwnHost):
    """Keeps what it looked up, and has its rows worked on by other means."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    def submit(self, ctx: Any, body: Body) -> Any:
        self.kept.append(self.work)
        return self.pool.submit(self.run, self.kept[-1], ctx, body)

    def run(self, work: Any, ctx: Any, body: Body) -> Any:
        """Work."""
        return work.__func__(self, ctx, body)


class Unwraps(Keeps):
    """Calls what is beneath."""

    def run(self, work: Any, ctx: Any, body: Body) -> Any:
        """Work."""
        return inspect.unwrap(work)(ctx, body)


@IN_EACH_MODE
@pytest.mark.parametrize("host", [Keeps, Unwraps])
@pytest.mark.parametrize("is_kept", [False, True])
def test_it_is_worked_on_otherwise(
    is_kept: bool, host: type[Any], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Whether what was looked up is kept or not."""
    instrument(mode, boundaries=[declare(host, calls=[])])
    shop = host()
    for _ in range(3):
        shop.submit(Desk("A"), nothing).result(WAIT)
    shop.close()
    if not is_kept:
        shop.kept.clear()
        gc.collect()
        assert telemetry.unchecked() == {"no_worker": 3}
    uninstrument()
    shop.kept.clear()
    gc.collect()
    assert telemetry.unchecked() == {"no_worker": 3}
    spans = telemetry.spans("unchecked desk")
    assert [dict(span.attributes or {})["handoff.unchecked.reason"] for span in spans] == ["no_worker"] * 3


@IN_EACH_MODE
def test_it_is_cancelled(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Nobody knows that it was: its work item is gone, and the advice says that this may be meant."""
    instrument(mode, boundaries=[declare(Host, calls=[])])
    host, go = Host(), threading.Event()

    def wait(_ctx: Any) -> bool:
        return go.wait(WAIT)

    first = host.submit(Desk("A"), wait)
    assert host.submit(Desk("B"), nothing).cancel()
    go.set()
    assert first.result(WAIT)
    host.close()
    gc.collect()
    uninstrument()
    assert telemetry.unchecked() == {"no_worker": 1}


def refuse(host: Host) -> None:
    """Its pool takes no more."""
    host.close()
    with pytest.raises(RuntimeError):
        host.submit(Desk("A"), nothing)


def work(host: Host) -> None:
    """All is well."""
    host.submit(Desk("A"), nothing).result(WAIT)
    host.close()


@IN_EACH_MODE
@pytest.mark.parametrize("rows", [refuse, work])
def test_of_others_nothing_is_said(
    rows: Callable[[Any], None], mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Neither of a row that was refused, as its caller knows, nor of one that was worked on."""
    instrument(mode, boundaries=[declare(Host, calls=[])])
    rows(Host())
    gc.collect()
    uninstrument()
    assert telemetry.unchecked() == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_says_nothing_of_them(instrument: Instrument, telemetry: Telemetry) -> None:
    """They are the parent's, which still has them."""
    needs_sdk()
    instrument(boundaries=[declare(Keeps, calls=[])])
    host = Keeps()
    host.submit(Desk("A"), nothing).result(WAIT)
    reads, writes = os.pipe()
    if os.fork() == 0:
        try:
            host.kept.clear()
            gc.collect()
            os.write(writes, repr(telemetry.unchecked()).encode())
        finally:
            os._exit(0)  # whatever comes: it must not go on with the tests that are left
    os.wait()
    os.close(writes)  # else there is no end to read to where the child has said nothing
    assert os.read(reads, 1_000) == b"{}"
    os.close(reads)
    host.close()
