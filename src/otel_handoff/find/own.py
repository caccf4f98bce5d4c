"""What is the program's own: no class and no code of Python's, of an installed package, or of ours."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from types import CodeType, FrameType
from typing import Final

INSTALLED: Final = ("site-packages", "dist-packages")
"""Folders of packages that a program uses, and is not."""

_PYTHON: Final = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")})
_OURS: Final = str(Path(__file__).parents[1]) + os.sep
_HOST: Final = os.path.join(_OURS, "demo", "")  # noqa: PTH118  the embedded pipeline is a program like any other
_LOOP: Final = os.path.join("asyncio", "events.py")  # noqa: PTH118
_MOST_CODES: Final = 10_000
_HEAP: Final = 1 << 9
"""Of the flags of a class: whether it was made by a `class` statement. https://docs.python.org/3/c-api/typeobj.html"""

_PLUMBING_WORDS = (
    "abc argparse asyncio builtins codecs collections concurrent contextlib contextvars datetime "
    "decimal enum fractions functools importlib inspect io itertools logging multiprocessing numbers "
    "operator os pathlib queue random re sched select selectors signal socket socketserver ssl string "
    "subprocess tempfile threading time traceback types typing unittest uuid warnings weakref "
    "zoneinfo wrapt opentelemetry otel_handoff pytest _pytest pluggy"
)
_PLUMBING: Final = frozenset(_PLUMBING_WORDS.split())
"""Packages whose objects go across with nearly everything, and say of no row which it is."""

_codes: Final[dict[int, tuple[CodeType, int]]] = {}
_packages: Final[set[str]] = set()
_left_out: Final[set[str]] = set()
_left_out_files: Final[set[str]] = set()


def count_in(package: str) -> None:
    """From now on an installed package counts as the program's own, by its name."""
    _packages.add(package)
    _codes.clear()


def leave_out(module: str) -> None:
    """From now on a module that is loaded does not count as the program's own: what looks at the program itself."""
    _left_out.add(module)
    _left_out_files.add(str(sys.modules[module].__file__))
    _codes.clear()


def is_own_class(cls: type) -> bool:
    """Whether a class is the program's own."""
    return is_own_module(cls.__module__)


def is_of_a_library(cls: type) -> bool:
    """Whether a class is an installed package's, or Python's, whose objects a program may put its ids on."""
    if (
        cls.__module__ in _left_out
        or cls.__flags__ & _HEAP == 0
        or cls.__dictoffset__ == 0
        or type(cls.__module__) is not str
    ):
        return False
    return cls.__module__.partition(".")[0] not in _PLUMBING


def is_own_code(code: CodeType) -> bool:
    """Whether code is the program's own."""
    return _kind_of(code) == _OWN


def own_frame(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame from `frame` outwards that is the program's own; who started a loop is none."""
    while frame is not None:
        kind = _kind_of(frame.f_code)
        if kind:
            return frame if kind == _OWN else None
        frame = frame.f_back
    return None


_OWN, _LOOPS = 1, 2


def _kind_of(code: CodeType) -> int:
    known = _codes.get(id(code))
    if known is None or known[0] is not code:
        if len(_codes) >= _MOST_CODES:
            _codes.clear()
        is_loop = code.co_name == "_run" and code.co_filename.endswith(_LOOP)
        kind = _OWN if _is_own_file(code.co_filename) else _LOOPS if is_loop else 0
        known = _codes[id(code)] = code, kind
    return known[1]


def is_own_module(name: object) -> bool:
    """Whether a module is the program's own, by its name."""
    if type(name) is not str or name in _left_out:
        return False
    if name.partition(".")[0] in _packages or name == "__main__":
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    return type(file) is str and _is_own_file(file)


def _is_own_file(file: str) -> bool:
    if file in _left_out_files:
        return False
    if file.startswith("<"):
        return file == "<string>" and sys.argv[:1] == ["-c"]
    path = os.path.abspath(file)  # noqa: PTH100  no link is followed: what an environment links to is not the program
    parts = Path(path).parts
    if path.startswith(_OURS):
        return path.startswith(_HOST)
    if any(part in INSTALLED for part in parts):
        return any(part in _packages or part.removesuffix(".py") in _packages for part in parts)
    return not path.startswith(_PYTHON)
