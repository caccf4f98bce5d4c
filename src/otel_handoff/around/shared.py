"""What the wrappers of one boundary share: who judges its rows, who waits for them, and what of them was not seen."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from otel_handoff.around.engine import Engine
from otel_handoff.around.running import Running
from otel_handoff.around.several import fields_of
from otel_handoff.boundary import Boundary
from otel_handoff.handover.claims import Claims
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.transport import Handing
from otel_handoff.host.contexts import ContextClass, ContextClasses
from otel_handoff.host.fields import Fields
from otel_handoff.host.following import Partial
from otel_handoff.judge.coverage import Coverage
from otel_handoff.judge.detector import Detector
from otel_handoff.record.submission import Submission
from otel_handoff.watch.descriptors import Watch
from otel_handoff.watch.unwatched import WATCH_IS_OFF
from otel_handoff.watch.ways import Ways

_MOST_BLIND: Final = 1_000

_logger = logging.getLogger("otel_handoff")


def _unwatched(_cls: type) -> str:
    return WATCH_IS_OFF


class Shared:
    """A boundary, and the state of it.

    Attributes:
        boundary: as declared.
        engine: what it shares with other boundaries.
        counts: of its rows.
        coverage: tells rows that could not be judged.
        detector: judges the others.
        watch: sees reads and writes of the fields; None where that is off.
        kinds: the classes of contexts that it has met.
        ways: the ways from contexts to ids, beneath the contexts.
        claims: the rows that wait for a worker that is recognised by what it is given.
        running: what is done around the work on a row.
        submitters: the threads that handed over rows.
        blind: as many as rows were handed over without a submission, whose workers are yet to come.
        keeps_context: whether a row in flight keeps its context: the worker is given none by which it would be seen.
        polled: the attributes of the context by which a loop in the work function goes on: its workers share it.
        polls: says of a class of contexts whether one does, methods of the context included; `around.handoff` does.
        shared: the parameters that the submit function and the work function both have.
        is_given: whether the context is an argument of both, by the same name.
        is_usual: whether the context says which row it is, and nothing else is asked for: most rows go the short way.
        has_ids: whether a row was handed over with an id, or says itself which it is.
        told_shared: whether it was told that the context cannot be copied, as it is no argument.
        told_replaced: whether it was told that what is shared is replaced by others.
        forked: whether this process is a fork of one that it was attached in.
        explain: tells, where no worker is recognised, what in the declaration it may come of; `around.handoff` does.
        cover_overrides: looks for subclasses that hand over rows in their own way; `around.handoff` does.
        told_in_place: whether the work function was simply called, which is no row.
        gap: tells once that something was not met, by its reason; `around.handoff` does.
        row_of: says whose row the work function is looked up for again: the same, or another of the same submit call.
    """

    def __init__(self, boundary: Boundary, engine: Engine, look_for_gaps: Callable[[], None]) -> None:
        """Know of no rows yet; `look_for_gaps` is called now and then while there are some."""
        self.boundary: Boundary = boundary
        self.engine: Engine = engine
        self.counts = engine.metrics.boundary(boundary.name, boundary.names, shown=False)
        self.coverage = Coverage(boundary.name, self.counts, engine.notices)
        fields = Fields(fields_of(boundary), boundary.ids)
        self._fields = fields
        self.watch = Watch(fields.roots) if engine.settings.watch else None
        self.kinds = ContextClasses(
            fields,
            self.watch.cover if self.watch is not None else _unwatched,
            self._lost_sight,
            copies=engine.settings.mode == "pin",
        )
        self.detector: Detector = Detector(
            boundary,
            fields,
            mode=engine.settings.mode,
            watched=engine.settings.watch,
            submission=engine.submission,
            alert=engine.alerts,
            missed=self.coverage.miss,
        )
        said = () if boundary.pins == "ids" else boundary.ids
        self.ways = Ways(boundary.name, fields, self.watch, said, pins=engine.settings.mode == "pin")
        self.detector.look = self.ways.look_again
        self.claims = Claims(
            boundary.place if boundary.fields and len(boundary.places) == 1 else "",
            self._shared_parameters,
            self._missed,
            lambda: bool(self.blind),
        )
        self.running = Running(boundary, engine, self.counts, self.coverage, look_for_gaps)
        self.submitters: set[int] = set()
        self.blind: deque[None] = deque(maxlen=_MOST_BLIND)
        self.keeps_context: bool = True
        self.polled: tuple[str, ...] = ()
        self.polls: Callable[[ContextClass, type], bool] = _never
        self.shared: frozenset[str] = frozenset()
        self.is_given: bool = False
        self.is_usual: bool = bool(boundary.fields) and not (boundary.ids or boundary.contextvars)
        self.has_ids: bool = bool(boundary.ids)
        self.told_shared: bool = False
        self.told_replaced: bool = False
        self.forked: bool = False
        self.explain: Callable[[], None] = _nothing
        self.cover_overrides: Callable[[], None] = _nothing
        self.gap: Callable[..., None] = _no_gap
        self.told_in_place: bool = False
        self.row_of: Callable[[Handing, Lease], Lease] = _the_same

    def _shared_parameters(self) -> frozenset[str]:
        return self.shared

    def missed_row(self, reason: str, *, is_told: bool = False) -> None:
        """A row was handed over without a submission; or an inner submit function made one, and it is told so."""
        if is_told:
            with contextlib.suppress(IndexError):
                self.blind.pop()
            return
        self.counts.submissions.add()
        self.explain()
        self.coverage.miss(reason, detail=f"{self.boundary.place!r} of {self.boundary.hands_over}")

    def in_place(self) -> None:
        """The work function was simply called: that is no row."""
        if not self.told_in_place:
            self.told_in_place = True
            _logger.info(
                "Boundary %r: %s was called where nothing is handed over. Such calls are no rows, and are not checked.",
                self.boundary.name,
                self.boundary.work,
            )

    def missed_submission(self, reason: str) -> None:
        """The work function ran, and it is not known for which row."""
        if reason == "no_submission":
            with contextlib.suppress(IndexError):
                self.blind.pop()
                return  # its row is told already
            if self.forked:
                reason = "other_process"
            else:
                self.explain()
        self.coverage.miss(reason, detail=self.boundary.work)

    def _missed(self, reason: str, lease: Lease, detail: str) -> None:
        lease.missed = True
        if reason == "no_worker":
            self.explain()
        if reason == "no_worker" and not self.shared:
            detail = f"{self.boundary.hands_over} and {self.boundary.work} share no parameter"
        # What it reads is given to a worker that is known alone.
        self.coverage.miss(reason, lease.submission, pinned=lease.pinned, detail=detail)

    def unresolved(
        self, kind: ContextClass, ids: dict[str, Any], submission: Submission, *, pinned: bool
    ) -> tuple[frozenset[str], tuple[str, tuple[str, ...]] | None]:
        """Some fields of a row could not be read; return which, and why it cannot be judged in them."""
        absent, beyond = (ids.absent, ids.beyond) if isinstance(ids, Partial) else ((), ())
        computed = tuple(name for name in beyond if self._root_of(name) in kind.computed)
        fields = absent + computed
        flaw = None
        if fields:
            reason = "field_unresolved" if absent else "field_computed"
            detail = ", ".join(f"{name}: {self.boundary.fields[name]!r}" for name in fields)
            self.coverage.miss(reason, submission, pinned=pinned, detail=detail, has_span=True)
            flaw = reason, fields if len(fields) < len(ids) else ()
        return frozenset(absent + beyond), flaw

    def _root_of(self, name: str) -> str:
        return self._fields.root_of(name)

    def _lost_sight(self, cls: type, kind: ContextClass, roots: list[str]) -> None:
        # The host, or a test's patch, has put something else in the place of what watched a class.
        if self.watch is None or self.watch.removed:
            return
        names = ", ".join(f"{cls.__qualname__}.{root}" for root in roots)
        detail = f"{names}: reads of it were not seen until now"
        pinned = self.engine.settings.mode == "pin"
        running = [lease for lease in self.counts.rows.leases() if lease.kind is kind and lease.begun]
        for lease in running:
            self.running.leaves(lease, "replaced", detail)
        if not running:
            self.coverage.miss("replaced", detail=detail, pinned=pinned)


def _nothing() -> None:
    pass


def _never(_kind: ContextClass, _cls: type) -> bool:
    return False


def _no_gap(_reason: str, _target: str, _more: str = "") -> None:
    pass


def _the_same(_handing: Handing, lease: Lease) -> Lease:
    return lease
