"""What became of the rows that this process handed over so far."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from otel_handoff.doctor.finding import Finding, note, ok, unknown, wrong
from otel_handoff.record.gaps import said_of
from otel_handoff.record.unchecked import REASONS
from otel_handoff.tell.metrics import BoundaryCounts

_SAID_OF_THE_PART: Final = frozenset({"part_missing", "replaced"})
"""What is seen of the functions themselves, and said there."""


def carried(name: str, counts: BoundaryCounts) -> Iterator[Finding]:
    """Yield that a boundary names no ids, and how many rows it carried the trace of."""
    handed = counts.submissions.value
    rows = f"{handed:,} row{'' if handed == 1 else 's'} handed over; " if handed else ""
    text = f"{rows}the trace is carried, and nothing is compared: no ids are declared"
    yield note(f"{name}.rows", text, "Name them in Boundary(ids=...) or Boundary(fields=...).", handed_over=handed)


def look(name: str, counts: BoundaryCounts, *, apart: bool) -> Iterator[Finding]:
    """Yield how many rows of a boundary were judged, and how many were not, for each reason.

    Args:
        name: the boundary's.
        counts: of its rows.
        apart: whether this process is the doctor's own, in which nobody hands over.
    """
    handed, judged = counts.submissions.value, counts.judged
    unchecked = {reason: rows for reason, rows in counts.unchecked_rows.items() if rows}
    gaps = list(counts.gaps)
    facts: dict[str, Any] = {"handed_over": handed, "judged": judged, "unchecked": unchecked}
    subject = f"{name}.rows"
    rows = f"{handed:,} row{'' if handed == 1 else 's'} handed over"
    if judged:
        left = f"; {said_of(gaps)}" if gaps else ""
        yield ok(subject, f"{rows}, {judged:,} judged{left}", **facts)
    elif unchecked or any(gap.is_doubt for gap in gaps):
        do = "See below why; until that is put right, nothing is known of these rows."
        yield wrong(subject, f"{rows}, none judged: whether they are right is not known", do, **facts)
    elif handed:
        yield unknown(subject, f"{rows}, and no worker has come for one yet", **facts)
    elif not apart:
        yield note(subject, "no row was handed over in this process so far", **facts)
    for gap in gaps:
        if gap.reason not in _SAID_OF_THE_PART:
            tell = wrong if gap.is_doubt else note
            do = f"{gap.do[0].upper()}{gap.do[1:]}."
            yield tell(f"{name}.unchecked.{gap.reason}", gap.said, do, reason=gap.reason, part=gap.detail)
    if counts.unwatched.value:
        text = (
            f"{counts.unwatched.value:,} of them judged only at their start, at each call and at their end: reads of"
            " their contexts are not seen"
        )
        do = "Set OTEL_HANDOFF_MODE=pin, or hand over an instance of a plain class."
        yield note(f"{name}.unwatched", text, do, rows=counts.unwatched.value)
    for reason, count in unchecked.items():
        meaning, do, _ = REASONS[reason]
        text = f"{count:,} row{' was' if count == 1 else 's were'} not checked: {meaning}"
        yield wrong(f"{name}.unchecked.{reason}", text, f"{do[0].upper()}{do[1:]}.", reason=reason, rows=count)
