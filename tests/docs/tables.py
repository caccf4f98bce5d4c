"""Pages with parts that are made of the code, each between `<!-- made of NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

DOCS = Path(__file__).parents[2] / "docs"

Tables: TypeAlias = Mapping[str, Callable[[], Iterator[str]]]
"""What makes the lines of each part."""


def made(page: str, tables: Tables) -> str:
    """Return the page with its parts made anew.

    Raises:
        KeyError: the page has a part of another name.
    """

    def table(found: re.Match[str]) -> str:
        return "\n".join((found[1], *tables[found[2]](), "<!-- end -->"))

    page, count = re.subn(r"(<!-- made of (.+?) -->)\n.*?<!-- end -->", table, page, flags=re.DOTALL)
    assert count == len(tables)
    return page


END = "<!-- end -->\n"


def filled(page: str, begin: str, *parts: str) -> str:
    """Return the page with these in the place of what stands behind each `begin`, up to `<!-- end -->`."""
    first, *others = page.split(begin)
    return first + "".join(begin + part + END + old.partition(END)[2] for old, part in zip(others, parts, strict=True))


def main(pages: Mapping[Path, Tables]) -> int:
    """Make the pages anew with `--write`, or return 1 if one of them is not what it would be made to."""
    stale = 0
    for path, tables in pages.items():
        old = path.read_text("utf-8")
        new = made(old, tables)
        if "--write" in sys.argv[1:]:
            path.write_text(new, "utf-8")
        elif old != new:
            sys.stderr.write(f"{path} is not up to date\n")
            stale = 1
    return stale
