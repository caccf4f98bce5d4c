"""The demo whose rows go to another process: the same table, with a real worker of the engine's."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from otel_handoff.demo import truth
from otel_handoff.demo.across.run import run_mode
from otel_handoff.demo.run import summarize
from tests.check.command import checked
from tests.demo.test_command import demo, one_line
from tests.servers import reserved

pytestmark = [pytest.mark.timeout(120), pytest.mark.filterwarnings("ignore")]
needs_celery = pytest.mark.skipif(find_spec("celery") is None, reason="Celery is not installed: the extra `celery`")
needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="Dask is not installed: the extra `dask`")
ROWS = 30


@pytest.mark.parametrize(
    ("engine", "title"),
    [
        pytest.param("celery", "the same groups", marks=needs_celery),
        pytest.param("dask", "the same batches", marks=needs_dask),
    ],
)
def test_off_is_wrong_observe_finds_all_and_pin_has_none(engine: str, title: str, tmp_path: Path) -> None:
    """Counted from the trail; and judged once more from the traces of both processes."""
    command = [sys.executable, "-m", "otel_handoff.cli", "demo", "--engine", engine, "--rows", str(ROWS)]
    done = subprocess.run([*command, "--out", str(tmp_path)], capture_output=True, text=True, timeout=100, check=True)
    assert done.stderr == ""
    assert f"The same rows, {title}" in done.stdout
    assert "Overwritten by thread 'MainThread'" in done.stdout
    summary = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    off, observe, pin = (summary[mode] for mode in ("off", "observe", "pin"))
    assert (off["rows"], off["calls"]) == (ROWS, 2 * ROWS)
    assert off["calls_misattributed"] == observe["calls_misattributed"] > ROWS
    assert observe["misattributed_and_reported"] == observe["calls_misattributed"]
    assert observe["results_misrouted"] > 0
    assert (observe["false_reports"], pin["false_reports"]) == (0, 0)
    assert (pin["calls"], pin["calls_misattributed"], pin["results_misrouted"]) == (2 * ROWS, 0, 0)
    assert pin["mismatches_reported"] > 0
    told = checked(tmp_path / "observe" / "traces.jsonl")
    wrong = truth.count(tmp_path / "observe" / "landscape.db").wrong_calls
    assert sorted(
        (one["expected"]["state_id"], one["observed"]["state_id"])
        for one in told["mismatches"]
        if one["evidence"] == "call"
    ) == sorted((str(call.true_state_id), call.filed_state_id) for call in wrong)
    assert told["judged"] == ROWS
    assert not [one for one in told["mismatches"] if one["culprit"] is None]


@needs_celery
def test_strict_blocks_there(tmp_path: Path) -> None:
    """What was sent wrongly is refused, and its row fails."""
    done: list[int] = []
    run = run_mode("strict", engine="celery", rows=8, seed=1, out=tmp_path, progress=done.append)
    summary = summarize(run)
    assert (sum(done), summary["rows"], summary["calls_misattributed"], summary["false_reports"]) == (8, 8, 0, 0)
    assert run.report.completed + len(run.report.failed) == 8
    assert any(mismatch.outcome == "blocked" for mismatch in run.mismatches)


@needs_celery
def test_a_broker_that_is_not_there_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its URL."""
    with reserved(1) as [port]:
        url = f"redis://127.0.0.1:{port}/0"
        assert demo("--engine", "celery", "--broker", url, "--rows", "1", "--out", str(tmp_path)) == 2
    assert one_line(capsys).startswith(f"cannot reach the broker {url}: ")
