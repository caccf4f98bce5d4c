"""Runs the program again with what is proposed, and counts what that finds, and what it leaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from otel_handoff.find.found import EXPOSED, WRONG, Found, Result

MODES: Final = ("observe", "pin")


@dataclass
class Tried:
    """What came of what was proposed.

    Attributes:
        rows: mode and boundary -> how many rows it saw.
        told: mode, boundary and outcome -> the rows of which there was a mismatch.
    """

    rows: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    told: dict[tuple[str, str, str], set[str]] = field(default_factory=dict[tuple[str, str, str], set[str]])

    @property
    def is_wrong(self) -> bool:
        """Whether a worker used a wrong id when it was only observed."""
        return any(outcome == "used" for _, _, outcome in self.told)

    @property
    def is_exposed(self) -> bool:
        """Whether it moved in flight, and no use of a wrong id was seen."""
        return any(outcome == "exposed" for _, _, outcome in self.told)

    def add(self, mode: str, counted: Iterable[Mapping[str, Any]]) -> None:
        """Add what the processes of one run counted."""
        for one in counted:
            for name, rows in one["rows"].items():
                self.rows[mode, name] += rows
            for name, outcome, rows in one["told"]:
                self.told.setdefault((mode, name, outcome), set()).update(rows)

    def said(self, name: str) -> Iterator[str]:
        """Yield what is said of one boundary."""
        for mode in MODES:
            told = {outcome: len(rows) for (one, of, outcome), rows in self.told.items() if (one, of) == (mode, name)}
            found = ", ".join(f"{times} {outcome}" for outcome, times in sorted(told.items())) or "nothing"
            yield f"tried        in {mode}: {self.rows[mode, name]} rows, {found}"
        seen = any(of == name and mode == MODES[0] for mode, of, _ in self.told)
        if (MODES[1], name, "used") in self.told or not seen:
            yield "             That does not guard it as it stands: see which shape the program has (docs/shapes.md)."

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "rows": {mode: {of: rows for (one, of), rows in self.rows.items() if one == mode} for mode in MODES},
            "mismatches": {
                mode: [
                    {"boundary": of, "outcome": outcome, "times": len(rows)}
                    for (one, of, outcome), rows in self.told.items()
                    if one == mode
                ]
                for mode in MODES
            },
        }


WRONG_IDS, NOT_KNOWN, NOTHING = 1, 2, 0
"""What is said of a run, as exit codes."""


def verdict(result: Result, tried: Tried | None) -> int:
    """Return whether something wrong was seen, or nothing, or whether that is not known."""
    if result.of(WRONG) or (tried is not None and tried.is_wrong):
        return WRONG_IDS
    if not result.rows or result.lost or (result.in_doubt and (tried is None or tried.is_exposed)):
        return NOT_KNOWN
    return NOTHING


def proposed(found: Iterable[Found]) -> list[dict[str, Any]]:
    """Return the boundaries that are proposed, each with a name of its own."""
    known: list[dict[str, Any]] = []
    for each in found:
        if each.boundary is not None and each.verdict in (WRONG, EXPOSED):
            options = dict(each.boundary)
            if all(json.dumps(options) != json.dumps(other) for other in known):
                known.append(options)
    return known
