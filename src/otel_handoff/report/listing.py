"""The list of mismatches by cause, and their articles: as many as there is room for, of each cause in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from otel_handoff.check.finding import Finding
from otel_handoff.check.words import of
from otel_handoff.report.article import Articles
from otel_handoff.report.groups import Group, Groups
from otel_handoff.report.parts import esc, packed
from otel_handoff.report.strip import Strip

_MOST_DRAWN: Final = 1000
_MOST_PLAIN: Final = 30
_BYTES_PLAIN: Final = 350_000
_BYTES_PACKED: Final = 350_000
_BYTES_LISTED: Final = 350_000
_AROUND: Final = 60
"""What is around an entry, in bytes."""
_TOGETHER: Final = 24
"""How many articles are packed together: a page unpacks them when one of them is shown."""

Place = tuple[int, int]
"""A finding: the index of its group, and its own within."""


@dataclass(frozen=True)
class Entry:
    """A finding in the list: how its entry begins, and what it says, as HTML."""

    finding: Finding
    opening: str
    text: str


@dataclass
class Drawn:
    """The articles.

    Attributes:
        plain: of those that stand on the page as they are.
        packs: the others, packed: the names in each, and its text.
        places: all of them.
    """

    plain: dict[Place, str] = field(default_factory=dict[Place, str])
    packs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    places: set[Place] = field(default_factory=set[Place])


def _in_turn(groups: Sequence[Group]) -> Iterator[tuple[Place, Finding]]:
    """Yield findings of each cause in turn: no cause crowds another out."""
    for turn in range(max(len(group.findings) for group in groups)):
        for number, group in enumerate(groups):
            if turn < len(group.findings):
                yield (number, turn), group.findings[turn]


def listed(groups: Sequence[Group], strip: Strip) -> dict[Place, Entry]:
    """Return entries for as many as have room."""
    entries: dict[Place, Entry] = {}
    room = _BYTES_LISTED
    for place, finding in _in_turn(groups):
        entry = _entry(finding, strip)
        room -= len(entry.opening.encode()) + len(entry.text.encode()) + _AROUND
        if room < 0:
            break
        entries[place] = entry
    return entries


def drawn(entries: dict[Place, Entry], articles: Articles) -> Drawn:
    """Draw as many of those that are listed as have room."""
    made, room, room_packed = Drawn(), _BYTES_PLAIN, _BYTES_PACKED
    waiting: dict[Place, str] = {}
    for place, entry in entries.items():
        if len(made.places) + len(waiting) == _MOST_DRAWN:
            break
        article = articles.of(name_of(place), entry.finding)
        room -= len(article.encode())
        if room >= 0 and len(made.plain) < _MOST_PLAIN:
            made.plain[place] = article
            made.places.add(place)
            continue
        room = 0
        waiting[place] = article
        if len(waiting) == _TOGETHER:
            room_packed -= _pack(made, waiting, room_packed)
            if waiting:
                break
    _pack(made, waiting, room_packed)
    return made


def _pack(made: Drawn, waiting: dict[Place, str], room: int) -> int:
    """Pack what waits, if it has room; return how much that took."""
    pack = packed("".join(waiting.values())) if waiting else ""
    if not pack or len(pack) > room:
        return 0
    made.packs.append((" ".join(map(name_of, waiting)), pack))
    made.places.update(waiting)
    waiting.clear()
    return len(pack)


def views(made: Drawn) -> str:
    """Return the articles, as HTML."""
    packs = "".join(f'<template class="pack" data-names="{names}">{pack}</template>' for names, pack in made.packs)
    return f'<div class="views">{"".join(made.plain[place] for place in sorted(made.plain))}</div>{packs}'


def causes(groups: Groups, entries: dict[Place, Entry], made: Drawn) -> Iterator[str]:
    """Yield the list, as HTML."""
    for number, group in enumerate(groups.groups):
        yield from _cause(group, [place for place in entries if place[0] == number], entries, made)
    for exposed, count, names in (
        (False, groups.count, ("mismatch", "mismatches")),
        (True, groups.exposures, ("exposure",)),
    ):
        left = count - sum(groups.groups[group].is_exposed == exposed for group, _ in made.places)
        if left:
            why = "to keep this page small: all are on the strip above"
            yield f'<p class="note">{of(left, *names)} without a drawing, {why}.</p>'


def _cause(group: Group, places: Sequence[Place], entries: dict[Place, Entry], made: Drawn) -> Iterator[str]:
    where = f"overwritten at <code>{esc(group.location)}</code>" if group.location else "no write on record"
    where = "of causes that are too many to tell apart" if group.is_rest else where
    what = "no mismatch, only exposed: " if group.is_exposed else ""
    name = f"{esc(', '.join(group.names))}, {where}" if group.names else "worked on twice"
    yield f'<section class="cause"><h3>{group.count:,} &times; {what}{name}</h3><ol>'
    for place in places:
        is_drawn = place in made.places
        tag, link = ("a", f' href="#{name_of(place)}"') if is_drawn else ("div", ' class="told" title="Not drawn"')
        yield f"{entries[place].opening}<{tag}{link}>{entries[place].text}</{tag}></li>"
    yield "</ol>"
    if left := group.count - len(places):
        yield f'<p class="note">{left:,} more, not listed here; <code>otel-handoff check</code> names them all.</p>'
    yield "</section>"


def name_of(place: Place) -> str:
    """Return the name of an article, which is its address on the page."""
    return f"m{place[0] + 1}-{place[1] + 1}"


def _entry(finding: Finding, strip: Strip) -> Entry:
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
    facets = " ".join(map(str, strip.facets(finding)))
    return Entry(
        finding,
        f'<li data-ids="{searched}" data-bin="{strip.bin(finding)}" data-facets="{facets}">',
        f"<b>#{submission.number}</b> {esc(what)}<br><span>{sides or esc(finding.headline)}</span>",
    )
