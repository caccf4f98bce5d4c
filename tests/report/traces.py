"""Traces to be drawn, and the command that draws them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from otel_handoff.record import semconv
from tests.check import spans
from tests.command import handoff
from tests.traces import lines

COMMAND = (sys.executable, "-m", "otel_handoff.cli")
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "' autofocus onfocus='alert(4)",
    "&lt;b&gt; ]]> --> </title></style></svg>",
)


def drawn(path: Path, output: Path) -> Path:
    """Return the page of the traces at `path`."""
    done = handoff("report", path, "-o", output)
    assert (done.code, done.out, done.err) == (0, f"{output}\n", "")
    return output


def found(path: Path, *options: str) -> dict[str, Any]:
    """What `otel-handoff check` says of the same traces."""
    return json.loads(handoff("check", path, "--format", "json", *options).out)


def writes(found: dict[str, Any]) -> set[tuple[str, ...]]:
    """The writes that led to what `found` lists: one may have led to many."""
    culprits = (each["culprit"] for each in found["mismatches"])
    return {tuple(str(each[name]) for name in ("thread_name", "time_unix_nano", "field")) for each in culprits}


def written(path: Path, *made: dict[str, Any], more: str = "") -> Path:
    """Write spans of one process."""
    request = lines.request(*made, resource={"service.instance.id": "one"}, scope=semconv.SCOPE)
    path.write_text(lines.text(request) + more)
    return path


def clean(path: Path) -> Path:
    """Two rows without a mismatch."""
    return written(path, spans.call(2, 1, 1), spans.row(1, 1), spans.row(3, 2))


def wrong(path: Path, more: str = "") -> Path:
    """A call that is filed under the next submission."""
    events = spans.report("call", 1, more=spans.CULPRIT, state_id="state-2")
    return written(path, spans.call(2, 1, 1, events=events), spans.row(1, 1), spans.row(3, 2), more=more)


def hostile(path: Path) -> Path:
    """The same, where everything that is text is HTML."""
    made: list[dict[str, Any]] = []
    for index, text in enumerate(HOSTILE):
        number, first = index + 1, 10 * (index + 1)
        carried = {
            semconv.THREAD_NAME: text,
            semconv.SUBMISSION_THREAD: text,
            semconv.SUBMISSION_LOCATION: text,
            semconv.CODE_FILE: text,
            semconv.CODE_FUNCTION: text,
            semconv.CALL_TARGET: text,
            **spans.CULPRIT,
            semconv.CULPRIT_THREAD: text,
            semconv.CULPRIT_LOCATION: text,
            f"elspeth.{text}": text,
        }
        events = spans.report("call", number, more=carried, state_id=text)
        row = {**spans.submission(number, state_id=text), semconv.THREAD_NAME: text, semconv.SUBMISSION_THREAD: text}
        made += [
            spans.call(first + 1, first, number, events=events, name=text),
            spans.row(first, number, attributes=lines.attributes({**row, f"elspeth.{text}": text})),
        ]
    return written(path, *made)


BEHIND: int = 2_000_000_000
"""By how much the clock of one worker is behind in `across`, in nanoseconds."""


def across(folder: Path) -> tuple[Path, Path]:
    """Rows that left `web:1` for two workers, one of which is behind: the files of both sides.

    #1 is worked on as sent; a call of #2 is filed under #3, by the worker whose clock is behind; #4 is never worked on;
    #5 is retried; #6 is worked on twice for one delivery.
    """
    sent = [spans.sent(number, number) for number in range(1, 7)]
    wrong = spans.report(
        "call", 2, more={**spans.CULPRIT, **_late(2), semconv.SUBMISSION_PROCESS: "web:1"}, state_id="state-3"
    )
    wrong[0]["timeUnixNano"] = str(spans.TIME + 22_500_000 - BEHIND)
    carries = {semconv.SUBMISSION_PROCESS: "web:1"}
    behind = [
        _at(spans.arrived(22, 2), 22 - BEHIND // 1_000_000),
        _at(spans.call(32, 22, 2, carries=carries, events=wrong), 22 - BEHIND // 1_000_000, 0.5),
        _at(spans.arrived(23, 3), 24 - BEHIND // 1_000_000),
    ]
    known = [spans.arrived(21, 1), spans.arrived(25, 5), spans.arrived(27, 5, delivery=2)]
    known += [spans.arrived(28, 6), spans.arrived(29, 6)]
    sides = {"web": [("web-1", sent)], "worker": [("worker-1", known), ("worker-2", behind)]}
    paths: list[Path] = []
    for service, processes in sides.items():
        paths.append(folder / f"{service}.jsonl")
        requests = [
            lines.request(*made, resource={"service.name": service, "service.instance.id": name}, scope=semconv.SCOPE)
            for name, made in processes
        ]
        paths[-1].write_text(lines.text(*requests))
    return paths[0], paths[1]


def _late(number: int) -> dict[str, Any]:
    """The write for the next submission, before `number` left."""
    return {semconv.CULPRIT_TIME: spans.TIME + number * 1_000_000 - 300_000, semconv.CULPRIT_SUBMISSION_ID: number + 1}


def _at(span: dict[str, Any], after_ms: float, within_ms: float = 0) -> dict[str, Any]:
    start = spans.TIME + int((after_ms + within_ms) * 1_000_000)
    return {**span, "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 1_000_000)}
