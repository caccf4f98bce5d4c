"""OTLP JSON as exporters write it, built by hand where a test needs a wrong one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

TRACE = "0af7651916cd43dd8448eb211c80319c"


def value(content: Any) -> dict[str, Any]:
    """An OTLP attribute value."""
    if isinstance(content, bool):
        return {"boolValue": content}
    if isinstance(content, int):
        return {"intValue": str(content)}
    if isinstance(content, float):
        return {"doubleValue": content}
    if isinstance(content, (list, tuple)):
        return {"arrayValue": {"values": [value(item) for item in cast(Iterable[Any], content)]}}
    return {"stringValue": content}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """OTLP attributes."""
    return [{"key": key, "value": value(content)} for key, content in values.items()]


def span(span_id: int, name: str = "work", parent: int = 0, /, trace: str = TRACE, **more: Any) -> dict[str, Any]:
    """A span of one millisecond, one after the other by its id; `more` replaces or adds parts of the message."""
    made: dict[str, Any] = {
        "traceId": trace,
        "spanId": f"{span_id:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(1_700_000_000_000_000_000 + span_id * 1_000_000),
        "endTimeUnixNano": str(1_700_000_000_000_000_000 + (span_id + 1) * 1_000_000),
        "status": {},
    }
    return {**made, **more}


def request(*spans: Any, resource: dict[str, Any] | None = None, scope: str = "tests") -> dict[str, Any]:
    """A request that holds `spans`."""
    scope_spans = [{"scope": {"name": scope}, "spans": list(spans)}]
    return {"resourceSpans": [{"resource": {"attributes": attributes(resource or {})}, "scopeSpans": scope_spans}]}


def text(*requests: Any) -> str:
    """A line for each request."""
    return "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in requests)
