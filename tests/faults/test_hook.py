"""The user's own hook misbehaves."""

from __future__ import annotations

import threading

import pytest

from otel_handoff import Mismatch
from tests.faults.conftest import Host
from tests.faults.pipeline import IN_ORDER, Ran
from tests.hosts import WAIT

MODES = pytest.mark.parametrize("mode", ["observe", "pin"])


@MODES
def test_hook_raises(mode: str, host: Host, expected: dict[str, Ran]) -> None:
    """A hook that raises at every mismatch is asked again at the next, and nobody but the log hears of it."""
    asked: list[Mismatch] = []

    def hook(mismatch: Mismatch) -> None:
        asked.append(mismatch)
        raise LookupError("pager is down")

    assert host.instrumented(mode, given={"on_mismatch": hook}) == expected[mode]
    assert len({mismatch.submission.number for mismatch in asked}) == 2  # both pairs raced


@MODES
def test_hook_blocks(mode: str, host: Host, expected: dict[str, Ran]) -> None:
    """A hook that blocks holds up its own row alone: meanwhile another pipeline runs from its start to its end."""
    blocked, release = threading.Event(), threading.Event()
    others: list[Ran] = []

    def hook(_mismatch: Mismatch) -> None:
        blocked.set()
        assert release.wait(WAIT)

    def another() -> None:
        try:
            assert blocked.wait(WAIT)
            others.append(host.alone(IN_ORDER))  # it is instrumented as well
        finally:
            release.set()

    thread = threading.Thread(target=another)
    thread.start()
    try:
        assert host.instrumented(mode, given={"on_mismatch": hook}) == expected[mode]
    finally:
        blocked.set()
        thread.join()
    assert others == [expected["pin"]]
