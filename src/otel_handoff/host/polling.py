"""Whether a function asks an argument again and again how things stand, as its code shows: `while not x.cancelled`.

It may do so itself, or through functions that it passes the argument on to.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Collection, Sequence
from dis import Instruction
from types import FunctionType
from typing import Any, Final, cast

from otel_handoff.host.passing import passed_on

_PAIR: Final = cast("type[Any]", tuple)
_BETWEEN: Final = frozenset(
    {
        *("NOT_TAKEN", "PUSH_NULL", "PRECALL", "CALL", "CALL_METHOD", "CALL_FUNCTION"),
        *("LOAD_CONST", "LOAD_SMALL_INT", "COMPARE_OP", "IS_OP", "CONTAINS_OP", "TO_BOOL", "UNARY_NOT"),
    }
)
"""What stands between an attribute, which may be a method, and the jump that depends on it."""


_DEEP: Final = 3
"""So many functions below the first are looked into."""


def polled(function: Any, argument: str, besides: Collection[str], kind: type | None = None) -> tuple[str, ...]:
    """Return the attributes of an argument by which a loop in a function, or below it, goes on, or ends.

    Args:
        function: of the host's.
        argument: the name of its parameter.
        besides: attributes that are left out.
        kind: the class of the argument, where that is known: its methods are looked into, too.
    """
    found: dict[str, None] = {}
    known: set[tuple[Any, str]] = set()
    level = [(inspect.unwrap(function), argument)]
    for _ in range(_DEEP + 1):
        following: list[tuple[Any, str]] = []
        for each in level:
            if isinstance(each[0], FunctionType) and each not in known:
                known.add(each)
                found.update(dict.fromkeys(_polled(*each, besides)))
                following += passed_on(*each, kind)
        level = following
    return tuple(found)


def _polled(function: FunctionType, argument: str, besides: Collection[str]) -> list[str]:
    if argument not in function.__code__.co_varnames:
        return []
    steps = [step for step in dis.get_instructions(function.__code__) if step.opname != "CACHE"]
    loops = [(step.argval, step.offset) for step in steps if _goes_back(step)]
    return [
        step.argval
        for at, step in enumerate(steps)
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD")
        and step.argval not in besides
        and at
        and _loads(steps[at - 1], argument)
        and any(start <= step.offset <= end for start, end in loops)
        and _decides(steps[at + 1 :])
    ]


def _goes_back(step: Instruction) -> bool:
    return "JUMP" in step.opname and isinstance(step.argval, int) and step.argval < step.offset


def _loads(step: Instruction, name: str) -> bool:
    loaded = step.argval[-1] if isinstance(step.argval, _PAIR) else step.argval  # two are loaded at once
    return step.opname.startswith(("LOAD_FAST", "STORE_FAST_LOAD", "LOAD_DEREF")) and loaded == name


def _decides(steps: Sequence[Instruction]) -> bool:
    return next(
        ("JUMP" in step.opname and "_IF_" in step.opname for step in steps if step.opname not in _BETWEEN), False
    )
