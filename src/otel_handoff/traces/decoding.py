"""JSON text as documents, one or several after each other."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Generator, Iterable
from typing import Any, Final

from otel_handoff.traces.parts import Faults

_SPACE: Final = re.compile("[ \\t\\r\\n\ufeff]*")


def documents(text: bytes) -> Iterable[Any]:
    """Return the documents in a text: one, or several after each other.

    Raises:
        ValueError: it is not JSON; some documents may have come before that.
        RecursionError: it is nested too deeply.
    """
    decoded = text.decode("utf-8-sig")  # some editors and shells start a file with a mark
    try:
        found: Iterable[Any] = (json.loads(decoded),)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        found = _one_after_the_other(decoded)
    return map(_mended, found) if b"\\ud" in text or b"\\uD" in text else found


def _one_after_the_other(text: str) -> Generator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while (at := _end_of_space(text, at)) < len(text):
        document, at = decoder.raw_decode(text, at)
        yield document


def _end_of_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at


def _mended(document: Any) -> Any:
    # Half a surrogate pair is valid JSON, but no text: it could be written nowhere.
    return json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))


def tell_twice(text: bytes, faults: Faults) -> None:
    """Note a name that an object in a text has twice: only the last of the two is read."""

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
            faults.add(f"{twice[:40]} comes twice in one object, and only the last is read")
        return found

    decoder, rest, at = json.JSONDecoder(object_pairs_hook=made), text.decode("utf-8-sig"), 0
    while (at := _end_of_space(rest, at)) < len(rest):
        _, at = decoder.raw_decode(rest, at)


def brief(error: ValueError) -> str:
    """Return why a text is not JSON."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is no UTF-8"
    return str(error).partition(";")[0]
