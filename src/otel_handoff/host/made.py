"""Functions made of source for one host, as dataclasses make their methods: straight code for what every row does.

Names of ours in such source end in `_`. A traceback shows its lines, and so does `source_of`.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from typing import Any, Final

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
    exec(compile(source, filename, "exec", dont_inherit=True), dict(names), found)  # noqa: S102  of names that were checked
    function = next(iter(found.values()))
    if len(linecache.cache) < _MOST:
        linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    FILES.add(filename)
    function.source = source
    return function


def source_of(function: Callable[..., Any]) -> str:
    """Return the source that a function was made of, to read it; empty where it was not made here."""
    return getattr(function, "source", "")
