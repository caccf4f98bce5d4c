"""Which lane is where: one a thread, of one process below another, and within it who hands over above who works."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from otel_handoff.report.places import Place
from otel_handoff.report.scene import Act, Scene
from otel_handoff.report.tracks import put

TRACK: Final = 30
"""Height of what lies below another in a lane, in pixels."""
BAR: Final = 16
GAP: Final = 26
TOP: Final = 14
HEAD: Final = 30
"""Height of the name of a process, where there are several."""


@dataclass
class Lane:
    """A thread. Submissions and writes have a track of their own, above its work."""

    place: Place
    name: str
    submits: bool = False
    writes: bool = False
    tracks: list[int] = field(default_factory=list[int])
    """Where the work on each ends, in nanoseconds."""
    top: int = 0

    @property
    def submissions(self) -> int:
        """Where it hands over, in pixels from the top, as all of these."""
        return self.top + BAR // 2

    @property
    def writing(self) -> int:
        """Where it writes."""
        return self.submissions + TRACK * self.submits

    def work(self, track: int) -> int:
        """Return where the work of one of its tracks is."""
        return self.submissions + TRACK * (self.submits + self.writes + track)

    @property
    def height(self) -> int:
        """How high it is."""
        return TRACK * max(1, self.submits + self.writes + len(self.tracks))


@dataclass(frozen=True)
class Band:
    """A process, where there are several: its name is at `top`, its lanes end at `bottom`."""

    place: Place
    top: int
    bottom: int


class Lanes:
    """The lanes of a scene.

    Attributes:
        ordered: from the top.
        bands: the processes, from the top; none where there is only one.
        track: of each row, by its id, which track its work is on.
        bottom: where the last lane ends, in pixels.
    """

    def __init__(self, scene: Scene) -> None:
        """Lay out what is drawn of `scene`."""
        self._lanes: dict[tuple[str, str], Lane] = {}
        self.track: dict[int, int] = {}
        self.of(scene.submitted.place, scene.submitted.thread).submits = True
        for row in scene.rows:
            self.of(row.way.submitted_at, row.submitted_by).submits = True
        if scene.write is not None:
            self.by(scene.write).writes = True
        for row in sorted(scene.rows, key=lambda row: row.start_ns):
            self.track[row.id] = put(self.of(row.way.worked_at, row.worker).tracks, row.start_ns, row.end_ns)
        user = self.by(scene.use)
        if not (user.tracks or user.submits):
            user.tracks.append(0)
        hands_over = {lane.place.key for lane in self._lanes.values() if lane.submits}
        first = scene.submitted.place.key
        self.ordered = sorted(
            self._lanes.values(),
            key=lambda lane: (
                *(lane.place.key != first, lane.place.key not in hands_over, _natural(lane.place.full)),
                *(lane.place.key, not lane.submits, not lane.writes, _natural(lane.name)),
            ),
        )
        self.bands: list[Band] = []
        self.bottom = self._put(is_one=len({lane.place.key for lane in self.ordered}) == 1)

    def _put(self, *, is_one: bool) -> int:
        top = TOP
        if is_one:
            for lane in self.ordered:
                lane.top = top
                top += lane.height + GAP
            return top - GAP
        keys = list(dict.fromkeys(lane.place.key for lane in self.ordered))
        for key in keys:
            start, top = top, top + HEAD
            of_place = [lane for lane in self.ordered if lane.place.key == key]
            for lane in of_place:
                lane.top = top
                top += lane.height + GAP
            self.bands.append(Band(of_place[0].place, start, top - GAP + 6))
        return top - GAP

    def of(self, place: Place, thread: str) -> Lane:
        """Return the lane of a thread."""
        return self._lanes.setdefault((place.key, thread), Lane(place, thread))

    def by(self, act: Act) -> Lane:
        """Return the lane of who did something."""
        return self.of(act.place, act.thread)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts `worker_2` before `worker_10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.findall(r"\d{1,18}|\D+", name)]
