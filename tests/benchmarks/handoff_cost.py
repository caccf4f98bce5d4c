"""What it costs to hand a row over, beside everything else that a user might put there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from tests.benchmarks.results import Part, Table, Target, judged, micros, ratio
from tests.benchmarks.rounds import Answer, ChildError, Progress, Subject, children, median, take_turns
from tests.benchmarks.scale import Scale

_CONTENDERS: Final = "tests.benchmarks.contenders"
_TELEMETRY: Final = {
    "none": "no SDK",
    "unsampled": "ALWAYS_OFF",
    "parent": "below an unsampled span",
    "mismatch": "spans=mismatch",
    "spans": "all spans",
}
_MODES: Final = ("pin", "observe")


def ours(mode: str, telemetry: str, *, watch: bool = True) -> Subject:
    """Name one way to run otel-handoff."""
    name = f"otel-handoff {mode}, {_TELEMETRY[telemetry]}{'' if watch else ', watch off'}"
    return Subject(name, f"{_CONTENDERS}:handoff", {"mode": mode, "telemetry": telemetry, "watch": watch})


BARE: Final = Subject("bare", f"{_CONTENDERS}:bare")
FLOOR: Final = Subject("the floor by hand", "tests.benchmarks.floor:floor")
BY_HAND: Final = Subject("spans by hand", f"{_CONTENDERS}:hand_written")

OTHERS: Final = {
    "opentelemetry-instrumentation-threading": "otel_threading",
    "ddtrace futures": "ddtrace_futures",
    "logfire executors": "logfire",
    "sentry ThreadingIntegration": "sentry",
}
_DEARER_WITHOUT_SPANS: Final = ("logfire executors", "sentry ThreadingIntegration")


def other(name: str, *, spans: bool) -> Subject:
    """Name one of `OTHERS`, which carries its context alone, or makes spans besides."""
    factory = f"{_CONTENDERS}:{OTHERS[name]}"
    return Subject(f"{name}{', and spans' if spans else ''}", factory, {"spans": spans})


OURS: Final = (
    *(ours(mode, "none", watch=False) for mode in _MODES),
    *(ours(mode, telemetry) for telemetry in _TELEMETRY for mode in _MODES),
)

_NO_OP: Final = "no-op, 1 worker"
_ONE_CALL: Final = "one call, 1 worker"
_SHAPES: Final = {
    _NO_OP: {"workers": 1, "calls": 0},
    "no-op, 4 workers": {"workers": 4, "calls": 0},
    _ONE_CALL: {"workers": 1, "calls": 1},
}

_ABOUT: Final = """\
No-op rows through a `ThreadPoolExecutor`, in the shape of ELSPETH's mixin: `accept_row` submits
`self._process_and_complete`, which routes its result through a buffer; in the last column the row also records one
call. Rows are handed over 32 at a time and then waited for. Each contender runs in a process of its own; all of them
take turns, in random order, round by round. CPU seconds of all threads of the process, submitting and working, per
row; median of the rounds; ratio of medians to bare.

Configured: otel-handoff with ELSPETH's five fields, with one call and one result to check, and with watch, where
nothing else is said. Nobody has an exporter or a network: SDK providers have no exporting span processor, logfire sends
nothing and has no console, ddtrace drops what has ended, sentry has no DSN. Where a contender has a tracer, rows are
submitted inside one of its spans, so that there is something to carry; *below an unsampled span* it is that of a
caller, which the SDK's default sampler asks. Before anything is measured each must prove that its context arrives on a
worker; of the contenders only otel-handoff checks ids.

**And spans**: the contender carries its context and makes, in its own way, the spans that otel-handoff has, one for
each row and each call, with as many attributes. By hand they are made where the work is done, and nothing is carried.

**The floor by hand** is what no guard in Python can leave out, done around a bare row and nothing else: a copy of the
context, two context variables set and reset one inside the other, an object for the row in flight, a weak reference,
the frame and the thread that submit, and the clock (`tests/benchmarks/floor.py`). One call more is what a row with a
call costs above one without; the host's own call is in it.
"""

Costs = dict[str, dict[str, float]]
"""Shape -> name -> CPU seconds per row."""


def subjects() -> Sequence[Subject]:
    """Return everything that is compared, bare first."""
    others = (other(name, spans=spans) for spans in (False, True) for name in OTHERS)
    return (BARE, FLOOR, *others, BY_HAND, *OURS)


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
    shapes = {shape: {"rows": scale.rows, **options} for shape, options in _SHAPES.items()}
    with children(subjects()) as running:
        skipped = {child.name: child.skipped for child in running if child.skipped}
        answers = take_turns(running, scale.rounds, shapes, progress)
    part.skipped += [f"{name}: {reason}" for name, reason in skipped.items()]
    for subject in OURS:
        for each in answers.values():
            checked(subject.name, each.get(subject.name, ()), scale.rows)
    costs = {
        shape: {name: median(found, "cpu") / scale.rows for name, found in each.items()}
        for shape, each in answers.items()
    }
    header = ["", *(cell for shape in _SHAPES for cell in (shape, "over bare"))]
    rows = [
        [name, *(cell for each in costs.values() for cell in (micros(each[name]), ratio(each[name] / each["bare"])))]
        for name in costs[_NO_OP]
    ]
    part.tables.append(Table("CPU per row", header, rows))
    part.targets += _targets(costs, skipped)
    return part


def steps(scale: Scale) -> int:
    """Return how many runs it takes."""
    return len(subjects()) * len(_SHAPES) * (scale.rounds + 1)


def _targets(costs: Costs, skipped: dict[str, str]) -> list[Target]:
    no_op, one_call = costs[_NO_OP], costs[_ONE_CALL]
    bare = no_op[BARE.name]

    def over_bare(telemetry: str) -> float:
        return max(no_op[ours(mode, telemetry).name] for mode in _MODES) / bare

    def call_more(telemetry: str) -> float:
        names = [ours(mode, telemetry).name for mode in _MODES]
        return max(one_call[name] - no_op[name] for name in names) / bare

    def dearer_than(name: str, telemetry: str) -> float:
        return max(each[ours(mode, telemetry).name] / each[name] for each in costs.values() for mode in _MODES)

    def target(what: str, limit: float, unit: str, measure: Callable[[], float], floor: float | None = None) -> Target:
        return judged(what, limit, unit, measure, skipped, floor=floor)

    targets: list[Target] = []
    for telemetry, limit in (("none", 1.8), ("unsampled", 2.0), ("parent", 2.0)):
        what, floor = f"guard, {_TELEMETRY[telemetry]}, {_NO_OP}", no_op[FLOOR.name] / bare
        targets.append(target(what, limit, "x bare", partial(over_bare, telemetry), floor))
    for telemetry in ("none", "unsampled", "parent"):
        what = f"one call more, guard, {_TELEMETRY[telemetry]}"
        targets.append(target(what, 0.25, "x bare", partial(call_more, telemetry)))
    for name in OTHERS:
        what, theirs = f"all spans, over {name} with spans", other(name, spans=True).name
        targets.append(target(what, 1.0, "x", partial(dearer_than, theirs, "spans")))
    for name in _DEARER_WITHOUT_SPANS:
        what, theirs = f"guard, ALWAYS_OFF, over {name} without spans", other(name, spans=False).name
        targets.append(target(what, 1.0, "x", partial(dearer_than, theirs, "unsampled")))
    return targets
