"""What a part of the benchmark has to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A promise, and what was measured. `measured` is None where it could not be, for `reason`."""

    what: str
    limit: float
    unit: str
    measured: float | None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """`met`, `not met` or `not measured`."""
        if self.measured is None:
            return f"not measured: {self.reason}"
        return "met" if self.measured <= self.limit else "**not met**"


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; all columns but the first hold figures."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Part:
    """One part of the benchmark.

    Attributes:
        title: its heading.
        about: what was run, what was configured and what was not; paragraphs of Markdown.
        tables: the figures.
        targets: the promises that it judges.
        skipped: what was left out, and why.
    """

    title: str
    about: str
    tables: list[Table] = field(default_factory=list[Table])
    targets: list[Target] = field(default_factory=list[Target])
    skipped: list[str] = field(default_factory=list[str])


def ratio(value: float) -> str:
    """Write a ratio: `1.38x`."""
    return f"{value:.2f}x"


def micros(seconds: float) -> str:
    """Write a time in microseconds."""
    return f"{seconds * 1e6:,.2f} us"
