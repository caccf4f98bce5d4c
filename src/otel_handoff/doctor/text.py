"""The report, for people and for machines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Final

from otel_handoff.doctor.finding import Diagnosis, Finding

_MARKS: Final = {"ok": "ok", "note": "note", "wrong": "WRONG", "unknown": "?"}
_COLOURS: Final = {"ok": "32", "note": "33", "wrong": "1;31", "unknown": "36"}
_WIDTH: Final = 118
_INDENT: Final = 8


def lines(diagnosis: Diagnosis, *, colour: bool) -> Iterator[str]:
    """Yield the report, line by line; `colour` puts ANSI colours on the marks."""
    for section in diagnosis.sections:
        yield _painted(section.title, "1", colour=colour)
        for finding in section.findings:
            yield from _finding(finding, colour=colour)
        yield ""
    yield verdict(diagnosis)


def verdict(diagnosis: Diagnosis) -> str:
    """Return the last line."""
    wrong = sum(finding.state == "wrong" for finding in diagnosis.findings)
    untold = sum(finding.state == "unknown" for finding in diagnosis.findings)
    well = (
        "All well."
        if not wrong
        else f"{wrong} thing{'s' if wrong > 1 else ''} need{'' if wrong > 1 else 's'} attention."
    )
    return well + (f" {untold} cannot be told." if untold else "")


def _finding(finding: Finding, *, colour: bool) -> Iterator[str]:
    mark = _painted(f"{_MARKS[finding.state]:<6}", _COLOURS[finding.state], colour=colour)
    first, *others = _wrapped(f"{finding.subject}: {finding.text}")
    yield f"  {mark}{first}"
    for line in others:
        yield f"{'':{_INDENT + 2}}{line}"
    if finding.do:
        first, *others = _wrapped(f"Do: {finding.do}")
        yield f"{'':{_INDENT}}{first}"
        for line in others:
            yield f"{'':{_INDENT + 4}}{line}"


def _wrapped(text: str) -> list[str]:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return textwrap.wrap(printable, _WIDTH - _INDENT, break_long_words=False, break_on_hyphens=False)


def _painted(text: str, code: str, *, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour else text


def as_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the report as JSON-ready primitives."""
    return {
        "well": diagnosis.well,
        "verdict": verdict(diagnosis),
        "sections": [
            {
                "title": section.title,
                "findings": [
                    {
                        "subject": finding.subject,
                        "state": finding.state,
                        "text": finding.text,
                        "do": finding.do,
                        "facts": dict(finding.facts),
                    }
                    for finding in section.findings
                ],
            }
            for section in diagnosis.sections
        ],
    }
