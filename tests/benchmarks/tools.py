"""How fast the commands read traces back, and with how much memory."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.commands import Ran, otel_handoff
from tests.benchmarks.results import Part, Table, Target
from tests.benchmarks.rounds import ChildError, Progress
from tests.benchmarks.scale import Scale
from tests.check import many

_COMMANDS: Final = ("check", "report")
_ROUNDS: Final = 3
_FLAT: Final = 1.1

_ABOUT: Final = """\
`otel-handoff check PATH` and `otel-handoff report PATH -o FILE` as processes of their own, start of Python included,
on OTLP JSON lines as `tests.check.many` makes them: five spans a row, one row in a hundred with a call that was filed
under the next one. Median of 3 runs; peak is the largest resident set. Growth is the factor over the file before,
which is a tenth of the size; memory is flat if it is at most 1.1x of what a tenth takes.
"""


def measure(scale: Scale, progress: Progress) -> Part:
    """Measure each command that exists on each size."""
    part = Part("Commands", _ABOUT)
    with tempfile.TemporaryDirectory() as directory:
        files: dict[int, Path] = {}
        for spans in scale.spans:
            files[spans] = Path(directory) / f"{spans}.jsonl"
            many.write(files[spans], spans)
        for command in _COMMANDS:
            if otel_handoff(command, "--help").code:
                part.skipped.append(f"otel-handoff {command}: there is no such command yet")
                continue
            _measure(part, command, files, progress)
    return part


def _measure(part: Part, command: str, files: Mapping[int, Path], progress: Progress) -> None:
    rows: list[Sequence[str]] = []
    targets: list[Target] = []
    before: tuple[float, float] | None = None
    for spans, path in files.items():
        ran = [_ran(command, path, progress) for _ in range(_ROUNDS)]
        seconds, peak = statistics.median(each.wall for each in ran), statistics.median(each.peak for each in ran)
        rows.append(
            [
                f"{spans:,}",
                f"{path.stat().st_size / 2**20:,.1f} MiB",
                f"{seconds:.2f}",
                f"{seconds / before[0]:.1f}x" if before else "",
                f"{spans / seconds:,.0f}",
                f"{peak / 2**20:,.0f} MiB",
                f"{peak / before[1]:.1f}x" if before else "",
            ]
        )
        what = f"otel-handoff {command}, {spans:,} spans"
        targets = [Target(what, 60_000, "spans/s", spans / seconds, at_least=True)]
        if before is not None:
            targets.append(Target(f"{what}: peak memory over that of a tenth", _FLAT, "x", peak / before[1]))
        before = seconds, peak
    header = ["spans", "file", "seconds", "growth", "spans per second", "peak memory", "growth"]
    part.tables.append(Table(f"otel-handoff {command}", header, rows))
    part.targets += targets  # of the largest file


def _ran(command: str, path: Path, progress: Progress) -> Ran:
    output = ("-o", str(path.with_suffix(".html"))) if command == "report" else ()
    ran = otel_handoff(command, str(path), *output)
    progress()
    if ran.code not in (0, 1):
        raise ChildError(f"otel-handoff {command} ended with {ran.code}: {ran.err[-500:]}")
    return ran


def steps(scale: Scale) -> int:
    """Return how many runs it takes."""
    return len(_COMMANDS) * len(scale.spans) * _ROUNDS
