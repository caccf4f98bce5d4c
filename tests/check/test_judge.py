"""What is found in spans alone, and what a detector left on them, whatever their order."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from otel_handoff.check.checked import Checked
from otel_handoff.check.finding import Finding
from otel_handoff.check.judge import Judge
from otel_handoff.record import semconv
from otel_handoff.traces.files import find
from otel_handoff.traces.otlp import read_spans
from tests.check import spans
from tests.traces import lines

OTHER_TRACE = "1" * 32
ALIASES = {"elspeth": {"token.id": "token_id"}}


def judged(folder: Path, *requests: dict[str, Any]) -> tuple[Checked, list[Finding]]:
    """Judge requests, each in a file of its own."""
    for number, request in enumerate(requests):
        content = lines.text(request).encode()
        (folder / f"{number:02}.jsonl").write_bytes(gzip.compress(content) if number % 2 else content)

    def broken(line: object) -> None:
        raise AssertionError(line)

    with closing(Judge(ALIASES)) as judge:
        for span in read_spans(find([str(folder)]).files, broken=broken):
            judge.add(span)
        checked = judge.finish()
        return checked, list(judge.findings())


def of(*made: dict[str, Any], process: str = "one") -> dict[str, Any]:
    return lines.request(*made, resource={"service.instance.id": process}, scope=semconv.SCOPE)


def told(findings: Sequence[Finding]) -> list[tuple[str, str, str, dict[str, Any], dict[str, Any]]]:
    return [(each.found_by, each.evidence, each.outcome, dict(each.expected), dict(each.observed)) for each in findings]


@pytest.mark.parametrize("submitted", ["x" * 600, ["a", "b"], "state-1"])
@pytest.mark.parametrize("carried", ["x" * 600, "x" * 599 + "y", ["a", "b"], ["a"]])
def test_ids_of_any_length_and_lists_are_compared_in_calls(tmp_path: Path, submitted: Any, carried: Any) -> None:
    """They are not kept in full, and told apart all the same."""
    row = spans.row(1, 1)
    row["attributes"] += lines.attributes({"elspeth.state_id": submitted})
    findings = judged(tmp_path, of(row, spans.call(2, 1, 1, carries={"elspeth.state_id": carried})))[1]
    assert [list(finding.observed) for finding in findings] == ([] if submitted == carried else [["state_id"]])


@pytest.mark.parametrize(
    ("submitted", "carried"),
    [
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b8109dad11d180b400c04fd430c8"),
        (1, 1.0),
        (1, True),
        (17, "17"),
        ("17.00", "17"),
        ("2026-11-28 10:00:00+00:00", "2026-11-28T10:00:00Z"),
        ("b'id'", "6964"),
        ("['a', 1]", '["a", 1]'),
        ("nan", float("nan")),
    ],
)
def test_an_id_in_another_usual_spelling_is_the_same(tmp_path: Path, submitted: Any, carried: Any) -> None:
    """On a span of others and on a call, as a detector compares them; another id is another in any."""
    row = spans.row(1, 1)
    row["attributes"] += lines.attributes({"elspeth.state_id": submitted})
    below = [
        spans.foreign(2, 1, 1, {"elspeth.state_id": carried}),
        spans.call(3, 1, 1, carries={"elspeth.state_id": carried}),
    ]
    assert judged(tmp_path, of(row, *below))[1] == []
    below = [
        spans.foreign(2, 1, 1, {"elspeth.state_id": "18.01"}),
        spans.call(3, 1, 1, carries={"elspeth.state_id": 18.01}),
    ]
    assert [finding.evidence for finding in judged(tmp_path, of(row, *below))[1]] == ["span", "call"]


def test_spans_that_agree_are_in_order(tmp_path: Path) -> None:
    """Of two processes that both have a submission 1, and with others below."""
    first = [
        spans.row(1, 1),
        spans.call(2, 1, 1),
        spans.foreign(3, 1, 1),
        spans.foreign(4, 3, 1, {"token.id": "token-1"}),
    ]
    second = [spans.row(1, 1, trace=OTHER_TRACE), spans.call(2, 1, 1, trace=OTHER_TRACE)]
    checked, findings = judged(tmp_path, of(*first), of(*second, process="two"), lines.request(lines.span(9, "plain")))
    assert findings == []
    assert checked == Checked(
        spans=7,
        duplicates=0,
        submissions=2,
        judged=2,
        unchecked_rows=0,
        unchecked=[],
        blind=[],
        calls=2,
        foreign=2,
        processes=2,
        unnamed=0,
        boundaries=["elspeth"],
        calls_without_row=0,
        unwatched=0,
        outlived=0,
    )


@pytest.mark.parametrize("name", ["elspeth.token_id", "token.id"])
def test_a_span_of_others_that_disagrees(tmp_path: Path, name: str) -> None:
    """Deep below the row; alike ones are told once, and the one on another value by itself."""
    wrong = [spans.foreign(span_id, 2, 1, {name: "token-2"}) for span_id in (3, 4)]
    another = spans.foreign(5, 2, 1, {name: "token-3"})
    _, findings = judged(tmp_path, of(*wrong, another, spans.foreign(2, 1, 1), spans.row(1, 1, endTimeUnixNano=2**62)))
    assert told(findings) == [
        ("check", "span", "used", {"token_id": "token-1"}, {"token_id": "token-2"}),
        ("check", "span", "used", {"token_id": "token-1"}, {"token_id": "token-3"}),
    ]
    assert [finding.spans for finding in findings] == [2, 1]
    assert findings[0].span_id == f"{3:016x}"
    assert findings[0].submission.number == 1
    assert not any(finding.is_record for finding in findings)


def test_what_the_detector_reported_is_not_told_again(tmp_path: Path) -> None:
    """A span that disagrees is reported on its row."""
    more = {semconv.CALL_TARGET: "POST"}
    row = spans.row(1, 1, endTimeUnixNano=2**62, events=spans.report("span", 1, more=more, token_id="token-2"))
    _, findings = judged(tmp_path, of(spans.foreign(2, 1, 1, {"token.id": "token-2"}), row))
    assert told(findings) == [("detector", "span", "used", {"token_id": "token-1"}, {"token_id": "token-2"})]


def test_a_span_that_started_after_the_work_is_nobodys(tmp_path: Path) -> None:
    """A thread that outlives the row may have gone on to another; one that agrees is not counted."""
    late = spans.foreign(5, 1, 1, {"token.id": "token-2"})
    checked, findings = judged(tmp_path, of(spans.row(1, 1), late, spans.foreign(6, 1, 1)))
    assert findings == []
    assert checked.outlived == 1


def test_a_row_within_a_row_is_judged_by_itself(tmp_path: Path) -> None:
    """Its spans carry its own ids."""
    nested = [spans.row(2, 2, parentSpanId=f"{1:016x}"), spans.call(3, 2, 2), spans.foreign(4, 2, 2)]
    assert judged(tmp_path, of(spans.row(1, 1, endTimeUnixNano=2**62), *nested))[1] == []


def test_two_workers_of_one_submission(tmp_path: Path) -> None:
    """In one process. The same number at another time is another submission (a fork counts on)."""
    forked = {**spans.submission(1), semconv.SUBMISSION_TIME: spans.TIME + 99}
    fork = spans.row(3, 1, attributes=lines.attributes(forked))
    twin = spans.row(1, 1, trace=OTHER_TRACE)
    checked, findings = judged(tmp_path, of(spans.row(1, 1), spans.row(2, 1), fork), of(twin, process="two"))
    assert checked.submissions == 3
    assert told(findings) == [("check", "work", "exposed", {}, {})]
    assert findings[0].headline == "2 workers claimed one submission"
    assert findings[0].submission.ids == spans.ids(1)


def test_processes_are_told_apart_by_trace_if_nothing_else_tells(tmp_path: Path) -> None:
    """Two processes without an id, both of which have a submission 1 of the same nanosecond."""
    both = [lines.request(spans.row(1, 1, trace=trace)) for trace in (lines.TRACE, OTHER_TRACE)]
    checked, findings = judged(tmp_path, *both)
    assert (checked.submissions, checked.processes, checked.unnamed, findings) == (2, 0, 2, [])


def test_a_call_that_carries_other_ids_than_its_row(tmp_path: Path) -> None:
    """Each such call is a wrong record of its own."""
    wrong = [spans.call(span_id, 1, 1, carries={"elspeth.state_id": "state-2"}) for span_id in (2, 3)]
    _, findings = judged(tmp_path, of(*wrong, spans.row(1, 1), spans.row(4, 2)))
    assert told(findings) == 2 * [("check", "call", "used", {"state_id": "state-1"}, {"state_id": "state-2"})]
    assert [finding.span_id for finding in findings] == [f"{2:016x}", f"{3:016x}"]
    assert findings[0].details == {"elspeth.call.index": 0, "elspeth.call.type": "http"}
    assert (findings[0].filed, findings[0].unknown) == (spans.ids(2), ())


def test_a_call_names_its_submission_whatever_it_is_a_child_of(tmp_path: Path) -> None:
    """The host may attach a context of its own around it."""
    stray = spans.call(2, 9, 1, trace=OTHER_TRACE)
    under_another = spans.call(3, 4, 1, carries={"elspeth.state_id": "state-7"})
    checked, findings = judged(tmp_path, of(stray, under_another, spans.row(1, 1), spans.row(4, 2)))
    assert checked.calls_without_row == 0
    assert told(findings) == [("check", "call", "used", {"state_id": "state-1"}, {"state_id": "state-7"})]


def test_calls_without_their_row_are_counted_and_not_judged(tmp_path: Path) -> None:
    """The row was sampled away, or never ended; the calls' own reports stand."""
    calls = [spans.call(2, 1, 1), spans.call(3, 1, 1, events=spans.report("call", 1, state_id="state-2"))]
    checked, findings = judged(tmp_path, of(*calls))
    assert (checked.calls_without_row, checked.submissions) == (2, 0)
    assert told(findings) == [("detector", "call", "used", {"state_id": "state-1"}, {"state_id": "state-2"})]
    assert findings[0].details == {"elspeth.call.index": 3}


@pytest.mark.parametrize("evidence", ["call", "result"])
def test_ids_that_no_submission_carries_are_pointed_out(tmp_path: Path, evidence: str) -> None:
    """Filed under a state that nobody works on."""
    row = spans.row(
        1,
        1,
        events=[
            *spans.report(evidence, 1, state_id="state-2", token_id="token-77"),
            *spans.report(evidence, 1, state_id="state-2"),
        ],
    )
    _, (mixed, known) = judged(tmp_path, of(row, spans.row(2, 2)))
    assert mixed.unknown == ("token_id",)
    assert mixed.filed == {}
    assert known.unknown == ()
    assert known.filed == spans.ids(2)


def test_a_report_comes_back_whole(tmp_path: Path) -> None:
    """Both sides, the place, the call, and the culprit."""
    events = spans.report("call", 1, more=spans.CULPRIT, state_id="state-2")
    _, (finding,) = judged(tmp_path, of(spans.call(2, 1, 1, events=events), spans.row(1, 1)))
    assert finding.submission.ids == spans.ids(1)
    assert (finding.submission.thread_name, finding.submission.time_unix_nano) == ("MainThread", spans.TIME + 1)
    assert (finding.thread_name, finding.location) == ("worker_0", "pipeline/context.py:102 in record_call")
    assert (finding.target, finding.details) == ("Landscape.record_call", {"elspeth.call.index": 3})
    assert finding.culprit is not None
    assert finding.culprit.location == "engine/executor.py:119 in _submit"
    assert (finding.culprit.value, finding.culprit.number, finding.culprit.ids) == ("state-2", 2, spans.ids(2))
    assert finding.filed == spans.ids(2)
    assert (finding.trace_id, finding.span_id) == (lines.TRACE, f"{2:016x}")


def test_a_mark_without_its_event_counts(tmp_path: Path) -> None:
    """Something on the way dropped the events."""
    carries = spans.mark("call", state_id="state-2")
    _, findings = judged(tmp_path, of(spans.call(2, 1, 1, carries=carries), spans.row(1, 1)))
    assert told(findings) == [("detector", "call", "used", {"state_id": "state-1"}, {"state_id": "state-2"})]


def test_a_mark_without_its_event_tells_who_submitted(tmp_path: Path) -> None:
    """By what the row's span says: that of the call does not."""
    call = spans.call(2, 1, 1, carries=spans.mark("call", state_id="state-2"))
    _, (finding,) = judged(tmp_path, of(call, spans.row(1, 1)))
    told, row = finding.submission, spans.submission(1)
    assert (told.time_unix_nano, told.thread_name) == (row[semconv.SUBMISSION_TIME], row[semconv.SUBMISSION_THREAD])


def test_a_report_that_lost_its_attributes_is_a_mismatch_all_the_same(tmp_path: Path) -> None:
    """A limit on attributes leaves some out: what is left is told, and nothing passes for right."""
    left = {semconv.MISMATCH_FIELDS: ["state_id"], semconv.MISMATCH_EVIDENCE: "call"}
    events: list[dict[str, Any]] = [
        {"name": semconv.MISMATCH, "timeUnixNano": 1, "attributes": lines.attributes(some)} for some in (left, {})
    ]
    _, findings = judged(tmp_path, of(spans.call(2, 1, 1, events=events), spans.row(1, 1)))
    assert told(findings) == [
        ("detector", "call", "not told", {"state_id": "state-1"}, {"state_id": "not told"}),
        ("detector", "not told", "not told", {}, {}),
    ]
    assert [each.is_error for each in findings] == [True, True]
    assert [(each.submission.boundary, each.submission.number) for each in findings] == [("elspeth", 1)] * 2
    assert "does not tell all" in findings[1].headline


def test_an_event_that_lost_most_is_told_with_what_the_mark_has(tmp_path: Path) -> None:
    """They are one mismatch."""
    events = [{"name": semconv.MISMATCH, "timeUnixNano": 7, "attributes": lines.attributes(spans.CULPRIT)}]
    call = spans.call(2, 1, 1, carries=spans.mark("call", state_id="state-2"), events=events)
    _, (finding,) = judged(tmp_path, of(call, spans.row(1, 1), spans.row(3, 2)))
    assert (finding.evidence, finding.outcome, finding.observed) == ("call", "used", {"state_id": "state-2"})
    assert finding.time_unix_nano == 7
    assert finding.culprit is not None
    assert (finding.culprit.number, finding.culprit.value) == (2, "state-2")


def test_an_error_that_is_only_marked_is_not_hidden_by_a_warning_that_was_told(tmp_path: Path) -> None:
    """In a storm of errors, warnings are still told; the mark is of the error, beside what the warning had left."""
    carried = {
        **spans.submission(1),
        f"{semconv.OBSERVED}row_id": "row-2",
        **spans.mark("result", state_id="state-2"),
    }
    warning = spans.report("start", 1, "exposed", row_id="row-2")
    row = spans.row(1, 1, attributes=lines.attributes(carried), events=warning)
    _, findings = judged(tmp_path, of(row))
    assert told(findings) == [
        ("detector", "start", "exposed", {"row_id": "row-1"}, {"row_id": "row-2"}),
        ("detector", "result", "used", {"state_id": "state-1"}, {"state_id": "state-2"}),
    ]


def test_a_mark_and_its_event_are_one_mismatch(tmp_path: Path) -> None:
    """Among the events of others."""
    events = [
        *spans.report("start", 1, "exposed", state_id="state-2"),
        *spans.report("result", 1, state_id="state-2"),
        *spans.report("result", 1, state_id="state-3"),
    ]
    carried = {**spans.submission(1), **spans.mark("result", state_id="state-2")}
    _, findings = judged(tmp_path, of(spans.row(1, 1, attributes=lines.attributes(carried), events=events)))
    assert len(findings) == 3


def test_a_wrong_call_that_its_row_tells_too_is_one_mismatch(tmp_path: Path) -> None:
    """The row's mark is read where the call's span is not in the files, or does not tell it; not beside it."""
    of_row = {**spans.submission(1), **spans.mark("call", state_id="state-2"), semconv.MISMATCH_SPAN: f"{2:016x}"}
    own = spans.report("start", 1, "exposed", state_id="state-2")
    row = spans.row(1, 1, attributes=lines.attributes(of_row), events=own)
    call = spans.call(2, 1, 1, carries=spans.mark("call", state_id="state-2"))
    plain = spans.call(2, 1, 1)
    once = ("detector", "call", "used", {"state_id": "state-1"}, {"state_id": "state-2"})
    for name, made in (("both", (row, call)), ("lost", (row,)), ("silent", (plain, row)), ("another", (call, row))):
        folder = tmp_path / name
        folder.mkdir()
        _, findings = judged(folder, of(*made))
        assert [each for each in told(findings) if each[1] == "call"] == [once], name
        assert len(findings) == 2


def test_a_span_of_others_that_is_only_marked_on_its_row_is_told_once(tmp_path: Path) -> None:
    """By the mark, which does not name the span."""
    carried = {**spans.submission(1), **spans.mark("span", token_id="token-2")}
    row = spans.row(1, 1, endTimeUnixNano=2**62, attributes=lines.attributes(carried))
    _, findings = judged(tmp_path, of(row, spans.foreign(2, 1, 1, {"token.id": "token-2"})))
    assert told(findings) == [("detector", "span", "used", {"token_id": "token-1"}, {"token_id": "token-2"})]


def test_the_order_of_spans_and_files_does_not_matter(tmp_path: Path) -> None:
    """Every order of a trace with one of each."""
    made = [
        spans.row(1, 1, endTimeUnixNano=2**62),
        spans.call(2, 1, 1, carries={"elspeth.state_id": "state-9"}),
        spans.foreign(3, 4, 1, {"token.id": "token-9"}),
        spans.foreign(4, 1, 1),
    ]
    expected = None
    for number, order in enumerate(itertools.permutations(made)):
        folder = tmp_path / str(number)
        folder.mkdir()
        checked, findings = judged(folder, *map(of, order))
        found = checked, sorted(map(repr, told(findings)))
        expected = expected or found
        assert found == expected
    assert expected is not None
    assert len(expected[1]) == 2


def test_what_comes_twice_counts_once(tmp_path: Path) -> None:
    """A retried export, or a file that was copied."""
    events = spans.report("call", 1, state_id="state-2")
    made = of(spans.call(2, 1, 1, events=events), spans.row(1, 1), spans.foreign(3, 1, 1))
    checked, findings = judged(tmp_path, made, made, made)
    assert (checked.spans, checked.duplicates, checked.submissions, checked.calls) == (3, 6, 1, 1)
    assert len(findings) == 1


def test_hostile_spans_do_no_harm(tmp_path: Path) -> None:
    """Parents in a circle, a span that is its own parent, attributes of any type, ids of any length."""
    loop = [
        lines.span(1, "a", 2),
        lines.span(2, "b", 1),
        lines.span(3, "c", 3),
        spans.row(4, 4, parentSpanId=f"{4:016x}"),
    ]
    odd = [
        lines.span(10 + number, "odd", 4, attributes=lines.attributes({**spans.submission(4), **changed}))
        for number, changed in enumerate(
            [
                {semconv.SUBMISSION_ID: "x"},
                {semconv.SUBMISSION_ID: -5},
                {semconv.SUBMISSION_TIME: 0.5},
                {semconv.SUBMISSION_TIME: -(2**63)},
                {semconv.BOUNDARY: 3},
                {semconv.BOUNDARY: "x" * 10_000},
                {semconv.BOUNDARY: ""},
                {"elspeth.row_id": ["a"]},
                {"elspeth.row_id": "r" * 100_000},
            ]
        )
    ]
    marks: list[dict[str, Any]] = [{}, {semconv.BOUNDARY: 3}, {**spans.submission(4), f"{semconv.OBSERVED}x": ["y"]}]
    events = [{"name": semconv.MISMATCH, "timeUnixNano": 1, "attributes": lines.attributes(mark)} for mark in marks]
    marked = lines.span(30, "marked", 4, events=events)
    checked, findings = judged(tmp_path, of(*loop, *odd, marked))
    assert checked.spans == len(loop) + len(odd) + 1
    assert all(finding.headline for finding in findings)
