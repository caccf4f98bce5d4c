"""The SQL for auditors, run by ClickHouse's own engine on the real demo's spans."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from otel_handoff.demo.run import ModeRun, run_mode
from tests.dashboards.boards import FOLDER
from tests.servers import package

INSTALL = "'otel-handoff[clickhouse]', half a gigabyte"

# The columns that the Collector's ClickHouse exporter makes; codecs, indexes and partitions only store them.
TABLE = """
CREATE TABLE otel_traces (
    Timestamp DateTime64(9), TraceId String, SpanId String, ParentSpanId String, TraceState String,
    SpanName LowCardinality(String), SpanKind LowCardinality(String), ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String), ScopeName String, ScopeVersion String,
    SpanAttributes Map(LowCardinality(String), String), Duration UInt64,
    StatusCode LowCardinality(String), StatusMessage String,
    Events Nested (
        Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)
    ),
    Links Nested (
        TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String)
    )
) ENGINE = Memory
"""
KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
STATUSES = ("Unset", "Ok", "Error")

Row = dict[str, Any]
Ask = Callable[..., list[Row]]


def text(value: Row) -> str:
    """Return an attribute's value as the exporter writes it: all values are strings there."""
    ((kind, inner),) = value.items()
    if kind == "boolValue":
        return "true" if inner else "false"
    if kind == "arrayValue":
        return json.dumps([text(item) for item in inner["values"]], separators=(",", ":"))
    return str(inner)


def attributes(of: Row) -> dict[str, str]:
    return {entry["key"]: text(entry["value"]) for entry in of.get("attributes", ())}


def time(nanoseconds: str) -> str:
    return f"{nanoseconds[:-9]}.{nanoseconds[-9:]}"


def rows(traces: Path) -> Iterator[Row]:
    """Yield OTLP JSON's spans as the exporter inserts them."""
    for line in traces.read_text("utf-8").splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            of_resource = attributes(resource["resource"])
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    events, links = span.get("events", []), span.get("links", [])
                    yield {
                        "Timestamp": time(span["startTimeUnixNano"]),
                        "TraceId": span["traceId"],
                        "SpanId": span["spanId"],
                        "ParentSpanId": span.get("parentSpanId", ""),
                        "SpanName": span["name"],
                        "SpanKind": KINDS[span.get("kind", 0)],
                        "ServiceName": of_resource.get("service.name", ""),
                        "ResourceAttributes": of_resource,
                        "ScopeName": scope["scope"]["name"],
                        "SpanAttributes": attributes(span),
                        "Duration": int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]),
                        "StatusCode": STATUSES[span.get("status", {}).get("code", 0)],
                        "StatusMessage": span.get("status", {}).get("message", ""),
                        "Events.Timestamp": [time(event["timeUnixNano"]) for event in events],
                        "Events.Name": [event["name"] for event in events],
                        "Events.Attributes": [attributes(event) for event in events],
                        "Links.TraceId": [link["traceId"] for link in links],
                        "Links.SpanId": [link["spanId"] for link in links],
                        "Links.TraceState": ["" for _ in links],
                        "Links.Attributes": [attributes(link) for link in links],
                    }


def queries() -> Sequence[str]:
    """Return the queries of the file, in order."""
    return [
        query for query in (FOLDER / "queries" / "clickhouse.sql").read_text("utf-8").split(";\n") if "SELECT" in query
    ]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> ModeRun:
    """A run of the demo in mode observe."""
    return run_mode("observe", rows=50, seed=3, out=tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def ask(observed: ModeRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask a query of the file, by its number, of a table that holds the run's spans."""
    session = package("chdb.session", INSTALL)
    database = session.Session(str(tmp_path_factory.mktemp("clickhouse") / "data"))
    database.query("CREATE DATABASE otel ENGINE = Memory; USE otel;")
    database.query(TABLE)
    inserted = "\n".join(json.dumps(row) for row in rows(observed.traces))
    database.query(f"INSERT INTO otel_traces FORMAT JSONEachRow {inserted}")

    def answer(number: int, instead: tuple[str, str] = ("", ""), **parameters: str) -> list[Row]:
        for name, value in parameters.items():
            database.query(f"SET param_{name} = '{value}'")
        query = queries()[number - 1].replace(*instead)
        return [json.loads(line) for line in str(database.query(query, "JSONEachRow")).splitlines()]

    yield answer
    database.close()


def used(run: ModeRun) -> list[Any]:
    return [mismatch for mismatch in run.mismatches if mismatch.outcome == "used"]


def test_each_query_says_what_it_answers() -> None:
    """Their numbers are their order."""
    assert [re.findall(r"^-- (\d+)\. .*\?", query, re.MULTILINE) for query in queries()] == [
        [str(number)] for number in range(1, len(queries()) + 1)
    ]


def test_1_lists_exactly_the_wrong_records(ask: Ask, observed: ModeRun) -> None:
    """As they were reported while it ran."""
    found = sorted((row["belongs_under"], row["filed_under"], row["evidence"], row["span_id"]) for row in ask(1))
    assert found == sorted(
        (mismatch.expected["state_id"], mismatch.observed["state_id"], mismatch.evidence, f"{mismatch.span_id:016x}")
        for mismatch in used(observed)
    )
    assert all(row["call_index"] is not None for row in ask(1) if row["evidence"] == "call")
    assert ask(1, ("'call', 'result'", "'read'")) == [], "what was only read is no record"


def test_2_counts_them_by_the_write_that_did_it(ask: Ask, observed: ModeRun) -> None:
    """Every mismatch of the run is in it once."""
    assert sum(int(row["mismatches"]) for row in ask(2)) == len(observed.mismatches)
    assert {row["written_at"] for row in ask(2)} >= {
        mismatch.culprit.location for mismatch in observed.mismatches if mismatch.culprit
    }


def test_3_and_4_tell_one_wrong_call_from_both_sides(ask: Ask, observed: ModeRun) -> None:
    """The row it belongs to, and the state it was filed under."""
    mismatch = next(mismatch for mismatch in used(observed) if mismatch.evidence == "call")
    belongs_under = mismatch.expected["state_id"]
    of_row = ask(3, token_id=mismatch.submission.ids["token_id"])
    assert (belongs_under, "used") in {(row["state_id"], row["outcome"]) for row in of_row}
    of_state = ask(4, state_id=mismatch.observed["state_id"])
    assert belongs_under in {row["belongs_under"] for row in of_state}
    assert ask(4, ("'call', 'result'", "'read'"), state_id=mismatch.observed["state_id"]) == []


def test_5_sums_a_run_up(ask: Ask, observed: ModeRun) -> None:
    """By submissions, since a call's mismatch is on a span of its own."""
    (row,) = ask(5)
    assert int(row["wrong"]) == len({mismatch.submission.number for mismatch in used(observed)})
    assert int(row["attempts"]) >= observed.rows
    assert int(row["stale"]) > 0
    assert 0 < row["median_wait"] <= row["longest_wait"]


def test_6_finds_wrong_ids_that_are_no_other_rows(ask: Ask, observed: ModeRun) -> None:
    """In the demo each is another row's; where no row span is known, none is."""
    assert ask(6) == []
    assert {row["filed_under"] for row in ask(6, ("'Consumer'", "'none'"))} == {
        mismatch.observed["state_id"] for mismatch in observed.mismatches
    }


def test_7_counts_what_is_not_known(ask: Ask) -> None:
    """In the demo every row is judged; with any other attribute for the reason, there are rows."""
    assert ask(7) == []
    worked = ("SpanAttributes['handoff.unchecked.reason']", "SpanAttributes['handoff.boundary']")
    assert int(ask(7, worked)[0]["rows"]) > 0


def test_8_counts_rows_without_a_span(ask: Ask) -> None:
    """In the demo each has one; with any other attribute for the count, there are some, of one boundary."""
    assert ask(8) == []
    (row,) = ask(8, ("SpanAttributes['handoff.judged.rows'] != ''", "SpanAttributes['handoff.submission.id'] != ''"))
    assert (row["boundary"], int(row["in_order"]), int(row["lost"])) == ("elspeth", 0, 0)
