"""What of a submission, a write or a mismatch goes along where it is pickled: all that can be told of it elsewhere."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_handoff.host.current import no_lease
from otel_handoff.host.outside import pass_on
from otel_handoff.record.semconv import attribute_value
from otel_handoff.record.shown import show

_PLAIN: Final = frozenset({type(None), str, bytes, bool, int, float})


class Told(str):  # noqa: SLOT000  it has one
    """An id of the host's own making that does not go along: its text, shown as it was."""

    shown: str
    """Its `repr()`."""

    def __repr__(self) -> str:
        return self.shown


def sendable(value: object) -> object:
    """Return `value`, or what can be told of it where it cannot be pickled."""
    if type(value) in _PLAIN:
        return value
    try:
        with no_lease():  # what it reads of the context meanwhile is our look, not the worker's
            pickle.dumps(value)
    except Exception as error:
        pass_on(error)
        told = Told(attribute_value(value))
        told.shown = show(value)
        return told
    return value


def sendable_ids(ids: Mapping[str, object]) -> dict[str, object]:
    """Return the same for each of several."""
    return {name: sendable(value) for name, value in ids.items()}


Carrier = tuple[int, int, int]
"""Trace id, span id and flags of the span that was current."""


def carrier_of(context: Context) -> Carrier:
    """Return what of an OpenTelemetry context goes along: whose trace it was."""
    span = trace.get_current_span(context).get_span_context()
    return span.trace_id, span.span_id, int(span.trace_flags)


def context_of(carrier: Carrier) -> Context:
    """Return a context of that trace."""
    trace_id, span_id, flags = carrier
    span = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return trace.set_span_in_context(NonRecordingSpan(span), Context()) if span.is_valid else Context()
