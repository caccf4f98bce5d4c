"""What is left of the cost on a whole pipeline that keeps its audit trail in SQLite."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from tests.benchmarks.results import Part, Table, Target
from tests.benchmarks.rounds import Answer, ChildError, Progress, Subject, children, interleave, median
from tests.benchmarks.scale import Scale

_PIPELINES: Final = "tests.benchmarks.pipelines"
_OURS: Final = ("pin", "observe")
_MODES: Final = ("off", "by hand", *_OURS)
_LIMIT: Final = 2.0
_VERSIONS: Final = """\
import elspeth.engine.batch_adapter, importlib.metadata, platform
print(f"ELSPETH {importlib.metadata.version('elspeth')}, Python {platform.python_version()}")
"""

_ABOUT: Final = """\
Rows per second of wall time without otel-handoff, and with it in full: spans (an SDK provider without exporter) and
watch. By hand are the same spans with as many attributes, for each row and each call, and nothing else: what is left
between that and otel-handoff is what pinning, checking and watching cost. Processes take turns, run by run, each on a
new SQLite file; median of the runs. Nothing is slowed down on purpose, one row is in flight at a time, one worker.

The embedded pipeline is `otel_handoff.demo.pipeline` with the demo's transform, which makes one to three HTTP calls a
row to a service in the same process. Without its calls, three are recorded and none is made: the worst case, as
nothing is left but the pipeline's own bookkeeping. ELSPETH is driven through its own executor, mixin, context and
landscape, with a transform that records one call a row and makes none.
"""


def measure(scale: Scale, progress: Progress) -> Part:
    """Measure the embedded pipeline, and ELSPETH in each environment that is given."""
    part = Part("On a pipeline", _ABOUT)
    rows: list[Sequence[str]] = []
    _compare(part, rows, "embedded pipeline", "embedded", {"http": True}, sys.executable, scale, progress, judged=True)
    _compare(
        part, rows, "embedded, no HTTP", "embedded", {"http": False}, sys.executable, scale, progress, judged=False
    )
    for python in scale.elspeth or (sys.executable,):
        name = _elspeth_version(python)
        if name is None:
            part.skipped.append("ELSPETH: it cannot be imported (see --elspeth)")
            part.targets.append(
                Target("rows per second lost, ELSPETH", _LIMIT, "%", None, "ELSPETH cannot be imported")
            )
            continue
        _compare(part, rows, name, "elspeth", {}, python, scale, progress, judged=True)
    part.tables.append(Table("Rows per second", ["", *_MODES, *(f"{mode} loses" for mode in _MODES[1:])], rows))
    return part


def _compare(
    part: Part,
    rows: list[Sequence[str]],
    name: str,
    factory: str,
    options: dict[str, object],
    python: str,
    scale: Scale,
    progress: Progress,
    *,
    judged: bool,
) -> None:
    subjects = [Subject(mode, f"{_PIPELINES}:{factory}", {"mode": mode, **options}, python) for mode in _MODES]
    with children(subjects) as running:
        if reasons := [child.skipped for child in running if child.skipped]:
            part.skipped.append(f"{name}: {reasons[0]}")
            if judged:
                part.targets.append(Target(f"rows per second lost, {name}", _LIMIT, "%", None, str(reasons[0])))
            return
        answers = interleave(running, scale.pipeline_rounds, {"rows": scale.pipeline_rows}, progress)
    _clean(name, answers)
    speed = {mode: scale.pipeline_rows / median(found, "seconds") for mode, found in answers.items()}
    lost = {mode: 100 * (1 - speed[mode] / speed["off"]) for mode in _MODES[1:]}
    rows.append([name, *(f"{speed[mode]:,.0f}" for mode in _MODES), *(f"{each:.1f} %" for each in lost.values())])
    if judged:
        for mode in _OURS:
            part.targets.append(Target(f"rows per second lost, {name}, {mode}", _LIMIT, "%", lost[mode]))


def _clean(name: str, answers: dict[str, list[Answer]]) -> None:
    if any(answer["mismatches"] for found in answers.values() for answer in found):
        raise ChildError(f"{name}: a clean run had mismatches")


def steps(scale: Scale) -> int:
    """Return how many runs it takes."""
    return (
        len(_MODES)
        * (scale.pipeline_rounds + 1)
        * (2 + sum(_elspeth_version(each) is not None for each in scale.elspeth))
    )


def _elspeth_version(python: str) -> str | None:
    done = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
