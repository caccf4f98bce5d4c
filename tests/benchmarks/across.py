"""What it costs that rows go to other processes, side by side: `python -m tests.benchmarks.across [celery pool dask]`.

Each contender has a process of its own. They take turns, in random order, and what is told is the median of all rounds.
With `--write`, the table goes into docs/across-processes.md. On a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import Final

from tests.benchmarks.machine import cpu_model
from tests.benchmarks.rounds import Subject, children, interleave, median
from tests.docs.tables import DOCS, filled

PAGE: Final = DOCS / "across-processes.md"
BEGIN: Final = "<!-- made of tests.benchmarks.across -->\n"

_CONTENDERS: Final = ("bare", "otel", "guard", "spans")
_MEASURED: Final = {
    ("celery", "publish"): "Celery, publishing",
    ("celery", "through"): "Celery, publishing and working",
    ("pool", "through"): "`ProcessPoolExecutor`",
    ("dask", "through"): "Dask, `client.submit`",
}


def lines(engines: list[str], rows: int, rounds: int) -> Iterator[str]:
    """Yield the table."""
    yield "| CPU time of all processes | bare, µs a row | OpenTelemetry's own | otel-handoff, no SDK | with spans |"
    yield "|---|---|---|---|---|"
    for engine in engines:
        names = [name for name in _CONTENDERS if name != "otel" or engine == "celery"]
        subjects = [Subject(name, f"tests.benchmarks.engines:{engine}", {"contender": name}) for name in names]
        with children(subjects) as running:
            answers = interleave(running, rounds, {"rows": rows})
            skipped = {child.name: child.skipped for child in running if child.skipped}
        if skipped:
            sys.stderr.write(f"{engine}: {skipped}\n")
        for (measured, key), title in _MEASURED.items():
            if measured == engine and "bare" in answers and answers["bare"]:
                bare = median(answers["bare"], key)
                ratios = (
                    f"{median(answers[name], key) / bare:.2f}" if answers.get(name) else "" for name in _CONTENDERS[1:]
                )
                yield f"| {title} | {bare * 1e6:.0f} | {' | '.join(ratios)} |"


def main() -> None:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engines", nargs="*", metavar="ENGINE", help="celery, pool or dask (all)")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    table = "\n".join(lines(options.engines or ["celery", "pool", "dask"], options.rows, options.rounds)) + "\n"
    sys.stdout.write(table)
    if options.write:
        said = f"{cpu_model()}, load average {load:.1f} at the start, Python {sys.version.split()[0]}, "
        said += f"{options.rounds} rounds of {options.rows} rows; ratios of medians:\n\n"
        PAGE.write_text(filled(PAGE.read_text("utf-8"), BEGIN, said + table), "utf-8")


if __name__ == "__main__":
    main()
