"""The exporter to a file writes what `check` reads, on any SDK."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from otel_handoff.file_exporter import DEFAULT, FileSpanExporter


def provider(exporter: Any) -> TracerProvider:
    """Return a provider that exports each span at once."""
    provider = TracerProvider(resource=Resource({"service.name": "s"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def spans(path: Path) -> list[dict[str, Any]]:
    """Return the spans of a file, one a line."""
    found: list[dict[str, Any]] = []
    for line in path.read_text("utf-8").splitlines():
        (resource,) = json.loads(line)["resourceSpans"]
        (scope,) = resource["scopeSpans"]
        found += scope["spans"]
    return found


def make(to: TracerProvider) -> None:
    """Make spans of every kind of content."""
    tracer = to.get_tracer("scope", "1")
    with tracer.start_as_current_span("parent", kind=SpanKind.CONSUMER) as parent:
        link = Link(trace.SpanContext(2**100 + 7, 2**50 + 3, is_remote=True), {"n": 1})
        with tracer.start_as_current_span("child", links=[link]) as span:
            span.set_attributes({"text": "ä\n", "n": 2**60, "list": ["a", "b"], "float": 0.5, "yes": True})
            span.add_event("event", {"k": "v"}, timestamp=2**60)
            span.set_status(Status(StatusCode.ERROR, "said"))
    assert parent.get_span_context().is_valid


def test_it_writes_what_opentelemetry_s_own_writes(tmp_path: Path) -> None:
    """Where that one can be had: the same fields with the same values, but for the form of a number."""
    official: Any = pytest.importorskip("opentelemetry.exporter.otlp.json.file").FileSpanExporter
    to = provider(FileSpanExporter(tmp_path / "ours"))
    to.add_span_processor(SimpleSpanProcessor(official(tmp_path / "theirs")))
    make(to)
    to.shutdown()

    def told(span: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in span.items() if value and name != "flags"}

    assert [told(span) for span in spans(tmp_path / "ours")] == [told(span) for span in spans(tmp_path / "theirs")]


def test_ids_are_written_as_otlp_s_json_has_them(tmp_path: Path) -> None:
    """In hex: of a span, its parent and its links."""
    to = provider(FileSpanExporter(tmp_path / "file"))
    make(to)
    child, parent = spans(tmp_path / "file")
    assert (child["traceId"], child["parentSpanId"]) == (parent["traceId"], parent["spanId"])
    assert [len(child["traceId"]), len(child["spanId"])] == [32, 16]
    assert child["links"][0]["traceId"] == f"{2**100 + 7:032x}"
    assert child["links"][0]["spanId"] == f"{2**50 + 3:016x}"


def test_the_file_is_what_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that is made, or by a name of its own in the current one."""
    monkeypatch.setenv("OTEL_HANDOFF_FILE", str(tmp_path / "new" / "folder" / "file"))
    make(provider(FileSpanExporter()))
    assert len(spans(tmp_path / "new" / "folder" / "file")) == 2
    monkeypatch.delenv("OTEL_HANDOFF_FILE")
    monkeypatch.chdir(tmp_path)
    make(provider(FileSpanExporter()))
    assert len(spans(tmp_path / DEFAULT)) == 2


def test_several_may_append(tmp_path: Path) -> None:
    """Each line is written in one piece, and what was there stays."""
    path = tmp_path / "file"
    many = [provider(FileSpanExporter(path)) for _ in range(4)]

    def make_many(to: TracerProvider) -> None:
        for _ in range(20):
            make(to)

    threads = [threading.Thread(target=make_many, args=(to,)) for to in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spans(path)) == 160


def test_what_cannot_be_written_is_told_and_raises_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The folder went away meanwhile."""
    path = tmp_path / "folder" / "file"
    exporter = FileSpanExporter(path)
    path.unlink()
    path.parent.rmdir()
    with caplog.at_level(logging.WARNING, "otel_handoff"):
        assert exporter.export([]) is SpanExportResult.FAILURE
    assert "spans are lost" in caplog.text
