"""Every submission of a run in a line, packed: what a page's search knows beyond the mismatches that it lists."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from otel_handoff.check.store import Store
from otel_handoff.check.words import printable
from otel_handoff.record.shown import show_clock

_CHUNK: Final = 64
_LONGEST: Final = 160

BY_TIME: Final = (
    "CREATE INDEX IF NOT EXISTS rows_by_time ON spans (time) WHERE kind IN ('row', 'unchecked') AND time IS NOT NULL"
)
# What is wrong about a row is not always on a page, but never is such a row told to be in order.
_ROWS: Final = """
SELECT row.number, row.boundary, row.time, row.ids, row.trace, row.span, CASE
    WHEN EXISTS (SELECT * FROM under JOIN reports ON reports.span = under.span
            WHERE under.row = row.id AND NOT reports.exposure)
        OR EXISTS (SELECT * FROM odd WHERE odd.row = row.id)
        OR unchecked.span IS NULL AND EXISTS (SELECT * FROM spans AS twin WHERE twin.kind = 'row' AND twin.id <> row.id
            AND NOT EXISTS (SELECT * FROM unchecked WHERE unchecked.span = twin.id)
            AND (twin.process, twin.boundary, twin.number, twin.time)
                = (row.process, row.boundary, row.number, row.time))
    THEN 'mismatch'
    WHEN EXISTS (SELECT * FROM json_each(row.ids) AS one CROSS JOIN used ON used.boundary = row.boundary
        AND used.field = one.key AND used.value = one.value)
    THEN 'its ids were used by another'
    WHEN unchecked.span IS NOT NULL THEN 'not checked: ' || unchecked.reason
    ELSE 'no mismatch' END
FROM spans AS row LEFT JOIN unchecked ON unchecked.span = row.id
WHERE row.kind IN ('row', 'unchecked') AND row.time IS NOT NULL ORDER BY row.time
"""


@dataclass(frozen=True)
class Index:
    """Submissions, in the order of their times.

    Attributes:
        packed: base64 of zlib's format, of UTF-8 lines: what is wrong, the submission, its time, its ids, and those of
            its span, with tabs between.
        held: how many submissions these are: the first ones.
        whole: whether they are all.
    """

    packed: str
    held: int
    whole: bool


def index(store: Store, room: int) -> Index:
    """Return as many submissions as `room` letters hold.

    Args:
        store: what a judge has settled, with the index that `Scenes` adds.
        room: how long `packed` may be.
    """
    store.db.execute(BY_TIME)
    lines = (_line(*columns) for columns in store.db.execute(_ROWS))
    packer, packed, held = zlib.compressobj(9), bytearray(), 0
    most = room // 4 * 3 - 16  # the end of the packed data and of base64
    while chunk := list(islice(lines, _CHUNK)):
        before = packer.copy()
        piece = packer.compress("".join(chunk).encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
        if len(packed) + len(piece) > most:
            packer = before
            break
        packed += piece
        held += len(chunk)
    return Index(base64.b64encode(packed + packer.flush()).decode(), held, whole=not chunk)


def _line(number: int | None, boundary: str, time: int, ids: str, trace: str, span: str, wrong: str) -> str:
    told = " ".join(f"{name}={_short(value)}" for name, value in json.loads(ids).items())
    parts = wrong, f"#{number or 0} of {_short(boundary)}", show_clock(time), told, f"{trace} {span}"
    return "\t".join(map(printable, parts)) + "\n"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
