"""Whether a value is counted: written where it was read, by `+=` or the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dis import Instruction, get_instructions
from types import CodeType, FrameType, FunctionType
from typing import Any, Final

from otel_handoff.host.callsites import codes_in

_PASSED_OVER: Final = frozenset({"CACHE", "SWAP", "ROT_TWO", "ROT_THREE", "COPY", "NOP", "EXTENDED_ARG"})
_MOST_KNOWN: Final = 10_000

_known: Final[dict[tuple[int, int], tuple[CodeType, bool]]] = {}


def is_in_place(frame: FrameType) -> bool:
    """Whether what a frame stores to an attribute now is the outcome of an operation in place."""
    code, offset = frame.f_code, frame.f_lasti
    known = _known.get((id(code), offset))
    if known is None or known[0] is not code:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[id(code), offset] = code, _looked_up(code, offset)
    return known[1]


def is_counted_in(space: Mapping[str, Any], name: str, store: str) -> bool:
    """Whether a function of a module writes a name by `+=` or the like; `store` is the instruction that writes it."""
    return any(
        before and step.opname == store and step.argval == name
        for code in _codes_of(space)
        for step, before in _steps(code)
    )


def _codes_of(space: Mapping[str, Any]) -> Iterator[CodeType]:
    for value in list(space.values()):
        members = list(vars(value).values()) if isinstance(value, type) else [value]
        for member in members:
            function = getattr(member, "__func__", member)
            if isinstance(function, FunctionType) and function.__globals__ is space:
                yield from codes_in(function.__code__)


def _looked_up(code: CodeType, offset: int) -> bool:
    return any(before for step, before in _steps(code) if step.offset == offset)


def _steps(code: CodeType) -> Iterator[tuple[Instruction, bool]]:
    # Each, and whether what comes before it is an operation in place.
    before = ""
    for step in get_instructions(code):
        yield step, before.startswith("INPLACE_") or (before.startswith("BINARY_OP") and before.endswith("="))
        if step.opname not in _PASSED_OVER:
            before = f"{step.opname} {step.argrepr}"
