"""A wrong id of a row is told once, with where it was met again; each record that is wrong by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from otel_handoff.check import earlier
from otel_handoff.check.finding import Finding
from otel_handoff.check.text import report
from otel_handoff.record import semconv
from tests.check import spans
from tests.check.test_judge import judged, of, told
from tests.command import handoff
from tests.report import traces


def counted(folder: Path, *requests: dict[str, Any]) -> list[Finding]:
    """Those that are told by themselves; each of the others is part of one of them."""
    _, findings = judged(folder, *requests)
    assert any(finding.is_again for finding in findings) == any(finding.again for finding in findings)
    return [finding for finding in findings if finding.is_mismatch]


def event(evidence: str, outcome: str, at: int, location: str, number: int = 1, **observed: Any) -> dict[str, Any]:
    """What a detector reports at a time and place."""
    more = {semconv.CODE_FILE: "", earlier.LOCATION: location}
    (made,) = spans.report(evidence, number, outcome, more=more, **observed)
    return {**made, "timeUnixNano": str(spans.TIME + at)}


def test_a_refused_call_is_told_once(tmp_path: Path) -> None:
    """Strict refuses it, and then the result that the worker hands in for it; the host tries the call again."""
    calls = [
        spans.call(number, 1, 1, events=[event("call", "blocked", number, "http.py:9", state_id="state-2")])
        for number in (2, 3, 4)
    ]
    row = spans.row(1, 1, events=[event("result", "blocked", 9, "pool.py:5", state_id="state-2")])
    for number, request in enumerate((of(*calls, row), of(row, *reversed(calls)))):  # in the files in any order
        folder = tmp_path / str(number)
        folder.mkdir()
        (finding,) = counted(folder, request)
        assert (finding.evidence, finding.span_id) == ("call", f"{2:016x}")
        assert set(finding.again) == {"2 x call, blocked at http.py:9", "result, blocked at pool.py:5"}
        assert "  Met again: result, blocked at pool.py:5" in list(report(finding))


def test_a_clean_up_after_work_that_was_given_up_is_told_once(tmp_path: Path) -> None:
    """It reads the next row's id at several places, and the result that nobody waits for is refused."""
    events = [
        event("read", "used", 1, "ctx.py:3", state_id="state-2"),
        event("read", "used", 2, "ctx.py:4", state_id="state-2", token_id="token-2"),
        event("read", "used", 3, "pool.py:8", state_id="state-2"),
        event("result", "exposed", 4, "pool.py:9", token_id="token-2", state_id="state-2"),
    ]
    findings = counted(tmp_path, of(spans.row(1, 1, events=events)))
    assert [list(finding.observed) for finding in findings] == [["state_id"], ["state_id", "token_id"]]
    assert [finding.again for finding in findings] == [
        ("read, used at pool.py:8", "result, exposed at pool.py:9"),
        (),
    ]


def test_each_wrong_record_is_told(tmp_path: Path) -> None:
    """Whatever else the row met of the same id is part of the first."""
    calls = [
        spans.call(number, 1, 1, events=[event("call", "used", number, "http.py:9", state_id="state-2")])
        for number in (2, 3)
    ]
    events = [
        event("start", "exposed", 1, "", state_id="state-2"),
        event("read", "used", 1, "pool.py:7", state_id="state-2"),
        event("result", "used", 8, "pool.py:8", state_id="state-2"),
        event("result", "exposed", 9, "pool.py:9", state_id="state-2"),
    ]
    findings = counted(tmp_path, of(*calls, spans.row(1, 1, events=events)))
    assert [each[1:3] for each in told(findings)] == [("call", "used"), ("call", "used"), ("result", "used")]
    assert [finding.again for finding in findings] == [
        ("start, exposed", "read, used at pool.py:7", "result, exposed at pool.py:9"),
        (),
        (),
    ]


def test_other_rows_and_other_ids_are_no_repetition(tmp_path: Path) -> None:
    """Nor is a span that carries the id, nor what has an id besides it."""
    first = [
        event("call", "blocked", 1, "http.py:9", state_id="state-2"),
        event("call", "blocked", 2, "http.py:9", state_id="state-3"),
        event("call", "blocked", 3, "http.py:9", state_id="state-2", token_id="token-2"),
        event("span", "used", 4, "", state_id="state-2"),
    ]
    second = [event("call", "blocked", 1, "http.py:9", number=2, state_id="state-2")]
    findings = counted(tmp_path, of(spans.row(1, 1, events=first), spans.row(2, 2, events=second)))
    assert len(findings) == 5
    assert {finding.again for finding in findings} == {()}


def test_many_repetitions_are_not_all_named(tmp_path: Path) -> None:
    """Nor told without end; and a report draws one."""
    events = [event("read", "used", number, f"ctx.py:{number}", state_id="state-2") for number in range(1, 300)]
    (finding,) = counted(tmp_path, of(spans.row(1, 1, events=events)))
    assert finding.again == (*(f"read, used at ctx.py:{number}" for number in range(2, 7)), "and 293 times more")
    page = traces.drawn(traces.written(tmp_path / "a.jsonl", spans.row(1, 1, events=events)), tmp_path / "a.html")
    assert "<h1>1 mismatch, 1 cause</h1>" in page.read_text()


def test_what_is_part_of_another_is_not_counted_and_not_lost(tmp_path: Path) -> None:
    """In the text, in the JSON, and where an id is asked about."""
    row = spans.row(1, 1, events=[event("result", "blocked", 9, "pool.py:5", state_id="state-2")])
    call = spans.call(2, 1, 1, events=[event("call", "blocked", 1, "http.py:9", state_id="state-2")])
    path = traces.written(tmp_path / "a.jsonl", row, call)
    out = handoff("check", path).out
    assert "1 mismatch of 1 kind." in out
    assert "|   Met again: result, blocked at pool.py:5\n" in out
    assert (
        "  #1 of elspeth, 2023-11-14T22:13:20.000000+00:00: 1 mismatch\n" in handoff("check", path, "--id", "row-1").out
    )
    for options in ((), ("--id", "row-1")):
        found = traces.found(path, *options)
        assert [each["evidence"] for each in found["mismatches"]] == ["call"]
        assert [each["evidence"] for each in found["again"]] == ["result"]
        assert (found["checked"]["mismatches"], found["checked"]["again"]) == (1, 1)
