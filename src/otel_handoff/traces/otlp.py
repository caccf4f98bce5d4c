"""OTLP JSON lines read back as spans, one line in memory at a time.

The format is that of the OpenTelemetry Protocol File Exporter specification: an `ExportTraceServiceRequest` a line, as
JSON with camelCase names, ids in hex, and 64-bit integers as decimal strings or as numbers. A line of logs, metrics or
profiles holds no spans.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, Final, cast

from otel_handoff.traces.files import Broken, read_lines

__all__ = ["Broken", "EventRecord", "SpanRecord", "Value", "read_spans"]

Value = str | int | float | bool | list[Any]
Attributes = dict[str, Value]

_INT64: Final = 1 << 63
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


class _ShapeError(Exception):
    """Something is not what OTLP has in its place."""


def read_spans(
    files: Iterable[str],
    *,
    broken: Callable[[Broken], object],
    progress: Callable[[int], object] | None = None,
) -> Generator[SpanRecord]:
    """Yield the spans of `files`, in their order.

    Args:
        files: as `otel_handoff.traces.files.find` returns them; gzip is known by its content.
        broken: told of each line that could not be read, or not in full. What is whole in it is yielded all the same.
        progress: told, now and then, how many more bytes of the files have been read.
    """
    resources: dict[str, Attributes] = {}
    for line in read_lines(files, broken=broken, progress=progress):
        faults: list[str] = []
        try:
            document = _load(line.text)
            yield from _document(document, resources, faults)
        except RecursionError:
            faults.append("nested too deeply")
        except MemoryError:
            faults.append("takes more memory than there is")
        except _ShapeError as error:
            faults.append(str(error))
        except ValueError as error:
            faults.append(f"not JSON: {_brief(error)}")
        if len(resources) > _MOST_RESOURCES:
            resources.clear()
        if faults:
            more = f" (and {len(faults) - 1} more in this line)" if len(faults) > 1 else ""
            broken(Broken(line.file, line.number, faults[0] + more))


def _brief(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is no UTF-8"
    return str(error).partition(";")[0]


def _load(text: bytes) -> Any:
    document = json.loads(text.decode("utf-8-sig"))  # some editors and shells start a file with a mark
    if b"\\ud" in text or b"\\uD" in text:
        # Half a surrogate pair is valid JSON, but no text: it could be written nowhere.
        document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    return document


def _document(document: Any, resources: dict[str, Attributes], faults: list[str]) -> Generator[SpanRecord]:
    if not isinstance(document, dict):
        raise _ShapeError("not an OTLP request: no JSON object")
    document = cast("dict[str, Any]", document)
    if "resourceSpans" not in document:
        if document and not document.keys() & {"resourceLogs", "resourceMetrics", "resourceProfiles"}:
            raise _ShapeError("not an OTLP request: no resourceSpans")
        return
    for resource_spans in _objects(document, "resourceSpans"):
        resource = _resource(resource_spans.get("resource"), resources)
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            for span in _list(scope_spans, "spans"):
                try:
                    record = _span(span, resource)
                except _ShapeError as error:
                    faults.append(str(error))
                else:
                    yield record


def _resource(resource: Any, known: dict[str, Attributes]) -> Attributes:
    key = json.dumps(resource)
    attributes = known.get(key)
    if attributes is None:
        attributes = _attributes(_checked(resource or {}, "resource"))
        if len(key) <= _LONGEST_RESOURCE:
            known[key] = attributes
    return attributes


def _span(span: Any, resource: Attributes) -> SpanRecord:
    span = _checked(span, "span")
    return SpanRecord(
        name=_text(span, "name"),
        trace_id=_id(span, "traceId", 32),
        span_id=_id(span, "spanId", 16),
        parent_span_id=_id(span, "parentSpanId", 16) if span.get("parentSpanId") else "",
        start_ns=_time(span, "startTimeUnixNano"),
        end_ns=_time(span, "endTimeUnixNano"),
        attributes=_attributes(span),
        events=[
            EventRecord(_text(event, "name"), _time(event, "timeUnixNano"), _attributes(event))
            for event in _objects(span, "events")
        ],
        resource=resource,
    )


# -- parts of a message; what is absent or null has its default, as in all Protobuf JSON


def _checked(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _ShapeError(f"{what} is not an object")
    return cast("dict[str, Any]", value)


def _list(parent: dict[str, Any], name: str) -> list[Any]:
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _ShapeError(f"{name} is not a list")
    return cast("list[Any]", value)


def _objects(parent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    values = _list(parent, name)
    for value in values:
        if not isinstance(value, dict):
            raise _ShapeError(f"{name} holds something that is not an object")
    return values


def _text(parent: dict[str, Any], name: str) -> str:
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _ShapeError(f"{name} is not a string")
    return value


def _id(parent: dict[str, Any], name: str, digits: int) -> str:
    value = parent.get(name)
    try:
        if isinstance(value, str) and len(value) == digits and len(bytes.fromhex(value)) * 2 == digits:
            return value.lower()
    except ValueError:
        pass
    raise _ShapeError(f"{name} is not {digits} hex digits")


def _time(parent: dict[str, Any], name: str) -> int:
    value = parent.get(name)
    time = 0 if value is None else _integer(value, name)
    if time < 0:
        raise _ShapeError(f"{name} is before 1970")
    return time


def _integer(value: Any, name: str) -> int:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            number = int(value)
        except ValueError:
            pass
        else:
            if -_INT64 <= number < _INT64:
                return number
            raise _ShapeError(f"{name} is beyond 64 bits")
    raise _ShapeError(f"{name} is not a whole number")


def _attributes(parent: dict[str, Any]) -> Attributes:
    found: Attributes = {}
    for pair in _list(parent, "attributes"):
        if not isinstance(pair, dict):
            raise _ShapeError("attributes holds something that is not an object")
        pair = cast("dict[str, Any]", pair)
        key = pair.get("key")
        if not isinstance(key, str):
            raise _ShapeError("an attribute's key is not a string")
        value: Any = pair.get("value")
        if isinstance(value, dict) and isinstance(text := cast("dict[str, Any]", value).get("stringValue"), str):
            found[key] = text
        elif (value := _value(value)) is not None:
            found[key] = value
    return found


def _value(value: Any) -> Value | None:
    if value is None:
        return None
    value = _checked(value, "an attribute's value")
    for kind, content in value.items():
        if content is None:
            continue
        if kind in ("stringValue", "bytesValue"):
            if not isinstance(content, str):
                raise _ShapeError(f"{kind} is not a string")
            return content
        if kind == "intValue":
            return _integer(content, kind)
        if kind == "boolValue":
            if not isinstance(content, bool):
                raise _ShapeError("boolValue is neither true nor false")
            return content
        if kind == "doubleValue":
            return _double(content)
        if kind == "arrayValue":
            values = (_value(item) for item in _list(_checked(content, kind), "values"))
            return [item for item in values if item is not None]
        if kind == "kvlistValue":
            return json.dumps(_attributes({"attributes": _checked(content, kind).get("values")}), ensure_ascii=False)
    return None


def _double(value: Any) -> float:
    try:
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise _ShapeError("doubleValue is not a number")
