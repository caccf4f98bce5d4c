"""The columns of a list of wrong records: what finds them in the trail of any host."""

from __future__ import annotations

from typing import Any, Final

from otel_handoff.check.finding import Finding

_SAME: Final = (
    *("record", "evidence", "boundary", "run_id", "row_id", "token_id", "call_index"),
    *("field", "filed_under", "belongs_under", "filed_row_id", "filed_token_id"),
    *("target", "details", "submission", "time", "thread", "location", "culprit_thread", "culprit_location"),
    *("trace_id", "span_id", "found_by"),
)
"""In every list, at the same places."""
_TAKEN: Final = frozenset(_SAME) - {"run_id", "row_id", "token_id"}
_MOST: Final = 200


class Columns:
    """Takes the findings of which there are to be records; then says which columns they need.

    For each field of their submissions its name, and that with `filed_` before it; and the names of what is told of the
    calls. Where the name of a field is taken, its boundary's goes before it, as in the telemetry.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._fields: dict[tuple[str, str], str] = {}
        self._details: dict[str, None] = {}

    def add(self, finding: Finding) -> None:
        """Take a finding; it counts if there is a record of it."""
        if not finding.is_record:
            return
        boundary = finding.submission.boundary
        for name in (*finding.submission.ids, *finding.expected):
            if (boundary, name) not in self._fields and len(self._fields) < _MOST:
                is_free = name not in _TAKEN and not name.startswith("filed_")
                self._fields[boundary, name] = name if is_free else f"{boundary}.{name}"
        for name in finding.details:
            if name != index_of(boundary) and len(self._details) < _MOST:
                self._details[name] = None

    @property
    def names(self) -> list[str]:
        """All columns, in their order: first those of every list."""
        fields = dict.fromkeys(self._fields.values())
        return list(dict.fromkeys([*_SAME, *fields, *(f"filed_{name}" for name in fields), *self._details]))

    def cells(self, finding: Finding) -> dict[str, Any]:
        """Return what a record of `finding` has in the columns that are not in every list."""
        submission = finding.submission
        cells: dict[str, Any] = {name: value for name, value in finding.details.items() if name in self._details}
        for (boundary, field), name in self._fields.items():
            if boundary == submission.boundary:
                cells[name] = submission.ids.get(field, finding.expected.get(field))
                cells[f"filed_{name}"] = finding.filed.get(field)
        return cells


def index_of(boundary: str) -> str:
    """Return the attribute that counts the calls of a row, which has a column of its own."""
    return f"{boundary}.call.index"
