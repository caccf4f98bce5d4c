"""What is read whenever it has changed: in a call that goes round, or by one call after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType

import pytest

from otel_handoff.find.loops import Reads, goes_round


class Desk:
    """Knows from which place it was read last."""

    @property
    def row(self) -> str:
        """Read."""
        self.place = _caller()
        return "r1"

    place: tuple[CodeType, int] = (Reads.__init__.__code__, 0)


def _caller() -> tuple[CodeType, int]:
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    return frame.f_code, frame.f_lasti


def once(desk: Desk) -> None:
    """Behind a loop."""
    for _ in range(2):
        pass
    assert desk.row


def in_a_for(desk: Desk) -> None:
    """In one."""
    for number in range(2):
        assert desk.row, number


def in_a_while(desk: Desk) -> None:
    """In one that waits."""
    number = 0
    while number < 3:
        number += 1
        if desk.row == "r2":
            return


@pytest.mark.parametrize(("function", "is_round"), [(once, False), (in_a_for, True), (in_a_while, True)])
def test_what_goes_round(function: Callable[[Desk], None], is_round: bool) -> None:
    """What is in a loop may run again within one call."""
    desk = Desk()
    function(desk)
    assert goes_round(*desk.place) is is_round


def frames() -> Iterator[FrameType]:
    """Yield frames of one call, in a loop."""
    while True:
        yield sys._getframe()  # pyright: ignore[reportPrivateUsage]


def frame_of_one() -> FrameType:
    """Return that of a call that is over."""
    return sys._getframe()  # pyright: ignore[reportPrivateUsage]


def test_one_call_that_goes_round() -> None:
    """It is followed as soon as it has changed."""
    reads, frame = Reads(), next(frames())
    assert [reads.go_on(value, frame) for value in (1, 1, 2)] == [False, False, True]


def test_calls_one_after_the_other() -> None:
    """It is followed once it has changed again and again: a helper that is called twice is no loop."""
    reads = Reads()
    assert [reads.go_on(value, frame_of_one()) for value in (1, 2, 2, 3, 4)] == [False, False, False, False, True]
