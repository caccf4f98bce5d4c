"""What a container's runtime or journald puts around the lines of a program that writes to its output."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from otel_handoff.traces.content import LONGEST, WORDS
from otel_handoff.traces.parts import ShapeError

_CRI: Final = re.compile(rb"\d{4}-\d\d-\d\dT\S{1,40} (stdout|stderr) ([FP])\S* (.*)", re.DOTALL)
_PIECE: Final = 16_000
"""Docker splits lines of 16 KiB and more, and says so by no line's end."""


class Logs:
    """Lines of one log, put together where the runtime has split them."""

    def __init__(self) -> None:
        """Begin a file."""
        self._held: dict[bytes, bytearray] = {}

    def line(self, text: bytes) -> bytes | None:
        """Return what a line of CRI's is about, as soon as it is whole: empty until then; None if it is none."""
        found = _CRI.match(text) if text[:1].isdigit() else None
        return None if found is None else self._joined(found[1], found[3].strip(b"\r\n"), is_whole=found[2] == b"F")

    def document(self, entry: Any) -> bytes | None:
        """Return likewise what an entry of Docker's, of those who pass it on, or of journald's is about."""
        if not isinstance(entry, dict):
            return None
        document = cast("dict[str, Any]", entry)
        content = document.get("log", document.get("MESSAGE"))
        if not isinstance(content, str):
            return None
        text = content.encode(errors="replace")
        is_whole = "log" not in document or text.endswith(b"\n") or len(text) < _PIECE
        return self._joined(str(document.get("stream")).encode(errors="replace"), text, is_whole=is_whole)

    def end(self) -> list[bytes]:
        """Return what was never whole."""
        left = [bytes(held) for held in self._held.values()]
        self._held.clear()
        return left

    def _joined(self, stream: bytes, text: bytes, *, is_whole: bool) -> bytes:
        held = self._held.setdefault(stream[:100], bytearray())
        held += text
        if len(held) > LONGEST:
            del self._held[stream[:100]]
            raise ShapeError(f"longer than {LONGEST >> 20} MiB within a log")
        if not is_whole:
            return b""
        del self._held[stream[:100]]
        return bytes(held)


def is_other(text: bytes) -> bool:
    """Whether a line of a log is plainly not of traces: a program says other things, too."""
    return not any(word in text for word in WORDS)
