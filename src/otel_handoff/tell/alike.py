"""Ten thousand alike mismatches are one story."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from otel_handoff.host.guard import Tally

LIMIT: Final = 1_000
"""Stories told apart; all others are one. Places in the code are few, but code can be made at run time."""


class Alike:
    """Counts what is alike: the same kind of use, of the same fields, at the same place, through the same write."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, Tally] = {}

    def count(self, story: Hashable) -> int:
        """Return how often `story` was told, this time included."""
        if story not in self._counts and len(self._counts) >= LIMIT:
            story = None
        return self._counts.setdefault(story, Tally()).add() + 1
