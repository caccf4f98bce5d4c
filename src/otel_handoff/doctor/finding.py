"""What the doctor finds, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["ok", "note", "wrong", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes:
        subject: what it is about, the same in each run: `elspeth.submit`, `traces.sampler`, `mode`.
        state: `ok`; `note`, which is worth knowing; `wrong`, which needs attention; `unknown`: it cannot be told.
        text: what was found.
        do: what to do about it, one sentence; never empty where it is wrong.
        facts: the same for machines, as JSON-ready primitives.
    """

    subject: str
    state: State
    text: str
    do: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


def ok(subject: str, text: str, **facts: Any) -> Finding:
    """It is as it should be."""
    return Finding(subject, "ok", text, facts=facts)


def note(subject: str, text: str, do: str = "", **facts: Any) -> Finding:
    """It is worth knowing, and may be meant."""
    return Finding(subject, "note", text, do, facts)


def wrong(subject: str, text: str, do: str, **facts: Any) -> Finding:
    """It needs attention."""
    return Finding(subject, "wrong", text, do, facts)


def unknown(subject: str, text: str, **facts: Any) -> Finding:
    """It cannot be told; `text` says why."""
    return Finding(subject, "unknown", f"cannot tell: {text}", facts=facts)


@dataclass(frozen=True)
class Section:
    """Findings of one kind, under a title."""

    title: str
    findings: Sequence[Finding]


def findings_of(sections: Sequence[Section]) -> Iterator[Finding]:
    """Yield the findings of all sections, in their order."""
    return (finding for section in sections for finding in section.findings)


def is_well(sections: Sequence[Section]) -> bool:
    """Whether nothing needs attention. What cannot be told is not counted as wrong."""
    return all(finding.state != "wrong" for finding in findings_of(sections))
