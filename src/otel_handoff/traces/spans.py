"""A span as it was exported: what it takes to judge it."""

from __future__ import annotations

from dataclasses import dataclass

from otel_handoff.traces.parts import Attributes


@dataclass(slots=True)
class EventRecord:
    """An event of a span; `time_ns` is in nanoseconds since the epoch."""

    name: str
    time_ns: int
    attributes: Attributes


@dataclass(slots=True)
class SpanRecord:
    """One span.

    Attributes:
        name: its name.
        trace_id: 32 hex digits, lower case.
        span_id: 16 hex digits, lower case.
        parent_span_id: likewise, or an empty string.
        start_ns: nanoseconds since the epoch, below 2**63.
        end_ns: likewise.
        attributes: name -> value. Bytes stay base64, a nested map is JSON text.
        events: in the order of the file.
        resource: the resource's attributes; one object for all spans of a resource. Not to be changed.
        version: of the instrumentation scope; an empty string where it does not say.
    """

    name: str
    trace_id: str
    span_id: str
    parent_span_id: str
    start_ns: int
    end_ns: int
    attributes: Attributes
    events: list[EventRecord]
    resource: Attributes
    version: str = ""
