"""Wrong, right, or not known: "no mismatch" is said only of what was judged, with how much that is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from otel_handoff.record import semconv
from otel_handoff.record.reasons import REASONS
from tests.check import spans
from tests.check.command import Check, of, written, wrong_call
from tests.traces import lines


def found(check: Check, *arguments: Any) -> dict[str, Any]:
    return json.loads(check(*arguments, "--format", "json").out)


SUBMITTED = [spans.row(1, 1), spans.row(2, 2)]
UNSEEN = [spans.unchecked(10 + number, number=number) for number in (3, 4, 5)]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "there is no span in these files"),
        ('{"resourceLogs":[]}\n', "there is no span in these files"),
        (lines.text(of(lines.span(1))), "none of these spans is of otel-handoff (is it turned on there?)"),
        (
            lines.text(of(spans.call(2, 1, 1))),
            "the spans of the work on the rows are not in these files (sampled away, or not ended)",
        ),
        (lines.text(of(*UNSEEN)), "3 rows were handed over, and none checked"),
        (lines.text(of(spans.unchecked(1, rows=1200))), "1,200 rows were handed over, and none checked"),
        (lines.text(of(spans.unchecked_row(1, 1, "field_unresolved"))), "1 row was handed over, and none checked"),
        (lines.text(of(spans.unchecked_row(1, 1, "nothing_declared"))), "1 row was handed over, and none checked"),
    ],
)
def test_where_nothing_was_judged_it_is_not_known(check: Check, tmp_path: Path, content: str, why: str) -> None:
    """Also with --id, and whatever is to fail."""
    path = written(tmp_path / "a.jsonl", more=content)
    done = check(path)
    assert (done.code, done.err) == (2, "")
    assert f"\nNot known: nothing was judged: {why}.\n" in done.out
    assert "No mismatch" not in done.out
    told = found(check, path)
    assert (told["verdict"], told["judged"], told["mismatches"]) == ("not known", 0, [])
    assert told["not_known"] == [f"nothing was judged: {why}"]
    assert check(path, "--fail-on", "error").code == 2
    assert check(path, "--id", "row-3").code == check(path, "--id", "row-1").code == 2


def test_an_attribute_that_is_no_number_is_none_of_json(check: Check, tmp_path: Path) -> None:
    """SQLite has none such, in some versions: the rows are judged all the same."""
    odd = spans.unwatched_row(3, 6)
    odd["attributes"] += lines.attributes({"odd": float("nan")})
    assert found(check, written(tmp_path / "a.jsonl", of(*SUBMITTED, odd)))["checked"]["unwatched"] == 1


def test_rows_that_were_judged_in_part(check: Check, tmp_path: Path) -> None:
    """How many: their reads could not be seen."""
    path = written(tmp_path / "a.jsonl", of(*SUBMITTED, spans.unwatched_row(3, 6)))
    done = check(path)
    assert (done.code, done.err) == (0, "")
    assert "\nNo mismatch in 3 rows judged" in done.out
    assert "\nJudged only at their start, at each call and at their end: 1 row, whose" in done.out
    assert found(check, path)["checked"]["unwatched"] == 1
    assert "Judged only" not in check(written(tmp_path / "b.jsonl", of(*SUBMITTED))).out


def test_rows_that_were_not_checked_are_told_beside_those_that_were(check: Check, tmp_path: Path) -> None:
    """With number and reason and what to do; the code is that of what was judged, unless more is asked."""
    broken = spans.unchecked_row(3, 6, "field_unresolved")
    path = written(tmp_path / "a.jsonl", of(*SUBMITTED, *UNSEEN, broken))
    done = check(path)
    assert (done.code, done.err) == (0, "")
    assert (
        "\nNo mismatch in 2 rows judged; 4 rows not checked: 3 x no_worker, 1 x field_unresolved.\n"
        "Not checked: 4 rows.\n"
        "  3 x no_worker, boundary elspeth\n"
        f"    {REASONS['no_worker'].meaning}\n"
        f"    Do: {REASONS['no_worker'].advice}.\n"
        "  1 x field_unresolved, boundary elspeth\n"
    ) in done.out
    assert "every id" not in done.out
    told = found(check, path)
    assert (told["verdict"], told["judged"], told["checked"]["unchecked_rows"]) == ("no mismatch", 2, 4)
    assert told["unchecked"] == [
        {"boundary": "elspeth", "reason": "no_worker", "rows": 3, "pinned": 0},
        {"boundary": "elspeth", "reason": "field_unresolved", "rows": 1, "pinned": 0},
    ]
    assert check(path, "--fail-on", "unchecked").code == 2
    assert check(path, "--fail-on", "error,unchecked").code == 2


def test_a_boundary_of_which_no_row_was_judged_is_not_known(check: Check, tmp_path: Path) -> None:
    """However many of another were."""
    path = written(tmp_path / "a.jsonl", of(*SUBMITTED, spans.unchecked(9, boundary="orders")))
    done = check(path)
    assert done.code == 2
    assert "\nNot known: no row of boundary orders was judged.\nNo mismatch in 2 rows judged; 1 row not" in done.out
    path = written(tmp_path / "b.jsonl", of(*SUBMITTED, spans.unchecked(9, "call_not_seen", boundary="orders")))
    assert found(check, path)["not_known"] == ["no row of boundary orders was judged"]


def test_a_boundary_of_which_only_calls_are_there_is_not_known(check: Check, tmp_path: Path) -> None:
    """What they carry was compared with nothing."""
    pay = {semconv.BOUNDARY: "pay", semconv.SUBMISSION_ID: 7, "pay.pay_id": "p-7"}
    calls = [lines.span(number, "pay", attributes=lines.attributes(pay)) for number in (8, 9)]
    done = check(written(tmp_path / "a.jsonl", of(*SUBMITTED, *calls)))
    assert done.code == 2
    assert "\nNot known: no row of boundary pay was judged.\nNo mismatch in 2 rows judged; 2 calls not" in done.out
    assert "every id" not in done.out


@pytest.mark.parametrize("outlived", [True, False])
def test_what_was_not_compared_is_said_where_no_mismatch_is(check: Check, tmp_path: Path, outlived: bool) -> None:
    """Not that every id is right; and it fails where all is to be checked."""
    late = {"startTimeUnixNano": str(2**62), "endTimeUnixNano": str(2**62)}
    span = spans.foreign(9, 1, 1, {"elspeth.state_id": "state-9"}, **late) if outlived else spans.call(9, 8, 8)
    path = written(tmp_path / "a.jsonl", of(*SUBMITTED, span))
    assert [check(path).code, check(path, "--fail-on", "unchecked").code] == [0, 2]
    assert "every id" not in check(path).out
    what = "1 other span not judged, begun" if outlived else "1 call not compared, without"
    assert f"No mismatch in 2 rows judged; {what}" in check(path).out


@pytest.mark.parametrize(
    ("reason", "rows", "judged"),
    [("unseen_read", 2, 0), ("several_workers", 1, 1), ("no_worker", 9, 2), ("of later", 9, 2)],
)
def test_one_span_may_stand_for_rows_that_have_spans_of_their_own(
    check: Check, tmp_path: Path, reason: str, rows: int, judged: int
) -> None:
    """What these workers filed was not compared: their rows do not count as judged."""
    path = written(tmp_path / "a.jsonl", of(*SUBMITTED, spans.unchecked(9, reason, rows=rows)))
    assert found(check, path)["judged"] == judged
    assert check(path).code == (0 if judged else 2)


GAPS = {
    "part_missing": (
        "shop:Ledger.pots",
        True,
        "calls of shop:Ledger.pots were not compared in any row: there is no such",
    ),
    "field_unresolved": (
        "state_id: 'stat' of shop:Ledger.post",
        True,
        "ids in calls of boundary elspeth were not compared",
    ),
    "replaced": ("shop:Ledger.post", True, "calls of shop:Ledger.post were not compared once it had been replaced"),
    "call_not_seen": (
        "shop:Ledger.post",
        False,
        "calls of shop:Ledger.post were not compared in any row: none was seen",
    ),
    "nested": (
        "shop:Ledger.post: it was called in a row of another boundary",
        False,
        "calls of shop:Ledger.post were not compared in rows of boundary elspeth: it was called in a row of another",
    ),
    "outside": (
        "shop:Ledger.post: it was called outside of all rows",
        True,
        "calls of shop:Ledger.post were made outside of all rows, and not compared",
    ),
    "outside, too": (
        "shop:Ledger.post: it was called outside of all rows, too",
        False,
        "some calls of shop:Ledger.post were made outside of all rows, and not compared",
    ),
}


@pytest.mark.parametrize("name", GAPS)
def test_a_part_of_the_declaration_that_was_not_met_is_of_all_rows(check: Check, tmp_path: Path, name: str) -> None:
    """It is no row: not one is taken off. Where something was or may have been filed there, it is not known."""
    detail, doubtful, said = GAPS[name]
    reason = name if name in REASONS else "call_not_seen"
    number = 1 if reason == "field_unresolved" else None
    gap = spans.unchecked(9, reason, number, detail=detail)
    for count in (1, 2):
        path = written(tmp_path / f"{count}.jsonl", of(*SUBMITTED[:count], gap, {**gap, "spanId": f"{10:016x}"}))
        told = found(check, path)
        assert (told["judged"], told["checked"]["unchecked_rows"], told["unchecked"]) == (count, 0, [])
        assert told["gaps"][0]["said"].startswith(said)
        for arguments in ((), ("--id", "row-1"), ("--id", "run-1")):
            done = check(path, *arguments)
            assert done.code == (2 if doubtful else 0)
            assert ("\nNot known: " in done.out) == doubtful
            assert said in done.out
            assert "Nothing is wrong" not in done.out
            assert "every id" not in done.out
        assert (
            check(path, "--fail-on", "unchecked").code
            == check(path, "--id", "row-1", "--fail-on", "unchecked").code
            == 2
        )


def test_a_row_that_was_judged_in_other_fields_is_one_row(check: Check, tmp_path: Path) -> None:
    """Judged, and not in all of them; with --id as without."""
    carried = {semconv.UNCHECKED_REASON: "field_unresolved", semconv.UNCHECKED_FIELDS: ["node_id"]}
    made = spans.row(1, 1)
    made["attributes"] += lines.attributes(carried)
    path = written(tmp_path / "a.jsonl", of(made))
    told = found(check, path)
    assert (told["judged"], told["checked"]["partly"], told["checked"]["unchecked_rows"]) == (1, 1, 0)
    assert (
        "\nNo mismatch in 1 row judged; 1 of them not in all fields.\nNot checked: 1 row in part.\n" in check(path).out
    )
    asked = check(path, "--id", "row-1")
    assert asked.code == check(path).code == 0
    assert "no mismatch of its own, not checked in all fields (field_unresolved)\n" in asked.out
    assert (
        check(path, "--fail-on", "unchecked").code == check(path, "--id", "row-1", "--fail-on", "unchecked").code == 2
    )


def test_a_worker_that_nobody_sent_may_be_the_one_that_nobody_saw(check: Check, tmp_path: Path) -> None:
    """Of three rows it is not said that there were six."""
    ran = [spans.unchecked(20 + number, "no_submission") for number in range(3)]
    done = check(written(tmp_path / "a.jsonl", of(*UNSEEN, *ran)))
    assert "\nNot known: nothing was judged: 3 rows were handed over, and none checked.\n" in done.out
    done = check(written(tmp_path / "b.jsonl", of(*SUBMITTED, *ran, spans.unchecked(30))))
    assert "2 rows judged; 3 rows not checked: 3 x no_submission, 1 x no_worker.\n" in done.out


def test_an_id_of_two_boundaries_is_known_where_both_were_judged(check: Check, tmp_path: Path) -> None:
    """The row of the one says nothing of the other's."""
    other = lines.attributes({**spans.submission(1), semconv.BOUNDARY: "pay", "pay.row_id": "row-1"})
    other += lines.attributes({semconv.UNCHECKED_REASON: "no_worker"})
    path = written(tmp_path / "a.jsonl", of(*SUBMITTED, lines.span(9, "unchecked pay", attributes=other)))
    done = check(path, "--id", "row-1")
    assert (done.code, check(path, "--id", "row-2").code) == (2, 0)
    assert "\nNot known: no row of boundary pay that carried it was checked.\n" in done.out


@pytest.mark.parametrize(
    "change",
    [
        {semconv.SUBMISSION_ID: "two"},
        {semconv.SUBMISSION_ID: None},
        {semconv.BOUNDARY: "x" * 600},
        {semconv.BOUNDARY: 7},
        {semconv.UNCHECKED_REASON: 7},
    ],
)
def test_a_span_of_ours_that_cannot_be_read_is_a_doubt(check: Check, tmp_path: Path, change: dict[str, Any]) -> None:
    """Something on the way has changed its attributes: it is not taken for somebody else's."""
    carried = {**spans.submission(2), semconv.QUEUE_DURATION: 0.1, **change}
    carried = {name: value for name, value in carried.items() if value is not None}
    path = written(tmp_path / "a.jsonl", of(SUBMITTED[0], spans.row(2, 2, attributes=lines.attributes(carried))))
    done = check(path)
    assert done.code == check(path, "--id", "row-1").code == 2
    assert "\nNot known: 1 span of otel-handoff could not be read" in done.out


@pytest.mark.parametrize("as_", [str, float])
def test_a_number_that_was_made_a_text_is_a_number(check: Check, tmp_path: Path, as_: Callable[[Any], Any]) -> None:
    """Or a fraction: exporters of others do so."""
    carried = {**spans.submission(2), semconv.QUEUE_DURATION: 0.1}
    carried[semconv.SUBMISSION_ID] = as_(2)
    path = written(tmp_path / "a.jsonl", of(SUBMITTED[0], spans.row(2, 2, attributes=lines.attributes(carried))))
    assert (found(check, path)["judged"], check(path).code) == (2, 0)


def test_a_doubt_is_said_beside_a_mismatch(check: Check, tmp_path: Path) -> None:
    """There may be more: in what was not read, and at the boundary of which nothing was judged."""
    path = written(tmp_path / "a.jsonl", wrong_call(), of(spans.unchecked(9, boundary="orders")), more="{oops\n")
    for arguments in ((), ("--id", "row-1")):
        assert "1 line could not be read, and a mismatch may be in there" in check(path, *arguments).out
    assert "\nNot known: no row of boundary orders was judged; 1 line could" in check(path).out


def test_what_was_pinned_all_the_same_is_said(check: Check, tmp_path: Path) -> None:
    """Pinned and not checked: these rows could not go wrong, but nobody saw that they did not."""
    some = [spans.unchecked(11, number=3, pinned=True), spans.unchecked(12, number=4), *SUBMITTED]
    path = written(tmp_path / "a.jsonl", of(*some, spans.unchecked(13, "ambiguous", 5, pinned=True)))
    out = check(path).out
    assert "  2 x no_worker, boundary elspeth (1 of them pinned all the same)\n" in out
    assert "  1 x ambiguous, boundary elspeth (pinned all the same)\n" in out
    assert [each["pinned"] for each in found(check, path)["unchecked"]] == [1, 1]


def test_a_mismatch_wins_over_what_is_not_known(check: Check, tmp_path: Path) -> None:
    """And what was not checked is said beside it."""
    path = written(tmp_path / "a.jsonl", wrong_call(), of(spans.unchecked(9, boundary="orders")), more="{oops\n")
    done = check(path)
    assert done.code == 1
    assert "1 mismatch of 1 kind." in done.out
    assert "\nNot checked: 1 row.\n  1 x no_worker, boundary orders\n" in done.out
    told = found(check, path)
    assert told["verdict"] == "mismatch"
    assert len(told["not_known"]) == 2
    prevented = spans.report("read", 1, "prevented", state_id="state-2")
    path = written(tmp_path / "b.jsonl", of(spans.row(1, 1, events=prevented)), more="{oops\n")
    assert [check(path, "--fail-on", which).code for which in ("any", "error")] == [1, 2]


def test_a_row_that_says_so_more_than_once_is_one(check: Check, tmp_path: Path) -> None:
    """By its span and by one that stands for it, for one reason or for two, or by a copy of the file."""
    some = [spans.unchecked_row(3, 3, "left_on_copy"), spans.unchecked(4, "left_on_copy", 3)]
    request = of(*some, spans.unchecked(5, "unseen_read", 3), *SUBMITTED)
    told = found(check, written(tmp_path / "a.jsonl", request, request))
    assert (told["judged"], told["checked"]["unchecked_rows"], told["checked"]["submissions"]) == (2, 1, 3)
    assert [(each["reason"], each["rows"]) for each in told["unchecked"]] == [("left_on_copy", 1), ("unseen_read", 1)]


def test_a_row_that_could_not_be_judged_is_not_judged_here(check: Check, tmp_path: Path) -> None:
    """What is below it may be another's, and several workers of it are no claim; what a detector reported stands."""
    shared = [spans.unchecked_row(number, 1, "several_workers", endTimeUnixNano=2**62) for number in (1, 2)]
    below = spans.foreign(3, 1, 1, {"elspeth.state_id": "state-2"})
    nested = spans.unchecked(4, number=7, parentSpanId=f"{5:016x}")  # handed over while a row was worked on
    path = written(tmp_path / "a.jsonl", of(*shared, below, nested, spans.row(5, 5, endTimeUnixNano=2**62)))
    told = found(check, path)
    assert (told["mismatches"], told["judged"], told["checked"]["foreign"]) == ([], 1, 1)
    reported = spans.unchecked_row(8, 8, "field_unresolved", events=spans.report("read", 8, state_id="state-9"))
    assert len(found(check, written(tmp_path / "b.jsonl", of(reported)))["mismatches"]) == 1


def test_what_is_known_of_an_id_is_known_of_it_alone(check: Check, tmp_path: Path) -> None:
    """A row that was not checked gets no all-clear; one that was does, whatever others are."""
    path = written(tmp_path / "a.jsonl", of(*SUBMITTED, *UNSEEN, spans.unchecked(20, boundary="orders")))
    done = check(path, "--id", "row-3")
    assert done.code == 2
    assert "  #3 of elspeth, 2023-11-14T22:13:20.000000+00:00: not checked (no_worker)\n" in done.out
    assert "\nNot known: 1 submission carried it, and none was checked.\n" in done.out
    assert "Nothing is wrong" not in done.out
    assert [(each["number"], each["unchecked"]) for each in found(check, path, "--id", "row-3")["submissions"]] == [
        (3, "no_worker")
    ]
    done = check(path, "--id", f"{13:016x}")
    assert (done.code, "not checked (no_worker)" in done.out) == (2, True)
    done = check(path, "--id", "row-1")
    assert (done.code, "Nothing is wrong about it" in done.out) == (0, True)
    done = check(path, "--id", "run-1")
    assert done.code == 0
    assert "\nNo mismatch in the 2 submissions that were judged; 3 were not.\n" in done.out
    assert check(path, "--id", "run-1", "--fail-on", "unchecked").code == 2
    written(tmp_path / "b.jsonl", more="oops\n")
    done = check(tmp_path, "--id", "row-1")
    assert (done.code, "Not known: 1 line could not be read" in done.out) == (2, True)


EXPOSED = [
    spans.row(1, 1, events=spans.report("start", 1, "exposed", more=spans.CULPRIT, state_id="state-2")),
    spans.row(2, 2, events=spans.report("end", 2, "exposed", more=spans.CULPRIT, state_id="state-3")),
    spans.row(3, 3, events=spans.report("end", 3, "exposed", row_id="row-4")),
]


def test_a_context_that_merely_moved_on_is_no_mismatch(check: Check, tmp_path: Path) -> None:
    """It is told in a note, and fails where that is asked for."""
    path = written(tmp_path / "a.jsonl", of(*EXPOSED))
    done = check(path)
    assert (done.code, done.err) == (0, "")
    assert "\nNo mismatch in 3 rows judged.\n" in done.out
    assert "\nNote: in 3 rows the context moved on while the worker ran, and no use of a wrong id is known" in done.out
    assert "\n  1 x end: state_id, overwritten at engine/executor.py:119 in _submit\n" in done.out
    assert "\n  1 x end: row_id\n" in done.out
    told = found(check, path)
    assert (told["verdict"], told["mismatches"], told["kinds"]) == ("no mismatch", [], [])
    assert [(each["evidence"], each["outcome"]) for each in told["exposures"]] == [
        ("start", "exposed"),
        ("end", "exposed"),
        ("end", "exposed"),
    ]
    assert (told["checked"]["mismatches"], told["checked"]["exposures"]) == (0, 3)
    assert [check(path, "--fail-on", which).code for which in ("error", "exposed", "error,exposed")] == [0, 1, 1]


def test_a_note_is_on_the_id_that_is_asked_about(check: Check, tmp_path: Path) -> None:
    """As what it is: its row has no mismatch of its own."""
    path = written(tmp_path / "a.jsonl", of(*EXPOSED, spans.row(4, 9)))
    done = check(path, "--id", "row-1")
    assert done.code == 0
    assert "#1 of elspeth, 2023-11-14T22:13:20.000000+00:00: no mismatch of its own\n" in done.out
    assert "Note: in 1 row the context moved on" in done.out
    assert len(found(check, path, "--id", "row-1")["exposures"]) == 1
    assert "Note:" not in check(path, "--id", "row-9").out


@pytest.mark.parametrize("evidence", ["call", "result"])
def test_a_wrong_id_that_was_tried_is_one(check: Check, tmp_path: Path, evidence: str) -> None:
    """A call or result that failed is exposed, too, but not merely."""
    path = written(
        tmp_path / "a.jsonl", of(spans.row(1, 1, events=spans.report(evidence, 1, "exposed", state_id="state-2")))
    )
    assert (check(path).code, len(found(check, path)["mismatches"])) == (1, 1)


def test_files_that_were_passed_over_are_named(check: Check, tmp_path: Path) -> None:
    """One line each, and there is no all-clear; the exit code of a mismatch beside them stays."""
    written(tmp_path / "a.jsonl", of(*SUBMITTED))
    packed = tmp_path / "traces.jsonl.1.xz"
    packed.write_bytes(b"\xfd7zXZ\0....")
    (tmp_path / "README").write_text("about")
    done = check(tmp_path)
    assert done.code == 2
    assert done.err == f"otel-handoff: {packed}: packed with xz, which is not read: unpack it first\n"
    assert "  passed over: 1 file, named on stderr\n  left out, as plainly no traces: README\n" in done.out
    assert "\nNot known: 1 file could not be read, and a mismatch may be in there.\nNo mismatch in 2 rows" in done.out
    told = found(check, tmp_path)
    assert told["passed_over"] == [
        {"file": str(packed), "reason": "packed with xz, which is not read: unpack it first"}
    ]
    assert (told["verdict"], told["checked"]["files_passed_over"]) == ("not known", 1)
    written(tmp_path / "traces.jsonl.2", wrong_call())
    assert check(tmp_path).code == 1


def test_many_files_that_were_passed_over_are_not_all_named(check: Check, tmp_path: Path) -> None:
    """But counted."""
    for number in range(30):
        (tmp_path / f"{number}.xz").write_bytes(b"\xfd7zXZ\0....")
    done = check(tmp_path)
    assert (done.code, done.err.count("\n")) == (2, 21)
    assert done.err.endswith("otel-handoff: and 10 more that could not be read\n")
    assert "passed over: 30 files" in done.out
    assert len(found(check, tmp_path)["passed_over"]) == 30


def test_what_comes_with_an_unchecked_row_does_no_harm(check: Check, tmp_path: Path) -> None:
    """Attributes of any type and length, and any number of boundaries and reasons."""
    odd: list[dict[str, Any]] = [
        {"handoff.unchecked.rows": "x", "handoff.unchecked.pinned": 3, "handoff.submission.id": "x"},
        {"handoff.unchecked.rows": -(2**60)},
        {"handoff.unchecked.rows": 2**62},
        {"handoff.unchecked.rows": 2**62, "handoff.submission.time_unix_nano": "x"},
        {"handoff.unchecked.reason": "\x1b[2J" * 1000},
        {"handoff.unchecked.reason": 7},
        {"handoff.boundary": 7},
        {"handoff.queue.duration": 0.1},
    ]
    base = {**spans.submission(1), "handoff.unchecked.reason": "no_worker"}
    made = [
        lines.span(number, "odd", attributes=lines.attributes({**base, **each})) for number, each in enumerate(odd, 1)
    ]
    made += [spans.unchecked(100 + number, f"reason-{number}", boundary=f"b{number}") for number in range(200)]
    path = written(tmp_path / "a.jsonl", of(*made))
    done = check(path)
    assert done.code == 2
    assert done.out.replace("\n", "").isprintable()
    assert re.search(r"  and \d+ more \(--format json lists them\)\n", done.out)
    assert len(found(check, path)["unchecked"]) == 100
    assert check(path, "--id", "row-1").code == 2
