"""Where the time of a clean row goes."""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import opentelemetry.trace

import otel_handoff
from otel_handoff import HandoffInstrumentor
from tests.benchmarks.commands import run
from tests.benchmarks.host import BOUNDARY, BURST, Context, Pipeline, calling
from tests.benchmarks.results import Part, Table
from tests.benchmarks.rounds import ChildError, Progress
from tests.benchmarks.scale import Scale

_TELEMETRY: Final = {"none": "no SDK", "spans": "spans"}
_OWN: Final = Path(otel_handoff.__file__).parent
_OPENTELEMETRY: Final = Path(opentelemetry.trace.__file__).parents[1]
_HOST: Final = Path(__file__).parent
_LEAST: Final = 0.01

_ABOUT: Final = """\
A clean row with one call, `pin` with watch, in one thread, under Python's profiler: of each function its own time, with
that of what it calls of C; summed by module. The profiler makes functions dearer, so these are shares, not times;
wrapt's wrappers are C and count to whoever calls them. Modules below 1 % of either run are one line.
"""


def measure(scale: Scale, progress: Progress) -> Part:
    """Profile a row without an SDK and one with spans, each in a process of its own."""
    part = Part("Where it goes", _ABOUT)
    shares: dict[str, dict[str, float]] = {}
    for telemetry in _TELEMETRY:
        ran = run(["-m", "tests.benchmarks.where", telemetry, str(scale.rows)])
        if ran.code:
            raise ChildError(f"profiling failed: {ran.err[-500:]}")
        found: dict[str, float] = json.loads(ran.out)
        whole = sum(found.values())
        shares[telemetry] = {name: seconds / whole for name, seconds in found.items()}
        progress()
    names = {name for each in shares.values() for name, share in each.items() if share >= _LEAST}
    rest = {telemetry: 1 - sum(each.get(name, 0.0) for name in names) for telemetry, each in shares.items()}
    ordered = sorted(names, key=lambda name: -shares["spans"].get(name, 0.0))
    rows = [[name, *(f"{100 * each.get(name, 0.0):.1f} %" for each in shares.values())] for name in ordered]
    rows.append(["others", *(f"{100 * each:.1f} %" for each in rest.values())])
    part.tables.append(Table("Shares of a row", ["", *_TELEMETRY.values()], rows))
    return part


def steps(_scale: Scale) -> int:
    """Return how many runs it takes."""
    return len(_TELEMETRY)


class _Inline:
    """An executor that works at once, on the thread that submits."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        """Make the call."""
        return fn(*args)


def _owner(filename: str) -> str:
    path = Path(filename)
    if _OPENTELEMETRY in path.parents:
        return "OpenTelemetry's " + ("SDK" if "sdk" in path.relative_to(_OPENTELEMETRY).parts else "API")
    if _OWN in path.parents:
        return f"`{path.relative_to(_OWN).with_suffix('').as_posix()}`"
    return "the host" if _HOST in path.parents else "Python's library"


def main() -> None:
    """Print owner -> seconds, as JSON: `where.py none|spans ROWS`."""
    telemetry, rows = sys.argv[1], int(sys.argv[2])
    provider: Any = None
    if telemetry == "spans":
        from opentelemetry.sdk.trace import TracerProvider

        provider = TracerProvider()
    instrumentor: Any = HandoffInstrumentor()
    instrumentor.instrument(boundaries=[BOUNDARY], mode="pin", watch=True, tracer_provider=provider)
    pipeline, contexts, processor = Pipeline(_Inline()), [Context(number) for number in range(BURST)], calling(1)

    def work(rows: int) -> None:
        for number in range(rows):
            pipeline.accept_row(number, contexts[number % BURST], processor)

    work(BURST)
    profile = cProfile.Profile(builtins=False)
    profile.runcall(work, rows)
    found: Counter[str] = Counter()
    stats: Any = pstats.Stats(profile)
    for (filename, _line, _name), (_calls, _primitive, own, _below, _callers) in stats.stats.items():
        found[_owner(filename)] += own
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
