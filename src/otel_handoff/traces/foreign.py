"""JSON that is of traces and not OTLP: what it is, and what to do about it."""

from __future__ import annotations

from typing import Any, Final, cast

_COLLECTOR: Final = "have a Collector write OTLP to a file"
_JAEGER: Final = "Jaeger's own JSON: ask its API for /api/v3/traces/ID, which is OTLP"
_ZIPKIN: Final = f"Zipkin's JSON: {_COLLECTOR}"
_XRAY: Final = f"X-Ray's JSON: {_COLLECTOR} besides"


def said(document: dict[str, Any]) -> str:
    """Return what a document is that holds no part of a request."""
    keys = document.keys()
    first = _first(document)
    if {"traceID", "spans"} <= keys or "traceID" in first:
        found = "traces" in keys and "rootTraceName" in first
        return "Tempo's list of traces: ask for each, by /api/v2/traces/ID" if found else _JAEGER
    if {"traceId", "id"} <= keys and ("localEndpoint" in keys or "spanId" not in keys):
        return _ZIPKIN
    if "Segments" in first or "Segments" in keys or str(document.get("trace_id")).startswith("1-"):
        return _XRAY
    if isinstance(document.get("context"), dict) and "parent_id" in keys:
        return "what the console exporter prints: export by OTLP, or to a file of OTLP JSON"
    if "traceEvents" in keys:
        return "a Chrome trace, as for Perfetto: give the traces that it was made of"
    if {"trace_id", "span_id", "meta"} <= keys:
        return f"Datadog's JSON: {_COLLECTOR}"
    if {"error", "errors", "code"} & keys:
        return "an error that an API answered with"
    return "no resourceSpans"


def _first(document: dict[str, Any]) -> dict[str, Any]:
    """Return the first object of a list that an answer is about."""
    for name in ("data", "traces", "Traces"):
        value = document.get(name)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return cast("dict[str, Any]", value[0])
    return {}
