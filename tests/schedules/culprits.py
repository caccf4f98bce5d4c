"""Judges whether a report names the very write that the wrong id came from, and whom it was made for."""

from __future__ import annotations

from collections.abc import Iterable

from otel_handoff import Mismatch
from tests.schedules.records import Written
from tests.schedules.truth import Truth
from tests.schedules.verdict import has


class Culprits:
    """Judges the culprits of one run.

    Args:
        truth: what happened.
        exact: no line was pre-empted, so each read has exactly one source.
    """

    def __init__(self, truth: Truth, *, exact: bool) -> None:
        self._truth = truth
        self._exact = exact

    def is_right(self, at: int, mismatch: Mismatch, sources: Iterable[Written]) -> bool:
        """Whether the write that a report names is one of `sources`, and made for whom it says."""
        named = mismatch.culprit
        if named is None or named.field not in mismatch.observed:
            return False
        value = self._truth.meant(mismatch.observed)[named.field]
        for written in sources:
            if (
                written.begin < named.time_unix_nano < (written.end or at)
                and has(written.ids, named.field, value)
                and self._truth.spelt.get(named.value, named.value) == value
                and named.thread_name == written.task
                and any(code is written.code for code, _ in named.frames)
            ):
                return self._is_for(named.submission, written, at)
        return False

    def _is_for(self, submission: object, written: Written, at: int) -> bool:
        for attempt in self._truth.attempts:
            if (
                attempt.context is written.context
                and attempt.accepted
                and not attempt.unseen
                and attempt.begin < at
                and (written.begin < attempt.begin or written in attempt.roots[written.root])
                and any(source.value is written.value for source in attempt.roots[written.root])
            ):
                time: int = getattr(submission, "time_unix_nano", 0)
                right = attempt.begin < time < attempt.accepted
                return right or not self._exact or self._is_taken(submission, written.root, at)
        return submission is None or not self._exact or self._is_taken(submission, written.root, at)

    def _is_taken(self, submission: object, root: str, at: int) -> bool:
        # Until it writes an id itself, a row is what the context held when it was handed over; so that write is taken.
        if submission is None:
            return any(root in attempt.stamps for attempt in self._truth.attempts)
        attempt = self._truth.handed_over_at(getattr(submission, "time_unix_nano", 0))
        return attempt is not None and root in attempt.stamps and all(at < each.begin for each in attempt.roots[root])
