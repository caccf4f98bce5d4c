"""The doctor's diagnosis: all that was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from otel_handoff.doctor.finding import Finding, Section, findings_of, is_well
from otel_handoff.doctor.text import as_dict, lines


@dataclass(frozen=True)
class Diagnosis:
    """All that was found. `str()` of it is the report without colours."""

    sections: Sequence[Section]

    @property
    def findings(self) -> Iterator[Finding]:
        """All findings, in the order of the report."""
        return findings_of(self.sections)

    @property
    def well(self) -> bool:
        """Whether nothing needs attention. What cannot be told is not counted as wrong."""
        return is_well(self.sections)

    def as_dict(self) -> dict[str, Any]:
        """Return what `otel-handoff doctor --json` prints."""
        return as_dict(self.sections)

    def __str__(self) -> str:
        return "\n".join(lines(self.sections, colour=False))
