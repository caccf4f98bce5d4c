"""An observation that disagrees with its submission, as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from otel_handoff.record import story
from otel_handoff.record.hashing import Hash
from otel_handoff.record.locations import Frames, innermost
from otel_handoff.record.submission import Submission

EVIDENCE: Final = ("start", "end", "read", "span", "call", "result")
OUTCOMES: Final = ("used", "blocked", "prevented", "exposed")
ERRORS: Final = frozenset({"used", "blocked"})
"""The outcomes of severity ERROR; the others are WARN."""


class HandoffMismatchError(Exception):
    """Raised by `strict` mode out of a call or a result, before anything is recorded under the wrong ids.

    Attributes:
        mismatch: what disagreed.
    """

    def __init__(self, mismatch: Mismatch) -> None:
        super().__init__(str(mismatch.exported()))  # whoever logs it sends it out
        self.mismatch = mismatch


@dataclass(frozen=True)
class Write:
    """A write to a field of a context while rows of it were in flight.

    Attributes:
        field: the field whose value it changed, as `token_id`.
        value: the field's value after it.
        thread_name: the writing thread.
        time_unix_nano: when, in nanoseconds since the epoch.
        submission: the submission that the value belonged to, where one followed the write.
        frames: where, unresolved; `location` is for people.
    """

    field: str
    value: object
    thread_name: str
    time_unix_nano: int
    submission: Submission | None
    frames: Frames = dataclasses.field(repr=False)

    @property
    def location(self) -> str:
        """Where the write happened: `"engine/executors.py:268 in execute_transform"`."""
        return innermost(self.frames)

    def exported(self, hash_: Hash) -> Write:
        """Return it as telemetry has it where ids are hashed."""
        value = None if self.value is None else hash_(self.value)
        return dataclasses.replace(self, value=value, submission=self.submission and self.submission.exported())


@dataclass(frozen=True)
class Mismatch:
    """An observation that disagrees with its submission; `str()` of it is the full report.

    Attributes:
        submission: what the row was submitted with.
        expected: the fields that disagree, as submitted.
        observed: the same fields, as the worker saw or used them (`prevented`: as it would have).
        evidence: how it is known: `start`, `end`, `read`, `span`, `call` or `result`.
        outcome: `used`, `blocked`, `prevented` or `exposed`.
        stale: the submission had been evicted, or superseded by a retry.
        thread_name: the observing thread.
        time_unix_nano: when it was observed, in nanoseconds since the epoch.
        frames: where, unresolved; `location` is for people.
        target: the call or span concerned, or an empty string.
        details: what the call was, as its boundary declares (`{"elspeth.call.index": 0}`).
        torn: the ids of the call do not belong together, or another id had been taken for it.
        occurrence: how many mismatches like this one the process has had, this one included: the same kind of use of
            the same fields, at the same place, through the same write.
        culprit: the write that put the wrong value there, where it is known.
        trace_id: of the span that carries this mismatch, or of the submission's; 0 without one.
        span_id: likewise.
    """

    submission: Submission
    expected: Mapping[str, object]
    observed: Mapping[str, object]
    evidence: str
    outcome: str
    stale: bool
    thread_name: str
    time_unix_nano: int
    frames: Frames = dataclasses.field(repr=False)
    target: str = ""
    details: Mapping[str, object] = dataclasses.field(default_factory=dict[str, object])
    torn: bool = False
    occurrence: int = 1
    culprit: Write | None = None
    trace_id: int = 0
    span_id: int = 0

    @property
    def location(self) -> str:
        """Where the wrong id was seen or used: `"transforms/llm.py:88 in process"`."""
        return innermost(self.frames)

    @property
    def is_error(self) -> bool:
        """Whether a wrong id took effect or had to be blocked (ERROR), or not (WARN)."""
        return self.outcome in ERRORS

    def exported(self) -> Mismatch:
        """Return it as telemetry has it: itself, or with `OTEL_HANDOFF_IDS=hashed` one whose ids are hashes.

        A hook is given the ids as they are; this is for one that sends them on.
        """
        hash_ = self.submission.hash
        if hash_ is None:
            return self

        def hashed(ids: Mapping[str, object]) -> dict[str, object]:
            return {name: None if id_ is None else hash_(id_) for name, id_ in ids.items()}

        submission = self.submission.exported()
        return dataclasses.replace(
            self,
            submission=submission,
            expected={name: submission.ids[name] for name in self.expected},
            observed=hashed(self.observed),
            target=hash_(self.target) if self.evidence == "span" else self.target,  # others name it: it may tell an id
            culprit=self.culprit and self.culprit.exported(hash_),
        )

    def as_dict(self) -> dict[str, object]:
        """Return the same facts as JSON-ready primitives; ids that are no primitives become their `str()`."""
        return story.as_dict(self)

    def __str__(self) -> str:
        """Return the full report, about 25 lines at most."""
        return story.as_text(self)
