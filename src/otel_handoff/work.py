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

from otel_handoff import semconv
from otel_handoff.boundary import Boundary
from otel_handoff.engine import Engine
from otel_handoff.guard import guard
from otel_handoff.lease import LEASE_KEY, Lease, active
from otel_handoff.metrics import BoundaryCounts
from otel_handoff.spans import record_error, submission_attributes
from otel_handoff.submission import Submission


class Work:
    """Begins the work on rows of one boundary."""

    def __init__(self, boundary: Boundary, engine: Engine, counts: BoundaryCounts) -> None:
        self._engine = engine
        self._counts = counts
        self._span_name = f"process {boundary.name}"
        self._point = {semconv.BOUNDARY: boundary.name}

    def begin(self, lease: Lease) -> Running:
        """Check the row, start its span and make it current on this thread."""
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
            self.count_stale(lease)
        if engine.traced:
            context = trace.set_span_in_context(span, context)
        otel_token = None if context is context_api.get_current() else context_api.attach(context)
        return Running(self, lease, span, active.set(lease), otel_token)

    def count_stale(self, lease: Lease) -> None:
        """Count and mark work whose submission was evicted or superseded, once."""
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


class Running:
    """One run of the work function; its tokens live on the worker's stack."""

    __slots__ = ("_lease", "_otel_token", "_span", "_token", "_work")

    def __init__(
        self, work: Work, lease: Lease, span: Span, token: Token[Lease | None], otel_token: Token[Context] | None
    ) -> None:
        self._work = work
        self._lease = lease
        self._span = span
        self._token = token
        self._otel_token = otel_token

    def end(self, error: BaseException | None) -> None:
        """The work function returned, or raised `error`: leave nothing on the thread, tell what is left to tell."""
        if self._otel_token is not None:
            context_api.detach(self._otel_token)
        active.reset(self._token)
        lease, span = self._lease, self._span
        lease.close()
        with guard:
            lease.detector.end(lease)
            if lease.stale:
                self._work.count_stale(lease)
        if error is not None:
            with guard:
                if span.is_recording():
                    record_error(span, error)
        with guard:
            span.end()
        if (provoker := lease.provoker) is not None:
            provoker.ended(lease)
