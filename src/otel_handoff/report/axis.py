"""The time axis: stretches in which something happens, at one scale, and folds in between."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final, NamedTuple

_FOLD: Final = 0.08
"""Width of a fold, as a part of all stretches together."""
_LONG: Final = 20
"""From how many times the pad on there is nothing to be seen between two instants."""


class Stretch(NamedTuple):
    """A part of the axis that is drawn to scale. Times in nanoseconds, places from 0 to 100."""

    start_ns: int
    end_ns: int
    left: float
    right: float


class Fold(NamedTuple):
    """What lies between two stretches, in a fixed width."""

    start_ns: int
    end_ns: int
    left: float
    right: float


class Axis:
    """Maps times to places between 0 and 100, the left and right end of what is drawn.

    Attributes:
        stretches: in order; at least one.
        folds: what lies between them.
    """

    def __init__(self, instants: Iterable[int], pad_ns: int) -> None:
        """Draw from `pad_ns` before the first of `instants` to `pad_ns` after the last, and fold long waits between."""
        spans: list[list[int]] = []
        for instant in sorted(set(instants)):
            if spans and instant - spans[-1][1] <= (_LONG - 1) * pad_ns:
                spans[-1][1] = instant + pad_ns
            else:
                spans.append([instant - pad_ns, instant + pad_ns])
        drawn = sum(end - start for start, end in spans)
        fold = drawn * _FOLD
        total = drawn + fold * (len(spans) - 1)
        self.stretches: list[Stretch] = []
        self.folds: list[Fold] = []
        at = 0.0
        for start, end in spans:
            if self.stretches:
                last = self.stretches[-1]
                self.folds.append(Fold(last.end_ns, start, last.right, at / total * 100))
            right = at + end - start
            self.stretches.append(Stretch(start, end, at / total * 100, right / total * 100))
            at = right + fold
        self._starts = [stretch.start_ns for stretch in self.stretches]

    def place(self, time_ns: int) -> float:
        """Return where `time_ns` is. Within a fold it is where its share of the time is."""
        index = max(0, bisect_right(self._starts, time_ns) - 1)
        stretch = self.stretches[index]
        if time_ns <= stretch.end_ns or index == len(self.folds):
            return min(100.0, max(0.0, _between(stretch, time_ns)))
        return _between(self.folds[index], time_ns)


def _between(part: Stretch | Fold, time_ns: int) -> float:
    share = (time_ns - part.start_ns) / (part.end_ns - part.start_ns)
    return part.left + share * (part.right - part.left)
