"""How much there was of something within this second."""

from __future__ import annotations

import time
from collections.abc import Callable

from otel_handoff.host.guard import Tally


class PerSecond:
    """Counts, and begins anew with each second of `clock`. It takes no lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tallies: dict[int, Tally] = {}

    def count(self) -> int:
        """Return how many there were within this second, this one included."""
        now = int(self._clock())
        tally = self._tallies.get(now)
        if tally is None:
            tally = self._tallies.setdefault(now, Tally())
            for second in list(self._tallies):
                if second < now:
                    self._tallies.pop(second, None)
        return tally.add() + 1
