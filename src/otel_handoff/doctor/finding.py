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


@dataclass(frozen=True)
class Diagnosis:
    """All that was found. `str()` of it is the report without colours."""

    sections: Sequence[Section]

    @property
    def findings(self) -> Iterator[Finding]:
        """All findings, in the order of the report."""
        return (finding for section in self.sections for finding in section.findings)

    @property
    def well(self) -> bool:
        """Whether nothing needs attention. What cannot be told is not counted as wrong."""
        return all(finding.state != "wrong" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Return what `otel-handoff doctor --json` prints."""
        from otel_handoff.doctor.text import as_dict

        return as_dict(self)

    def __str__(self) -> str:
        from otel_handoff.doctor.text import lines

        return "\n".join(lines(self, colour=False))
