"""Spans read back from files of OTLP, one piece in memory at a time.

The format is that of the OpenTelemetry Protocol File Exporter specification, an `ExportTraceServiceRequest` a line, as
JSON with camelCase names, ids in hex, and 64-bit integers as decimal strings or as numbers; and what others make of it:
Protobuf, its own names and base64, an API's answer, a container's log (see `forms`, `pieces` and `logs`). A line of
logs, metrics or profiles holds no spans. What else a line holds is not passed over in silence: spans may be in it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from functools import partial
from itertools import islice
from typing import Any, Final

from otel_handoff.traces import messages
from otel_handoff.traces.decoding import brief, documents, tell_twice
from otel_handoff.traces.files import Broken
from otel_handoff.traces.forms import SCOPES, named, parts_of, tell_unread
from otel_handoff.traces.logs import Logs, is_other
from otel_handoff.traces.parts import (
    Attributes,
    Faults,
    ShapeError,
    Value,
    attributes_of,
    checked,
    id_of,
    items,
    objects,
    text_of,
    time_of,
    version_of,
)
from otel_handoff.traces.pieces import read_pieces
from otel_handoff.traces.quick import quick_spans
from otel_handoff.traces.spans import EventRecord, SpanRecord

__all__ = ["Attributes", "Broken", "EventRecord", "SpanRecord", "Value", "read_spans"]

_PARTS: Final = (
    ("resourceSpans", b'"resourceSpans"', b'"resource_spans"'),
    ("scopeSpans", b'"scopeSpans"', b'"scope_spans"'),
    ("spans", b'"spans"', b""),
)

_MOST_RESOURCES: Final = 1000
_LONGEST_RESOURCE: Final = 1 << 13
"""As JSON; a longer one is read again each time, and not kept."""


def read_spans(
    files: Iterable[str],
    *,
    broken: Callable[[Broken], object],
    progress: Callable[[int], object] | None = None,
) -> Generator[SpanRecord]:
    """Yield the spans of `files`, in their order.

    Args:
        files: as `otel_handoff.traces.files.find` returns them; what they are, their content says.
        broken: told of each line that could not be read, or not in full, and of each file that holds none. What is
            whole in a line is yielded all the same.
        progress: told, now and then, how many more bytes of the files have been read.
    """
    resources: dict[str | bytes, Attributes] = {}
    logs, file, number = Logs(), "", 0
    for piece in read_pieces(files, broken=broken, progress=progress):
        if piece.file != file:
            yield from _left(logs, file, number, resources, broken)
        file, number = piece.file, piece.number
        faults = Faults()
        try:
            if piece.is_message:
                yield from messages.spans(piece.content, faults)
            else:
                yield from _in_line(piece.content, logs, resources, faults)
        except MemoryError:
            faults.add("takes more memory than there is")
        if faults:
            broken(Broken(file, number, str(faults)))
        if len(resources) > _MOST_RESOURCES:
            resources.clear()
    yield from _left(logs, file, number, resources, broken)


def _left(
    logs: Logs, file: str, number: int, resources: dict[str | bytes, Attributes], broken: Callable[[Broken], object]
) -> Generator[SpanRecord]:
    """Read what a file ended in the middle of."""
    for text in logs.end():
        faults = Faults()
        yield from _in_text(text, logs, resources, faults, in_log=True)
        if faults:
            broken(Broken(file, number, str(faults)))


def _in_line(
    text: bytes, logs: Logs, resources: dict[str | bytes, Attributes], faults: Faults
) -> Generator[SpanRecord]:
    try:
        content = logs.line(text)
    except ShapeError as error:
        faults.add(error)
        return
    yield from _in_text(text if content is None else content, logs, resources, faults, in_log=content is not None)


def _in_text(
    text: bytes, logs: Logs, resources: dict[str | bytes, Attributes], faults: Faults, *, in_log: bool
) -> Generator[SpanRecord]:
    if in_log and is_other(text):
        return
    taken = yield from quick_spans(text, partial(_of_text, resources))
    if taken is not None:
        yield from islice(_plainly(text, logs, resources, faults), taken, None)


def _plainly(
    text: bytes, logs: Logs, resources: dict[str | bytes, Attributes], faults: Faults
) -> Generator[SpanRecord]:
    met: Counter[str] = Counter()
    try:
        for document in documents(text):
            content = logs.document(document)
            if content is not None:
                yield from _in_text(content, logs, resources, faults, in_log=True)
                return
            for part in parts_of(document, faults, met):
                yield from _in_part(part, resources, faults, met)
        if any(text.count(name) + (text.count(other) if other else 0) > met[key] for key, name, other in _PARTS):
            tell_twice(text, faults)
    except RecursionError:
        faults.add("nested too deeply")
    except ShapeError as error:
        faults.add(f"{error}{_wrapped(text)}")
    except ValueError as error:
        faults.add(f"not JSON: {brief(error)}{_wrapped(text)}")


def _wrapped(text: bytes) -> str:
    at = text.find(b'{"resourceSpans"')
    if at <= 0 or b"{" in text[:at]:
        return ""
    return f"; {at} bytes are before the JSON, as a log puts them there (compose, syslog): take them off"


def _in_part(
    part: dict[str, Any], resources: dict[str | bytes, Attributes], faults: Faults, met: Counter[str]
) -> Generator[SpanRecord]:
    met["scopeSpans"] += "scopeSpans" in part
    resource = _resource(part.get("resource"), resources, faults)
    tell_unread(part, ("resource", *SCOPES), faults)
    for name in SCOPES:
        for scope_spans in map(named, objects(part, name)):
            met["spans"] += "spans" in scope_spans
            tell_unread(scope_spans, ("spans", "scope", "instrumentationLibrary"), faults)
            version = version_of(scope_spans.get("scope") or scope_spans.get("instrumentationLibrary"))
            for span in items(scope_spans, "spans"):
                try:
                    record = _span(span, resource, version, faults)
                except ShapeError as error:
                    faults.add(error)
                else:
                    yield record


def _of_text(known: dict[str | bytes, Attributes], text: bytes, faults: Faults) -> Attributes:
    attributes = known.get(text)
    if attributes is None:
        attributes = _resource(json.loads(text.decode()), known, faults)
        if len(text) <= _LONGEST_RESOURCE and not faults:
            known[text] = attributes
    return attributes


def _resource(resource: Any, known: dict[str | bytes, Attributes], faults: Faults) -> Attributes:
    key = json.dumps(resource)
    attributes = known.get(key)
    if attributes is None:
        before = faults.count
        attributes = attributes_of(checked(resource or {}, "resource"), faults)
        if len(key) <= _LONGEST_RESOURCE and faults.count == before:
            known[key] = attributes
    return attributes


def _span(span: Any, resource: Attributes, version: str, faults: Faults) -> SpanRecord:
    span = checked(span, "span")
    if "traceId" not in span:
        span = named(span)
    return SpanRecord(
        name=text_of(span, "name"),
        trace_id=id_of(span, "traceId", 32),
        span_id=id_of(span, "spanId", 16),
        parent_span_id=id_of(span, "parentSpanId", 16) if span.get("parentSpanId") else "",
        start_ns=time_of(span, "startTimeUnixNano"),
        end_ns=time_of(span, "endTimeUnixNano"),
        attributes=attributes_of(span, faults),
        events=_events(span, faults) if "events" in span else [],
        resource=resource,
        version=version,
    )


def _events(span: dict[str, Any], faults: Faults) -> list[EventRecord]:
    found: list[EventRecord] = []
    for each in items(span, "events"):
        try:
            event = named(checked(each, "an event"))
            time = time_of(event, "timeUnixNano")
            found.append(EventRecord(text_of(event, "name"), time, attributes_of(event, faults)))
        except ShapeError as error:
            faults.add(error)
    return found
