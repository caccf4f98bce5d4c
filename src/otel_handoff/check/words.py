"""How things are said: numbers with their nouns, and nothing that a terminal cannot show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from otel_handoff.record.shown import show


def of(count: int, one: str, many: str = "") -> str:
    """Return `1 row`, `1,204 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def and_more(names: Sequence[str], count: int) -> str:
    """Return `a, b, c and 4 more` for the first of `count` names."""
    return ", ".join(names) + (f" and {count - len(names):,} more" if count > len(names) else "")


def printable(line: str) -> str:
    """Return `line` with what does not print escaped as Python does."""
    return line if line.isprintable() else "".join(c if c.isprintable() else show(c)[1:-1] for c in line)


def tell(out: TextIO, line: str, end: str = "\n") -> None:
    """Write `line`; letters that `out` cannot write are escaped: a terminal, or LC_ALL=C, may have none such."""
    encoding = out.encoding or "utf-8"
    out.write(line.encode(encoding, "backslashreplace").decode(encoding) + end)
