"""What `otel-handoff check` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from otel_handoff.check.causes import Cause
from otel_handoff.check.finding import WORK, Finding
from otel_handoff.check.judge import Checked
from otel_handoff.story import ADVICE, TORN, VERBS, show, show_after, show_clock, show_ids


@dataclass(frozen=True)
class Totals:
    """Of a whole check: mismatches, and wrong calls and results in the audit trail."""

    mismatches: int
    calls: int
    results: int


def lines(checked: Checked, totals: Totals, causes: Sequence[Cause], broken: int) -> Iterator[str]:
    """Yield the report, line by line, fit for any terminal whatever the traces hold."""
    for line in _lines(checked, totals, causes, broken):
        yield "".join(character if character.isprintable() else show(character)[1:-1] for character in line)


def _lines(checked: Checked, totals: Totals, causes: Sequence[Cause], broken: int) -> Iterator[str]:
    yield f"Checked {_of(checked.spans, 'span')}."
    if checked.submissions or checked.calls:
        what = "boundaries" if len(checked.boundaries) > 1 else "boundary"
        unnamed = f"{_of(checked.unnamed, 'trace')} of processes without an id"
        processes = _of(checked.processes, "process", "processes")
        where = " and ".join([processes] * bool(checked.processes) + [unnamed] * bool(checked.unnamed))
        yield (
            f"  {_of(checked.submissions, 'submission')}, {_of(checked.calls, 'call')} and"
            f" {_of(checked.foreign, 'other span')} under them, in {where},"
            f" {what} {', '.join(checked.boundaries)}"
        )
    yield from _remarks(checked, broken)
    yield ""
    if not causes:
        if checked.submissions:
            yield "No mismatch: every id that these spans carry is the one its row was submitted with."
        else:
            yield "No mismatch, but no submission either: there was nothing to judge. Is otel-handoff turned on there?"
        return
    yield f"{_of(totals.mismatches, 'mismatch', 'mismatches')}, {_of(len(causes), 'cause')}."
    if totals.calls or totals.results:
        yield (
            f"Wrong in the audit trail: {_of(totals.calls, 'call')}, {_of(totals.results, 'result')}"
            " (--records FILE.csv lists them)."
        )
    else:
        yield "No record of the audit trail is known to be wrong."
    for number, cause in enumerate(causes, 1):
        yield ""
        yield from _cause(number, cause)


def _remarks(checked: Checked, broken: int) -> Iterator[str]:
    if checked.duplicates:
        yield f"  {_of(checked.duplicates, 'span')} came more than once and counted once"
    if checked.calls_without_row:
        yield (
            f"  not compared: {_of(checked.calls_without_row, 'call')} whose submission's row span is not in these"
            " files (sampled away, or not ended)"
        )
    if checked.outlived:
        yield (
            f"  not judged: {_of(checked.outlived, 'other span')} with other ids that started after the work on the row"
            " had ended"
        )
    if broken:
        yield f"  not read, or not in full: {_of(broken, 'broken line')}, named on stderr"


def _of(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _cause(number: int, cause: Cause) -> Iterator[str]:
    example = cause.example
    fields = ", ".join(example.observed)
    by = "" if example.found_by == "detector" else ", found in the spans"
    yield f"{number}. {cause.count:,} x {example.evidence}, {example.outcome}{by}{': ' if fields else ''}{fields}"
    if example.culprit is not None:
        yield f"   overwritten at {example.culprit.location}"
    if example.unknown:
        what = "without work: " if example.evidence == "result" else ""
        yield f"   {what}no submission in these files carries such a {' or '.join(example.unknown)}"
    yield "   for example:" if cause.count > 1 else "   namely:"
    for line in _report(example):
        yield f"   {line}"


def _report(finding: Finding) -> Iterator[str]:
    submission = finding.submission
    since = submission.time_unix_nano
    yield f"| {finding.headline}"
    yield (
        f"|   Submitted as #{submission.number} on boundary {show(submission.boundary)}"
        f" by thread {show(submission.thread_name)} at {show_clock(since)}"
    )
    yield f"|     {show_ids(submission.ids)}"
    if submission.location:
        yield f"|     at {submission.location}"
    stale = ", as stale work" if finding.stale else ""
    verb = "Claimed again" if finding.evidence == WORK else VERBS.get(finding.outcome, "Seen")
    thread = f" by thread {show(finding.thread_name)}" if finding.thread_name else ""
    yield f"|   {verb} ({finding.evidence}){thread} {show_after(since, finding.time_unix_nano)}{stale}"
    if finding.target:
        details = f" ({show_ids(finding.details)})" if finding.details else ""
        yield f"|     {finding.target}{details}"
    if finding.torn:
        yield f"|     {TORN}"
    if finding.location:
        yield f"|     at {finding.location}"
    if (culprit := finding.culprit) is not None:
        yield (
            f"|   Overwritten by thread {show(culprit.thread_name)} {show_after(since, culprit.time_unix_nano)}:"
            f" {culprit.field} = {show(culprit.value)}"
        )
        if culprit.number is not None:
            yield f"|     for submission #{culprit.number}: {show_ids(culprit.ids)}"
        yield f"|     at {culprit.location}"
    yield f"|   Trace {finding.trace_id}, span {finding.span_id}"
    yield f"|   {_advice(finding)}"


def _advice(finding: Finding) -> str:
    if finding.evidence == WORK:
        return "Do: find out why the same work ran twice; its calls may have been made twice."
    if finding.evidence == "span":
        return "Do: find out where this span's ids come from; the audit trail may have got them from there, too."
    return ADVICE.get(finding.outcome, "")
