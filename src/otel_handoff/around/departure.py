"""One row that leaves: it has, and what was found is told, once all is serialised that it leaves in."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.trace import Span

from otel_handoff.handover.departures import settle_later
from otel_handoff.tell.exceptions import Exceptions


class Departure:
    """That one row leaves.

    Attributes:
        span: that stands for it.
        told: what tells of it.
    """

    __slots__ = ("_exceptions", "span", "told")

    def __init__(self, span: Span, exceptions: Exceptions) -> None:
        self.span = span
        self.told: list[Callable[[], object]] = []
        self._exceptions = exceptions

    def tell(self) -> None:
        """Tell what was found."""
        for told in self.told:
            told()

    def ends(self) -> None:
        """It is over as soon as it is known whether the row has left."""
        settle_later(self._settle)

    def _settle(self, failed: BaseException | None) -> None:
        # Of a row that has not left, nobody was given what was found.
        try:
            if failed is None:
                self.tell()
            elif self.span.is_recording():
                self._exceptions.record(self.span, failed)
        finally:
            self.span.end()
