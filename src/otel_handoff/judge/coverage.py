"""What was not seen: counts the rows of a boundary that nobody judged, and tells them where that may be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from otel_handoff.host.guard import Tally, guard
from otel_handoff.record.gaps import gap_of
from otel_handoff.record.reasons import REASONS
from otel_handoff.record.submission import Submission
from otel_handoff.record.unchecked import Unchecked
from otel_handoff.tell.metrics import BoundaryCounts

_MOST_DUE: Final = 100
"""Rows that wait to be told one by one; of what is beyond, the number is told."""

_Due = tuple[str, Submission | None, bool, str, bool]


class Coverage:
    """The rows of one boundary that were not judged.

    `miss` may be called anywhere, also in a finalizer: it takes no lock and tells nothing. `tell` follows where it may.

    Attributes:
        due: what is to be told; most often nothing.
    """

    def __init__(self, boundary: str, counts: BoundaryCounts, alert: Callable[[Unchecked], None]) -> None:
        """Count in `counts`, and tell `alert`."""
        self.due: list[_Due | Callable[[], None]] = []
        self._boundary = boundary
        self._counts = counts
        self._alert = alert
        self._beyond: dict[str, Tally] = {reason: Tally() for reason in REASONS}
        self._beyond_told: dict[str, int] = dict.fromkeys(REASONS, 0)
        self._so_far: dict[str, int] = dict.fromkeys(REASONS, 0)
        self._telling = False

    def miss(
        self,
        reason: str,
        submission: Submission | None = None,
        *,
        pinned: bool = False,
        detail: str = "",
        has_span: bool = False,
    ) -> None:
        """Count a row that could not be judged.

        Args:
            reason: a key of `reasons.REASONS`.
            submission: what the row was submitted with, where that is known.
            pinned: whether it has its own copy all the same.
            detail: which field, call or function is meant.
            has_span: whether the row's own span says it.
        """
        self._counts.unchecked[reason].add()
        gap = gap_of(self._boundary, reason, detail, has_span=has_span, of_a_row=submission is not None)
        if gap is not None:
            self._counts.gaps[gap] = self._counts.gaps.get(gap, 0) + 1
        if len(self.due) < _MOST_DUE:
            self.due.append((reason, submission, pinned, detail, has_span))
        else:
            self._beyond[reason].add()

    def later(self, tell: Callable[[], None]) -> None:
        """Call `tell` where something may be told: a row has ended in a finalizer, perhaps."""
        self.due.append(tell)

    def tell(self) -> None:
        """Tell what is due by now. Not in a finalizer: it logs, and makes spans."""
        if self._telling:  # a host's finalizer ran meanwhile and handed over a row, or another thread tells it
            return
        self._telling = True
        try:
            if self._tell_all():  # a row was ended, and there may be more to tell of it
                self._tell_all()
        finally:
            self._telling = False

    def _tell_all(self) -> bool:
        ended = False
        for _ in range(len(self.due)):
            try:
                due = self.due.pop(0)
            except IndexError:
                break
            if callable(due):
                ended = True
                with guard:
                    due()
                continue
            reason, submission, pinned, detail, has_span = due
            self._tell(reason, 1, submission, pinned=pinned, detail=detail, has_span=has_span)
        for reason, tally in self._beyond.items():
            rows = tally.value - self._beyond_told[reason]
            if rows:
                self._beyond_told[reason] += rows  # only one thread tells at a time
                self._tell(reason, rows)
        return ended

    def forget(self) -> None:
        """Tell nothing of what is due: this process is a fork of the one that will."""
        self.due.clear()
        self._beyond_told = {reason: tally.value for reason, tally in self._beyond.items()}

    def _tell(
        self,
        reason: str,
        rows: int,
        submission: Submission | None = None,
        *,
        pinned: bool = False,
        detail: str = "",
        has_span: bool = False,
    ) -> None:
        with guard:
            occurrence = self._counts.told[reason].add() + 1
            so_far = self._so_far[reason] = self._so_far[reason] + rows
            self._alert(
                Unchecked(self._boundary, reason, so_far, rows, occurrence, submission, pinned, detail, has_span)
            )
