"""What was found as a page: for each the threads, who wrote between hand-over and read, the lines, and the boundary."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from typing import Final, NamedTuple

from otel_handoff.find.found import EXPOSED, WRONG, Found, Line, Result
from otel_handoff.find.propose import written
from otel_handoff.find.text import about, headline, of_its_boundary, summary, unseen
from otel_handoff.find.verify import Tried
from otel_handoff.report.parts import document, esc, preformatted

_MOST_DRAWN: Final = 40
_LANE: Final = 56
_TOP: Final = 34


class _Step(NamedTuple):
    """Something that happened to one row, in the order in which it did."""

    name: str
    line: Line
    value: str
    mark: str
    at: int


def page(result: Result, tried: Tried | None) -> str:
    """Return the page: one file that needs nothing else."""
    found = [*result.of(WRONG), *result.of(EXPOSED)]
    notes = [*unseen(result), "That is of this run alone: what it did not do was not seen, and a race may need luck."]
    if len(found) > _MOST_DRAWN:
        notes.insert(0, f"Of {len(found)}, the worst {_MOST_DRAWN} are drawn.")
    title = esc(summary(result, tried))
    told = "\n".join(f'<p class="note">{esc(note)}</p>' for note in notes if note)
    body = "\n".join(line for each in found[:_MOST_DRAWN] for line in _article(each, tried))
    return document(title, f"<h1>{title}</h1>\n{told}", body, made_by="find", scripts=())


def _article(found: Found, tried: Tried | None) -> Iterator[str]:
    steps = _steps(found)
    yield "<article>"
    yield f"<h2>{esc(headline(found))}</h2>"
    where = f"{esc(found.kind)} at <code>{esc(found.context)}</code> of <code>{esc(found.work)}</code>"
    yield f'<p class="meta">{where}</p>'
    yield from _drawing(found, steps)
    yield '<dl class="sides">'
    for step in steps:
        times = f", {step.line.times:,} times" if step.line.times > 1 else ""
        source = linecache.getline(step.line.file, step.line.line).strip()
        yield f"<dt>{esc(step.name)}</dt><dd>{esc(step.line.place or 'by no code of the program')}{times}"
        yield f"<br><code>{esc(source)}</code></dd>" if source else "</dd>"
    for name, why in found.why.items():
        yield f"<dt>field</dt><dd><code>{esc(name)} = {esc(found.fields[name])}</code>: {esc(why)}</dd>"
    for what, sentence in about(found):
        yield f"<dt>{what}</dt><dd>{esc(sentence)}</dd>"
    yield "</dl>"
    if found.boundary is not None:
        yield f"<pre>{preformatted(written(found.boundary).splitlines())}</pre>"
        for what, sentence in of_its_boundary(found, tried):
            yield f'<p class="note">{esc(f"{what}: {sentence}" if what else sentence)}</p>'
    yield "</article>"


def _steps(found: Found) -> list[_Step]:
    then, now = found.example or ("", "")
    steps = [_Step("handed over", found.hands_over, then, "submission", 16)]
    if found.writes:
        steps.append(_Step("written", found.writes[0], now, "culprit", 48))
    if found.reads:
        steps.append(_Step("read", found.reads[0], now, "use wrong" if found.verdict == WRONG else "use", 80))
    return steps


def _drawing(found: Found, steps: list[_Step]) -> Iterator[str]:
    if len(steps) < 2:
        return
    lanes = list(dict.fromkeys(step.line.thread or "who hands over" for step in steps))
    height = _TOP + _LANE * len(lanes)
    at = {step.name: (step.at, _TOP + _LANE * lanes.index(step.line.thread or "who hands over")) for step in steps}
    yield '<figure><div class="lanes">'
    yield f'<svg class="names" height="{height}" aria-hidden="true">'
    yield from (f'<text x="0" y="{_TOP + _LANE * n + 4}">{esc(name)}</text>' for n, name in enumerate(lanes))
    yield "</svg>"
    yield f'<svg class="time" height="{height}" role="img" aria-label="{esc(headline(found))}">'
    for number in range(len(lanes)):
        y = _TOP + _LANE * number
        yield f'<line class="lane" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
    if "read" in at:
        yield _arrow(at["handed over"], at["read"], "hand", "own", "head-own")
        if "written" in at:
            yield _arrow(at["written"], at["read"], "did", "", "head-did")
    for step in steps:
        x, y = at[step.name]
        yield f'<g class="own"><circle class="{step.mark}" cx="{x}%" cy="{y}" r="6"/></g>'
        yield f'<text x="{x}%" y="{y - 14}" text-anchor="middle">{esc(step.name)} {esc(step.value, 40)}</text>'
    yield '</svg></div><figcaption class="note">In this order; how long it took is not drawn.</figcaption></figure>'


def _arrow(start: tuple[int, int], end: tuple[int, int], kind: str, role: str, head: str) -> str:
    (x1, y1), (x2, y2) = start, end
    line = f'<line class="{kind}" x1="{x1}%" y1="{y1}" x2="{x2 - 1}%" y2="{y2}" marker-end="url(#{head})"/>'
    return f'<g class="{role}">{line}</g>'
