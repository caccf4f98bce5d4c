"""Which rows are held up and until when, so that what should go wrong does go wrong, on every machine."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from otel_handoff.demo.pipeline.context import TokenInfo

_BLOCK: Final = 50
_LONGEST_WAIT: Final = 5.0

Attempt = tuple[str, int]
"""A row_id and an attempt, counted from 0."""


@dataclass(frozen=True)
class Schedule:
    """The order of a run, which depends on the number of rows and the seed only.

    Attributes:
        groups: row numbers; those of a group are handed over together.
        holds: an attempt whose first request is not answered -> the attempt that must be handed over before it is.
        leaders: attempts whose request must have come in before the next row of their group is handed over.
    """

    groups: Sequence[Sequence[int]]
    holds: dict[Attempt, Attempt]
    leaders: frozenset[Attempt]


def plan(rows: int, seed: int) -> Schedule:
    """Lay out `rows` rows.

    Among every 50, in random order, there are (letters as in the project's list of interleavings):

    - a group of three: the first is answered when the third has been handed over, so its calls come under the third
      (a); the second was queued meanwhile and starts under the third's ids, so its result does, too (a2);
    - a row that is answered only when its retry has begun: its calls come under its own next attempt (b1);
    - a row that is answered only when the next row has begun, its retry having timed out in the queue: the calls of
      the first attempt (b2) and of the second, which is still run (b5), come under the next row.
    """
    rng = random.Random(seed)  # noqa: S311  no secret: a run to be repeated
    groups: list[tuple[int, ...]] = []
    holds: dict[Attempt, Attempt] = {}
    leaders: set[Attempt] = set()
    start = 0
    while start < rows:
        left = min(_BLOCK, rows - start)
        units = ["group"] * (left >= 3) + ["retry"] * (left >= 4) + ["hang"] * (left >= 6)
        units += ["plain"] * (left - sum(_SIZES[unit] for unit in units))
        rng.shuffle(units)
        for unit in units:
            first, second = (f"row-{start:04d}", 0), (f"row-{start + 1:04d}", 0)
            if unit == "group":
                groups.append((start, start + 1, start + 2))
                holds[first] = (f"row-{start + 2:04d}", 0)
                leaders.add(first)
            else:
                groups.extend((row,) for row in range(start, start + _SIZES[unit]))
            if unit == "retry":
                holds[first] = (first[0], 1)
            elif unit == "hang":
                holds[first] = second
            start += _SIZES[unit]
    return Schedule(groups, holds, frozenset(leaders))


_SIZES: Final = {"group": 3, "retry": 1, "hang": 2, "plain": 1}


class Gate:
    """Keeps the service and the executor in the schedule's order, each waiting for an event of the other.

    No wait is longer than 5 s, so a schedule that cannot be kept delays a run but does not end it.
    """

    def __init__(self, schedule: Schedule) -> None:
        """Start with every hold closed."""
        self._holds = schedule.holds
        self._submitted = {attempt: threading.Event() for attempt in schedule.holds.values()}
        self._arrived = {attempt: threading.Event() for attempt in schedule.leaders}

    def submitted(self, token: TokenInfo, attempt: int) -> None:
        """An attempt was handed over. Blocks, for the leader of a group, until its first request has come in."""
        if (waiting := self._submitted.get((token.row_id, attempt))) is not None:
            waiting.set()
        if (arrival := self._arrived.get((token.row_id, attempt))) is not None:
            arrival.wait(_LONGEST_WAIT)

    def arrived(self, row_id: str, attempt: int) -> None:
        """A request came in. Blocks while its attempt is to be held."""
        if (arrival := self._arrived.get((row_id, attempt))) is not None:
            arrival.set()
        if (until := self._holds.get((row_id, attempt))) is not None:
            self._submitted[until].wait(_LONGEST_WAIT)

    def open(self) -> None:
        """Let everything go."""
        for event in (*self._submitted.values(), *self._arrived.values()):
            event.set()
