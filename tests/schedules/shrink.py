"""Makes a failing run small: fewer submitters, acts, steps and switches, as long as it fails in the same way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from tests.schedules.program import Nested, Program, Submit

T = TypeVar("T")
Fails = Callable[[Program, Sequence[int]], bool]


def shrink(program: Program, decisions: Sequence[int], fails: Fails, tries: int = 3000) -> tuple[Program, list[int]]:
    """Return a smaller program and schedule that still fail, after at most `tries` runs."""
    left = [tries]
    best, schedule = program, list(decisions)
    improved = True
    while improved and left[0] > 0:
        improved = False
        for smaller in _smaller_programs(best):
            if _try(smaller, schedule, fails, left):
                best, improved = smaller, True
                break
        else:
            for shorter in _simpler_schedules(schedule):
                if _try(best, shorter, fails, left):
                    schedule, improved = shorter, True
                    break
    return best, schedule


def _try(program: Program, decisions: Sequence[int], fails: Fails, left: list[int]) -> bool:
    left[0] -= 1
    return left[0] >= 0 and fails(program, decisions)


def _smaller_programs(program: Program) -> Generator[Program]:
    for submitters in _without_one(program.submitters):
        if submitters:
            yield dataclasses.replace(program, submitters=submitters)
    for number, acts in enumerate(program.submitters):
        for fewer in _smaller_acts(acts):
            submitters = (*program.submitters[:number], fewer, *program.submitters[number + 1 :])
            yield dataclasses.replace(program, submitters=submitters)
    if program.workers > 1:
        yield dataclasses.replace(program, workers=1)


def _smaller_acts(acts: tuple[T, ...]) -> Generator[tuple[T, ...]]:
    yield from _without_one(acts)
    for number, act in enumerate(acts):
        for smaller in _smaller_act(act):
            yield (*acts[:number], smaller, *acts[number + 1 :])


def _smaller_act(act: T) -> Generator[T]:
    if isinstance(act, (Submit, Nested)):
        for steps in _smaller_acts(act.steps):
            yield dataclasses.replace(act, steps=steps)
    if isinstance(act, Submit):
        for name in ("fresh", "callback"):
            if getattr(act, name):
                yield dataclasses.replace(act, **{name: False})


def _without_one(items: tuple[T, ...]) -> Generator[tuple[T, ...]]:
    for number in range(len(items)):
        yield (*items[:number], *items[number + 1 :])


def _simpler_schedules(decisions: list[int]) -> Generator[list[int]]:
    end = max((number + 1 for number, choice in enumerate(decisions) if choice), default=0)
    if end < len(decisions):
        yield decisions[:end]
    size = end
    while size >= 1:
        for start in range(0, end, size):
            part = decisions[start : start + size]
            if any(part):
                yield [*decisions[:start], *[0] * len(part), *decisions[start + size : end]]
                yield [*decisions[:start], *decisions[start + size : end]]
        size //= 2
    for number in range(end):
        if decisions[number] > 1:
            yield [*decisions[:number], 1, *decisions[number + 1 : end]]


def same_failure(outcome_failures: Sequence[str], kind: str) -> bool:
    """Whether one of the failures starts as `kind` does."""
    return any(text.startswith(kind) for text in outcome_failures)
