"""Synthetic traces: OTLP JSON lines of as many spans as wanted, written as they are made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

PER_ROW: Final = 4
"""A row span, two call spans below it, and a client span of somebody else's."""

_PER_LINE: Final = 512
_WRONG_EVERY: Final = 1000
_START: Final = 1_700_000_000_000_000_000


def write(path: Path, spans: int) -> None:
    """Write `spans` spans of ELSPETH rows to `path`; one row in 1,000 has a call under another row's ids."""
    with path.open("w", encoding="utf-8") as file:
        batch: list[dict[str, Any]] = []
        for span in _spans(spans):
            batch.append(span)
            if len(batch) == _PER_LINE:
                file.write(_line(batch))
                batch.clear()
        if batch:
            file.write(_line(batch))


def _spans(spans: int) -> Iterator[dict[str, Any]]:
    made = 0
    for number in range(1, spans // PER_ROW + 2):
        for span in _row(number):
            if made == spans:
                return
            made += 1
            yield span


def _row(number: int) -> Iterator[dict[str, Any]]:
    start = _START + number * 1_000_000
    row = {
        "handoff.boundary": "elspeth",
        "handoff.submission.id": number,
        "handoff.submission.time_unix_nano": start - 200_000,
        "handoff.submission.thread.name": "MainThread",
        "handoff.submission.location": "demo/transform.py:34 in accept",
        "handoff.queue.duration": 0.0002,
        "thread.id": 1,
        "thread.name": "worker_0",
    }
    yield _span(number, 0, "process elspeth", 5, start, 900_000, {**row, **_ids(number)})
    for index in range(2):
        wrong = index == 1 and number % _WRONG_EVERY == 0
        call = {
            "handoff.boundary": "elspeth",
            "handoff.submission.id": number,
            **_ids(number),
            **({"elspeth.state_id": f"state-{number + 1}-0"} if wrong else {}),
            "elspeth.call.index": index,
            "elspeth.call.type": "http",
            "elspeth.call.status": "success",
        }
        yield _span(number, 1 + index, "Landscape.record_call", 3, start + 300_000 * (index + 1), 100_000, call)
    client = {"http.request.method": "POST", "url.full": "http://127.0.0.1/analyse", **_ids(number)}
    yield _span(number, 3, "POST", 3, start + 100_000, 150_000, client)


def _ids(number: int) -> dict[str, object]:
    return {
        "elspeth.run_id": "run-1",
        "elspeth.node_id": "node-1",
        "elspeth.row_id": f"row-{number}",
        "elspeth.token_id": f"token-{number}",
        "elspeth.state_id": f"state-{number}-0",
    }


def _span(
    row: int, place: int, name: str, kind: int, start: int, nanoseconds: int, attributes: Mapping[str, object]
) -> dict[str, Any]:
    return {
        "traceId": f"{1:032x}",
        "spanId": f"{row * PER_ROW + place:016x}",
        **({"parentSpanId": f"{row * PER_ROW:016x}"} if place else {}),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + nanoseconds),
        "attributes": [{"key": key, "value": _value(value)} for key, value in attributes.items()],
    }


def _value(value: object) -> dict[str, object]:
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": str(value)}


def _line(spans: list[dict[str, Any]]) -> str:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "benchmark"}}]}
    scope = {"scope": {"name": "otel_handoff"}, "spans": spans}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}, separators=(",", ":")) + "\n"
