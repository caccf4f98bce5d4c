# ruff: noqa: T201  a command prints
"""`python -m tests.benchmarks`: measures what otel-handoff costs, and writes docs/performance.md."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from tests.benchmarks import (
    budget,
    growth,
    guide_cost,
    handoff_cost,
    instructions,
    machine,
    page,
    pipeline_cost,
    starting,
    tools,
    watch_cost,
    where,
)
from tests.benchmarks.results import Part
from tests.benchmarks.rounds import ROOT, ChildError, Progress
from tests.benchmarks.scale import FULL, QUICK

_PARTS: Final = {
    "handoff": handoff_cost,
    "shapes": guide_cost,
    "instructions": instructions,
    "watch": watch_cost,
    "where": where,
    "pipeline": pipeline_cost,
    "growth": growth,
    "tools": tools,
    "start": starting,
}

_EPILOG = """\
examples:
  python -m tests.benchmarks                             everything, into docs/performance.md
  python -m tests.benchmarks --quick                     see that it works, in some minutes; nothing is written
  python -m tests.benchmarks handoff watch               two parts, to the terminal
  python -m tests.benchmarks --elspeth elspeth-0.7/bin/python --elspeth elspeth-0.1/bin/python
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 1 if a contender failed, which makes its figures worthless."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser()
    options = parser.parse_args(given)
    if unknown := [name for name in options.parts if name not in _PARTS]:
        parser.error(f"unknown part {unknown[0]!r}; the parts are {', '.join(_PARTS)}")
    if absent := [python for python in options.elspeth if shutil.which(python) is None]:
        parser.error(f"--elspeth: there is no Python at {absent[0]}")
    # Not resolved: the Python of a virtual environment is a link, and knows by its place whose it is.
    pythons = tuple(str(Path(python).absolute()) for python in options.elspeth)
    scale = replace(QUICK if options.quick else FULL, elspeth=pythons)
    chosen = options.parts or list(_PARTS)
    out: Path | None = options.out
    if out is None and not options.quick and set(chosen) == set(_PARTS):
        out = ROOT / "docs" / "performance.md"
    described = machine.describe()
    begin = time.monotonic()
    parts: list[Part] = []
    try:
        for name in _PARTS:
            if name in chosen:
                with _bar(name, _PARTS[name].steps(scale)) as progress:
                    parts.append(_PARTS[name].measure(scale, progress))
    except ChildError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    parts.append(budget.described())
    # Where the Pythons lie is of no interest to anybody else.
    arguments_ = ["PYTHON" if each in options.elspeth else each for each in given]
    command = f"make bench BENCH='{' '.join(arguments_)}'" if given else "make bench"
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
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(_PARTS)} (all)")
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    parser.add_argument(
        "--out", type=Path, help="the page to write (docs/performance.md after a full run of all parts)"
    )
    parser.add_argument(
        "--elspeth",
        action="append",
        default=[],
        metavar="PYTHON",
        help="a Python that can import ELSPETH and what otel-handoff[sdk] needs; may be given more than once",
    )
    return parser


@contextlib.contextmanager
def _bar(name: str, steps: int) -> Generator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=steps)
        yield lambda: bar.advance(task)


if __name__ == "__main__":
    sys.exit(main())
