"""The audit records that are wrong, as CSV: what an auditor needs to correct the trail."""

from __future__ import annotations

import csv
from typing import Any, Final, TextIO

from otel_handoff.check.columns import Columns, index_of
from otel_handoff.check.finding import Finding
from otel_handoff.record.shown import show_clock, show_ids

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Records:
    """Writes a line for each field of each call and result that was filed under wrong ids."""

    def __init__(self, file: TextIO, columns: Columns) -> None:
        """Write to `file`, which was opened with `newline=""`; `columns` has taken all that may be added."""
        self._columns = columns
        self._writer = csv.DictWriter(file, columns.names)
        self._writer.writerow({name: _without_nul(name) for name in columns.names})
        self.calls = 0
        self.results = 0

    def add(self, finding: Finding) -> None:
        """Write the record that is wrong by this, if one is."""
        if not finding.is_record:
            return
        self.calls += finding.evidence == "call"
        self.results += finding.evidence == "result"
        submission, culprit = finding.submission, finding.culprit
        index = index_of(submission.boundary)
        for field, filed_under in finding.observed.items():
            cells: dict[str, Any] = {
                **self._columns.cells(finding),
                "record": self.calls + self.results,
                "evidence": finding.evidence,
                "boundary": submission.boundary,
                "call_index": finding.details.get(index),
                "field": field,
                "filed_under": filed_under,
                "belongs_under": finding.expected[field],
                "target": finding.target,
                "details": show_ids({name: value for name, value in finding.details.items() if name != index}),
                "submission": submission.number,
                "time": show_clock(finding.time_unix_nano),
                "thread": finding.thread_name,
                "location": finding.location,
                "culprit_thread": culprit.thread_name if culprit else None,
                "culprit_location": culprit.location if culprit else None,
                "trace_id": finding.trace_id,
                "span_id": finding.span_id,
                "found_by": finding.found_by,
            }
            self._writer.writerow({name: cell(value) for name, value in cells.items()})


def cell(value: object) -> object:
    """Return `value` as a cell that no spreadsheet takes for a formula: such text gets a `'` before it.

    The rule is OWASP's (CSV Injection): `=`, `+`, `-`, `@`, tab and line break at the start, also in full width. A `'`
    at the start is doubled, so that what is read back can be told apart.
    """
    text = "" if value is None else _without_nul(str(value))
    return f"'{text}" if text.startswith((*_FORMULA, "'")) else text


def _without_nul(text: str) -> str:
    # Python 3.10's csv refuses one, and what reads the list may end there.
    return text.replace("\0", r"\x00")
