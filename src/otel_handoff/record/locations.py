"""Code locations, cheap to take and resolved only when somebody reads them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath
from types import CodeType
from typing import Any, Final, overload

import wrapt

from otel_handoff.host.made import FILES

_STDLIB: Final = str(Path(logging.__file__).parents[1])


_LOCATION: Final = re.compile(r"(?P<file>.+):(?P<line>\d{1,9}) in (?P<function>.+)")


@dataclass(frozen=True)
class Place:
    """A place in the code of another process, where there is no code object for it.

    Attributes:
        location: `"engine/transform.py:431 in execute"`.
        is_host: whether it is no place in the standard library.
    """

    location: str
    is_host: bool


Frame = tuple[CodeType | Place, int]
"""A code object and the offset of the instruction in it."""

Frames = Sequence[Frame]
"""Innermost first."""


class Stack(Sequence[Frame]):
    """Frames that can be copied, which leaves them as they are, and pickled, which resolves them."""

    __slots__ = ("_frames",)

    def __init__(self, frames: Frames) -> None:
        self._frames = tuple(frames)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Frames: ...
    def __getitem__(self, index: int | slice) -> Frame | Frames:
        return self._frames[index]

    def __len__(self) -> int:
        return len(self._frames)

    def __eq__(self, other: object) -> bool:
        return self._frames == (other._frames if isinstance(other, Stack) else other)

    def __hash__(self) -> int:
        return hash(self._frames)

    def __copy__(self) -> Stack:
        return self

    def __deepcopy__(self, memo: Any) -> Stack:
        return self

    def __reduce__(self) -> tuple[type[Stack], tuple[Frames]]:
        return Stack, (tuple((Place(describe(*frame), _is_host(frame[0])), 0) for frame in self._frames),)


def _sources(folder: Path) -> frozenset[str]:
    return frozenset(str(path) for path in folder.glob("*.py"))


ROOMS: Final = ("around", "declare", "engines", "handover", "host", "judge", "record", "tell", "watch")
"""Folders whose functions a report leaves out. The others' are not ours to hide: the embedded pipeline is a host."""

_PACKAGE: Final = Path(__file__).parents[1]
_OURS: Final = frozenset[str]().union(
    *(_sources(folder) for folder in (_PACKAGE, *(_PACKAGE / room for room in ROOMS), Path(wrapt.__file__).parent))
)


def capture(depth: int, skip: int = 0) -> tuple[tuple[CodeType, int], ...]:
    """Return up to `depth` frames of the host, innermost first, past this package's and wrapt's own.

    Above its caller, `skip` are known to be this package's, and not looked at.
    """
    frame = sys._getframe(1 + skip)  # pyright: ignore[reportPrivateUsage]
    frames: list[tuple[CodeType, int]] = []
    while frame is not None and depth:
        code = frame.f_code
        if code.co_filename not in _OURS and code.co_filename not in FILES:
            frames.append((code, frame.f_lasti))
            depth -= 1
        frame = frame.f_back
    return tuple(frames)


class Past(dict[str, bool]):
    """Whether a file's functions are left out: this package's and wrapt's own, and those in some folders."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        super().__init__()
        self._folders = folders

    def __missing__(self, name: str) -> bool:
        found = self[name] = name in _OURS or name in FILES or name.startswith(self._folders)
        return found

    def capture(self, depth: int) -> tuple[tuple[CodeType, int], ...]:
        """Return up to `depth` frames, innermost first; where all are left out, of those that are not ours."""
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        frames: list[tuple[CodeType, int]] = []
        while frame is not None and depth:
            code = frame.f_code
            if not self[code.co_filename]:
                frames.append((code, frame.f_lasti))
                depth -= 1
            frame = frame.f_back
        return tuple(frames) or capture(depth)


class Site:
    """Where one function of the host's is called from: most often from the same place as before.

    Attributes:
        code: the host's function that did so last.
    """

    __slots__ = ("code",)

    def __init__(self) -> None:
        self.code: CodeType | None = None

    def capture(self, depth: int = 2) -> tuple[tuple[CodeType, int], ...]:
        """Return the frame at `depth` above, alone where it is the host's own; else what leads there, too."""
        frame = sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]
        code = frame.f_code
        if code is not self.code:
            if code.co_filename in _OURS or code.co_filename in FILES or not _is_host(code):
                return capture(3, skip=1)
            self.code = code
        return ((code, frame.f_lasti),)


Places = tuple[Any, ...]
"""Frames one after the other, each as a code object and an offset; ours may be among them."""


def places_of(frames: Frames) -> Places:
    """Return frames in a row."""
    return tuple(chain.from_iterable(frames))


def past_ours(places: Places) -> Frames:
    """Return the host's frames among `places`."""
    frames = zip(places[::2], places[1::2], strict=True)
    return tuple(frame for frame in frames if frame[0].co_filename not in _OURS and frame[0].co_filename not in FILES)


def line_of(code: CodeType, offset: int) -> int:
    """Return the line that the instruction at `offset` belongs to."""
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return line
    return code.co_firstlineno


def _short(code: CodeType) -> str:
    return "/".join(PurePath(code.co_filename).parts[-2:])


# By identity, as hashing a code object goes through all its instructions; the entry keeps the code, and so its id.
_described: Final[dict[tuple[int, int], tuple[CodeType, str]]] = {}
_MOST_DESCRIBED: Final = 1024


def describe(code: CodeType | Place, offset: int) -> str:
    """Return `"engine/transform.py:431 in execute"`."""
    if isinstance(code, Place):
        return code.location
    known = _described.get((id(code), offset))
    if known is None:
        known = code, f"{_short(code)}:{line_of(code, offset)} in {code.co_name}"
        if len(_described) >= _MOST_DESCRIBED:
            _described.clear()
        _described[id(code), offset] = known
    return known[1]


def place_of(frames: Frames) -> tuple[str, int, str] | None:
    """Return file, line and function of where `innermost` says; None where that is not known."""
    found = next((frame for frame in frames if _is_host(frame[0])), frames[0] if frames else None)
    if found is None:
        return None
    code, offset = found
    if isinstance(code, Place):
        parts = _LOCATION.fullmatch(code.location)
        return None if parts is None else (parts["file"], int(parts["line"]), parts["function"])
    return _short(code), line_of(code, offset), getattr(code, "co_qualname", code.co_name)


def of_host(frames: Frames) -> Frames:
    """Return `frames` without those of the standard library: a pool's or thread's say nothing about the host."""
    return tuple(frame for frame in frames if _is_host(frame[0])) or frames


def _is_host(code: CodeType | Place) -> bool:
    if isinstance(code, Place):
        return code.is_host
    return not code.co_filename.startswith(_STDLIB) or "site-packages" in code.co_filename


def innermost(frames: Frames) -> str:
    """Return where the host's part of `frames` begins, or `"unknown"`."""
    for code, offset in frames:
        if _is_host(code):
            return describe(code, offset)
    return describe(*frames[0]) if frames else "unknown"
