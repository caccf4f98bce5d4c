"""A row in flight: the submission and what belongs to it, travelling with the work item."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextvars import Context as Variables
from contextvars import ContextVar
from threading import get_ident
from types import MappingProxyType
from typing import Any, ClassVar, Final, cast

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span

from otel_handoff.handover.along import Along, Step
from otel_handoff.handover.asked import Judge, Provoker, Twin
from otel_handoff.handover.findings import Findings
from otel_handoff.handover.written import WriteRecord, forget, open_record, record_of, records
from otel_handoff.host import current
from otel_handoff.host.carried import current_context
from otel_handoff.host.contexts import ContextClass
from otel_handoff.host.ids import key_of
from otel_handoff.host.plainly import MISSING
from otel_handoff.host.snapshots import Snapshot
from otel_handoff.record.locations import Frames
from otel_handoff.record.slip import Slip
from otel_handoff.record.submission import Submission, numbers

active: Final[ContextVar[Lease | None]] = current.active
"""The lease that the running thread or task works under."""

borrowed: Final[ContextVar[Lease | None]] = ContextVar("otel_handoff_borrowed", default=None)
"""The lease that a worker started it under. It may outlive that row: then it is nobody's, whatever else it carries."""

LEASE_KEY: Final = context_api.create_key("otel-handoff-lease")
"""That of `active` in an OpenTelemetry context: whom a span belongs to is said by its parent context."""

UNPLACED: Final = "unplaced_write"
"""The reason why a row is not judged of which it is not known what its submit function wrote for it."""

BORROWED_KEY: Final = context_api.create_key("otel-handoff-borrowed")
"""The lease that a thread was started under. The thread may be a pool's and outlive the row: then it is nobody's."""


def without_rows(context: Context) -> Context:
    """Return `context` as nobody's: a submission that somebody keeps does not keep the row alive it was made in."""
    if LEASE_KEY not in context and BORROWED_KEY not in context:
        return context
    return Context({key: value for key, value in context.items() if key not in (LEASE_KEY, BORROWED_KEY)})


class Rows:
    """The rows of one boundary that are in flight. Every operation is one atomic step on a dict."""

    __slots__ = ("done", "further", "in_flight", "latest", "several")

    def __init__(self) -> None:
        self.in_flight: dict[int, weakref.ref[Lease]] = {}
        self.latest: dict[object, weakref.ref[Lease]] = {}
        self.further: dict[int, weakref.ref[Lease]] = {}
        """Workers of rows that had one before."""
        self.several: bool = False
        """Whether a row was seen to have several workers."""
        self.done: dict[object, list[weakref.ref[Any]]] = {}
        """By what says which row it is: what is remembered of rows that may get another worker."""

    def leases(self) -> list[Lease]:
        """Return the leases in flight, oldest first; of a row with several workers more than one."""
        refs = list(self.in_flight.values()) + list(self.further.values())
        return [lease for ref in refs if (lease := ref()) is not None]

    def remember(self, key: object, row: Any) -> None:
        """The workers of `row` are done, as far as is known. It is remembered for as long as somebody has it."""
        refs = self.done.setdefault(key, [])

        def gone(ref: weakref.ref[Any]) -> None:
            with contextlib.suppress(ValueError):
                refs.remove(ref)
            if not refs and self.done.get(key) is refs:
                self.done.pop(key, None)

        refs.append(weakref.ref(row, gone))

    def remembered(self) -> list[Any]:
        """Return what is remembered of rows that may get another worker."""
        refs = [ref for refs in list(self.done.values()) for ref in refs[:]]
        return [seed for ref in refs if (seed := ref()) is not None]

    def count(self) -> int:
        """Return how many rows are in flight: one until its last worker is done."""
        if not self.further:
            return len(self.in_flight)
        return len({lease.row for lease in self.leases()})


class Batch:
    """The rows that one worker holds together.

    Attributes:
        rows: themselves, in the order in which it took them.
        worked: whether it has begun to work on them.
    """

    __slots__ = ("rows", "worked")

    def __init__(self) -> None:
        self.rows: list[Lease] = []
        self.worked: bool = False

    def add(self, lease: Lease) -> None:
        """It takes one more."""
        self.rows.append(lease)
        lease.batch = self


class Lease:
    """One row in flight. Whoever holds the work item holds this; when the item is dropped, the lease closes itself.

    Attributes:
        number: counts submissions in this process, from 1.
        ids: field -> its value at submission.
        thread_name: the submitting thread, by the name that it has then.
        time_unix_nano: when, in nanoseconds since the epoch.
        frames: where, unresolved.
        otel_context: the OpenTelemetry context that was current.
        detector: judges what the worker does.
        kind: how contexts of this class are read.
        context: the submitter's own context object; where the host hands its worker a copy, that copy. None until there
            is a worker, where it is not pinned: the work item alone keeps it alive until then.
        fresh: there until a worker takes it, which is the first one then: of two that begin at once only one can.
        handed: what the worker got: `context` itself, or its own copy (`pinned`). None until there is one.
        expected: the identity of what it is to get.
        roots: attribute of the context -> the object it held at submission; an `Unlike` where that is not the row's.
        record: the recent writes to `context`; None without watch, and where there was no write yet.
        unresolved: the fields of which it is not known what was submitted: what calls file is not compared.
        flaw: why this row cannot be judged, and in which fields; without any it cannot be judged at all.
        begun: whether a worker ran under it.
        claimed_by: by what its worker is, or was, recognised; None where the work item carries the lease.
        left: whether the work item was pickled, and so went to another process.
        posted: whether a slip went along: it was compared then, and may be on the far side.
        slip: where the row came from another process, what came along.
        missed: whether it is told already that no worker was recognised, or need not be: a fork is not whose row it is.
        made: contexts that the submit function itself made or wrote to: id -> the context, and attribute -> value.
        twins: the context and the worker's copy when that was made, where they are looked at again.
        unplaced: what the submit function wrote when it may have handed the row over already: attribute -> nothing; or,
            where the work function was looked up by then, what it held before.
        looked_up: how often the work function was looked up for it.
        runs: how often what was looked up was run again.
        touched: whether another than the submit function wrote an id to what that was given, before it returned.
        moved_on: whether the submit function wrote another id after it had handed the row over.
        values: the objects that were on its copy at first, in order, where these are all that it has.
        baseline: what was on it at first, by name or `(key,)`, where it has others by now, or may have.
        carriers: threads on which a task that the worker handed on runs: thread -> how many, one in the other.
        stale: whether the submission was evicted, or superseded by a retry.
        evicted: whether it was the former.
        before: the row that this one is a retry of.
        outers: the rows of other boundaries within which this one was handed over, the innermost first, until it ends;
            and those of its own, where a worker of theirs called the work function for this one.
        batch: the rows that its worker holds together, of which it is one.
        shares: the recent writes to the copy that several workers of the row have; None where each has the context.
        outdated: whether that came when its worker was done: another may come.
        stale_counted: whether that was counted.
        noted: thread -> the ids that were taken there for the next call.
        at_read: whether its worker shares `context`, and is given what was submitted where it reads a field of it. Then
            `roots` has what it is given: once it wrote an attribute itself, that.
        along: what can be changed in place on the way to its ids.
        submitted: the `roots` as they were at submission, where they are others by now.
        vague: whether it had no id when it was handed over, nor had any row before: nothing says which it is, but what
            its worker writes.
        awaited: the fields whose id only the work function is given.
        variables: the ContextVars of its hand-over, where the worker is to run in them.
        lent: the ContextVar that has the context, and the worker's copy, which it has there while it works.
        is_of_thread: whether each thread has its own values in `context`: nobody else writes those of a worker's.
        instance: whose method handed it over, where the place of `context` starts there.
        found: None, or the `findings`.
        finished: whether the row is done: its result is handed in, or its work function returned.
        span: the row span, while the work runs.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_at",
        "_ref",
        "_rows",
        "along",
        "baseline",
        "begun",
        "context",
        "detector",
        "ended",
        "expected",
        "finished",
        "flaw",
        "found",
        "frames",
        "fresh",
        "handed",
        "ids",
        "key",
        "kind",
        "made",
        "number",
        "otel_context",
        "outers",
        "pinned",
        "record",
        "roots",
        "span",
        "stale",
        "thread_name",
        "time_unix_nano",
        "twins",
        "unplaced",
        "values",
    )

    # What most rows never have, and nobody asks of each, has no place in each of them.
    unresolved: frozenset[str] = frozenset()
    claimed_by: tuple[int, ...] | None = None
    left: bool = False
    posted: bool = False
    slip: Slip | None = None
    missed: bool = False
    looked_up: int = 1
    runs: int = 1
    touched: bool = False
    moved_on: bool = False
    carriers: dict[int, int] | None = None
    evicted: bool = False
    before: weakref.ref[Lease] | None = None
    outdated: bool = False
    shares: WriteRecord | None = None
    batch: Batch | None = None
    stale_counted: bool = False
    noted: dict[int, Mapping[str, object]] | None = None
    at_read: bool = False
    submitted: dict[str, Any] | None = None
    vague: bool = False
    awaited: tuple[str, ...] = ()
    variables: Variables | None = None
    lent: tuple[ContextVar[Any], Any] | None = None
    is_of_thread: bool = False
    instance: Any = None

    provoker: ClassVar[Provoker[Lease] | None] = None

    def __init__(  # given by position: it is made for each row
        self,
        context: Any,
        kind: ContextClass,
        take: Snapshot,
        row: str | None,
        frames: Frames,
        detector: Judge[Lease],
        rows: Rows,
        keeps: bool,  # noqa: FBT001
    ) -> None:
        self._ref: weakref.ref[Lease] = weakref.ref(self)
        self.detector: Judge[Lease] = detector
        self.record: WriteRecord | None = None
        self._at: int = 0
        if detector.watched and not (keeps or detector.pins):  # it is not kept here: its record keeps it
            self.record = open_record(context)
        elif detector.watched:  # before the copy: it misses no write
            self._at = id(context)
            if records.setdefault(self._at, self._ref) is not self._ref:
                self._at, self.record = 0, open_record(context)
        handed, roots, ids, self.values = take(context)
        self.ids: Mapping[str, object] = ids
        self.roots: dict[str, Any] = roots
        self.number: int = next(numbers)
        self.thread_name: str = threading.current_thread().name
        self.time_unix_nano: int = time.time_ns()
        self.frames: Frames = frames
        carried = current_context()
        is_of_row = carried and (LEASE_KEY in carried or BORROWED_KEY in carried)
        self.otel_context: Context = without_rows(carried) if is_of_row else carried
        self.kind: ContextClass = kind
        self.handed: Any = handed  # until it is given away
        self.expected: int = id(handed)
        self.pinned: bool = handed is not context
        self.context: Any = context
        self.fresh: bool = True
        self.begun: bool = False
        self.finished: bool = False
        self.ended: bool = False
        self.stale: bool = False
        self.found: Findings | None = None
        self.flaw: tuple[str, tuple[str, ...]] | None = None
        self.made: dict[int, tuple[Callable[[], Any], dict[str, Any]]] | None = None
        self.baseline: dict[Any, Any] | None = None
        self.twins: Twin[Lease] | None = None
        self.unplaced: dict[str, tuple[()] | tuple[Any]] | None = None
        self.along: Along | None = None
        self.outers: tuple[Lease, ...] = ()
        self.span: Span = INVALID_SPAN
        if not (self.pinned or keeps):
            self._let_go(context)
        self._rows = rows
        rows.in_flight[self.number] = self._ref
        self.key: object = None
        if row is not None:
            key = ids[row]
            if type(key) is not str:
                key = key_of(key)
            if key is not None:
                # This is the newest row of this key: one before it is superseded.
                self.key = key
                before = rows.latest.get(key)
                if before is not None:
                    self._supersede(before)
                if rows.further or rows.done:
                    self._outdate(key)
                rows.latest[key] = self._ref

    def _let_go(self, context: Any) -> None:
        # It does not keep its context: what stands for it where writes are seen does, until it is known who does.
        if self._at:
            self.record = record_of(context)
            self._at = 0
        self.context = None

    def recorded(self) -> WriteRecord | None:
        """Return the record, begun if there is none yet: somebody besides is to have it."""
        if self._at and self.record is None:
            self.record = record_of(self.context)
        return self.record

    @property
    def is_pinned(self) -> bool:
        """Whether the worker is given what was submitted: by a copy of its own, or at the read."""
        return self.pinned or self.at_read

    @property
    def row(self) -> int:
        """The number of its submission, whichever worker of the row this is."""
        return self.number

    @property
    def rows(self) -> Rows:
        """The rows that it is one of."""
        return self._rows

    @property
    def findings(self) -> Findings:
        """What is known of this row, begun if there was nothing. Two threads that begin it get the same."""
        found = self.found
        if found is None:
            found = self.found = cast("Findings", self.__dict__.setdefault("_found", Findings()))
        return found

    @property
    def submission(self) -> Submission:
        """All of this for others, made when somebody asks. Two threads get the same."""
        return self.__dict__.get("_made") or self._submitted()

    def _submitted(self) -> Submission:
        made = self.detector.submission(
            self.number,
            self.detector.name,
            MappingProxyType(self.ids),
            self.thread_name,
            self.time_unix_nano,
            self.frames,
            self.otel_context,
        )
        return cast("Submission", self.__dict__.setdefault("_made", made))

    def restate(self, ids: Mapping[str, object]) -> None:
        """The row has other values for some ids."""
        self.submission.restate(ids)
        self.ids = self.submission.ids
        if self.vague and any(value is not None for value in ids.values()):
            self.vague = False

    def _supersede(self, before: weakref.ref[Lease]) -> None:
        lease = before()
        if lease is not None and not lease.ended:
            lease.stale, self.before = True, before

    def _outdate(self, key: object) -> None:
        # The same of further workers, and of those that are yet to come.
        for ref in list(self._rows.further.values()):
            other = ref()
            if other is not None and other.row != self.number and other.key == key:
                other.stale = True
        for remembered in list(self._rows.done.get(key, ())):
            row = remembered()
            if row is not None and row.row != self.number:
                row.outdated = True

    def within(self, outer: Lease, *, called: bool = False) -> None:
        """The row is handed over by a worker of `outer`: while it is worked on, both hold, this one first.

        Where that has `called` the work function, and waits for it, it may come back to each row around it.
        """
        rows = (outer, *outer.outers)
        self.outers = rows if called else one_of_each(rows, self)

    def rename(self, key: object) -> None:
        """The submit function says only now which row it is: no retry of the one whose id was left on the context."""
        latest, before = self._rows.latest, self.before
        newest = latest.get(self.key)
        retry = newest() if newest is not None and newest is not self._ref else None
        if retry is not None and retry.before is self._ref:  # of the row before, and not of this one
            retry.before, self.stale = before, self.evicted
        elif newest is self._ref:
            latest.pop(self.key, None)
            lease = before() if before is not None else None
            if lease is not None:
                lease.stale = lease.evicted
                if lease.key == self.key and not lease.ended:
                    latest.setdefault(self.key, lease._ref)
        self.before, self.key = None, key
        if key is not None:
            standing = latest.get(key)
            if standing is not None:
                self._supersede(standing)
            if self._rows.further or self._rows.done:
                self._outdate(key)
            latest[key] = self._ref

    def stamp(self, context: Any, root: str, value: Any, *, again: bool) -> None:
        """The submit function wrote an id into a context of its own making, and may hand that one over.

        Where the work item may have it by now, it is not `again` the row's id, but only for the first time.
        """
        made = self.made
        if made is None:
            made = self.made = {}
        known = made.get(id(context))
        if known is None or known[0]() is not context:
            known = made[id(context)] = _weakly(context), {}
        if again or root not in known[1]:
            known[1][root] = value

    def unplace(self, root: str, *, found: bool) -> None:
        """The submit function writes an id; perhaps when it has handed the row over. The work function is `found`."""
        unplaced = self.unplaced
        if unplaced is None:
            unplaced = self.unplaced = {}
        if not unplaced.get(root):
            unplaced[root] = (self.roots[root],) if found else ()
        if self.flaw is None:
            self.flaw = UNPLACED, ()  # until it is known how the worker was found

    def take_back(self) -> None:
        """What was written since the work function was looked up is another row's, which is handed over now."""
        unplaced, self.unplaced = self.unplaced, None
        for root, before in (unplaced or {}).items():
            for value in before:
                self.detector.restate(self, root, value)
        while self.along is not None and self.along.before:
            self.detector.restate(self, *self.along.before.pop())

    def place(self) -> list[str]:
        """Return the attributes that the submit function wrote, and nobody knows for which row."""
        unplaced, self.unplaced = self.unplaced, None
        queued = self.claimed_by is not None
        return [root for root, before in (unplaced or {}).items() if queued or before]

    def receive(self, handed: Any) -> None:
        """The worker was given `handed`, or (`MISSING`) no context at all."""
        stamped: dict[str, Any] = {}
        if self.made is not None:
            known = self.made.get(id(handed))
            if known is not None and known[0]() is handed:
                stamped = known[1]
                for root, value in stamped.items():
                    self.detector.restate(self, root, value)
            self.made = None
            if self.twins is not None and self.twins.open and id(handed) == self.expected:
                self.twins.settle(self, self.context, handed)
        if handed is MISSING:
            self.handed = self.context
            return
        if self.context is None:
            self.context = handed
        if id(handed) != self.expected:
            # The host has copied by itself, or made another; what becomes of the one submitted concerns no worker.
            self._let_go(self.context)
            self.context, self.pinned, self.values = handed, False, None
            if self.at_read:
                self.at_read = False
            self.detector.take_as_it_is(self, handed, stamped)
        self.handed = handed

    def turn(self, kind: ContextClass, there: Any, record: WriteRecord | None) -> None:
        """Where the worker looks, another object is by now: what it reads there is compared with what was submitted."""
        self._let_go(self.context)
        self.context = self.handed = there
        self.kind, self.record = kind, record

    def sent(self) -> None:
        """The work item was pickled: it goes to another process, if it goes anywhere."""
        self.left = True

    def carry(self, thread: int, turns: int) -> None:
        """A task that the worker handed on begins (`turns` is 1) or ends (-1) on a thread."""
        carriers = self.carriers
        if carriers is None:  # two threads may begin at once: they get the same
            carriers = cast("dict[int, int]", self.__dict__.setdefault("carriers", {}))
        left = carriers.get(thread, 0) + turns
        if left:
            carriers[thread] = left
        else:
            carriers.pop(thread, None)

    def close(self) -> None:
        """The row is no longer in flight. Takes no lock: it may run in a finalizer."""
        if not self.ended:
            self.ended = True
            if self.outers:
                self.outers = ()  # a row that hands over the next one would keep all before it
            if not self.begun and self.left and not self.posted:
                self.detector.missed("other_process", self.submission, pinned=self.pinned)
            rows, key = self._rows, self.key
            rows.in_flight.pop(self.number, None)
            if key is not None and rows.latest.get(key) is self._ref:
                rows.latest.pop(key, None)
                if rows.several and self.begun:
                    rows.remember(key, self)

    def miss(self) -> None:
        """Nobody has it any more, or will work any more: its work item was thrown away, or was run otherwise."""
        if not (self.begun or self.left or self.missed):
            self.missed = True
            self.detector.missed("no_worker", self.submission, pinned=self.pinned)

    def __del__(self) -> None:
        try:  # this is on every row's way
            if self._at and self.record is None:
                forget(self._ref, self._at)
            if not self.ended:
                self.close()
                if self.detector.enabled:
                    self.miss()
        except AttributeError:  # an interrupt came while it was being made
            pass


def one_of_each(rows: Iterable[Lease], besides: Lease | None = None) -> tuple[Lease, ...]:
    """Return the first row of each boundary: it takes the place of the others. None of that which `besides` is of."""
    known = {besides.detector} if besides is not None else set[Any]()
    found: list[Lease] = []
    for lease in rows:
        if lease.detector not in known:
            known.add(lease.detector)
            found.append(lease)
    return tuple(found)


def is_first(lease: Lease) -> bool:
    """Whether the worker that asks is the first of the row."""
    try:
        del lease.fresh
    except AttributeError:
        return False
    return True


def _weakly(context: Any) -> Callable[[], Any]:
    # The row is not to keep it, if it can be helped.
    try:
        return weakref.ref(context)
    except TypeError:
        return lambda: context


def judged_lease() -> Lease | None:
    """Return the lease that the caller works under, as far as that is sure; None in what outlived its row."""
    lease = active.get()
    if lease is None or not lease.ended or is_certain(lease):
        return lease
    return None


def judged_for(detector: Judge[Lease]) -> Lease | None:
    """Return the lease of one boundary that the caller works under: its own row, or one around it; else its own."""
    lease = judged_lease()
    if lease is not None and lease.detector is not detector:
        return next((outer for outer in lease.outers if outer.detector is detector), lease)
    return lease


def whose(lease: Lease, instance: Any, name: str) -> tuple[Lease, Step | None] | None:
    """Return whose `instance` is, of `lease` and the rows around it: its context, or (a step) on the way to its ids."""
    rows = (lease,) if lease.batch is None else (lease, *lease.batch.rows)
    for one in (*rows, *lease.outers):
        if instance is one.handed or instance is one.context:
            return one, None
        step = one.along.step(instance, name) if one.along is not None else None
        if step is not None:
            return one, step
    return None


def is_judged(lease: Lease) -> bool:
    """Whether the caller works under `lease`, or within it."""
    now = judged_lease()
    if now is lease or now is None:
        return now is lease
    return lease in now.outers or (now.batch is not None and lease in now.batch.rows)


def is_certain(lease: Lease) -> bool:
    """Whether what runs here under `lease` surely works on its row.

    It does until the row ends. From then on only a task does that the worker handed on: whatever else has inherited
    its context, a consumer that the first row began or a pool's thread, works for others by now.
    """
    if not lease.ended:
        return True
    return lease.carriers is not None and get_ident() in lease.carriers and not is_borrowed(lease)


def is_outlived(lease: Lease, context: Context | None) -> bool:
    """Whether `context` (None: the current one) is that of a thread started under `lease`, whose row has ended."""
    return lease.ended and is_borrowed(lease, context)


def is_borrowed(lease: Lease, context: Context | None = None) -> bool:
    """Whether `context` (None: the current one) is that of a thread that a worker started under `lease`."""
    return borrowed.get() is lease or context_api.get_value(BORROWED_KEY, context) is lease


def current_submission() -> Submission | None:
    """Return the submission that the calling thread or task works under, or None outside of work."""
    lease = judged_lease()
    return lease.submission if lease is not None else None
