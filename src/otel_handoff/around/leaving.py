"""A row leaves for another process: what is serialised then is compared, and the slip goes along."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from functools import partial
from threading import current_thread
from time import time_ns
from typing import Any, Final, cast

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind

from otel_handoff.around.departure import Departure
from otel_handoff.around.handed import HandOver
from otel_handoff.around.identity import Call
from otel_handoff.around.shared import Shared
from otel_handoff.handover.findings import Sighting
from otel_handoff.handover.lease import Lease, judged_lease
from otel_handoff.host.contexts import ContextClass
from otel_handoff.host.current import SeenBy, no_lease
from otel_handoff.host.following import look
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import parts
from otel_handoff.host.plainly import MISSING, class_of, dict_of
from otel_handoff.host.snapshots import Snapshot
from otel_handoff.judge.reporting import DEPTH
from otel_handoff.record import slip
from otel_handoff.record.locations import Frames, Past, capture
from otel_handoff.record.mismatch import Write
from otel_handoff.record.submission import Submission, again
from otel_handoff.tell.spans import sent_attributes


class Leaving:
    """The rows of one boundary, where their work is serialised.

    That is the worker's read: what it is given on the far side is what is in there now. The writes to it are on record
    here, so it is here that a wrong id has its culprit.
    """

    def __init__(self, shared: Shared, packages: tuple[str, ...] = (), *, tells: bool = True) -> None:
        """Look at what is serialised.

        Args:
            shared: the state of the boundary.
            packages: of an engine: the place where a row leaves is what of the host calls that.
            tells: whether a slip is written as its row is serialised. Else it may be so before or after that: what is
                wrong by then is told where it arrives, with the write that goes along.
        """
        self._shared = shared
        self._tells = tells
        self._packages = packages
        self._detector = shared.detector
        self._engine = shared.engine
        self._span_name = f"send {shared.boundary.name}"

    def leave(self, lease: Lease, context: Any = MISSING) -> str | None:
        """Compare what is serialised, and return the slip; None where there can be none, which is told.

        Args:
            lease: of the row.
            context: what is serialised as its context, where that is known better than the row knows it.
        """
        if not self._detector.enabled:
            return None
        submission = lease.submission
        if lease.posted:  # it is sent once more: that is a row of its own
            submission = again(submission)
        lease.left = True
        departure = Departure(self._span_of(submission), self._engine.exceptions)
        text: str | None = None
        try:
            culprits = self._compare(lease, lease.handed if context is MISSING else context, departure)
            text = slip.write(submission, culprits, departure.span, unresolved=lease.unresolved)
        finally:
            if text is not None:
                departure.told.append(self._shared.counts.sent.add)
            departure.ends()
        if text is None:
            self._shared.coverage.miss(
                "other_process", submission, pinned=lease.is_pinned, detail="its ids are too long"
            )
        lease.posted = True
        return text

    def _span_of(self, submission: Submission) -> Span:
        # Of a row that leaves there is a span also where rows in order have none: it is half of what is known of it.
        if not self._engine.may_record(submission.otel_context):
            return INVALID_SPAN
        span = self._engine.tracer.start_span(self._span_name, submission.otel_context, SpanKind.PRODUCER)
        if span.is_recording():
            span.set_attributes(sent_attributes(submission, slip.this_process()))
        return span

    def _compare(self, lease: Lease, context: Any, departure: Departure) -> Sequence[Write]:
        if context is None or context is MISSING:
            return ()
        detector, comparing = self._detector, self._detector.comparing
        with no_lease():
            if lease.pinned:
                if self._tells and (moved := comparing.moved(lease)):
                    self._tell_of(lease, moved, departure, prevented=True)
            else:
                lease.context = context
            is_its_kind = lease.along is None and class_of(context) is class_of(lease.context)
            if is_its_kind and lease.kind.has(context, lease.roots):
                return ()
            wrong = detector.expected.rest(ids_wrong(self._shared, lease, context))
            if not self._tells:
                return self._culprits(lease, wrong, prevented=False)
            return self._tell_of(lease, wrong, departure, prevented=False) if wrong else ()

    def tell(self, lease: Lease, wrong: dict[str, object], span: Span, *, prevented: bool) -> Sequence[Write]:
        """Tell that other ids leave than were handed over, or would have; return the writes of which they are."""
        departure = Departure(span, self._engine.exceptions)
        culprits = self._tell_of(lease, wrong, departure, prevented=prevented)
        departure.tell()
        return culprits

    def _tell_of(
        self, lease: Lease, wrong: dict[str, object], departure: Departure, *, prevented: bool
    ) -> Sequence[Write]:
        frames = host_frames(self._packages)
        departure.told.append(
            partial(
                self._detector.telling.report,
                lease,
                wrong,
                evidence="read",
                outcome="prevented" if prevented else "used",
                span=departure.span,
                place=("left", prevented),
                sighting=Sighting(wrong, prevented, current_thread().name, time_ns(), frames),
                culprits=(self._detector.comparing.culprit(lease, wrong, prevented=prevented),),
            )
        )
        return self._culprits(lease, wrong, prevented=prevented)

    def _culprits(self, lease: Lease, wrong: dict[str, object], *, prevented: bool) -> Sequence[Write]:
        culprit = self._detector.comparing.culprit
        found = (culprit(lease, {name: value}, prevented=prevented) for name, value in wrong.items())
        return [write for write in found if write is not None]


def ids_wrong(shared: Shared, lease: Lease, context: Any) -> dict[str, object]:
    """Return the ids on a context that disagree with a row, as far as it is known."""
    kind = lease.kind if class_of(context) is class_of(lease.context) else shared.kinds.of(context)
    there = kind.ids_of(kind.roots_of(context))
    known = {name: value for name, value in there.items() if name not in lease.unresolved}
    absent = getattr(there, "absent", ())
    return shared.detector.comparing.wrong(lease, {n: v for n, v in known.items() if n not in absent})


also: Final[set[str]] = set()
"""Packages of engines that call what hands over, whoever hands over: these are not where that is done."""

elsewhere: Final[set[type]] = set()
"""What stands for an object that is on the far side by now, or will be: it has no ids here."""

_past: Final[dict[tuple[str, ...], Past]] = {}


def host_frames(packages: tuple[str, ...], depth: int = DEPTH) -> Frames:
    """Return where the host itself is, which calls an engine that is in one of some packages."""
    if not (packages or also):
        return capture(depth)
    packages = tuple(name for name in (*packages, *also) if name in sys.modules)
    past = _past.get(packages)
    if past is None:
        found = [getattr(sys.modules[name], "__path__", ()) for name in packages]
        past = _past[packages] = Past(tuple(folder for paths in found for folder in paths))
    return past.capture(depth)


class Departing(HandOver):
    """Begins rows that will leave. Their contexts are arguments, of which a worker elsewhere has its own anyway."""

    def __init__(self, shared: Shared, parameters: Parameters, packages: tuple[str, ...] = ()) -> None:
        super().__init__(shared, parameters)
        self._pins = "copy"  # what is read elsewhere can be pinned by nothing else
        self._packages = packages

    def _opener(self) -> Callable[..., Lease]:
        # It is counted as it is sent: a signature may be made and never sent.
        detector, rows, row = self._detector, self.shared.counts.rows, self._row

        def opened(context: Any, kind: ContextClass, take: Snapshot, frames: Frames) -> Lease:
            lease = Lease(context, kind, take, row, frames, detector, rows, True)
            if lease.record is not None and lease.record.unclaimed:
                lease.record.claim(lease.submission, lease.roots)
            return lease

        return opened

    def depart(
        self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Lease, tuple[Any, ...], dict[str, Any]] | None:
        """Begin a row whose work function will be called elsewhere with these; return what is to be sent.

        Returns:
            None where there is no context among them: it is not handed over yet, or cannot be read.
        """
        context = self._context(instance, args, kwargs)
        if context is MISSING or context is None or self._is_elsewhere(context):
            return None
        lease, handed = self._departed(context, (instance, args, kwargs))
        lease.handed = handed if self._can_copy else None
        if handed is not context:
            args, kwargs = self._put(handed, args, kwargs)
        return lease, args, kwargs

    def depart_of(
        self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Lease, Any, tuple[Any, ...], dict[str, Any]] | None:
        """The same of what may be a method: return as well of which instance it is to be sent."""
        begun = self.depart(instance, args, kwargs)
        return None if begun is None else (begun[0], instance, *begun[1:])

    def _put(
        self, handed: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return self.replaced(handed, args, kwargs)

    def _departed(self, context: Any, call: Call) -> tuple[Lease, Any]:
        within = judged_lease()
        with SeenBy(within):
            handing, lease = self._begin(context, host_frames(self._packages, 3), call)
        handed = self._own(lease, handing.contexts[1])
        handing.lease, handing.contexts = None, (None, None)
        lease.twins = lease.made = None
        lease.at_read = False
        if within is not None:
            lease.within(within)
        if not lease.pinned:
            lease.context = context  # its work item has it as well
        return lease, handed

    def item(self, context: Any, item: Any) -> tuple[Lease, Any]:
        """Begin the row of what is put into a queue between processes; return what is to be sent for the context."""
        lease, handed = self._departed(context, (None, (item,), {}))
        lease.handed, lease.missed = handed, True
        return lease, handed

    def is_elsewhere(self, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether the context is on the far side."""
        return self._is_elsewhere(self._context(instance, args, kwargs))

    @staticmethod
    def _is_elsewhere(context: Any) -> bool:
        return bool(elsewhere) and issubclass(class_of(context), tuple(elsewhere))

    def said(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the ids that the arguments say themselves."""
        return self._identity.read((None, args, kwargs)) if self._identity is not None else {}

    def replaced(
        self, context: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with another context."""
        return self._parameters.replace(self.shared.boundary.places[0], context, args, kwargs)

    def _own(self, lease: Lease, handed: Any) -> Any:
        # What is on the way to the ids may be changed by others until it is serialised: the copy has copies of that,
        # too. Elsewhere it is another object anyway.
        if not lease.pinned:
            return handed
        for name, path in self.shared.boundary.fields.items():
            way = parts(path)
            if len(way) > 1 and name not in lease.unresolved and name not in self.shared.boundary.ids:
                with guard, no_lease():
                    handed = restored(handed, way, lease.ids[name])
        return handed


def restored(context: Any, path: Sequence[str], value: Any) -> Any:
    """Return a copy of a context with `value` where `path` leads, and copies of what is on the way there."""
    if not path:
        return value
    part, *rest = path
    there, _ = look(context, part)
    if there is MISSING:
        return context
    put = restored(there, rest, value)
    made: Any = copy.copy(context)
    if isinstance(made, dict):
        made[part] = put
    elif isinstance(made, list):
        made[int(part)] = put
    elif part in dict_of(made):
        dict_of(made)[part] = put
    else:
        setattr(made, part, put)
    return cast("Any", made)
