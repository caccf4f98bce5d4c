"""What a row costs in machine instructions, whatever else the machine does."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.benchmarks.handoff_cost import BARE, BY_HAND, FLOOR, OURS, checked, ours
from tests.benchmarks.results import Part, Table, judged, ratio
from tests.benchmarks.rounds import Child, ChildError, Progress, Subject
from tests.benchmarks.scale import Scale

_MODES: Final = ("pin", "observe")
_GUARDS: Final = tuple(ours(mode, telemetry) for telemetry in ("none", "unsampled", "parent") for mode in _MODES)
_SPANS: Final = tuple(ours(mode, "spans") for mode in _MODES)
_SHAPES: Final = {"no-op": 0, "one call": 1}
_SUBJECTS: Final = {"no-op": (BARE, FLOOR, *_GUARDS, BY_HAND, *_SPANS), "one call": (BARE, BY_HAND, *_SPANS)}
_RUNS: Final = tuple((shape, subject) for shape, subjects in _SUBJECTS.items() for subject in subjects)
_VALGRIND: Final = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
_COLLECTED: Final = re.compile(r"Collected : (\d+)")

_ABOUT: Final = """\
Rows of the part above, one worker, under valgrind's callgrind. Of each contender there are two processes, one of which
brings twice as many rows through: the difference is what rows cost, without start and imports. Repeats differ by about
1 %, as threads meet in more than one way. By hand are the same spans with as many attributes, and nothing is carried:
that is the floor of the targets.
"""


def measure(scale: Scale, progress: Progress) -> Part:
    """Count what a row costs, without a call and with one."""
    part = Part("In machine instructions", _ABOUT)
    counted: dict[str, dict[str, float]] = {shape: {} for shape in _SHAPES}
    skipped: dict[str, str] = {}
    if shutil.which("valgrind") is None:
        part.skipped.append("all of it: valgrind is not installed")
        skipped = {subject.name: "valgrind is not installed" for _, subject in _RUNS}
    else:
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # instructions are the same beside others
            running = [
                (shape, subject, pool.submit(instructions, subject, scale.counted, _SHAPES[shape]))
                for shape, subject in _RUNS
            ]
            for shape, subject, found in running:
                counted[shape][subject.name] = found.result()
                progress()
    for shape, counts in counted.items():
        rows = [[name, f"{count:,.0f}", ratio(count / counts[BARE.name])] for name, count in counts.items()]
        if rows:
            part.tables.append(Table(f"Instructions per row, {shape}", ["", "instructions", "over bare"], rows))
    for shape, what, limit in (("no-op", "row span", 1.10), ("one call", "row and call spans", 1.15)):
        part.targets.append(
            judged(
                f"{what}, over the same by hand with as many attributes, in instructions",
                limit,
                "x",
                lambda counts=counted[shape]: max(counts[each.name] for each in _SPANS) / counts[BY_HAND.name],
                skipped,
                floor=1.0,
            )
        )
    return part


def steps(_scale: Scale) -> int:
    """Return how many contenders are counted."""
    return len(_RUNS) if shutil.which("valgrind") else 0


def instructions(subject: Subject, rows: int, calls: int = 0) -> float:
    """Return the machine instructions of a row: the difference of runs of `rows` and twice as many.

    Raises:
        ChildError: the subject failed, or valgrind did.
    """
    once, twice = (_counted(subject, times * rows, calls) for times in (1, 2))
    return (twice - once) / rows


def _counted(subject: Subject, rows: int, calls: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        child = Child(subject, under=(*_VALGRIND, f"--log-file={log}"))
        try:
            child.started()
            answer = child.run(rows=rows, calls=calls)
        finally:
            child.close()
        if subject in OURS:
            checked(subject.name, [answer], rows)
        collected = _COLLECTED.search(log.read_text(encoding="utf-8", errors="replace"))
    if collected is None:
        raise ChildError(f"{subject.name}: callgrind counted nothing")
    return int(collected[1])
