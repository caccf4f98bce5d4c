"""Requests of OTLP's JSON as SDKs and Collectors write them, read at once by msgspec, where that is installed.

Nothing is made of what is not asked for. What is not by the book in any part of a request is left to the plain reader
as a whole, so that the answer is the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterable
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final

from otel_handoff.traces.parts import INT64, Attributes, Faults, id_of, value_of, version_of
from otel_handoff.traces.spans import EventRecord, SpanRecord

_MOST: Final = 1 << 24
"""Of a longer text the plain reader holds less at once."""


@cache
def decoder() -> tuple[Callable[[bytes], Any], Any] | None:
    """Return what reads a request, and what stands for a part that is not there; or None."""
    try:
        msgspec = import_module("msgspec")
    except ImportError:
        return None
    made, raw, unset = msgspec.defstruct, msgspec.Raw, msgspec.UNSET
    time = Annotated[int, msgspec.Meta(ge=0, le=INT64 - 1)]
    number = Annotated[int, msgspec.Meta(ge=-INT64, le=INT64 - 1)]

    def maybe(type_: Any) -> tuple[Any, Any]:
        return type_ | msgspec.UnsetType, unset

    # One of these kinds is there. Numbers may be texts: `strict=False` takes both.
    kinds = [("stringValue", *maybe(str)), ("intValue", *maybe(number)), ("doubleValue", *maybe(float))]
    kinds += [(name, *maybe(raw)) for name in _OTHERS]
    value = made("Value", kinds, gc=False, forbid_unknown_fields=True)
    pair = made("Pair", [("key", str), ("value", value)], gc=False)
    attributes = ("attributes", list[pair], msgspec.field(default_factory=list))
    event = made("Event", [("name", str, ""), ("timeUnixNano", time, 0), attributes], gc=False)
    ids = ("traceId", str), ("spanId", str), ("parentSpanId", str, "")
    times = ("startTimeUnixNano", time, 0), ("endTimeUnixNano", time, 0)
    events = ("events", list[event], msgspec.field(default_factory=list))
    span = made("Span", [*ids, ("name", str, ""), *times, attributes, events], gc=False)
    # What else is in these may hold spans.
    around = {"gc": False, "forbid_unknown_fields": True}
    scope = made("Scope", [("spans", list[span]), ("scope", *maybe(raw)), ("schemaUrl", str, "")], **around)
    part = made("Part", [("scopeSpans", list[scope]), ("resource", *maybe(raw)), ("schemaUrl", str, "")], **around)
    request = made("Request", [("resourceSpans", list[part])], **around)
    return msgspec.json.Decoder(request, strict=False).decode, unset


_REQUEST: Final = re.compile(rb'\s*\{\s*"resourceSpans"')
_NAMES: Final = re.compile(b'pans"')
"""The end of the three that hold spans. It finds them in half the time that `bytes.count` takes."""
_OTHERS: Final = ("boolValue", "bytesValue", "arrayValue", "kvlistValue")


def quick_spans(
    text: bytes, resource_of: Callable[[bytes, Faults], Attributes]
) -> Generator[SpanRecord, None, int | None]:
    """Yield the spans of a request, until something is not by the book.

    Args:
        text: a line.
        resource_of: returns the attributes of a resource, and notes what is odd about them.

    Returns:
        None, if these were all; else how many they were: the plain reader reads the line, and has the rest.
    """
    taken, decode = 0, decoder()
    if decode is None or len(text) > _MOST or not _REQUEST.match(text):
        return taken
    try:
        read, unset = decode
        parts = read(text).resourceSpans
        if not text.isascii():
            text.decode()  # it looks at no text that is not asked for
        names = 1 + sum(1 + len(part.scopeSpans) for part in parts)
        if len(_NAMES.findall(text)) != names and _comes_twice(text, parts):
            return taken
        faults = Faults()
        for part in parts:
            resource = resource_of(b"null" if part.resource is unset else bytes(part.resource), faults)
            if faults:
                return taken
            for scope in part.scopeSpans:
                version = "" if scope.scope is unset else version_of(json.loads(bytes(scope.scope).decode()))
                spans = scope.spans
                spans.reverse()
                while spans:  # each is given back as soon as it is read
                    record = _record(spans.pop(), resource, version, unset)
                    yield record
                    taken += 1
    except Exception:  # whatever it is, it is the plain reader's to tell
        return taken
    return None


def _comes_twice(text: bytes, parts: list[Any]) -> bool:
    """Whether an object has one of the names twice: only the last of the two was read."""
    scopes = sum(len(part.scopeSpans) for part in parts)
    wanted = {b'"resourceSpans"': 1, b'"scopeSpans"': len(parts), b'"spans"': scopes}
    return any(text.count(name) != count for name, count in wanted.items())


def _record(span: Any, resource: Attributes, version: str, unset: Any) -> SpanRecord:
    trace, own, parent = span.traceId, span.spanId, span.parentSpanId
    whole = trace + own + parent
    if not (len(trace) == 32 and len(own) == 16 and len(parent) in (0, 16) and bytes.fromhex(whole).hex() == whole):
        ids = {"traceId": trace, "spanId": own, "parentSpanId": parent}
        trace, own = id_of(ids, "traceId", 32), id_of(ids, "spanId", 16)
        parent = id_of(ids, "parentSpanId", 16) if parent else ""
    return SpanRecord(
        span.name,
        trace,
        own,
        parent,
        span.startTimeUnixNano,
        span.endTimeUnixNano,
        _attributes(span.attributes, unset),
        [EventRecord(event.name, event.timeUnixNano, _attributes(event.attributes, unset)) for event in span.events],
        resource,
        version,
    )


def _attributes(pairs: Iterable[Any], unset: Any) -> Attributes:
    found: Attributes = {}
    for pair in pairs:
        value = pair.value
        content = value.stringValue
        if content is unset:
            content = value.intValue
            if content is unset:
                content = value.doubleValue
                if content is unset:
                    content = _other(value, unset)
                    if content is None:
                        continue
        found[pair.key] = content
    return found


def _other(value: Any, unset: Any) -> Any:
    """Return what is neither a text nor a number, as the plain reader has it.

    Raises:
        ShapeError: it is not as it should be.
    """
    for name in _OTHERS:
        content = getattr(value, name)
        if content is not unset:
            return value_of({name: json.loads(bytes(content).decode())})
    return None
