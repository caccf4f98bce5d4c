"""What a run adds up to; with pytest-xdist, over all its processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Totals:
    """Counts, and what came late.

    Attributes:
        rows: submissions; None where nobody instrumented anything.
        held: how many times a worker was held back.
        in_vain: how many times nothing had moved on at the end of it.
        late: (the test's id or None, the report) of mismatches that were found when the test was over.
    """

    def __init__(self) -> None:
        self.rows: int | None = None
        self.held: int = 0
        self.in_vain: int = 0
        self.late: list[tuple[str | None, str]] = []

    def add(self, more: Mapping[str, Any]) -> None:
        """Add what a session, or `as_dict` in another process, says."""
        if more.get("rows") is not None:
            self.rows = (self.rows or 0) + more["rows"]
        self.held += more.get("held", 0)
        self.in_vain += more.get("in_vain", 0)
        self.late.extend(more.get("late", ()))

    def as_dict(self) -> dict[str, Any]:
        """Return it as what pytest-xdist can carry."""
        return dict(vars(self))

    def line(self, *, provoked: bool) -> str:
        """Return what was checked, in a few words."""
        if not self.rows:
            return "no row was handed over: NOTHING WAS CHECKED"
        held = f", workers held back {self.held} times ({self.in_vain} in vain)" if provoked else ""
        return f"{self.rows} {'row' if self.rows == 1 else 'rows'} checked{held}"
