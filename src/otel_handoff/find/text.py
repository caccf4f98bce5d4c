"""What `otel-handoff find` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from otel_handoff.find.found import EARLY, EXPOSED, SHARED, WRONG, Found, Line, Result
from otel_handoff.find.held import IN_CONTEXTS, LOCAL
from otel_handoff.find.propose import written
from otel_handoff.find.verify import NOTHING, WRONG_IDS, Tried, in_doubt, verdict

_MOST_LINES = 3
_MOST_UNSEEN = 5


def lines(result: Result, tried: Tried | None, *, shared: bool) -> Iterator[str]:
    """Yield the report, line by line; with `shared`, also what never moved."""
    found = result.found if shared else [*result.of(WRONG), *result.of(EXPOSED)]
    for each in found:
        yield from _found(each, tried)
        yield ""
    yield from unseen(result)
    yield summary(result, tried)
    hidden = len(result.of(SHARED)) if not shared else 0
    if hidden:
        yield f"{_of(hidden, 'object')} more went across again and again, and never moved in flight: --all shows them."
    yield "That is of this run alone: what it did not do was not seen, and a race may need luck (--provoke)."


def summary(result: Result, tried: Tried | None) -> str:
    """Return what is said of the run, in a line."""
    of = f"{_of(result.rows, 'row')} in {_of(result.processes, 'process', 'processes')}"
    said = verdict(result, tried)
    if said == NOTHING:
        limits = ", as far as it was looked into: see above" if result.unseen or result.errors else ""
        return f"Nothing wrong was seen, of {of}{limits}."
    if said == WRONG_IDS:
        return f"WRONG in {_of(len(result.of(WRONG)), 'hand-over')}, of {of}."
    if result.lost:
        lost = _of(result.lost, "process", "processes")
        ends = "That is how `with Pool()` ends its workers: close() and join() let them tell."
        return f"NOT KNOWN, of {of}: {lost} began, and ended without a word of what was found. {ends}"
    if not result.rows:
        return "NOT KNOWN: nothing was handed over that find looks at."
    doubts = _of(in_doubt(result, tried), "hand-over")
    return f"NOT KNOWN in {doubts}, of {of}: see above. A boundary with the calls that file something tells."


def headline(found: Found) -> str:
    """Return what is said of one finding, in a line."""
    rows = f"{found.wrong or found.moved} of {_of(found.rows, 'row')}"
    if found.verdict == WRONG:
        return f"WRONG: in {rows} the worker read what was written after its hand-over"
    if found.verdict != EXPOSED:
        return f"SHARED: one object in {_of(found.rows, 'row')}, and what says which row it is never moved in flight"
    if found.kind in (IN_CONTEXTS, LOCAL):
        return f"EXPOSED: in {rows} the worker began without what it held, or with another"
    if found.wrong:
        return f"EXPOSED: in {rows} the worker read what was written after its hand-over, which may be everybody's"
    seen = "who read it is not seen" if found.unwatched else "no wrong read was seen"
    return f"EXPOSED: it moved in flight in {rows}; {seen}"


def _found(found: Found, tried: Tried | None) -> Iterator[str]:
    yield headline(found)
    yield f"  handed over  {found.way}, {found.hands_over.place or 'by no code of the program'}"
    yield f"  work         {found.work or 'not seen'}"
    is_variable = found.kind == IN_CONTEXTS
    yield f"  object       {found.context if is_variable else f'{_a(found.kind)} at {found.context!r}'}"
    yield from _places("written", found.writes, "by whom was not seen" if found.verdict == WRONG else "")
    unread = "pickled for another process" if found.pickled else "as its work began"
    yield from _places("read", found.reads, "", unread)
    if found.example is not None:
        yield f"  for example  {found.example[1]} instead of {found.example[0]}"
    for name, why in found.why.items():
        yield f"  field        {name} = {found.fields[name]!r}: {why}"
    for what, sentence in about(found):
        yield f"  {what:<11}  {sentence}"
    if found.boundary is not None and found.verdict != SHARED:
        yield "  guard it with"
        yield from (f"    {line}" for line in written(found.boundary).splitlines())
        for what, sentence in of_its_boundary(found, tried):
            yield f"  {what:<11}  {sentence}"


def about(found: Found) -> Iterator[tuple[str, str]]:
    """Yield what has to be known of one finding: what it is about, and a sentence."""
    is_guardless = found.boundary is None and found.verdict != SHARED
    why_not = found.why_not if is_guardless else ""
    for what, sentence in (("in doubt", found.doubt), ("not seen", found.unwatched), ("no boundary", why_not)):
        if sentence:
            yield what, sentence


def of_its_boundary(found: Found, tried: Tried | None) -> Iterator[tuple[str, str]]:
    """Yield what has to be known to use the boundary that is proposed, and what came of it where it was tried."""
    if found.note:
        yield "note", found.note
    if tried is not None:
        yield from tried.said(found)


def _places(what: str, places: Sequence[Line], none: str, unread: str = "") -> Iterator[str]:
    for number, line in enumerate(places[:_MOST_LINES]):
        where = line.place or unread
        yield f"  {what if not number else '':<11}  {where}, {line.thread}, {_of(line.times, 'time')}"
    if len(places) > _MOST_LINES:
        yield f"  {'':<11}  and {_of(len(places) - _MOST_LINES, 'place')} more"
    if not places and none:
        yield f"  {what:<11}  {none}"


def unseen(result: Result) -> Iterator[str]:
    """Yield what was not looked into, and went wrong with ourselves."""
    ordered = sorted(result.unseen.items(), key=lambda each: (EARLY not in each[0], -each[1], each[0]))
    for sentence, times in ordered[:_MOST_UNSEEN]:
        yield f"Not looked into: {sentence}{f', {times} times' if times > 1 else ''}"
    if len(ordered) > _MOST_UNSEEN:
        yield f"Not looked into: {len(ordered) - _MOST_UNSEEN:,} places more, which --format json names"
    if result.errors:
        yield f"Errors of otel-handoff itself: {result.errors}. Something may have been missed."
    if result.unseen or result.errors:
        yield ""


def _a(kind: str) -> str:
    return f"{'an' if kind[:1].lower() in 'aeio' else 'a'} {kind}"


def _of(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
