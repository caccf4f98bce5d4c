"""The work on one row, on the worker: its span, its checks at start and end."""

from __future__ import annotations

import threading
import time
from contextvars import Token

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind
from opentelemetry.util.types import AttributeValue

from otel_handoff.around.engine import Engine
from otel_handoff.boundary import Boundary
from otel_handoff.handover.lease import LEASE_KEY, Lease
from otel_handoff.host.current import active
from otel_handoff.host.guard import guard
from otel_handoff.record import semconv
from otel_handoff.record.submission import Submission
from otel_handoff.tell.metrics import BoundaryCounts
from otel_handoff.tell.spans import carried, record_error, submission_attributes

Running = tuple[Span, Token[Lease | None], Token[Context] | None]
"""One run of the work function, on the worker's stack: the row span, and what is to be taken off the thread again."""


class Work:
    """Begins the work on rows of one boundary."""

    def __init__(self, boundary: Boundary, engine: Engine, counts: BoundaryCounts) -> None:
        self._engine = engine
        self._counts = counts
        self._span_name = f"process {boundary.name}"
        self._point = {semconv.BOUNDARY: boundary.name}

    def begin(self, lease: Lease) -> Running:
        """Check the row, start its span and make it current on this thread; what `end` is to be given."""
        submission = lease.submission
        engine = self._engine
        queued = max(0, time.time_ns() - submission.time_unix_nano) / 1e9
        engine.metrics.queue_duration.record(queued, self._point, submission.otel_context)
        lease.detector.start(lease)
        context = Context({**submission.otel_context, LEASE_KEY: lease}) if engine.traced else submission.otel_context
        span = self._start_span(context)
        lease.span = span
        if span.is_recording():
            if not engine.traced:  # a provider was set since the last row
                engine.find_provider()
                context = Context({**context, LEASE_KEY: lease})
            span.set_attributes(self._attributes(submission, queued))
        if lease.stale:
            self._count_stale(lease)
        if engine.traced:
            context = trace.set_span_in_context(span, context)
        otel_token = None if context is context_api.get_current() else context_api.attach(context)
        return span, active.set(lease), otel_token

    def end(self, lease: Lease, running: Running, error: BaseException | None) -> None:
        """The work function returned, or raised `error`: leave nothing on the thread, tell what is left to tell."""
        span, token, otel_token = running
        if otel_token is not None:
            context_api.detach(otel_token)
        active.reset(token)
        lease.close()
        try:
            lease.detector.end(lease)
            if lease.stale:
                self._count_stale(lease)
            attributes = carried(span) if self._engine.traced else None
            if attributes is not None:
                lease.detector.span_ended(lease, self._span_name, attributes)
        except Exception as ours:
            guard.met(ours)
        if error is not None and span.is_recording():
            with guard:
                record_error(span, error)
        try:
            span.end()
        except Exception as ours:
            guard.met(ours)
        if (provoker := lease.provoker) is not None:
            provoker.ended(lease)

    def _count_stale(self, lease: Lease) -> None:
        # Counted and marked once.
        if lease.stale and not lease.stale_counted:
            lease.stale_counted = True
            self._counts.stale_work.add()
            lease.span.set_attribute(semconv.STALE, True)

    def _start_span(self, parent: Context) -> Span:
        links: list[Link] = []
        if self._engine.settings.trace == "link":
            links = [Link(trace.get_current_span(parent).get_span_context())]
            parent = trace.set_span_in_context(trace.INVALID_SPAN, parent)
        return self._engine.tracer.start_span(self._span_name, parent, SpanKind.CONSUMER, links=links)

    def _attributes(self, submission: Submission, queued: float) -> dict[str, AttributeValue]:
        return {
            **submission_attributes(submission),
            semconv.QUEUE_DURATION: queued,
            semconv.THREAD_ID: threading.get_ident(),
            semconv.THREAD_NAME: threading.current_thread().name,
        }
