# ruff: noqa: T201  a command prints
"""`python -m tests.schedules`: explores for longer than a test does, and makes the table."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.schedules import batches
from tests.schedules.explore import HOSTS, SETTINGS, SHAPES, Part, Setting, Total, explore_part, seen, smallest
from tests.schedules.table import markdown

_CHUNK: Final = 500
_CLEAN: Final = tuple(setting for setting in SETTINGS if setting.watch)


def main(arguments: Sequence[str] | None = None) -> int:
    """Explore; 1 if something failed that must not with watch on."""
    parser = argparse.ArgumentParser(prog="python -m tests.schedules", description=__doc__)
    parser.add_argument("--n", type=int, default=20_000, help="schedules for each mode, with and without watch")
    parser.add_argument("--seed", type=int, default=1, help="where the seeds start: at a million times this")
    parser.add_argument("--clean", type=int, default=0, help="rows of clean schedules, over all modes with watch")
    parser.add_argument("--host", choices=("all", "generic", "mixin", "variants"), default="all")
    parser.add_argument("--table", type=Path, help="the Markdown file to write")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count(), help="processes")
    options = parser.parse_args(arguments)
    hosts = {"all": HOSTS, "generic": HOSTS[:2], "mixin": HOSTS[2:], "variants": ()}[options.host]
    variants = SHAPES if options.host in ("all", "variants") else ()
    start = options.seed * 1_000_000
    parts = [
        part for setting in SETTINGS for part in _parts(setting, start, options.n, (*hosts, *seen(variants, setting)))
    ]
    schedules = options.clean // len(_CLEAN) * 2 // 7 + 1 if options.clean else 0  # of 3.5 rows, on average
    clean_parts = [
        part for setting in _CLEAN for part in _parts(setting, start, schedules, (*hosts, *variants), clean=True)
    ]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        totals = _sum(pool.imap_unordered(explore_part, parts), SETTINGS, "schedules")
        clean = _sum(pool.imap_unordered(explore_part, clean_parts), _CLEAN, "clean schedules") if clean_parts else []
        several = list(pool.imap_unordered(batches.explore, _batches(start, options.n, clean=bool(options.clean))))
    command = "python -m tests.schedules " + " ".join(sys.argv[1:] if arguments is None else arguments)
    page = markdown(totals, clean, several, command.strip())
    print(page)
    if options.table:
        options.table.write_text(page)
    failed = [total for total in (*totals, *clean) if total.setting.watch and total.counts]
    for total in failed:
        print(smallest(total), file=sys.stderr)
    faults = [f"{found.part.kind}, {found.part.mode}, {text}" for found in several for text in found.failures]
    print(*faults[:20], sep="\n", file=sys.stderr)
    return 1 if failed or faults else 0


def _batches(start: int, count: int, *, clean: bool) -> Iterable[batches.Part]:
    for kind in batches.KINDS:
        for mode in batches.MODES:
            for first in range(start, start + count, 10 * _CHUNK):
                seeds = range(first, min(first + 10 * _CHUNK, start + count))
                yield batches.Part(kind, mode, seeds)
                if clean:
                    yield batches.Part(kind, mode, seeds, clean=True)


def _parts(setting: Setting, first: int, count: int, hosts: tuple[str, ...], *, clean: bool = False) -> list[Part]:
    last = first + count
    return [Part(setting, at, min(at + _CHUNK, last), hosts, clean) for at in range(first, last, _CHUNK)]


def _sum(parts: Iterable[Total], settings: Sequence[Setting], what: str) -> list[Total]:
    totals = {setting: Total(setting) for setting in settings}
    begin = time.monotonic()
    for part in parts:
        totals[part.setting].merge(part)
        done = sum(total.schedules for total in totals.values())
        rows = sum(total.rows for total in totals.values())
        counts = sum(
            (total.counts for total in totals.values() if total.setting.watch), start=Total(settings[0]).counts
        )
        seconds = time.monotonic() - begin
        print(f"\r{done:,} {what}, {rows:,} rows, {seconds:.0f} s, with watch: {dict(counts)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return list(totals.values())


if __name__ == "__main__":
    sys.exit(main())
