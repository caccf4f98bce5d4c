"""`opentelemetry-instrument python pipeline.py`: a program that says nothing of this package is watched, or cured."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.zero_code.programs import CONSOLE, QUIET, Outcome, python, run, run_alone

RIGHT = [("state-A", "A"), ("state-B", "B")]
WRONG = [("state-B", "A"), ("state-B", "B")]
CALL = "CallAuditRepository.record_call"


def ids(name: str) -> dict[str, str]:
    """The tags of a span that belongs to this row."""
    return {
        "elspeth.run_id": "run-1",
        "elspeth.node_id": "node-1",
        "elspeth.row_id": f"row-{name}",
        "elspeth.token_id": f"token-{name}",
        "elspeth.state_id": f"state-{name}",
    }


def tags(span: dict[str, Any]) -> dict[str, Any]:
    """The submission-time ids that a span carries."""
    return {name: value for name, value in span["attributes"].items() if name in ids("")}


def judge_used(outcome: Outcome) -> None:
    """A's call was filed under B: row spans, tags on the spans of calls, and the mismatch say so."""
    assert outcome.filed == WRONG
    rows, calls = outcome.spans("process elspeth"), outcome.spans(CALL)
    assert [row["kind"] for row in rows] == ["SpanKind.CONSUMER"] * 2
    assert [call["kind"] for call in calls] == ["SpanKind.INTERNAL"] * 2
    assert [tags(row) for row in rows] == [ids("A"), ids("B")]
    assert [tags(call) for call in calls] == [ids("A"), ids("B")]
    assert [call["parent_id"] for call in calls] == [row["context"]["span_id"] for row in rows]
    wrong, right = calls
    assert "handoff.mismatch.found" not in right["attributes"]
    assert wrong["attributes"]["handoff.mismatch.found"] is True
    assert wrong["attributes"]["handoff.mismatch.fields"] == ["state_id"]
    assert wrong["attributes"]["handoff.mismatch.evidence"] == "call"
    assert wrong["attributes"]["handoff.mismatch.outcome"] == "used"
    assert wrong["attributes"]["handoff.observed.state_id"] == "state-B"
    assert wrong["status"]["status_code"] == "ERROR"
    [event] = wrong["events"]
    assert event["name"] == "handoff.mismatch.found"
    assert event["attributes"]["handoff.expected.state_id"] == "state-A"
    assert event["attributes"]["handoff.observed.state_id"] == "state-B"
    assert event["attributes"]["handoff.culprit.location"] == "app/pipeline.py:33 in main"
    assert event["attributes"]["handoff.culprit.ids.state_id"] == "state-B"


def judge_told(outcome: Outcome) -> None:
    """The log record and the counter tell the same, whether or not there are spans."""
    assert outcome.counted("handoff.submissions") == {("elspeth",): 2}
    assert outcome.counted("handoff.mismatches") == {("elspeth", "call", "state_id", "used"): 1}
    assert outcome.counted("handoff.internal_errors") == {}
    [record] = outcome.logs("handoff.mismatch.found")
    assert record["severity_text"] == "ERROR"
    assert record["attributes"]["handoff.expected.state_id"] == "state-A"
    assert record["attributes"]["handoff.observed.state_id"] == "state-B"
    assert "HANDOFF MISMATCH (used)" in outcome.stderr


def test_the_program_alone_files_wrongly_and_says_nothing(tmp_path: Path) -> None:
    """Without instrumentation A's call is filed under B, and nobody is told."""
    outcome = run_alone(tmp_path, "pipeline.py", **CONSOLE)
    assert outcome == Outcome(WRONG, [], "")


def test_observe_by_environment(tmp_path: Path) -> None:
    """One variable, and everything is told."""
    outcome = run(tmp_path, "pipeline.py", **CONSOLE, OTEL_HANDOFF_MODE="observe")
    judge_used(outcome)
    judge_told(outcome)


@pytest.mark.parametrize("by", ["LOG_AUTO_INSTRUMENTATION", "LOGGING_AUTO_INSTRUMENTATION_ENABLED"])
def test_beside_a_handler_on_python_s_log(by: str, tmp_path: Path) -> None:
    """By the instrumentation of logging, or by the SDK: what it exports besides has no mismatch a second time."""
    outcome = run(tmp_path, "pipeline.py", **CONSOLE, **{f"OTEL_PYTHON_{by}": "true"}, OTEL_HANDOFF_MODE="observe")
    judge_used(outcome)
    told = [item for item in outcome.exported if "HANDOFF MISMATCH" in str(item.get("body"))]
    assert told == outcome.logs("handoff.mismatch.found")
    assert len(told) == 1


def test_observe_by_flag(tmp_path: Path) -> None:
    """Each setting is a flag of `opentelemetry-instrument`, which wins over the environment."""
    outcome = run(tmp_path, "pipeline.py", "--handoff_mode", "observe", **CONSOLE, OTEL_HANDOFF_MODE="pin")
    judge_used(outcome)
    judge_told(outcome)


@pytest.mark.parametrize("mode", [{}, {"OTEL_HANDOFF_MODE": "pin"}])
def test_pin_is_the_default_and_the_cure(tmp_path: Path, mode: dict[str, str]) -> None:
    """With no setting at all each call is filed under its own row, and what would have happened is reported."""
    outcome = run(tmp_path, "pipeline.py", **CONSOLE, **mode)
    assert outcome.filed == RIGHT
    assert [tags(call) for call in outcome.spans(CALL)] == [ids("A"), ids("B")]
    spared, other = outcome.spans("process elspeth")
    assert spared["attributes"]["handoff.mismatch.outcome"] == "prevented"
    assert spared["attributes"]["handoff.observed.state_id"] == "state-B"
    assert spared["status"]["status_code"] == "UNSET"
    assert "handoff.mismatch.found" not in other["attributes"]
    assert outcome.counted("handoff.mismatches") == {("elspeth", "read", "state_id", "prevented"): 1}
    assert [record["severity_text"] for record in outcome.logs("handoff.mismatch.found")] == ["WARN"]


def test_strict_stops_the_call(tmp_path: Path) -> None:
    """For CI: the program gets the error, and nothing is filed under the wrong row."""
    with pytest.raises(AssertionError, match="HandoffMismatchError"):
        run(tmp_path, "pipeline.py", **QUIET, OTEL_HANDOFF_MODE="strict")


def test_off_leaves_the_program_alone(tmp_path: Path) -> None:
    """Nothing is attached and nothing is exported."""
    outcome = run(tmp_path, "pipeline.py", **CONSOLE, OTEL_HANDOFF_MODE="off")
    assert (outcome.filed, outcome.exported) == (WRONG, [])
    assert "HANDOFF" not in outcome.stderr


def test_without_sampling_the_log_record_and_the_counter_tell(tmp_path: Path) -> None:
    """At 0 % sampling there is no span, and the alarm is as loud."""
    sampler = {"OTEL_TRACES_SAMPLER": "always_off"}
    outcome = run(tmp_path, "pipeline.py", **CONSOLE, **sampler, OTEL_HANDOFF_MODE="observe")
    assert outcome.filed == WRONG
    assert [item for item in outcome.exported if "context" in item] == []
    judge_told(outcome)


@pytest.mark.parametrize("exporter", ["otlp_json_file", "handoff_file"])
def test_otlp_json(tmp_path: Path, exporter: str) -> None:
    """The official OTLP JSON exporter gets the same spans, and so does ours, which needs no new SDK."""
    if exporter == "otlp_json_file":
        import_module("opentelemetry.exporter.otlp.json.file")
    to = {"OTEL_TRACES_EXPORTER": exporter, "OTEL_HANDOFF_FILE": "/dev/stdout"}
    outcome = run(tmp_path, "pipeline.py", **QUIET | to, OTEL_HANDOFF_MODE="observe")
    assert outcome.filed == WRONG
    spans = [
        span
        for line in outcome.exported
        for resource in line["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    marked = [
        span
        for span in spans
        if {"key": "handoff.mismatch.outcome", "value": {"stringValue": "used"}} in span["attributes"]
    ]
    # This host takes no call index: the part that is declared and not there is told.
    assert sorted(span["name"] for span in spans) == [CALL] * 2 + ["process elspeth"] * 2 + ["unchecked elspeth"]
    assert [span["name"] for span in marked] == [CALL, "process elspeth"]
    assert {"key": "elspeth.state_id", "value": {"stringValue": "state-A"}} in marked[0]["attributes"]


def test_an_unknown_mode_warns_and_the_program_runs(tmp_path: Path) -> None:
    """A typing error in a deployment costs a warning, not the pipeline; the default holds."""
    outcome = run(tmp_path, "pipeline.py", **QUIET, OTEL_HANDOFF_MODE="obsreve")
    assert outcome.filed == RIGHT
    assert "OTEL_HANDOFF_MODE=obsreve is not one of pin, observe, strict, off; using pin." in outcome.stderr


@pytest.mark.parametrize("disabled", ["elspeth", "handoff, elspeth", "*"])
def test_disabled_instrumentation(tmp_path: Path, disabled: str) -> None:
    """OpenTelemetry's own switch leaves the program as it was."""
    if disabled == "*" and version("opentelemetry-instrumentation") == "0.58b0":
        pytest.skip("opentelemetry-instrumentation 0.58b0 knows no wildcard")
    outcome = run(tmp_path, "pipeline.py", **CONSOLE, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled)
    assert (outcome.filed, outcome.exported) == (WRONG, [])


def test_a_declared_boundary(tmp_path: Path) -> None:
    """An operator's module of boundaries is named by a variable; the program on a hand-written queue is watched."""
    alone = run(tmp_path, "shop.py", **CONSOLE, OTEL_HANDOFF_MODE="observe")
    assert alone.filed == [("B", "A"), ("B", "B")]
    assert (alone.spans("Ledger.post"), alone.spans("process orders"), alone.logs("handoff.mismatch.found")) == (
        [],
        [],
        [],
    )
    boundaries = {"OTEL_HANDOFF_BOUNDARIES": "shop_boundaries:BOUNDARIES"}
    outcome = run(tmp_path, "shop.py", **CONSOLE, **boundaries, OTEL_HANDOFF_MODE="observe")
    assert outcome.filed == [("B", "A"), ("B", "B")]
    assert [span["attributes"]["orders.order_id"] for span in outcome.spans("process orders")] == ["A", "B"]
    assert outcome.counted("handoff.mismatches") == {("orders", "call", "order_id", "used"): 1}
    cured = run(tmp_path, "shop.py", "--handoff_boundaries", "shop_boundaries:BOUNDARIES", **CONSOLE)
    assert cured.filed == [("A", "A"), ("B", "B")]
    assert cured.counted("handoff.mismatches") == {("orders", "read", "order_id", "prevented"): 1}


@pytest.mark.parametrize("reference", ["nowhere:BOUNDARIES", "shop_boundaries:NOTHING", "shop_boundaries", "shop:main"])
def test_boundaries_that_cannot_be_found_warn_and_the_program_runs(tmp_path: Path, reference: str) -> None:
    """A wrong reference costs a warning; the other instrumentor still works."""
    outcome = run(tmp_path, "pipeline.py", **QUIET, OTEL_HANDOFF_BOUNDARIES=reference)
    assert outcome.filed == RIGHT
    assert f"OTEL_HANDOFF_BOUNDARIES={reference} gives no boundaries" in outcome.stderr


IMPORTS = """
import sys
from otel_handoff import HandoffInstrumentor
from otel_handoff.elspeth import ElspethInstrumentor
ElspethInstrumentor().instrument()
HandoffInstrumentor().instrument(boundaries=[{"name": "o", "submit": "orders:Pool.enqueue", "work": "orders:Pool._run",
                                              "fields": {"order": "order.id"}}])
found = [name for name in sys.modules if name.split(".")[0] in ("elspeth", "orders") or "opentelemetry.sdk" in name]
print(found, "otel_handoff.demo" in sys.modules)
"""


def test_instrument_imports_neither_the_host_nor_the_sdk() -> None:
    """A program that never imports the host pays nothing for it."""
    assert python(IMPORTS).strip() == "[] False"


WITHOUT_SDK = """
import sys
sys.modules["opentelemetry.sdk"] = None  # as where it is not installed
from otel_handoff.elspeth import ElspethInstrumentor
told = []
ElspethInstrumentor().instrument(mode="observe", on_mismatch=told.append)
import pipeline
pipeline.main(sys.argv[1] if sys.argv[1:] else ":memory:")
print([(m.evidence, m.outcome, dict(m.observed)) for m in told if m.is_error], told[0].trace_id)
ElspethInstrumentor().uninstrument()
"""


def test_without_the_sdk_the_alarm_still_comes() -> None:
    """The core needs only the API: logging and the hook tell what there is no span for."""
    assert python(WITHOUT_SDK).strip() == "[('call', 'used', {'state_id': 'state-B'})] 0"
