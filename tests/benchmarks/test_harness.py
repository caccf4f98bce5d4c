"""The benchmark's own machinery: it measures what it says, skips what is missing, and refuses figures of nothing."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from otel_handoff.demo.pipeline.context import PluginContext
from tests.benchmarks import __main__ as command
from tests.benchmarks import contenders, handoff_cost, page, pipelines, where
from tests.benchmarks.host import Rows
from tests.benchmarks.results import Part, Table, Target
from tests.benchmarks.rounds import ChildError, Subject, children, interleave
from tests.benchmarks.scale import QUICK
from tests.telemetry import uninstrument

_HERE = "tests.benchmarks.test_harness"
_HANDOFF = Subject("handoff", "tests.benchmarks.contenders:handoff", {"telemetry": "spans"})


def missing() -> Any:
    """A contender that is not installed."""
    return importlib.import_module("there_is_no_such_contender")


def failing() -> Any:
    """A contender that cannot be turned on."""
    raise ValueError("no")


def counting() -> Callable[..., Any]:
    """A subject that says how often it ran."""
    runs: list[int] = []

    def run(number: int) -> dict[str, float]:
        runs.append(number)
        return {"runs": len(runs), "number": number}

    return run


def test_children_take_turns() -> None:
    """Each child runs once a round, the first of which does not count; one that is missing is skipped, and why."""
    subjects = [
        Subject("a", f"{_HERE}:counting"),
        Subject("b", f"{_HERE}:counting"),
        Subject("missing", f"{_HERE}:missing"),
    ]
    with children(subjects) as running:
        answers = interleave(running, 3, {"number": 7})
        assert [child.skipped for child in running] == [None, None, "there_is_no_such_contender cannot be imported"]
    assert {name: [answer["runs"] for answer in found] for name, found in answers.items()} == {
        "a": [2, 3, 4],
        "b": [2, 3, 4],
    }
    assert all(answer["cpu"] >= 0 and answer["wall"] > 0 for found in answers.values() for answer in found)


def test_a_failure_is_no_figure() -> None:
    """A contender that fails ends the benchmark, and says why."""
    with pytest.raises(ChildError, match="ValueError: no"), children([Subject("failing", f"{_HERE}:failing")]):
        pass


def test_rows_run_under_otel_handoff() -> None:
    """Every clean row is a submission without a mismatch, whatever its shape; wrong ones are refused as clean."""
    with children([_HANDOFF]) as (child,):
        for shape in ({"workers": 4}, {"calls": 2}, {"nested": 2}):
            handoff_cost.checked("handoff", [child.run(rows=100, **shape)], 100)
        answer = child.run(rows=100, wrong=True)
    assert answer["mismatches"] == 100
    with pytest.raises(ChildError, match="clean rows"):
        handoff_cost.checked("handoff", [answer], 100)


def test_a_contender_that_does_not_reach_the_worker_is_refused() -> None:
    """Its cost would be that of nothing."""
    with pytest.raises(contenders.NotReachedError):
        contenders.reached(Rows(), lambda: False)


@pytest.mark.parametrize(
    ("factory", "options", "run"),
    [
        ("watched:operations", {"mode": "pin", "watch": True}, {"times": 20}),
        ("watched:memory", {"mode": "pin", "watch": True}, {"rows": 20}),
        ("pipelines:embedded", {"mode": "pin", "http": False}, {"rows": 5}),
        ("pipelines:embedded", {"mode": "observe"}, {"rows": 5}),
        ("pipelines:embedded", {"mode": "by hand"}, {"rows": 5}),
    ],
)
def test_subjects(factory: str, options: dict[str, Any], run: dict[str, Any]) -> None:
    """Each subject runs, and what it measures is there."""
    with children([Subject(factory, f"tests.benchmarks.{factory}", options)]) as (child,):
        answer = child.run(**run)
    assert answer.pop("mismatches", 0) == 0
    assert len(answer) > len(("cpu", "wall", "rss"))


def test_spans_by_hand_are_as_many_and_as_full_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the page would compare unlike things."""

    def spans(mode: str) -> list[tuple[SpanKind, int]]:
        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with monkeypatch.context() as patched:
            patched.setattr("opentelemetry.sdk.trace.TracerProvider", lambda: provider)
            for owner, name in (
                (pipelines.BatchTransformMixin, "_process_and_complete"),
                (PluginContext, "record_call"),
            ):
                patched.setattr(owner, name, getattr(owner, name))  # given back afterwards
            try:
                pipelines.embedded(mode, http=False)(2)
            finally:
                uninstrument()
        return [(span.kind, len(span.attributes or ())) for span in exporter.get_finished_spans()]

    by_hand = spans("by hand")
    assert len(by_hand) == 2 * (1 + 3)
    assert by_hand == spans("pin")


def test_the_storm_is_counted() -> None:
    """No mismatch of a storm is lost to the counter, and a calm run has none."""
    subjects = [Subject(str(wrong), "tests.benchmarks.storm:storm", {"wrong": wrong}) for wrong in (False, True)]
    with children(subjects) as running:
        assert [child.run(rows=50)["counted"] for child in running] == [0, 50]


def test_the_page(tmp_path: Path) -> None:
    """The command writes a page with each target beside its value, and no host name."""
    out = tmp_path / "page.md"
    assert command.main(["start", "--quick", "--out", str(out)]) == 0
    text = out.read_text()
    assert "| otel-handoff --help | 0.30 s | " in text
    assert "A quick run" in text
    assert socket.gethostname() not in text


def test_verdicts() -> None:
    """A target is met up to its limit; one that could not be measured says why."""
    targets = [
        Target("a", 1.4, "x", 1.4),
        Target("b", 1.4, "x", 1.41),
        Target("c", 2, "%", None, "no ELSPETH"),
    ]
    part = Part("Part", "About.", [Table("Title", ["", "cost"], [["bare", "1"]])], targets, ["d: not installed"])
    text = page.markdown([part], [("CPU", "one")], "make bench", when="today")
    assert "1 of 3 are met." in text
    assert "| b | 1.40 x | 1.41 x | **not met** |" in text
    assert "| c | 2 % | - | not measured: no ELSPETH |" in text
    assert "| bare | 1 |" in text
    assert "- d: not installed" in text


def test_unknown_part(capsys: pytest.CaptureFixture[str]) -> None:
    """A part that there is not is told in a line."""
    with pytest.raises(SystemExit) as stop:
        command.main(["nothing"])
    assert stop.value.code == 2
    assert "unknown part 'nothing'" in capsys.readouterr().err


def test_a_profile_says_whose_time_it_is() -> None:
    """The shares are of one whole; without an SDK none of it is the SDK's."""
    (table,) = where.measure(QUICK, lambda: None).tables
    shares = {name: [float(cell.removesuffix(" %")) for cell in cells] for name, *cells in table.rows}
    assert [round(sum(column)) for column in zip(*shares.values(), strict=True)] == [100, 100]
    assert shares["OpenTelemetry's SDK"][0] == 0 < shares["OpenTelemetry's SDK"][1]
    assert min(*shares["`handoff`"], *shares["the host"]) > 0
