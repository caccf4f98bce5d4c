"""An observation that disagrees with its submission, as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from otel_handoff.record import story
from otel_handoff.record.hashing import Hash
from otel_handoff.record.locations import Frames, Stack, innermost
from otel_handoff.record.sent import sendable, sendable_ids
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

    def __reduce__(self) -> tuple[type[HandoffMismatchError], tuple[Mismatch], dict[str, Any]]:
        # By default it would be made again of its text. The rest is what others have put on it: notes, say.
        return type(self), (self.mismatch,), {name: value for name, value in vars(self).items() if name != "mismatch"}


class _Fact:
    """Plain data that stays as it is: a copy is the same one. Pickled, it is what can be told of it elsewhere."""

    frames: Frames

    def __post_init__(self) -> None:
        if not isinstance(self.frames, Stack):
            object.__setattr__(self, "frames", Stack(self.frames))

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


@dataclass(frozen=True)
class Write(_Fact):
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

    def __getstate__(self) -> dict[str, object]:
        told = self.exported(self._hash) if self._hash is not None else self
        return {**vars(told), "value": sendable(told.value)}

    _hash: ClassVar[Hash | None] = None  # known to the mismatch that it belongs to

    def exported(self, hash_: Hash) -> Write:
        """Return it as telemetry has it where ids are hashed."""
        value = None if self.value is None else hash_(self.value)
        return dataclasses.replace(self, value=value, submission=self.submission and self.submission.exported())


@dataclass(frozen=True)
class Mismatch(_Fact):
    """An observation that disagrees with its submission; `str()` of it is the full report.

    A copy of it is the same one. Pickled, it leaves the process: it is as telemetry has it (see `exported`), an id that
    cannot be pickled is its text, and all that is told of it reads the same.

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
        mode: `pin`, `observe` or `strict`: what is to be done depends on it.
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
    mode: str = "observe"

    @property
    def location(self) -> str:
        """Where the wrong id was seen or used: `"transforms/llm.py:88 in process"`."""
        return innermost(self.frames)

    @property
    def is_exposure(self) -> bool:
        """Whether the context merely moved on while the worker ran: no use of a wrong id is known."""
        return self.outcome == "exposed" and self.evidence in ("start", "end")

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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.culprit is not None and self.submission.hash is not None:
            object.__setattr__(self.culprit, "_hash", self.submission.hash)

    def __getstate__(self) -> dict[str, object]:
        told = self.exported()
        ids = {name: sendable_ids(getattr(told, name)) for name in ("expected", "observed", "details")}
        return {**vars(told), **ids}

    def as_dict(self) -> dict[str, object]:
        """Return the same facts as JSON-ready primitives; ids that are no primitives become their `str()`."""
        return story.as_dict(self)

    def __str__(self) -> str:
        """Return the full report, about 25 lines at most."""
        return story.as_text(self)
