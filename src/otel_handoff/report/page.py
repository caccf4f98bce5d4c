"""The page: one HTML file that needs nothing else, of a size that does not depend on how much went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from otel_handoff.check.checked import Checked
from otel_handoff.check.judge import Judge
from otel_handoff.check.text import exposures
from otel_handoff.check.unread import Unread
from otel_handoff.check.verdict import doubts, in_part, no_mismatch, not_checked, not_known, title
from otel_handoff.check.words import of
from otel_handoff.report.about import About
from otel_handoff.report.article import Articles
from otel_handoff.report.deliveries import deliveries
from otel_handoff.report.groups import Groups
from otel_handoff.report.index import Index, index
from otel_handoff.report.listing import causes, drawn, listed, views
from otel_handoff.report.parts import SCRIPTS, STYLE, asset, document, lines
from otel_handoff.report.records import records
from otel_handoff.report.scene import Scenes
from otel_handoff.report.strip import Strip

_BYTES: Final = 1_440_000
"""Of the whole page: what the drawings and the list leave is for the index of all submissions."""

_SPARED: Final = """
SELECT count(*) FROM (SELECT DISTINCT process, boundary, number, CASE WHEN number IS NULL THEN spans.id END
    FROM reports JOIN spans ON spans.id = reports.span WHERE NOT exposure)
"""

_HELP: Final = (
    ("n, p", "next, previous mismatch"),
    ("/", "search any id; Enter opens the first that is found, Esc clears"),
    ("[, ]", "only what came after, before this one; also by dragging along the strip"),
    ("+, -, 0", "zoom in, out, and back; also Ctrl with the wheel"),
    ("←, →", "move along; also by dragging"),
    ("Esc", "show all again"),
    ("?", "this"),
)
_SEARCH: Final = (
    '<div class="search"><input id="search" type="search" placeholder="Search any id" aria-label="Search any id">'
    '<output id="found" for="search"></output></div><div id="answer" role="status" hidden></div>'
)


@dataclass(frozen=True)
class Run:
    """All that a page is made of.

    Attributes:
        judge: that has judged it.
        checked: what was there.
        unread: what could not be read.
        groups: what was found.
        strip: when.
        about: whose run it is.
        trace_url: as `Articles` takes it.
    """

    judge: Judge
    checked: Checked
    unread: Unread
    groups: Groups
    strip: Strip
    about: About
    trace_url: str = ""


def page(run: Run) -> str:
    """Return the page, of less than 1.5 MB."""
    groups, store = run.groups, run.judge.store
    name = _title(run)
    counts = f"{of(groups.count, 'mismatch', 'mismatches')}, {_causes(groups)}" if groups.count else name
    is_calm = groups.spared and not doubts(run.checked, run.unread) and not run.checked.unchecked_rows
    calm = " is-calm" if is_calm else ""
    header = (
        f'<div class="heading{calm}" data-found="{counts}"><h1>{name}</h1>\n'
        f'<p class="verdict">{lines(_verdict(run))}</p></div>'
        + "".join(f'<p class="note">{lines(note)}</p>' for note in _notes(run))
        + run.about.facts(store, run.checked, run.unread, run.strip.start_ns, run.strip.end_ns)
    )
    scenes = Scenes(store)
    main = "".join(_main(run, scenes) if groups.groups else _calm(run.checked))
    body = f"{run.strip.draw()}{deliveries(store, run.checked)}{main}"
    taken = sum(len(part.encode()) for part in (asset(STYLE), *map(asset, SCRIPTS), header, body))
    return document(name, header, body + _index(index(store, _BYTES - taken)))


def _title(run: Run) -> str:
    groups, checked = run.groups, run.checked
    if not groups.count:
        return title(checked, run.unread)
    doubtful = bool(doubts(checked, run.unread))
    if groups.spared:
        (rows,) = run.judge.store.db.execute(_SPARED).fetchone()
        rest = "whether others are wrong is not known" if doubtful else "none is wrong"
        return f"{of(rows, 'row was', 'rows were')} spared, {rest}"
    found = f"{of(groups.count, 'mismatch', 'mismatches')}, {_causes(groups)}"
    return f"{found}; whether there are more is not known" if doubtful else found


def _causes(groups: Groups) -> str:
    causes = [group for group in groups.groups if not group.is_exposed]
    rest = sum(group.is_rest for group in causes)
    return f"{'more than ' * rest}{of(len(causes) - rest, 'cause')}"


def _verdict(run: Run) -> Iterator[str]:
    groups = run.groups
    if not groups.count:
        yield from no_mismatch(run.checked, run.unread, groups.exposures)
        return
    wrong = [of(count, what) for count, what in ((groups.calls, "call"), (groups.results, "result")) if count]
    if wrong:
        verb = "is" if groups.calls + groups.results == 1 else "are"
        yield f"{' and '.join(wrong)} in the audit trail {verb} filed under ids of another submission."
    elif groups.spared:
        uses = of(groups.count, "use of a wrong id was", "uses of a wrong id were")
        yield f"{uses} prevented, of {_causes(groups)}: each worker was given what its row was submitted with."
    else:
        yield "No record of the audit trail is known to be wrong."


def _notes(run: Run) -> Iterator[Iterable[str]]:
    """Yield notes on what was not judged, and on what is no mismatch."""
    groups, checked = run.groups, run.checked
    if groups.count and (doubtful := list(not_known(checked, run.unread))):
        yield doubtful
    if checked.unchecked or checked.gaps:
        yield not_checked(checked)
    if checked.unwatched:
        yield in_part(checked)
    if groups.exposures:
        yield [exposures(groups.exposures)]


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


def _main(run: Run, scenes: Scenes) -> Iterator[str]:
    groups = run.groups
    entries = listed(groups.groups, run.strip)
    made = drawn(entries, Articles(scenes, run.trace_url))
    yield f'<main class="split"><nav aria-label="Mismatches">{_SEARCH}'
    yield records(run.judge.findings(), run.judge.columns, groups.calls + groups.results)
    yield '<div class="causes">'
    yield from causes(groups, entries, made)
    yield f"</div></nav>{views(made)}</main>"
    yield '<dialog aria-labelledby="keys"><h2 id="keys">Keys</h2><dl>'
    for key, what in _HELP:
        yield f"<dt><kbd>{key}</kbd></dt><dd>{what}</dd>"
    yield '</dl><form method="dialog"><button>Close</button></form></dialog>'


def _index(known: Index) -> str:
    which, said = "part", f"This page has room for the first {of(known.held, 'submission')} only."
    if known.whole:
        which, said = "whole", f"All {of(known.held, 'submission')} of these traces are on this page."
    return (
        f'<template id="index" data-holds="{which}">{known.packed}</template><template id="known">{said}'
        " <code>otel-handoff check PATH --id ID</code> answers for any id.</template>"
    )
