"""Findings grouped by what did it: the same write, field, evidence and outcome, and whether anybody has such an id."""

from __future__ import annotations

from dataclasses import dataclass

from otel_handoff.check.finding import Finding


@dataclass
class Cause:
    """Findings that are alike.

    Attributes:
        example: the first of them.
        count: how many there are.
    """

    example: Finding
    count: int = 0


class Causes:
    """Groups findings; holds one of each group."""

    def __init__(self) -> None:
        self._groups: dict[tuple[object, ...], Cause] = {}

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
        cause = self._groups.setdefault(key, Cause(finding))
        cause.count += 1

    def __len__(self) -> int:
        return len(self._groups)

    def sorted(self) -> list[Cause]:
        """Return them: errors first, then what is most frequent."""
        return sorted(self._groups.values(), key=lambda cause: (not cause.example.is_error, -cause.count))
