"""The report, for people and for machines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from otel_handoff.doctor.finding import Finding, Section, findings_of, is_well

_MARKS: Final = {"ok": "ok", "note": "note", "wrong": "WRONG", "unknown": "?"}
_COLOURS: Final = {"ok": "32", "note": "33", "wrong": "1;31", "unknown": "36"}
_WIDTH: Final = 118
_INDENT: Final = 8


def lines(sections: Sequence[Section], *, colour: bool) -> Iterator[str]:
    """Yield the report, line by line; `colour` puts ANSI colours on the marks."""
    for section in sections:
        yield _painted(section.title, "1", colour=colour)
        for finding in section.findings:
            yield from _finding(finding, colour=colour)
        yield ""
    yield verdict(sections)


def verdict(sections: Sequence[Section]) -> str:
    """Return the last line."""
    wrong = sum(finding.state == "wrong" for finding in findings_of(sections))
    untold = sum(finding.state == "unknown" for finding in findings_of(sections))
    if wrong:
        found = f"{wrong} thing{'s' if wrong > 1 else ''} need{'' if wrong > 1 else 's'} attention."
    else:
        found = "Nothing wrong is seen." if untold else "All well."
    return found + (f" {untold} cannot be told." if untold else "")


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


def as_dict(sections: Sequence[Section]) -> dict[str, Any]:
    """Return the report as JSON-ready primitives."""
    return {
        "well": is_well(sections),
        "verdict": verdict(sections),
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
            for section in sections
        ],
    }
