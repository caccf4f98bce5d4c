"""What a soak has to say."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Final

from tests.schedules.explore import Total
from tests.soak.growth import Sample, grown, settled, slope
from tests.soak.load import Soak

_LIBRARIES: Final = ("opentelemetry-sdk", "wrapt")


def failures(soak: Soak) -> list[str]:
    """Return everything that must not be: where detector and oracle disagree, errors of our own, growth."""
    found = list(soak.faults)
    for mode, total in soak.totals.items():
        found += [f"{mode}: {count} x {what}" for what, count in total.counts.items()]
        for seed, host, outcome in total.failed[:3]:
            found.append(f"{mode}, seed {seed} on {host}: {outcome.failures[0]}")
        if _reports(total, "right") < 0.99 * _reports(total, "named"):
            found.append(f"{mode}: too many culprits are wrong")
        if not _uses(total, "wrong"):
            found.append(f"{mode}: nothing went wrong, so nothing was tried")
    return [*found, *(f"grown: {what}" for what in grown(soak.samples))]


def report(soak: Soak, command: str, seconds: float) -> Iterator[str]:
    """Yield the lines of the report."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    yield f"$ {command}"
    yield f"{platform.python_implementation()} {platform.python_version()}, {libraries}, {os.cpu_count()} cores"
    yield f"{soak.rows:,} rows, {sum(t.schedules for t in soak.totals.values()):,} programs in {seconds:,.0f} s"
    yield ""
    yield f"{'':34}{'observe':>12}{'pin':>12}"
    for name, count in _COUNTS:
        yield f"{name:34}" + "".join(f"{count(total):>12}" for total in soak.totals.values())
    yield ""
    first, last = settled(soak.samples)[0], soak.samples[-1]
    rows = last.rows - first.rows
    yield f"{'after warm-up, over ' + f'{rows:,} rows':34}{'then':>12}{'at the end':>12}{'a row':>12}"
    for name, of in _HELD:
        per_row = slope(settled(soak.samples), of)
        yield f"{name:34}{of(first):>12,}{of(last):>12,}{per_row:>12.4f}"
    yield ""
    found = failures(soak)
    yield from (f"FAILED: {text}" for text in found)
    if not found:
        yield "Detector and oracle agree, no error of our own, and nothing grew."


def _uses(total: Total, column: str) -> int:
    return sum(count for (_, name), count in total.uses.items() if name == column)


def _recall(total: Total) -> str:
    found = _uses(total, "found")
    return _percent(found, found + total.counts["missed"])


def _reports(total: Total, column: str) -> int:
    return sum(count for (_, _, name), count in total.evidence.items() if name == column)


def _percent(part: int, whole: int) -> str:
    # Never rounded up to a hundred.
    return f"{int(100_000 * part / whole) / 1000:.3f} %" if whole else "-"


_COUNTS: Final[Sequence[tuple[str, Callable[[Total], str]]]] = (
    ("rows", lambda total: f"{total.rows:,}"),
    ("uses of ids", lambda total: f"{_uses(total, 'uses'):,}"),
    ("wrong, where that can be told", lambda total: f"{_uses(total, 'wrong'):,}"),
    ("  told", lambda total: f"{_uses(total, 'found'):,}"),
    ("  untold: by copy or vars", lambda total: f"{_uses(total, 'missed') - total.counts['missed']:,}"),
    ("  untold: through the context", lambda total: f"{total.counts['missed']:,}"),
    ("  recall through the context", _recall),
    ("reports", lambda total: f"{_reports(total, 'reports'):,}"),
    ("  false", lambda total: f"{_reports(total, 'reports') - _reports(total, 'true'):,}"),
    ("  precision", lambda total: _percent(_reports(total, "true"), _reports(total, "reports"))),
    ("culprits named", lambda total: f"{_reports(total, 'named'):,}"),
    ("  right", lambda total: _percent(_reports(total, "right"), _reports(total, "named"))),
)

_HELD: Final[Sequence[tuple[str, Callable[[Sample], int]]]] = (
    ("resident memory, bytes", lambda held: held.rss),
    ("allocated blocks", lambda held: held.blocks),
    ("objects of ours", lambda held: held.objects),
    ("threads", lambda held: held.threads),
    ("file descriptors", lambda held: held.fds),
)
