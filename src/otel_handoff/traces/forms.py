"""The forms in which a document holds OTLP's `ResourceSpans`: a request, an API's answer, a part of one, a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from typing import Any, Final, cast

from otel_handoff.traces.foreign import said
from otel_handoff.traces.parts import Faults, ShapeError, checked, objects

SCOPES: Final = ("scopeSpans", "instrumentationLibrarySpans")
"""The second as it was called before OTLP 0.15."""

_OTHER_SIGNALS: Final = {"resourceLogs", "resourceMetrics", "resourceProfiles"}
_OTHER_SCOPES: Final = {"scopeLogs", "scopeMetrics", "scopeProfiles"}
_AROUND: Final = {
    "trace": ("metrics",),  # Tempo, v2
    "result": (),  # Jaeger, v3
    "data": (),  # Aspire
}
"""What an API has around a request, and what beside it holds no spans."""


def parts_of(document: Any, faults: Faults, met: Counter[str]) -> Generator[dict[str, Any]]:
    """Yield the `ResourceSpans` of a document, by the names of OTLP's JSON.

    Args:
        document: what a line holds.
        faults: takes what may hold spans and is not read.
        met: counts the lists that are read, by their names.

    Raises:
        ShapeError: it is of no form that is read.
    """
    if isinstance(document, list) and document:
        for each in cast("list[Any]", document):
            yield from parts_of(each, faults, met)
        return
    if not isinstance(document, dict):
        raise ShapeError("not an OTLP request: no JSON object")
    original = cast("dict[str, Any]", document)
    document = named(original)
    if "resourceSpans" in document or not document or document.keys() & _OTHER_SIGNALS:
        tell_unread(document, ("resourceSpans", *_OTHER_SIGNALS), faults)
        met["resourceSpans"] += "resourceSpans" in document
        yield from map(named, objects(document, "resourceSpans"))
    elif any(name in document for name in SCOPES):  # OpenTelemetry Java logs such a part by itself
        yield document
    elif "batches" in document:  # Tempo, v1
        tell_unread(document, ("batches",), faults)
        yield from map(named, objects(document, "batches"))
    elif not document.keys() & _OTHER_SCOPES:
        yield from _within(original, faults, met)


def _within(document: dict[str, Any], faults: Faults, met: Counter[str]) -> Generator[dict[str, Any]]:
    name = next((name for name in _AROUND if isinstance(document.get(name), dict)), "")
    if not name:
        raise ShapeError(f"not an OTLP request: {said(document)}")
    tell_unread(document, (name, *_AROUND[name]), faults)
    if document.get("status") in ("PARTIAL", 1):
        faults.add("an answer of Tempo's that is not the whole trace")
    count, all_ = document.get("returnedCount"), document.get("totalCount")
    if isinstance(count, int) and isinstance(all_, int) and count < all_:
        faults.add(f"an answer that has {count:,} of {all_:,}: ask for all")
    yield from parts_of(checked(document[name], name), faults, met)


def tell_unread(parent: dict[str, Any], read: Iterable[str], faults: Faults) -> None:
    """Note a list or an object in which spans may be, under a name that is not read."""
    for name, value in parent.items():
        if isinstance(value, (list, dict)) and value and name not in read:
            faults.add(f"{name[:40]} is not read")


def named(parent: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a message by the names of its JSON, where it has Protobuf's own: `spanId` for `span_id`.

    A name that is there in both spellings stays as it is.
    """
    if _SNAKE.keys().isdisjoint(parent):
        return parent
    made = {name: _SNAKE.get(name, name) for name in parent}
    return {name if made[name] in parent else made[name]: value for name, value in parent.items()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


_SNAKE: Final = {
    name: _camel(name)
    for name in (
        *("resource_spans", "resource_logs", "resource_metrics", "resource_profiles"),
        *("scope_spans", "scope_logs", "scope_metrics", "scope_profiles"),
        *("instrumentation_library_spans", "instrumentation_library"),
        *("trace_id", "span_id", "parent_span_id", "start_time_unix_nano", "end_time_unix_nano", "time_unix_nano"),
    )
}
