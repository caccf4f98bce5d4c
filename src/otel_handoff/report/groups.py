"""Findings grouped by the line of code that wrote the wrong values, as many of them kept as a page can hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from otel_handoff.check.finding import WORK, Finding

_MOST_KEPT: Final = 5000
"""Of all groups together; the page shows fewer. What is beyond is counted."""
_MOST_GROUPS: Final = 100
_MOST_NAMES: Final = 8


@dataclass
class Group:
    """The findings of one cause.

    Attributes:
        location: where the wrong value was written; empty where no write is on record.
        names: the fields that were written there, up to eight; or those that disagree, where no write is on record;
            none of rows that were worked on twice.
        is_rest: whether these are what is left, of any number of causes.
        is_exposed: whether these are no mismatches, but contexts that merely moved on.
        findings: as many as are kept, in the order of the files.
        count: how many there are.
        errors: how many of them are errors.
    """

    location: str
    names: list[str]
    is_rest: bool = False
    is_exposed: bool = False
    findings: list[Finding] = field(default_factory=list[Finding])
    count: int = 0
    errors: int = 0


@dataclass
class Groups:
    """All findings.

    Attributes:
        groups: errors first, then what is most frequent; last the exposures, which are no mismatches.
        count: how many mismatches there are.
        exposures: how many exposures.
        errors: how many of the mismatches are errors: none, where all were prevented.
        spared: whether each mismatch was prevented.
        calls: how many calls are filed under wrong ids.
        results: how many results are routed under wrong ids.
    """

    groups: list[Group]
    count: int = 0
    exposures: int = 0
    errors: int = 0
    spared: bool = True
    calls: int = 0
    results: int = 0


def group(findings: Iterable[Finding]) -> Groups:
    """Group `findings`, errors before warnings within a group."""
    by_cause: dict[tuple[bool, str, str] | bool, Group] = {}
    found = Groups([])
    for finding in findings:
        if finding.is_again:
            continue
        exposed = finding.is_exposure
        found.count += not exposed
        found.exposures += exposed
        found.calls += finding.is_record and finding.evidence == "call"
        found.results += finding.is_record and finding.evidence == "result"
        found.errors += finding.is_error
        found.spared &= exposed or finding.outcome == "prevented"
        location, names = _cause(finding)
        # One line is one cause, whatever it writes.
        cause: tuple[bool, str, str] | bool = (exposed, location, "" if location else ", ".join(names))
        group = Group(location, [], is_exposed=exposed)
        if cause not in by_cause and len(by_cause) >= _MOST_GROUPS:
            cause, group, names = exposed, Group("", [], is_rest=True, is_exposed=exposed), ["others"]
        of_cause = by_cause.setdefault(cause, group)
        if len(of_cause.names) < _MOST_NAMES:
            of_cause.names += [name for name in names if name not in of_cause.names]
        of_cause.count += 1
        of_cause.errors += finding.is_error
        if found.count + found.exposures <= _MOST_KEPT or not of_cause.findings:
            of_cause.findings.append(finding)
    for each in by_cause.values():
        each.findings.sort(key=lambda finding: not finding.is_error)
    found.groups = sorted(by_cause.values(), key=lambda group: (group.is_exposed, -group.errors, -group.count))
    return found


def _cause(finding: Finding) -> tuple[str, list[str]]:
    if finding.culprit is not None:
        return finding.culprit.location, [finding.culprit.field]
    return "", [*finding.observed] or [finding.evidence] * (finding.evidence != WORK)
