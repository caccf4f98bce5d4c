"""Code locations, cheap to take and resolved only when somebody reads them."""

from __future__ import annotations

import logging
import sys
from pathlib import Path, PurePath
from types import CodeType
from typing import Final

import wrapt

_STDLIB: Final = str(Path(logging.__file__).parents[1])

Frames = tuple[tuple[CodeType, int], ...]
"""Innermost first: a code object and the offset of the instruction in it."""


def _sources(folder: Path) -> frozenset[str]:
    return frozenset(str(path) for path in folder.glob("*.py"))


_ROOMS: Final = ("around", "declare", "handover", "host", "judge", "record", "tell", "watch")
_PACKAGE: Final = Path(__file__).parents[1]

# Other subfolders are not ours to hide: the embedded pipeline is a host like any other.
_OURS = frozenset[str]().union(
    *(_sources(folder) for folder in (_PACKAGE, *(_PACKAGE / room for room in _ROOMS), Path(wrapt.__file__).parent))
)


def capture(depth: int, skip: int = 0) -> Frames:
    """Return up to `depth` frames of the host, innermost first, past this package's and wrapt's own.

    Above its caller, `skip` are known to be this package's, and not looked at.
    """
    frame = sys._getframe(1 + skip)  # pyright: ignore[reportPrivateUsage]
    frames: list[tuple[CodeType, int]] = []
    while frame is not None and depth:
        code = frame.f_code
        if code.co_filename not in _OURS:
            frames.append((code, frame.f_lasti))
            depth -= 1
        frame = frame.f_back
    return tuple(frames)


def line_of(code: CodeType, offset: int) -> int:
    """Return the line that the instruction at `offset` belongs to."""
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno


# By identity, as hashing a code object goes through all its instructions; the entry keeps the code, and so its id.
_described: Final[dict[tuple[int, int], tuple[CodeType, str]]] = {}
_MOST_DESCRIBED: Final = 1024


def describe(code: CodeType, offset: int) -> str:
    """Return `"engine/transform.py:431 in execute"`."""
    known = _described.get((id(code), offset))
    if known is None:
        short = "/".join(PurePath(code.co_filename).parts[-2:])
        known = code, f"{short}:{line_of(code, offset)} in {code.co_name}"
        if len(_described) >= _MOST_DESCRIBED:
            _described.clear()
        _described[id(code), offset] = known
    return known[1]


def of_host(frames: Frames) -> Frames:
    """Return `frames` without those of the standard library: a pool's or thread's say nothing about the host."""
    return tuple(frame for frame in frames if not _is_stdlib(frame[0].co_filename)) or frames


def _is_stdlib(filename: str) -> bool:
    return filename.startswith(_STDLIB) and "site-packages" not in filename


def innermost(frames: Frames) -> str:
    """Return where the host's part of `frames` begins, or `"unknown"`."""
    for code, offset in frames:
        if not _is_stdlib(code.co_filename):
            return describe(code, offset)
    return describe(*frames[0]) if frames else "unknown"
