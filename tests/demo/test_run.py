"""What the demo shows: wrong calls without otel-handoff, each of them named in observe, none in pin."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from otel_handoff.demo import command, truth
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.orchestrator import RunReport
from otel_handoff.demo.run import ModeRun, run_mode, summarize
from otel_handoff.demo.schedule import plan
from otel_handoff.host.guard import guard

ROWS = 50
SEED = 3
KEYS = [
    "rows",
    "attempts",
    "calls",
    "calls_misattributed",
    "results_misrouted",
    "mismatches_reported",
    "misattributed_and_reported",
    "false_reports",
    "rows_per_second",
]


@dataclass
class Demo:
    """What `otel-handoff demo` left behind."""

    code: int
    printed: str
    out: Path
    summary: dict[str, dict[str, float]]


def demo(out: Path, *options: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = command.main(parser.parse_args(["--out", str(out), *options]))
    return code, printed.getvalue()


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """One run of `compare`, in a directory that holds other files as well."""
    out = tmp_path_factory.mktemp("out")
    (out / "off").mkdir()
    (out / "off" / "landscape.db").write_text("of an earlier run")
    (out / "off" / "notes.txt").write_text("mine")
    before = guard.errors.value
    code, printed = demo(out, "--rows", str(ROWS), "--seed", str(SEED))
    assert guard.errors.value == before
    return Demo(code, printed, out, json.loads((out / "summary.json").read_text()))


def test_off_shows_every_kind_of_wrong_call(compared: Demo) -> None:
    """Those of the schedule: a and a2, b1, b2 and b5."""
    found = truth.count(compared.out / "off" / "landscape.db")
    pairs = {(call.true_state_id, call.filed_state_id) for call in found.wrong_calls}
    schedule = plan(ROWS, SEED)
    for (row_id, _), (until, attempt) in schedule.holds.items():
        held, filed = row_id.removeprefix("row-"), f"state-{until.removeprefix('row-')}-{attempt}"
        assert (f"state-{held}-0", filed) in pairs  # a, b1 or b2
        if (row_id, 0) in schedule.leaders:
            assert (f"state-{int(held) + 1:04d}-0", filed) in pairs  # a2
        elif row_id != until:
            assert (f"state-{held}-1", filed) in pairs  # b5
    assert len(found.misrouted_results) >= 1


def test_observe_reports_exactly_the_wrong_calls(compared: Demo) -> None:
    """All of them, and nothing else as used."""
    observe = compared.summary["observe"]
    assert observe["calls_misattributed"] > 0
    assert observe["misattributed_and_reported"] == observe["calls_misattributed"]
    assert observe["false_reports"] == 0


def test_pin_has_none(compared: Demo) -> None:
    """And says what would have been."""
    pin = compared.summary["pin"]
    assert (pin["calls_misattributed"], pin["results_misrouted"], pin["false_reports"]) == (0, 0, 0)
    assert pin["mismatches_reported"] > 0


def test_the_summary_has_the_agreed_keys(compared: Demo) -> None:
    """Per mode, in this order."""
    assert list(compared.summary) == ["off", "observe", "pin"]
    assert all(list(mode) == KEYS for mode in compared.summary.values())
    assert all(mode["rows"] == ROWS for mode in compared.summary.values())
    assert compared.summary["off"]["mismatches_reported"] == 0


def test_files_are_written_and_others_left_alone(compared: Demo) -> None:
    """Traces are OTLP JSON lines with the wrong calls in them; `off` has none."""
    assert compared.code == 0
    assert (compared.out / "off" / "notes.txt").read_text() == "mine"
    assert (compared.out / "off" / "traces.jsonl").read_text() == ""
    for mode in ("observe", "pin"):
        lines = (compared.out / mode / "traces.jsonl").read_text().splitlines()
        spans = [
            span
            for line in lines
            for resource in json.loads(line)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]
        assert len(spans) >= ROWS
        assert any("handoff.mismatch.found" in {attribute["key"] for attribute in span["attributes"]} for span in spans)


def test_the_table_the_story_and_the_paths_are_printed(compared: Demo) -> None:
    """Plain text where it is no terminal."""
    assert "\x1b" not in compared.printed
    assert "calls filed under the wrong row or attempt" in compared.printed
    assert compared.printed.count("HANDOFF MISMATCH (used): a call was filed") == 1
    assert "Overwritten by thread 'MainThread'" in compared.printed
    for path in ("off/landscape.db", "observe/traces.jsonl", "pin/traces.jsonl", "summary.json"):
        assert str(compared.out / path) in compared.printed


def test_strict_blocks_the_calls(tmp_path: Path) -> None:
    """None is filed wrongly; a second run in the same place replaces the first."""
    run_mode("strict", rows=6, seed=1, out=tmp_path)
    run = run_mode("strict", rows=6, seed=1, out=tmp_path)
    summary = summarize(run)
    assert (summary["rows"], summary["calls_misattributed"], summary["results_misrouted"]) == (6, 0, 0)
    assert any(mismatch.outcome == "blocked" for mismatch in run.mismatches)


@pytest.mark.parametrize("rows", [1, 5])
def test_a_few_rows_are_enough(tmp_path: Path, rows: int) -> None:
    """Nothing breaks where there is no room for every kind."""
    done: list[int] = []
    run = run_mode("off", rows=rows, seed=1, out=tmp_path, progress=done.append)
    assert sum(done) == rows
    assert run.report.completed + len(run.report.failed) == rows
    assert all(isinstance(error, TimeoutError) for error in run.report.failed.values())  # where much else is running
    assert rows > 1 or summarize(run)["calls_misattributed"] == 0  # of five, luck may spare all


def report(evidence: str, true: str, filed: str, outcome: str = "used") -> Any:
    """A mismatch as `summarize` sees it."""
    return SimpleNamespace(
        submission=SimpleNamespace(ids=MappingProxyType({"state_id": true})),
        expected={"state_id": true},
        observed={"state_id": filed},
        evidence=evidence,
        outcome=outcome,
    )


def test_a_report_bears_out_one_call_and_unfounded_ones_are_false(landscape: Landscape, tmp_path: Path) -> None:
    """Two wrong calls of row 0 under row 1; row 1 itself is in order."""
    landscape.begin_run("run-1")
    node_id = landscape.register_node("run-1", "n")
    tokens = [landscape.create_token(landscape.create_row("run-1", index, {})) for index in (0, 1)]
    first, second = (landscape.begin_node_state(token, node_id, 0) for token in tokens)
    for index in (0, 1):
        body = {"json": {"row": "row-0000", "attempt": 0, "request": index}}
        landscape.record_call(second, index, "http", "success", body)
    database = tmp_path / "landscape.db"

    def judged(*mismatches: Any) -> tuple[float, float]:
        run = ModeRun("observe", 2, database, database, 1.0, RunReport(), list(mismatches))
        summary = summarize(run)
        assert summary["mismatches_reported"] == len(mismatches)
        return summary["misattributed_and_reported"], summary["false_reports"]

    call = report("call", first, second)
    assert judged() == (0, 0)
    assert judged(call) == (1, 0)
    assert judged(call, call) == (2, 0)
    assert judged(call, call, call) == (2, 1)
    assert judged(report("call", second, first)) == (0, 1)
    assert judged(report("read", first, second), report("read", second, first)) == (0, 1)
    assert judged(report("call", second, first, "exposed"), report("read", second, first, "prevented")) == (0, 0)


def test_the_reports_do_not_drown_the_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They are collected; none, in full or in one line, comes out of Python's log as well."""
    run = run_mode("observe", rows=20, seed=1, out=tmp_path)
    assert len(run.mismatches) > 1
    assert "HANDOFF MISMATCH" not in caplog.text
