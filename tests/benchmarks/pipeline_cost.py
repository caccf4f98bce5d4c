"""What is left of the cost on a whole pipeline that keeps its audit trail in SQLite."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from tests.benchmarks.results import Part, Table, judged
from tests.benchmarks.rounds import Answer, ChildError, Progress, Subject, children, interleave, median
from tests.benchmarks.scale import Scale

_PIPELINES: Final = "tests.benchmarks.pipelines"
_TELEMETRY: Final = {"spans": "all spans", "mismatch": "spans=mismatch", "one": "1 % sampled"}
_MODES: Final = ("pin", "observe")
_SETUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "off": {},
    "by hand": {"mode": "by hand"},
    **{
        f"{mode}, {name}": {"mode": mode, "telemetry": telemetry}
        for telemetry, name in _TELEMETRY.items()
        for mode in _MODES
    },
}
_ELSPETH: Final = ("0.1.0", "0.7.1")
"""The versions that the targets are for."""

_VERSIONS: Final = """\
import elspeth.engine.batch_adapter, importlib.metadata, platform
print(f"ELSPETH {importlib.metadata.version('elspeth')}, Python {platform.python_version()}")
"""

_ABOUT: Final = """\
Rows per second of wall time without otel-handoff, and with it in full, watch included, with an SDK provider without
exporter: with a span for each row and each call, with `spans=mismatch`, and with a sampler that takes 1 % of all
traces. By hand are the same spans with as many attributes, for each row and each call, and nothing else: what is left
between that and otel-handoff with all spans is what pinning, checking and watching cost. Processes take turns, run by
run, each on a new SQLite file. What a run loses is against the run without otel-handoff of the same round; median of
the rounds, and where the middle half of them lies. Nothing is slowed down on purpose, one row is in flight at a time,
one worker.

The embedded pipeline is `otel_handoff.demo.pipeline` with the demo's transform, which makes one to three HTTP calls a
row to a service in the same process. Without its calls, three are recorded and none is made: the worst case, as
nothing is left but the pipeline's own bookkeeping. ELSPETH is driven through its own executor, mixin, context and
landscape, with a transform that records one call a row and makes none.
"""


def measure(scale: Scale, progress: Progress) -> Part:
    """Measure the embedded pipeline, and ELSPETH in each environment that is given."""
    part = Part("On a pipeline", _ABOUT)
    rows: list[Sequence[str]] = []
    compare = partial(_compare, part, rows, scale, progress)
    compare("embedded pipeline", "embedded", {"http": True}, sys.executable)
    compare("embedded, no HTTP", "embedded", {"http": False}, sys.executable, judge=False)
    versions = [(_elspeth_version(python), python) for python in scale.elspeth or (sys.executable,)]
    for version, python in versions:
        if version is not None:
            compare(version, "elspeth", {}, python)
    for wanted in _ELSPETH:
        if not any(version and version.startswith(f"ELSPETH {wanted},") for version, _ in versions):
            reason = "it cannot be imported (see --elspeth)"
            _judge(part, f"ELSPETH {wanted}", {}, dict.fromkeys(_SETUPS, reason))
            part.skipped.append(f"ELSPETH {wanted}: {reason}")
    header = ["", "", "rows per second", "lost", "middle half of the rounds"]
    part.tables.append(Table("Rows per second", header, rows))
    return part


def _compare(
    part: Part,
    rows: list[Sequence[str]],
    scale: Scale,
    progress: Progress,
    name: str,
    factory: str,
    options: dict[str, Any],
    python: str,
    *,
    judge: bool = True,
) -> None:
    subjects = [
        Subject(setup, f"{_PIPELINES}:{factory}", {**chosen, **options}, python) for setup, chosen in _SETUPS.items()
    ]
    with children(subjects) as running:
        skipped = {child.name: child.skipped for child in running if child.skipped}
        if "off" in skipped:
            part.skipped.append(f"{name}: {skipped['off']}")
            _judge(part, name, {}, skipped)
            return
        answers = interleave(running, scale.pipeline_rounds, {"rows": scale.pipeline_rows}, progress)
    _clean(name, answers)
    part.skipped += [f"{name}, {setup}: {reason}" for setup, reason in skipped.items()]
    lost: dict[str, float] = {}
    for setup, found in answers.items():
        each = [
            100 * (1 - off["seconds"] / answer["seconds"]) for off, answer in zip(answers["off"], found, strict=True)
        ]
        lost[setup] = statistics.median(each)
        speed = f"{scale.pipeline_rows / median(found, 'seconds'):,.0f}"
        low, _, high = statistics.quantiles(each, n=4)
        cells = (f"{lost[setup]:.1f} %", f"{low:.1f} to {high:.1f} %") if setup != "off" else ("", "")
        rows.append([name, setup, speed, *cells])
    if judge:
        _judge(part, name, lost, skipped)


def _judge(part: Part, name: str, lost: Mapping[str, float], skipped: Mapping[str, str]) -> None:
    def dearer(telemetry: str) -> float:
        return max(lost[f"{mode}, {_TELEMETRY[telemetry]}"] for mode in _MODES)

    def target(what: str, limit: float, unit: str, measure: Callable[[], float]) -> None:
        part.targets.append(judged(f"rows per second lost, {name}, {what}", limit, unit, measure, skipped))

    for telemetry in ("mismatch", "one"):
        target(_TELEMETRY[telemetry], 2, "%", partial(dearer, telemetry))
    target("all spans, beyond spans by hand", 1, "points", lambda: dearer("spans") - lost["by hand"])


def _clean(name: str, answers: dict[str, list[Answer]]) -> None:
    if any(answer["mismatches"] for found in answers.values() for answer in found):
        raise ChildError(f"{name}: a clean run had mismatches")


def steps(scale: Scale) -> int:
    """Return how many runs it takes."""
    pipelines = 2 + sum(_elspeth_version(each) is not None for each in scale.elspeth)
    return len(_SETUPS) * (scale.pipeline_rounds + 1) * pipelines


def _elspeth_version(python: str) -> str | None:
    done = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
