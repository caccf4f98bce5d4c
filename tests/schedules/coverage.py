"""Judges what is said of rows that could not be judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tests.schedules.records import Attempt, Unchecked
from tests.schedules.truth import Truth
from tests.schedules.verdict import Verdict

_GAPS: Final = frozenset({"call_not_seen", "part_missing", "replaced"})
"""What is told of a boundary, not of its rows."""

_WHOLE: Final = frozenset({"no_worker", "no_submission", "ambiguous", "several_workers", "context_unreadable"})
"""For these reasons a row is not judged at all."""


def judge_coverage(truth: Truth, unchecked: Iterable[Unchecked], may: frozenset[str], verdict: Verdict) -> set[Attempt]:
    """Judge that each row which was worked on is judged, or told; return those that are not to be judged.

    A reason without a row stands for any one of those whose worker nobody knew.
    """
    told: dict[Attempt, list[str]] = {attempt: [] for attempt in truth.attempts}
    anybodys = 0
    for each in unchecked:
        if each.reason in _GAPS:
            continue
        verdict.told[each.reason] += 1
        attempt = truth.handed_over_at(each.submitted)
        if attempt is None:
            anybodys += 1
        else:
            told[attempt].append(each.reason)
        if why := _why_implausible(truth, may, each.reason, attempt):
            verdict.reasons.append(f"{why} is told as {each.reason}")
    twins = {attempt.twin for attempt in truth.attempts}
    for attempt, reasons in told.items():
        if attempt in twins:
            continue
        workers = [attempt] if attempt.twin is None else [attempt, attempt.twin]
        unknown = [each for each in workers if each.start[1] and not each.number]
        anybodys -= max(0, len(unknown) - sum(reason in _WHOLE for reason in reasons))
        if (unknown and anybodys < 0) or (attempt.number and attempt.doubtful and not reasons):
            verdict.untold.append(attempt.label)
    return {
        attempt
        for attempt, reasons in told.items()
        if attempt.doubtful or "context_unreadable" in reasons or (not attempt.number and reasons)
    }


def _why_implausible(truth: Truth, may: frozenset[str], reason: str, attempt: Attempt | None) -> str:
    if reason in may:
        return ""
    if attempt is None:
        return "a row"
    if reason == "no_worker" and attempt.dropped:
        return ""
    if reason == "left_on_copy" and attempt.pinned and attempt.own:
        return ""
    if reason == "context_unreadable" and not truth.watch:  # who wrote it meanwhile was not seen
        return ""
    return attempt.label
