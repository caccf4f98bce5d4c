"""What files tell of which a row in order has no span: how many there were, and nothing that they do not hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_handoff import HandoffInstrumentor
from otel_handoff.record import semconv
from tests.check import spans
from tests.check.command import Check, of, written, wrong_call
from tests.hosts import WAIT, Context, Ledger, Order, Pool, boundary
from tests.telemetry import uninstrument
from tests.traces import lines


def found(check: Check, *arguments: Any) -> dict[str, Any]:
    """What it says as JSON."""
    return json.loads(check(*arguments, "--format", "json").out)


def live(path: Path, settings: str, rights: int, wrongs: int, *, sampled: bool = True) -> None:
    """Run rows, of which some file under another id, and leave their spans in `path`."""
    provider = TracerProvider(resource=Resource({"service.instance.id": "one"}))
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(path)))
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if sampled else 0)
    caller = trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=True, trace_flags=flags))
    HandoffInstrumentor().instrument(mode="observe", spans=settings, boundaries=[boundary()], tracer_provider=provider)
    pool, ctx = Pool(), Context()

    def job(order: Order, _ctx: Context) -> None:
        Ledger().post("Z" if order.id == "wrong" else order.id, "text")

    try:
        with trace.use_span(caller):
            for ctx.order in map(Order, ["right"] * rights + ["wrong"] * wrongs):
                pool.enqueue(ctx.order, ctx, job).result(WAIT)
    finally:
        pool.close()
        uninstrument()
        provider.shutdown()


@pytest.mark.parametrize("settings", ["all", "sampled", "mismatch"])
def test_a_clean_run_is_said_to_be_clean(settings: str, check: Check, tmp_path: Path) -> None:
    """With the number of rows that were judged, whether or not they have spans."""
    path = tmp_path / "a.jsonl"
    live(path, settings, 5, 0)
    done = check(path)
    assert (done.code, done.err) == (0, "")
    without = settings == "mismatch"
    assert ("5 rows in order without a span (spans=mismatch)" in done.out) == without
    assert "No mismatch in 5 rows judged: " in done.out
    told = found(check, path)
    assert (told["judged"], told["verdict"]) == (5, "no mismatch")
    assert told["checked"]["submissions"] == (0 if without else 5)
    assert told["checked"]["spanless"] == (5 if without else 0)
    assert told["checked"]["processes"] == 1


@pytest.mark.parametrize("settings", ["all", "sampled", "mismatch"])
def test_a_run_with_mismatches_is_told_alike(settings: str, check: Check, tmp_path: Path) -> None:
    """The same findings, of as many rows."""
    path, every = tmp_path / "a.jsonl", tmp_path / "all.jsonl"
    live(path, settings, 5, 2)
    live(every, "all", 5, 2)
    assert check(path).code == 1
    told, expected = found(check, path), found(check, every)
    assert (told["judged"], told["verdict"]) == (7, "mismatch")
    assert [kind["count"] for kind in told["kinds"]] == [kind["count"] for kind in expected["kinds"]] == [2]
    facts = ("evidence", "outcome", "expected", "observed", "target")
    assert [[each[name] for name in facts] for each in told["mismatches"]] == [
        [each[name] for name in facts] for each in expected["mismatches"]
    ]


def test_rows_that_are_not_in_order_and_not_sampled(check: Check, tmp_path: Path) -> None:
    """Those in order are known of; that some are not, too. Then it is not known, and never `no mismatch` alone."""
    path = tmp_path / "a.jsonl"
    live(path, "mismatch", 3, 2, sampled=False)
    done = check(path)
    assert done.code == 2
    assert "Not known: 2 rows disagreed or were not judged, and have no span (not sampled" in done.out
    assert found(check, path)["verdict"] == "not known"
    assert check(written(tmp_path / "b.jsonl", of(spans.spanless(1, 0, lost=1)))).code == 2


def test_nothing_is_said_of_traces_that_are_not_sampled(check: Check, tmp_path: Path) -> None:
    """With `sampled` and `all` they are not in the files, and nobody says that they are in order."""
    for settings in ("all", "sampled"):
        path = tmp_path / f"{settings}.jsonl"
        live(path, settings, 3, 0, sampled=False)
        assert not path.exists() or check(path).code == 2


def test_each_says_its_own_number(check: Check, tmp_path: Path) -> None:
    """They add up, across processes; what comes twice counts once, and a row with a span besides."""
    some = [spans.spanless(1, 1), spans.spanless(2, 1000), spans.spanless(3, 7, boundary="orders"), spans.row(4, 1)]
    path = written(tmp_path / "a.jsonl", of(*some), of(spans.spanless(2, 1000)))
    told = found(check, path)
    assert (told["judged"], told["checked"]["spanless"], told["checked"]["duplicates"]) == (1009, 1008, 1)
    assert told["checked"]["boundaries"] == ["elspeth", "orders"]


def test_without_a_process_its_trace_is_none(check: Check, tmp_path: Path) -> None:
    """It is a trace of its own, and no row's: it must not be taken for a process."""
    some = [spans.spanless(1, 1, trace="a" * 32), spans.spanless(2, 1000, trace="b" * 32), spans.row(4, 1)]
    told = found(check, written(tmp_path / "a.jsonl", more=lines.text(lines.request(*some))))
    assert (told["checked"]["processes"], told["checked"]["unnamed"]) == (0, 1)


def test_a_row_that_is_told_not_to_be_judged_does_not_count(check: Check, tmp_path: Path) -> None:
    """It was counted when it ended, and what it left behind read its context afterwards."""
    after = [spans.unchecked(10, "unseen_read", 3), spans.unchecked(11, "no_worker", 4)]
    told = found(check, written(tmp_path / "a.jsonl", of(spans.spanless(1, 5), *after)))
    assert (told["judged"], told["checked"]["unchecked_rows"]) == (4, 2)


def test_reads_that_were_not_seen(check: Check, tmp_path: Path) -> None:
    """Such rows are told as those with spans are."""
    path = written(tmp_path / "a.jsonl", of(spans.spanless(1, 5, unwatched=3), spans.unwatched_row(2, 1)))
    assert found(check, path)["checked"]["unwatched"] == 4
    assert "Judged only at their start, at each call and at their end: 4 rows" in check(path).out


def test_no_boundary_is_blind_of_which_rows_were_in_order(check: Check, tmp_path: Path) -> None:
    """Though one of them was not judged."""
    path = written(tmp_path / "a.jsonl", of(spans.spanless(1, 5), spans.unchecked(2)))
    done = check(path)
    assert done.code == 0
    assert "No mismatch in 5 rows judged; 1 row not checked: 1 x no_worker." in done.out


def test_an_id_without_a_row_is_not_made_up(check: Check, tmp_path: Path) -> None:
    """A row in order may have had the id that a call is filed under: it has no span. Else it is told."""

    def unknown(*more: dict[str, Any]) -> list[Any]:
        told = found(check, written(tmp_path / "a.jsonl", wrong_call(), of(*more)))
        return [each["unknown"] for each in told["mismatches"]]

    alone = [spans.row(5, 3, events=spans.report("result", 3, token_id="nobody's"))]
    assert unknown(*alone)[-1] == ["token_id"]
    assert unknown(*alone, spans.spanless(9, 5))[-1] == []
    assert unknown(*alone, spans.spanless(9, 5, boundary="orders"))[-1] == ["token_id"]


def test_an_id_that_only_a_row_in_order_had(check: Check, tmp_path: Path) -> None:
    """That it was in order cannot be known: no span says which rows they were."""
    path = written(tmp_path / "a.jsonl", of(spans.spanless(1, 5)))
    done = check(path, "--id", "state-1")
    assert done.code == 2
    assert "Not known" in done.out or "No submission in these files carried 'state-1'" in done.out
    assert "Or its row was in order: then it has none (spans=mismatch)." in done.out


@pytest.mark.parametrize("rows", [-1, "many", None, True])
def test_what_cannot_be_read_is_a_doubt(rows: Any, check: Check, tmp_path: Path) -> None:
    """It is ours, and says nothing that can be used."""
    odd = spans.spanless(1, 5)
    odd["attributes"] = lines.attributes({semconv.BOUNDARY: "elspeth", semconv.JUDGED_ROWS: rows})
    told = found(check, written(tmp_path / "a.jsonl", of(odd, spans.row(2, 1))))
    assert (told["judged"], told["checked"]["unread"]) == (1, 0 if rows is None else 1)
