"""What it costs that reads and writes of a row's ids are seen, and what a row in flight holds."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.results import Part, Table, Target
from tests.benchmarks.rounds import Progress, Subject, children, interleave, median
from tests.benchmarks.scale import Scale

_WATCHED: Final = "tests.benchmarks.watched"
_SETUPS: Final = {
    "bare": {"mode": "off"},
    "pin": {"mode": "pin", "watch": True},
    "observe": {"mode": "observe", "watch": True},
    "pin, watch off": {"mode": "pin", "watch": False},
}
_OPERATIONS: Final = {
    "a read in a worker": "read",
    "a read outside of a row": "read_outside",
    "a write in flight": "write",
    "a write outside of a row": "write_outside",
    "a read of another attribute, in a worker": "read_other",
    "a write of another attribute, in flight": "write_other",
    "10 reads, 2 writes and 2 calls": "row",
}
_LIMITS: Final = {"read": 0.16, "write": 0.95, "row": 5.0}
_WATCHING: Final = ("pin", "observe")

_ABOUT: Final = """\
Wall time of one operation on the context, timed in the thread that does it, in a row that is in flight; the empty loop
is taken off (the row's is not); median of rounds that take turns with the bare process. A cost is the difference to
the bare process. Writes are the submitting thread's, to the context that it shares with the row; they store the value
that is there, so the row stays clean. The targets are for CPython 3.13. The last row is the body of one row (its hand-
over is in the part above): the reads and the calls in the worker, the writes on the submitting thread.

No SDK is configured: calls are checked and have no spans. Memory: what Python's allocator traced for rows that wait
in the pool, each with a context of its own, less what the bare process holds for the same rows.
"""


def measure(scale: Scale, progress: Progress) -> Part:
    """Measure the operations, and the memory of rows in flight."""
    part = Part("Watching ids", _ABOUT)
    subjects = [Subject(name, f"{_WATCHED}:operations", options) for name, options in _SETUPS.items()]
    with children(subjects) as running:
        answers = interleave(running, scale.rounds, {"times": scale.operations}, progress)
    spent = {name: {key: median(found, key) for key in _OPERATIONS.values()} for name, found in answers.items()}
    cost = {name: {key: each[key] - spent["bare"][key] for key in each} for name, each in spent.items()}
    part.tables.append(
        Table(
            "Cost of an operation, over the bare one",
            ["", "bare", *list(_SETUPS)[1:]],
            [
                [what, _us(spent["bare"][key]), *(_us(cost[name][key]) for name in list(_SETUPS)[1:])]
                for what, key in _OPERATIONS.items()
            ],
        )
    )
    for what, key in _OPERATIONS.items():
        if key in _LIMITS:
            dearer = max(cost[mode][key] for mode in _WATCHING)
            part.targets.append(Target(what, _LIMITS[key], "us", dearer * 1e6))
    _measure_memory(part, progress)
    return part


def _measure_memory(part: Part, progress: Progress) -> None:
    subjects = [Subject(name, f"{_WATCHED}:memory", options) for name, options in _SETUPS.items()]
    with children(subjects) as running:
        answers = interleave(running, 3, {"rows": 1000}, progress)
    held = {name: median(found, "bytes_per_row") for name, found in answers.items()}
    rows = [
        [name, f"{value:,.0f}", f"{value - held['bare']:,.0f}" if name != "bare" else ""]
        for name, value in held.items()
    ]
    part.tables.append(Table("Bytes of a row in flight", ["", "all", "over bare"], rows))
    dearer = max(held[mode] for mode in _WATCHING) - held["bare"]
    part.targets.append(Target("bytes of a row in flight, over bare", 850, "bytes", dearer))


def steps(scale: Scale) -> int:
    """Return how many runs it takes."""
    return len(_SETUPS) * (scale.rounds + 1 + 4)


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:.3f} us"
