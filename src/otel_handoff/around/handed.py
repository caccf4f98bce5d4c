"""A row that begins where its work function is handed over, or called by what was: there is no submit function."""

from __future__ import annotations

from threading import get_ident
from typing import Any, NamedTuple

from otel_handoff.around.identity import Call
from otel_handoff.around.shared import Shared
from otel_handoff.around.submit import MOST_THREADS, Submit
from otel_handoff.handover.lease import Lease, judged_lease
from otel_handoff.handover.written import open_record
from otel_handoff.host.contexts import ContextClass
from otel_handoff.host.current import SeenBy
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING, class_of
from otel_handoff.record.locations import Frames, capture


class Noted(NamedTuple):
    """What may be the context of a row, when what calls its work function was handed over.

    Attributes:
        context: itself.
        handed: the worker's copy, or the context itself.
        lease: of the row, which counts for nothing until its work function is called.
    """

    context: Any
    handed: Any
    lease: Lease


class HandOver(Submit):
    """Begins rows as a submit function does; its parameters are the work function's."""

    @property
    def pins(self) -> bool:
        """Whether a worker is given a copy."""
        return self._pin

    def knows(self, context: Any) -> bool:
        """Whether there was a context of this class before."""
        return id(class_of(context)) in self._met

    @property
    def is_argument(self) -> bool:
        """Whether what is shared is an argument of the work function."""
        return self._place.is_argument

    def context_of(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the context of a call of the work function; `MISSING` where it is not there."""
        return self._context(instance, args, kwargs)

    def hand(
        self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Lease, tuple[Any, ...], dict[str, Any]] | None:
        """Begin a row whose work function will be called with these; return what it is to be called with.

        Returns:
            None where the context cannot be read: that is told.
        """
        context = self._context(instance, args, kwargs)
        if context is MISSING or context is None:
            self.shared.blind.append(None)
            self.shared.missed_row("context_unreadable")
            return None
        frames, within = capture(3), judged_lease()
        lease, handed = self._begun(context, frames, (instance, args, kwargs))
        if within is not None:
            lease.within(within)
        if lease.along is not None:
            lease.made = {}  # nor of that
        if Lease.provoker is not None:
            Lease.provoker.submitted(lease, context)
        return self.given(lease, handed, args, kwargs) if handed is not context else (lease, args, kwargs)

    def given(
        self, lease: Lease, handed: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Lease, tuple[Any, ...], dict[str, Any]]:
        """Put the worker's copy in the place of the context."""
        return (lease, *self._parameters.replace(self.shared.boundary.place, handed, args, kwargs))

    def note(self, context: Any, *, certain: bool, call: Call | None = None) -> Noted:
        """Take what a row is handed over with, if this is its context, which may be `certain`.

        Args:
            context: what may be its context.
            certain: whether it is.
            call: what says which row it is; None where the call of the work function will.
        """
        shared = self.shared
        if len(shared.submitters) < MOST_THREADS:
            shared.submitters.add(get_ident())
        with SeenBy(judged_lease()):
            kind, is_any = self._kind(context)
            record = open_record(context) if self._detector.watched else None
            lends = self._lends(kind) if self._pin and is_any else None
            copies = self._pin and is_any and ((certain and self._can_copy) or lends is not None)
            handed = self._copy(context, kind) if copies else context
            roots, ids = self._taken(kind, context, handed, call)
            lease = Lease(
                context,
                kind,
                lambda _: (handed, roots, ids, kind.values_of(handed) if handed is not context else None),
                self._row if certain else None,
                capture(3),
                self._detector,
                shared.counts.rows,
                shared.keeps_context,
            )
            lease.handed = None  # it is not to keep what it hands over
            lease.missed = True  # nothing is amiss if it is never called
            if lends is not None and handed is not context:
                lease.lent, handed = (lends, handed), context
            if record is not None and record.unclaimed:
                record.claim(lease.submission, roots)
            if is_any and self._pin and not lease.pinned and (certain or kind.can_be_read):
                lease.at_read = self._is_pinned_at_read(kind, None)
            with guard:
                shared.ways.look(lease, None if handed is context else handed)
            if lease.along is not None:
                lease.made = {}
            if not (shared.is_usual and self._can_copy):
                self._look_further(lease, context, call)
        return Noted(context, handed, lease)

    def item(self, context: Any, item: Any) -> tuple[Lease, Any]:
        """Begin the row of an item that is put into a queue; return what its worker is to have for the context, too."""
        frames, within = capture(3), judged_lease()
        lease, handed = self._begun(context, frames, (None, (item,), {}))
        if within is not None:
            lease.within(within)
        return lease, handed

    def _begun(self, context: Any, frames: Frames, call: Call) -> tuple[Lease, Any]:
        # No code of the host's runs until it is handed over: nothing is written to it meanwhile.
        with SeenBy(judged_lease()):
            handing, lease = self._begin(context, frames, call)
        lease.twins = lease.made = None
        handed = handing.contexts[1]
        if lease.pinned and lease.values is None:
            lease.made = {}  # what its worker leaves there is looked at in the slow way
        handing.lease, handing.contexts = None, (None, None)
        if self._coverage.due:
            self._coverage.tell()
        return lease, handed

    def pin_at_read(self, lease: Lease) -> None:
        """In `pin`, give the worker what was submitted where it reads a field of a context that has no copy."""
        if self._pin and not lease.pinned and self._is_pinned_at_read(lease.kind, None):
            lease.at_read = True

    def begin_noted(self, noted: Noted, given: Any) -> Lease:
        """Begin the row of what was noted, whose worker is `given` that, or another object; `MISSING` if neither."""
        lease = noted.lease
        lease.missed = False
        self.shared.counts.submissions.add()
        self._look_for_ids(lease, lease.ids)
        ids: Any = lease.ids
        if type(ids) is not dict:
            unresolved, lease.flaw = self.shared.unresolved(lease.kind, ids, lease.submission, pinned=lease.is_pinned)
            lease.unresolved = unresolved.union(lease.awaited, lease.unresolved)
        if given is not MISSING and given is not noted.context and not lease.pinned:
            lease.expected, lease.context = id(given), given
            lease.record = open_record(given) if self._detector.watched else None
        return lease


class Called(HandOver):
    """Begins rows where a worker calls the work function: it goes on with what it gives to it, and so shares that."""

    def __init__(self, shared: Shared, parameters: Parameters) -> None:
        super().__init__(shared, parameters)
        self._row = None  # no retry of the row that it is a part of
        self._open = self._opener()

    def _copy(self, context: Any, kind: ContextClass) -> Any:
        return context if kind.can_be_read and self._pins != "copy" else super()._copy(context, kind)

    def call(
        self, context: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Lease, tuple[Any, ...], dict[str, Any]]:
        """Begin the row of `context`; return what the work function is to be called with."""
        around = judged_lease()
        lease, handed = self._begun(context, capture(3), (instance, args, kwargs))
        lease.variables = None  # these it has
        if lease.along is not None:
            lease.made = {}
        if around is not None:
            lease.within(around, called=True)
        return self.given(lease, handed, args, kwargs) if handed is not context else (lease, args, kwargs)


class OnItem(HandOver):
    """The same of an item of a queue, in which the context's place can be given a copy."""

    def __init__(self, shared: Shared, parameters: Parameters) -> None:
        super().__init__(shared, parameters)
        self._can_copy = True


class InPlace(OnItem):
    """The same where the worker can be given no copy."""

    def _copy(self, context: Any, kind: ContextClass) -> Any:  # noqa: ARG002
        return context
