"""What a host says of itself: how many records are wrong there, and what is to be seen of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MARK: Final = "# the write"
"""Stands on the line of a host that puts the wrong id there."""


@dataclass(frozen=True)
class Expected:
    """How a report is told.

    Attributes:
        shared: what is shared, in a few words.
        records: how many things are filed without otel-handoff.
        wrong: how many of them under another's id.
        culprit: the file and function of the write that makes them wrong, as `step.py in start`; else the lines of the
            host that have `# the write`. Empty where the wrong id is there without a write that could be seen.
        told: whether `observe` finds each.
        left: how many are still wrong in `pin`.
        prevented: whether `pin` tells each that it spared. It need not where workers write to what they share: each
            writes to its own then, and it is not known what it would have read instead.
        refused: how many `strict` refuses; all that are wrong, as long as nothing else is said.
        said: parts of what is said in warnings: the first at least in `observe`, and nothing else in any mode.
        why: in one sentence, where something else is expected than of the others.
    """

    shared: str
    records: int
    wrong: int
    culprit: str = MARK
    told: bool = True
    left: int = 0
    prevented: bool = True
    refused: int | None = None
    said: tuple[str, ...] = ()
    why: str = ""
