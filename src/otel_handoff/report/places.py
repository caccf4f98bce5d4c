"""Processes, as far as spans tell them apart: how each is called, and how far its clock is behind.

A row that left is handed over in one process and worked on in another. Where, by their clocks, that was before it was
sent, the far one's is behind by that much at least, and what it did is drawn that much later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

from otel_handoff.check.store import Column, Store
from otel_handoff.record import semconv

# The first time that each was sent: a retry is sent after work has begun.
_BEHIND: Final = """
SELECT process, source, max(coalesce((SELECT min(sent.start) FROM spans AS sent WHERE sent.kind = 'sent'
            AND (sent.process, sent.boundary, sent.number) = (row.process, row.boundary, row.number)
        ), row.time) - row.start)
    FROM spans AS row WHERE row.kind = 'row' AND row.delivery <> 0 GROUP BY process, source
"""
_UUID: Final = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Place:
    """A process.

    Attributes:
        key: tells it from others.
        name: how it is called, in short.
        full: likewise, in full.
    """

    key: str
    name: str
    full: str


@dataclass(frozen=True)
class Sent:
    """That a row left, in nanoseconds since the epoch, and from where."""

    time_ns: int
    place: Place


@dataclass(frozen=True)
class Way:
    """Where a row went.

    Attributes:
        submitted_at: the process that it was handed over in.
        worked_at: that of the work.
        sent: each time that it left, the first one first; none of one that did not.
        behind_ns: by how much the clock of the worker is behind.
    """

    submitted_at: Place
    worked_at: Place
    sent: Sequence[Sent] = ()
    behind_ns: int = 0


class Places:
    """Says of spans in which process they were made."""

    def __init__(self, store: Store) -> None:
        """Ask `store`, which a judge has settled."""
        self._db = store.db

    def of(self, source: int) -> Place:
        """Return the process that exported a span."""
        told = self._db.execute("SELECT service, instance FROM sources WHERE id = ?", (source,)).fetchone()
        service, instance = told or ("", "")
        full = " · ".join(filter(None, (service, instance))) or "a process without a name"
        # The SDK's own word for a service that has none says nothing.
        named = "" if service.startswith("unknown_service") and instance else service
        name = " · ".join(filter(None, (_UUID.sub(r"\1", instance), named))) or full
        return Place(f"source {source}", name, full)

    def sent(self, process: Column, boundary: str, number: int) -> list[Sent]:
        """Return each time that a row left, the first one first."""
        found = self._db.execute(
            "SELECT start, source FROM spans WHERE kind = 'sent' AND (process, boundary, number) = (?, ?, ?)"
            " ORDER BY start LIMIT 20",
            (process, boundary, number),
        )
        home = home_of(process)
        sent: list[Sent] = []
        for start, source in found:
            place = self.of(source)
            if not sent:  # who handed it over says of itself which process it is
                place = Place(place.key, home, f"{home} · {place.full}")
            sent.append(Sent(start, place if not sent or place.key != sent[0].place.key else sent[0].place))
        return sent

    def way(self, process: Column, boundary: str, number: int, source: int) -> Way:
        """Return where a row went whose work `source` exported."""
        home = home_of(process)
        if not home:
            there = self.of(source)
            return Way(there, there)
        sent = self.sent(process, boundary, number)
        submitted_at = sent[0].place if sent else Place(f"home {home}", home, home)
        return Way(submitted_at, self._work(source, sent), sent, self._behind.get((process, source), 0))

    def _work(self, source: int, sent: list[Sent]) -> Place:
        there = self.of(source)
        if sent and sent[0].place.key == there.key:
            # A child that was forked has all that its parent says of itself.
            name = f"a child of {sent[0].place.name}"
            return Place(f"child, {there.key}", name, name)
        return there

    def clocks(self) -> Iterator[tuple[Place, str, int]]:
        """Yield whose clock is behind, behind whose, and by how many nanoseconds at least; ten at most."""
        for (process, source), behind in islice(self._behind.items(), 10):
            yield self.of(source), home_of(process), behind

    @cached_property
    def _behind(self) -> dict[tuple[Column, int], int]:
        return {
            (process, source): behind for process, source, behind in self._db.execute(_BEHIND) if behind and behind > 0
        }


def home_of(process: Column) -> str:
    """Return the process that a row was handed over in and left, as the spans name it; an empty text of one at home."""
    if not isinstance(process, str) or not process.startswith("{"):
        return ""
    home = json.loads(process).get(semconv.SUBMISSION_PROCESS)
    return home if isinstance(home, str) else ""
