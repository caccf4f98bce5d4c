"""Functions made of source for one host, as dataclasses make their methods: straight code for what every row does.

Names of ours in such source end in `_`. A traceback shows its lines, and so does `source_of`.
"""

from __future__ import annotations

import functools
import linecache
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, Final, Literal

_MOST: Final = 1_000

FILES: Final[set[str]] = set()
"""What tracebacks have in the place of the files of such functions."""


def made(name: str, source: str, names: Mapping[str, object]) -> Callable[..., Any]:
    """Return the function that `source` defines.

    Args:
        name: what it is made for, as a traceback has it in the place of a file.
        source: one `def`.
        names: what it uses besides builtins.

    Raises:
        SyntaxError: a name in the source is a keyword, say.
    """
    filename = f"<otel-handoff {name}>"
    found: dict[str, Any] = {}
    exec(compiled(source, filename, "exec"), dict(names), found)  # noqa: S102  of names that were checked
    function = next(iter(found.values()))
    if len(linecache.cache) < _MOST:
        linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    FILES.add(filename)
    function.source = source
    return function


@functools.lru_cache(_MOST)
def compiled(source: str, filename: str, mode: Literal["exec", "eval"]) -> CodeType:
    """Return the code of a source. Many boundaries have the same, and compiling is most of what setting them up takes.

    Raises:
        SyntaxError: a name in the source is a keyword, say.
    """
    return compile(source, filename, mode, dont_inherit=True)


def source_of(function: Callable[..., Any]) -> str:
    """Return the source that a function was made of, to read it; empty where it was not made here."""
    return getattr(function, "source", "")
