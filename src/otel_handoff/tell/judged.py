"""How many rows were judged and found in order that have no span: one span says it for all of them, now and then."""

from __future__ import annotations

from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Tracer

from otel_handoff.host.guard import Tally, guard
from otel_handoff.record import semconv

ROWS: Final = 1_000
"""After so many it is said again."""
NANOSECONDS: Final = 10_000_000_000
"""After so long, too, as soon as a row is done."""


class Judged:
    """Counts the rows of one boundary, without a lock. Nobody who reads spans can know of them otherwise."""

    def __init__(self, boundary: str, tracer: Tracer) -> None:
        """Say it with `tracer`."""
        self._boundary = boundary
        self._tracer = tracer
        self._rows = Tally()
        self._unwatched = Tally()
        self._lost = Tally()
        self._told = 0, 0, 0
        self._due = 0
        self._due_ns = 0
        self._turn: list[None] = [None]

    def add(self, begun_ns: int, *, unwatched: bool) -> None:
        """A row in order is done that was begun at `begun_ns`; `unwatched`: not all of its reads were seen."""
        if unwatched:
            self._unwatched.add()
        number = self._rows.add()
        if number >= self._due or begun_ns >= self._due_ns:
            self._tell_again(number, begun_ns)

    def lose(self, begun_ns: int) -> None:
        """A row disagrees, or was not judged, and has no span that is sampled."""
        self._lost.add()
        if begun_ns >= self._due_ns:
            self._tell_again(self._rows.value, begun_ns)

    def _tell_again(self, number: int, begun_ns: int) -> None:
        self._due, self._due_ns = number + ROWS, begun_ns + NANOSECONDS
        self.tell()

    def tell(self) -> None:
        """Say how many there were since it was said last, in a trace of its own; what is not sampled is said again."""
        try:
            self._turn.pop()
        except IndexError:  # another thread says it
            return
        try:
            with guard:
                self._tell()
        finally:
            self._turn.append(None)

    def _tell(self) -> None:
        now, told = self._now(), self._told
        rows, unwatched, lost = (count - before for count, before in zip(now, told, strict=True))
        if not (rows or lost):
            return
        span = self._tracer.start_span(f"judged {self._boundary}", Context(), SpanKind.INTERNAL)
        if span.is_recording():
            span.set_attributes({semconv.BOUNDARY: self._boundary, semconv.JUDGED_ROWS: rows})
            if unwatched:
                span.set_attribute(semconv.JUDGED_UNWATCHED, unwatched)
            if lost:
                span.set_attribute(semconv.JUDGED_LOST, lost)
            self._told = now
        span.end()

    def forget(self) -> None:
        """What was counted is another process's, of which this one is a fork."""
        self._told, self._turn = self._now(), [None]

    def _now(self) -> tuple[int, int, int]:
        return self._rows.value, self._unwatched.value, self._lost.value
