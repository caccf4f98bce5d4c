"""Spans come back from files as they were exported, and what is broken is told and left out, alone."""

from __future__ import annotations

import errno
import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.json.file import FileMetricExporter, FileSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from otel_handoff.traces.files import InputError, find
from otel_handoff.traces.otlp import Broken, SpanRecord, read_spans
from tests.traces import lines


def read(*paths: Path | str) -> tuple[list[SpanRecord], list[Broken]]:
    broken: list[Broken] = []
    return list(read_spans(find(map(str, paths)).files, broken=broken.append)), broken


WHOLE = lines.text(lines.request(lines.span(1, "whole")))


def written(folder: Path, content: str | bytes, name: str = "traces.jsonl") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def names(*paths: Path | str) -> list[str]:
    """Of spans that must all be whole."""
    spans, broken = read(*paths)
    assert broken == []
    return [span.name for span in spans]


def test_what_the_official_exporter_writes_comes_back(tmp_path: Path) -> None:
    """Every part of a span that a reader is given; links, kind and status are nobody's business here."""
    path = tmp_path / "traces.jsonl"
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path)))
    tracer = provider.get_tracer("shop")
    carried = {"a": "text", "b": 7, "c": 0.5, "d": True, "e": ("x", "y")}
    parent = tracer.start_span("parent", start_time=10)
    link = Link(parent.get_span_context())
    with tracer.start_as_current_span(
        "child", set_span_in_context(parent), SpanKind.CLIENT, attributes=carried, links=[link]
    ) as child:
        child.add_event("happened", {"n": -1}, 123)
        child.set_status(Status(StatusCode.ERROR, "no"))
    parent.end(20)
    provider.shutdown()

    (first, second), broken = read(path)
    assert broken == []
    assert (first.name, first.parent_span_id) == ("child", second.span_id)
    assert first.attributes == {**carried, "e": ["x", "y"]}
    assert [(event.name, event.time_ns, event.attributes) for event in first.events] == [("happened", 123, {"n": -1})]
    assert (second.start_ns, second.end_ns, second.parent_span_id) == (10, 20, "")
    assert int(second.trace_id, 16) == parent.get_span_context().trace_id
    assert first.resource["service.name"] == "shop"
    assert first.resource is second.resource


def test_the_collectors_dialect(tmp_path: Path) -> None:
    """Numbers for strings, names for numbers, upper-case ids, nulls, and what this reader does not know."""
    odd = lines.span(
        10,
        traceId=lines.TRACE.upper(),
        startTimeUnixNano=5,
        kind="SPAN_KIND_CONSUMER",
        status={"code": "STATUS_CODE_ERROR"},
        endTimeUnixNano=None,
        events=None,
        traceState="a=b",
        attributes=[
            {"key": "int", "value": {"intValue": 3}},
            {"key": "none", "value": None},
            {"key": "empty", "value": {}},
            {"key": "unset", "value": {"intValue": None}},
            {"key": "bytes", "value": {"bytesValue": "AAE="}},
            {"key": "nan", "value": {"doubleValue": "NaN"}},
            {"key": "map", "value": {"kvlistValue": {"values": lines.attributes({"x": 1})}}},
        ],
    )
    (span,), broken = read(written(tmp_path, lines.text({**lines.request(odd), "future": 1})))
    assert broken == []
    assert (span.trace_id, span.start_ns, span.end_ns) == (lines.TRACE, 5, 0)
    assert str(span.attributes.pop("nan")) == "nan"
    assert span.attributes == {"int": 3, "bytes": "AAE=", "map": '{"x": 1}'}


def test_the_names_of_before_2022(tmp_path: Path) -> None:
    """Spans lay in what was called an instrumentation library."""
    text = lines.text(lines.request(lines.span(1, "a")))
    text = text.replace("scopeSpans", "instrumentationLibrarySpans").replace('"scope"', '"instrumentationLibrary"')
    assert names(written(tmp_path, text)) == ["a"]


def test_metrics_and_logs_are_passed_over(tmp_path: Path) -> None:
    """In the same folder and even in the same file."""
    metrics = tmp_path / "metrics.jsonl"
    reader = PeriodicExportingMetricReader(FileMetricExporter(metrics))
    meters = MeterProvider(metric_readers=[reader])
    meters.get_meter("m").create_counter("c").add(1)
    meters.shutdown()
    assert "resourceMetrics" in metrics.read_text()
    written(tmp_path, '{"resourceLogs":[]}\n{}\n\n' + lines.text(lines.request(lines.span(1, "a"))))
    assert names(tmp_path) == ["a"]


def test_a_document_laid_out_over_lines_is_read_as_one(tmp_path: Path) -> None:
    """As `jq` writes one, with a mark before it or a key on its first line; or several, one after the other."""
    content = json.dumps(lines.request(lines.span(1, "a")), indent=2)
    assert names(written(tmp_path, content, "a.json")) == ["a"]
    assert names(tmp_path) == ["a"]
    assert names(written(tmp_path, gzip.compress(content.encode()), "b.txt")) == ["a"]
    assert names(written(tmp_path, content.encode("utf-8-sig") * 2, "c.txt")) == ["a", "a"]
    assert names(written(tmp_path, content.replace("{\n ", "{", 1) + "\n" + content, "c.txt")) == ["a", "a"]
    spans, broken = read(written(tmp_path, content + "\n" + content[:-30], "c.txt"))
    assert [span.name for span in spans] == ["a"]
    assert [(each.line, each.reason[:9]) for each in broken] == [(content.count("\n") + 2, "not JSON:")]


def test_a_first_line_that_was_cut_off_hides_no_other(tmp_path: Path) -> None:
    """Where a process was killed, and the next one went on in the same file."""
    cut = lines.text(lines.request(lines.span(1, "a")))[:18]
    assert cut.endswith("[")
    spans, broken = read(written(tmp_path, cut + "\n\n" + WHOLE + "oops\n" + WHOLE))
    assert [span.name for span in spans] == ["whole", "whole"]
    assert [each.line for each in broken] == [1, 4]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Nor where files that have one were put together; and a line may end as on Windows."""
    content = lines.text(lines.request(lines.span(1, "a"))).replace("\n", "\r\n").encode("utf-8-sig")
    assert names(written(tmp_path, content * 2)) == ["a", "a"]


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    """Whatever the name says."""
    content = lines.text(lines.request(lines.span(1, "a")))
    assert names(written(tmp_path, gzip.compress(content.encode()) * 2)) == ["a", "a"]
    assert names(written(tmp_path, content, "plain.jsonl.gz")) == ["a"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(pack: Any) -> None:
    """Also gzip."""
    program = "import sys; from otel_handoff.traces.otlp import read_spans\n"
    program += "print([span.name for span in read_spans(['-'], broken=print)])"
    content = pack(lines.text(lines.request(lines.span(1, "a"))).encode() + b"{\n")
    done = subprocess.run([sys.executable, "-c", program], input=content, capture_output=True, check=True)
    assert done.stdout.startswith(b"Broken(file='<stdin>', line=2, reason='not JSON")
    assert done.stdout.endswith(b"['a']\n")


def test_what_is_there_and_cannot_be_read_is_told_as_a_whole(tmp_path: Path) -> None:
    """A socket, say."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        spans, broken = read(path)
    assert (spans, [(each.line, each.reason) for each in broken]) == (
        [],
        [(0, "cannot be read: No such device or address")],
    )


def nested(depth: int) -> str:
    return '{"arrayValue":{"values":[' * depth + '{"intValue":1}' + "]}}" * depth


def test_a_pipe_by_its_name(tmp_path: Path) -> None:
    """It can be opened but once, or its writer is gone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(lines.text(lines.request(lines.span(1, "a"))),))
    writer.start()
    assert names(pipe) == ["a"]
    writer.join()


def one(**parts: Any) -> str:
    return lines.text(lines.request({**lines.span(2), **parts}))


BROKEN_LINES = {
    "not JSON": "{oops\n",
    "not JSON: byte 1 is no UTF-8": b"\xff\xfe\n",
    "not JSON: ": b"\0\0\n",
    "no JSON object": "[1]\n",
    "no resourceSpans": '{"rows":3}\n',
    "resourceSpans is not a list": '{"resourceSpans":{}}\n',
    "resourceSpans holds something": '{"resourceSpans":[3]}\n',
    "resource is not an object": '{"resourceSpans":[{"resource":[3]}]}\n',
    "spans is not a list": '{"resourceSpans":[{"scopeSpans":[{"spans":"x"}]}]}\n',
    "span is not an object": lines.text(lines.request("x")),
    "name is not a string": one(name=3),
    "traceId is not 32 hex digits": one(traceId="zz" * 16),
    "spanId is not 16 hex digits": one(spanId=None),
    "parentSpanId is not 16 hex digits": one(parentSpanId=[1]),
    "startTimeUnixNano is not a whole number": one(startTimeUnixNano=True),
    "startTimeUnixNano is before 1970": one(startTimeUnixNano="-1"),
    "endTimeUnixNano is beyond 64 bits": one(endTimeUnixNano="9" * 25),
    "endTimeUnixNano is not a whole": one(endTimeUnixNano="9" * 5000),
    "resource_spans is not read": '{"resourceSpans":[],"resource_spans":[{}]}\n',
    "spans_ is not read": '{"resourceSpans":[{"scopeSpans":[{"spans_":[{}]}]}]}\n',
    "not JSON: Exceeds the limit": '{"resourceSpans":' + "9" * 5000 + "}\n",
    "nested too deeply": "[" * 200_000 + "]" * 200_000 + "\n",
}


@pytest.mark.parametrize("reason", BROKEN_LINES)
def test_a_broken_line_is_told_and_the_rest_is_read(tmp_path: Path, reason: str) -> None:
    """With its file and number."""
    content = BROKEN_LINES[reason]
    content = content if isinstance(content, bytes) else content.encode()
    path = written(tmp_path, WHOLE.encode() + content + WHOLE.encode())
    spans, broken = read(path)
    assert [span.name for span in spans] == ["whole", "whole"]
    assert [(each.file, each.line) for each in broken] == [(str(path), 2)]
    assert reason in broken[0].reason
    assert len(broken[0].reason) < 120


ODD_PARTS = {
    "attributes is not a list": one(attributes={"a": 1}),
    "attributes holds something": one(attributes=["a"]),
    "key is not a string": one(attributes=[{"key": 3}]),
    "value is not an object": one(attributes=[{"key": "a", "value": "b"}]),
    "stringValue is not a string": one(attributes=[{"key": "a", "value": {"stringValue": 3}}]),
    "intValue is beyond 64 bits": one(attributes=[{"key": "a", "value": {"intValue": "9" * 30}}]),
    "intValue is not a whole number": one(attributes=[{"key": "a", "value": {"intValue": 1.5}}]),
    "boolValue is neither": one(attributes=[{"key": "a", "value": {"boolValue": 1}}]),
    "doubleValue is not a number": one(attributes=[{"key": "a", "value": {"doubleValue": "x"}}]),
    "arrayValue is not an object": one(attributes=[{"key": "a", "value": {"arrayValue": 1}}]),
    "an event is not an object": one(events=[3]),
    "timeUnixNano is not a whole": one(events=[{"timeUnixNano": {}}]),
    "values is not a list": one(attributes=[{"key": "a", "value": {"kvlistValue": {"values": 1}}}]),
}


@pytest.mark.parametrize("reason", ODD_PARTS)
def test_one_odd_attribute_costs_that_attribute(tmp_path: Path, reason: str) -> None:
    """Or event: the rest of the span is read, and what is missing is told."""
    kept = {"key": "kept", "value": {"intValue": 7}}
    text = ODD_PARTS[reason].replace('"attributes":[{', f'"attributes":[{json.dumps(kept)},{{')
    spans, broken = read(written(tmp_path, text))
    assert [span.name for span in spans] == ["work"]
    assert spans[0].attributes == ({"kept": 7} if '"kept"' in text else {})
    assert spans[0].events == []
    assert [each.line for each in broken] == [1]
    assert reason in broken[0].reason


@pytest.mark.parametrize("depth", [100, 20_000])
def test_deep_attributes_do_no_harm(tmp_path: Path, depth: int) -> None:
    """They are read, or told as too deep."""
    odd = one(attributes=[{"key": "a", "value": "HERE"}]).replace('"HERE"', nested(depth))
    spans, broken = read(written(tmp_path, odd + WHOLE))
    assert [span.name for span in spans][-1] == "whole"
    assert [each.reason for each in broken] == ([] if depth == 100 else ["nested too deeply"])


def test_the_other_spans_of_a_line_are_read(tmp_path: Path) -> None:
    """One of them is broken, or several."""
    wrong = lines.span(3, name=3)  # pyright: ignore[reportCallIssue]
    spans, broken = read(written(tmp_path, lines.text(lines.request(lines.span(1, "a"), wrong, wrong, lines.span(2)))))
    assert [span.name for span in spans] == ["a", "work"]
    assert [each.reason for each in broken] == ["name is not a string (and 1 more in this line)"]


def test_a_log_around_it_is_said(tmp_path: Path) -> None:
    """One that is not known as one, and that it is to be taken off."""
    _, broken = read(written(tmp_path, f"collector | {WHOLE}"))
    assert "12 bytes are before the JSON, as a log puts them there" in broken[0].reason


@pytest.mark.parametrize("indent", [None, 2])
def test_requests_in_a_list_or_a_sequence_are_read(tmp_path: Path, indent: int | None) -> None:
    """As other tools collect them: an array, laid out or not, and JSON text sequences of RFC 7464."""
    assert names(written(tmp_path, json.dumps([REQUEST, REQUEST], indent=indent))) == ["whole", "whole"]
    assert names(written(tmp_path, f"\x1e{WHOLE}\x1e{WHOLE}")) == ["whole", "whole"]


REQUEST = lines.request(lines.span(1, "whole"))
(RESOURCE,) = REQUEST["resourceSpans"]
(SCOPE,) = RESOURCE["scopeSpans"]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"resourceSpans": [], "resource_spans": [RESOURCE]}, "resource_spans is not read"),
        ({"resourceMetrics": [], "batches": [RESOURCE]}, "batches is not read"),
        ({"resourceLogs": [], "traces": REQUEST}, "traces is not read"),
        ({"resourceSpans": [{"scopeSpan": SCOPE}]}, "scopeSpan is not read"),
        ({"resourceSpans": [{"scopeSpans": [{"spans": None, "more": SCOPE}]}]}, "more is not read"),
        ({"resourceSpans": [{"scopeSpans": SCOPE}]}, "scopeSpans is not a list"),
    ],
)
def test_what_may_hold_spans_and_is_not_read_is_told(tmp_path: Path, document: Any, told: str) -> None:
    """Also in a line of another signal, and where an object is in the place of a list."""
    spans, broken = read(written(tmp_path, WHOLE + json.dumps(document)))
    assert ([span.name for span in spans], [(each.line, each.reason) for each in broken]) == (["whole"], [(2, told)])


@pytest.mark.parametrize("name", ["resourceSpans", "scopeSpans", "spans"])
@pytest.mark.parametrize("more", ["", WHOLE])
def test_a_name_that_comes_twice_in_an_object_is_told(tmp_path: Path, name: str, more: str) -> None:
    """Of the two the last is read; a value, or a name elsewhere, that is the same is no second."""
    text = WHOLE.strip().replace(f'"{name}":', f'"{name}":[],"{name}":') + more
    _, broken = read(written(tmp_path, text))
    assert [each.reason for each in broken] == [f"{name} comes twice in one object, and only the last is read"]
    tagged = lines.request(lines.span(1, attributes=lines.attributes({name: name, f'"{name}"': 1})))
    assert read(written(tmp_path, lines.text(tagged) + more))[1] == []


def test_half_a_surrogate_pair_becomes_text(tmp_path: Path) -> None:
    """It is valid in JSON, but could be written nowhere."""
    path = written(tmp_path, lines.text(lines.request(lines.span(1, "a\ud800b"), lines.span(2, "\U0001f600"))))
    assert names(path) == ["a?b", "\U0001f600"]


def test_a_gzip_file_that_ends_early_is_read_up_to_there(tmp_path: Path) -> None:
    """As a Collector that was killed leaves it. Damage inside is told likewise."""
    content = b"".join(
        lines.text(lines.request(lines.span(number, os.urandom(300).hex()))).encode() for number in range(1, 200)
    )
    packed = gzip.compress(content)
    spans, broken = read(written(tmp_path, packed[: len(packed) // 2]))
    assert 10 < len(spans) < 199
    assert (broken[0].line, broken[0].reason) == (len(spans) + 1, "the packed file ends here, in the middle")
    damaged = bytearray(packed)
    damaged[-8] ^= 0xFF  # of the checksum
    spans, broken = read(written(tmp_path, bytes(damaged)))
    assert len(spans) == 199
    assert [(each.line, each.reason[:18]) for each in broken] == [(200, "damaged gzip: CRC ")]


def test_files_without_lines_are_fine(tmp_path: Path) -> None:
    """An exporter that had nothing to write leaves one."""
    assert names(written(tmp_path, "")) == []
    assert names(written(tmp_path, "\n \n")) == []


def test_what_is_not_there_is_told_before_anything_is_read(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "empty").mkdir()
    for path, reason in (
        (tmp_path / "missing.jsonl", "No such file"),
        (tmp_path / "empty", "no file of traces"),
        ("a\0b", "null"),
        ("", "No such file"),
    ):
        with pytest.raises(InputError, match=reason):
            find([str(path)])


def test_a_folder_that_cannot_be_entered_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in it could be what is looked for."""
    path = written(tmp_path, WHOLE, "sub/a.jsonl")
    scan = os.scandir

    def scandir(folder: str) -> Any:
        if folder == str(path.parent):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)  # whoever runs this as root may enter any
    with pytest.raises(InputError, match=f"^cannot read {path.parent}: Permission denied$"):
        find([str(tmp_path)])


def test_progress_adds_up_to_the_size_of_the_files(tmp_path: Path) -> None:
    """In bytes of the file, also of a packed one."""
    content = lines.text(*[lines.request(lines.span(number)) for number in range(1, 100)]).encode()
    for path in (written(tmp_path, content), written(tmp_path, gzip.compress(content), "a.gz")):
        told: list[int] = []
        list(read_spans([str(path)], broken=print, progress=told.append))
        assert sum(told) == path.stat().st_size
