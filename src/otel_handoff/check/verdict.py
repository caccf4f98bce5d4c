"""What may be said of a run without a mismatch: that it has none, of what was judged; or that it is not known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from otel_handoff.check.asked import Asked
from otel_handoff.check.checked import Checked, Unchecked
from otel_handoff.check.unread import Unread
from otel_handoff.check.words import and_more, of
from otel_handoff.record.gaps import Gap, said_of
from otel_handoff.record.reasons import REASONS

NOT_KNOWN: Final = "Not known"
_MOST_REASONS: Final = 20
_MOST_NAMED: Final = 5


def doubts(checked: Checked, unread: Unread) -> list[str]:
    """Return why it is not known whether there is a mismatch; nothing where it is."""
    found = [f"nothing was judged: {_nothing(checked)}"] if not checked.judged else []
    if checked.judged and checked.blind:
        found.append(f"no row of boundary {and_more(checked.blind[:_MOST_NAMED], len(checked.blind))} was judged")
    return found + _of_gaps(checked.gaps) + _of_lost(checked) + _of_spans(checked) + unread_part(unread)


def _of_lost(checked: Checked) -> list[str]:
    if not checked.lost:
        return []
    what = "disagreed or was not judged, and has" if checked.lost == 1 else "disagreed or were not judged, and have"
    return [f"{of(checked.lost, 'row')} {what} no span (not sampled; the logs and counters tell)"]


def _of_gaps(gaps: Sequence[Gap]) -> list[str]:
    doubtful = [gap for gap in gaps if gap.is_doubt]
    return [said_of(doubtful)] if doubtful else []


def _of_spans(checked: Checked) -> list[str]:
    if not checked.unread:
        return []
    return [f"{of(checked.unread, 'span')} of otel-handoff could not be read, as an attribute of it is changed or cut"]


def unread_part(unread: Unread) -> list[str]:
    """Return the doubt that is left by what could not be read."""
    return [f"{unread} could not be read, and a mismatch may be in there"] if unread else []


def _nothing(checked: Checked) -> str:
    if checked.unchecked_rows:
        return f"{of(checked.unchecked_rows, 'row was', 'rows were')} handed over, and none checked"
    if checked.sent:
        return f"{of(checked.sent, 'row was', 'rows were')} sent to another process, whose spans are not in these files"
    if checked.calls:
        return "the spans of the work on the rows are not in these files (sampled away, or not ended)"
    if checked.lost:
        return "no row is known to be in order"
    if checked.spans:
        return "none of these spans is of otel-handoff (is it turned on there?)"
    return "there is no span in these files"


def no_mismatch(checked: Checked, unread: Unread, exposures: int = 0) -> Iterator[str]:
    """Yield what it means that none was found: `No mismatch` or `Not known`, a colon, and a sentence; and more."""
    yield from not_known(checked, unread)
    if checked.judged:
        rows = f"No mismatch in {of(checked.judged, 'row')} judged"
        if left := list(_not_compared(checked)):
            yield f"{rows}; {'; '.join(left)}."
        elif exposures or unread or checked.not_compared:
            yield f"{rows}."
        elif checked.spanless:
            yield f"{rows}: of those without a span the detector says so, the others' spans carry the ids they should."
        else:
            yield f"{rows}: every id that these spans carry is the one its row was submitted with."


def not_known(checked: Checked, unread: Unread) -> Iterator[str]:
    """Yield why it is not known whether there is a mismatch, or another; nothing where it is."""
    if doubtful := doubts(checked, unread):
        yield f"{NOT_KNOWN}: {'; '.join(doubtful)}."


def _not_compared(checked: Checked) -> Iterator[str]:
    if checked.partly:
        yield f"{checked.partly:,} of them not in all fields"
    if checked.unchecked_rows:
        yield f"{of(checked.unchecked_rows, 'row')} not checked: {_reasons(checked)}"
    if noted := [gap for gap in checked.gaps if not gap.is_doubt]:
        yield said_of(noted)
    if checked.calls_without_row:
        yield f"{of(checked.calls_without_row, 'call')} not compared, without the span of its row"
    if checked.outlived:
        yield f"{of(checked.outlived, 'other span')} not judged, begun when the work was over"
    if checked.never_worked:
        yield f"{of(checked.never_worked, 'row')} sent to another process and not worked on in these files"
    if checked.gone:
        yield f"{of(checked.gone, 'row')} sent to another process whose spans are not in these files"


def doubts_about(asked: Asked, checked: Checked, unread: Unread) -> list[str]:
    """Return why it is not known whether anything is wrong about an id; nothing where it is."""
    carriers = asked.carriers
    found: list[str] = []
    if not carriers:
        found.append("no submission in these files carried it")
    elif asked.unchecked == carriers:
        found.append(f"{of(carriers, 'submission')} carried it, and none was checked")
    elif blind := asked.blind:
        found.append(f"no row of boundary {and_more(blind[:_MOST_NAMED], len(blind))} that carried it was checked")
    return found + _of_gaps(gaps_about(asked, checked)) + _of_lost(checked) + _of_spans(checked) + unread_part(unread)


def gaps_about(asked: Asked, checked: Checked) -> list[Gap]:
    """Return the parts of declarations that were not met at boundaries at which an id was carried."""
    boundaries = asked.boundaries if checked.gaps else set[str]()
    return [gap for gap in checked.gaps if gap.boundary in boundaries]


def nothing_wrong(asked: Asked, checked: Checked, unread: Unread) -> Iterator[str]:
    """Yield what it means that no mismatch concerns an id."""
    carriers, unchecked, partly = asked.carriers, asked.unchecked, asked.partly
    noted = [gap for gap in gaps_about(asked, checked) if not gap.is_doubt]
    if not carriers:
        yield "Nor does a mismatch name it. Is it spelled in full? The spans that had it may have been sampled away."
        if checked.spanless:
            yield "Or its row was in order: then it has none (spans=mismatch)."
        return
    doubtful = doubts_about(asked, checked, unread)
    if doubtful:
        yield f"{NOT_KNOWN}: {'; '.join(doubtful)}."
    if not (doubtful or unchecked or partly or noted):
        yield "Nothing is wrong about it: no mismatch is of such a submission, or names it."
    elif unchecked < carriers:
        judged = of(carriers - unchecked, "submission that was", "submissions that were")
        rest = f"; {unchecked:,} {'was' if unchecked == 1 else 'were'} not" if unchecked else ""
        rest += f"; {partly:,} of them not in all fields" if partly else ""
        rest += f"; {said_of(noted)}" if noted else ""
        yield f"No mismatch in the {judged} judged{rest}."


def title(checked: Checked, unread: Unread) -> str:
    """Return the same in a few words."""
    if doubts(checked, unread):
        return NOT_KNOWN
    if checked.unchecked_rows:
        return f"No mismatch in {of(checked.judged, 'row')} judged, {checked.unchecked_rows:,} not checked"
    if checked.not_compared:
        return f"No mismatch in {of(checked.judged, 'row')} judged, not all compared"
    return "No mismatch"


def _reasons(checked: Checked) -> str:
    reasons = [f"{rows:,} x {reason}" for reason, rows in checked.reasons.items()]
    return and_more(reasons[:_MOST_NAMED], len(reasons))


def not_checked(checked: Checked) -> Iterator[str]:
    """Yield which rows were not checked, why, and what to do; all lines but the first are indented."""
    if not (checked.unchecked or checked.gaps):
        return
    counts = [of(checked.unchecked_rows, "row")] * bool(checked.unchecked_rows)
    counts += [f"{of(checked.partly, 'row')} in part"] * bool(checked.partly)
    counts += [f"{of(len(checked.gaps), 'part')} of the declaration"] * bool(checked.gaps)
    yield f"Not checked: {', '.join(counts)}."
    for gap in checked.gaps[:_MOST_REASONS]:
        yield f"  {gap.reason}, boundary {gap.boundary}, of all rows: {gap.said}"
        yield f"    Do: {gap.do}."
    for each in checked.unchecked[:_MOST_REASONS]:
        yield f"  {each.rows:,} x {each.reason}, boundary {each.boundary}{_pinned(each)}"
        if (reason := REASONS.get(each.reason)) is not None:
            yield f"    {reason.meaning}"
            yield f"    Do: {reason.advice}."
    if len(checked.unchecked) > _MOST_REASONS:
        yield f"  and {len(checked.unchecked) - _MOST_REASONS} more (--format json lists them)"


def in_part(checked: Checked) -> Iterator[str]:
    """Yield how many of the judged rows were judged in part only: their reads could not be seen."""
    if checked.unwatched:
        yield (
            f"Judged only at their start, at each call and at their end: {of(checked.unwatched, 'row')}, whose contexts"
            " cannot be watched. A wrong id that was read in between, and gone again by then, is not seen."
        )


def _pinned(unchecked: Unchecked) -> str:
    if not unchecked.pinned:
        return ""
    which = "" if unchecked.pinned >= unchecked.rows else f"{unchecked.pinned:,} of them "
    return f" ({which}pinned all the same)"
