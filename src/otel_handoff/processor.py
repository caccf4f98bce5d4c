"""Tags and checks every span of others under a submission. Needs `opentelemetry-sdk`."""

from __future__ import annotations

import weakref
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from otel_handoff.handover.lease import LEASE_KEY, Lease, is_certain, is_outlived, one_of_each
from otel_handoff.host.guard import guard
from otel_handoff.host.identity import ByIdentity
from otel_handoff.record.semconv import SCOPE
from otel_handoff.tell.spans import carried

_attached: Final[ByIdentity[Any, bool]] = ByIdentity()


def attach_once(provider: Any) -> None:
    """Add a processor to an SDK tracer provider that has none of ours yet. There is no way to remove one."""
    if provider not in _attached:
        _attached[provider] = True
        provider.add_span_processor(HandoffSpanProcessor())


class HandoffSpanProcessor(SpanProcessor):
    """Puts the submission-time ids on each span whose parent context belongs to a submission.

    `parent_context` says whom a span belongs to, not the context that happens to be current. A value that somebody
    else put there is never overwritten: if it disagrees with the submission, that is a mismatch, evidence `span`.
    Spans of this package pass: they are tagged and compared where they are made. Without an instrumented boundary, and
    after `uninstrument()`, it does nothing. It holds no state but the leases of open spans.
    """

    def __init__(self) -> None:
        self._open: dict[int, tuple[tuple[Lease, ...], weakref.ref[Span]]] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tag the span with the ids that it does not carry yet."""
        try:
            scope = span.instrumentation_scope
            if scope is not None and scope.name == SCOPE:
                return
        except Exception as error:
            guard.met(error)
            return
        with guard:
            lease = _lease_of(parent_context)
            if lease is None or not lease.detector.enabled:
                return
            there = span.attributes or {}
            missing = {
                name: id_
                for row in (*reversed(lease.outers), lease)
                for name, id_ in row.submission.attributes.items()
                if name not in there
            }
            span.set_attributes(missing)
            key = span.get_span_context().span_id  # at its end a span comes as another object
            self._open[key] = (
                one_of_each((lease, *lease.outers)),
                weakref.ref(span, lambda _: self._open.pop(key, None)),
            )

    def on_end(self, span: ReadableSpan) -> None:
        """Compare what the span carries, under our names and the boundary's aliases, with the submission."""
        if not self._open:
            return
        with guard:
            context = span.get_span_context()
            entry = self._open.pop(context.span_id, None) if context is not None else None
            if entry is not None:
                attributes = carried(span) or {}
                for lease in entry[0]:
                    lease.detector.span_ended(lease, span.name, attributes)

    def shutdown(self) -> None:
        """Nothing to shut down."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Nothing to flush."""
        return True


def _lease_of(context: Context | None) -> Lease | None:
    lease = context_api.get_value(LEASE_KEY, context)
    if not isinstance(lease, Lease) or is_outlived(lease, context):
        return None
    return lease if context is not None or is_certain(lease) else None  # a context that is given says whose it is
