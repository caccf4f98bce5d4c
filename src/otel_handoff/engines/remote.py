"""A boundary whose work is done in another process: what is the same for each engine."""

from __future__ import annotations

import logging
from fnmatch import fnmatchcase
from typing import Any

from otel_handoff.around.handoff import Handoff
from otel_handoff.boundary import Boundary

_logger = logging.getLogger("otel_handoff")


class Remote(Handoff):
    """Such a boundary."""

    def attach(self) -> None:
        """Wrap what hands over, and what works; nothing where rows are to stay at home."""
        if self.engine.settings.remote:
            self._attach()
        else:
            _logger.info(
                "Boundary %r: OTEL_HANDOFF_REMOTE is off, and %s is not checked.",
                self.boundary.name,
                self.boundary.work_target,
            )

    def _attach(self) -> None:
        super().attach()

    def _is_here(self) -> bool:
        # Of a process that hands over, and does no work itself, nothing is missing.
        return bool(self.counts.recognised.value)


class Named(Remote):
    """One whose work is named as its engine does that, perhaps with `*` for anything."""

    def __init__(self, boundary: Boundary, engine: Any, places: Any) -> None:
        """Begin rows in `places`, where the engine takes what is named, for all boundaries at once."""
        self._pattern: str = boundary.work.partition(":")[2]
        self._places = places
        super().__init__(boundary, engine)

    def _attach(self) -> None:
        self._places.take_in(self)
        super()._attach()
        self.counts.shown = True

    def detach(self) -> None:
        """Give the engine its own functions back."""
        self._places.leave_out(self)
        super().detach()

    def matches(self, name: str) -> bool:
        """Whether what is named so is one of this boundary's."""
        return name == self._pattern or fnmatchcase(name, self._pattern)
