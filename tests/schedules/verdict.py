"""What the oracle says of one run, and how it puts it."""

from __future__ import annotations

from collections import Counter
from typing import Final

from otel_handoff import Mismatch
from tests.schedules.records import Filed, Got, Ids

Pair = tuple[str, object]
"""A field and a wrong value."""

USES: Final = ("attribute", "getattr", "method", "alias", "nested pool", "external call", "routing", "copy", "vars")
MOVED: Final = "moved on, unread"


class Verdict:
    """What the oracle says of one run.

    Attributes:
        alarms: reports of what did not happen, or was reported before.
        missed: wrong uses through the context object, of which there is no report.
        culprits: reports that name the wrong write.
        took: wrong ids that a pinned worker got through the context it was handed.
        untold: rows that were neither judged nor told.
        reasons: rows that were told for a reason that cannot be.
        told: reason -> rows that were told.
        uses: (kind of use, column) -> count. Columns: `uses`, `wrong`, `effect`, `found`, `missed`, `named`, `right`.
        evidence: (evidence, outcome, column) -> count. Columns: `reports`, `true`, `named`, `right`.
    """

    def __init__(self) -> None:
        self.alarms: list[str] = []
        self.missed: list[str] = []
        self.culprits: list[str] = []
        self.took: list[str] = []
        self.untold: list[str] = []
        self.reasons: list[str] = []
        self.told: Counter[str] = Counter()
        self.uses: Counter[tuple[str, str]] = Counter()
        self.evidence: Counter[tuple[str, str, str]] = Counter()

    def failures(self) -> list[str]:
        """Everything that must not be."""
        return [
            *(f"false alarm: {text}" for text in self.alarms),
            *(f"missed: {text}" for text in self.missed),
            *(f"culprit: {text}" for text in self.culprits),
            *(f"took effect: {text}" for text in self.took),
            *(f"neither judged nor told: {text}" for text in self.untold),
            *(f"why: {text}" for text in self.reasons),
        ]


def has(ids: Ids, name: str, value: object) -> bool:
    """Whether an observation is of this value, for this field."""
    return name in ids and ids[name] == value


def overlap(ids: Ids, observed: Ids) -> bool:
    """Whether two observations agree in a field."""
    return any(has(ids, name, value) for name, value in observed.items())


def kind_of_read(got: Got) -> str:
    """Return the kind of use."""
    return "nested pool" if got.nested else got.via


def kind_of_filing(filed: Filed) -> str:
    """Return the kind of use."""
    if filed.nested:
        return "nested pool"
    return "external call" if filed.evidence == "call" else "routing"


def describe(mismatch: Mismatch) -> str:
    """Return a report in one line."""
    named = mismatch.culprit
    culprit = named and f"{named.thread_name} {named.field}={named.value} at {named.time_unix_nano % 10**9}"
    if named and named.submission:
        culprit = f"{culprit} for #{named.submission.number}"
    return (
        f"#{mismatch.submission.number} {dict(mismatch.submission.ids)} {mismatch.evidence}/{mismatch.outcome}"
        f" {dict(mismatch.observed)}{' stale' if mismatch.stale else ''}, culprit {culprit}"
    )
