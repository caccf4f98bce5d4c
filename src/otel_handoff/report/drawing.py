"""A scene as SVG: a lane a thread, over time.

Places along the time axis are percentages and sizes are pixels, so that a page can be as wide as it likes, and zoom by
making the inner `<svg>` wider than the outer one: lines and letters keep their size.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any, Final

from otel_handoff.check.words import printable
from otel_handoff.record.shown import show_after
from otel_handoff.report.axis import Axis, Stretch
from otel_handoff.report.scene import Row, Scene
from otel_handoff.report.tracks import put

_TRACK: Final = 30
"""Height of what lies below another in a lane, in pixels."""
_BAR: Final = 16
_GAP: Final = 26
_TOP: Final = 14
_AXIS: Final = 34
_LONGEST: Final = 160


def esc(value: object, longest: int = _LONGEST) -> str:
    """Return `value` as text of a page: escaped, on one line, and not endless."""
    text = str(value)
    if len(text) > longest:
        text = f"{text[:longest]}… ({len(text):,} characters)"
    return html.escape(printable(text))


def esc_ids(ids: Mapping[str, Any]) -> str:
    """Return `state_id=state-17 token_id=token-17`, escaped."""
    return " ".join(f"{esc(name)}={esc(value)}" for name, value in ids.items())


@dataclass
class _Lane:
    """A thread. Submissions and writes have a track of their own, above its work."""

    name: str
    submits: bool = False
    writes: bool = False
    tracks: list[int] = field(default_factory=list[int])
    """Where the work on each ends, in nanoseconds."""
    top: int = 0

    @property
    def submissions(self) -> int:
        return self.top + _BAR // 2

    @property
    def writing(self) -> int:
        return self.submissions + _TRACK * self.submits

    def work(self, track: int) -> int:
        return self.submissions + _TRACK * (self.submits + self.writes + track)

    @property
    def height(self) -> int:
        return _TRACK * max(1, self.submits + self.writes + len(self.tracks))


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.lanes: dict[str, _Lane] = {}
        self.track: dict[int, int] = {}
        finding, culprit = scene.finding, scene.finding.culprit
        self.lane(finding.submission.thread_name).submits = True
        for row in scene.rows:
            self.lane(row.submitted_by).submits = True
        if culprit is not None:
            self.lane(culprit.thread_name).writes = True
        for row in sorted(scene.rows, key=lambda row: row.start_ns):
            self.track[row.id] = put(self.lane(row.worker).tracks, row.start_ns, row.end_ns)
        self.lane(self.user).tracks = self.lane(self.user).tracks or [0]
        top = _TOP
        # Who hands over is above who works.
        self.ordered = sorted(
            self.lanes.values(), key=lambda lane: (not lane.submits, not lane.writes, _natural(lane.name))
        )
        for lane in self.ordered:
            lane.top = top
            top += lane.height + _GAP
        self.height = top + _AXIS - _GAP

    @property
    def user(self) -> str:
        """The thread that saw or used the wrong id."""
        return self.scene.finding.thread_name or (self.scene.own.worker if self.scene.own else "")

    def lane(self, name: str) -> _Lane:
        return self.lanes.setdefault(name, _Lane(name))

    def x(self, time: int) -> str:
        return f"{self.scene.axis.place(time):.3f}%"

    def names(self) -> Iterator[str]:
        yield f'<svg class="names" height="{self.height}" aria-hidden="true">'
        for lane in self.ordered:
            name = lane.name or "unknown thread"
            yield f'<text x="0" y="{lane.submissions + 4}">{esc(_shortened(name))}<title>{esc(name)}</title></text>'
        yield "</svg>"

    def time(self) -> Iterator[str]:
        yield f'<svg class="time" height="{self.height}" role="img" aria-label="{esc(self.scene.finding.headline)}">'
        yield f'<svg class="inner" width="100%" height="{self.height}">'
        yield from self.ground()
        for row in self.scene.rows:
            yield from self.row(row)
        if self.scene.own is None and self.scene.finding.submission.time_unix_nano:
            yield from self.lost()
        yield from self.mismatch()
        yield "</svg></svg>"

    def ground(self) -> Iterator[str]:
        bottom = self.height - _AXIS
        for lane in self.ordered:
            middle = lane.submissions
            yield f'<line class="lane" x1="0" x2="100%" y1="{middle}" y2="{middle}"/>'
        for fold in self.scene.axis.folds:
            width = fold.right - fold.left
            length = fold.end_ns - fold.start_ns
            left, span = _duration(length, _round_up(length / 200)), f"{fold.left + width / 2:.3f}%"
            yield f'<rect class="fold" x="{fold.left:.3f}%" y="0" width="{width:.3f}%" height="{bottom + 4}"/>'
            yield f'<text class="tick" x="{span}" y="{bottom + 22}" text-anchor="middle">⋯ {left}</text>'
        for stretch in self.scene.axis.stretches:
            for time, label in _ticks(stretch, self.scene.axis, self.scene.since_ns):
                at = self.x(time)
                yield f'<line class="grid" x1="{at}" x2="{at}" y1="0" y2="{bottom + 6}"/>'
                yield f'<text class="tick" x="{at}" y="{bottom + 22}" text-anchor="middle">{label}</text>'

    def role(self, row: Row) -> str:
        return "own" if row is self.scene.own else "filed" if row is self.scene.filed else "other"

    def row(self, row: Row) -> Iterator[str]:
        role, since = self.role(row), self.scene.finding.submission.time_unix_nano
        worker = self.lane(row.worker)
        from_y, y = self.lane(row.submitted_by).submissions, worker.work(self.track[row.id])
        submitted, begun = self.x(row.submitted_ns), self.x(row.start_ns)
        width = self.scene.axis.place(row.end_ns) - self.scene.axis.place(row.start_ns)
        yield f'<g class="row {role}" data-number="{row.number}" data-ids="{row.trace_id} {row.span_id}">'
        title = f"#{row.number}, worked on by {row.worker}{', stale' if row.stale else ''}"
        yield (
            f'<rect class="work" x="{begun}" y="{y - _BAR // 2}" width="{max(width, 0.2):.3f}%" height="{_BAR}" rx="3">'
            f"<title>{esc(title)}\n{esc_ids(row.ids)}</title></rect>"
        )
        for call in row.calls:
            at = self.x(call.start_ns)
            yield (
                f'<line class="call" data-span="{call.span_id}" x1="{at}" x2="{at}" y1="{y - 8}" y2="{y + 8}">'
                f"<title>{esc(call.name)}, {show_after(since, call.start_ns)}</title></line>"
            )
        if (free := self.free(row)) is not None:
            yield f'<text class="label" x="{free:.3f}%" dx="5" y="{y + 4}">#{row.number}</text>'
        yield (
            f'<line class="hand" x1="{submitted}" y1="{from_y + 5}" x2="{begun}" y2="{y - _BAR // 2 - 1}"'
            f' marker-end="url(#head-{role})"/>'
        )
        yield from self.submission(row.number, row.ids, row.submitted_by, row.submitted_ns)
        if role != "other":
            yield self.name(row)
        yield "</g>"

    def free(self, row: Row) -> float | None:
        """Return where in the bar of `row` there is room for its number, or None."""
        times = [row.start_ns, *(call.start_ns for call in row.calls), row.end_ns]
        if row is self.scene.own:
            times.append(self.scene.finding.time_unix_nano)
        places = sorted(self.scene.axis.place(time) for time in times if row.start_ns <= time <= row.end_ns)
        return next((left for left, right in pairwise(places) if right - left > 6), None)

    def name(self, row: Row) -> str:
        """Label a submission; of two that are close together, each to its own side."""
        place = self.scene.axis.place
        near = [
            place(row.submitted_ns) - place(other.submitted_ns)
            for other in (self.scene.own, self.scene.filed)
            if other is not None and other is not row and other.submitted_by == row.submitted_by
        ]
        anchor = "middle" if not near or abs(near[0]) > 7 else "start" if near[0] > 0 else "end"
        y = self.lane(row.submitted_by).submissions - 10
        return f'<text class="name" x="{self.x(row.submitted_ns)}" y="{y}" text-anchor="{anchor}">#{row.number}</text>'

    def submission(self, number: int, ids: Mapping[str, Any], thread: str, time: int) -> Iterator[str]:
        at, y = self.x(time), self.lane(thread).submissions
        after = show_after(self.scene.finding.submission.time_unix_nano, time)
        yield (
            f'<circle class="submission" cx="{at}" cy="{y}" r="5">'
            f"<title>#{number} submitted by {esc(thread)}, {after}\n{esc_ids(ids)}</title></circle>"
        )

    def lost(self) -> Iterator[str]:
        """Draw the submission of a row whose span is not in the files."""
        own = self.scene.finding.submission
        yield f'<g class="row own" data-number="{own.number}">'
        yield from self.submission(own.number, own.ids, own.thread_name, own.time_unix_nano)
        at, y = self.x(own.time_unix_nano), self.lane(own.thread_name).submissions
        yield f'<text class="name" x="{at}" y="{y - 10}" text-anchor="middle">#{own.number}</text></g>'

    def mismatch(self) -> Iterator[str]:
        finding, culprit, own = self.scene.finding, self.scene.finding.culprit, self.scene.own
        since, place = finding.submission.time_unix_nano, self.scene.axis.place(finding.time_unix_nano)
        lane = self.lane(self.user)
        y = lane.work(self.track[own.id] if own is not None and own.worker == self.user else 0)
        x = f"{place:.3f}%"
        if culprit is not None:
            at, from_y = self.x(culprit.time_unix_nano), self.lane(culprit.thread_name).writing
            yield (
                f'<line class="did" x1="{at}" y1="{from_y + 8}" x2="{x}" y2="{y - 9}" marker-end="url(#head-did)"/>'
                f'<svg class="culprit" x="{at}" y="{from_y}" overflow="visible"><path d="M0-7 7 0 0 7-7 0z"/>'
                f"<title>{esc(culprit.field)} overwritten by {esc(culprit.thread_name)},"
                f" {show_after(since, culprit.time_unix_nano)}\n{esc(culprit.location)}</title></svg>"
            )
            # To the left, where there is room: the arrow of the row that it was written for goes to the right.
            where = self.scene.axis.place(culprit.time_unix_nano)
            yield _beside(where, from_y + 4, 13, f"{culprit.field} = {culprit.value}", room=35)
        yield (
            f'<circle class="use {"wrong" if finding.is_error else "harmless"}" cx="{x}" cy="{y}" r="7">'
            f"<title>{esc(finding.headline)}\nby {esc(self.user)},"
            f" {show_after(since, finding.time_unix_nano)}\n{esc(finding.location)}</title></circle>"
        )
        observed = ", ".join(str(value) for value in finding.observed.values())
        yield _beside(place, y + 24, 0, f"{finding.evidence} {finding.outcome}: {observed}", room=60)


def draw(scene: Scene) -> str:
    """Return the lanes of `scene`: an `<svg>` of their names and one of the time."""
    drawing = _Drawing(scene)
    return "".join([*drawing.names(), *drawing.time()])


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts `worker_2` before `worker_10`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.findall(r"\d{1,18}|\D+", name)]


def _shortened(name: str) -> str:
    """Return `name` with its middle left out, where it is long: workers of one pool differ at the end."""
    return name if len(name) <= 24 else f"{name[:12]}…{name[-11:]}"


def _beside(place: float, y: int, distance: int, text: str, room: int) -> str:
    """Return a label right of `place`, or left of it from `room` on."""
    anchor, dx = ("start", distance) if place < room else ("end", -distance)
    return f'<text class="said" x="{place:.3f}%" dx="{dx}" y="{y}" text-anchor="{anchor}">{esc(text, 60)}</text>'


def _ticks(stretch: Stretch, axis: Axis, since: int) -> Iterator[tuple[int, str]]:
    """Yield about one tick for each tenth of the width, at round times after `since`."""
    length = stretch.end_ns - stretch.start_ns
    share = (stretch.right - stretch.left) / 100
    step = _round_up(length / max(1.0, share * 9))
    first = ceil((stretch.start_ns - since) / step)
    for index in range(first, floor((stretch.end_ns - since) / step) + 1):
        time = since + index * step
        place = axis.place(time)
        if 4 < place < 96 and all(abs(place - (fold.left + fold.right) / 2) > 8 for fold in axis.folds):
            yield time, f"{'+' if index > 0 else '-'}{_duration(abs(index) * step, step)}" if index else "0"


def _round_up(nanoseconds: float) -> int:
    scale = 10 ** floor(log10(max(1.0, nanoseconds)))
    return next(int(scale * factor) for factor in (1, 2, 5, 10) if scale * factor >= nanoseconds)


def _duration(nanoseconds: int, step: int) -> str:
    """Return `402 ms`, `1.5 ms`, `12 s`, `3 min` or `2.1 h`: as exact as it takes to tell a `step`."""
    size, unit = next(
        ((size, unit) for size, unit in ((3600e9, "h"), (60e9, "min"), (1e9, "s"), (1e6, "ms")) if nanoseconds >= size),
        (1e3, "µs"),
    )
    decimals = max(0, ceil(-log10(step / size)))
    text = f"{nanoseconds / size:.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"
