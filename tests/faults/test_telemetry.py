"""The way of the telemetry is broken."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.faults.conftest import Host
from tests.faults.exporters import hanging, providers, refusing
from tests.faults.pipeline import Ran
from tests.hosts import WAIT

MODES = pytest.mark.parametrize("mode", ["observe", "pin"])


@MODES
def test_exporter_refused(mode: str, host: Host, expected: dict[str, Ran]) -> None:
    """A backend that refuses its connections costs the telemetry; the hook is told all the same."""
    with refusing() as backend, providers(backend) as given:
        assert host.instrumented(mode, given=given) == expected[mode]
    assert {error.errno for error in backend.errors} == {errno.ECONNREFUSED}
    assert host.told


@MODES
def test_exporter_hangs(mode: str, host: Host, expected: dict[str, Ran]) -> None:
    """Behind a batch processor a backend that never answers holds nobody up: spans are dropped, rows are not."""
    with ExitStack() as stack:
        with hanging() as backend:
            given = stack.enter_context(providers(backend))
            first = host.instrumented(mode, given=given)
            assert backend.waiting.wait(WAIT)
            second = host.instrumented(mode, given=given)
            assert backend.errors == []  # it still hangs
        assert [first, second] == [expected[mode]] * 2
    assert host.told


@contextmanager
def full_disk(kind: str, folder: Path) -> Generator[Path]:
    """A file on a disk that has no room left: a small one that is full, or the device that always is."""
    if kind == "/dev/full":
        if not Path(kind).exists():
            pytest.skip("there is no such device")
        yield Path(kind)
        return
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("only root may mount")
    try:
        yield folder / "traces.jsonl"
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@MODES
@pytest.mark.parametrize("disk", ["tmpfs", "/dev/full"])
def test_disk_full(
    disk: str,
    mode: str,
    host: Host,
    expected: dict[str, Ran],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The disk of the trace file is full: traces are cut off, and the trail, on another disk, is not."""
    tracers = TracerProvider()
    with full_disk(disk, tmp_path / "disk") as path:
        try:
            tracers.add_span_processor(BatchSpanProcessor(FileSpanExporter(path), schedule_delay_millis=1))
            assert host.instrumented(mode, given={"tracer_provider": tracers}) == expected[mode]
        finally:
            with contextlib.suppress(OSError):  # the exporter's own, when it closes its file
                tracers.shutdown()
        assert os.strerror(errno.ENOSPC) in caplog.text
    assert host.told


@MODES
def test_provider_shut_down(mode: str, host: Host, expected: dict[str, Ran]) -> None:
    """Providers that are shut down between two rows in flight end the telemetry; reports go on to the hook."""
    with refusing() as backend, providers(backend) as given:

        def shut_down(row_id: str, _attempt: int) -> None:
            if row_id == "row-0004":  # its worker is in the midst of a request
                for provider in given.values():
                    provider.shutdown()

        assert host.instrumented(mode, given=given, on_submitted=shut_down) == expected[mode]
    assert any(mismatch.submission.ids["row_id"] == "row-0004" for mismatch in host.told)


@MODES
def test_provider_replaced(mode: str, host: Host, expected: dict[str, Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another global tracer provider in the midst of a run: spans go on to the one that was there, or nowhere."""
    exporters = [InMemorySpanExporter(), InMemorySpanExporter()]
    tracers = [TracerProvider(), TracerProvider()]
    for provider, exporter in zip(tracers, exporters, strict=True):
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracers[0])

    def replace(row_id: str, _attempt: int) -> None:
        if row_id == "row-0003":
            tracers[0].shutdown()
            monkeypatch.setattr(trace, "_TRACER_PROVIDER", tracers[1])

    assert host.instrumented(mode, on_submitted=replace) == expected[mode]
    rows = [span.name for span in exporters[0].get_finished_spans()].count("process elspeth")
    assert 2 < rows < 7
    assert any(mismatch.submission.ids["row_id"] == "row-0004" for mismatch in host.told)
    tracers[1].shutdown()


@MODES
@pytest.mark.parametrize("tracer", [True, False])
def test_providers_absent(tracer: bool, mode: str, host: Host, expected: dict[str, Ran]) -> None:
    """Without providers of logs and metrics, or without any, the hook is told."""
    tracers = TracerProvider()
    assert host.instrumented(mode, given={"tracer_provider": tracers} if tracer else {}) == expected[mode]
    assert {bool(mismatch.trace_id) for mismatch in host.told} == {tracer}
    tracers.shutdown()


def limits(most: int) -> SpanLimits:
    """At most so much of everything, of at most so many characters."""
    return SpanLimits(
        max_span_attributes=most,
        max_span_attribute_length=most,
        max_event_attributes=most,
        max_link_attributes=most,
        max_attribute_length=most,
        max_events=most,
        max_links=most,
    )


@MODES
@pytest.mark.parametrize("most", [0, 1])
@pytest.mark.filterwarnings("ignore:Log record attributes were dropped due to limits")
def test_limits_exceeded(most: int, mode: str, host: Host, expected: dict[str, Ran]) -> None:
    """Where spans and log records hold one attribute, event, link and character, or none, only they are the poorer."""
    spans = InMemorySpanExporter()
    tracers = TracerProvider(span_limits=limits(most))
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers = LoggerProvider(log_record_limits=LogRecordLimits(max_attributes=most, max_attribute_length=most))
    given: dict[str, Any] = {"tracer_provider": tracers, "logger_provider": loggers, "trace": "link"}
    assert host.instrumented(mode, given=given) == expected[mode]
    assert host.told
    finished = spans.get_finished_spans()
    assert any(span.dropped_attributes for span in finished)
    assert all(len(span.attributes or {}) <= most and len(span.events) <= most for span in finished)
    tracers.shutdown()
    loggers.shutdown()
