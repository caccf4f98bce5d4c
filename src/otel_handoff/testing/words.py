"""What a run says at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from otel_handoff.record.gaps import Gap, said_of
from otel_handoff.record.unchecked import REASONS

CROSS_A_BOUNDARY: Final = (
    "Run tests in which rows are handed over at a boundary that is known. ELSPETH's is; name those of another host"
    " with --handoff-boundaries=MODULE:NAME."
)


def rows(count: int) -> str:
    """Return `1 row`, `2 rows`."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def mismatches(count: int) -> str:
    """Return `no mismatch`, `1 mismatch`, `2 mismatches`."""
    return f"{count:,} mismatch{'' if count == 1 else 'es'}" if count else "no mismatch"


def exposures(count: int) -> str:
    """Return that contexts had moved on, which is no mismatch."""
    return f"{count:,} exposure{'' if count == 1 else 's'} (the context moved on while a worker ran)"


def unchecked(boundary: str, reason: str, count: int) -> Iterator[str]:
    """Yield how many rows of a boundary were not checked, why, and what to do."""
    meaning, advice, _ = REASONS[reason]
    yield f"  not checked: {count:,} x {reason}, boundary {boundary}: {meaning}"
    yield f"    Do: {advice}"


def gaps(found: Sequence[Gap]) -> str:
    """Return what was not compared in all rows."""
    return said_of(found)


def gap(found: Gap) -> Iterator[str]:
    """Yield a part of the declaration that was not met, and what to do."""
    yield f"  not compared, in all rows: {found.reason}, boundary {found.boundary}: {found.said}"
    yield f"    Do: {found.do}"


def unwatched(boundary: str, count: int) -> str:
    """Return how many rows of a boundary were judged in part."""
    return f"  checked in part: {rows(count)} of boundary {boundary}, at start, calls and end: reads of it are not seen"
