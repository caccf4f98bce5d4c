"""The fields as they were when a row was handed over."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Span

from otel_handoff.host.ids import AnyOf
from otel_handoff.record.hashing import Hash
from otel_handoff.record.locations import Frames, Stack, innermost
from otel_handoff.record.semconv import Primitive, attribute_value
from otel_handoff.record.sent import Carrier, carrier_of, context_of, sendable_ids

numbers: Final = itertools.count(1)
"""Numbers submissions across all boundaries of the process; `next()` on it is atomic."""


class Submission:
    """One hand-over of one row. Immutable once it is handed over: a copy is the same one.

    Pickled, it is as telemetry has it.

    Attributes:
        number: counts submissions in this process, from 1.
        boundary: the boundary's name.
        ids: field name -> its value at submission; None where the context had none.
        thread_name: the submitting thread.
        time_unix_nano: when, in nanoseconds since the epoch.
        frames: where, unresolved; `location` is for people.
        otel_context: the OpenTelemetry context that was current.
        row: the span of the work on it, once that has begun and is recorded.
        process: of which it is the submission, where that is another than this one.
        delivery: there, which delivery of the work this is, from 1; 0 where nobody counts them.
    """

    process: str = ""
    delivery: int = 0

    # Made for each row: a frozen dataclass would take six times as long.
    __slots__ = (
        "_attributes",
        "boundary",
        "frames",
        "ids",
        "number",
        "otel_context",
        "row",
        "thread_name",
        "time_unix_nano",
    )

    def __init__(
        self,
        number: int,
        boundary: str,
        ids: Mapping[str, object],
        thread_name: str,
        time_unix_nano: int,
        frames: Frames,
        otel_context: Context,
    ) -> None:
        self.number: Final = number
        self.boundary: Final = boundary
        self.ids: Final = ids
        self.thread_name: Final = thread_name
        self.time_unix_nano: Final = time_unix_nano
        self.frames: Final = frames
        self.otel_context: Final = otel_context
        self.row: Span | None = None
        self._attributes: dict[str, Primitive] | None = None

    def restate(self, ids: Mapping[str, object]) -> None:
        """Take other values for some ids: the submit function wrote them before it handed the row over."""
        object.__setattr__(self, "ids", MappingProxyType({**self.ids, **ids}))
        self._attributes = None

    def __copy__(self) -> Submission:
        return self

    def __deepcopy__(self, memo: Any) -> Submission:
        return self

    def __reduce__(self) -> tuple[Callable[..., Submission], tuple[object, ...]]:
        told = self.exported()
        return _received, (
            told.number,
            told.boundary,
            sendable_ids(told.ids),
            told.thread_name,
            told.time_unix_nano,
            Stack(told.frames),
            carrier_of(told.otel_context),
            told.process,
            told.delivery,
        )

    def __repr__(self) -> str:
        return f"<Submission #{self.number} on {self.boundary!r}: {dict(self.ids)!r}>"

    @property
    def location(self) -> str:
        """Where the row was handed over: `"engine/transform.py:431 in execute"`."""
        return innermost(self.frames)

    @property
    def attributes(self) -> Mapping[str, Primitive]:
        """The ids as span attributes, `<boundary>.<field>`; one that is None is left out.

        They are taken once, as the `str()` of a host's object may change.
        """
        attributes = self._attributes
        if attributes is None:
            attributes = self._attributes = {
                f"{self.boundary}.{name}": attribute_value(id_) for name, id_ in self.ids.items() if id_ is not None
            }
        return attributes

    def attribute_value(self, name: str) -> Primitive:
        """Return the id of field `name` as on spans."""
        return self.attributes.get(f"{self.boundary}.{name}", "None")

    @property
    def hash(self) -> Hash | None:
        """What hashes its ids where they leave the process; None: nothing does."""
        return None

    def is_plain(self, name: str, value: object) -> bool:  # noqa: ARG002
        """Whether `value`, on a span of somebody else's, is field `name` as it is where spans have its hash."""
        return False

    def exported(self) -> Submission:
        """Return it as telemetry has it."""
        return self


class HashedSubmission(Submission):
    """A submission whose ids leave the process as hashes; here they are what they are."""

    __slots__ = ("_hash", "_plain")

    def __init__(self, hash_: Hash, *submitted: Any) -> None:
        super().__init__(*submitted)
        self._hash = hash_
        self._plain: dict[str, str] = {}

    @property
    def attributes(self) -> Mapping[str, Primitive]:
        """The hashes of the ids as span attributes, `<boundary>.<field>`; one that is None is left out."""
        attributes = self._attributes
        if attributes is None:
            plain = {name: str(attribute_value(id_)) for name, id_ in self.ids.items() if id_ is not None}
            self._plain = plain  # first: whoever sees the hashes may compare with it
            attributes = self._attributes = {f"{self.boundary}.{name}": self._hashed(self.ids[name]) for name in plain}
        return attributes

    def _hashed(self, ids: object) -> str:
        # What came as a hash is one already.
        return str(AnyOf(map(self._hash, ids))) if type(ids) is AnyOf else self._hash(ids)  # a call has one of them

    @property
    def hash(self) -> Hash | None:
        """What hashes its ids."""
        return self._hash

    def is_plain(self, name: str, value: object) -> bool:
        """Whether `value` is field `name` as it is."""
        return f"{self.boundary}.{name}" in self.attributes and str(value) == self._plain[name]

    def exported(self) -> Submission:
        """Return it with hashes for ids."""
        ids = {name: None if id_ is None else self.attribute_value(name) for name, id_ in self.ids.items()}
        made = Submission(
            self.number,
            self.boundary,
            MappingProxyType(ids),
            self.thread_name,
            self.time_unix_nano,
            self.frames,
            self.otel_context,
        )
        made.row = self.row
        return made


class ArrivedSubmission(Submission):
    """What came from another process with its slip."""

    __slots__ = ("delivery", "process")


class HashedArrivedSubmission(HashedSubmission):
    """The same where ids leave this process as hashes, as they may have come."""

    __slots__ = ("delivery", "process")

    def exported(self) -> Submission:
        """Return it with hashes for ids."""
        return _from_elsewhere(super().exported(), self.process, self.delivery)


def arrived(submission: Submission, process: str, delivery: int) -> Submission:
    """Return a submission as that of another process."""
    if submission.hash is None:
        return _from_elsewhere(submission, process, delivery)
    made = HashedArrivedSubmission(submission.hash, *_parts(submission))
    made.process, made.delivery = process, delivery
    return made


def again(of: Submission) -> Submission:
    """Return a submission that is sent once more: that is a row of its own."""
    parts = (next(numbers), *_parts(of)[1:])
    made = Submission(*parts) if of.hash is None else HashedSubmission(of.hash, *parts)
    return arrived(made, of.process, of.delivery) if of.process else made


def _from_elsewhere(submission: Submission, process: str, delivery: int) -> Submission:
    made = ArrivedSubmission(*_parts(submission))
    made.process, made.delivery, made.row = process, delivery, submission.row
    return made


def _parts(of: Submission) -> tuple[int, str, Mapping[str, object], str, int, Frames, Context]:
    return of.number, of.boundary, of.ids, of.thread_name, of.time_unix_nano, of.frames, of.otel_context


def _received(
    number: int,
    boundary: str,
    ids: dict[str, object],
    thread: str,
    time: int,
    frames: Frames,
    carrier: Carrier,
    process: str,
    delivery: int,
) -> Submission:
    made = Submission(number, boundary, MappingProxyType(ids), thread, time, frames, context_of(carrier))
    return _from_elsewhere(made, process, delivery) if process else made


def submissions(key: str | None) -> Callable[..., Submission]:
    """Return what makes submissions: plain ones, or where there is a key, if only an empty one, hashed ones."""
    return Submission if key is None else partial(HashedSubmission, Hash(key))
