"""A part of a declaration that was not met: that is told once, and is about all rows of its boundary.

It is no row, and is not counted as one. What was filed there was not compared, or could not have been: then whether
the rows are right is not known. A call that was simply not made leaves no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from otel_handoff.record.reasons import REASONS

_OF_ALL_ROWS: Final = frozenset({"call_not_seen", "part_missing", "field_unresolved", "not_handed_over"})
_TARGET: Final = re.compile(r"[\w.]+:[\w.]+")
_OUTSIDE: Final = "outside of all rows"
_LONGEST: Final = 300
_MOST_SAID: Final = 5


class Gap(NamedTuple):
    """A part that was not met.

    Attributes:
        boundary: its name.
        reason: a key of `reasons.REASONS`.
        detail: the part, as the warning names it; empty where that is not known.
    """

    boundary: str
    reason: str
    detail: str

    @property
    def is_doubt(self) -> bool:
        """Whether something was filed there and not compared, or may have been."""
        return self.reason != "call_not_seen" or self.detail.endswith(_OUTSIDE)

    @property
    def said(self) -> str:
        """What was not compared, and why."""
        target, _, more = self.detail.partition(": ")
        where = f"of boundary {self.boundary}"
        if self.reason == "field_unresolved":
            return f"ids in calls {where} were not compared, as they are not where they are declared{self._in_brackets}"
        if self.reason == "not_handed_over":
            return f"calls of {target or 'the work function'} on other threads were not seen to be handed over"
        calls = f"calls of {target}" if target else f"declared calls {where}"
        if self.reason == "part_missing":
            return f"{calls} were not compared in any row: there is no such function"
        if self.reason == "replaced":
            return f"{calls} were not compared once it had been replaced"
        if self.is_doubt:
            return f"{calls} were made {_OUTSIDE}, and not compared"
        if more.endswith(f"{_OUTSIDE}, too"):
            return f"some {calls} were made {_OUTSIDE}, and not compared"
        if more:
            return f"{calls} were not compared in rows {where}: {more}"
        return f"{calls} were not compared in any row: none was seen"

    @property
    def do(self) -> str:
        """What to do about it."""
        if self.reason == "field_unresolved":
            return "correct the parameter, or the path that starts there, in Call(ids=...)"
        optional = ", or declare it with optional=True" if self.reason == "call_not_seen" else ""
        return f"{REASONS[self.reason].advice}{optional}"

    @property
    def _in_brackets(self) -> str:
        return f" ({self.detail})" if self.detail else ""


def gap_of(boundary: str, reason: str, detail: str, *, has_span: bool, of_a_row: bool) -> Gap | None:
    """Return what is told as a gap; None where it is a row that was not judged.

    Args:
        boundary: its name.
        reason: why something could not be judged.
        detail: what is meant.
        has_span: whether a row's own span says it.
        of_a_row: whether it is told of a submission.
    """
    if has_span or (of_a_row and reason != "field_unresolved"):
        return None
    if reason in _OF_ALL_ROWS or (reason == "replaced" and _TARGET.fullmatch(detail)):
        return Gap(boundary, reason, detail[:_LONGEST])
    return None


def said_of(gaps: Sequence[Gap]) -> str:
    """Return what was not compared, of all of them, in one sentence without a full stop."""
    said = list(dict.fromkeys(gap.said for gap in gaps))
    more = len(said) - _MOST_SAID
    return "; ".join(said[:_MOST_SAID]) + (f"; and {more:,} more" if more > 0 else "")
