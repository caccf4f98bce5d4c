"""What is known of a row that did not go by the book. Most rows have nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_handoff.locations import Frames

if TYPE_CHECKING:
    from otel_handoff.writes import RawWrite


@dataclass(frozen=True)
class Sighting:
    """A wrong read whose consequence is not known yet: a call or a result may follow, or the end of the work."""

    observed: Mapping[str, object]
    prevented: bool
    thread_name: str
    time_unix_nano: int
    frames: Frames
    torn: bool = False


class Findings:
    """What a row's worker did, and what was reported of it.

    Attributes:
        own: what the worker itself wrote: attribute -> its writes, oldest first.
        noted: thread -> the ids that were taken there for the next call.
        sightings: wrong reads of which it is not yet known what became of them.
        sources: (spared or read, field, value) -> the write that was read.
        spared: the wrong ids (field, value) that a pinned worker would have read.
        told: the wrong ids of which it was reported what became of them: reading them again is no news.
        moved: field -> what the context held when the work began, where that differed.
        moved_later: the same when the row was done.
        reported: keys of the mismatches already reported.
    """

    __slots__ = ("moved", "moved_later", "noted", "own", "reported", "sightings", "sources", "spared", "told")

    def __init__(self) -> None:
        self.own: dict[str, list[RawWrite]] = {}
        self.noted: dict[int, Mapping[str, object]] = {}
        self.sightings: dict[object, Sighting] = {}
        self.sources: dict[tuple[bool, str, object], RawWrite] = {}
        self.spared: set[tuple[str, object]] = set()
        self.told: set[tuple[str, object]] = set()
        self.moved: dict[str, object] = {}
        self.moved_later: dict[str, object] = {}
        self.reported: set[object] = set()
