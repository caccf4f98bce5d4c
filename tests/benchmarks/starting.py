"""What it costs a process that otel-handoff is installed, and turned on, where the host is never imported."""

from __future__ import annotations

import json
import statistics
from typing import Final

from tests.benchmarks.commands import otel_handoff, run
from tests.benchmarks.results import Part, Table
from tests.benchmarks.rounds import ChildError, Progress
from tests.benchmarks.scale import Scale

_PROGRAM: Final = """\
import json, sys, time
before, start = len(sys.modules), time.perf_counter()
{body}
print(json.dumps([time.perf_counter() - start, len(sys.modules) - before]))
"""

_BODIES: Final = {
    "nothing": "pass",
    "import otel_handoff": "import otel_handoff",
    "import opentelemetry's API and instrumentor alone": (
        "import opentelemetry.trace, opentelemetry.metrics, opentelemetry._logs, wrapt\n"
        "import opentelemetry.instrumentation.instrumentor"
    ),
    "ElspethInstrumentor().instrument()": (
        "from otel_handoff.elspeth import ElspethInstrumentor\nElspethInstrumentor().instrument()"
    ),
}

_ABOUT: Final = """\
New processes, in turns, median. Time and modules are those of the statements in a Python that has started; the host
is not there, and nothing of it is imported. `otel-handoff --help` is the wall time of the whole process, beside that
of a Python that does nothing. Bytecode is cached.
"""


def measure(scale: Scale, progress: Progress) -> Part:
    """Measure imports, `instrument()` and `--help`."""
    part = Part("Import and start", _ABOUT)
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in _BODIES}
    helps: list[float] = []
    idle: list[float] = []
    for turn in range(scale.starts + 1):
        for name, body in _BODIES.items():
            ran = run(["-c", _PROGRAM.format(body=body)])
            if ran.code:
                raise ChildError(f"{name}: {ran.err[-500:]}")
            seconds, modules = json.loads(ran.out)
            if turn:
                found[name].append((seconds, modules))
            progress()
        help_, nothing = otel_handoff("--help"), run(["-c", "pass"])
        if help_.code:
            raise ChildError(f"otel-handoff --help: {help_.err[-500:]}")
        progress()
        if turn:
            helps.append(help_.wall)
            idle.append(nothing.wall)
    rows = [[f"`{name}`" if name != "nothing" else name, *_cells(each)] for name, each in found.items()]
    part.tables.append(Table("In a process that never imports the host", ["", "milliseconds", "modules loaded"], rows))
    help_seconds, idle_seconds = statistics.median(helps), statistics.median(idle)
    rows = [["`otel-handoff --help`", f"{help_seconds:.3f}"], ["`python -c pass`", f"{idle_seconds:.3f}"]]
    part.tables.append(Table("The command line", ["", "seconds"], rows))
    return part


def _cells(found: list[tuple[float, int]]) -> list[str]:
    milliseconds = 1e3 * statistics.median(seconds for seconds, _ in found)
    return [f"{milliseconds:.1f}", f"{found[0][1]}"]


def steps(scale: Scale) -> int:
    """Return how many processes it takes."""
    return (len(_BODIES) + 1) * (scale.starts + 1)
