"""One lane a thread, with as many tracks as it has rows at the same time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from otel_handoff.report.model import Process, Row


@dataclass
class Lane:
    """A thread of a process; threads of one name share it.

    Attributes:
        process: whose.
        thread_name: which.
        submits: whether something was submitted, or overwritten, by it.
        tracks: rows that it worked on; those of one track do not overlap.
    """

    process: Process
    thread_name: str
    submits: bool = False
    tracks: list[list[Row]] = field(default_factory=list[list[Row]])


def lay_out(rows: Sequence[Row]) -> list[Lane]:
    """Return the lanes of `rows`: by process, the submitting threads first."""
    lanes: dict[tuple[Process, str], Lane] = {}

    def lane(process: Process, name: str) -> Lane:
        return lanes.setdefault((process, name), Lane(process, name))

    for row in rows:
        lane(row.process, row.submission.thread_name).submits = True
        for mismatch in row.mismatches:
            lane(row.process, mismatch.thread_name)
            if mismatch.culprit is not None:
                lane(row.process, mismatch.culprit.thread_name).submits = True
    for row in sorted(rows, key=_start):
        if row.worker is not None:
            _put(lane(row.process, row.worker).tracks, row)
    processes = list(dict.fromkeys(row.process for row in rows))
    return sorted(
        lanes.values(),
        key=lambda lane: (processes.index(lane.process), not lane.submits, natural(lane.thread_name)),
    )


def _put(tracks: list[list[Row]], row: Row) -> None:
    for track in tracks:
        if (track[-1].end_ns or 0) <= _start(row):
            track.append(row)
            return
    tracks.append([row])


def _start(row: Row) -> int:
    return row.start_ns or 0


def natural(name: str) -> Sequence[tuple[int, str]]:
    """Return a key that sorts `worker_2` before `worker_10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _PARTS.findall(name)]


_PARTS = re.compile(r"\d{1,18}|\D+|\d+")


def processes_of(lanes: Iterable[Lane]) -> list[Process]:
    """Return the processes of `lanes`, in order."""
    return list(dict.fromkeys(lane.process for lane in lanes))
