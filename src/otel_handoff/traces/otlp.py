"""OTLP JSON lines read back as spans, one line in memory at a time.

The format is that of the OpenTelemetry Protocol File Exporter specification: an `ExportTraceServiceRequest` a line, as
JSON with camelCase names, ids in hex, and 64-bit integers as decimal strings or as numbers. A line of logs, metrics or
profiles holds no spans. What else a line holds is not passed over in silence: spans may be in it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

from otel_handoff.traces.files import Broken, Line, read_lines
from otel_handoff.traces.parts import (
    Attributes,
    ShapeError,
    Value,
    attributes_of,
    checked,
    id_of,
    items,
    objects,
    text_of,
    time_of,
)

__all__ = ["Attributes", "Broken", "EventRecord", "SpanRecord", "Value", "read_spans"]

_OTHER_SIGNALS: Final = {"resourceLogs", "resourceMetrics", "resourceProfiles"}
_SCOPES: Final = ("scopeSpans", "instrumentationLibrarySpans")
"""The second as it was called before OTLP 0.15."""
_FOREIGN_FORMS: Final = {
    "resource_spans": "it has Protobuf's names",
    "scopeSpans": "a part of one, as OpenTelemetry Java's log exporter writes it",
    "batches": "Tempo's form",
    "trace": "Tempo's form",
    "result": "Jaeger's form",
    "data": "another API's form",
    "log": "a container's log around it: take what is in it out",
    "MESSAGE": "journald's around it: take what is in it out, as by journalctl -o cat",
}
_PARTS: Final = (b'"resourceSpans"', b'"scopeSpans"', b'"spans"')
_SPACE: Final = re.compile("[ \\t\\r\\n\ufeff]*")

_MOST_RESOURCES: Final = 1000
_LONGEST_RESOURCE: Final = 1 << 13
"""As JSON; a longer one is read again each time, and not kept."""


@dataclass(slots=True)
class EventRecord:
    """An event of a span; `time_ns` is in nanoseconds since the epoch."""

    name: str
    time_ns: int
    attributes: Attributes


@dataclass(slots=True)
class SpanRecord:
    """One span as it was exported: what it takes to judge it.

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


def read_spans(
    files: Iterable[str],
    *,
    broken: Callable[[Broken], object],
    progress: Callable[[int], object] | None = None,
) -> Generator[SpanRecord]:
    """Yield the spans of `files`, in their order.

    Args:
        files: as `otel_handoff.traces.files.find` returns them; gzip is known by its content.
        broken: told of each line that could not be read, or not in full, and of each file that holds none. What is
            whole in a line is yielded all the same.
        progress: told, now and then, how many more bytes of the files have been read.
    """
    resources: dict[str, Attributes] = {}
    for line in read_lines(files, broken=broken, progress=progress):
        yield from _in_line(line, resources, broken)
        if len(resources) > _MOST_RESOURCES:
            resources.clear()


def _in_line(line: Line, resources: dict[str, Attributes], broken: Callable[[Broken], object]) -> Generator[SpanRecord]:
    faults: list[str] = []
    try:
        met: Counter[bytes] = Counter()
        for document in _documents(line.text):
            yield from _document(document, resources, faults, met)
        if any(line.text.count(name) > met[name] for name in _PARTS):
            _tell_twice(line.text, faults)
    except RecursionError:
        faults.append("nested too deeply")
    except MemoryError:
        faults.append("takes more memory than there is")
    except ShapeError as error:
        faults.append(f"{error}{_wrapped(line.text)}")
    except ValueError as error:
        if parts := _cut_off(line.text):
            for number, part in enumerate(parts, line.number):
                if part.strip():
                    yield from _in_line(Line(line.file, number, part), resources, broken)
            return
        faults.append(f"not JSON: {_brief(error)}{_wrapped(line.text)}")
    if faults:
        more = f" (and {len(faults) - 1} more in this line)" if len(faults) > 1 else ""
        broken(Broken(line.file, line.number, faults[0] + more))


def _tell_twice(text: bytes, faults: list[str]) -> None:
    """Note a name that an object has twice: only the last of the two is read."""

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
            faults.append(f"{twice[:40]} comes twice in one object, and only the last is read")
        return found

    decoder, rest, at = json.JSONDecoder(object_pairs_hook=made), text.decode("utf-8-sig"), 0
    while (at := _end_of_space(rest, at)) < len(rest):
        _, at = decoder.raw_decode(rest, at)


def _cut_off(text: bytes) -> list[bytes]:
    """Return the lines of what was taken for a laid out document, if only the first of them was cut off."""
    lines = text.rstrip().splitlines()
    return lines if any(line.startswith(b"{") and line.endswith(b"}") for line in lines[1:]) else []


def _wrapped(text: bytes) -> str:
    at = text.find(b'{"resourceSpans"')
    if at <= 0 or b"{" in text[:at]:
        return ""
    return f"; {at} bytes are before the JSON, as a log puts them there (CRI, compose, syslog): take them off"


def _brief(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is no UTF-8"
    return str(error).partition(";")[0]


def _documents(line: bytes) -> Iterable[Any]:
    text = line.decode("utf-8-sig")  # some editors and shells start a file with a mark
    try:
        documents = [json.loads(text)]
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        documents = _one_after_the_other(text)
    return map(_mended, documents) if b"\\ud" in line or b"\\uD" in line else documents


def _one_after_the_other(text: str) -> Generator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while (at := _end_of_space(text, at)) < len(text):
        document, at = decoder.raw_decode(text, at)
        yield document


def _end_of_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at


def _mended(document: Any) -> Any:
    # Half a surrogate pair is valid JSON, but no text: it could be written nowhere.
    return json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))


def _document(
    document: Any, resources: dict[str, Attributes], faults: list[str], met: Counter[bytes]
) -> Generator[SpanRecord]:
    if isinstance(document, list) and document:
        for each in cast("list[Any]", document):
            yield from _document(each, resources, faults, met)
        return
    if not isinstance(document, dict):
        raise ShapeError("not an OTLP request: no JSON object")
    document = cast("dict[str, Any]", document)
    if "resourceSpans" not in document and document and not document.keys() & _OTHER_SIGNALS:
        form = next((f" ({said})" for key, said in _FOREIGN_FORMS.items() if key in document), "")
        raise ShapeError(f"not an OTLP request: no resourceSpans{form}")
    _tell_unread(document, ("resourceSpans", *_OTHER_SIGNALS), faults)
    met[_PARTS[0]] += "resourceSpans" in document
    for resource_spans in objects(document, "resourceSpans"):
        met[_PARTS[1]] += "scopeSpans" in resource_spans
        resource = _resource(resource_spans.get("resource"), resources)
        _tell_unread(resource_spans, ("resource", *_SCOPES), faults)
        for name in _SCOPES:
            for scope_spans in objects(resource_spans, name):
                met[_PARTS[2]] += "spans" in scope_spans
                _tell_unread(scope_spans, ("spans", "scope", "instrumentationLibrary"), faults)
                for span in items(scope_spans, "spans"):
                    try:
                        record = _span(span, resource)
                    except ShapeError as error:
                        faults.append(str(error))
                    else:
                        yield record


def _tell_unread(parent: dict[str, Any], read: Iterable[str], faults: list[str]) -> None:
    """Note a list or an object in which spans may be, under a name that is not read."""
    for name, value in parent.items():
        if isinstance(value, (list, dict)) and value and name not in read:
            faults.append(f"{name[:40]} is not read")


def _resource(resource: Any, known: dict[str, Attributes]) -> Attributes:
    key = json.dumps(resource)
    attributes = known.get(key)
    if attributes is None:
        attributes = attributes_of(checked(resource or {}, "resource"))
        if len(key) <= _LONGEST_RESOURCE:
            known[key] = attributes
    return attributes


def _span(span: Any, resource: Attributes) -> SpanRecord:
    span = checked(span, "span")
    return SpanRecord(
        name=text_of(span, "name"),
        trace_id=id_of(span, "traceId", 32),
        span_id=id_of(span, "spanId", 16),
        parent_span_id=id_of(span, "parentSpanId", 16) if span.get("parentSpanId") else "",
        start_ns=time_of(span, "startTimeUnixNano"),
        end_ns=time_of(span, "endTimeUnixNano"),
        attributes=attributes_of(span),
        events=_events(span) if "events" in span else [],
        resource=resource,
    )


def _events(span: dict[str, Any]) -> list[EventRecord]:
    return [
        EventRecord(text_of(event, "name"), time_of(event, "timeUnixNano"), attributes_of(event))
        for event in objects(span, "events")
    ]
