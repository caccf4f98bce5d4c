"""The page: one HTML file that needs nothing else, of a size that does not depend on how much went wrong."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from string import Template
from typing import Final

from otel_handoff.check.checked import Checked
from otel_handoff.check.finding import Finding
from otel_handoff.check.store import Store
from otel_handoff.check.text import exposures, report, what_was_checked
from otel_handoff.check.unread import Unread
from otel_handoff.check.verdict import doubts, in_part, no_mismatch, not_checked, not_known, title
from otel_handoff.check.words import of
from otel_handoff.record.shown import show_clock
from otel_handoff.report.drawing import draw, esc, esc_ids
from otel_handoff.report.groups import Group, Groups
from otel_handoff.report.index import Index, index
from otel_handoff.report.scene import Scenes

_MOST_DRAWN: Final = 60
_BYTES: Final = 1_450_000
"""Of the whole page: what the drawings and the list leave is for the index of all submissions."""
_BYTES_DRAWN: Final = 700_000
_BYTES_LISTED: Final = 350_000
_LONGEST_LINE: Final = 2000

Place = tuple[int, int]
"""A finding: the index of its group, and its own within."""

_LEGEND: Final = (
    (
        (
            '<circle class="submission" cx="6" cy="11" r="5"/>'
            '<line class="hand" x1="11" y1="11" x2="24" y2="11" marker-end="url(#head-own)"/>'
        ),
        "submission, handed to a worker",
        "own",
    ),
    ('<rect class="work" x="1" y="4" width="24" height="14" rx="3"/>', "work on the row concerned", "own"),
    ('<rect class="work" x="1" y="4" width="24" height="14" rx="3"/>', "row whose ids were used", "filed"),
    ('<rect class="work" x="1" y="4" width="24" height="14" rx="3"/>', "other rows", "other"),
    ('<line class="call" x1="13" x2="13" y1="3" y2="19"/>', "call", "own"),
    ('<path class="culprit" d="M13 4 20 11 13 18 6 11z"/>', "write that did it", ""),
    ('<circle class="use wrong" cx="13" cy="11" r="6"/>', "wrong use", ""),
    ('<circle class="use harmless" cx="13" cy="11" r="6"/>', "prevented, or not known to be used", ""),
)

_HELP: Final = (
    ("n, p", "next, previous mismatch"),
    ("/", "search any id; Enter opens the first that is found, Esc clears"),
    ("+, -, 0", "zoom in, out, and back; also Ctrl with the wheel"),
    ("←, →", "move along; also by dragging"),
    ("?", "this"),
)


def page(groups: Groups, store: Store, checked: Checked, unread: Unread) -> str:
    """Return the page, of less than 1.5 MB."""
    style, script = _asset("page.css"), _asset("page.js")
    scenes = Scenes(store)
    body = "".join(_main(groups, scenes) if groups.groups else _calm(checked))
    known = index(store, _BYTES - sum(len(part.encode()) for part in (style, script, body)))
    return Template(_asset("page.html")).substitute(
        title=_title(groups, checked, unread) if groups.count else title(checked, unread),
        verdict=_lines(_verdict(groups) if groups.count else no_mismatch(checked, unread, groups.exposures)),
        notes="".join(f'<p class="note">{_lines(note)}</p>' for note in _notes(groups, checked, unread)),
        checked=_lines(what_was_checked(checked, unread, on_page=True)),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        body=body,
        whole="whole" if known.whole else "part",
        known=_known(known),
        index=known.packed,
    )


def _asset(name: str) -> str:
    return files("otel_handoff.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _title(groups: Groups, checked: Checked, unread: Unread) -> str:
    causes = [group for group in groups.groups if not group.is_exposed]
    rest = sum(group.is_rest for group in causes)
    found = f"{of(groups.count, 'mismatch', 'mismatches')}, {'more than ' * rest}{of(len(causes) - rest, 'cause')}"
    return f"{found}; whether there are more is not known" if doubts(checked, unread) else found


def _verdict(groups: Groups) -> Iterator[str]:
    wrong = [of(count, what) for count, what in ((groups.calls, "call"), (groups.results, "result")) if count]
    if wrong:
        verb = "is" if groups.calls + groups.results == 1 else "are"
        yield f"{' and '.join(wrong)} in the audit trail {verb} filed under ids of another submission."
    else:
        yield "No record of the audit trail is known to be wrong."


def _notes(groups: Groups, checked: Checked, unread: Unread) -> Iterator[Iterable[str]]:
    """Yield notes on what was not judged, and on what is no mismatch."""
    if groups.count and (doubtful := list(not_known(checked, unread))):
        yield doubtful
    if checked.unchecked or checked.gaps:
        yield not_checked(checked)
    if checked.unwatched:
        yield in_part(checked)
    if groups.exposures:
        yield [exposures(groups.exposures)]


def _lines(lines: Iterable[str]) -> str:
    return "<br>".join(esc(line.strip(), _LONGEST_LINE) for line in lines)


def _known(known: Index) -> str:
    if known.whole:
        return f"All {of(known.held, 'submission')} of these traces are on this page."
    return f"This page has room for the first {of(known.held, 'submission')} only."


def _calm(checked: Checked) -> Iterator[str]:
    if not checked.judged and checked.unchecked_rows:
        yield f'<main class="calm"><article><h2>Is this row affected?</h2>{_SEARCH}</article></main>'
    elif checked.judged:
        is_all = not (checked.not_compared or checked.blind)
        calm = "Nothing of it disagrees." if is_all else "What was not compared is said above."
        yield (
            '<main class="calm"><article><h2>What was compared</h2><p>Each row span with every call and other span'
            " below it, each submission with the workers that claimed it, and whatever a detector had reported."
            f" {calm}</p>{_SEARCH}</article></main>"
        )


def _main(groups: Groups, scenes: Scenes) -> Iterator[str]:
    drawn = _drawn(groups.groups, scenes)
    listed = _listed(groups.groups, drawn)
    yield f'<main class="split"><nav aria-label="Mismatches">{_SEARCH}<div class="causes">'
    for number, group in enumerate(groups.groups):
        yield from _cause(number, group, listed)
    for exposed, count, names in (
        (False, groups.count, ("mismatch", "mismatches")),
        (True, groups.exposures, ("exposure",)),
    ):
        left = count - sum(groups.groups[group].is_exposed == exposed for group, _ in drawn)
        if left:
            yield f'<p class="note">{of(left, *names)} without a drawing, to keep this page small.</p>'
    yield '</div></nav><div class="views">'
    for place in sorted(drawn):
        yield drawn[place]
    yield "</div></main>"
    yield '<dialog aria-labelledby="keys"><h2 id="keys">Keys</h2><dl>'
    for key, what in _HELP:
        yield f"<dt><kbd>{key}</kbd></dt><dd>{what}</dd>"
    yield '</dl><form method="dialog"><button>Close</button></form></dialog>'


def _in_turn(groups: Sequence[Group]) -> Iterator[tuple[Place, Finding]]:
    """Yield findings of each cause in turn: no cause crowds another out."""
    for turn in range(max(len(group.findings) for group in groups)):
        for number, group in enumerate(groups):
            if turn < len(group.findings):
                yield (number, turn), group.findings[turn]


def _drawn(groups: Sequence[Group], scenes: Scenes) -> dict[Place, str]:
    articles: dict[Place, str] = {}
    room = _BYTES_DRAWN
    for place, finding in _in_turn(groups):
        article = _article(place, finding, scenes)
        room -= len(article.encode())
        if room < 0 or len(articles) == _MOST_DRAWN:
            break
        articles[place] = article
    return articles


def _listed(groups: Sequence[Group], drawn: dict[Place, str]) -> dict[Place, str]:
    entries: dict[Place, str] = {}
    room = _BYTES_LISTED
    for place, finding in _in_turn(groups):
        entry = _entry(place, finding, drawn=place in drawn)
        room -= len(entry.encode())
        if room < 0:
            break
        entries[place] = entry
    return entries


def _cause(number: int, group: Group, listed: dict[Place, str]) -> Iterator[str]:
    where = f"overwritten at <code>{esc(group.location)}</code>" if group.location else "no write on record"
    where = "of causes that are too many to tell apart" if group.is_rest else where
    what = "no mismatch, only exposed: " if group.is_exposed else ""
    yield f'<section class="cause"><h3>{group.count:,} &times; {what}{esc(group.name)}, {where}</h3><ol>'
    entries = [entry for place, entry in listed.items() if place[0] == number]
    yield from entries
    yield "</ol>"
    if left := group.count - len(entries):
        yield f'<p class="note">{left:,} more, not listed here; <code>otel-handoff check</code> names them all.</p>'
    yield "</section>"


def _name(place: Place) -> str:
    return f"m{place[0] + 1}-{place[1] + 1}"


def _entry(place: Place, finding: Finding, *, drawn: bool) -> str:
    tag, link = ("a", f' href="#{_name(place)}"') if drawn else ("div", ' class="told" title="Not drawn"')
    submission, culprit = finding.submission, finding.culprit
    ids = [
        finding.trace_id,
        finding.span_id,
        *submission.ids.values(),
        *finding.filed.values(),
        *finding.details.values(),
        *(culprit.ids.values() if culprit is not None else ()),
    ]
    searched = " ".join(dict.fromkeys(esc(each) for each in ids))
    sides = ", ".join(
        f"{esc(finding.expected[name], 60)} → {esc(observed, 60)}" for name, observed in finding.observed.items()
    )
    what = f"{finding.evidence} {finding.outcome}"
    if submission.time_unix_nano:
        what += f" {(finding.time_unix_nano - submission.time_unix_nano) / 1e6:+,.3f} ms"
    return (
        f'<li data-ids="{searched}"><{tag}{link}><b>#{submission.number}</b> {esc(what)}'
        f"<br><span>{sides or esc(finding.headline)}</span></{tag}></li>"
    )


def _article(place: Place, finding: Finding, scenes: Scenes) -> str:
    name, scene = _name(place), scenes.of(finding)
    what, submission = finding.headline.partition(": ")[0], finding.submission
    used = "used" if finding.is_error else ""
    sides = "".join(
        f'<dt>{esc(field)}</dt><dd><span class="{used}">{esc(value)}</span>'
        f" instead of {esc(finding.expected[field])}</dd>"
        for field, value in finding.observed.items()
    )
    time = f", {show_clock(submission.time_unix_nano)}" if submission.time_unix_nano else ""
    stale = ", as stale work" if finding.stale else ""
    more = (
        f' <p class="note">{of(scene.more, "other row")} began in this time and are not drawn.</p>'
        if scene.more
        else ""
    )
    full = "\n".join(esc(line, _LONGEST_LINE) for line in report(finding))
    return (
        f'<article id="{name}" aria-labelledby="{name}-h" data-number="{submission.number}"><h2 id="{name}-h">'
        f'{esc(what[:1].upper() + what[1:])}</h2><dl class="sides">{sides}</dl>'
        f'<p class="meta">Submission #{submission.number} of {esc(submission.boundary)}'
        f"{time}{stale} · {esc_ids(submission.ids)}</p>"
        f'<figure><div class="lanes">{draw(scene)}</div>{more}{_TOOLS}</figure>'
        f"<details open><summary>Full report</summary><pre>{full}</pre></details></article>"
    )


def _legend() -> str:
    entries = "".join(
        f'<li><svg class="{role}" width="26" height="22" aria-hidden="true">{icon}</svg>{what}</li>'
        for icon, what, role in _LEGEND
    )
    return f'<ul class="legend" aria-label="Legend">{entries}</ul>'


_SEARCH: Final = (
    '<div class="search"><input id="search" type="search" placeholder="Search any id" aria-label="Search any id">'
    '<output id="found" for="search"></output></div><div id="answer" role="status" hidden></div>'
)
_BUTTONS: Final = (
    '<span class="zoom"><button data-do="out" aria-label="Zoom out">-</button>'
    ' <button data-do="in" aria-label="Zoom in">+</button>'
    ' <button data-do="reset">Reset</button> <button data-do="help">Keys</button></span>'
)
_TOOLS: Final = f'<div class="tools">{_legend()}{_BUTTONS}</div>'
