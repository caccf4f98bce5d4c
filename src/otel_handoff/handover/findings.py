"""What is known of a row that did not go by the book. Most rows have nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from otel_handoff.handover.along import Step
from otel_handoff.handover.written import RawWrite
from otel_handoff.host.ids import key_of, same, value_of
from otel_handoff.record.locations import Frames
from otel_handoff.record.submission import Submission

_MOST_SIGHTINGS: Final = 64


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
        kept: what a pinned worker wrote last to its copy: attribute -> the value.
        own: what the worker itself wrote: attribute of the context, or step below -> its writes, oldest first.
        sightings: wrong reads of which it is not yet known what became of them.
        sources: (spared or read, field, value) -> the write that was read.
        seen: the wrong ids (field, value) that the worker has read.
        spared: the wrong ids (field, value) that a pinned worker would have read.
        told: the wrong ids of which it was reported what became of them: reading them again is no news.
        moved: field -> what the context held when the work began, where that differed.
        moved_later: the same when the row was done.
        changed: the same of fields whose object was changed in place, and is another row's by now.
        changed_before: the same when the work began.
        reported: keys of the mismatches already reported.
        vague: whether something was not judged, as nothing says which row it is.
        left_on_copy: what the worker left on its copy, and the submitter does not get.
        unlinked: submissions whose writes were told, and whose rows had no span by then.
        left: whether it is told that something which outlived the row reads its context.
    """

    __slots__ = (
        "changed",
        "changed_before",
        "kept",
        "left",
        "left_on_copy",
        "moved",
        "moved_later",
        "own",
        "reported",
        "seen",
        "sightings",
        "sources",
        "spared",
        "told",
        "unlinked",
        "vague",
    )

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}
        self.own: dict[str | Step, list[RawWrite]] = {}
        self.sightings: dict[object, Sighting] = {}
        self.sources: dict[tuple[bool, str, object], RawWrite] = {}
        self.seen: set[tuple[str, object]] = set()
        self.spared: set[tuple[str, object]] = set()
        self.told: set[tuple[str, object]] = set()
        self.moved: dict[str, object] = {}
        self.moved_later: dict[str, object] = {}
        self.changed: dict[str, object] = {}
        self.changed_before: dict[str, object] = {}
        self.reported: set[object] = set()
        self.left_on_copy: set[str] = set()
        self.unlinked: list[Submission] = []
        self.vague: bool = False
        self.left: bool = False

    def know(self, wrong: Mapping[str, object], write: RawWrite | None, *, prevented: bool) -> None:
        """Remember which write a wrong id came from: by the time of the report an equal one may have followed."""
        if not prevented:
            self.seen.update((name, key_of(value)) for name, value in wrong.items())
        if write is not None:
            for name, value in wrong.items():
                self.sources[prevented, name, key_of(value)] = write

    def suppose(self, wrong: Mapping[str, object], write: RawWrite | None, *, prevented: bool) -> None:
        """Remember the same where nothing read it; a read that saw it knows better."""
        if write is not None:
            for name, value in wrong.items():
                self.sources.setdefault((prevented, name, key_of(value)), write)

    def source(self, name: str, value: object, *, prevented: bool) -> RawWrite | None:
        """Return the write that a wrong id came from, where it was seen."""
        found = self.sources.get((prevented, name, key_of(value)))
        if found is None:  # it may have been filed in another spelling
            for (was_prevented, of, key), write in list(self.sources.items()):
                if (was_prevented, of) == (prevented, name) and same(value_of(key), value):
                    return write
        return found

    def news(self, wrong: dict[str, object], *, prevented: bool) -> dict[str, object]:
        """Return those wrong ids of which it is not reported yet what became of them."""
        known = self.told | self.spared if prevented else self.told
        return {name: value for name, value in wrong.items() if not _is_among(known, name, value)} if known else wrong

    def has_read(self, name: str, value: object) -> bool:
        """Whether the worker is known to have this wrong id from the context."""
        return _is_among(self.told | self.seen, name, value)  # what a pinned worker was spared it does not have

    def remember(self, sighting: Sighting) -> None:
        """Keep a wrong read until it is known what became of it."""
        if len(self.sightings) < _MOST_SIGHTINGS:
            wrong = tuple((name, key_of(value)) for name, value in sighting.observed.items())
            self.sightings[sighting.prevented, sighting.frames[:1], wrong] = sighting

    def tear(self, ids: Mapping[str, object]) -> None:
        """Mark the reads of `ids`: the call that they were for is filed under others."""
        self._amend(ids, lambda sighting, _names: replace(sighting, torn=True))

    def tell(self, ids: Mapping[str, object]) -> None:
        """It is being reported what became of the wrong `ids`: reading them is no news, nor will it have been."""
        self.told.update((name, key_of(value)) for name, value in ids.items())
        self._amend(ids, _without)

    def _amend(self, ids: Mapping[str, object], amend: Callable[[Sighting, set[str]], Sighting | None]) -> None:
        # Put `amend(sighting, names)` in the place of each sighting that saw, under `names`, the same as `ids` says.
        for key, sighting in list(self.sightings.items()):
            names = {name for name, value in sighting.observed.items() if name in ids and same(ids[name], value)}
            # Whoever pops a sighting owns it: a nested worker may add or tell others at the same time.
            if names and self.sightings.pop(key, None) is not None:
                amended = amend(sighting, names)
                if amended is not None:
                    self.remember(amended)


def _is_among(known: set[tuple[str, object]], name: str, value: object) -> bool:
    # However it is spelt: what was read is an object, say, and what was filed is its text.
    if (name, key_of(value)) in known:
        return True
    return any(of == name and same(value_of(key), value) for of, key in list(known))


def _without(sighting: Sighting, names: set[str]) -> Sighting | None:
    left = {name: value for name, value in sighting.observed.items() if name not in names}
    return replace(sighting, observed=left) if left else None
