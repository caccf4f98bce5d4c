# ruff: noqa: T201  a command prints
"""`python -m tests.benchmarks`: measures what otel-handoff costs, and writes docs/performance.md."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from tests.benchmarks import growth, handoff_cost, machine, page, pipeline_cost, starting, tools, watch_cost
from tests.benchmarks.results import Part
from tests.benchmarks.rounds import ROOT, ChildError, Progress
from tests.benchmarks.scale import FULL, QUICK, Scale

PARTS = ("handoff", "watch", "pipeline", "growth", "tools", "start")

_EPILOG = """\
examples:
  python -m tests.benchmarks                             everything, into docs/performance.md
  python -m tests.benchmarks --quick                     see that it works, in a minute or two; nothing is written
  python -m tests.benchmarks handoff watch               two parts, to the terminal
  python -m tests.benchmarks --elspeth elspeth-0.7/bin/python --elspeth elspeth-0.1/bin/python
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 if a contender failed, which makes its figures worthless."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(given)
    scale = QUICK if options.quick else FULL
    chosen = options.parts or PARTS
    out: Path | None = options.out
    if out is None and not options.quick and set(chosen) == set(PARTS):
        out = ROOT / "docs" / "performance.md"
    described = machine.describe()
    begin = time.monotonic()
    parts: list[Part] = []
    try:
        for name in PARTS:
            if name in chosen:
                with _bar(name, _steps(name, scale, options.elspeth)) as progress:
                    parts.append(_measure(name, scale, progress, options.elspeth))
    except ChildError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    command = "make bench" if options.elspeth == [] else "make bench BENCH='--elspeth PYTHON ...'"
    notes = [f"It took {(time.monotonic() - begin) / 60:.0f} minutes."]
    if options.quick:
        notes.append("**A quick run**: too short for figures to rely on.")
    when = datetime.now(timezone.utc).date().isoformat()
    text = page.markdown(parts, described, command, when=when, notes=notes)
    if out is None:
        print(text)
    else:
        out.write_text(text, encoding="utf-8")
        print(out)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    parser.add_argument("--out", type=Path, help="the page to write (docs/performance.md after a full run of all parts)")
    parser.add_argument(
        "--elspeth",
        action="append",
        default=[],
        metavar="PYTHON",
        help="a Python that can import ELSPETH and what otel-handoff[sdk] needs; may be given more than once",
    )
    return parser


def _measure(name: str, scale: Scale, progress: Progress, pythons: Sequence[str]) -> Part:
    if name == "pipeline":
        return pipeline_cost.measure(scale, progress, pythons)
    measures = {
        "handoff": handoff_cost.measure,
        "watch": watch_cost.measure,
        "growth": growth.measure,
        "tools": tools.measure,
        "start": starting.measure,
    }
    return measures[name](scale, progress)


def _steps(name: str, scale: Scale, pythons: Sequence[str]) -> int:
    if name == "pipeline":
        return pipeline_cost.steps(scale, pythons)
    steps = {
        "handoff": handoff_cost.steps,
        "watch": watch_cost.steps,
        "growth": growth.steps,
        "tools": tools.steps,
        "start": starting.steps,
    }
    return steps[name](scale)


class _bar:
    """A progress bar on a terminal; nothing where there is none."""

    def __init__(self, name: str, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task(name, total=steps)

    def __enter__(self) -> Progress:
        self._progress.start()
        return lambda: self._progress.advance(self._task)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


if __name__ == "__main__":
    sys.exit(main())
