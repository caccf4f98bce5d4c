"""What is drawn and told in full: the mismatches, their rows, and the rows around them. The rest is counted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from otel_handoff.report.model import MismatchRecord, Process, Row, Trace

_NEIGHBOURS: Final = 10
"""How many other rows are drawn around an instant of a mismatch, at most."""
_LEAST_PAD: Final = 20_000
_MOST_PAD: Final = 60_000_000_000

Cause = tuple[str, str] | None


@dataclass(frozen=True)
class Limits:
    """How much goes into a page: mismatches in full, and rows in the drawing."""

    mismatches: int
    rows: int

    def less(self) -> Limits:
        """Return limits for a page about two thirds the size."""
        return Limits(max(1, self.mismatches * 2 // 3), max(2, self.rows * 2 // 3))


@dataclass(frozen=True)
class Group:
    """The mismatches of one cause.

    Attributes:
        cause: the culprit's location and field; None where no write is on record.
        mismatches: all of them, in order of time.
        told: those that are told in full.
    """

    cause: Cause
    mismatches: Sequence[MismatchRecord]
    told: Sequence[MismatchRecord]


@dataclass(frozen=True)
class Selection:
    """What is drawn.

    Attributes:
        groups: by cause, the one with most errors first.
        rows: to be drawn, in order of submission.
        pad_ns: what is near: about as long as a row takes, from its submission to its end.
    """

    groups: Sequence[Group]
    rows: Sequence[Row]
    pad_ns: int


def select(trace: Trace, limits: Limits, around: Sequence[str] = ()) -> Selection:
    """Choose within `limits`. `around` are ids: rows that carry one are drawn, too, with what is around them."""
    pad = _pad(trace)
    groups = _groups(trace.mismatches, limits.mismatches)
    keys: list[tuple[Row, list[int]]] = []
    for group in groups:
        for mismatch in group.told:
            other = trace.row_of(mismatch.culprit.submission, mismatch.row) if mismatch.culprit else None
            if other is not None:
                keys.append((other, []))
            keys.append((mismatch.row, _instants(mismatch)))
    wanted = frozenset(around)
    if wanted:
        keys += [(row, _own_instants(row)) for row in trace.rows if wanted & _ids_of(row)]
    drawn = {id(row): row for row, _ in keys}
    for row in _around(trace, keys, pad):
        if len(drawn) >= limits.rows:
            break
        drawn.setdefault(id(row), row)
    rows = sorted(drawn.values(), key=lambda row: row.submission.time_unix_nano)
    return Selection(groups, rows, pad)


def _pad(trace: Trace) -> int:
    whole = [row.end_ns - row.submission.time_unix_nano for row in trace.rows if row.end_ns is not None]
    usual = int(median(whole)) if whole else _LEAST_PAD
    return min(_MOST_PAD, max(_LEAST_PAD, usual))


def _groups(mismatches: Sequence[MismatchRecord], most: int) -> list[Group]:
    by_cause: defaultdict[Cause, list[MismatchRecord]] = defaultdict(list)
    for mismatch in mismatches:
        by_cause[mismatch.cause].append(mismatch)
    ordered = sorted(by_cause.items(), key=lambda item: (-sum(m.is_error for m in item[1]), -len(item[1])))
    # Errors first, and of each cause in turn: no cause crowds another out.
    queues = [sorted(found, key=lambda mismatch: not mismatch.is_error) for _, found in ordered]
    told: set[int] = set()
    for turn in range(max(map(len, queues), default=0)):
        for queue in queues:
            if len(told) < most and turn < len(queue):
                told.add(id(queue[turn]))
        if len(told) >= most:
            break
    return [Group(cause, found, [m for m in found if id(m) in told]) for cause, found in ordered]


def _instants(mismatch: MismatchRecord) -> list[int]:
    instants = [mismatch.submission.time_unix_nano, mismatch.time_unix_nano]
    if mismatch.culprit is not None:
        instants.append(mismatch.culprit.time_unix_nano)
    return instants


def _own_instants(row: Row) -> list[int]:
    return [time for time in (row.submission.time_unix_nano, row.start_ns, row.end_ns) if time is not None]


def _ids_of(row: Row) -> set[str]:
    return {row.trace_id, row.span_id, *(str(value) for value in row.submission.ids.values())}


def _around(trace: Trace, keys: Sequence[tuple[Row, list[int]]], pad: int) -> list[Row]:
    """Rows of the same process that begin, end or are submitted near the instants; the nearest of each first."""
    times: defaultdict[Process, list[tuple[int, int]]] = defaultdict(list)
    for index, row in enumerate(trace.rows):
        times[row.process] += [(time, index) for time in _own_instants(row)]
    for found in times.values():
        found.sort()
    near: dict[int, int] = {}
    for row, instants in keys:
        known = times[row.process]
        for instant in instants:
            first = bisect_left(known, (instant - pad, -1))
            last = bisect_right(known, (instant + pad, len(trace.rows)))
            middle = bisect_left(known, (instant, -1))
            first, last = max(first, middle - _NEIGHBOURS), min(last, middle + _NEIGHBOURS)
            for time, index in known[first:last]:
                near[index] = min(near.get(index, pad), abs(time - instant))
    return [trace.rows[index] for index in sorted(near, key=near.__getitem__)]
