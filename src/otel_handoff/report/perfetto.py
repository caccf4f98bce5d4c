"""The whole trace as Chrome-trace JSON, for ui.perfetto.dev: threads as tracks, hand-offs and mismatches as arrows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, TextIO

from otel_handoff.check.finding import Finding
from otel_handoff.check.reading import as_json
from otel_handoff.check.store import CALL, ROW, Column, Store, unpacked
from otel_handoff.record import semconv
from otel_handoff.report.places import Place, Places, home_of
from otel_handoff.report.scene import Scenes
from otel_handoff.report.tracks import put

_MARK: Final = 1000
"""How long a submission, a write and a use last, in nanoseconds: arrows end in slices only."""

Event = dict[str, Any]


def write_perfetto(out: TextIO, store: Store, findings: Iterable[Finding]) -> None:
    """Write all that was judged. Times count from `otherData.start_unix_nano`, in microseconds.

    Args:
        out: takes the text.
        store: what a judge has settled.
        findings: the mismatches.

    Raises:
        OSError: `out` cannot be written.
    """
    trace = _Trace(store)
    out.write('{"displayTimeUnit": "ns", "traceEvents": [')
    separator = "\n"
    for event in trace.events(findings):
        out.write(separator + as_json(event))
        separator = ",\n"
    out.write(f'\n], "otherData": {{"start_unix_nano": "{trace.start}"}}}}\n')


class _Trace:
    def __init__(self, store: Store) -> None:
        self._db = store.db
        (self.start,) = self._db.execute("SELECT coalesce(min(coalesce(time, start)), 0) FROM spans").fetchone()
        self._places, self._scenes = Places(store), Scenes(store)
        self._processes: dict[tuple[Column, str], int] = {}
        self._threads: dict[tuple[int, str, int], int] = {}
        self._ends: dict[tuple[int, str], list[int]] = {}
        self._arrows = 0
        # One write may have led to many mismatches.
        self._db.execute("CREATE TABLE written (pid, tid, time, name, PRIMARY KEY (pid, tid, time, name))")

    def events(self, findings: Iterable[Finding]) -> Iterator[Event]:
        for span, process, boundary, number, begun, ended, attributes, source in self._db.execute(
            "SELECT id, process, boundary, number, start, end, attributes, source FROM spans WHERE kind = ?"
            " ORDER BY start",
            (ROW,),
        ):
            carried: dict[str, Any] = unpacked(attributes)
            way = self._places.way(process, boundary, number, source)
            start, end, handed = begun + way.behind_ns, ended + way.behind_ns, carried[semconv.SUBMISSION_TIME]
            home, there = self._process(process, way.submitted_at), self._process(process, way.worked_at)
            submitter = self._thread(home, _text(carried, semconv.SUBMISSION_THREAD), 0)
            worker = self._worker(there, _text(carried, semconv.THREAD_NAME), start, end)
            yield self._slice(f"submit #{number}", "submission", submitter, handed, _MARK, {})
            yield self._slice(f"#{number}", "work", worker, start, max(end - start, _MARK), carried)
            yield from self._arrow("hand-off", submitter, handed, worker, start)
            yield from self._calls(span, worker, way.behind_ns)
        for finding in findings:
            if not finding.is_again:
                yield from self._mismatch(finding)
        for (_, name), pid in self._processes.items():
            yield {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name}}
        for (pid, name, _), tid in self._threads.items():
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}

    def _calls(self, row: int, worker: tuple[int, int], behind: int) -> Iterator[Event]:
        for name, start, end, attributes in self._db.execute(
            "SELECT call.name, call.start, call.end, call.attributes FROM under"
            " JOIN spans AS call ON call.id = under.span WHERE under.row = ? AND call.kind = ? ORDER BY call.start",
            (row, CALL),
        ):
            yield self._slice(name, "call", worker, start + behind, max(end - start, 1), unpacked(attributes))

    def _mismatch(self, finding: Finding) -> Iterator[Event]:
        (process,) = self._db.execute(
            "SELECT coalesce(row.process, carrier.process, carrier.trace) FROM spans AS carrier"
            " LEFT JOIN under ON under.span = carrier.id LEFT JOIN spans AS row ON row.id = under.row"
            " WHERE carrier.trace = ? AND carrier.span = ?",
            (finding.trace_id, finding.span_id),
        ).fetchone()
        use, write = self._scenes.acts(finding)
        there = self._process(process, use.place)
        user, used = self._thread(there, f"mismatches on {finding.thread_name or 'unknown thread'}", 0), use.time_ns
        kind = "exposure" if finding.is_exposure else "mismatch"
        yield self._slice(finding.headline, kind, user, used, _MARK, {"outcome": finding.outcome})
        if (culprit := finding.culprit) is not None and write is not None:
            there = self._process(process, write.place)
            writer = self._thread(there, f"writes by {culprit.thread_name or 'unknown thread'}", 0)
            name = f"{culprit.field} = {culprit.value}"
            place = (*writer, write.time_ns, name)
            if self._db.execute("INSERT OR IGNORE INTO written VALUES (?, ?, ?, ?)", place).rowcount:
                yield self._slice(name, "write", writer, write.time_ns, _MARK, {"location": culprit.location})
            yield from self._arrow("culprit", writer, write.time_ns, user, used)

    @property
    def _next(self) -> int:
        """Threads and processes share numbers: a thread with the number of its process is taken for its main one."""
        return len(self._processes) + len(self._threads) + 1

    def _process(self, process: Column, place: Place) -> int:
        # One of which its resource tells nothing is as many as there are traces.
        key, name = (place.key, place.full) if home_of(process) else (process, _name(process))
        return self._processes.setdefault((key, name), self._next)

    def _thread(self, pid: int, name: str, track: int) -> tuple[int, int]:
        return pid, self._threads.setdefault((pid, name, track), self._next)

    def _worker(self, pid: int, name: str, start: int, end: int) -> tuple[int, int]:
        """Work at the same time, of threads of one name, goes to tracks of its own: slices of a track must nest."""
        ends = self._ends.setdefault((pid, name), [])
        return self._thread(pid, name, put(ends, start, end) + 1)

    def _slice(self, name: str, kind: str, thread: tuple[int, int], start: int, duration: int, more: Event) -> Event:
        pid, tid = thread
        place = {"pid": pid, "tid": tid, "ts": self._micro(start), "dur": duration / 1000}
        return {"ph": "X", "name": name, "cat": kind, **place, "args": more}

    def _arrow(
        self, kind: str, source: tuple[int, int], start: int, target: tuple[int, int], end: int
    ) -> Iterator[Event]:
        self._arrows += 1
        for phase, (pid, tid), time in (("s", source, start), ("f", target, end)):
            more = {"bp": "e"} if phase == "f" else {}
            place = {"pid": pid, "tid": tid, "ts": self._micro(time)}
            yield {"ph": phase, "name": kind, "cat": kind, "id": self._arrows, **place, **more}

    def _micro(self, time: int) -> float:
        return (time - self.start) / 1000


def _name(process: Column) -> str:
    """Return how a process is shown: what its resource tells, or the trace that stands for it."""
    if not str(process).startswith("{"):
        return f"trace {process}"
    return ", ".join(str(value) for value in reversed(json.loads(str(process)).values()))


def _text(carried: dict[str, Any], name: str) -> str:
    return str(carried.get(name) or "unknown thread")
