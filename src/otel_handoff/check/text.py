"""What `otel-handoff check` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from otel_handoff.check.asked import Asked
from otel_handoff.check.checked import Checked
from otel_handoff.check.finding import WORK, Finding
from otel_handoff.check.kinds import Kind
from otel_handoff.check.unread import Unread
from otel_handoff.check.verdict import (
    NOT_KNOWN,
    doubts_about,
    in_part,
    no_mismatch,
    not_checked,
    not_known,
    nothing_wrong,
)
from otel_handoff.check.words import and_more, of, printable
from otel_handoff.record.shown import show, show_clock, show_ids
from otel_handoff.record.story import VERBS, advice, overwritten, submitted, used

_MOST_CARRIERS: Final = 20
_MOST_EXPOSED: Final = 10
_MOST_OTHERS: Final = 3
_MOST_NAMED: Final = 20


@dataclass(frozen=True)
class Totals:
    """Of a whole check: mismatches, wrong calls and results in the audit trail, and exposures."""

    mismatches: int
    calls: int
    results: int
    exposures: int


def lines(
    checked: Checked,
    totals: Totals,
    kinds: Sequence[Kind],
    exposed: Sequence[Kind],
    unread: Unread,
    asked: Asked | None = None,
) -> Iterator[str]:
    """Yield the report, line by line, fit for any terminal whatever the traces hold."""
    yield from map(printable, _lines(checked, totals, kinds, exposed, unread, asked))


def _lines(
    checked: Checked,
    totals: Totals,
    kinds: Sequence[Kind],
    exposed: Sequence[Kind],
    unread: Unread,
    asked: Asked | None,
) -> Iterator[str]:
    yield from what_was_checked(checked, unread)
    yield ""
    if asked is not None:
        yield from _carriers(asked)
    if not kinds:
        if asked is None:
            yield from no_mismatch(checked, unread, totals.exposures)
        else:
            yield from nothing_wrong(asked, checked, unread)
    else:
        concerns = "" if asked is None else "What concerns it: "
        yield f"{concerns}{of(totals.mismatches, 'mismatch', 'mismatches')} of {of(len(kinds), 'kind')}."
        if totals.calls or totals.results:
            yield (
                f"Wrong in the audit trail: {of(totals.calls, 'call')}, {of(totals.results, 'result')}"
                " (--records FILE.csv lists them)."
            )
        else:
            yield "No record of the audit trail is known to be wrong."
        yield from _besides(checked, unread, asked)
    if asked is None:
        yield from not_checked(checked)
        yield from in_part(checked)
    yield from _exposed(totals.exposures, exposed)
    for number, kind in enumerate(kinds, 1):
        yield ""
        yield from _kind(number, kind)


def _besides(checked: Checked, unread: Unread, asked: Asked | None) -> Iterator[str]:
    """Yield why there may be more mismatches than those that were found."""
    if asked is None:
        yield from not_known(checked, unread)
    elif doubtful := doubts_about(asked, checked, unread):
        yield f"{NOT_KNOWN}: {'; '.join(doubtful)}."


def _exposed(count: int, kinds: Sequence[Kind]) -> Iterator[str]:
    """Yield a note on what is no mismatch: contexts that moved on."""
    if not count:
        return
    yield exposures(count)
    for kind in kinds[:_MOST_EXPOSED]:
        culprit = kind.example.culprit
        where = f", overwritten at {culprit.location}" if culprit is not None else ""
        yield f"  {kind.count:,} x {kind.example.evidence}: {', '.join(kind.example.observed)}{where}"
    if len(kinds) > _MOST_EXPOSED:
        yield f"  and {len(kinds) - _MOST_EXPOSED:,} more kinds (--format json lists all)"


def exposures(count: int) -> str:
    """Return what it means that contexts moved on."""
    return (
        f"Note: in {of(count, 'row')} the context moved on while the worker ran, and no use of a wrong id is known"
        " (exposed)."
    )


def _carriers(asked: Asked) -> Iterator[str]:
    """Yield which submissions carried the id that is asked about."""
    count = asked.carriers
    if not count:
        yield f"No submission in these files carried {show(asked.id)}."
        return
    yield f"{of(count, 'submission')} carried {show(asked.id)}:"
    for carrier in islice(asked.submissions(), _MOST_CARRIERS):
        submission = carrier.submission
        clock = f", {show_clock(submission.time_unix_nano)}" if submission.time_unix_nano else ""
        own = of(carrier.mismatches, "mismatch", "mismatches") if carrier.mismatches else "no mismatch of its own"
        if carrier.unchecked:
            own = f"not checked ({carrier.unchecked}){f', {own}' if carrier.mismatches else ''}"
        elif carrier.partly:
            own += f", not checked in all fields ({carrier.partly})"
        yield f"  #{submission.number} of {submission.boundary}{clock}: {own}"
        yield f"    {show_ids(submission.ids)}"
    if count > _MOST_CARRIERS:
        yield f"  and {count - _MOST_CARRIERS:,} more (--format json lists them)"
    yield ""


def what_was_checked(checked: Checked, unread: Unread, *, on_page: bool = False) -> Iterator[str]:
    """Yield what was there, and what of it could not be judged; all lines but the first are indented.

    A page has no stderr beside it: the files that were passed over are named there.
    """
    yield f"Checked {of(checked.spans, 'span')}."
    if checked.boundaries:
        what = "boundaries" if len(checked.boundaries) > 1 else "boundary"
        unnamed = f"{of(checked.unnamed, 'trace')} of processes without an id"
        processes = of(checked.processes, "process", "processes")
        where = " and ".join([processes] * bool(checked.processes) + [unnamed] * bool(checked.unnamed))
        yield (
            f"  {of(checked.submissions, 'submission')}, {of(checked.calls, 'call')} and"
            f" {of(checked.foreign, 'other span')} under them, in {where},"
            f" {what} {', '.join(checked.boundaries)}"
        )
    yield from _remarks(checked, unread, on_page=on_page)


def _remarks(checked: Checked, unread: Unread, *, on_page: bool) -> Iterator[str]:
    if checked.spanless:
        yield f"  {of(checked.spanless, 'row')} in order without a span (spans=mismatch), by the detector's count"
    if checked.sent:
        yield f"  {of(checked.sent, 'row')} sent to another process"
    if checked.unsent:
        yield f"  {of(checked.unsent, 'row')} could not be sent, and whoever handed it over has the error"
    if checked.never_worked:
        rows = of(checked.never_worked, "of these was", "of these were")
        yield f"  {rows} never worked on: lost, or not begun yet, or their spans are sampled away"
    if checked.gone:
        yield f"  of {of(checked.gone, 'of these')} the other side's spans are not in these files"
    if checked.several:
        yield f"  {worked_several(checked)}"
    if checked.duplicates:
        yield f"  {of(checked.duplicates, 'span')} came more than once and counted once"
    if checked.calls_without_row:
        yield (
            f"  not compared: {of(checked.calls_without_row, 'call')} whose submission's row span is not in these"
            " files (sampled away, or not ended)"
        )
    if checked.outlived:
        yield (
            f"  not judged: {of(checked.outlived, 'other span')} with other ids that started after the work on the row"
            " had ended"
        )
    if checked.unread:
        yield (
            f"  not read: {of(checked.unread, 'span')} of otel-handoff of which an attribute is cut, or of another type"
            " than it has"
        )
    where = "" if on_page else ", named on stderr"
    if unread.lines:
        in_ = f", in {and_more(unread.in_files, len(unread.in_files))}" if on_page else ""
        yield f"  not read, or not in full: {of(unread.lines, 'broken line')}{in_}{where}"
    if unread.files:
        yield f"  passed over: {of(unread.files, 'file')}{where}"
    if unread.files and on_page:
        yield from (f"  {each.file}: {each.reason}" for each in unread.named[:_MOST_NAMED])
        if unread.files > _MOST_NAMED:
            yield f"  and {unread.files - _MOST_NAMED:,} more"
    if unread.others:
        names = [Path(name).name for name in unread.others[:_MOST_OTHERS]]
        yield f"  left out, as plainly no traces: {and_more(names, len(unread.others))}"


def worked_several(checked: Checked) -> str:
    """Return what it means that rows were worked on several times, of which nobody counts the deliveries."""
    times = f"{'up to ' if checked.several > 1 and checked.most > 2 else ''}{checked.most:,} times"
    whose = (
        "its broker may have delivered it again" if checked.several == 1 else "brokers may have delivered them again"
    )
    return f"{of(checked.several, 'row was', 'rows were')} worked on {times}; {whose}"


def _kind(number: int, kind: Kind) -> Iterator[str]:
    example = kind.example
    fields = ", ".join(example.observed)
    by = "" if example.found_by == "detector" else ", found in the spans"
    yield f"{number}. {kind.count:,} x {example.evidence}, {example.outcome}{by}{': ' if fields else ''}{fields}"
    if example.culprit is not None:
        yield f"   overwritten at {example.culprit.location}"
    if example.unknown:
        what = "without work: " if example.evidence == "result" else ""
        yield f"   {what}no submission in these files carries such a {' or '.join(example.unknown)}"
    yield "   for example:" if kind.count > 1 else "   namely:"
    for line in report(example):
        yield f"   | {line}"


def report(finding: Finding) -> Iterator[str]:
    """Yield the full report of one mismatch."""
    submission = finding.submission
    since = submission.time_unix_nano
    yield finding.headline
    yield submitted(submission)
    yield f"    {show_ids(submission.ids)}"
    if submission.location:
        yield f"    at {submission.location}"
    yield from used(finding, since, "Claimed again" if finding.evidence == WORK else VERBS.get(finding.outcome, "Seen"))
    if finding.location:
        yield f"    at {finding.location}"
    if (culprit := finding.culprit) is not None:
        yield overwritten(culprit, since)
        if culprit.number is not None:
            yield f"    for submission #{culprit.number}: {show_ids(culprit.ids)}"
        yield f"    at {culprit.location}"
    for again in finding.again:
        yield f"  Met again: {again}"
    yield f"  Trace {finding.trace_id}, span {finding.span_id}"
    yield f"  {_advice(finding)}"


def _advice(finding: Finding) -> str:
    if finding.evidence == WORK:
        return "Do: find out why the same work ran twice; its calls may have been made twice."
    if finding.evidence == "span":
        return "Do: find out where this span's ids come from; the audit trail may have got them from there, too."
    return advice(finding.outcome, finding.mode)
