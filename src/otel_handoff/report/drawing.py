"""A scene as SVG: a lane a thread, over time.

Places along the time axis are percentages and sizes are pixels, so that a page can be as wide as it likes, and zoom by
making the inner `<svg>` wider than the outer one: lines and letters keep their size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from otel_handoff.record.shown import show_after
from otel_handoff.report.lanes import BAR, Lane, Lanes
from otel_handoff.report.parts import esc, esc_ids
from otel_handoff.report.places import Place
from otel_handoff.report.scale import about, ticks
from otel_handoff.report.scene import Row, Scene

_AXIS: Final = 34


class _Drawing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.lanes = Lanes(scene)
        self.bottom = self.lanes.bottom
        self.height = self.bottom + _AXIS
        self.since = scene.submitted.time_ns

    def x(self, time: int) -> str:
        return f"{self.scene.axis.place(time):.3f}%"

    def after(self, time: int) -> str:
        return show_after(self.since, time)

    def names(self) -> Iterator[str]:
        yield f'<svg class="names" height="{self.height}" aria-hidden="true">'
        for band in self.lanes.bands:
            yield f'<rect class="place" x="0" y="{band.top}" width="100%" height="{band.bottom - band.top}"/>'
            name = esc(_shortened(band.place.name, 22))
            yield f'<text class="place" x="8" y="{band.top + 18}">{name}<title>{esc(band.place.full)}</title></text>'
        x = 8 if self.lanes.bands else 0
        for lane in self.lanes.ordered:
            name = lane.name or "unknown thread"
            yield (
                f'<text class="thread" x="{x}" y="{lane.submissions + 4}">{esc(_shortened(name))}'
                f"<title>{esc(name)}</title></text>"
            )
        yield "</svg>"

    def time(self) -> Iterator[str]:
        yield f'<svg class="time" height="{self.height}" role="img" aria-label="{esc(self.scene.finding.headline)}">'
        yield f'<svg class="inner" width="100%" height="{self.height}">'
        yield from self.ground()
        for row in self.scene.rows:
            yield from self.row(row)
        if self.scene.own is None and self.since:
            yield from self.lost()
        yield from self.mismatch()
        yield "</svg></svg>"

    def ground(self) -> Iterator[str]:
        for band in self.lanes.bands:
            yield f'<rect class="place" x="0" y="{band.top}" width="100%" height="{band.bottom - band.top}"/>'
        for lane in self.lanes.ordered:
            middle = lane.submissions
            yield f'<line class="lane" x1="0" x2="100%" y1="{middle}" y2="{middle}"/>'
        bottom = self.bottom
        for fold in self.scene.axis.folds:
            width = fold.right - fold.left
            left, middle = about(fold.end_ns - fold.start_ns), f"{fold.left + width / 2:.3f}%"
            yield f'<rect class="fold" x="{fold.left:.3f}%" y="0" width="{width:.3f}%" height="{bottom + 4}"/>'
            yield f'<text class="tick" x="{middle}" y="{bottom + 22}" text-anchor="middle">⋯ {left}</text>'
        for stretch in self.scene.axis.stretches:
            for time, label in ticks(stretch, self.scene.axis, self.scene.since_ns):
                at = self.x(time)
                yield f'<line class="grid" x1="{at}" x2="{at}" y1="0" y2="{bottom + 6}"/>'
                yield f'<text class="tick" x="{at}" y="{bottom + 22}" text-anchor="middle">{label}</text>'

    def role(self, row: Row) -> str:
        scene = self.scene
        return "own" if row is scene.own or row in scene.again else "filed" if row is scene.filed else "other"

    def row(self, row: Row) -> Iterator[str]:
        role = self.role(row)
        again = " again" if role == "own" and row is not self.scene.own else ""
        worker, submitter = (
            self.lanes.of(row.way.worked_at, row.worker),
            self.lanes.of(row.way.submitted_at, row.submitted_by),
        )
        y, begun = worker.work(self.lanes.track[row.id]), self.x(row.start_ns)
        width = self.scene.axis.place(row.end_ns) - self.scene.axis.place(row.start_ns)
        yield (
            f'<g class="row {role}{again}" data-number="{row.number}" data-ids="{row.trace_id} {row.span_id}">'
            f'<rect class="work" x="{begun}" y="{y - BAR // 2}" width="{max(width, 0.2):.3f}%" height="{BAR}" rx="3">'
            f"<title>{esc(_titled(row))}\n{esc_ids(row.ids)}</title></rect>"
        )
        for call in row.calls:
            at = self.x(call.start_ns)
            yield (
                f'<line class="call" data-span="{call.span_id}" x1="{at}" x2="{at}" y1="{y - 8}" y2="{y + 8}">'
                f"<title>{esc(call.name)}, {self.after(call.start_ns)}</title></line>"
            )
        if (free := self.free(row)) is not None:
            delivered = f", delivery {row.delivery}" if row.delivery > 1 else ""
            yield f'<text class="label" x="{free:.3f}%" dx="5" y="{y + 4}">#{row.number}{delivered}</text>'
        yield from self.hand(row, role, submitter, y)
        yield from self.submission(row.number, row.ids, submitter, row.submitted_ns, 5 if role != "other" else 2.5)
        if role != "other" and not again:
            yield self.name(row)
        yield "</g>"

    def hand(self, row: Row, role: str, submitter: Lane, y: int) -> Iterator[str]:
        """Draw the way from where a row was handed over, or left, to the work on it."""
        time, lane = row.submitted_ns, submitter
        if (before := self.before(row)) is not None:
            worker = self.lanes.of(before.way.worked_at, before.worker)
            from_y = worker.work(self.lanes.track[before.id])
            yield self.arrow(role, before.end_ns, from_y, row.start_ns, y, (BAR // 2 if y != from_y else 0))
            return
        if (left := row.left) is not None:
            time, lane = left.time_ns, self.leaving(left.place, submitter)
            at, from_y = self.x(time), lane.submissions
            if lane is submitter:
                yield f'<line class="kept" x1="{self.x(row.submitted_ns)}" x2="{at}" y1="{from_y}" y2="{from_y}"/>'
            yield (
                f'<svg class="left" x="{at}" y="{from_y}" overflow="visible"><path d="M-3-5 4 0-3 5z"/>'
                f"<title>#{row.number} left {esc(left.place.name)}, {self.after(time)}</title></svg>"
            )
        yield self.arrow(role, time, lane.submissions, row.start_ns, y, 5)

    def arrow(self, role: str, time: int, from_y: int, start: int, y: int, off: int) -> str:
        """Return an arrow to where work begins, from a mark that is so far `off` its middle."""
        begin, end = (from_y + off, y - BAR // 2 - 1) if y >= from_y else (from_y - off, y + BAR // 2 + 1)
        return (
            f'<line class="hand" x1="{self.x(time)}" y1="{begin}" x2="{self.x(start)}" y2="{end}"'
            f' marker-end="url(#head-{role})"/>'
        )

    def before(self, row: Row) -> Row | None:
        """Return the work that was given up, and led to a delivery that nobody saw leaving."""
        if row.delivery <= max(1, len(row.way.sent)):
            return None
        return next(
            (
                other
                for other in self.scene.rows
                if (other.process, other.number, other.submitted_ns) == (row.process, row.number, row.submitted_ns)
                and other.delivery == row.delivery - 1
                and other.end_ns <= row.start_ns
            ),
            None,
        )

    def leaving(self, place: Place, submitter: Lane) -> Lane:
        """Return the lane that a row left from: of a retry, that of another who had worked on it."""
        if place.key == submitter.place.key:
            return submitter
        return next((lane for lane in self.lanes.ordered if lane.place.key == place.key), submitter)

    def free(self, row: Row) -> float | None:
        """Return where in the bar of `row` there is room for its number, or None."""
        times = [row.start_ns, *(call.start_ns for call in row.calls), row.end_ns]
        if row is self.scene.own:
            times.append(self.scene.use.time_ns)
        places = sorted(self.scene.axis.place(time) for time in times if row.start_ns <= time <= row.end_ns)
        room = 18 if row.delivery > 1 else 6
        return next((left for left, right in pairwise(places) if right - left > room), None)

    def name(self, row: Row) -> str:
        """Label a submission; of two that are close together, each to its own side."""
        place = self.scene.axis.place
        near = [
            place(row.submitted_ns) - place(other.submitted_ns)
            for other in (self.scene.own, self.scene.filed)
            if other is not None and other is not row and other.submitted_by == row.submitted_by
        ]
        anchor = "middle" if not near or abs(near[0]) > 7 else "start" if near[0] > 0 else "end"
        y = self.lanes.of(row.way.submitted_at, row.submitted_by).submissions - 10
        return f'<text class="name" x="{self.x(row.submitted_ns)}" y="{y}" text-anchor="{anchor}">#{row.number}</text>'

    def submission(self, number: int, ids: Mapping[str, Any], lane: Lane, time: int, radius: float) -> Iterator[str]:
        yield (
            f'<circle class="submission" cx="{self.x(time)}" cy="{lane.submissions}" r="{radius}">'
            f"<title>#{number} submitted by {esc(lane.name)}, {self.after(time)}\n{esc_ids(ids)}</title></circle>"
        )

    def lost(self) -> Iterator[str]:
        """Draw the submission of a row whose span is not in the files."""
        own, lane = self.scene.finding.submission, self.lanes.by(self.scene.submitted)
        yield f'<g class="row own" data-number="{own.number}">'
        yield from self.submission(own.number, own.ids, lane, self.since, 5)
        at, y = self.x(self.since), lane.submissions - 10
        yield f'<text class="name" x="{at}" y="{y}" text-anchor="middle">#{own.number}</text></g>'

    def mismatch(self) -> Iterator[str]:
        finding, culprit, own = self.scene.finding, self.scene.finding.culprit, self.scene.own
        use, write = self.scene.use, self.scene.write
        place, x, y = self.scene.axis.place(use.time_ns), self.x(use.time_ns), self.used_at()
        is_work = own is not None and (own.way.worked_at.key, own.worker) == (use.place.key, use.thread)
        if culprit is not None and write is not None:
            kind = "did" if finding.is_error else "did spared"
            at, from_y = self.x(write.time_ns), self.lanes.by(write).writing
            down = 1 if y >= from_y else -1
            yield (
                f'<line class="{kind}" x1="{at}" y1="{from_y + 8 * down}" x2="{x}" y2="{y - 9 * down}"'
                f' marker-end="url(#head-{"did" if finding.is_error else "spared"})"/>'
                f'<svg class="culprit" x="{at}" y="{from_y}" overflow="visible"><path d="M0-7 7 0 0 7-7 0z"/>'
                f"<title>{esc(culprit.field)} overwritten by {esc(culprit.thread_name)},"
                f" {self.after(write.time_ns)}\n{esc(culprit.location)}</title></svg>"
            )
            # To the left, where there is room: the arrow of the row that it was written for goes to the right.
            yield _beside(
                self.scene.axis.place(write.time_ns), from_y + 4, 13, f"{culprit.field} = {culprit.value}", 35
            )
        yield (
            f'<circle class="use {"wrong" if finding.is_error else "harmless"}" cx="{x}" cy="{y}" r="7">'
            f"<title>{esc(finding.headline)}\nby {esc(use.thread)},"
            f" {self.after(use.time_ns)}\n{esc(finding.location)}</title></circle>"
        )
        observed = ", ".join(str(value) for value in finding.observed.values())
        yield _beside(
            place,
            y + (24 if is_work or self.lanes.by(use).tracks else -12),
            0,
            f"{finding.evidence} {finding.outcome}: {observed}",
            60,
        )

    def used_at(self) -> int:
        """Return at which height the wrong use is: on the work, or where the row left."""
        lane, own = self.lanes.by(self.scene.use), self.scene.own
        if not lane.tracks:
            return lane.submissions
        is_own = own is not None and self.lanes.of(own.way.worked_at, own.worker) is lane
        return lane.work(self.lanes.track[own.id] if own is not None and is_own else 0)


def draw(scene: Scene) -> str:
    """Return the lanes of `scene`: an `<svg>` of their names and one of the time."""
    drawing = _Drawing(scene)
    return "".join([*drawing.names(), *drawing.time()])


def _titled(row: Row) -> str:
    where = f" in {row.way.worked_at.name}" if row.way.worked_at.key != row.way.submitted_at.key else ""
    delivered = f", delivery {row.delivery}" if row.delivery > 0 else ""
    behind = f", drawn {about(row.way.behind_ns)} later, as its clock is behind" if row.way.behind_ns else ""
    return f"#{row.number}, worked on by {row.worker}{where}{delivered}{', stale' if row.stale else ''}{behind}"


def _shortened(name: str, most: int = 20) -> str:
    """Return `name` with its middle left out, where it is long: workers of one pool differ at the end."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[1 - most // 2 :]}"


def _beside(place: float, y: int, distance: int, text: str, room: int) -> str:
    """Return a label right of `place`, or left of it from `room` on."""
    anchor, dx = ("start", distance) if place < room else ("end", -distance)
    return f'<text class="said" x="{place:.3f}%" dx="{dx}" y="{y}" text-anchor="{anchor}">{esc(text, 60)}</text>'
