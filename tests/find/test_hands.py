"""Who hands over, and who writes: what is done from time to time hands itself over, and so does what tries again."""

from __future__ import annotations

import pytest

from otel_handoff.find.hands import is_from_time_to_time
from otel_handoff.find.seen import Group, Work
from otel_handoff.find.values import tells_how_it_is

WORK = Work("shop", "work", (lambda: None).__code__, is_method=False)


def handed(times: int, *, within: Group | None = None) -> Group:
    """Return hand-overs of the same function by one line, in the rows of others."""
    group = Group("ThreadPoolExecutor.submit", None, WORK)
    for _ in range(times):
        group.begins(within)
    return group


@pytest.mark.parametrize(
    ("begun", "itself", "is_periodic"), [(1, 5, True), (3, 9, True), (6, 6, False), (6, 12, False)]
)
def test_what_hands_itself_over(begun: int, itself: int, is_periodic: bool) -> None:
    """It is begun now and then, and goes on by itself; a row that is tried once or twice more is a row."""
    first = handed(begun)
    again = handed(itself, within=first)
    assert is_from_time_to_time(again, [first, again]) is is_periodic
    assert is_from_time_to_time(first, [first, again]) is is_periodic


@pytest.mark.parametrize(
    ("name", "tells"),
    [
        ("beat", True),
        ("send_heartbeats", True),
        ("ProgressBar", True),
        ("watchdog", True),
        ("ping_customer", False),
        ("monitor_order", False),
        ("bill", False),
        ("report", False),
    ],
)
def test_what_a_work_is_called(name: str, tells: bool) -> None:
    """It may say that it tells how things are, where it does not say that it does so for a row."""
    assert tells_how_it_is(name) is tells
