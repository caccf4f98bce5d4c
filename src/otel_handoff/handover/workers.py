"""One hand-over, several workers: each has findings and a span of its own, and all are of one row."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.trace import INVALID_SPAN

from otel_handoff.handover.lease import Lease
from otel_handoff.handover.written import WriteRecord, open_record

_numbers: Final = itertools.count(-1, -1)
"""Of further workers, so that what one of them writes is not another's own. Submissions are numbered from 1 up."""


class Further(Lease):
    """The same row for one more worker, which was given the same.

    In `pin` all workers of a row share the one copy, as they would have shared the context: what one of them leaves on
    it for another arrives. The ids on it are their row's; where one of them writes an id that another reads, that
    is told.
    """

    __slots__ = ("_row",)

    def __init__(self, of: Lease | Seed, context: Any, roots: dict[str, Any]) -> None:
        """Take over from `of`; `context` is the submitter's own, `roots` what it held."""
        self.number = next(_numbers)
        self._row = of.row
        self.__dict__["_made"] = of.submission
        self.ids = of.ids
        self.thread_name, self.time_unix_nano = of.thread_name, of.time_unix_nano
        self.frames, self.otel_context = of.frames, of.otel_context
        self.detector, self.kind = of.detector, of.kind
        self.context, self.handed, self.expected = context, None, of.expected
        self.pinned, self.roots, self.record = of.pinned, roots, of.recorded()
        self.made = self.found = self.baseline = self.twins = self.unplaced = self.along = None
        self.values = None
        if self.pinned:
            self.made = {}  # what it leaves on the copy is looked at in the slow way
        self.outers = ()
        self.span, self._at = INVALID_SPAN, 0
        self.key = of.key
        if of.at_read:
            self.at_read = True
        if of.vague:
            self.vague = True
        if of.along is not None:
            self.along, self.made = of.along.again(), {}
        self.fresh = True
        self.begun = self.finished = self.ended = False
        self.unresolved, self.flaw = of.unresolved, of.flaw
        if of.shares is not None:
            self.shares = of.shares
        self.stale = of.stale or of.outdated
        self._rows = of.rows
        self._ref = weakref.ref(self)
        of.rows.further[self.number] = self._ref
        of.rows.several = True

    @property
    def row(self) -> int:
        """The number of the submission."""
        return self._row

    def close(self) -> None:
        """Its worker is done. Takes no lock: it may run in a finalizer."""
        if not self.ended:
            self.ended = True
            self._rows.further.pop(self.number, None)

    def miss(self) -> None:
        """Nothing is missed: the row has another worker."""


def further(lease: Lease, given: Any) -> Further:
    """Return the row of `lease` for one more worker, which is given `given` for the context."""
    if lease.pinned and lease.shares is None and lease.recorded() is not None:
        lease.shares = open_record(given)
        for at, writes in lease.findings.own.items() if lease.found else ():
            for write in writes[:] if type(at) is str else ():
                lease.shares.add(write)
    return Further(lease, given if lease.context is None else lease.context, dict(lease.submitted or lease.roots))


class Seed:
    """What is remembered of a row whose workers are done, in case that another comes. It keeps nothing alive.

    What it cannot hold weakly it does not hold, but for plain ids; a worker that is given the same brings it along.
    """

    def __init__(self, lease: Lease) -> None:
        self.row: int = lease.row
        self.thread_name, self.time_unix_nano = lease.thread_name, lease.time_unix_nano
        self.frames, self.otel_context = lease.frames, lease.otel_context
        self.submission, self.ids = lease.submission, lease.ids
        self.detector, self.kind = lease.detector, lease.kind
        self.expected, self.pinned, self.record = lease.expected, lease.pinned, lease.recorded()
        self.unresolved, self.flaw = lease.unresolved, lease.flaw
        self.shares: WriteRecord | None = None
        self.stale, self.outdated = lease.stale, lease.outdated
        self.key, self.rows = lease.key, lease.rows
        self.at_read, self.along, self.vague = lease.at_read, None, lease.vague
        self._context = _held(lease.context)
        self._roots = {name: _held(value) for name, value in (lease.submitted or lease.roots).items()}
        if self.record is not None:
            self.record.release()
        # Of one that has no id to tell it by there is no retry; it may be evicted all the same.
        self.rows.remember(object() if self.key is None else self.key, self)

    def recorded(self) -> WriteRecord | None:
        """Return the recent writes to the context."""
        return self.record

    def further(self, given: Any) -> Further:
        """Return the row for one more worker, whose context is `given`."""
        context = self._context() if self.pinned else given
        if self.pinned and self.record is not None:
            self.shares = open_record(given)
            self.shares.release()
        roots = {name: _alive(held) for name, held in self._roots.items()}
        self.at_read = self.at_read and not any(type(value) is object for value in roots.values())
        return Further(self, given if context is None else context, roots)


def _held(value: Any) -> Callable[[], Any]:
    if value is None:
        return _nothing
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value


def _nothing() -> None:
    return None


def _alive(held: Callable[[], Any]) -> Any:
    # Where the object is gone, no other is that object, and what it is read off now is compared by its ids.
    value = held()
    return object() if value is None and held is not _nothing else value
