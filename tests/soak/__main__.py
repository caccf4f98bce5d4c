# ruff: noqa: T201  a command prints
"""`python -m tests.soak`: loads for minutes; 1 if detector and oracle disagree or anything grew."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.soak.load import Soak
from tests.soak.report import failures, report


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (20)")
    options = parser.parse_args(arguments)
    soak = Soak()
    seconds = options.minutes * 60
    begin = time.monotonic()
    columns = (
        TextColumn("soak"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[wrong]} disagree"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
        task = bar.add_task("soak", total=seconds, rows=0, wrong=0)

        def progress(gone: float) -> None:
            disagree = sum(sum(total.counts.values()) for total in soak.totals.values())
            bar.update(task, completed=min(gone, seconds), rows=soak.rows, wrong=disagree, refresh=True)

        soak.run(seconds, progress)
    command = f"python -m tests.soak --minutes {options.minutes:g}"
    print("\n".join(report(soak, command, time.monotonic() - begin)))
    return 1 if failures(soak) else 0


if __name__ == "__main__":
    sys.exit(main())
