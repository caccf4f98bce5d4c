"""Whether a value is counted: written where it was read, by `+=` or the like."""

from __future__ import annotations

from dis import get_instructions
from types import CodeType, FrameType
from typing import Final

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


def _looked_up(code: CodeType, offset: int) -> bool:
    before = ""
    for step in get_instructions(code):
        if step.offset == offset:
            return before.startswith("INPLACE_") or (before.startswith("BINARY_OP") and before.endswith("="))
        if step.opname not in _PASSED_OVER:
            before = f"{step.opname} {step.argrepr}"
    return False
