"""One run reads the same in each form in which others write it; what is not OTLP is named, with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_handoff.traces.files import Broken, InputError, find
from otel_handoff.traces.otlp import SpanRecord, read_spans
from otel_handoff.traces.pieces import read_pieces
from otel_handoff.traces.streams import zstd
from tests.check.command import Check
from tests.docs.tables import made
from tests.traces import forms, lines

needs_zstd = pytest.mark.skipif(zstd() is None, reason="there is no zstd")


def written(folder: Path, files: forms.Files) -> Path:
    """Write a file, or those of a folder."""
    if isinstance(files, bytes):
        (path := folder / "file").write_bytes(files)
        return path
    for name, content in files.items():
        (path := folder / "folder" / name).parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return folder / "folder"


def read(path: Path) -> tuple[list[SpanRecord], list[Broken]]:
    broken: list[Broken] = []
    found = find([str(path)])
    assert found.passed_over == []
    return list(read_spans(found.files, broken=broken.append)), broken


def by_id(spans: list[SpanRecord]) -> dict[str, SpanRecord]:
    return {span.span_id: span for span in spans}


def each_form() -> list[Any]:
    return [
        pytest.param(form, id=f"{form.by}, {form.what}", marks=[needs_zstd] if "zstd" in form.extra else [])
        for form in forms.FORMS
    ]


@pytest.mark.parametrize("form", each_form())
def test_a_run_reads_the_same_in_each_form(check: Check, tmp_path: Path, form: forms.Form) -> None:
    """By its own name and in a folder; and so it is judged."""
    plain, _ = read(written(tmp_path, forms.text(forms.run())))
    path = written(tmp_path, form.made(forms.run()))
    spans, broken = read(path)
    assert broken == []
    assert by_id(spans) == by_id(plain)
    assert read(tmp_path)[1] == []
    assert len(read(tmp_path)[0]) >= len(plain)
    done = check(path)
    assert (done.code, done.err) == (1, "")
    assert "1 mismatch of 1 kind" in done.out


@pytest.mark.parametrize("name", forms.NOT_READ)
@pytest.mark.parametrize("indent", [None, 2])
def test_what_is_not_otlp_is_named_with_what_to_do(check: Check, tmp_path: Path, name: str, indent: int | None) -> None:
    """In one line, laid out or not."""
    document, said = forms.NOT_READ[name]
    done = check(written(tmp_path, json.dumps(document, indent=indent).encode()))
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert f":1: not an OTLP request: {said}" in line


def test_the_table_in_the_docs_is_that_of_the_forms() -> None:
    """`python -m tests.traces.forms --write` makes it."""
    for path, tables in forms.PAGES.items():
        assert made(path.read_text("utf-8"), tables) == path.read_text("utf-8")


def test_what_the_official_exporters_send_comes_back(tmp_path: Path) -> None:
    """Every part of a span that a reader is given, from the SDK's own encoder."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    carried = {"text": "ä\n", "n": -(2**62), "list": ("a", "b"), "float": 0.5, "yes": True, "raw": b"\0\1"}
    tracer = provider.get_tracer("shop")
    with (
        tracer.start_as_current_span("parent", start_time=10) as parent,
        tracer.start_as_current_span("child", attributes=carried) as span,
    ):
        span.add_event("happened", {"n": -1}, 123)
    provider.shutdown()
    sent = encode_spans(memory.get_finished_spans()).SerializeToString()
    spans, broken = read(written(tmp_path, sent))
    (child, above) = sorted(spans, key=lambda span: span.name)
    assert broken == []
    attributes = dict(child.attributes)
    assert attributes.pop("raw") in ("AAE=", "\0\1")  # OpenTelemetry's older encoders send bytes as a text
    assert attributes == {**{name: carried[name] for name in attributes}, "list": ["a", "b"]}
    assert attributes.keys() == carried.keys() - {"raw"}
    assert [(event.name, event.time_ns, event.attributes) for event in child.events] == [("happened", 123, {"n": -1})]
    assert (child.parent_span_id, above.start_ns) == (above.span_id, 10)
    assert int(above.trace_id, 16) == parent.get_span_context().trace_id
    assert child.resource["service.name"] == "shop"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
@pytest.mark.parametrize("text", ["{}", "[{}]"])
def test_utf_16_in_either_order(tmp_path: Path, encoding: str, text: str) -> None:
    """With a mark or without; a letter may lie where pieces meet, and half a letter at the end is told."""
    request = json.dumps(lines.request(*(lines.span(n, "\U0001f600" * 99) for n in range(1, 300))), ensure_ascii=False)
    content = f" {text.replace('{}', request)}"[1:].encode(encoding)
    spans, broken = read(written(tmp_path, content))
    assert (len(spans), broken) == (299, [])
    assert {span.name for span in spans} == {"\U0001f600" * 99}
    _, broken = read(written(tmp_path, content + b"\n"))
    assert [each.reason for each in broken] == ["damaged UTF-16"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"trace": lines.request(lines.span(1)), "status": "PARTIAL", "message": "too large"}, "not the whole trace"),
        ({"data": lines.request(lines.span(1)), "totalCount": 9, "returnedCount": 1}, "an answer that has 1 of 9"),
        ({"result": lines.request(lines.span(1)), "more": [lines.request(lines.span(2))]}, "more is not read"),
    ],
)
def test_an_answer_that_is_not_all_there_is_is_told(tmp_path: Path, document: Any, said: str) -> None:
    """What is there is read."""
    spans, broken = read(written(tmp_path, json.dumps(document).encode()))
    assert len(spans) == 1
    (told,) = broken
    assert said in told.reason


def test_times_beyond_63_bits_are_the_last_that_can_be_kept(tmp_path: Path) -> None:
    """A clock that is far off costs nothing but itself."""
    late = lines.request(lines.span(1, endTimeUnixNano=str(2**63 + 5), startTimeUnixNano=2**64 - 1))  # pyright: ignore[reportCallIssue]
    for content in (forms.text([late]), *forms.binary([late])):
        (span,), broken = read(written(tmp_path, content))
        assert broken == []
        assert (span.start_ns, span.end_ns) == (2**63 - 1, 2**63 - 1)


@pytest.mark.parametrize("form", [form for form in forms.FORMS if form.extra], ids=lambda form: form.what)
def test_what_is_not_installed_is_said(
    check: Check, tmp_path: Path, form: forms.Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, with what to install; it is no all-clear."""
    if "zstd" in form.extra and zstd() is None:
        pytest.skip("there is no zstd")
    content = form.made(forms.run())
    assert isinstance(content, bytes)
    path = written(tmp_path, content)
    monkeypatch.setattr("otel_handoff.traces.streams.zstd", lambda: None)
    monkeypatch.setattr("otel_handoff.traces.messages._classes", lambda: None)
    for where in (path, tmp_path):
        done = check(where)
        assert done.code == 2
        first, *more = done.err.splitlines()
        assert first.endswith("it takes: pip install 'otel-handoff[read]'")
        assert len(more) <= 1


def test_lines_of_a_log_that_are_not_of_traces_are_left_out(tmp_path: Path) -> None:
    """What a program says besides; but a part of a request is told."""
    (request,) = forms.text(forms.run()[:1]).decode().splitlines()
    said = ["listening", '{"level": "info", "trace_id": "1"}', request, request[:-9], ""]
    docker = lines.text(*({"log": f"{each}\n", "stream": "stderr"} for each in said))
    cri = "".join(f"2026-11-28T00:00:00Z stderr F {each}\n" for each in said)
    for content in (docker, cri):
        spans, broken = read(written(tmp_path, content.encode()))
        assert len(spans) == 2
        assert [(each.line, each.reason[:9]) for each in broken] == [(4, "not JSON:")]


def test_a_line_that_a_log_ends_in_the_middle_of_is_told(tmp_path: Path) -> None:
    """And one that is whole but for the end that says so is read; another file begins anew."""
    (request,) = forms.text(forms.run()[:1]).decode().splitlines()
    part = "2026-11-28T00:00:00Z stdout P "
    spans, broken = read(written(tmp_path, f"{part}{request}\n".encode()))
    assert (len(spans), broken) == (2, [])
    files = {"a": f"{part}{request[:-9]}\n".encode(), "b": f"2026-11-28T00:00:00Z stdout F {request[-9:]}\n".encode()}
    spans, broken = read(written(tmp_path, files))
    assert spans == []
    assert [(Path(each.file).name, each.line, each.reason[:9]) for each in broken] == [("a", 1, "not JSON:")]


def test_documents_that_are_laid_out_are_held_one_at_a_time(tmp_path: Path) -> None:
    """However many there are, also after a line; and one that is cut off hides no other."""
    laid_out = json.dumps(lines.request(lines.span(1, "a")), indent=1)
    line = lines.text(lines.request(lines.span(2, "b")))
    many = "\n".join([line.strip(), *[laid_out] * 40, line.strip()])
    path = written(tmp_path, many.encode())
    numbers = [piece.number for piece in read_pieces([str(path)], broken=print)]
    assert len(numbers) == 42
    assert numbers[:3] == [1, 2, 2 + laid_out.count("\n") + 1]
    cut = f"{line[:18]}\n{line}{line}"
    spans, broken = read(written(tmp_path, (line + cut).encode()))
    assert ([span.name for span in spans], [each.line for each in broken]) == (["b"] * 3, [2])


def test_brackets_within_texts_end_no_document(tmp_path: Path) -> None:
    """Nor do quotes that are escaped."""
    odd = ' {[ "}] \\" \\\\" \\'
    content = json.dumps(lines.request(lines.span(1, odd), lines.span(2, odd)), indent=2)
    spans, broken = read(written(tmp_path, f"{content}\n{content}".encode()))
    assert ([span.name for span in spans], broken) == ([odd] * 4, [])


def test_a_folder_without_any(tmp_path: Path) -> None:
    """Is told, whatever binary files there are."""
    (tmp_path / "graph.pb").write_bytes(b"\x0a\x20\x0a\x0bPlaceholder\x12\x0bPlaceholder" + bytes(range(20)))
    with pytest.raises(InputError, match="looked for OTLP"):
        find([str(tmp_path)])
