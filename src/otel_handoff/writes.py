"""The recent writes to a context's fields, kept while rows of that context are in flight."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

from otel_handoff.locations import Frames, capture
from otel_handoff.submission import Submission

LIMIT: Final = 64
"""Writes kept per context; 8 are enough to name the culprit in every schedule that was tried."""

_DEPTH: Final = 8


class RawWrite:
    """One write to one attribute of a context, as it was recorded."""

    __slots__ = ("frames", "root", "submission", "thread_name", "time_unix_nano", "value")

    def __init__(self, root: str, value: object) -> None:
        self.root: str = root
        self.value: object = value
        self.thread_name: str = threading.current_thread().name
        self.time_unix_nano: int = time.time_ns()
        self.frames: Frames = capture(_DEPTH)
        self.submission: Submission | None = None


class WriteRecord:
    """The writes to one context. Leases hold it; when the last is gone, so is the record.

    Appending, slicing and deleting a slice of a list are atomic, so there is no lock that could deadlock in a
    finalizer or after a fork, and (unlike a deque) nothing is raised when a reader and a writer meet.
    """

    __slots__ = ("__weakref__", "_writes", "context")

    def __init__(self, context: Any) -> None:
        self.context: Any = context
        self._writes: list[RawWrite] = []

    def add(self, root: str, value: object) -> None:
        """Record a write; called before the value is stored, so that no reader sees a value without its write."""
        self._writes.append(RawWrite(root, value))
        if len(self._writes) > 2 * LIMIT:
            del self._writes[:LIMIT]

    def claim(self, submission: Submission, roots: Mapping[str, object]) -> None:
        """Say of the writes since the last submission that they were made for this one."""
        for write in reversed(self._writes[-LIMIT:]):
            if write.submission is not None:
                break
            if roots.get(write.root) is write.value:
                write.submission = submission

    def newest(self, root: str, matches: Callable[[object], bool]) -> RawWrite | None:
        """Return the newest write to `root` whose value `matches`."""
        for write in reversed(self._writes[:]):
            if write.root == root and matches(write.value):
                return write
        return None


# Keyed by identity: a context may be unhashable. The record refers to its context, so that the address cannot be
# recycled while the entry stands.
_records: Final[dict[int, weakref.ref[WriteRecord]]] = {}


def record_of(context: Any) -> WriteRecord | None:
    """Return the record of a context that has rows in flight."""
    ref = _records.get(id(context))
    return ref() if ref is not None else None


def open_record(context: Any) -> WriteRecord:
    """Return the record of a context, made if there is none. It lasts as long as somebody holds it."""
    record = record_of(context)
    if record is None:
        record = WriteRecord(context)
        key = id(context)

        def forget(ref: weakref.ref[WriteRecord]) -> None:
            if _records.get(key) is ref:
                _records.pop(key, None)

        _records[key] = weakref.ref(record, forget)
    return record
