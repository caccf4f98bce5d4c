"""What a run adds up to; with pytest-xdist, over all its processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from otel_handoff.record.gaps import Gap

NOTHING: Final = "NOTHING WAS CHECKED"


@dataclass
class Rows:
    """What became of the rows of one boundary.

    Attributes:
        rows: handed over.
        judged: of them.
        unchecked: reason -> how many could not be judged.
        unwatched: of how many reads could not be seen.
        gaps: parts of the declaration that were not met, each as the columns of a `Gap`.
    """

    rows: int = 0
    judged: int = 0
    unchecked: dict[str, int] = field(default_factory=dict[str, int])
    unwatched: int = 0
    gaps: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    @property
    def is_blind(self) -> bool:
        """Whether there were some, and none was judged."""
        return not self.judged and bool(self.rows or self.unchecked or self.gaps)

    def add(self, more: Mapping[str, Any]) -> None:
        """Add those of another process."""
        self.rows += more["rows"]
        self.judged += more["judged"]
        self.unwatched += more["unwatched"]
        for reason, rows in more["unchecked"].items():
            self.unchecked[reason] = self.unchecked.get(reason, 0) + rows
        for gap in map(tuple, more["gaps"]):  # as lists, from another process, each of which finds the same
            if gap not in self.gaps:
                self.gaps.append(gap)


class Totals:
    """Counts, and what came late.

    Attributes:
        tests: how many were run under the instrumentation; None where nobody instrumented anything.
        boundaries: what became of the rows of each boundary that had any.
        faults: what of the declarations cannot work, each with what to do.
        mismatches: how many were found, also those that fail no test.
        exposures: how many times a context had merely moved on, which is no mismatch.
        held: how many times a worker was held back.
        in_vain: how many times nothing had moved on at the end of it.
        late: (the test's id or None, the report) of mismatches that were found when the test was over.
    """

    def __init__(self) -> None:
        self.tests: int | None = None
        self.boundaries: dict[str, Rows] = {}
        self.faults: list[tuple[str, str]] = []
        self.mismatches: int = 0
        self.exposures: int = 0
        self.held: int = 0
        self.in_vain: int = 0
        self.late: list[tuple[str | None, str]] = []

    def add(self, more: Mapping[str, Any]) -> None:
        """Add what a session, or `as_dict` in another process, says."""
        if more.get("tests") is not None:
            self.tests = (self.tests or 0) + more["tests"]
        for name, rows in more.get("boundaries", {}).items():
            self.boundaries.setdefault(name, Rows()).add(rows)
        for fault, do in more.get("faults", ()):  # each process of a run finds the same
            if (fault, do) not in self.faults:
                self.faults.append((fault, do))
        for name in ("mismatches", "exposures", "held", "in_vain"):
            vars(self)[name] += more.get(name, 0)
        self.late.extend(more.get("late", ()))

    def as_dict(self) -> dict[str, Any]:
        """Return it as what pytest-xdist can carry."""
        return {**vars(self), "boundaries": {name: asdict(rows) for name, rows in self.boundaries.items()}}

    @property
    def judged(self) -> int:
        """How many rows were judged."""
        return sum(rows.judged for rows in self.boundaries.values())

    @property
    def blind(self) -> list[str]:
        """The boundaries of which no row was judged, though there were some."""
        return [name for name, rows in self.boundaries.items() if rows.is_blind]

    @property
    def is_known(self) -> bool:
        """Whether the run may say anything: some rows were judged, at each boundary that there was work for."""
        return bool(self.judged and not self.blind and not self.faults and not any(gap.is_doubt for gap in self.gaps))

    @property
    def gaps(self) -> list[Gap]:
        """The parts of the declarations that were not met."""
        from otel_handoff.record.gaps import Gap

        return [Gap(*columns) for rows in self.boundaries.values() for columns in rows.gaps]

    def lines(self, *, provoked: bool) -> Iterator[str]:
        """Yield what was checked, in a few words; then what was not, and what to do about it."""
        from otel_handoff.testing import words  # this module is loaded in every run of pytest, of whomever

        handed = sum(rows.rows for rows in self.boundaries.values())
        if self.judged:
            judged = f"{words.mismatches(self.mismatches)} in {words.rows(self.judged)} judged"
            moved = f", {words.exposures(self.exposures)}" if self.exposures else ""
            held = f", workers held back {self.held} times ({self.in_vain} in vain)" if provoked else ""
            gaps = f"; {words.gaps(self.gaps)}" if self.gaps else ""
            yield f"{judged}{moved}{held}{gaps}"
        else:
            why = f"{words.rows(handed)} handed over, and none judged" if handed else "no row was handed over"
            yield f"{why}: {NOTHING}"
        for name in self.blind if self.judged else ():
            yield f"  no row of boundary {name} was judged: {NOTHING} there"
        for name, rows in self.boundaries.items():
            for reason, count in rows.unchecked.items():
                yield from words.unchecked(name, reason, count)
            for gap in self.gaps:
                if gap.boundary == name:
                    yield from words.gap(gap)
            if rows.unwatched:
                yield words.unwatched(name, rows.unwatched)
        for fault, do in self.faults:
            yield f"  {fault}"
            yield f"    Do: {do}"
        if not (self.boundaries or self.faults):
            yield f"    Do: {words.CROSS_A_BOUNDARY}"
