"""docs/performance.md, written by the benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tests.benchmarks.results import Part, Table, Target

_FLOORS: Final = """\
Of `pin` and `observe`, and of several shapes, the dearer counts. A floor is what nobody could go below, measured in the
same run; how, is said in the part concerned."""


def markdown(
    parts: Sequence[Part], machine: Sequence[tuple[str, str]], command: str, *, when: str, notes: Sequence[str] = ()
) -> str:
    """Return the page: every target beside its measured value, then each part."""
    return "\n".join(_lines(parts, machine, command, when, notes)) + "\n"


def _lines(
    parts: Sequence[Part], machine: Sequence[tuple[str, str]], command: str, when: str, notes: Sequence[str]
) -> Iterator[str]:
    yield "# Performance"
    yield ""
    yield f"Written by the benchmark itself on {when}. To measure again, on a machine that does nothing else:"
    yield ""
    yield f"```\n{command}\n```"
    for note in notes:
        yield ""
        yield note
    yield ""
    yield from _table(Table("", ["", ""], machine))
    targets = [target for part in parts for target in part.targets]
    if targets:
        met = sum(target.verdict == "met" for target in targets)
        yield ""
        yield "## Targets"
        yield ""
        yield f"{met} of {len(targets)} are met. {_FLOORS}"
        yield ""
        yield from _table(Table("", ["", "floor", "target", "measured", ""], [_target(target) for target in targets]))
    for part in parts:
        yield ""
        yield f"## {part.title}"
        yield ""
        yield part.about.strip()
        for table in part.tables:
            yield ""
            yield f"**{table.title}**"
            yield ""
            yield from _table(table)
        if part.skipped:
            yield ""
            yield "Left out:"
            yield ""
            yield from (f"- {reason}" for reason in part.skipped)


def _target(target: Target) -> list[str]:
    floor, measured = (
        "" if value is None else f"{_number(value)} {target.unit}" for value in (target.floor, target.measured)
    )
    bound = f"{'at least' if target.at_least else 'at most'} {_number(target.limit)} {target.unit}"
    return [target.what, floor, bound, measured or "-", target.verdict]


def _number(value: float) -> str:
    rounded = round(value, 2) + 0.0  # without the sign of a negative zero
    return f"{rounded:,.0f}" if value == int(value) or abs(value) >= 100 else f"{rounded:.2f}"


def _table(table: Table) -> Iterator[str]:
    yield _row(table.header)
    yield _row(["---", *["---:"] * (len(table.header) - 1)]) if any(table.header) else _row(["---", "---"])
    yield from (_row(row) for row in table.rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
