"""Rows that left for another process: how many were worked on, how often, and which never were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from otel_handoff.check.checked import Checked
from otel_handoff.check.store import Store
from otel_handoff.check.text import worked_several
from otel_handoff.check.words import of
from otel_handoff.record.shown import show_clock
from otel_handoff.report.parts import copied, esc, esc_ids
from otel_handoff.report.places import Places, home_of
from otel_handoff.report.scale import about

_MOST: Final = 20

_AGAIN: Final = """
SELECT count(*) FROM (SELECT DISTINCT process, boundary, number FROM spans WHERE kind = 'row' AND delivery > 1)
"""
_TWICE: Final = "SELECT count(*) FROM twice WHERE delivery > 0"
_NEVER: Final = """
SELECT boundary, process, number, ids, min(start), trace FROM
    (SELECT boundary, process, number FROM spans WHERE kind = 'sent'
    EXCEPT SELECT boundary, process, number FROM spans WHERE kind IN ('row', 'unchecked') AND number IS NOT NULL)
    JOIN spans AS sent USING (boundary, process, number) WHERE sent.kind = 'sent'
    GROUP BY process, boundary, number ORDER BY min(start) LIMIT ?
"""


_SEVERAL: Final = """
SELECT boundary, process, number, ids, min(start), trace, times FROM uncounted
    JOIN spans USING (process, boundary, number, time) WHERE kind = 'row'
    GROUP BY process, boundary, number, time ORDER BY times DESC, min(start) LIMIT ?
"""


def deliveries(store: Store, checked: Checked) -> str:
    """Return what became of the rows that left, as HTML; empty where none did."""
    return "".join(_deliveries(store, checked)) if checked.sent or checked.unsent else ""


def _deliveries(store: Store, checked: Checked) -> Iterator[str]:
    (again,), (twice,) = store.db.execute(_AGAIN).fetchone(), store.db.execute(_TWICE).fetchone()
    missing = checked.never_worked + checked.gone
    told = [
        of(checked.sent, "row was sent", "rows were sent"),
        f"{again:,} delivered again: retries" if again else "none delivered again",
        f"{twice:,} worked on twice for one delivery" if twice else "none worked on twice for one delivery",
        f"{checked.unsent:,} could not be sent" if checked.unsent else "",
        f"{checked.never_worked:,} never worked on" if checked.never_worked else "",
        f"{checked.gone:,} whose far side is not in these files" if checked.gone else "",
        "none lost" if not missing else "",
        worked_several(checked) if checked.several else "",
    ]
    yield f'<section class="sent"><h2>Across processes</h2><p>{" · ".join(filter(None, told))}</p>'
    for place, home, behind in Places(store).clocks():
        yield (
            f'<p class="note">The clock of {esc(place.full)} is {about(behind)} behind that of {esc(home)}, at least:'
            " work would have begun before its row was sent. What it did is drawn that much later.</p>"
        )
    if missing:
        yield from _listed(f"Sent, and no work seen: {of(missing, 'row')}", missing, _never(store))
    if checked.several:
        head = f"Worked on several times, and nobody counts its deliveries: {of(checked.several, 'row')}"
        yield from _listed(head, checked.several, _several(store))
    yield "</section>"


def _never(store: Store) -> Iterator[str]:
    for boundary, process, number, ids, start, trace in store.db.execute(_NEVER, (_MOST,)):
        yield f"{_row(boundary, process, number)} at {show_clock(start)}<br>{_which(ids, trace)}"


def _several(store: Store) -> Iterator[str]:
    for boundary, process, number, ids, start, trace, times in store.db.execute(_SEVERAL, (_MOST,)):
        begun = f"worked on {times:,} times, first at {show_clock(start)}"
        yield f"{_row(boundary, process, number)}, {begun}<br>{_which(ids, trace)}"


def _row(boundary: str, process: str, number: int) -> str:
    return f"<b>#{number}</b> of {esc(boundary)}, sent by {esc(home_of(process))}"


def _which(ids: str, trace: str) -> str:
    return f"{esc_ids(json.loads(ids))}, trace {esc(trace)}{copied(trace, 'the trace')}"


def _listed(head: str, count: int, rows: Iterator[str]) -> Iterator[str]:
    yield f"<details><summary>{head}</summary><ol>"
    shown = 0
    for row in rows:
        shown += 1
        yield f"<li>{row}</li>"
    yield "</ol>"
    if count > shown:
        yield f'<p class="note">{count - shown:,} more.</p>'
    yield "</details>"
