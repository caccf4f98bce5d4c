"""Runs the program again with what is proposed, and counts what that finds, and what it leaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from otel_handoff.find.found import EXPOSED, WRONG, Found, Result
from otel_handoff.find.launch import Ran

OBSERVE: Final = "observe"
PIN: Final = "pin"
MODES: Final = (OBSERVE, PIN)


@dataclass
class Tried:
    """What came of what was proposed.

    Attributes:
        rows: mode and boundary -> how many rows it saw.
        seen: mode and boundary -> of how many of them each read was seen.
        told: mode, boundary and outcome -> the rows of which there was a mismatch.
        code: how the program ended when it was looked at.
        codes: mode -> how it ended then.
        lost: modes in which a process ended without a word.
        stopped: mode -> after how many seconds it was stopped, as it did not end.
    """

    rows: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    seen: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    told: dict[tuple[str, str, str], set[str]] = field(default_factory=dict[tuple[str, str, str], set[str]])
    code: int = 0
    codes: dict[str, int] = field(default_factory=dict[str, int])
    lost: set[str] = field(default_factory=set[str])
    stopped: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, mode: str, ran: Ran) -> None:
        """Add what the processes of one run counted, and how it ended."""
        self.codes[mode] = ran.code
        if ran.lost:
            self.lost.add(mode)
        if ran.was_stopped:
            self.stopped[mode] = ran.seconds
        for one in ran.results:
            self.rows.update({(mode, name): rows for name, rows in one["rows"].items()})
            self.seen.update({(mode, name): rows for name, rows in one["seen"].items()})
            for name, outcome, rows in one["told"]:
                self.told.setdefault((mode, name, outcome), set()).update(rows)

    def clears(self, found: Found) -> bool:
        """Whether its own boundary saw each read of each row, and none that moved: a read that was seen stays one."""
        name = _name(found)
        rows = self.rows[OBSERVE, name]
        is_seen = "fields" in (found.boundary or {}) and 0 < rows <= self.seen[OBSERVE, name]
        is_whole = OBSERVE not in self.lost and self.codes[OBSERVE] == self.code
        return is_seen and is_whole and not found.wrong and not self._outcomes(OBSERVE, name)

    def doubts(self, found: Found) -> bool:
        """Whether a wrong read was seen of what had only moved before: nobody has judged whose it is."""
        return "used" in self._outcomes(OBSERVE, _name(found))

    def said(self, found: Found) -> Iterator[tuple[str, str]]:
        """Yield what is said of the boundary of one finding: of which it is, if of no other, and a sentence."""
        name = _name(found)
        observed, pinned = told = [self._outcomes(mode, name) for mode in MODES]
        for mode, outcomes in zip(MODES, told, strict=True):
            said = ", ".join(f"{times} {outcome}" for outcome, times in sorted(outcomes.items())) or "nothing"
            rows = self.rows[mode, name]
            yield "tried", f"in {mode}: {rows} row{'' if rows == 1 else 's'}, {said}"
        if {"used", "exposed"} & set(pinned):
            yield "", "That does not guard it as it stands: see which shape the program has (docs/shapes.md)."
        elif not observed:
            yield "", "Whether that guards it is not shown: nothing moved, or it has another shape."
        if found.verdict == EXPOSED and "used" in observed:
            yield "", "That shows that it is read, and not that it is another row's."
        code = self.codes.get(PIN, self.code)
        if PIN in self.stopped:
            ends = f"in pin the program does not end, and was stopped after {self.stopped[PIN]:.0f} s"
            yield "", f"Do not use it as it is: {ends}."
        elif code not in (0, self.code):
            ends = f"in pin the program ends otherwise: with {code}, not {self.code}"
            yield "", f"Do not use it as it is: {ends}."

    def _outcomes(self, mode: str, name: str) -> dict[str, int]:
        return {outcome: len(rows) for (one, of, outcome), rows in self.told.items() if (one, of) == (mode, name)}

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
            "exit_codes": self.codes,
        }


def _name(found: Found) -> str:
    return str(found.boundary["name"]) if found.boundary is not None else ""


WRONG_IDS, NOT_KNOWN, NOTHING = 1, 2, 0
"""What is said of a run, as exit codes."""


def verdict(result: Result, tried: Tried | None) -> int:
    """Return whether something wrong was seen, or nothing, or whether that is not known."""
    if result.of(WRONG):
        return WRONG_IDS
    return NOT_KNOWN if not result.rows or result.lost or in_doubt(result, tried) else NOTHING


def in_doubt(result: Result, tried: Tried | None) -> int:
    """Return of how many hand-overs it is not known, each by what its own boundary saw."""
    if tried is None:
        return result.in_doubt
    return result.early + sum(
        tried.doubts(found) or (found.is_in_doubt and not tried.clears(found)) for found in result.of(EXPOSED)
    )


def proposed(found: Iterable[Found]) -> list[dict[str, Any]]:
    """Return the boundaries that are proposed, each with a name of its own."""
    known: list[dict[str, Any]] = []
    for each in found:
        if each.boundary is not None and each.verdict in (WRONG, EXPOSED):
            options = dict(each.boundary)
            if all(json.dumps(options) != json.dumps(other) for other in known):
                known.append(options)
    return known
