"""What a row says, asks and is answered never leaves the process, nor what errors say of it."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_handoff import HandoffInstrumentor
from otel_handoff.demo import corpus, service
from tests.hosts import WAIT, Context, Ledger, Order, Pool, back_to_back, boundary
from tests.privacy.exported import export

ROW, ANSWER, HEADER, RAISED, SHARED = (
    f"canary-{what}-c0ffee" for what in ("row", "answer", "header", "raised", "shared")
)


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Marks in the rows, in requests and their headers, and in answers; each row's third question is answered wrongly.

    Returns those that the service was sent.
    """
    load, analyse, post, arrived = corpus.load, service.analyse, httpx.Client.post, set[str]()

    def marked(rows: int) -> list[dict[str, object]]:
        return [{**row, "text": f"{row['text']} {ROW}", "source": ROW} for row in load(rows)]

    def answer(text: str, ask: str) -> Any:
        arrived.update(mark for mark in (ROW,) if mark in text)
        return {**analyse(text, ask), "said": ANSWER} if ask != "readability" else [RAISED]

    def with_header(self: httpx.Client, url: str, json: Any) -> httpx.Response:
        response = post(self, url, json=json, headers={"authorization": f"Bearer {HEADER}"})
        arrived.update(mark for mark in (HEADER,) if mark in response.request.headers["authorization"])
        if response.json() == [RAISED]:
            raise ValueError(f"no object but {response.text}, for {json}")
        return response

    monkeypatch.setattr(corpus, "load", marked)
    monkeypatch.setattr(service, "analyse", answer)
    monkeypatch.setattr(httpx.Client, "post", with_header)
    return arrived


@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
def test_no_content_of_the_pipeline_leaves(
    mode: str, canaries: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a byte, in no file and no report, in any mode; while it is all in the pipeline's own trail."""
    run = export(mode, tmp_path, monkeypatch, rows=10)
    for canary in (ROW, ANSWER, HEADER, RAISED, "canary"):
        assert run.containing(canary) == set()
    assert canaries == {ROW, HEADER}
    with contextlib.closing(sqlite3.connect(run.run.database)) as database:
        trail = "\n".join(database.iterdump())
    assert all(canary in trail for canary in (ROW, ANSWER, RAISED))
    assert run.run.mismatches


def test_no_content_of_a_small_host_leaves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither arguments of what is called, nor the rest of the context, nor what the work returns or raises."""
    traces = tmp_path / "traces.jsonl"
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(FileSpanExporter(traces)))
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary()], tracer_provider=provider)
    pool, ledger, both = Pool(), Ledger(), threading.Event()
    ctx = Context(shared={"prompt": SHARED})

    def job(order: Order, ctx: Context) -> str:
        assert both.wait(WAIT)
        ledger.post(ctx.order.id if ctx.order else None, f"{ROW} {ctx.shared}")
        if order.id == "B":
            raise KeyError(RAISED)
        return ANSWER

    try:
        with caplog.at_level(logging.DEBUG):
            futures = back_to_back(pool, ctx, job, both)
            assert [str(future.exception(WAIT)) for future in futures] == ["None", repr(RAISED)]
        assert futures[0].result() == ANSWER
    finally:
        pool.close()
        HandoffInstrumentor().uninstrument()
        provider.shutdown()
    assert ledger.entries == [("B", None, f"{ROW} {ctx.shared}")] * 2
    text = traces.read_text()
    assert "KeyError" in text
    assert "handoff.mismatch.found" in text
    assert "canary" not in text + caplog.text + "".join(repr(vars(record)) for record in caplog.records)
