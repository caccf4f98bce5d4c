"""A row that begins where its work function is handed over, or called by what was: there is no submit function."""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple

from opentelemetry.context import Context, get_current

from otel_handoff.around.submit import Submit, without_rows
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.written import WriteRecord, open_record
from otel_handoff.host.contexts import ContextClass
from otel_handoff.host.current import no_lease
from otel_handoff.host.plainly import MISSING, class_of
from otel_handoff.record.locations import Frames, capture


class Noted(NamedTuple):
    """What may be the context of a row, when what calls its work function was handed over.

    Attributes:
        context: itself.
        handed: the worker's copy, or the context itself.
        kind: how it is read.
        record: the writes to it from then on.
        roots: attribute -> what it held.
        otel_context: the OpenTelemetry context that was current.
        thread_name: of the thread that handed over.
        time_unix_nano: when.
        frames: where.
    """

    context: Any
    handed: Any
    kind: ContextClass
    record: WriteRecord | None
    roots: dict[str, Any]
    otel_context: Context
    thread_name: str
    time_unix_nano: int
    frames: Frames


class HandOver(Submit):
    """Begins rows as a submit function does; its parameters are the work function's."""

    @property
    def pins(self) -> bool:
        """Whether a worker is given a copy."""
        return self._pin

    def knows(self, context: Any) -> bool:
        """Whether there was a context of this class before."""
        return id(class_of(context)) in self._met

    def context_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the context among what the work function is called with; `MISSING` where it is not there."""
        return self._read(args, kwargs)

    def hand(
        self, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Lease, tuple[Any, ...], dict[str, Any]] | None:
        """Begin a row whose work function will be called with these; return what it is to be called with.

        Returns:
            None where the context cannot be read: that is told.
        """
        context = self._read(args, kwargs)
        if context is MISSING or context is None:
            self.shared.blind.append(None)
            self.shared.missed_row("context_unreadable")
            return None
        with no_lease():
            handing, lease = self._begin(context, capture(3))
        lease.twins = lease.made = None  # no code of the host's runs until it is handed over
        handed = handing.contexts[1]
        handing.lease, handing.contexts = None, (None, None)
        if self._coverage.due:
            self._coverage.tell()
        if Lease.provoker is not None:
            Lease.provoker.submitted(lease, context)
        return self.given(lease, handed, args, kwargs) if handed is not context else (lease, args, kwargs)

    def given(
        self, lease: Lease, handed: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Lease, tuple[Any, ...], dict[str, Any]]:
        """Put the worker's copy in the place of the context."""
        return (lease, *self._parameters.replace(self.shared.boundary.context, handed, args, kwargs))

    def note(self, context: Any, *, copies: bool) -> Noted:
        """Take what a row would be handed over with whose context this is; in `pin`, a copy if it surely `copies`."""
        with no_lease():
            kind = self._kind_of(context)
            record = open_record(context) if self._watched else None
            handed = self._copy(context, kind) if self._pin and copies else context
            roots = kind.roots_of(handed)
        return Noted(
            context,
            handed,
            kind,
            record,
            roots,
            without_rows(get_current()),
            threading.current_thread().name,
            time.time_ns(),
            capture(3),
        )

    def begin_noted(self, noted: Noted, given: Any) -> Lease:
        """Begin the row of what was noted, whose worker is `given` that, or another object; `MISSING` if neither."""
        shared, context, roots, record = self.shared, noted.context, noted.roots, noted.record
        shared.counts.submissions.add()
        with no_lease():
            lease = Lease(
                noted.kind.ids_of(roots),
                noted.frames,
                noted.otel_context,
                self._detector,
                shared.counts.rows,
                noted.kind,
                context,
                noted.handed,
                roots,
                record,
                None,  # which of two began first is not when they were handed over
                shared.keeps_context,
            )
            lease.thread_name, lease.time_unix_nano = noted.thread_name, noted.time_unix_nano
            if record is not None and record.unclaimed:
                record.claim(lease.submission, roots)
        if given is not MISSING and given is not context and not lease.pinned:
            lease.expected, lease.context = id(given), given
            lease.record = open_record(given) if self._watched else None
        return lease
