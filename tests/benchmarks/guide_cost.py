"""What a row costs in each of the shapes of the guide."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.guide import BURST, HOSTS, Batch, Plain, Tasks
from tests.benchmarks.handoff_cost import checked
from tests.benchmarks.results import Part, Table, Target, micros
from tests.benchmarks.rounds import Answer, Progress, Subject, children, interleave, median
from tests.benchmarks.scale import Scale

_MODES: Final = ("bare", "pin", "observe")
_NAME_OF: Final = {kind: name for name, kind in HOSTS.items()}

_ABOUT: Final = f"""\
The shapes of [Which shape is your program?](shapes.md), each declared as it says, with watch and without an SDK: one
thread, {BURST} rows at a time, each of which reads an id and files one call under it. CPU seconds of all threads per
row; medians of rounds in which bare, `pin` and `observe` take turns, each in a process of its own. *More* is what a row
costs beyond the bare one. In the first shape no submit function is named; where one is, a row is cheaper (see above).
A batch's row is one of four that are handed over together.
"""


def _subject(name: str, mode: str) -> Subject:
    return Subject(f"{name}, {mode}", "tests.benchmarks.guide:shape", {"name": name, "mode": mode})


def measure(scale: Scale, progress: Progress) -> Part:
    """Measure each shape, one after another."""
    part = Part("Each shape", _ABOUT)
    rows: list[list[str]] = []
    more: dict[str, dict[str, float]] = {}
    for name in HOSTS:
        with children([_subject(name, mode) for mode in _MODES]) as running:
            answers = interleave(running, scale.rounds, {"rows": scale.rows}, progress)
        handed = scale.rows // 4 if name == _NAME_OF[Batch] else scale.rows
        for mode in _MODES[1:]:
            checked(f"{name}, {mode}", answers[f"{name}, {mode}"], handed)
        spent = {mode: _per_row(answers[f"{name}, {mode}"], scale.rows) for mode in _MODES}
        more[name] = {mode: spent[mode] - spent["bare"] for mode in _MODES[1:]}
        rows.append([name, micros(spent["bare"]), *(micros(each) for each in more[name].values())])
    part.tables.append(Table("CPU per row", ["", "bare", *(f"{mode}, more" for mode in _MODES[1:])], rows))
    tasks, plain = more[_NAME_OF[Tasks]], more[_NAME_OF[Plain]]
    dearest = max(tasks[mode] / plain[mode] for mode in _MODES[1:])
    part.targets.append(Target("a coroutine's row, over a thread's", 1.0, "x", dearest))
    return part


def _per_row(answers: list[Answer], rows: int) -> float:
    return median(answers, "cpu") / rows


def steps(scale: Scale) -> int:
    """Return how many runs it takes."""
    return len(HOSTS) * len(_MODES) * (scale.rounds + 1)
