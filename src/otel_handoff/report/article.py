"""One mismatch: both sides, what was around it, and the full report."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from otel_handoff.check.finding import Finding
from otel_handoff.check.text import report
from otel_handoff.check.words import of
from otel_handoff.record.shown import show_clock
from otel_handoff.report.drawing import draw
from otel_handoff.report.parts import copied, esc, esc_ids, preformatted
from otel_handoff.report.scale import about
from otel_handoff.report.scene import Scene, Scenes

_SUBMISSION: Final = (
    '<circle class="submission" cx="6" cy="11" r="5"/>'
    '<line class="hand" x1="11" y1="11" x2="24" y2="11" marker-end="url(#head-own)"/>'
)
_WORK: Final = '<rect class="work" x="1" y="4" width="24" height="14" rx="3"/>'
_OTHER: Final = (
    '<circle class="submission" cx="4" cy="11" r="2.5"/><rect class="work" x="9" y="4" width="16" height="14" rx="3"/>'
)
_LEFT: Final = '<svg class="left" x="13" y="11" overflow="visible"><path d="M-3-5 4 0-3 5z"/></svg>'
_CALL: Final = '<line class="call" x1="13" x2="13" y1="3" y2="19"/>'
_WRITE: Final = '<path class="culprit" d="M13 4 20 11 13 18 6 11z"/>'
_WRONG: Final = '<circle class="use wrong" cx="13" cy="11" r="6"/>'
_HARMLESS: Final = '<circle class="use harmless" cx="13" cy="11" r="6"/>'


@dataclass(frozen=True)
class Articles:
    """Makes articles.

    Attributes:
        scenes: says what was around.
        trace_url: where a trace can be looked at: `{trace_id}` and `{span_id}` in it are filled in; empty for nowhere.
    """

    scenes: Scenes
    trace_url: str = ""

    def of(self, name: str, finding: Finding) -> str:
        """Return `finding` as HTML, which goes by `name` on the page."""
        scene, submission = self.scenes.of(finding), finding.submission
        what = finding.headline.partition(": ")[0]
        used = "used" if finding.is_error else ""
        sides = "".join(
            f'<dt>{esc(field)}</dt><dd><span class="{used}">{esc(value)}</span>'
            f" instead of <span>{esc(finding.expected[field])}</span></dd>"
            for field, value in finding.observed.items()
        )
        time = f", {show_clock(submission.time_unix_nano)}" if submission.time_unix_nano else ""
        stale = ", as stale work" if finding.stale else ""
        full = preformatted(report(finding))
        kind = "" if finding.is_error else ' class="spared"'
        return (
            f'<article id="{name}" aria-labelledby="{name}-h" data-number="{submission.number}"{kind}>'
            f'<h2 id="{name}-h">{esc(what[:1].upper() + what[1:])}</h2><dl class="sides">{sides}</dl>'
            f'<p class="meta">Submission #{submission.number} of {esc(submission.boundary)}{time}{stale}'
            f" · {esc_ids(submission.ids)}</p>{self._trace(finding)}"
            f'<figure><div class="lanes">{draw(scene)}</div>{"".join(_remarks(scene))}{_tools(scene)}</figure>'
            f"<details open><summary>Full report</summary><pre>{full}</pre></details></article>"
        )

    def _trace(self, finding: Finding) -> str:
        trace, span = finding.trace_id, finding.span_id
        url = html.escape(self.trace_url.replace("{trace_id}", trace).replace("{span_id}", span))
        link = (
            f' <a class="trace" href="{url}" target="_blank" rel="noreferrer noopener">Open the trace</a>'
            if url
            else ""
        )
        return (
            f'<p class="meta ids"><span>trace <code>{esc(trace)}</code>{copied(trace, "the trace id")}</span>'
            f" <span>span <code>{esc(span)}</code>{copied(span, 'the span id')}</span>{link}</p>"
        )


def _remarks(scene: Scene) -> Iterator[str]:
    if scene.more:
        yield f'<p class="note">{of(scene.more, "other row")} began in this time and are not drawn.</p>'
    behind = {row.way.worked_at.full: row.way.behind_ns for row in scene.rows if row.way.behind_ns}
    for name, by in behind.items():
        yield (
            f'<p class="note">By the clocks, work in {esc(name)} began before its rows were sent: its clock is'
            f" {about(by)} behind, at least. What it did is drawn that much later.</p>"
        )


def _tools(scene: Scene) -> str:
    return f'<div class="tools">{_legend(scene)}{_BUTTONS}</div>'


def _legend(scene: Scene) -> str:
    """Return what the marks mean that are in the drawing, and of no others."""
    finding = scene.finding
    own = [row for row in (scene.own, *scene.again) if row is not None]
    entries = (
        (_SUBMISSION, "submission, handed to a worker", "own", True),
        (_LEFT, "left for another process", "own", any(row.left for row in scene.rows)),
        (_WORK, "work on the row concerned", "own", bool(own)),
        (_WORK, "the same row, worked on again", "own again", bool(scene.again)),
        (_WORK, "row whose ids were used" if finding.is_error else "row whose ids were there", "filed", scene.filed),
        (_OTHER, "other rows", "other", bool(scene.others)),
        (_CALL, "call", "own", any(row.calls for row in scene.rows)),
        (_WRITE, "write that did it", "", scene.write is not None),
        (_WRONG, "wrong use, blocked" if finding.outcome == "blocked" else "wrong use", "", finding.is_error),
        (_HARMLESS, _spared(finding), "", not finding.is_error),
    )
    told = "".join(
        f'<li><svg class="{role}" width="26" height="22" aria-hidden="true">{icon}</svg>{what}</li>'
        for icon, what, role, is_there in entries
        if is_there
    )
    return f'<ul class="legend" aria-label="Legend">{told}</ul>'


def _spared(finding: Finding) -> str:
    return "prevented" if finding.outcome == "prevented" else "not known to be used"


_BUTTONS: Final = (
    '<span class="zoom"><button data-do="out" aria-label="Zoom out">-</button>'
    ' <button data-do="in" aria-label="Zoom in">+</button>'
    ' <button data-do="reset">Reset</button> <button data-do="help">Keys</button></span>'
)
