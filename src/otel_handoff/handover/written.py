"""The recent writes to a context's fields, kept while rows of that context are in flight."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from sys import _getframe  # pyright: ignore[reportPrivateUsage]
from typing import Any, Final

from otel_handoff.host.plainly import MISSING
from otel_handoff.record.locations import Frames, Places, capture, past_ours, places_of
from otel_handoff.record.submission import Submission

LIMIT: Final = 64
"""Writes kept per context and attribute; 8 are enough to name the culprit in every schedule that was tried."""

_MOST_UNCLAIMED: Final = 16  # gone through at each submission; more are left only by writes that belong to none

DEPTH: Final = 4
"""Frames of a write: as many as a report shows."""


class RawWrite:
    """One write to one attribute of a context, as it was recorded.

    Attributes:
        by: number of the submission that the writer works on; None outside of work.
        submission: the submission that was then made with the value, if any.
    """

    __slots__ = ("_places", "by", "root", "submission", "thread_name", "time_unix_nano", "value")

    def __init__(self, root: str, value: object, by: int | None, places: Places | None = None) -> None:
        """Record that `value` is written at `places`; without these, by the caller of the caller and its callers."""
        self.root: str = root
        self.value: object = value
        self.by: int | None = by
        self.thread_name: str = threading.current_thread().name
        self.time_unix_nano: int = time.time_ns()
        self.submission: Submission | None = None
        if places is None:  # in a loop it would take half as long again
            one = _getframe(2)
            if (
                (two := one.f_back) is not None
                and (three := two.f_back) is not None
                and (four := three.f_back) is not None
            ):
                places = (
                    one.f_code,
                    one.f_lasti,
                    two.f_code,
                    two.f_lasti,
                    three.f_code,
                    three.f_lasti,
                    four.f_code,
                    four.f_lasti,
                )
            else:
                places = places_of(capture(DEPTH, skip=1))
        self._places = places

    @property
    def frames(self) -> Frames:
        """Where, innermost first."""
        return past_ours(self._places)


class WriteRecord:
    """The writes to one context. Leases hold it; when the last is gone, so is the record.

    Attributes:
        unclaimed: those since the last submission.

    Appending, slicing and deleting a slice of a list are atomic, so there is no lock that could deadlock in a
    finalizer or after a fork, and (unlike a deque) nothing is raised when a reader and a writer meet.
    """

    __slots__ = ("__weakref__", "_context", "_writes", "unclaimed")

    def __init__(self, context: Any) -> None:
        self._context: Any = context  # its address is not to be recycled while an entry for it stands
        self._writes: dict[str, list[RawWrite]] = {}
        self.unclaimed: list[RawWrite] = []

    def add(self, write: RawWrite) -> None:
        """Record a write."""
        root = write.root
        writes = self._writes.get(root)
        if writes is None:
            writes = self._writes.setdefault(root, [])
        writes.append(write)
        if len(writes) > 2 * LIMIT:
            del writes[:LIMIT]
        writes = self.unclaimed
        writes.append(write)
        if len(writes) > 2 * _MOST_UNCLAIMED:
            del writes[:_MOST_UNCLAIMED]

    def discard(self, write: RawWrite) -> None:
        """Take a write off the record."""
        drop(self._writes.get(write.root, []), write)
        drop(self.unclaimed, write)

    def claim(self, submission: Submission, roots: Mapping[str, object]) -> None:
        """Say of the writes since the last submission that they were made for this one."""
        for write in self.unclaimed[:]:
            if roots.get(write.root, MISSING) is write.value:
                write.submission = submission
                drop(self.unclaimed, write)

    def disclaim(self, submission: Submission, root: str) -> None:
        """Say of the writes to `root` that they were not made for this one after all: it is given another value."""
        for write in self._writes.get(root, [])[:]:
            if write.submission is submission:
                write.submission = None
                keep(self.unclaimed, write, _MOST_UNCLAIMED)

    def newest(self, root: str, matches: Callable[[object], bool]) -> RawWrite | None:
        """Return the newest write to `root` whose value `matches`."""
        for write in reversed(self._writes.get(root, [])[:]):
            if matches(write.value):
                return write
        return None

    def release(self) -> None:
        """Keep the context alive no longer; where it takes no weak reference, it has to be."""
        key = id(self._context)
        with contextlib.suppress(TypeError):  # also where it is released already
            self._context = weakref.ref(self._context, lambda _: records.pop(key, None))


class _Ref(weakref.ref[WriteRecord]):
    """A record in the table: when it is gone, so is its entry."""

    __slots__ = ("key",)

    key: int


records: Final[dict[int, weakref.ref[Any]]] = {}
"""By the context's identity: it may be unhashable. An entry goes with its record, or with its context.

Until the first write there is no record, but the row in flight that it will be of, which has a `record`.
"""


def record_of(context: Any) -> WriteRecord | None:
    """Return the record of a context that has rows in flight."""
    key = id(context)
    ref = records.get(key)
    found = ref() if ref is not None else None
    if ref is None or found is None or type(found) is WriteRecord:
        return found
    record = found.__dict__.setdefault("_record", WriteRecord(context))  # two threads that begin it get the same
    found.record = record
    own = found.__dict__.setdefault("_record_ref", _ref_to(record, key))
    if records.get(key) is ref:
        records[key] = own
    return record


def is_on_record(context: Any) -> bool:
    """Whether a context may have rows in flight."""
    return id(context) in records


def open_record(context: Any) -> WriteRecord:
    """Return the record of a context, made if there is none. It lasts as long as somebody holds it."""
    key = id(context)
    while True:
        standing = records.get(key)
        if standing is not None:
            record = record_of(context)
            if record is not None:
                return record
            forget(standing, key)
        record = WriteRecord(context)
        ref = _ref_to(record, key)
        if records.setdefault(key, ref) is ref:
            return record


def _ref_to(record: WriteRecord, key: int) -> _Ref:
    ref = _Ref(record, _ended)
    ref.key = key
    return ref


def _ended(ref: _Ref) -> None:
    forget(ref, getattr(ref, "key", -1))  # an interrupt may have come before it was given one: then it has no entry


def forget(ref: weakref.ref[Any], key: int) -> None:
    """Take an entry out, if it is still there: what it was of is gone."""
    if records.get(key) is ref:
        there = records.pop(key, None)
        if there is not None and there is not ref and there() is not None:
            records.setdefault(key, there)  # another's, opened in the meantime


def keep(writes: list[RawWrite], write: RawWrite, limit: int = LIMIT) -> None:
    """Put a write to some others, of which the oldest go."""
    writes.append(write)
    if len(writes) > 2 * limit:
        del writes[:limit]


def drop(writes: list[RawWrite], write: RawWrite) -> None:
    """Take a write away from others, if it is among them."""
    with contextlib.suppress(ValueError):
        writes.remove(write)
