"""The comparison that all faults rest on can fail, and the host repeats itself."""

from __future__ import annotations

import pytest

from tests.faults.conftest import Host
from tests.faults.pipeline import IN_ORDER, RACING, Ran

MODES = pytest.mark.parametrize("mode", ["observe", "pin"])


def test_the_bare_host_repeats_itself(host: Host, expected: dict[str, Ran]) -> None:
    """Without us, both schedules leave the same again."""
    assert host.alone(RACING) == expected["observe"]
    assert host.alone(IN_ORDER) == expected["pin"]


def test_the_race_is_in_the_trail(expected: dict[str, Ran]) -> None:
    """The racing run completes the same rows as the correct one, and files calls otherwise."""
    assert expected["observe"].results == expected["pin"].results == "7 []"
    assert expected["observe"].trail != expected["pin"].trail


@MODES
def test_without_a_fault(mode: str, host: Host, expected: dict[str, Ran]) -> None:
    """With us the trail is the same, and the race is told."""
    assert host.instrumented(mode) == expected[mode]
    assert {mismatch.outcome for mismatch in host.told} >= {"used" if mode == "observe" else "prevented"}


def test_unpinned_the_trail_is_not_the_correct_one(host: Host, expected: dict[str, Ran]) -> None:
    """What pins fixes is seen by the comparison: observe does not leave the correct run's trail."""
    assert host.instrumented("observe") != expected["pin"]
