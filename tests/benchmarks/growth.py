"""Whether the cost grows: with the rows of a process, its workers, the calls of a row, its depth, its mismatches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.benchmarks.handoff_cost import BARE, checked, ours
from tests.benchmarks.results import Part, Table, Target, micros, ratio
from tests.benchmarks.rounds import Progress, Subject, children, interleave, median
from tests.benchmarks.scale import Scale

_GUARD: Final = ours("pin", "none", watch=True)
_SPANS: Final = ours("pin", "spans", watch=True)
_CALM: Final = Subject("clean", "tests.benchmarks.storm:storm", {"wrong": False})
_STORM: Final = Subject("storm", "tests.benchmarks.storm:storm", {"wrong": True})
_SLICES: Final = 100
_WORKERS: Final = (1, 2, 4, 8, 16, 32, 64)
_DEPTHS: Final = (0, 1, 2, 5, 10)
_ROUNDS: Final = 5

_ABOUT: Final = """\
Rows as in the first part, one worker, `pin` with watch. One long process: all rows through one process in slices that
take turns with slices of a bare process, so that a machine that gets slower does not look like growth; the cost of a
tenth is its ratio to bare. Memory is the process's resident set after a garbage collection, after each slice; warm-up
is the first tenth.

Calls: rows that record so many calls, one after the other. Depth: rows whose work goes through so many pool tasks,
each submitted by the one above it, which otel-handoff follows.

The storm: every row records a call under an id that no row has, so that every row is a mismatch, as fast as the
machine makes them, in `observe` with watch, with Python's logging on (a handler that drops what it gets). The host is
not stalled if it still gets 10,000 such rows through in a second. No more than 1,000 mismatches a second are told to
anybody; the others are counted, and `handoff.untold_mismatches` says how many they are.
"""


def measure(scale: Scale, progress: Progress) -> Part:
    """Measure each kind of growth."""
    part = Part("Growth", _ABOUT)
    _long_run(part, scale, progress)
    _workers(part, scale, progress)
    _row_size(part, scale, progress)
    _storm(part, scale, progress)
    return part


def steps(_scale: Scale) -> int:
    """Return how many runs it takes, at any scale."""
    rounds = len(_WORKERS) + 2 * len(_DEPTHS) + 1  # the storm
    return 3 * (_SLICES + 1 + rounds * (_ROUNDS + 1))


def _long_run(part: Part, scale: Scale, progress: Progress) -> None:
    rows = scale.growth_rows // _SLICES
    with children([BARE, _GUARD, _SPANS]) as running:
        answers = interleave(running, _SLICES, {"rows": rows}, progress)
    tenth = _SLICES // 10
    table: list[Sequence[str]] = []
    for subject in (_GUARD, _SPANS):
        found, bare = answers[subject.name], answers[BARE.name]
        checked(subject.name, found, rows)
        first, last = (median(found[at], "cpu") / median(bare[at], "cpu") for at in (slice(tenth), slice(-tenth, None)))
        kept = (found[-1]["rss"] - found[tenth - 1]["rss"]) / (rows * (_SLICES - tenth))
        growth = 100 * (last / first - 1)
        table.append(
            [
                subject.name,
                f"{rows * _SLICES:,}",
                ratio(first),
                ratio(last),
                f"{growth:+.1f} %",
                f"{found[-1]['rss'] / 2**20:.1f} MiB",
                f"{kept:+.3f}",
                str(found[-1]["in_flight"]),
            ]
        )
    header = ["", "rows", "first tenth", "last tenth", "growth", "memory", "bytes per row", "in flight at the end"]
    part.tables.append(Table("One long process", header, table))


def _grid(scale: Scale, progress: Progress, key: str, values: Sequence[int]) -> dict[int, dict[str, float]]:
    """Return value -> subject -> CPU seconds per row."""
    found: dict[int, dict[str, float]] = {}
    with children([BARE, _GUARD, _SPANS]) as running:
        for value in values:
            answers = interleave(running, _ROUNDS, {"rows": scale.rows, key: value}, progress)
            found[value] = {name: median(each, "cpu") / scale.rows for name, each in answers.items()}
    return found


def _workers(part: Part, scale: Scale, progress: Progress) -> None:
    found = _grid(scale, progress, "workers", _WORKERS)
    header = ["workers", *(cell for name in found[1] for cell in _columns(name))]
    part.tables.append(Table("Workers: CPU per row", header, [_row(workers, found[workers]) for workers in _WORKERS]))


def _row_size(part: Part, scale: Scale, progress: Progress) -> None:
    for key, header_of, title in (("calls", "calls", "Calls of a row"), ("nested", "depth", "Depth of a row")):
        found = _grid(scale, progress, key, _DEPTHS)
        header = [header_of, *(cell for name in found[0] for cell in _columns(name))]
        part.tables.append(Table(f"{title}: CPU per row", header, [_row(each, found[each]) for each in _DEPTHS]))
        extra = {each: found[each][_GUARD.name] - found[each][BARE.name] for each in _DEPTHS}
        step = {each: (extra[each] - extra[0]) / each for each in (1, 10)}
        part.tables.append(
            Table(
                f"{title}: what each adds, over bare",
                ["", "with 1", "with 10"],
                [[_GUARD.name, micros(step[1]), micros(step[10])]],
            )
        )


def _columns(name: str) -> Sequence[str]:
    return (name,) if name == BARE.name else (name, "over bare")


def _row(value: int, costs: dict[str, float]) -> Sequence[str]:
    bare = costs[BARE.name]
    cells = [str(value), micros(bare)]
    for name in (_GUARD.name, _SPANS.name):
        cells += [micros(costs[name]), ratio(costs[name] / bare)]
    return cells


def _storm(part: Part, scale: Scale, progress: Progress) -> None:
    with children([BARE, _CALM, _STORM]) as running:
        answers = interleave(running, _ROUNDS, {"rows": scale.mismatches}, progress)
    rows, made = scale.mismatches, scale.mismatches * _ROUNDS
    speed = {name: rows / median(found, "wall") for name, found in answers.items()}
    cost = (median(answers[_STORM.name], "cpu") - median(answers[_CALM.name], "cpu")) / rows
    ends = ("mismatches", "counted", "log_records", "python_records", "untold")
    delivered = {end: sum(answer[end] for answer in answers[_STORM.name]) for end in ends}
    part.tables.append(
        Table(
            "A storm of mismatches",
            [
                "rows a round",
                "bare rows/s",
                "clean rows/s",
                "rows/s, each a mismatch",
                "CPU per mismatch, over a clean row",
            ],
            [
                [
                    f"{rows:,}",
                    *(f"{each:,.0f}" for each in (speed[BARE.name], speed[_CALM.name], speed[_STORM.name])),
                    micros(cost),
                ]
            ],
        )
    )
    part.tables.append(
        Table(
            "What became of its mismatches",
            ["made", "given to the hook", "counted", "log records", "records of Python's log", "only counted"],
            [[f"{made:,}", *(f"{each:,}" for each in delivered.values())]],
        )
    )
    what = "10,000 mismatches a second do not stall the host: seconds for 10,000"
    part.targets.append(Target(what, 1.0, "s", 10_000 / speed[_STORM.name]))
