"""`python -m tests.compat.table [--write]`: the rows that `make test-matrix` left in .matrix/, as a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.compat.floors import floors
from tests.docs.tables import filled

ROOT: Final = Path(__file__).parents[2]
ROWS: Final = ROOT / ".matrix"
PAGE: Final = ROOT / "docs" / "compatibility.md"
BEGIN: Final = "<!-- made by `python -m tests.compat.table --write` -->\n"

_HEAD: Final = """\
| run | Python | OpenTelemetry API | SDK | instrumentation | wrapt | its C extension | passed | skipped | failed |
|---|---|---|---|---|---|---|--:|--:|--:|
"""


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the rows, by the name of their run, as Markdown."""
    return _HEAD + "".join(_line(name, rows[name]) for name in sorted(rows, key=_order))


def _order(name: str) -> tuple[int, str]:
    kinds = ("oldest", "newest", "pure-python", "no-sdk")
    return next((place for place, kind in enumerate(kinds) if name.startswith(kind)), len(kinds)), name


def _line(name: str, row: Mapping[str, Any]) -> str:
    cells = (
        name,
        row["python"],
        row["opentelemetry-api"],
        row["opentelemetry-sdk"] or "none",
        row["opentelemetry-instrumentation"],
        row["wrapt"],
        "yes" if row["c_extension"] else "no",
        f"{row['passed']:,}",
        f"{row['skipped']:,}",
        f"{row['failed'] + row['error']:,}",
    )
    return f"| {' | '.join(cells)} |\n"


def promised() -> str:
    """Return the floors of pyproject.toml, as Markdown."""
    lines = [f"| `{name}` | {floor} |\n" for name, floor in floors(("sdk",)).items()]
    return "| package | at least |\n|---|---|\n" + "".join(lines)


def made(page: str, parts: Iterable[str]) -> str:
    """Return the page with what stands between its marks made anew."""
    return filled(page, BEGIN, *parts)


def main() -> int:
    """Write the page, or print the table; 1 where no rows are there."""
    rows = {path.stem: json.loads(path.read_text("utf-8")) for path in ROWS.glob("*.json")}
    if not rows:
        sys.stderr.write("There are no rows: run `make test-matrix` first.\n")
        return 1
    if "--write" in sys.argv[1:]:
        PAGE.write_text(made(PAGE.read_text("utf-8"), (promised(), table(rows))), "utf-8")
    else:
        sys.stdout.write(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
