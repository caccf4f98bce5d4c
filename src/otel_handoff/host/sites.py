"""Places in a host's code where a method is looked up only to be called: there nobody has it in hand."""

from __future__ import annotations

import dis
import sys
from types import CodeType, FrameType
from typing import Final

_LOADS: Final = ("LOAD_METHOD", 0) if sys.version_info < (3, 12) else ("LOAD_ATTR", 1)
"""What looks a method up to call it, and the bits that say so in its argument."""


class Sites:
    """The places where one method is called as `instance.name(...)`, as the code there says.

    Attributes:
        at: offset -> the code that has such a call there, of several the one that was there last.
    """

    __slots__ = ("_known", "_most", "_name", "at")

    def __init__(self, name: str) -> None:
        self.at: dict[int, CodeType] = {}
        self._name = name
        self._most = 1_000
        self._known: dict[tuple[int, int], tuple[CodeType, bool]] = {}  # with the code, so that its address stays its

    def is_one(self, frame: FrameType) -> bool:
        """Whether `frame` is about to call what it looks up now, and does nothing else with it."""
        code, offset = frame.f_code, frame.f_lasti
        known = self._known.get((id(code), offset))
        if known is None:
            if len(self._known) >= self._most:  # a host that makes code as it runs
                return False
            known = self._known[id(code), offset] = code, self._calls(code, offset)
        if not known[1]:
            return False
        self.at[offset] = code
        if not self._most:  # meanwhile
            self.close()
        return True

    def close(self) -> None:
        """Know of none any more."""
        self.at.clear()
        self._most = 0
        self._known.clear()

    def _calls(self, code: CodeType, offset: int) -> bool:
        name, bits = _LOADS
        for each in dis.get_instructions(code):
            if each.offset == offset:
                return each.opname == name and each.argval == self._name and (each.arg or 0) & bits == bits
        return False
