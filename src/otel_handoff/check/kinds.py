"""Findings of one kind: the same use of the same fields, through the same write, and whether anybody has such an id.

One write may be the cause of several kinds: the wrong id was read, then a call filed under it, then a result.
"""

from __future__ import annotations

from dataclasses import dataclass

from otel_handoff.check.finding import Finding


@dataclass
class Kind:
    """Findings that are alike.

    Attributes:
        example: the first of them.
        count: how many there are.
    """

    example: Finding
    count: int = 0


class Kinds:
    """Groups findings; holds one of each kind."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[object, ...], Kind] = {}

    def add(self, finding: Finding) -> None:
        """Count one more."""
        culprit = finding.culprit
        key = (
            finding.submission.boundary,
            finding.evidence,
            finding.outcome,
            tuple(finding.observed),
            finding.unknown,
            finding.found_by,
            culprit.location if culprit else None,
            None if culprit else (finding.location, finding.target),
        )
        kind = self._kinds.setdefault(key, Kind(finding))
        kind.count += 1

    def sorted(self) -> list[Kind]:
        """Return them: errors first, then what is most frequent."""
        return sorted(self._kinds.values(), key=lambda kind: (not kind.example.is_error, -kind.count))
