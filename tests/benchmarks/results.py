"""What a part of the benchmark has to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A promise, and what was measured. `measured` is None where it could not be, for `reason`.

    Attributes:
        floor: what nobody could go below, as measured in the same run; None where that is not known.
        at_least: whether more is better.
    """

    what: str
    limit: float
    unit: str
    measured: float | None
    reason: str = ""
    floor: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """`met`, `not met` or `not measured`."""
        if self.measured is None:
            return f"not measured: {self.reason}"
        kept = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return "met" if kept else "**not met**"


def judged(
    what: str,
    limit: float,
    unit: str,
    measure: Callable[[], float],
    skipped: Mapping[str, str],
    floor: float | None = None,
) -> Target:
    """Return a target with what `measure` returns, unless it asks for a subject that was `skipped`: name -> why."""
    try:
        return Target(what, limit, unit, measure(), floor=floor)
    except KeyError as missing:
        return Target(what, limit, unit, None, skipped[missing.args[0]], floor)


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
