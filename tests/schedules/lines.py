"""Runs in which the detector's own code is pre-empted, at any of its lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

import otel_handoff
from tests.schedules.explore import HOSTS, SHARING, Explorer, Outcome, Setting, Total, in_turn
from tests.schedules.program import Act, Call, Nested, Program, Step, Submit, generate
from tests.schedules.scheduler import Threads
from tests.schedules.strategies import Decisions, Priorities, RandomChoice, Strategy

MODULES: Final = (
    "judge/detector",
    "watch/descriptors",
    "watch/writes",
    "handover/lease",
    "handover/handing_back",
    "handover/written",
    "around/shared",
    "around/handoff",
    "handover/transport",
    "around/calls",
    "handover/claims",
    "handover/workers",
    "handover/carry",
    "around/running",
    "around/submit",
    "around/worker",
    "around/loops",
)

_FOLDER: Final = Path(otel_handoff.__file__).parent
_FILES: Final = frozenset(str(_FOLDER / f"{name}.py") for name in MODULES)


def strategy_of(seed: int) -> Strategy:
    """Return the strategy of a seed. There are ten times as many points as between the steps of a row."""
    return RandomChoice(seed, (0.01, 0.05, 0.2, 0.5)) if seed % 2 else Priorities(seed, steps=1500, depth=6)


def run(explorer: Explorer, program: Program, strategy: Strategy) -> Outcome:
    """Run a program, switching at lines of `MODULES` as well as at its own points."""
    threads = Threads(strategy)

    def line(_frame: FrameType, event: str, _arg: object) -> Any:
        if event == "line" and threads.settled:
            threads.pause()
        return line

    def call(frame: FrameType, _event: str, _arg: object) -> Any:
        return line if frame.f_code.co_filename in _FILES else None

    threads.trace = call
    return explorer.run_on(program, threads, exact=False)


def explore(setting: Setting, seeds: range, hosts: Sequence[str] = HOSTS) -> Total:
    """Run the program of each seed, on the hosts in turn."""
    total = Total(setting)
    with Explorer(setting) as explorer:
        warmed: set[str] = set()
        for seed, host in in_turn(seeds, hosts):
            if host not in warmed:
                together = HOSTS if host in HOSTS else (host,)
                warm(explorer, together)
                warmed.update(together)
            total.add(seed, host, run(explorer, program_of(seed, host), strategy_of(seed)))
    return total


def warm(explorer: Explorer, hosts: Sequence[str] = HOSTS) -> None:
    """Let the detector have seen each class of context: the first time it takes other lines."""
    for host in hosts:
        for slots in {False, host != "mixin"}:
            program = dataclasses.replace(program_of(0, host), slots=slots)
            run(explorer, program, Decisions([]))


def program_of(seed: int, host: str) -> Program:
    """Return the program of a seed.

    The pipeline reads an id thrice in `record_call`, and nothing but the detector sees the first two. So there it is
    read by other means, and no worker writes.
    """
    program = generate(seed, host, owns=host != "mixin" and host not in SHARING, two=False)
    return without_methods(program) if host == "mixin" else program


def without_methods(program: Program) -> Program:
    """Return the same program with calls of another kind in place of the context's own."""

    def step(each: Step) -> Step:
        if isinstance(each, Call) and each.how == "method":
            return Call("now", each.fails)
        if isinstance(each, Nested):
            return Nested(tuple(map(step, each.steps)), each.join)
        return each

    def act(each: Act) -> Act:
        return dataclasses.replace(each, steps=tuple(map(step, each.steps))) if isinstance(each, Submit) else each

    return dataclasses.replace(program, submitters=tuple(tuple(map(act, acts)) for acts in program.submitters))


def repeat(setting: Setting, program: Program, decisions: list[int]) -> Outcome:
    """Run a program once more, under recorded decisions."""
    with Explorer(setting) as explorer:
        warm(explorer, HOSTS if program.host in HOSTS else (program.host,))
        return run(explorer, program, Decisions(decisions))
