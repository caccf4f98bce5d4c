"""The benchmark's own machinery: it measures what it says, skips what is missing, and refuses figures of nothing."""

from __future__ import annotations

import importlib
import shutil
import socket
from collections.abc import Callable
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_handoff.demo.pipeline.context import PluginContext
from tests.benchmarks import __main__ as command
from tests.benchmarks import across, contenders, guide, handoff_cost, instructions, page, pipelines, where
from tests.benchmarks.host import Rows
from tests.benchmarks.results import Part, Table, Target, judged
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
        ("pipelines:embedded", {"mode": "pin", "telemetry": "one"}, {"rows": 5}),
    ],
)
def test_subjects(factory: str, options: dict[str, Any], run: dict[str, Any]) -> None:
    """Each subject runs, and what it measures is there."""
    with children([Subject(factory, f"tests.benchmarks.{factory}", options)]) as (child,):
        answer = child.run(**run)
    assert answer.pop("mismatches", 0) == 0
    assert len(answer) > len(("cpu", "wall", "rss"))


@pytest.mark.parametrize("name", guide.HOSTS)
def test_each_shape_of_the_guide_is_clean(name: str) -> None:
    """Its rows are handed over as the guide says, and nothing is wrong with them."""
    for mode in ("pin", "observe"):
        try:
            answer = guide.shape(name, mode)(64)
        finally:
            uninstrument()
        assert answer == {"submissions": 16 if "batch" in name else 64, "mismatches": 0, "internal_errors": 0}


def _always(value: object) -> Callable[..., object]:
    return lambda *_args, **_options: value


def _spans_of(run: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[str]]]:
    """Return the spans that `run` makes: how many attributes are of which type."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with monkeypatch.context() as patched:
        patched.setattr("opentelemetry.sdk.trace.TracerProvider", _always(provider))
        for owner, name in (
            (pipelines.BatchTransformMixin, "_process_and_complete"),
            (PluginContext, "record_call"),
        ):
            patched.setattr(owner, name, getattr(owner, name))  # given back afterwards
        try:
            run()
        finally:
            uninstrument()
    # Not of the submitter, which has a span where there is something to carry; nor the one that stands for many rows.
    spans = [span for span in exporter.get_finished_spans() if span.name not in ("submit", "judged bench")]
    return [
        (span.kind.value, sorted(type(value).__name__ for value in (span.attributes or {}).values())) for span in spans
    ]


def test_spans_by_hand_are_as_many_and_as_full_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the page would compare unlike things."""
    by_hand, ours = (
        _spans_of(lambda mode=mode: pipelines.embedded(mode, http=False)(2), monkeypatch) for mode in ("by hand", "pin")
    )
    assert len(by_hand) == 2 * (1 + 3)
    assert by_hand == ours


def test_rows_have_spans_by_hand_as_full_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same of the rows that are handed over, one span for each and for each of its calls."""
    by_hand, ours = (
        [types for _kind, types in _spans_of(lambda make=make: make()(2, calls=2), monkeypatch)]
        for make in (contenders.hand_written, lambda: contenders.handoff("pin", "spans"))
    )
    looked_at = 1  # a row that shows that the contender is on
    assert len(by_hand) == looked_at + 2 * (1 + 2)
    assert by_hand == ours


@pytest.mark.parametrize("telemetry", ["parent", "mismatch"])
def test_a_row_without_a_span_has_none(telemetry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured as unsampled, or with spans=mismatch, makes no span of a clean row."""
    try:
        assert _spans_of(lambda: contenders.handoff("pin", telemetry)(2, calls=1), monkeypatch) == []
    except contenders.NotThereError as error:
        pytest.skip(str(error))


def test_every_contender_reaches_the_worker() -> None:
    """Each that is there shows it; and a span that others make for a row is full, and below the submitter's."""
    with children(handoff_cost.subjects()) as running:
        for child in running:
            if child.skipped is None:
                child.run(rows=40, calls=1)
        skipped = {child.name: child.skipped for child in running if child.skipped}
    assert "bare" not in skipped
    assert all(reason.endswith(("cannot be imported", "is not there yet")) for reason in skipped.values())


class _Instrumentor:
    def __init__(self, *options: str) -> None:
        self.configuration = make_dataclass("Configuration", options)
        self.given: dict[str, object] = {}

    def instrument(self, **given: object) -> None:
        self.given = given


def test_a_setting_that_is_not_there_is_told() -> None:
    """What needs it is left out with the reason, and so is a target; a figure that is missing otherwise is an error."""
    with pytest.raises(contenders.NotThereError, match="spans is not there yet"):
        contenders.turn_on(_Instrumentor("mode"), "mismatch")
    there = _Instrumentor("mode", "spans")
    contenders.turn_on(there, "mismatch", mode="pin")
    assert (there.given["spans"], there.given["mode"]) == ("mismatch", "pin")
    target = judged("a", 2, "%", lambda: {"all": 1.0}["mismatch"], {"mismatch": "not there yet"})
    assert target.verdict == "not measured: not there yet"
    with pytest.raises(KeyError):
        judged("a", 2, "%", lambda: {"all": 1.0}["misspelt"], {"mismatch": "not there yet"})


def test_the_storm_is_counted() -> None:
    """No mismatch of a storm is lost to the counter, and a calm run has none."""
    subjects = [Subject(str(wrong), "tests.benchmarks.storm:storm", {"wrong": wrong}) for wrong in (False, True)]
    with children(subjects) as running:
        assert [child.run(rows=50)["counted"] for child in running] == [0, 50]


def test_the_page(tmp_path: Path) -> None:
    """The command writes a page with what it measured, and no host name."""
    out = tmp_path / "page.md"
    assert command.main(["start", "--quick", "--out", str(out)]) == 0
    text = out.read_text()
    assert "| `otel-handoff --help` | " in text
    assert "A quick run" in text
    assert socket.gethostname() not in text


def test_verdicts() -> None:
    """A target is met up to its limit, or from it on; one that could not be measured says why."""
    targets = [
        Target("a", 1.4, "x", 1.4, floor=1.2),
        Target("b", 1.4, "x", 1.41),
        Target("c", 2, "%", None, "no ELSPETH"),
        Target("d", 60_000, "spans/s", 60_000, at_least=True),
        Target("e", 60_000, "spans/s", 59_999, at_least=True),
    ]
    part = Part("Part", "About.", [Table("Title", ["", "cost"], [["bare", "1"]])], targets, ["d: not installed"])
    text = page.markdown([part], [("CPU", "one")], "make bench", when="today")
    assert "2 of 5 are met." in text
    assert "| a | 1.20 x | at most 1.40 x | 1.40 x | met |" in text
    assert "| b |  | at most 1.40 x | 1.41 x | **not met** |" in text
    assert "| c |  | at most 2 % | - | not measured: no ELSPETH |" in text
    assert "| d |  | at least 60,000 spans/s | 60,000 spans/s | met |" in text
    assert "| e |  | at least 60,000 spans/s | 59,999 spans/s | **not met** |" in text
    assert "| bare | 1 |" in text
    assert "- d: not installed" in text


@pytest.mark.timeout(600)  # valgrind is slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_instructions_are_of_rows() -> None:
    """What is counted is what the rows cost, not the start of the process, which is some hundred millions."""
    # As the bare contender, but none is imported beside it: under valgrind that takes ten times as long.
    bare = Subject("bare", "tests.benchmarks.host:Rows")
    assert 20_000 < instructions.instructions(bare, 50) < 200_000


def test_without_valgrind_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its targets say that they were not measured."""
    monkeypatch.setattr("shutil.which", _always(None))
    part = instructions.measure(QUICK, lambda: None)
    assert {target.verdict for target in part.targets} == {"not measured: valgrind is not installed"}
    assert part.tables == []


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
    assert min(*shares["`around/submit`"], *shares["the host"]) > 0


def test_what_leaves_is_measured_side_by_side() -> None:
    """In a pool of one process: without us, and with; OpenTelemetry has nothing for it."""
    header, rule, row = across.lines(["pool"], rows=4, rounds=1)
    assert header.count("|") == rule.count("|") == row.count("|") == 6
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[0] == "`ProcessPoolExecutor`"
    assert cells[2] == ""
    assert all(float(cells[at]) > 0 for at in (1, 3, 4))
