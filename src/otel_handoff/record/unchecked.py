"""A row that could not be judged, as plain data: it is not known whether it is right."""

from __future__ import annotations

from dataclasses import dataclass

from otel_handoff.record.gaps import Gap, gap_of
from otel_handoff.record.reasons import REASONS
from otel_handoff.record.submission import Submission


@dataclass(frozen=True)
class Unchecked:
    """Rows that could not be judged; `str()` of it says why, and what to do.

    Attributes:
        boundary: its name.
        reason: a key of `reasons.REASONS`.
        so_far: how many rows there were by now, for this reason.
        rows: how many of them this tells.
        occurrence: how many times such rows were told by now, this time included.
        submission: what the row was submitted with; None where that is not known, or where these are several.
        pinned: whether the row had its own copy all the same.
        detail: which field, call or function is meant; may be empty.
        has_span: whether the row's own span says it.
    """

    boundary: str
    reason: str
    so_far: int
    rows: int = 1
    occurrence: int = 1
    submission: Submission | None = None
    pinned: bool = False
    detail: str = ""
    has_span: bool = False

    @property
    def gap(self) -> Gap | None:
        """The part of the declaration that was not met, if it is one, and no row."""
        of_a_row = self.submission is not None
        return gap_of(self.boundary, self.reason, self.detail, has_span=self.has_span, of_a_row=of_a_row)

    def __str__(self) -> str:
        """Return it in one line."""
        reason = REASONS[self.reason]
        rows = "1 row" if self.so_far == 1 else f"{self.so_far:,} rows"
        detail = f" ({self.detail})" if self.detail else ""
        pinned = " It was pinned all the same." if self.pinned else ""
        what = f"boundary {self.boundary!r}, {rows} so far: {reason.meaning}{detail}.{pinned}"
        return f"HANDOFF NOT CHECKED: {what} Do: {reason.advice}."
