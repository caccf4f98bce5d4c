"""One run in each form in which others write, store and send it: made by the official libraries, where there is one.

docs/check.md has the table of them: `python -m tests.traces.forms --write`.
"""

from __future__ import annotations

import gzip
import json
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final, cast

from google.protobuf.json_format import MessageToDict, ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_handoff.traces.streams import zstd
from tests.check import spans
from tests.docs.tables import DOCS, Tables, main
from tests.traces import lines

Requests = list[dict[str, Any]]
Files = bytes | dict[str, bytes]
"""A file, or those of a folder."""


def run() -> Requests:
    """Two rows, and a call of the first that was filed under the second."""
    wrong = spans.report("call", 1, more=spans.CULPRIT, state_id="state-2")
    resource = {"service.instance.id": "one"}
    return [
        lines.request(spans.call(2, 1, 1, events=wrong), spans.row(1, 1), resource=resource),
        lines.request(spans.row(3, 2), resource=resource),
    ]


def message(request: Any) -> ExportTraceServiceRequest:
    """The same in Protobuf."""
    return ParseDict(_with_base64(request), ExportTraceServiceRequest())


def _with_base64(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_base64(each) for each in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    ids = "traceId", "spanId", "parentSpanId"
    return {
        name: b64encode(bytes.fromhex(value)).decode() if name in ids else _with_base64(value)
        for name, value in cast("dict[str, Any]", part).items()
    }


def framed(*messages: bytes) -> bytes:
    """Messages, each with its length before it."""
    return b"".join(len(each).to_bytes(4, "big") + each for each in messages)


def text(requests: Requests) -> bytes:
    """A line for each."""
    return lines.text(*requests).encode()


def binary(requests: Requests) -> list[bytes]:
    """A message for each."""
    return [message(each).SerializeToString() for each in requests]


def _rotated(requests: Requests) -> Files:
    first, second = (text([each]) for each in requests)
    return {"traces.jsonl": second, "traces-2026-11-28T05-02-14.173.jsonl": first}


def _of_java(requests: Requests) -> bytes:
    return text([part for each in requests for part in each["resourceSpans"]])


def _of_docker(requests: Requests) -> bytes:
    logged = text(requests) + b"listening\n" + text(requests)
    entries: list[dict[str, str]] = []
    for line in logged.decode().splitlines(keepends=True):
        long = line if len(line) < 500 else line.replace('"status"', f'"x": "{"x" * 20_000}", "status"', 1)
        parts = [long[start : start + (16 << 10)] for start in range(0, len(long), 16 << 10)]
        entries += [{"log": part, "stream": "stdout", "time": "2026-11-28T00:00:00Z"} for part in parts]
    return lines.text(*entries).encode()


def _of_cri(requests: Requests) -> bytes:
    said: list[bytes] = [b"F listening"]
    for line in text(requests).splitlines():
        said += [b"P " + line[:300], b"F " + line[300:]]
    return b"".join(b"2026-11-28T00:00:00.123456789Z stdout " + each + b"\n" for each in said)


def _of_old(requests: Requests) -> bytes:
    made = text(requests).replace(b"scopeSpans", b"instrumentationLibrarySpans")
    return made.replace(b'"scope"', b'"instrumentationLibrary"')


def _joined(requests: Requests) -> dict[str, Any]:
    return {"resourceSpans": [part for each in requests for part in each["resourceSpans"]]}


def _laid_out(requests: Requests) -> bytes:
    return b"\n".join(json.dumps(each, indent=2).encode() for each in requests) + b"\n"


def _json(*documents: Any) -> bytes:
    return "\n".join(map(json.dumps, documents)).encode()


def _protojson(requests: Requests, *, snake: bool = False) -> bytes:
    return text([MessageToDict(message(each), preserving_proto_field_name=snake) for each in requests])


@dataclass(frozen=True)
class Form:
    """Who writes it, what it is, and what makes it of a run; `extra`: it takes the extra `read`."""

    by: str
    what: str
    made: Callable[[Requests], Files]
    extra: str = ""


_FILE: Final = "a Collector's `file` exporter"
FORMS: Final = (
    Form("the file exporters of OpenTelemetry, otel-handoff's, a Collector's", "OTLP JSON lines", text),
    Form(_FILE, "`rotation`: several files in a folder", _rotated),
    Form(_FILE, "`format: proto`", lambda run: framed(*binary(run)), "Protobuf"),
    Form(
        _FILE,
        "`compression: zstd`, each message by itself",
        lambda run: framed(*(zstd().compress(text([each]).strip()) for each in run)),
        "zstd",
    ),
    Form(
        _FILE,
        "`compression: zstd`, with `format: proto`",
        lambda run: framed(*map(zstd().compress, binary(run))),
        "Protobuf, zstd",
    ),
    Form(
        _FILE,
        "`compression: zstd`, the file as one (`exporter.file.nativeCompression`)",
        lambda run: b"".join(zstd().compress(text([each])) for each in run),
        "zstd",
    ),
    Form(
        _FILE,
        "the same, with `format: proto`",
        lambda run: zstd().compress(framed(*binary(run))),
        "Protobuf, zstd",
    ),
    Form(
        "OTLP over HTTP or gRPC",
        "requests in Protobuf, one or several joined",
        lambda run: b"".join(binary(run)),
        "Protobuf",
    ),
    Form("`gzip`, `logrotate`", "any of these, packed with gzip", lambda run: gzip.compress(text(run))),
    Form("Protobuf's own JSON", "ids in base64, names for numbers", _protojson),
    Form("the same", "with Protobuf's names: `resource_spans`", lambda run: _protojson(run, snake=True)),
    Form(
        "Tempo's API",
        "v1: `batches`",
        lambda run: _json({"batches": json.loads(_protojson([_joined(run)]))["resourceSpans"]}),
    ),
    Form("Tempo's API", "v2: `trace`", lambda run: _json({"trace": _joined(run), "metrics": {"inspectedBytes": "9"}})),
    Form("Jaeger's API", "v3: `result`, one or several", lambda run: _json(*({"result": each} for each in run))),
    Form("Aspire's API", "`data`", lambda run: _json({"data": _joined(run), "totalCount": 3, "returnedCount": 3})),
    Form("OpenTelemetry Java's logging exporter", "a `ResourceSpans` a line", _of_java),
    Form("SDKs of before 2022", "`instrumentationLibrarySpans`", _of_old),
    Form("`jq`, editors", "documents laid out over several lines, one after the other", _laid_out),
    Form("`jq -s`", "an array", lambda run: json.dumps(run).encode()),
    Form("`jq --seq`", "a JSON text sequence (RFC 7464)", lambda run: b"".join(b"\x1e" + text([each]) for each in run)),
    Form(
        "Windows",
        "a byte order mark, lines that end as there",
        lambda run: b"\xef\xbb\xbf" + text(run).replace(b"\n", b"\r\n"),
    ),
    Form("PowerShell's `>`", "UTF-16, with a mark or without", lambda run: text(run).decode().encode("utf-16")),
    Form("editors, copytruncate", "blank lines or zeros at the start", lambda run: b"\0" * 99 + b"\n\n \n" + text(run)),
    Form("Docker's `json-file`", "`log`, and lines that it has split", _of_docker),
    Form("Kubernetes (CRI)", "a time, a stream and a tag before it; lines that it has split", _of_cri),
    Form(
        "journald",
        "`journalctl -o json`: `MESSAGE`",
        lambda run: _json(*({"MESSAGE": json.dumps(each)} for each in run)),
    ),
)

_TEMPO_FOUND: Final = {"traceID": "1", "rootServiceName": "s", "rootTraceName": "t"}
_OF_CONSOLE: Final = {"name": "s", "context": {"trace_id": "0x1", "span_id": "0x2"}, "parent_id": None}
NOT_READ: Final[dict[str, tuple[Any, str]]] = {
    "Zipkin's": (
        [{"traceId": "1", "id": "2", "name": "s", "localEndpoint": {"serviceName": "a"}}],
        "Zipkin's JSON: have a Collector",
    ),
    "Jaeger's, of its page": (
        {"data": [{"traceID": "1", "spans": [{"spanID": "2"}], "processes": {}}], "total": 0},
        "Jaeger's own JSON: ask its API for /api/v3/traces/ID",
    ),
    "X-Ray's": ({"Traces": [{"Id": "1-2-3", "Segments": [{"Document": "{}"}]}]}, "X-Ray's JSON: have a Collector"),
    "a segment of X-Ray's": ({"trace_id": "1-5f84-c7", "id": "2", "start_time": 1.5}, "X-Ray's JSON: have a Collector"),
    "what Tempo found": ({"traces": [_TEMPO_FOUND], "metrics": {}}, "Tempo's list of traces: ask for each"),
    "the console exporter's": (_OF_CONSOLE, "what the console exporter prints: export by OTLP"),
    "Datadog's": ([[{"trace_id": 1, "span_id": 2, "meta": {}}]], "Datadog's JSON: have a Collector"),
    "a Chrome trace": ({"displayTimeUnit": "ns", "traceEvents": [{}]}, "a Chrome trace"),
    "an API's error": ({"error": {"grpcCode": 5, "message": "trace not found"}}, "an error that an API answered with"),
}
"""JSON that is refused, with what is said of it."""


def _table() -> Iterator[str]:
    yield "| who writes it | form (what it takes) |"
    yield "|---|---|"
    for by, those in groupby(FORMS, lambda form: form.by):
        yield f"| {by} | {'; '.join(f'{one.what} ({one.extra})' if one.extra else one.what for one in those)} |"


PAGES: Final[dict[Path, Tables]] = {DOCS / "check.md": {"forms": _table}}

if __name__ == "__main__":
    sys.exit(main(PAGES))
