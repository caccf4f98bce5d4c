"""What is drawn is what the spans say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from otel_handoff.check.finding import Finding
from otel_handoff.check.reading import judged
from otel_handoff.record import semconv
from otel_handoff.report.axis import Axis
from otel_handoff.report.groups import group
from otel_handoff.report.scene import Scene, Scenes
from otel_handoff.traces.files import find
from otel_handoff.traces.otlp import SpanRecord, read_spans
from tests.check import spans
from tests.report import traces


@dataclass
class Read:
    """The demo's spans, and the scenes made of them."""

    rows: dict[int, SpanRecord]
    calls: dict[int, list[str]]
    findings: list[Finding]
    scenes: list[Scene]


@pytest.fixture(scope="module")
def read(observed: Path) -> Generator[Read]:
    rows: dict[int, SpanRecord] = {}
    calls: defaultdict[int, list[str]] = defaultdict(list)
    for span in sorted(
        read_spans([str(observed)], broken=lambda line: pytest.fail(str(line))), key=lambda span: span.start_ns
    ):
        number = span.attributes[semconv.SUBMISSION_ID]
        assert isinstance(number, int)
        if semconv.SUBMISSION_TIME in span.attributes:
            rows[number] = span
        else:
            calls[number].append(span.span_id)
    with judged(find([str(observed)])) as judgement:
        findings = list(judgement.judge.findings())
        scenes = Scenes(judgement.judge.store)
        yield Read(rows, calls, findings, [scenes.of(finding) for finding in findings])
    assert findings


def test_rows_and_calls_are_those_of_the_spans(read: Read) -> None:
    """The row concerned, the one whose ids were used, and all that is drawn around them."""
    for scene in read.scenes:
        assert scene.own is not None
        assert scene.own.number == scene.finding.submission.number
        assert scene.finding.culprit is not None
        assert (scene.filed and scene.filed.number) == scene.finding.culprit.number
        assert len({row.id for row in scene.rows}) == len(scene.rows)
        for row in scene.rows:
            span = read.rows[row.number]
            assert (row.start_ns, row.end_ns) == (span.start_ns, span.end_ns)
            assert row.submitted_ns == span.attributes[semconv.SUBMISSION_TIME]
            assert (row.submitted_by, row.worker) == (
                span.attributes[semconv.SUBMISSION_THREAD],
                span.attributes[semconv.THREAD_NAME],
            )
            assert [call.span_id for call in row.calls] == read.calls[row.number]


def test_what_is_left_out_is_counted(read: Read) -> None:
    """Every row that began in the time that is drawn is drawn or counted."""
    for scene in read.scenes:
        began = {
            number
            for number, span in read.rows.items()
            for stretch in scene.axis.stretches
            if stretch.start_ns <= span.start_ns <= stretch.end_ns
        }
        shown = began & {row.number for row in scene.rows}
        assert len(began) == len(shown) + scene.more


def test_time_goes_from_left_to_right(read: Read) -> None:
    """Across folds, too, and whatever matters is in sight."""
    for scene in read.scenes:
        assert scene.own is not None
        culprit = scene.finding.culprit
        instants = sorted({*scene.own.instants, scene.finding.time_unix_nano, culprit.time_unix_nano if culprit else 0})
        places = [scene.axis.place(instant) for instant in instants if instant]
        assert all(before < after for before, after in pairwise(places))
        assert places[0] > 0
        assert places[-1] < 100


def test_a_long_wait_is_folded_and_a_short_one_is_not() -> None:
    """So that what happens before and after it can be told apart."""
    axis = Axis([0, 100, 1_000_000, 1_000_100], 100)
    assert [(stretch.start_ns, stretch.end_ns) for stretch in axis.stretches] == [(-100, 200), (999_900, 1_000_200)]
    assert axis.place(100) - axis.place(0) == pytest.approx(axis.place(1_000_100) - axis.place(1_000_000))
    assert axis.place(200) < axis.place(500_000) < axis.place(999_900)
    assert len(Axis([0, 100, 1000], 100).stretches) == 1


def test_a_row_that_is_not_in_the_files_is_drawn_without_its_work(tmp_path: Path) -> None:
    """From what the report on the call says of it."""
    events = spans.report("call", 1, more=spans.CULPRIT, state_id="state-2")
    path = traces.written(tmp_path / "lost.jsonl", spans.call(2, 1, 1, events=events))
    with judged(find([str(path)])) as judgement:
        (finding,) = judgement.judge.findings()
        scene = Scenes(judgement.judge.store).of(finding)
    assert (scene.own, scene.filed, scene.rows) == (None, None, [])
    page = traces.drawn(path, tmp_path / "lost.html").read_text()
    assert '<g class="row own" data-number="1"><circle class="submission"' in page


def test_a_submission_of_an_unknown_time_is_not_of_1970(tmp_path: Path) -> None:
    """Neither the row nor the event is in the files: a process was killed in a storm."""
    call = spans.call(2, 1, 1, carries=spans.mark("call", state_id="state-2"))
    path = traces.written(tmp_path / "lost.jsonl", call)
    page = traces.drawn(path, tmp_path / "lost.html").read_text()
    assert "</b> call used<br>" in page
    assert "Used (call) at 2023-" in page
    assert "1970" not in page
    assert re.findall(r"[+-][\d.]+ h<", page) == []


def test_causes_beyond_a_hundred_are_not_told_apart(tmp_path: Path) -> None:
    """And it is not said of them that no write is on record, nor that they are one."""
    calls = [
        spans.call(
            number,
            1,
            1,
            events=spans.report(
                "call", 1, more={**spans.CULPRIT, semconv.CULPRIT_LOCATION: f"a.py:{number}"}, state_id="state-2"
            ),
        )
        for number in range(2, 105)
    ]
    page = traces.drawn(traces.written(tmp_path / "many.jsonl", *calls), tmp_path / "many.html").read_text()
    assert "<h1>103 mismatches, more than 100 causes; whether there are more is not known</h1>" in page
    assert "<h3>3 &times; others, of causes that are too many to tell apart</h3>" in page
    assert "no write on record" not in page


def test_no_cause_crowds_another_out(tmp_path: Path) -> None:
    """The last of a hundred mismatches has a cause of its own: it is drawn, and others as far as there is room."""
    calls = [
        spans.call(
            number,
            1,
            1,
            events=spans.report("call", 1, more=spans.CULPRIT if number < 102 else None, state_id="state-2"),
        )
        for number in range(2, 103)
    ]
    page = traces.drawn(traces.written(tmp_path / "many.jsonl", *calls), tmp_path / "many.html").read_text()
    assert [len(re.findall(f'<article id="m{cause}-', page)) for cause in (1, 2)] == [29, 1]


def test_groups_count_all_errors_first(read: Read) -> None:
    """And are told by the write."""
    groups = group(read.findings)
    told = [finding for finding in read.findings if not finding.is_again]
    assert groups.count + groups.exposures == len(told) == sum(each.count for each in groups.groups)
    assert groups.count == sum(finding.is_mismatch for finding in read.findings)
    for each in groups.groups:
        assert each.errors == sum(finding.is_error for finding in each.findings)
        assert [finding.is_error for finding in each.findings] == sorted(
            (finding.is_error for finding in each.findings), reverse=True
        )
        assert {(finding.culprit and finding.culprit.location) or "" for finding in each.findings} == {each.location}
