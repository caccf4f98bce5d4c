"""What it costs to hand a row over, beside everything else that a user might put there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tests.benchmarks.results import Part, Table, Target, micros, ratio
from tests.benchmarks.rounds import Answer, ChildError, Progress, Subject, children, interleave, median
from tests.benchmarks.scale import Scale

_CONTENDERS: Final = "tests.benchmarks.contenders"
_TELEMETRY: Final = {"none": "no SDK", "unsampled": "ALWAYS_OFF", "spans": "a span a row"}


def ours(mode: str, telemetry: str, *, watch: bool) -> Subject:
    """Name one way to run otel-handoff."""
    name = f"otel-handoff {mode}, {_TELEMETRY[telemetry]}, watch {'on' if watch else 'off'}"
    return Subject(name, f"{_CONTENDERS}:handoff", {"mode": mode, "telemetry": telemetry, "watch": watch})


BARE: Final = Subject("bare", f"{_CONTENDERS}:bare")

OTHERS: Final = (
    Subject("opentelemetry-instrumentation-threading", f"{_CONTENDERS}:otel_threading"),
    Subject("ddtrace futures", f"{_CONTENDERS}:ddtrace_futures"),
    Subject("logfire executors", f"{_CONTENDERS}:logfire"),
    Subject("sentry ThreadingIntegration", f"{_CONTENDERS}:sentry"),
    Subject("a span by hand", f"{_CONTENDERS}:hand_written"),
    Subject("a span by hand, 4 attributes", f"{_CONTENDERS}:hand_written", {"attributes": "four"}),
    Subject("a span by hand, as many attributes as ours", f"{_CONTENDERS}:hand_written", {"attributes": "as ours"}),
)

OURS: Final = tuple(
    ours(mode, telemetry, watch=watch)
    for telemetry in _TELEMETRY
    for mode in ("pin", "observe")
    for watch in (False, True)
)

_SHAPES: Final = {
    "no-op, 1 worker": {"workers": 1, "calls": 0},
    "no-op, 4 workers": {"workers": 4, "calls": 0},
    "one call, 1 worker": {"workers": 1, "calls": 1},
}

_ABOUT: Final = """\
No-op rows through a `ThreadPoolExecutor`, in the shape of ELSPETH's mixin: `accept_row` submits
`self._process_and_complete`, which routes its result through a buffer; in the last column the row also records one
call. Rows are handed over 32 at a time and then waited for. Each contender runs in a process of its own; all of them
take turns, in random order, round by round. CPU seconds of all threads of the process, submitting and working, per
row; median of the rounds; ratio of medians to bare.

Configured: otel-handoff with ELSPETH's five fields and with one call and one result to check. Nobody has an exporter
or a network: SDK providers have no exporting span processor, logfire sends nothing and has no console, ddtrace has an
open span and never ends it, sentry has no DSN. Where a contender has a tracer, rows are submitted inside one of its
spans, so that there is something to carry. Before anything is measured each must prove that its context arrives on a
worker; of the contenders only otel-handoff checks ids.
"""


def subjects() -> Sequence[Subject]:
    """Return everything that is compared, bare first."""
    return (BARE, *OTHERS, *OURS)


def checked(name: str, answers: Sequence[Answer], rows: int) -> None:
    """Make sure that otel-handoff did its work on every row, and found nothing wrong.

    Raises:
        ChildError: it did not; its cost is not that of the work.
    """
    for answer in answers:
        if answer["submissions"] != rows or answer["mismatches"] or answer["internal_errors"]:
            raise ChildError(f"{name}: clean rows were not handled as such: {answer}")


def measure(scale: Scale, progress: Progress) -> Part:
    """Measure every contender in every shape."""
    part = Part("Handing a row over", _ABOUT)
    costs: dict[str, dict[str, float]] = {}
    with children(subjects()) as running:
        part.skipped += [f"{child.name}: {child.skipped}" for child in running if child.skipped]
        for shape, options in _SHAPES.items():
            answers = interleave(running, scale.rounds, {"rows": scale.rows, **options}, progress)
            for subject in OURS:
                checked(subject.name, answers[subject.name], scale.rows)
            costs[shape] = {name: median(found, "cpu") / scale.rows for name, found in answers.items()}
    header = ["", *(cell for shape in _SHAPES for cell in (shape, "over bare"))]
    rows = [
        [
            name,
            *(
                cell
                for shape in _SHAPES
                for cell in (micros(costs[shape][name]), ratio(costs[shape][name] / costs[shape]["bare"]))
            ),
        ]
        for name in costs["no-op, 1 worker"]
    ]
    part.tables.append(Table("CPU per row", header, rows))
    part.targets += _targets(costs)
    return part


def steps(scale: Scale) -> int:
    """Return how many runs it takes."""
    return len(subjects()) * len(_SHAPES) * (scale.rounds + 1)


def _targets(costs: dict[str, dict[str, float]]) -> list[Target]:
    def over_bare(shape: str, *keys: Any, watch: bool) -> float:
        return costs[shape][ours(*keys, watch=watch).name] / costs[shape]["bare"]

    targets: list[Target] = []
    for shape in ("no-op, 1 worker", "one call, 1 worker", "no-op, 4 workers"):
        for mode in ("pin", "observe"):
            for telemetry in ("none", "unsampled"):
                measured = over_bare(shape, mode, telemetry, watch=False)
                what = f"guard only ({_TELEMETRY[telemetry]}), {mode}, {shape}"
                targets.append(Target(what, 1.4, "x bare", measured))
    for shape in ("no-op, 1 worker", "no-op, 4 workers"):
        for mode in ("pin", "observe"):
            what = f"one tagged row span, {mode}, {shape}"
            targets.append(Target(what, 3.3, "x bare", over_bare(shape, mode, "spans", watch=False)))
    return targets
