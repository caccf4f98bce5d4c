"""A row arrives from another process with its slip: its work is done here, and compared with what was handed over."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import util
from typing import Any, Final

from opentelemetry import _logs, metrics, trace
from opentelemetry.context import Context

from otel_handoff.around.handed import HandOver
from otel_handoff.around.identity import Identity
from otel_handoff.around.shared import Shared
from otel_handoff.handover.lease import Lease, judged_lease, without_rows
from otel_handoff.handover.unlike import Unlike
from otel_handoff.host.carried import current_context
from otel_handoff.host.contexts import ContextClass
from otel_handoff.host.current import no_lease
from otel_handoff.host.following import Partial
from otel_handoff.host.guard import guard
from otel_handoff.host.ids import same
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING
from otel_handoff.host.snapshots import Taken
from otel_handoff.record.hashing import Hash
from otel_handoff.record.slip import Slip, ids_of, read
from otel_handoff.record.submission import arrived

_flushing: Final[set[int]] = set()


def flush_at_exit() -> None:
    """A child of a pool ends without more ado: what is left to tell, and not exported yet, would be lost."""
    pid = os.getpid()
    if multiprocessing.parent_process() is not None and pid not in _flushing:
        _flushing.add(pid)
        util.Finalize(None, flush, exitpriority=100)


def flush() -> None:
    """Have the providers of this process export what they have."""
    with guard:
        providers: tuple[Any, ...] = (
            trace.get_tracer_provider(),
            _logs.get_logger_provider(),
            metrics.get_meter_provider(),
        )
        for provider in providers:
            if hasattr(provider, "force_flush"):
                provider.force_flush()


class _Other:
    """In the place of what a root held when the row was handed over, where it is another's that has arrived."""

    __slots__ = ()


_OTHER = _Other()


class Arriving(HandOver):
    """Begins the rows of one boundary that were handed over in another process."""

    def __init__(self, shared: Shared, parameters: Parameters) -> None:
        super().__init__(shared, parameters)
        settings = shared.engine.settings
        self._own_hash = Hash(settings.ids_key) if settings.ids == "hashed" or settings.ids_key else None
        self._said = Identity(shared.boundary, parameters)
        self._names = shared.boundary.names

    def slip_of(self, text: object) -> Slip | None:
        """Return what came along; None where that is not for this boundary, or is no slip: which is told."""
        refused: list[str] = []
        slip = read(text, refused.append)
        if slip is not None and slip.boundary != self.shared.boundary.name:
            refused.append(f"it is of boundary {slip.boundary!r}")
            slip = None
        if slip is None:
            self.shared.coverage.miss("slip_unread", detail=refused[0])
        return slip

    def arrive(
        self, slip: Slip | None, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], delivery: int
    ) -> Lease | None:
        """Begin a row whose work function is called with these; None where it is not known which it is.

        Args:
            slip: what came along; without, its arguments may say which row it is.
            instance: whose method the work function is.
            args: what it is called with.
            kwargs: what it is called with by name.
            delivery: how many times its work was delivered by now; 0 where nobody counts that.
        """
        shared = self.shared
        context = self._context(instance, args, kwargs)
        if context is MISSING or context is None:
            shared.missed_submission("context_unreadable")
            return None
        if slip is None and not shared.boundary.ids:
            return None
        within = judged_lease()
        with no_lease():
            lease = self._arrived(slip, context, (instance, args, kwargs), delivery)
        if within is not None:
            lease.within(within)
        return lease

    def came(self, text: str, context: Any) -> Lease | None:
        """Begin the row of an item that has come from another process; None where it is not known which it is."""
        slip = self.slip_of(text)
        if slip is None:
            return None
        with no_lease():
            return self._arrived(slip, context, (None, (), {}), 1)

    def _arrived(self, slip: Slip | None, context: Any, call: Any, delivery: int) -> Lease:
        shared, detector = self.shared, self._detector
        kind, is_any = self._kind(context)
        roots, known, unresolved = self._known(slip, kind, context, call)

        def take(context: Any) -> Taken:
            return context, roots, known, None

        lease = Lease(context, kind, take, self._row, slip.frames if slip else (), detector, shared.counts.rows, True)
        lease.handed = None
        if slip is not None:
            shared.counts.arrived.add()
            lease.slip = slip
            lease.thread_name, lease.time_unix_nano = slip.thread_name, slip.time_unix_nano
            # What else came, as baggage, is current by now, and stays so.
            lease.otel_context = Context({**without_rows(current_context()), **slip.context})
            made = detector.submission(
                slip.number, slip.boundary, lease.ids, slip.thread_name, slip.time_unix_nano, slip.frames, slip.context
            )
            lease.__dict__["_made"] = arrived(made, slip.process, delivery)
        if is_any and not (self._can_copy and slip):  # what is shared is here, or may be: others write to it
            lease.at_read = self._pin and self._is_pinned_at_read(kind, None)
            if lease.at_read:
                self._said.put_right(kind, lease.roots, lease.ids, MISSING)
        if unresolved:
            lease.unresolved = frozenset(unresolved)
            lease.flaw = "field_unresolved", tuple(unresolved) if len(unresolved) < len(lease.ids) else ()
        self._look_further(lease, context, call)
        return lease

    def _known(
        self, slip: Slip | None, kind: ContextClass, context: Any, call: Any
    ) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
        # What is known of the roots, and of the ids: as the slip says, in the host's own objects where these are the
        # same; an id that the arguments say themselves is what they say. And the fields of which neither is known.
        found = kind.roots_of(context)
        there, roots = kind.ids_of(found), dict(found)  # what is not there yet is no other's
        said = self._said.read(call)
        told = ids_of(slip, self._own_hash) if slip is not None else {}
        known: dict[str, Any] = {}
        unresolved: list[str] = []
        absent = getattr(there, "absent", ())
        for name in self._names:
            if name in said:
                known[name] = said[name]
            elif name not in told:
                known[name] = None
                unresolved.append(name)
            else:
                here = there.get(name, MISSING) if name not in absent else MISSING
                known[name] = here if here is not MISSING and same(told[name], here) else told[name]
                if here is MISSING and name in absent:
                    unresolved.append(name)
        comparing, expected = self._detector.comparing, self._detector.expected
        for root, value in list(roots.items()):
            wrong = comparing.wrong_at(known, root, value)
            wrong = {name: id_ for name, id_ in wrong.items() if name not in unresolved}
            if wrong:
                is_other = self._can_copy and bool(expected.rest(wrong))
                roots[root] = _OTHER if is_other else Unlike(value)
        for root in (*found.absent, *found.beyond) if isinstance(found, Partial) else ():
            roots[root] = Unlike(None)
        return roots, known, unresolved
