"""What `otel-handoff check` prints for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from otel_handoff.check.asked import Asked
from otel_handoff.check.finding import WORK, Finding
from otel_handoff.check.judge import Checked
from otel_handoff.check.kinds import Kind
from otel_handoff.record.story import ADVICE, VERBS, overwritten, show, show_clock, show_ids, submitted, used

_MOST_CARRIERS: Final = 20


@dataclass(frozen=True)
class Totals:
    """Of a whole check: mismatches, and wrong calls and results in the audit trail."""

    mismatches: int
    calls: int
    results: int


def lines(
    checked: Checked, totals: Totals, kinds: Sequence[Kind], broken: int, asked: Asked | None = None
) -> Iterator[str]:
    """Yield the report, line by line, fit for any terminal whatever the traces hold."""
    yield from map(printable, _lines(checked, totals, kinds, broken, asked))


def printable(line: str) -> str:
    """Return `line` with what does not print escaped as Python does."""
    return line if line.isprintable() else "".join(c if c.isprintable() else show(c)[1:-1] for c in line)


def _lines(checked: Checked, totals: Totals, kinds: Sequence[Kind], broken: int, asked: Asked | None) -> Iterator[str]:
    yield from what_was_checked(checked, broken)
    yield ""
    if asked is not None:
        yield from _carriers(asked)
    if not kinds:
        yield no_mismatch(checked) if asked is None else _nothing(asked)
        return
    concerns = "" if asked is None else "What concerns it: "
    yield f"{concerns}{of(totals.mismatches, 'mismatch', 'mismatches')} of {of(len(kinds), 'kind')}."
    if totals.calls or totals.results:
        yield (
            f"Wrong in the audit trail: {of(totals.calls, 'call')}, {of(totals.results, 'result')}"
            " (--records FILE.csv lists them)."
        )
    else:
        yield "No record of the audit trail is known to be wrong."
    for number, kind in enumerate(kinds, 1):
        yield ""
        yield from _kind(number, kind)


def _carriers(asked: Asked) -> Iterator[str]:
    """Yield which submissions carried the id that is asked about."""
    count = asked.carriers
    if not count:
        yield f"No submission in these files carried {show(asked.id)}."
        return
    yield f"{of(count, 'submission')} carried {show(asked.id)}:"
    for submission, mismatches in islice(asked.submissions(), _MOST_CARRIERS):
        clock = show_clock(submission.time_unix_nano)
        own = of(mismatches, "mismatch", "mismatches") if mismatches else "no mismatch of its own"
        yield f"  #{submission.number} of {submission.boundary}, {clock}: {own}"
        yield f"    {show_ids(submission.ids)}"
    if count > _MOST_CARRIERS:
        yield f"  and {count - _MOST_CARRIERS:,} more (--format json lists them)"
    yield ""


def _nothing(asked: Asked) -> str:
    if asked.carriers:
        return "Nothing is wrong about it: no mismatch is of such a submission, or names it."
    return "Nor does a mismatch name it. Is it spelled in full? The spans that had it may have been sampled away."


def no_mismatch(checked: Checked) -> str:
    """Return what it means that there is none."""
    if checked.submissions:
        return "No mismatch: every id that these spans carry is the one its row was submitted with."
    return "No mismatch, but no submission either: there was nothing to judge. Is otel-handoff turned on there?"


def what_was_checked(checked: Checked, broken: int) -> Iterator[str]:
    """Yield what was there, and what of it could not be judged; all lines but the first are indented."""
    yield f"Checked {of(checked.spans, 'span')}."
    if checked.submissions or checked.calls:
        what = "boundaries" if len(checked.boundaries) > 1 else "boundary"
        unnamed = f"{of(checked.unnamed, 'trace')} of processes without an id"
        processes = of(checked.processes, "process", "processes")
        where = " and ".join([processes] * bool(checked.processes) + [unnamed] * bool(checked.unnamed))
        yield (
            f"  {of(checked.submissions, 'submission')}, {of(checked.calls, 'call')} and"
            f" {of(checked.foreign, 'other span')} under them, in {where},"
            f" {what} {', '.join(checked.boundaries)}"
        )
    yield from _remarks(checked, broken)


def _remarks(checked: Checked, broken: int) -> Iterator[str]:
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
    if broken:
        yield f"  not read, or not in full: {of(broken, 'broken line')}, named on stderr"


def of(count: int, one: str, many: str = "") -> str:
    """Return `1 row`, `1,204 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


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
    yield f"  Trace {finding.trace_id}, span {finding.span_id}"
    yield f"  {_advice(finding)}"


def _advice(finding: Finding) -> str:
    if finding.evidence == WORK:
        return "Do: find out why the same work ran twice; its calls may have been made twice."
    if finding.evidence == "span":
        return "Do: find out where this span's ids come from; the audit trail may have got them from there, too."
    return ADVICE.get(finding.outcome, "")
