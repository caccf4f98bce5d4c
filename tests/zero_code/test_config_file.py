"""A declarative `OTEL_CONFIG_FILE` sets the options of both instrumentors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.zero_code.programs import Outcome, run

pytest.importorskip("opentelemetry.configuration")

HEAD = """
file_format: "1.0"
tracer_provider:
  processors:
    - simple:
        exporter:
          otlp_file/development:
            output_stream: "file://{directory}/traces.jsonl"
logger_provider:
  processors:
    - simple:
        exporter:
          otlp_file/development:
            output_stream: "file://{directory}/logs.jsonl"
instrumentation/development:
  python:
"""

BOUNDARIES = """
    handoff:
      mode: observe
      boundaries:
        - name: orders
          submit: "orders:Pool.enqueue"
          work: "orders:Pool._run"
          fields: {order_id: order.id}
          calls:
            - target: "orders:Ledger.post"
              ids: {order_id: order_id}
"""


def configured(directory: Path, script: str, options: str) -> Outcome:
    """Run a program with this configuration file."""
    path = directory / "otel.yaml"
    path.write_text(HEAD.format(directory=directory) + options, encoding="utf-8")
    return run(directory, script, OTEL_CONFIG_FILE=str(path))


def lines(path: Path, *keys: str) -> list[dict[str, Any]]:
    """What an OTLP JSON file holds, flattened."""
    found: list[Any] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for key in keys:
        found = [item for parent in found for item in parent[key]]
    return found


def attributes(item: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a span or log record as a dict."""
    return {pair["key"]: next(iter(pair["value"].values())) for pair in item["attributes"]}


def spans(directory: Path) -> dict[str, list[dict[str, Any]]]:
    """Span name -> the attributes of each such span in the trace file."""
    found: dict[str, list[dict[str, Any]]] = {}
    for span in lines(directory / "traces.jsonl", "resourceSpans", "scopeSpans", "spans"):
        found.setdefault(span["name"], []).append(attributes(span))
    return found


def test_mode_of_elspeth(tmp_path: Path) -> None:
    """`mode: observe` in the file, and the mismatch stands in the trace file and the log file."""
    outcome = configured(tmp_path, "pipeline.py", "    elspeth: {mode: observe}\n")
    assert outcome.filed == [("state-B", "A"), ("state-B", "B")]
    found = spans(tmp_path)
    assert [span["elspeth.state_id"] for span in found["process elspeth"]] == ["state-A", "state-B"]
    wrong, right = found["CallAuditRepository.record_call"]
    assert (wrong["elspeth.state_id"], wrong["handoff.observed.state_id"]) == ("state-A", "state-B")
    assert wrong["handoff.mismatch.outcome"] == "used"
    assert "handoff.mismatch.found" not in right
    records = lines(tmp_path / "logs.jsonl", "resourceLogs", "scopeLogs", "logRecords")
    assert [record["severityText"] for record in records if record["eventName"] == "handoff.mismatch.found"] == [
        "ERROR"
    ]


def test_no_options_is_pin(tmp_path: Path) -> None:
    """An instrumentor that is named with nothing else has the defaults."""
    outcome = configured(tmp_path, "pipeline.py", "    elspeth: {}\n")
    assert outcome.filed == [("state-A", "A"), ("state-B", "B")]
    assert spans(tmp_path)["process elspeth"][0]["handoff.mismatch.outcome"] == "prevented"


@pytest.mark.parametrize("mode", ["off", '"off"'])
def test_off(tmp_path: Path, mode: str) -> None:
    """`off` is a boolean to YAML; both spellings leave the program alone."""
    outcome = configured(tmp_path, "pipeline.py", f"    elspeth: {{mode: {mode}}}\n")
    assert outcome.filed == [("state-B", "A"), ("state-B", "B")]
    assert "HANDOFF" not in outcome.stderr
    assert spans(tmp_path) == {}


def test_every_option(tmp_path: Path) -> None:
    """`watch` and `trace` are options of the file, too: a trace of its own per row."""
    outcome = configured(tmp_path, "pipeline.py", "    elspeth: {mode: observe, watch: false, trace: link}\n")
    assert "Traceback" not in outcome.stderr
    calls = spans(tmp_path)["CallAuditRepository.record_call"]
    assert [span.get("handoff.mismatch.outcome") for span in calls] == ["used", None]
    assert "Overwritten by: not seen" in outcome.stderr


def test_boundaries_as_plain_data(tmp_path: Path) -> None:
    """A boundary can be declared without a line of Python."""
    outcome = configured(tmp_path, "shop.py", BOUNDARIES)
    assert outcome.filed == [("B", "A"), ("B", "B")]
    found = spans(tmp_path)
    assert [span["orders.order_id"] for span in found["process orders"]] == ["A", "B"]
    assert [span.get("handoff.observed.order_id") for span in found["Ledger.post"]] == ["B", None]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ("    elspeth: {mode: obsreve}\n", "mode='obsreve' is not one of 'pin', 'observe', 'strict', 'off'"),
        ("    elspeth: {mood: observe}\n", "mood"),
        ('    elspeth: {watch: "maybe"}\n', "watch='maybe' is not True or False"),
    ],
)
def test_a_wrong_option_is_told_and_the_program_runs(tmp_path: Path, options: str, error: str) -> None:
    """The program starts all the same, and the message says what is wrong."""
    outcome = configured(tmp_path, "pipeline.py", options)
    assert [request for _, request in outcome.filed] == ["A", "B"]
    assert error in outcome.stderr


def test_a_wrong_boundary_is_told_and_the_program_runs(tmp_path: Path) -> None:
    """So it is for a boundary that cannot be meant."""
    outcome = configured(tmp_path, "shop.py", BOUNDARIES.replace("{order_id: order.id}", "{order_id: order..id}"))
    assert outcome.filed == [("B", "A"), ("B", "B")]
    assert "Boundary 'orders': fields['order_id']: 'order..id' is no path" in outcome.stderr
