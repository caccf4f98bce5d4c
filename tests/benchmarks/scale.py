"""How long each part takes: a run to be published, and a quick one to see that it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Scale:
    """Sizes of a run.

    Attributes:
        rows: rows of a hand-off round.
        rounds: rounds that count.
        operations: reads or writes of a round.
        counted: rows that are counted in machine instructions, and twice as many.
        pipeline_rows: rows of one run of a whole pipeline.
        pipeline_rounds: runs of a whole pipeline.
        growth_rows: rows of the one long process.
        mismatches: mismatches of the storm.
        spans: sizes of the trace files.
        starts: processes started.
        elspeth: Pythons that can import ELSPETH; if none is given, this one is tried.
    """

    rows: int
    rounds: int
    operations: int
    counted: int
    pipeline_rows: int
    pipeline_rounds: int
    growth_rows: int
    mismatches: int
    spans: tuple[int, ...]
    starts: int
    elspeth: tuple[str, ...] = ()


FULL: Final = Scale(4_000, 15, 20_000, 2_000, 500, 15, 1_000_000, 20_000, (10_000, 100_000, 1_000_000), 15)
QUICK: Final = Scale(640, 3, 2_000, 96, 40, 3, 20_000, 500, (1_000, 10_000), 3)
