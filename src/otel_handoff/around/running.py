"""The work on one row, on the worker: its span, its checks at start and end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextvars import Token
from functools import partial
from typing import Any, Final, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span
from opentelemetry.util.types import AttributeValue

from otel_handoff.around.engine import Engine
from otel_handoff.around.late_spans import LateSpans, shows, start_row
from otel_handoff.boundary import Boundary
from otel_handoff.handover.handing_back import hand_back, remember
from otel_handoff.handover.lease import LEASE_KEY, UNPLACED, Lease, active
from otel_handoff.handover.twins import explain
from otel_handoff.host.carried import SPAN_KEY, attach, current_context, detach, span_context_in
from otel_handoff.host.guard import guard
from otel_handoff.judge.coverage import Coverage
from otel_handoff.judge.detector import Detector
from otel_handoff.record import semconv
from otel_handoff.tell.metrics import BoundaryCounts
from otel_handoff.tell.spans import add_rows_around, carried, row_attributes
from otel_handoff.watch.unwatched import Unwatched

_LOOKS: Final = frozenset({128, 8_192, 524_288})
"""Rows at which it is looked whether something that was declared was never met."""

Run = tuple[Span, Token[Lease | None], Token[Context] | None, bool, Mapping[str, object] | None]
"""One run of the work function, on the worker's stack: the row span, and what is to be taken off the thread again.

Whether the thread carries the row, too: it does in each run but the first. What its span was given to say."""

NOT_BEGUN: Final[Run] = (INVALID_SPAN, cast("Token[Lease | None]", None), None, False, None)
"""An error of ours came as it was begun: nothing is to be taken off."""

Paused = tuple[Span, Context, bool, Mapping[str, object] | None]
"""The same between two steps: the row span, the OpenTelemetry context that the work left, whether it is again, and what
the span was given to say."""


class _EndedAt:
    """The span of a row that has ended, which is told of only now."""

    __slots__ = ("_at", "of")

    def __init__(self, span: Span, at: int) -> None:
        self.of: Span = span
        self._at = at

    def end(self) -> None:
        self.of.end(self._at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of, name)


class Running:
    """Begins the work on rows of one boundary.

    Attributes:
        late: makes the spans of rows with a mismatch; None where there are spans of others.
        passing: what is raised by the work and is no error of it.
    """

    passing: tuple[type[BaseException], ...] = ()

    def __init__(
        self, boundary: Boundary, engine: Engine, counts: BoundaryCounts, coverage: Coverage, look: Callable[[], None]
    ) -> None:
        """Make spans with `engine`; count in `counts` and `coverage`; `look` for gaps now and then."""
        self._engine = engine
        self._watched = engine.settings.watch
        self._may_record = engine.may_record  # these are for each row
        self._histogram: Any = engine.metrics.queue_duration
        self._recognised = counts.recognised.add
        self._counts = counts
        self._coverage = coverage
        self._look = look
        self._unwatched = Unwatched(boundary.name, counts, pins=engine.settings.mode == "pin")
        self._span_name = name = f"process {boundary.name}"
        self.late = LateSpans(engine, boundary.name, name) if engine.settings.spans == "mismatch" else None
        self._full = engine.settings.attributes == "all"
        self._sampled = engine.settings.spans == "sampled"
        self._point = {semconv.BOUNDARY: boundary.name}

    def begin(self, lease: Lease) -> Run:
        """Check the row, start its span and make it current on this thread; what `end` is to be given."""
        context = lease.otel_context
        now = time.time_ns()
        queued = max(0, now - lease.time_unix_nano) / 1e9
        self._histogram.record(queued, self._point, context)
        again = lease.begun
        if again:
            lease.carry(threading.get_ident(), 1)
        else:
            lease.begun = True
            number = self._recognised()
            if number in _LOOKS or lease.flaw is not None:
                self._look_at(lease, number)
        if lease.pinned:
            remember(lease)
        if not ((lease.pinned or lease.at_read) and self._watched):
            lease.detector.start(lease)
        elif lease.along is not None:
            lease.detector.start_below(lease)
        span = INVALID_SPAN
        said: dict[str, AttributeValue] | None = None
        if self.late is not None:
            if self._engine.is_traced():
                context = Context({**context, LEASE_KEY: lease})
                lease.span = span = self.late.row(lease.submission, now, again=again)
                if lease.flaw is not None:
                    self._mark(lease, span)
        elif self._may_record(context) and not (self._sampled and is_unsampled(context)):
            lease.span = span = start_row(self._engine, self._span_name, context)
            if span.is_recording():
                submission = lease.submission
                submission.row = span
                said = row_attributes(submission, queued, full=self._full)
                span.set_attributes(said)
                if lease.outers:
                    add_rows_around(span, lease)
                if lease.flaw is not None:
                    self._mark(lease, span)
            context = Context({**context, LEASE_KEY: lease, SPAN_KEY: span})
        if lease.kind.unwatched:
            self._unwatched.begun(lease, again=again)
        if lease.stale:
            self._count_stale(lease)
        otel_token = None if context is current_context() else attach(context)
        return span, active.set(lease), otel_token, again, said

    def quickly(
        self, detector: Detector, keys: Collection[int], *, taken: bool = False
    ) -> Callable[[Lease, Any], Run | None]:
        """Return what begins the work on a row whose worker is the first, and is given what it was to get.

        That returns None for any other, and while a row may be among `keys`, known by what its worker is given. It is
        called for each row: what it knows from the start it is not to look up. Where its worker has `taken` the row
        before, it is the first.
        """
        engine, late, watched, recognised, may_record = (
            self._engine, self.late, self._watched, self._recognised, self._may_record
        )  # fmt: skip
        histogram, make_current, api = self._histogram, active.set, cast("Any", trace)
        reads = not hasattr(histogram, "_real_instrument")  # else it is the API's, until a provider is set
        traces = not hasattr(trace, "_TRACER_PROVIDER") or not engine.uses_global

        def begin(lease: Lease, given: Any) -> Run | None:
            if (
                lease.begun
                or not detector.enabled
                or lease.made is not None
                or id(given) != lease.expected
                or keys
                or Lease.provoker is not None
            ):
                return None
            if not taken:
                try:
                    del lease.fresh  # two workers may begin at once
                except AttributeError:
                    return None
                lease.handed = given
                if lease.context is None:
                    lease.context = given
            try:
                context = lease.otel_context
                if (
                    lease.stale
                    or lease.flaw is not None
                    or reads
                    or histogram._real_instrument is not None
                    or (
                        (traces or engine.traced or api._TRACER_PROVIDER is not None)
                        and (late is not None or may_record(context))
                    )
                ):
                    return self.begin(lease)
                lease.begun = True
                number = recognised()
                if number in _LOOKS:
                    self._look_at(lease, number)
                if not ((lease.pinned or lease.at_read) and watched) and not lease.kind.has(lease.context, lease.roots):
                    detector.start(lease)
                if lease.kind.unwatched:
                    self._unwatched.begun(lease, again=False)
                carried = None if context is current_context() else attach(context)
                return INVALID_SPAN, make_current(lease), carried, False, None
            except Exception as error:
                self.leaves(lease, "internal_error")
                guard.met(error)
                return NOT_BEGUN

        return begin

    def end(self, lease: Lease, running: Run, error: BaseException | None) -> None:
        """The work function returned, or raised `error`: leave nothing on the thread, tell what is left to tell."""
        if running is NOT_BEGUN:
            return
        span, token, otel_token, again, said = running
        if otel_token is not None:
            detach(otel_token)
        active.reset(token)
        lease.close()
        if (
            span is not INVALID_SPAN
            or error is not None
            or again
            or not lease.finished
            or lease.found is not None
            or lease.baseline is not None
            or ((values := lease.values) is not None and not lease.kind.holds(lease.handed, values))
            or lease.stale
            or Lease.provoker is not None
        ):
            self._tell(lease, span, error, said, again=again)
        if self._coverage.due:
            self._coverage.tell()

    def _tell(
        self, lease: Lease, span: Span, error: BaseException | None, said: Mapping[str, object] | None, *, again: bool
    ) -> None:
        try:
            if again:
                lease.carry(threading.get_ident(), -1)
            if lease.pinned:
                self._hand_back(lease)
            if lease.found is not None or not lease.finished:
                lease.detector.end(lease)
            if lease.found is not None and lease.findings.vague:
                self.leaves(lease, "no_id")
            if lease.stale:
                self._count_stale(lease)
            if span is not INVALID_SPAN and self.late is None:
                attributes = carried(span)
                if attributes is not None and attributes != said:  # most often nobody has put anything on it
                    lease.detector.span_ended(lease, self._span_name, attributes)
        except Exception as ours:
            guard.met(ours)
        if error is not None:
            explain(error, lease, lease.handed)
            if shows(span) and not isinstance(error, self.passing):
                with guard:
                    self._engine.exceptions.record(span, error)
        if span is not INVALID_SPAN:
            try:
                span.end()
            except Exception as ours:
                guard.met(ours)
        if (provoker := lease.provoker) is not None:
            provoker.ended(lease)

    def pause(self, lease: Lease, running: Run) -> Paused:
        """A step of the work is over, and more may come: leave nothing on the thread; what `resume` is to be given."""
        span, token, otel_token, again, said = running
        context = current_context()  # what the work itself has made current is so in its next step
        if otel_token is not None:
            detach(otel_token)
        active.reset(token)
        if again:
            lease.carry(threading.get_ident(), -1)
        return span, context, again, said

    def resume(self, lease: Lease, paused: Paused) -> Run:
        """Make the row current again for a step of its work; what `pause` or `end` is to be given."""
        span, context, again, said = paused
        if again:
            lease.carry(threading.get_ident(), 1)
        otel_token = None if context is current_context() else attach(context)
        return span, active.set(lease), otel_token, again, said

    def drop(self, lease: Lease, span: Span) -> None:
        """The work was thrown away between two steps, perhaps in a finalizer: the row ends; it is told later how."""
        lease.close()
        lease.finished = True  # what the context goes on to is no matter of its
        self._coverage.later(partial(self._end_late, lease, _EndedAt(span, time.time_ns())))

    def _end_late(self, lease: Lease, span: Any) -> None:
        span = INVALID_SPAN if span.of is INVALID_SPAN else span
        self.end(lease, (span, active.set(lease), None, False, None), None)

    def leaves(self, lease: Lease, reason: str, detail: str = "", *, is_spared: bool = True) -> None:
        """The row cannot be judged, as shows while it is worked on; if it is pinned, it `is_spared` what is wrong."""
        if lease.flaw is None or lease.flaw[1]:
            self._counts.flawed.add()
        lease.flaw = reason, ()
        self._coverage.miss(
            reason,
            lease.submission,
            pinned=is_spared and lease.is_pinned and not lease.vague,
            detail=detail,
            has_span=self._engine.traced,
        )
        if lease.span.is_recording():
            self._mark(lease, lease.span, is_spared=is_spared)

    def _look_at(self, lease: Lease, number: int) -> None:
        if lease.flaw is not None:
            self._place(lease)
        if lease.flaw is not None and not lease.flaw[1]:
            self._counts.flawed.add()
        if number in _LOOKS:
            self._look()

    def _place(self, lease: Lease) -> None:
        # The submit function wrote ids: before it handed the row over, or after that, for another row?
        fields = lease.detector.fields_at(lease.place())
        if lease.flaw is not None and lease.flaw[0] == UNPLACED:
            lease.flaw = (UNPLACED, fields if len(fields) < len(lease.ids) else ()) if fields else None
        if fields:
            self._coverage.miss(
                UNPLACED,
                lease.submission,
                pinned=lease.is_pinned,
                detail=", ".join(fields),
                has_span=self._engine.traced,
            )

    def _mark(self, lease: Lease, span: Span, *, is_spared: bool = True) -> None:
        flaw = lease.flaw
        if flaw is not None:
            span.set_attribute(semconv.UNCHECKED_REASON, flaw[0])
            if flaw[1]:
                span.set_attribute(semconv.UNCHECKED_FIELDS, flaw[1])
            span.set_attribute(semconv.UNCHECKED_PINNED, is_spared and lease.is_pinned and not lease.vague)

    def _hand_back(self, lease: Lease) -> None:
        # What the worker has left on its copy is the submitter's.
        left = lease.findings.left_on_copy | hand_back(lease) if lease.found else hand_back(lease)
        if left:
            self._coverage.miss(
                "left_on_copy",
                lease.submission,
                pinned=True,
                detail=", ".join(sorted(left)),
                has_span=self._engine.traced,
            )
            if lease.flaw is None:
                lease.flaw = "left_on_copy", tuple(sorted(left))
                if lease.span.is_recording():
                    self._mark(lease, lease.span)

    def _count_stale(self, lease: Lease) -> None:
        # Counted and marked once.
        if lease.stale and not lease.stale_counted:
            lease.stale_counted = True
            self._counts.stale_work.add()
            lease.span.set_attribute(semconv.STALE, True)


def is_unsampled(context: Context) -> bool:
    """Whether `context` is of a trace that is not sampled; where it is of none, the sampler is asked."""
    span = span_context_in(context)
    return span is not None and span.is_valid and not span.trace_flags.sampled
