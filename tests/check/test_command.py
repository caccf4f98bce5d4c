"""`otel-handoff check`, as it is run: on the demo's traces, and on input of every kind."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from otel_handoff.demo import truth
from otel_handoff.demo.run import run_mode
from otel_handoff.record import semconv
from tests.check import spans
from tests.check.command import COMMAND, check, of, read_one_line_of, written, wrong_call
from tests.traces import lines


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's traces and audit trails in modes observe and pin."""
    out = tmp_path_factory.mktemp("demo")
    for mode in ("observe", "pin"):
        run_mode(mode, rows=50, seed=3, out=out)
    (out / "summary.json").write_text(json.dumps({"observe": {}}, indent=2))
    return out


def test_the_records_of_the_demo_are_those_its_landscape_has_wrong(demo: Path, tmp_path: Path) -> None:
    """Exactly: each wrong call with what it is filed under and belongs to; and each result that was sent on wrongly."""
    records = tmp_path / "wrong.csv"
    done = check(demo / "observe", "--records", records)
    assert (done.code, done.err) == (1, "")
    found = truth.count(demo / "observe" / "landscape.db")
    rows = rows_of(records.read_text(encoding="utf-8"))
    calls = [row for row in rows if row["evidence"] == "call"]
    assert {row["run_id"] for row in rows} == {"run-observe-3"}
    assert {row["field"] for row in calls} == {"state_id"}
    names = ("belongs_under", "filed_under", "row_id", "filed_row_id", "call_index")
    listed = sorted(tuple(row[name] for name in names) for row in calls)
    wrong = sorted(
        (str(call.true_state_id), call.filed_state_id, call.true_row_id, call.filed_row_id, str(call.call_index))
        for call in found.wrong_calls
    )
    assert listed == wrong
    assert wrong
    results = {(row["belongs_under"], row["filed_under"]) for row in rows if row["evidence"] == "result"}
    assert {(each.true_state_id, each.routed_state_id) for each in found.misrouted_results} <= results
    assert len({row["record"] for row in rows}) == int(rows[-1]["record"])
    assert f"Wrong in the audit trail: {len(wrong)} calls, {len(results)} result" in done.out
    assert (
        "|     Torn: the ids that were read for it are not of one submission." in done.out
    )  # such a result has its own token, and the state of another


def test_in_pin_nothing_is_wrong_in_the_trail(demo: Path, tmp_path: Path) -> None:
    """What was prevented is a mismatch, but no record, and --fail-on error lets it pass."""
    records = tmp_path / "wrong.csv"
    done = check(demo / "pin", "--records", records)
    assert done.code == 1
    assert "No record of the audit trail is known to be wrong." in done.out
    assert rows_of(records.read_text()) == []
    assert check(demo / "pin", "--fail-on", "error").code == 0
    assert check(demo, "--fail-on", "error").code == 1


def test_json_says_the_same(demo: Path) -> None:
    """Of both modes at once: every mismatch, the kinds, and what was checked."""
    done = check(demo, "--format", "json")
    told = json.loads(done.out)
    assert sum(kind["count"] for kind in told["kinds"]) == len(told["mismatches"]) == told["checked"]["mismatches"]
    found = truth.count(demo / "observe" / "landscape.db")
    assert told["checked"]["wrong_calls"] == len(found.wrong_calls)
    assert told["checked"]["calls"] == found.calls + truth.count(demo / "pin" / "landscape.db").calls
    first = told["mismatches"][0]
    assert first["headline"].startswith("a call was filed under ids of another submission: state_id=")
    assert first["submission"]["ids"].keys() == first["culprit"]["ids"].keys() == spans.ids(1).keys()


def test_the_text_tells_what_was_checked_and_each_kind(tmp_path: Path) -> None:
    """With a report of the first that is alike."""
    path = written(tmp_path / "a.jsonl", wrong_call())
    done = check(path)
    assert (done.code, done.err) == (1, "")
    for part in (
        "Checked 3 spans.\n  2 submissions, 1 call and 0 other spans under them, in 1 process, boundary elspeth\n",
        "1 mismatch of 1 kind.\nWrong in the audit trail: 1 call, 0 results",
        "1. 1 x call, used: state_id\n   overwritten at engine/executor.py:119 in _submit\n",
        "a call was filed under ids of another submission: state_id='state-2' instead of 'state-1'",
        "Used (call) by thread 'worker_0' 5.000 ms after submission",
        "Landscape.record_call (elspeth.call.index=3)",
        "for submission #2: run_id='run-1'",
    ):
        assert part in done.out


def test_no_mismatch(tmp_path: Path) -> None:
    """Calmly."""
    done = check(written(tmp_path / "a.jsonl", of(spans.row(1, 1))))
    assert (done.code, done.err) == (0, "")
    assert "\nNo mismatch in 1 row judged: every id" in done.out


def test_processes_without_an_id_are_not_counted_as_processes(tmp_path: Path) -> None:
    """Each of their traces is judged by itself."""
    requests = [lines.request(spans.row(1, 1, trace=f"{number:032x}")) for number in (1, 2)]
    named = of(spans.row(1, 1, trace=f"{3:032x}"))
    assert "in 2 traces of processes without an id, boundary" in check(written(tmp_path / "a.jsonl", *requests)).out
    both = check(written(tmp_path / "b.jsonl", *requests, named)).out
    assert "in 1 process and 2 traces of processes without an id, boundary elspeth" in both


def test_broken_lines_are_named_and_do_not_hide_a_mismatch(tmp_path: Path) -> None:
    """Exit 1 with a mismatch; 2 without, for it may have been in a broken line."""
    path = written(tmp_path / "a.jsonl", of(spans.row(4, 4)), more="{oops\n")
    done = check(path)
    assert done.code == 2
    assert done.err.startswith(f"otel-handoff: {path}:2: not JSON")
    assert "1 broken line, named on stderr" in done.out
    written(tmp_path / "b.jsonl", wrong_call())
    done = check(tmp_path)
    assert (done.code, done.err.count("\n")) == (1, 1)


def test_many_broken_lines_are_not_all_named(tmp_path: Path) -> None:
    """But counted; alike ones are named once."""
    path = written(tmp_path / "a.jsonl", more="x\n" * 500)
    done = check(path)
    assert done.code == 2
    assert done.err == (
        f"otel-handoff: {path}:1: not JSON: Expecting value at column 1\n"
        f"otel-handoff: {path}: and 499 more lines like that\n"
    )
    done = check(written(path, more='x\n{"a":1}\n' * 250))
    assert (done.code, done.err.count("\n")) == (2, 21)
    assert done.err.endswith("and 480 more that could not be read\n")
    assert "500 broken lines, named on stderr" in done.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["missing.jsonl"], "cannot read missing.jsonl: No such file or directory"),
        (["{}", "--format", "xml"], "--format is text or json, not 'xml'"),
        (["{}", "--fail-on", "x"], "--fail-on is of any, error, exposed, unchecked, not 'x'"),
        (["{}", "--records", "{}"], "is one of the files to be read"),
        (["{}", "--records", "no/such/folder.csv"], "no/such/folder.csv: No such file or directory"),
        (["{}", "--records", ""], "Is a directory"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(tmp_path: Path, arguments: list[str], reason: str) -> None:
    """And no file is touched."""
    path = written(tmp_path / "a.jsonl", wrong_call())
    before = path.read_text()
    done = check(*(argument.format(path) for argument in arguments))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert reason in done.err
    assert path.read_text() == before


def test_standard_input_that_is_closed(tmp_path: Path) -> None:
    """As a service may have it; the exit code is not that of a mismatch."""
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" - <&-', "sh", *COMMAND], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "otel-handoff: standard input is closed\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_output_that_is_closed(tmp_path: Path, closed: str) -> None:
    """Nobody reads it; the exit code and the records are wanted all the same."""
    traces, records = written(tmp_path / "a.jsonl", wrong_call()), tmp_path / "wrong.csv"
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, str(traces), "--records", str(records)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert records.read_text().count("\n") == 2


def test_records_on_standard_output(tmp_path: Path) -> None:
    """Then the report is on stderr, and traces may come from standard input."""
    done = check("-", "--records", "-", stdin=lines.text(wrong_call()).encode())
    (row,) = rows_of(done.out)
    assert row["time"] == "2023-11-14T22:13:20.005000+00:00"
    assert (row["run_id"], row["row_id"], row["token_id"], row["call_index"]) == ("run-1", "row-1", "token-1", "3")
    assert (row["filed_under"], row["belongs_under"], row["evidence"]) == ("state-2", "state-1", "call")
    assert (row["filed_row_id"], row["filed_token_id"]) == ("row-2", "token-2")
    assert "1 mismatch of 1 kind." in done.err


def test_an_id_that_is_no_text_is_in_no_file(tmp_path: Path) -> None:
    """As a terminal of another encoding passes it on."""
    arguments = [*COMMAND, written(tmp_path / "a.jsonl", wrong_call()), "--id", b"r\xf6w"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert "No submission in these files carried 'r\\udcf6w'." in done.stdout


def test_a_record_has_a_line_for_each_field(tmp_path: Path) -> None:
    """One number, so that it counts once."""
    events = spans.report("result", 1, state_id="state-2", token_id="token-2")
    done = check(written(tmp_path / "a.jsonl", of(spans.row(1, 1, events=events))), "--records", "-")
    rows = rows_of(done.out)
    assert [(row["record"], row["field"], row["filed_under"]) for row in rows] == [
        ("1", "state_id", "state-2"),
        ("1", "token_id", "token-2"),
    ]
    assert "   without work: no submission in these files carries such a state_id or token_id\n" in done.err


def test_ids_that_nobody_carries_are_a_kind_of_their_own(tmp_path: Path) -> None:
    """Among calls that are otherwise alike."""
    calls = [
        spans.call(number, 1, 1, events=spans.report("call", 1, state_id=state))
        for number, state in ((4, "state-2"), (5, "state-88"), (6, "state-99"))
    ]
    done = check(written(tmp_path / "a.jsonl", of(*calls, spans.row(1, 1), spans.row(2, 2))))
    assert "3 mismatches of 2 kinds." in done.out
    assert "1. 2 x call, used: state_id\n   no submission in these files carries such a state_id\n" in done.out


@pytest.mark.parametrize("outcome", ["prevented", "exposed", "blocked"])
def test_only_what_was_filed_is_a_record(tmp_path: Path, outcome: str) -> None:
    """Prevented, exposed and blocked ones filed nothing wrong."""
    events = spans.report("call", 1, outcome, state_id="state-2")
    path = written(tmp_path / "a.jsonl", of(spans.call(2, 1, 1, events=events), spans.row(1, 1)))
    done = check(path, "--records", "-")
    assert (done.code, rows_of(done.out)) == (1, [])
    assert check(path, "--fail-on", "error").code == (1 if outcome == "blocked" else 0)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d"])
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    """A `'` keeps a spreadsheet from running it; JSON has the value as it is."""
    hostile = f'{start}cmd|"/C calc"!A0'
    path = written(tmp_path / "a.jsonl", wrong_call(hostile))
    (row,) = csv.DictReader(io.StringIO(check(path, "--records", "-").out, newline=""))
    assert row["filed_under"] == f"'{hostile}"
    assert json.loads(check(path, "--format", "json").out)["mismatches"][0]["observed"] == {"state_id": hostile}


def test_nothing_in_a_trace_reaches_the_terminal_as_a_control_character(tmp_path: Path) -> None:
    """Escape sequences, line breaks and letters that the output cannot show are told as escapes."""
    more = {
        **spans.CULPRIT,
        semconv.CULPRIT_LOCATION: "\x1b[2Jx.py:1\n0 mismatches",
        semconv.CALL_TARGET: "\u202ecall",
        semconv.CULPRIT_THREAD: "\U0001f600",
    }
    path = written(tmp_path / "a.jsonl", wrong_call("\x1b[31mred", more), more="\x1b[2J\n")
    path = path.rename(tmp_path / "\x1b[2J.jsonl")
    done = check(path, LC_ALL="C", PYTHONIOENCODING="ascii")
    assert done.code == 1
    assert (done.out + done.err).replace("\n", "").isprintable()
    assert "\\x1b[2Jx.py:1\\n0 mismatches" in done.out
    assert (done.out + done.err).isascii()
    assert "\U0001f600" in check(path, "--records", "-", PYTHONIOENCODING="ascii").out  # a file of UTF-8 like any other


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    """As `| head` is; the records are all there."""
    spare = [
        of(spans.call(number, 1, 1, events=spans.report("call", 1, state_id="state-2"))) for number in range(2, 2000)
    ]
    path = written(tmp_path / "a.jsonl", *spare)
    done = read_one_line_of(*COMMAND, str(path), "--format", "json", "--records", str(tmp_path / "wrong.csv"))
    assert (done.code, done.err) == (1, "")
    assert len(rows_of((tmp_path / "wrong.csv").read_text())) == len(spare)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_records_are_there_in_full_or_not_at_all(
    tmp_path: Path, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a list, or an empty one, would pass for a trail in order."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)  # stdout is found full at once, or when all is done
    path, records = written(tmp_path / "a.jsonl", wrong_call()), tmp_path / "wrong.csv"
    records.write_text("of an earlier run")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, str(path), "--records", str(records)], stdout=full, stderr=-1, check=False)
    assert (done.returncode, done.stderr) == (2, b"otel-handoff: No space left on device\n")
    assert records.read_text() == "of an earlier run"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.jsonl", "wrong.csv"]
    assert check(path, "--records", records).code == 1
    assert len(rows_of(records.read_text())) == 1


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten times the spans cost a fraction of their size."""
    program = "import resource, sys; from otel_handoff.cli import main; main(['check', *sys.argv[1:]])\n"
    program += "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"

    def peak(count: int) -> tuple[int, int]:
        from tests.check import many

        path = tmp_path / f"{count}.jsonl"
        many.write(path, count)
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
        assert f"Checked {count:,} spans." in done.stdout
        return int(done.stdout.rpartition("peak ")[2]) * 1024, path.stat().st_size

    few, few_bytes = peak(5_000)
    more, more_bytes = peak(50_000)
    assert more - few < (more_bytes - few_bytes) // 2
