"""The submit function: pins what a row is handed over with, before the function is entered."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar, Token, copy_context
from typing import Any, Final
from weakref import ref

from otel_handoff.around.identity import Call, Identity
from otel_handoff.around.place import Nothing, Place, what_has_it
from otel_handoff.around.shared import Shared
from otel_handoff.around.surroundings import is_local
from otel_handoff.handover.along import LISTS, Along
from otel_handoff.handover.claims import Claims
from otel_handoff.handover.lease import Lease, active, judged_lease, whose
from otel_handoff.handover.stepwise import STEPWISE, stepped
from otel_handoff.handover.transport import Handing, submitting, under_way
from otel_handoff.handover.twins import Twins, explain, settle_late, state_of
from otel_handoff.host.bound import Written
from otel_handoff.host.contexts import ContextClass
from otel_handoff.host.copying import Unfit
from otel_handoff.host.current import SeenBy, looker
from otel_handoff.host.fields import Fields
from otel_handoff.host.following import Partial
from otel_handoff.host.guard import guard
from otel_handoff.host.outside import pass_on
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING, class_of
from otel_handoff.host.snapshots import Snapshot, Taken
from otel_handoff.record.locations import Frames, Site, capture
from otel_handoff.watch.ways import give

_LET_GO: Final = (None, None)
MOST_THREADS: Final = 1_000

_logger = logging.getLogger("otel_handoff")


class Steps:
    """What is done around each step of a submit function that is a coroutine or generator."""

    __slots__ = ("_claims", "_contexts", "_first", "_lease", "handing")

    def __init__(self, claims: Claims, handing: Handing, lease: Lease, contexts: tuple[Any, Any]) -> None:
        self.handing: Handing = handing
        self._claims = claims
        self._first = self._lease = lease
        self._contexts = contexts

    def enter(self) -> Token[Handing | None]:
        """The row is being handed over again."""
        handing, lease = self.handing, self._lease
        handing.lease, handing.contexts = lease, self._contexts
        under_way[lease.number] = ref(handing)
        return submitting.set(handing)

    def leave(self, token: Token[Handing | None], /) -> None:
        """It is not, for now."""
        submitting.reset(token)
        handing, first = self.handing, self._first
        if first.twins is not None:
            first.twins.close(first, self._contexts, back=False)
        else:
            settle_late(first, *self._contexts, back=False)
        self._lease = lease = handing.lease or self._lease  # it may have handed over more than one
        under_way.pop(lease.number, None)
        handing.lease, handing.contexts = None, _LET_GO

    def end(self, token: Token[Handing | None], error: BaseException | None, /) -> None:
        """That was the last of them."""
        self.leave(token)
        self.over(self._lease, is_done=error is None)

    def let_go(self) -> None:
        """There was none, or no more than there were."""
        self.over(self._lease, is_done=False)

    def interrupted(self) -> None:
        """Nothing is to be taken back."""

    def over(self, lease: Lease, *, is_done: bool) -> None:
        """No more of them will come."""
        if lease.begun or self.handing.is_bound():
            self._claims.discard(lease.number)
        elif not is_done:
            self._claims.discard(lease.number)
            lease.close()


class Submit:
    """One function of the host that hands over rows of a boundary, and what is done when it is called."""

    def __init__(self, shared: Shared, parameters: Parameters) -> None:
        self.shared: Shared = shared
        self._parameters = parameters
        self._place = Place(shared.boundary, parameters)
        self._position = self._place.position
        self._can_copy = self._place.is_argument
        self._identity = Identity(shared.boundary, parameters) if shared.boundary.ids else None
        self._is_said_elsewhere = bool(shared.boundary.ids) and shared.detector.expected.covers()
        self._nothing = ContextClass(Nothing, Fields({}), copies=False)
        self._site = Site()
        self._pin = shared.engine.settings.mode == "pin"
        self._pins = shared.boundary.pins
        self._seen: type | None = None
        self._class: type | None = None
        self._detector = shared.detector  # these are for each row
        self._kind_of = shared.kinds.of
        self._met = shared.kinds.met
        self._row = shared.boundary.row
        self._coverage = shared.coverage
        self._claims = shared.claims
        self._open = self._opener()

    def __call__(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Open a lease for the row, and call through."""
        outer = submitting.get()
        if not self._detector.enabled or (outer is not None and self._is_inner(outer, instance, args, kwargs)):
            return wrapped(*args, **kwargs)
        position = self._position
        context = args[position] if position < len(args) else self._context(instance, args, kwargs)
        if context is MISSING or context is None:
            return self._unread(wrapped, args, kwargs)
        try:
            if instance.__class__ is not self._seen:  # a subclass may work in its own way
                self._seen = instance.__class__
                self.shared.cover_overrides()
            self._class = self._seen if self.shared.is_given else None
            if active.get() is None:
                handing, lease = self._begin(context, self._site.capture(), (instance, args, kwargs))
            else:  # a worker that submits in turn: our own reads are not its reads
                frames, within = self._site.capture(), judged_lease()
                with SeenBy(within):
                    handing, lease = self._begin(context, frames, (instance, args, kwargs))
                if within is not None:
                    lease.within(within)
            handed = handing.contexts[1]
            if handed is not context:
                if position < len(args):
                    args = (*args[:position], handed, *args[position + 1 :])
                else:
                    args, kwargs = self._parameters.replace(self.shared.boundary.place, handed, args, kwargs)
        except Exception as error:
            self._failed(error)
            return wrapped(*args, **kwargs)
        if self._coverage.due:
            self._coverage.tell()
        if outer is not None:
            if outer.unread:
                outer.passed = True
            handing.outer = outer
        if Lease.provoker is not None:
            Lease.provoker.submitted(lease, context)
        handing.given = self._parameters, args, kwargs
        if self._identity is not None or not self.shared.is_given:
            handing.instance = instance
        number = lease.number
        self._claims.live[number] = True
        under_way[number] = ref(handing)
        left = lease, handing.contexts
        try:
            submitting.set(handing)  # an interrupt may come with its return
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            self._raised(handing, error)
            raise
        finally:
            submitting.set(outer)
            left = self._ends(handing)
        return self._in_steps(result, handing, *left) if type(result) in STEPWISE else result

    def body(self, shape: Written) -> tuple[str, dict[str, object]]:
        """Make what is done for a row that is handed over as most are."""
        context = self.shared.boundary.place
        if context not in shape.others or not self.shared.is_usual:
            return f"return {shape.through()}\n", {}
        lines = (
            f"handing_ = begin_({shape.instance}, {context})\n"
            "if handing_ is None:\n"
            f"    return {shape.through()}\n"
            "handed_ = handing_.contexts[1]\n"
            f"handing_.given = parameters_, {shape.args(context, 'handed_')}, {shape.kwargs()}\n"
            "try:\n"
            "    set_(handing_)\n"
            f"    result_ = {shape.call(context, 'handed_')}\n"
            "except BaseException as error_:\n"
            "    raised_(handing_, error_)\n"
            "    raise\n"
            "finally:\n"
            "    set_(None)\n"
            "    left_ = ends_(handing_)\n"
            "return in_steps_(result_, handing_, *left_) if type(result_) in stepwise_ else result_\n"
        )
        return lines, {
            "begin_": self._quick_begin(),
            "parameters_": self._parameters,
            "set_": submitting.set,
            "raised_": self._raised,
            "ends_": self._ends,
            "in_steps_": self._in_steps,
            "stepwise_": STEPWISE,
        }

    def _quick_begin(self) -> Callable[[Any, Any], Handing | None]:
        # It is called for each row: what it knows from the start it is not to look up.
        detector, due, known_of, opened = self._detector, self._coverage.due, self._met.get, self._open
        live, site, handing_of, lease_of = self._claims.live, Site(), submitting.get, active.get
        caller = sys._getframe  # pyright: ignore[reportPrivateUsage]

        def begin(instance: Any, context: Any) -> Handing | None:
            if (
                handing_of() is not None
                or lease_of() is not None
                or not detector.enabled
                or instance.__class__ is not self._class
                or due
                or Lease.provoker is not None
                or (known := known_of(id(class_of(context)))) is None
                or (kind := known[0]).looks
            ):
                return None
            try:
                frame = caller(2)
                code = frame.f_code
                frames = ((code, frame.f_lasti),) if code is site.code else site.capture(3)
                lease = opened(context, kind, kind.snapshot, frames)
            except Exception as error:
                pass_on(error)
                return None
            handing = Handing(lease, (context, lease.handed))
            lease.handed = None
            number = lease.number
            live[number] = True
            under_way[number] = ref(handing)
            return handing

        return begin

    def _opener(self) -> Callable[..., Lease]:
        shared, detector, rows, threads = self.shared, self._detector, self.shared.counts.rows, self.shared.submitters
        row, count = self._row, shared.counts.submissions.add

        def opened(context: Any, kind: ContextClass, take: Snapshot, frames: Frames) -> Lease:
            lease = Lease(context, kind, take, row, frames, detector, rows, shared.keeps_context)
            if threading.get_ident() not in threads and len(threads) < MOST_THREADS:
                threads.add(threading.get_ident())
            count()
            if lease.record is not None and lease.record.unclaimed:
                lease.record.claim(lease.submission, lease.roots)
            return lease

        return opened

    def _raised(self, handing: Handing, error: BaseException) -> None:
        lease, handed = handing.lease, handing.contexts[1]
        if lease is not None:
            self._claims.discard(lease.number)
            lease.close()
            explain(error, lease, handed)

    def _ends(self, handing: Handing) -> tuple[Lease, tuple[Any, Any]]:
        # The submit function is left, in whichever way. What is returned it may need that has only begun.
        claims, found, contexts = self._claims, handing.found, handing.contexts
        lease: Any = handing.lease  # it may have handed over more than one
        number = lease.number
        if lease.begun or (found is not None and found() is not None):
            claims.live.pop(number, False)
            if number in claims.keys:
                claims.discard(number)
        else:
            self._settle(handing)
        under_way.pop(number, None)
        if lease.twins is not None or handing.first is not None:
            first = handing.first or lease
            if first.twins is not None:
                first.twins.close(first, contexts)
        else:
            settle_late(lease, *contexts)
        handing.lease = handing.given = None
        handing.contexts = _LET_GO
        return lease, contexts

    def _failed(self, error: Exception) -> None:
        self.shared.blind.append(None)
        self.shared.missed_row("internal_error")
        guard.met(error)
        if self._coverage.due:
            self._coverage.tell()

    def _unread(self, wrapped: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # The context was not read. An override may call what it overrides, which takes it under the declared name.
        handing = Handing(None, _LET_GO)
        handing.unread = True
        self.shared.blind.append(None)
        token = submitting.set(handing)
        try:
            return wrapped(*args, **kwargs)
        finally:
            submitting.reset(token)
            with guard:
                self.shared.missed_row("context_unreadable", is_told=handing.passed)

    def _settle(self, handing: Handing) -> None:
        with guard:
            if handing.lease is not None and (handing.lease.left or handing.is_bound()):
                self.shared.claims.discard(handing.lease.number)
            else:
                self.shared.claims.settle(handing)
                self.shared.cover_overrides()

    def _context(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        found = self._place.submitted(instance, args, kwargs)
        return Nothing() if self._is_said_elsewhere and (found is MISSING or found is None) else found

    def _is_inner(self, outer: Handing, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        # Whether the row is being handed over already: an override calls what it overrides.
        if (lease := outer.lease) is None or lease.detector is not self.shared.detector:
            return False
        if self._place.is_argument:
            return outer.is_about(self._place.read(args, kwargs))
        # What is no argument may be the same for all rows.
        return outer.gives((*args, *kwargs.values())) and (
            not self.shared.boundary.fields
            or self._place.is_several
            or outer.is_about(self._place.read(args, kwargs, instance))
        )

    def _in_steps(self, result: Any, handing: Handing, lease: Lease, contexts: tuple[Any, Any]) -> Any:
        if handing.found is not None:
            return result
        # A coroutine or generator that hands over when it runs: the row is what it was when it was made. Nothing but
        # itself holds what it was given: it may never run.
        return stepped(result, Steps(self.shared.claims, handing, lease, contexts))

    def row_of(self, handing: Handing, lease: Lease) -> Lease:
        """Return whose row the work function is looked up for again while `lease` is handed over.

        It is another one if the submit function has written other ids since it handed over that of `lease`.
        """
        context, unplaced = handing.contexts[1], lease.unplaced
        with SeenBy(judged_lease()):
            if lease.detector.watched:
                wrote = handing.wrote
                is_other = bool(wrote) and lease.detector.disagree(lease, wrote)
                is_other = is_other or (unplaced is not None and any(before for before in unplaced.values()))
            else:
                is_other = context is not handing.contexts[0] and lease.detector.disagree(
                    lease, lease.kind.roots_of(context)
                )
            if not is_other:
                return lease
            lease.take_back()
            args, kwargs = handing.given[1:] if handing.given is not None else ((), {})
            another = self._begin(context, capture(3), (handing.instance, args, kwargs), after=lease)[1]
        handing.first = handing.first or lease
        before, after = lease.number, another.number
        self._claims.discard(before)
        self._claims.live[after] = True
        under_way[after] = ref(handing)
        under_way.pop(before, None)
        handing.lease = another
        handing.found = handing.again = handing.wrote = None
        handing.passed = False
        return another

    def _begin(self, context: Any, frames: Frames, call: Call, *, after: Lease | None = None) -> tuple[Handing, Lease]:
        kind, is_any = self._kind(context)
        lends = self._lends(kind) if self._pin and after is None and is_any else None
        copies = self._pin and after is None and is_any and (self._can_copy or lends is not None)

        def take(context: Any) -> Taken:
            handed = self._copy(context, kind) if copies else context
            roots, ids = self._taken(kind, context, handed, call)
            if self._identity is not None and handed is not context:
                self._identity.put_right(kind, roots, ids, handed)
            return handed, roots, ids, kind.values_of(handed) if handed is not context else None

        lease = self._open(context, kind, take, frames)
        handed, lease.handed = lease.handed, None
        if lends is not None and handed is not context:
            lease.lent = lends, handed
        if is_any and handed is context and self._pin and self._is_pinned_at_read(kind, after):
            lease.at_read = kind.looks = True  # the short way knows nothing of it
            if self._identity is not None:
                self._identity.put_right(kind, lease.roots, lease.ids, MISSING)
        ids: Any = lease.ids  # as they were read: they say what could not be
        with guard:
            self.shared.ways.look(lease, handed)
        kind.deep = lease.along is not None
        if kind.deep:
            kind.looks = True  # nor of what is below
        is_own = handed is not context and lends is None
        if (is_own and (kind.looks or lease.values is None)) or (lease.along is not None and lease.along.copied):
            lease.twins, lease.made = Twins(state_of(handed, kind.slots)), {}
        elif lease.along is not None:
            lease.made = {}  # nor does it know of that
        self._look_for_ids(lease, ids)
        if type(ids) is not dict:
            unresolved, lease.flaw = self.shared.unresolved(kind, ids, lease.submission, pinned=lease.is_pinned)
            lease.unresolved = unresolved.union(lease.unresolved)
        if handed is not context and issubclass(class_of(handed), LISTS):
            lease.along = lease.along or Along()
            lease.along.keep_shared = self.shared.ways.keep_shared
            lease.along.add_whole(self.shared.boundary.place, context, handed)
        if not (self.shared.is_usual and self._can_copy):
            self._look_further(lease, context, call)
        return Handing(lease, (context, handed if lease.lent is None else context)), lease

    def _look_for_ids(self, lease: Lease, read: Any) -> None:
        # Where no row has an id when it is handed over, another may be what hands each of them over. `read` says what
        # could not be.
        if not self.shared.has_ids and lease.ids:
            ids = lease.ids
            absent = isinstance(read, Partial) and read.absent
            self.shared.has_ids = any(value is not None for value in ids.values())
            lease.kind.vague = lease.vague = not (self.shared.has_ids or absent or lease.kind.computed)
            if lease.vague:
                lease.kind.looks, lease.made = True, {}  # the short way knows nothing of it
                lease.unresolved = frozenset(ids)

    def _lends(self, kind: ContextClass) -> ContextVar[Any] | None:
        # What is in a ContextVar, and cannot be pinned at the read, the worker is lent a copy of.
        return None if self._can_copy or (kind.can_be_read and self._pins != "copy") else self._place.variable()

    def _kind(self, context: Any) -> tuple[ContextClass, bool]:
        # How it is read, and whether there is any.
        is_any = class_of(context) is not Nothing
        return (self._kind_of(context) if is_any else self._nothing), is_any

    def _taken(
        self, kind: ContextClass, context: Any, handed: Any, call: Call | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        # The roots and the ids of a row, as the context has them, and as the call says them.
        roots = kind.roots_of(handed)
        if (within := looker.get()) is not None and within.is_pinned:
            self._take_as_seen(within, kind, context, handed, roots)
        ids = kind.ids_of(roots)
        if self._identity is None:
            return roots, ids
        return self._identity.submitted(roots, ids, call, self._detector.expected)

    def _take_as_seen(
        self, within: Lease, kind: ContextClass, context: Any, handed: Any, roots: dict[str, Any]
    ) -> None:
        # The worker that hands it over may be pinned at the read: what is there is not what it sees.
        for root in kind.watching:
            if root in roots and root not in kind.asked and whose(within, context, root) is not None:
                seen = getattr(context, root)
                if seen is not roots[root]:
                    roots[root] = seen
                    if handed is not context:
                        give(handed, root, seen, kind)

    def _look_further(self, lease: Lease, context: Any, call: Call | None) -> None:
        # What most rows have nothing of: see `Shared.is_usual`.
        is_any = class_of(context) is not Nothing
        if not is_any:
            lease.context = context
        if not lease.ids:
            lease.flaw = "nothing_declared", ()
        if self._identity is not None and (awaited := self._identity.awaited(call)):
            lease.awaited, lease.unresolved = awaited, lease.unresolved.union(awaited)
        if self._pin and self.shared.boundary.contextvars:
            lease.variables = copy_context()
        if not is_any or self._can_copy:
            return
        if self._place.is_of_instance and call is not None:
            lease.instance = call[0]
        lease.is_of_thread = is_local(context)
        if self._pin and not (lease.is_pinned or lease.is_of_thread or self.shared.told_shared):
            self.shared.told_shared = True
            _logger.warning(
                "Boundary %r: what is at %r is no argument of %s, for which a worker could be given a copy, and is not "
                "pinned at the read: its rows are only observed.%s",
                self.shared.boundary.name,
                self.shared.boundary.place,
                self.shared.boundary.hands_over,
                what_has_it(self.shared.boundary),
            )

    def _copy(self, context: Any, kind: ContextClass) -> Any:
        if kind.shares or self.shared.ways.is_kept_shared(self.shared.boundary.place):
            return context
        if self._pins == "read":
            return context
        if (
            self._pins is None
            and kind.can_be_read
            and (self.shared.keeps_context or self.shared.polls(kind, class_of(context)))
        ):
            return context  # a worker that is not given it comes to it in some other way; one that waits for news of it
        try:
            return kind.copy(context)
        except Unfit as why:
            if not kind.told_unfit:
                kind.told_unfit = True
                at_read = self._is_pinned_at_read(kind, None)
                _logger.warning(
                    "A %s gives no copy that is fit for work (%s): its workers share it, and are %s. "
                    "Give it a __copy__ that returns a copy with the same values, to have its rows pinned by a copy%s.",
                    type(context).__name__,
                    str(why),  # not itself: its traceback would keep the context
                    "given what was submitted where they read a declared field of it" if at_read else "only observed",
                    ", or declare Boundary(pins='read')" if at_read else "",
                )
        return context

    def _is_pinned_at_read(self, kind: ContextClass, after: Lease | None) -> bool:
        # Whether a worker that shares its context is given what was submitted where it reads a field of it.
        if after is not None:
            return after.at_read
        if self._pins == "copy":
            return False
        if self._pins == "read" and not (kind.can_be_read or kind.told_unfit):
            kind.told_unfit = True
            _logger.warning(
                "Boundary %r: the rows of a %s cannot be pinned at the read (%s): its workers are only observed. "
                "Declare Boundary(pins='copy'), or nothing, to have a copy handed over where there can be one.",
                self.shared.boundary.name,
                kind.name,
                kind.unwatched or "nothing of it can be watched",
            )
        return kind.can_be_read
