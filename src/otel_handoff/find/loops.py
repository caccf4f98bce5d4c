"""Whether a worker reads something whenever it has changed, as a loop that waits for it does."""

from __future__ import annotations

from dis import get_instructions, hasjabs, hasjrel
from functools import lru_cache
from types import CodeType, FrameType
from typing import Final

_MANY: Final = 3
_MOST_KNOWN: Final = 1_000
_JUMPS: Final = frozenset({*hasjabs, *hasjrel})


class Reads:
    """What one worker reads at one place, called in one way, as marks."""

    __slots__ = ("_changes", "_frame", "_value")

    def __init__(self) -> None:
        self._value: int | None = None
        self._frame: int = 0
        self._changes: int = 0

    def go_on(self, value: int, frame: FrameType) -> bool:
        """Note one more; return whether it is read again as it has changed: by a call that goes round, or many."""
        is_first, is_another, is_one_call = self._value is None, value != self._value, id(frame) == self._frame
        self._value, self._frame = value, id(frame)
        if is_first or not is_another:
            return False
        self._changes += 1
        # Where no call goes round, the next may have the identity of one that is over.
        return self._changes >= _MANY or (is_one_call and goes_round(frame.f_code, frame.f_lasti))


@lru_cache(_MOST_KNOWN)
def goes_round(code: CodeType, offset: int) -> bool:
    """Whether what is at that place may run again within one call."""
    jumps = (step for step in get_instructions(code) if step.opcode in _JUMPS)
    return any(step.argval <= offset <= step.offset for step in jumps)
