"""The convention that is documented is the one that is emitted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from otel_handoff.demo.run import run_mode
from otel_handoff.record import semconv
from tests.docs import registry, telemetry
from tests.docs.tables import made


def test_the_tables_are_up_to_date() -> None:
    """Whoever changes a name or an instrument makes them anew: python -m tests.docs.telemetry --write."""
    page = telemetry.PAGE.read_text("utf-8")
    assert page == made(page, telemetry.TABLES)


def test_a_table_that_is_not_is_found() -> None:
    """An attribute or a metric that was renamed on the page alone."""
    page = telemetry.PAGE.read_text("utf-8")
    for name in (semconv.MISMATCH_EVIDENCE, semconv.METRIC_STALE_WORK):
        assert made(page.replace(f"| `{name}` |", "| `handoff.renamed` |"), telemetry.TABLES) == page


def test_every_attribute_is_described() -> None:
    """In the module that names it, and in one of the tables, if it is not a metric's."""
    names = {name for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}
    attributes = {name for name in names if not name.startswith(("SCOPE", "SCHEMA", "METRIC_", "EVENT_"))}
    assert telemetry.meanings().keys() == attributes
    page = telemetry.PAGE.read_text("utf-8")
    assert {name for name in attributes if f"`{getattr(semconv, name)}" not in page} == set()


_KINDS = {
    "stringValue": "string",
    "intValue": "int",
    "boolValue": "boolean",
    "doubleValue": "double",
    "arrayValue": "string[]",
}


def emitted(carrier: dict[str, Any]) -> set[tuple[str, str]]:
    """Return name and type of its attributes, without the ids of a boundary and what it declares."""
    found: set[tuple[str, str]] = set()
    for attribute in carrier["attributes"]:
        name, (kind,) = attribute["key"], attribute["value"]
        for prefix in (semconv.EXPECTED, semconv.OBSERVED, semconv.CULPRIT_ID):
            if name.startswith(prefix) and name != semconv.CULPRIT_SUBMISSION_ID:
                found.add((f"{prefix}<field>", "as the id"))
                break
        else:
            if not name.startswith("elspeth."):
                found.add((name, _KINDS[kind]))
    return found


def documented(table: str) -> set[tuple[str, str]]:
    """Return name and type of a table's attributes."""
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|", "\n".join(telemetry.TABLES[table]()), re.MULTILINE)
    return {(name, kind.partition(",")[0]) for name, kind in rows}


def test_what_is_documented_is_what_a_run_emits(tmp_path: Path) -> None:
    """All of it, and nothing else, on the row spans and the mismatches of the demo."""
    run = run_mode("observe", rows=20, seed=1, out=tmp_path)
    spans = [
        span
        for line in run.traces.read_text("utf-8").splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    rows = [span for span in spans if span["name"] == "process elspeth"]
    wrong = [span for span in spans if semconv.MISMATCH in {each["key"] for each in span["attributes"]}]
    events = [event for span in wrong for event in span.get("events", [])]
    on_row, on_wrong, on_event = (set[tuple[str, str]]().union(*map(emitted, of)) for of in (rows, wrong, events))
    marks = documented("semconv.py: span with a mismatch")
    assert on_row - marks == documented("semconv.py: row span")
    assert on_wrong - on_row == set()
    assert on_wrong & marks == marks
    assert on_event == documented("semconv.py: event and log record")
    of_kind = {f"{kind} elspeth": registry.attributes_of(kind) for kind in registry.SPANS}
    for span in spans:
        told = {name.replace("<field>", "") for name, _ in emitted(span)}
        assert told <= of_kind.get(span["name"], registry.attributes_of("call")), span["name"]
