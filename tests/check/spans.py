"""Spans as otel-handoff puts them in a trace, made by hand, so that they can be wrong."""

from __future__ import annotations

from typing import Any

from otel_handoff.record import semconv
from tests.traces import lines

TIME = 1_700_000_000_000_000_000


def ids(number: int, **changed: Any) -> dict[str, Any]:
    """The ids of submission `number`."""
    made = {"run_id": "run-1", "node_id": "node-1", "row_id": f"row-{number}", "token_id": f"token-{number}"}
    return {**made, "state_id": f"state-{number}", **changed}


def _prefixed(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}{name}": value for name, value in values.items()}


def submission(number: int, **changed: Any) -> dict[str, Any]:
    """What tells a submission, on a row span and in a report."""
    return {
        semconv.BOUNDARY: "elspeth",
        semconv.SUBMISSION_ID: number,
        semconv.SUBMISSION_TIME: TIME + number,
        semconv.SUBMISSION_THREAD: "MainThread",
        semconv.SUBMISSION_LOCATION: "demo/transform.py:34 in accept",
        **_prefixed("elspeth.", ids(number, **changed)),
    }


def row(span_id: int, number: int, *, trace: str = lines.TRACE, **parts: Any) -> dict[str, Any]:
    """The span of the work on submission `number`."""
    carried = {**submission(number), semconv.QUEUE_DURATION: 0.001, semconv.THREAD_NAME: "worker_0"}
    extra = {"kind": 5, "attributes": lines.attributes(carried)}
    return lines.span(span_id, "process elspeth", trace=trace, **{**extra, **parts})


def sent(span_id: int, number: int, process: str = "web:1", **changed: Any) -> dict[str, Any]:
    """The span of submission `number` as it leaves for another process."""
    carried = {**submission(number, **changed), semconv.SUBMISSION_PROCESS: process}
    return lines.span(span_id, "send elspeth", kind=4, attributes=lines.attributes(carried))


def arrived(
    span_id: int, number: int, process: str = "web:1", *, delivery: int | None = 1, **changed: Any
) -> dict[str, Any]:
    """The span of the work on it in another one; None: nobody counts its deliveries."""
    there: dict[str, Any] = {semconv.SUBMISSION_PROCESS: process, semconv.QUEUE_DURATION: 0.1}
    there[semconv.THREAD_NAME] = "worker_0"
    if delivery is not None:
        there[semconv.DELIVERY] = delivery
    return row(span_id, number, attributes=lines.attributes({**submission(number, **changed), **there}))


def unwatched_row(span_id: int, number: int, **parts: Any) -> dict[str, Any]:
    """The span of work on submission `number` of which reads could not be seen."""
    carried = {**submission(number), semconv.QUEUE_DURATION: 0.001, semconv.UNWATCHED: True}
    return row(span_id, number, attributes=lines.attributes(carried), **parts)


def unchecked_row(span_id: int, number: int, reason: str, **parts: Any) -> dict[str, Any]:
    """The span of work on submission `number` that could not be judged."""
    carried = {**submission(number), semconv.QUEUE_DURATION: 0.001, semconv.UNCHECKED_REASON: reason}
    return row(span_id, number, attributes=lines.attributes(carried), **parts)


def unchecked(
    span_id: int,
    reason: str = "no_worker",
    number: int | None = None,
    *,
    rows: int = 1,
    pinned: bool = False,
    boundary: str = "elspeth",
    trace: str = lines.TRACE,
    detail: str = "",
    **parts: Any,
) -> dict[str, Any]:
    """What stands for a row that nobody was seen to work on, with its submission where `number` tells one."""
    carried = {
        **(submission(number) if number is not None else {}),
        semconv.BOUNDARY: boundary,
        semconv.UNCHECKED_REASON: reason,
        semconv.UNCHECKED_ROWS: rows,
        semconv.UNCHECKED_PINNED: pinned,
        **({semconv.UNCHECKED_DETAIL: detail} if detail else {}),
    }
    name = f"unchecked {boundary}"
    return lines.span(span_id, name, trace=trace, **{"attributes": lines.attributes(carried), **parts})


def call(
    span_id: int,
    parent: int,
    number: int,
    *,
    trace: str = lines.TRACE,
    carries: dict[str, Any] | None = None,
    **parts: Any,
) -> dict[str, Any]:
    """A call that was made for submission `number`."""
    carried = {
        semconv.BOUNDARY: "elspeth",
        semconv.SUBMISSION_ID: number,
        **_prefixed("elspeth.", ids(number)),
        "elspeth.call.index": 0,
        "elspeth.call.type": "http",
        **(carries or {}),
    }
    extra = {"kind": 3, "attributes": lines.attributes(carried)}
    return lines.span(span_id, "Landscape.record_call", parent, trace=trace, **{**extra, **parts})


def spanless(
    span_id: int, rows: int, *, boundary: str = "elspeth", trace: str = lines.TRACE, **more: Any
) -> dict[str, Any]:
    """The span that stands for rows in order without any."""
    carried = {semconv.BOUNDARY: boundary, semconv.JUDGED_ROWS: rows, **_prefixed("handoff.judged.", more)}
    return lines.span(span_id, f"judged {boundary}", trace=trace, attributes=lines.attributes(carried))


def foreign(
    span_id: int,
    parent: int,
    number: int,
    carries: dict[str, Any] | None = None,
    *,
    trace: str = lines.TRACE,
    name: str = "POST",
    **parts: Any,
) -> dict[str, Any]:
    """A span of somebody else's, tagged with the ids of submission `number`."""
    carried = {**_prefixed("elspeth.", ids(number)), **(carries or {})}
    return lines.span(span_id, name, parent, trace=trace, **{"attributes": lines.attributes(carried), **parts})


def report(
    evidence: str, number: int, outcome: str = "used", more: dict[str, Any] | None = None, **observed: Any
) -> list[dict[str, Any]]:
    """The event that a detector leaves for submission `number`."""
    carried = {
        **submission(number),
        semconv.MISMATCH_FIELDS: list(observed),
        semconv.MISMATCH_EVIDENCE: evidence,
        semconv.MISMATCH_OUTCOME: outcome,
        semconv.CODE_FILE: "pipeline/context.py",
        semconv.CODE_LINE: 102,
        semconv.CODE_FUNCTION: "Landscape.record_call",
        semconv.STALE: False,
        semconv.THREAD_NAME: "worker_0",
        **_prefixed(semconv.EXPECTED, {name: ids(number)[name] for name in observed}),
        **_prefixed(semconv.OBSERVED, observed),
        semconv.CALL_TARGET: "Landscape.record_call",
        "elspeth.call.index": 3,
        **(more or {}),
    }
    time = str(TIME + 5_000_000)
    return [{"name": semconv.MISMATCH, "timeUnixNano": time, "attributes": lines.attributes(carried)}]


def mark(evidence: str, outcome: str = "used", **observed: Any) -> dict[str, Any]:
    """What a detector puts on the span itself."""
    return {
        semconv.MISMATCH: True,
        semconv.MISMATCH_FIELDS: list(observed),
        semconv.MISMATCH_EVIDENCE: evidence,
        semconv.MISMATCH_OUTCOME: outcome,
        **_prefixed(semconv.OBSERVED, observed),
    }


CULPRIT = {
    semconv.CULPRIT_FIELD: "state_id",
    semconv.CULPRIT_LOCATION: "engine/executor.py:119 in _submit",
    semconv.CULPRIT_THREAD: "MainThread",
    semconv.CULPRIT_TIME: TIME + 4_000_000,
    semconv.CULPRIT_SUBMISSION_ID: 2,
    **_prefixed(semconv.CULPRIT_ID, ids(2)),
}
"""The write for submission 2, as part of a report."""
