"""OTLP in Protobuf read back as spans. It takes the classes of `opentelemetry-proto`, for a span at a time."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator, Iterable
from contextlib import suppress
from functools import cache
from typing import Any, Final

from otel_handoff.traces.content import varint
from otel_handoff.traces.parts import INT64, Attributes, Faults, ShapeError, Value, as_map, version_of
from otel_handoff.traces.spans import EventRecord, SpanRecord
from otel_handoff.traces.streams import INSTALL

_FIXED64, _BYTES = 1, 2
_WIDTHS: Final = {_FIXED64: 8, 5: 4}
_TEXT: Final = 9
"""How a descriptor says that a field is a text."""
_DEEPEST: Final = 100

Field = tuple[int, int, int, int, int]
"""Its number, its kind on the wire, and where it begins, its content does, and it ends."""


@cache
def _classes() -> tuple[Any, Any, Any] | None:
    try:
        from google.protobuf.message import DecodeError
        from opentelemetry.proto.resource.v1.resource_pb2 import Resource
        from opentelemetry.proto.trace.v1.trace_pb2 import Span
    except ImportError:
        return None
    return Resource, Span, DecodeError


def spans(request: bytes, faults: Faults) -> Generator[SpanRecord]:
    """Yield the spans of a request; of logs, metrics and profiles, none."""
    classes = _classes()
    if classes is None:
        faults.add(f"Protobuf; {INSTALL}")
        return
    resource_class, span_class, error_class = classes
    try:
        data = memoryview(request)
        for number, kind, _, at, end in _fields(data):
            if (number, kind) == (1, _BYTES):
                yield from _Reader(resource_class, span_class, error_class, faults).part(data[at:end])
    except ShapeError as error:
        faults.add(error)


_SCOPES: Final = (2, 1000)
"""The second as the instrumentation libraries of old had it."""


class _Reader:
    def __init__(self, resource_class: Any, span_class: Any, error_class: Any, faults: Faults) -> None:
        self._resource, self._span, self._error, self._faults = resource_class, span_class, error_class, faults

    def part(self, part: memoryview) -> Generator[SpanRecord]:
        """Yield the spans of a `ResourceSpans`."""
        resource: Attributes = {}
        for number, kind, _, at, end in _fields(part):
            if (number, kind) == (1, _BYTES):
                resource.update(self._attributes(self._parsed(self._resource, part[at:end]).attributes))
        for number, kind, _, at, end in _fields(part):
            if kind == _BYTES and number in _SCOPES:
                scope = part[at:end]
                version = _version(scope)
                for of_scope, wire, _, first, last in _fields(scope):
                    if (of_scope, wire) != (2, _BYTES):
                        continue
                    try:
                        record = self._record(scope[first:last], resource, version)
                    except ShapeError as error:
                        if _is_of_another_signal(scope[first:last]):
                            return
                        self._faults.add(error)
                        continue
                    if not record.start_ns and _is_of_another_signal(scope[first:last]):
                        return  # a metric with a name as long as a trace's id
                    yield record

    def _record(self, content: memoryview, resource: Attributes, version: str) -> SpanRecord:
        span = self._parsed(self._span, content)
        trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
        if len(trace_id) != 16:
            raise ShapeError("trace_id is not 16 bytes")
        if len(span_id) != 8:
            raise ShapeError("span_id is not 8 bytes")
        if len(parent) not in (0, 8):
            raise ShapeError("parent_span_id is not 8 bytes")
        return SpanRecord(
            span.name,
            trace_id.hex(),
            span_id.hex(),
            parent.hex(),
            min(span.start_time_unix_nano, INT64 - 1),
            min(span.end_time_unix_nano, INT64 - 1),
            self._attributes(span.attributes),
            [
                EventRecord(event.name, min(event.time_unix_nano, INT64 - 1), self._attributes(event.attributes))
                for event in span.events
            ],
            resource,
            version,
        )

    def _parsed(self, message_class: Any, content: memoryview) -> Any:
        try:
            return message_class.FromString(content)
        except self._error:
            pass
        # Most often a text that is no UTF-8, cut off in the middle of a letter: it alone is left out.
        mended = self._mended(message_class.DESCRIPTOR, content)
        try:
            return message_class.FromString(mended)
        except self._error as error:
            raise ShapeError("damaged Protobuf") from error

    def _mended(self, descriptor: Any, content: memoryview, depth: int = 0) -> bytes:
        """Return a message without the texts in it that are none."""
        if depth > _DEEPEST:
            raise ShapeError("nested too deeply")
        whole = bytearray()
        for number, kind, start, at, end in _fields(content):
            field = descriptor.fields_by_number.get(number) if kind == _BYTES else None
            if field is not None and field.message_type is not None:
                inner = self._mended(field.message_type, content[at:end], depth + 1)
                whole += _varint(number << 3 | _BYTES) + _varint(len(inner)) + inner
                continue
            if field is not None and field.type == _TEXT:
                try:
                    str(content[at:end], "utf-8")
                except UnicodeDecodeError:
                    self._faults.add("a text that is no UTF-8")
                    continue
            whole += content[start:end]
        return bytes(whole)

    def _attributes(self, pairs: Iterable[Any]) -> Attributes:
        found: Attributes = {}
        for pair in pairs:
            if (value := _value(pair.value)) is not None:
                found[pair.key] = value
        return found


def _value(value: Any) -> Value | None:
    kind = value.WhichOneof("value")
    if kind in ("string_value", "bool_value", "int_value", "double_value"):
        return getattr(value, kind)
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode()
    if kind == "array_value":
        values = map(_value, value.array_value.values)
        return [item for item in values if item is not None]
    if kind == "kvlist_value":
        pairs = ((pair.key, _value(pair.value)) for pair in value.kvlist_value.values)
        return as_map({key: item for key, item in pairs if item is not None})
    return None


def _version(scope_spans: memoryview) -> str:
    """Return what the scope says, which comes before its spans."""
    with suppress(ShapeError, UnicodeDecodeError):
        for number, kind, _, at, end in _fields(scope_spans):
            if (number, kind) != (1, _BYTES):
                break
            told = {number: (at + first, at + last) for number, _, _, first, last in _fields(scope_spans[at:end])}
            first, last = told.get(2, (0, 0))
            return version_of({"version": str(scope_spans[first:last], "utf-8")})
    return ""


def _is_of_another_signal(content: memoryview) -> bool:
    """Whether what is in a span's place is a log record or a metric: these have the same numbers in other kinds."""
    kinds = {number: kind for number, kind, *_ in _fields(content)}
    is_log = _FIXED64 in (kinds.get(1), kinds.get(11)) and kinds.get(8) != _FIXED64
    is_metric = kinds.get(1) == _BYTES and 8 not in kinds and kinds.get(7) != _FIXED64
    return is_log or (is_metric and any(kinds.get(number) == _BYTES for number in (5, 7, 9, 10, 11)))


def _fields(data: memoryview) -> Generator[Field]:
    at = 0
    while at < len(data):
        start = at
        tag, at = varint(data, at)
        kind, end = tag & 7, -1
        if at >= 0 and kind == 0:
            _, end = varint(data, at)
        elif at >= 0 and kind == _BYTES:
            length, at = varint(data, at)
            end = at + length if at >= 0 else -1
        elif at >= 0 and kind in _WIDTHS:
            end = at + _WIDTHS[kind]
        if not start < end <= len(data):
            raise ShapeError("damaged Protobuf")
        yield tag >> 3, kind, start, at, end
        at = end


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
