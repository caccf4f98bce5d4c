"""Make the table of docs/what-it-can-say.md, or say if it is out of date: `python -m tests.docs.reasons [--write]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otel_handoff.record.reasons import REASONS
from tests.docs.tables import DOCS, Tables, main

PAGE: Final = DOCS / "what-it-can-say.md"


def table() -> Iterator[str]:
    """Yield the reasons."""
    yield "| reason | what it means | what to do |"
    yield "|---|---|---|"
    for name, reason in REASONS.items():
        yield f"| `{name}` | {reason.meaning} | {reason.advice} |"


PAGES: Final[dict[Path, Tables]] = {PAGE: {"reasons.py": table}}

if __name__ == "__main__":
    sys.exit(main(PAGES))
