"""What becomes of a value that is read, as far as the bytecode of the statement shows it."""

from __future__ import annotations

import dis
from collections.abc import Iterator, Sequence
from types import CodeType
from typing import Any, Final, NamedTuple, cast

TAKEN, ALONE, COMPARED, SHOWN = range(4)
"""It is used beside something else that the function has, or goes on from there; by itself; it is only compared; it is
printed or logged, beside something else."""

_COMPARES: Final = frozenset({"COMPARE_OP", "IS_OP", "CONTAINS_OP"})
_PASSED_OVER: Final = frozenset({"CACHE", "NOP", "EXTENDED_ARG", "TO_BOOL", "UNARY_NOT"})
_READS: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_LOADS: Final = ("LOAD_FAST", "LOAD_DEREF")
_KEEPS: Final = ("STORE_FAST", "STORE_DEREF")
_ENDS: Final = ("STORE_", "POP_TOP", "RETURN_", "YIELD_", "POP_JUMP_", "JUMP_", "FOR_ITER", "RAISE_", "RESUME")
_IS_OVER: Final = ("POP_TOP", "STORE_ATTR", "STORE_SUBSCR")
_MOST_KNOWN: Final = 10_000
_LOGS: Final = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
_LOGGERS: Final = frozenset({"log", "logger", "logging"})
_PAIR: Final = cast("type[Any]", tuple)

_known: Final[dict[tuple[int, int], tuple[CodeType, int]]] = {}


class _Step(NamedTuple):
    kind: str
    value: Any
    effect: int
    offset: int


def use_of(code: CodeType, offset: int) -> int:
    """Return what becomes of what code reads at an offset; `TAKEN` where it does not show."""
    known = _known.get((id(code), offset))
    if known is None or known[0] is not code:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[id(code), offset] = code, _looked_up(code, offset)
    return known[1]


def _looked_up(code: CodeType, offset: int) -> int:
    steps = list(_steps(code))
    at = next((number for number, step in enumerate(steps) if step.offset == offset), -1)
    if at < 0 or steps[at].kind not in _READS:
        return TAKEN
    if _is_compared(steps, at, frozenset()):
        return COMPARED
    if _is_alone(steps, at):
        return ALONE
    return SHOWN if _is_shown(steps, at) else TAKEN


def _steps(code: CodeType) -> Iterator[_Step]:
    for step in dis.get_instructions(code):
        if step.opname in _PASSED_OVER:
            continue
        if isinstance(step.argval, _PAIR) and step.opname.startswith(("LOAD_FAST", "STORE_FAST")):
            # Two in one: `LOAD_FAST_LOAD_FAST`, `STORE_FAST_LOAD_FAST`.
            first, second = step.opname[: len(step.opname) // 2], step.opname[len(step.opname) // 2 :].strip("_")
            for kind, name in zip((first, second), step.argval, strict=True):
                yield _Step(kind, name, 1 if kind.startswith("LOAD") else -1, step.offset)
            continue
        yield _Step(step.opname, step.argval, dis.stack_effect(step.opcode, step.arg, jump=False), step.offset)


def _is_compared(steps: Sequence[_Step], at: int, followed: frozenset[str]) -> bool:
    # Whether what lies on the stack after a step is compared or tested, and nothing else; `above` are on top of it.
    above = 0
    for step in steps[at + 1 :]:
        if step.kind in _READS and not above:
            continue  # what is on it
        if step.kind in _COMPARES and above <= 1:
            return True
        if step.kind.startswith("POP_JUMP_") and not above:
            return True
        if step.kind.startswith(_KEEPS) and not above:
            return step.value not in followed and _is_compared_later(steps, step.value, followed | {step.value})
        if step.kind.startswith(_ENDS) or (step.effect <= 0 and 1 - step.effect > above):
            return False
        above += step.effect
    return False


def _is_compared_later(steps: Sequence[_Step], name: str, followed: frozenset[str]) -> bool:
    # The same of a variable that it is kept in, wherever that is read.
    loads = [number for number, step in enumerate(steps) if step.kind.startswith(_LOADS) and step.value == name]
    return bool(loads) and all(_is_compared(steps, number, followed) for number in loads)


def _is_alone(steps: Sequence[_Step], at: int) -> bool:
    # Whether the statement names no variable but the one that has the attribute, and nothing of it is kept.
    owner = steps[at - 1]
    if not owner.kind.startswith(_LOADS):
        return False
    inside, end = _statement(steps, at)
    if not end.startswith(_IS_OVER):
        return False
    return all(step.value == owner.value for step in inside if step.kind.startswith(_LOADS))


def _is_shown(steps: Sequence[_Step], at: int) -> bool:
    # Whether the statement is one call, of `print` or of a logger's method.
    inside, end = _statement(steps, at)
    if end != "POP_TOP" or sum(step.kind.startswith("CALL") for step in inside) != 1:
        return False
    names = [str(step.value) for step in inside if step.kind != "PUSH_NULL"]
    if names[0] == "print":
        return True
    method = next((number for number, name in enumerate(names) if name in _LOGS and number), 0)
    return bool(method) and names[method - 1].strip("_").lower() in _LOGGERS


def _statement(steps: Sequence[_Step], at: int) -> tuple[Sequence[_Step], str]:
    # What is in it, and what ends it.
    first = next((number for number in range(at - 1, -1, -1) if steps[number].kind.startswith(_ENDS)), -1)
    last = next((number for number in range(at, len(steps)) if steps[number].kind.startswith(_ENDS)), at)
    return steps[first + 1 : last], steps[last].kind
