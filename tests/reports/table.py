"""Make the table of docs/reports.md, or say whether it is up to date: `python -m tests.reports.table [--write]`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.docs.tables import DOCS, made, main
from tests.reports.catalogue import REPORTS, Report
from tests.reports.running import MODES, Outcome, outcome

PAGE: Final = DOCS / "reports.md"

_HEAD: Final = (
    "| report | on | shared, and declared as | wrong without | observe: found | pin: left | strict: refused | trace |",
    "|---|---|---|--:|--:|--:|--:|--:|",
)


def lines(reports: Iterable[Report]) -> Iterator[tuple[str, str]]:
    """Yield the name of each report, and its line."""
    chosen = list(reports)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {(each.name, mode): pool.submit(outcome, each.name, mode) for each in chosen for mode in MODES}
    for each in chosen:
        yield each.name, _line(each, *(runs[each.name, mode].result() for mode in MODES))


def _line(report: Report, off: Outcome, observe: Outcome, pin: Outcome, strict: Outcome) -> str:
    cells = (
        f"`{report.name}`<br>" + "<br>".join(map(_linked, report.public)),
        "<br>".join(need.replace("==", " ") for need in report.needs) or "the standard library",
        f"{off.expected.shared}<br>`{observe.declaration}`",
        f"{len(off.wrong)} of {off.records}",
        f"{observe.rightly}" + (f", {observe.falsely} false" if observe.falsely else ""),
        f"{len(pin.wrong)}",
        f"{strict.refused}",
        f"{off.traces} → {observe.traces}",
    )
    return f"| {' | '.join(cells)} |"


def _linked(public: str) -> str:
    repository, _, number = public.partition("#")
    return f"[{public}](https://github.com/{repository}/issues/{number})" if number else public


def _table() -> Iterator[str]:
    yield from _HEAD
    yield from (line for _, line in lines(REPORTS))


def _differently() -> Iterator[str]:
    reasons = {report.module: outcome(report.name, "off").expected.why for report in REPORTS}
    yield from (f"- `{module}`: {why}" for module, why in reasons.items() if why)


TABLES: Final = {"the reports": _table, "what is expected otherwise": _differently}


def made_anew(page: str) -> str:
    """Return the page with its tables made anew."""
    return made(page, TABLES)


def lacking() -> list[str]:
    """Return what some report needs and is not there."""
    return sorted({need for report in REPORTS for need in report.lacks()})


if __name__ == "__main__":
    if lacks := lacking():
        sys.exit(f"{', '.join(lacks)} is not here: make reports")
    sys.exit(main({PAGE: TABLES}))
