"""The figures of a run, as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.schedules.batches import Found
from tests.schedules.explore import Setting, Total
from tests.schedules.verdict import USES

_NOTES = """\
*Uses* are reads, calls and results of workers. *Wrong*: the id was not the one submitted, or, where a pinned worker was
handed the right one, the shared context held another at that moment. *Took effect*: the wrong id was read or filed.
*Found*: the wrong id was reported for that row. *Culprit right*: reports that name the very write it came from, of
those made.

`alias` is a reference to the raw context, which no mode can mend. `copy` and `vars` go around the class: they are found
by what else becomes of the same id. A `nested pool` use is of any of these kinds. Without watch only calls and results
are checked; a pinned worker's is then said to be spared whenever the context had moved on, and ids that a worker writes
itself are taken for wrong."""


def markdown(totals: Sequence[Total], clean: Sequence[Total], several: Sequence[Found], command: str) -> str:
    """Return the page."""
    lines = [
        "# Detection, measured",
        "",
        f"Made by `{command}`.",
        "",
        f"{sum(total.schedules for total in totals):,} generated schedules,",
        f"{sum(total.rows for total in totals):,} rows, judged by an oracle that shares no code with the detector.",
        "",
        _NOTES,
        "",
    ]
    for total in totals:
        lines += [f"## {_title(total.setting)}", "", *_uses(total), "", *_evidence(total), "", _counts(total), ""]
    if clean:
        lines += ["## Clean schedules", "", "Rows one after another, or each with a context of its own.", ""]
        lines += ["| mode | schedules | rows | reports |", "|---|--:|--:|--:|"]
        for total in clean:
            lines.append(f"| {total.setting} | {total.schedules:,} | {total.rows:,} | {_reports(total):,} |")
        lines.append("")
    return "\n".join([*lines, *_batches(several)])


def _batches(several: Sequence[Found]) -> Iterable[str]:
    yield from (
        "## Batches",
        "",
        "*Wrong*: filed under an id that no row which the worker holds was handed over with.",
        "",
    )
    yield "| batch | mode | schedules | filed | wrong | prevented | missed, false, another's culprit |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for kind, mode, clean in sorted({(each.part.kind, each.part.mode, each.part.clean) for each in several}):
        parts = [each for each in several if (each.part.kind, each.part.mode, each.part.clean) == (kind, mode, clean)]
        counts = sum((each.counts for each in parts), start=Counter[str]())
        yield (
            f"| {kind}{', clean' if clean else ''} | `{mode}` | {sum(len(each.part.seeds) for each in parts):,}"
            f" | {counts['filed']:,} | {counts['wrong']:,} | {counts['prevented']:,}"
            f" | {sum(len(each.failures) for each in parts):,} |"
        )
    yield ""


def _title(setting: Setting) -> str:
    return f"`{setting.mode}`{'' if setting.watch else ', without watch'}"


def _uses(total: Total) -> Iterable[str]:
    yield "| use | uses | wrong | took effect | found | missed | recall | culprit right |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for kind in USES:
        uses, wrong, effect, found, missed, named, right = (
            total.uses[kind, column] for column in ("uses", "wrong", "effect", "found", "missed", "named", "right")
        )
        yield (
            f"| {kind} | {uses:,} | {wrong:,} | {effect:,} | {found:,} | {missed:,} | {_percent(found, wrong)}"
            f" | {_percent(right, named)} |"
        )


def _evidence(total: Total) -> Iterable[str]:
    yield "| evidence | outcome | reports | true | false | precision | culprit right |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for evidence, outcome in sorted({(evidence, outcome) for evidence, outcome, _ in total.evidence}):
        reports, true, named, right = (
            total.evidence[evidence, outcome, column] for column in ("reports", "true", "named", "right")
        )
        yield (
            f"| {evidence} | {outcome} | {reports:,} | {true:,} | {reports - true:,} | {_percent(true, reports)}"
            f" | {_percent(right, named)} |"
        )


def _counts(total: Total) -> str:
    counts = total.counts
    return (
        f"{total.schedules:,} schedules, {total.rows:,} rows. False alarms: {counts['false alarm']:,}. Missed through"
        f" the context: {counts['missed']:,}. Wrong culprits: {counts['culprit']:,}. Wrong ids through a pinned"
        f" context: {counts['took effect']:,}. Neither judged nor told: {counts['neither judged nor told']:,}. Told for"
        f" a reason that cannot be: {counts['why']:,}. Internal errors: {counts['internal error']:,}. Others:"
        f" {counts['fault']:,}. Told as not judged: {_told(total)}."
    )


def _told(total: Total) -> str:
    return ", ".join(f"{count:,} `{reason}`" for reason, count in sorted(total.told.items())) or "none"


def _reports(total: Total) -> int:
    return sum(count for (_, _, column), count in total.evidence.items() if column == "reports")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
