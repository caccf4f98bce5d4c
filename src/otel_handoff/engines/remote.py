"""A boundary whose work is done in another process: what is the same for each engine."""

from __future__ import annotations

import logging

from otel_handoff.around.handoff import Handoff

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
