"""Code locations, cheap to take and resolved only when somebody reads them."""

from __future__ import annotations

import sys
from pathlib import Path, PurePath
from types import CodeType

import wrapt

Frames = tuple[tuple[CodeType, int], ...]
"""Innermost first: a code object and the offset of the instruction in it."""


def _sources(folder: Path) -> frozenset[str]:
    return frozenset(str(path) for path in folder.glob("*.py"))


# Subfolders are not ours to hide: the embedded pipeline is a host like any other.
_OURS = _sources(Path(__file__).parent) | _sources(Path(wrapt.__file__).parent)


def capture(depth: int) -> Frames:
    """Return up to `depth` frames of the host, innermost first, past this package's and wrapt's own."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    frames: list[tuple[CodeType, int]] = []
    while frame is not None and len(frames) < depth:
        code = frame.f_code
        if code.co_filename not in _OURS:
            frames.append((code, frame.f_lasti))
        frame = frame.f_back
    return tuple(frames)


def line_of(code: CodeType, offset: int) -> int:
    """Return the line that the instruction at `offset` belongs to."""
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno


def describe(code: CodeType, offset: int) -> str:
    """Return `"engine/transform.py:431 in execute"`."""
    short = "/".join(PurePath(code.co_filename).parts[-2:])
    return f"{short}:{line_of(code, offset)} in {code.co_name}"


def innermost(frames: Frames) -> str:
    """Return where `frames` begins, or `"unknown"`."""
    return describe(*frames[0]) if frames else "unknown"
