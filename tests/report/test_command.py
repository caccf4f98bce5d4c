"""`otel-handoff report`, as it is run: files in, files out, mistakes in one line."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import stat
import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.check import spans
from tests.command import handoff
from tests.report import traces
from tests.traces import lines


def refused(*arguments: Any) -> str:
    """Return the one line that the command ends with."""
    done = handoff("report", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    return done.err.removeprefix("otel-handoff: ").rstrip()


def test_mistakes_are_told_in_one_line(tmp_path: Path) -> None:
    """And nothing is written, or lost."""
    source = traces.wrong(tmp_path / "traces.jsonl")
    text = source.read_text()
    (tmp_path / "folder").mkdir()
    missing, folder, page = tmp_path / "missing", tmp_path / "folder", tmp_path / "report.html"
    assert refused(missing, "-o", page) == f"cannot read {missing}: No such file or directory"
    assert refused(source, "-o", folder) == f"{folder}: Is a directory"
    assert refused(source, "-o", missing / "report.html") == f"{missing / 'report.html'}: No such file or directory"
    assert refused(source, "-o", source) == f"{source} is one of the other files"
    assert refused(source, "-o", page, "--perfetto", source) == f"{source} is one of the other files"
    assert refused(source, "-o", page, "--perfetto", page) == f"{page} is one of the other files"
    assert refused(source, "-o", page, "--perfetto", folder) == f"{folder}: Is a directory"
    assert source.read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "traces.jsonl"]


def test_broken_lines_are_told_and_the_rest_is_drawn(tmp_path: Path) -> None:
    """On stderr by file and line, and on the page that there were some."""
    source = traces.wrong(tmp_path / "traces.jsonl", more="{broken\n")
    done = handoff("report", source, "-o", tmp_path / "report.html")
    assert done.code == 0
    assert done.err.startswith(f"otel-handoff: {source}:2: not JSON")
    page = (tmp_path / "report.html").read_text()
    assert "<h1>1 mismatch, 1 cause; whether there are more is not known</h1>" in page
    assert f"not read, or not in full: 1 broken line, in {source}<" in page
    assert '<p class="note">Not known: 1 line could not be read, and a mismatch may be in there.</p>' in page
    assert "stderr" not in page


def test_progress_is_told_at_a_terminal_and_taken_away_again(tmp_path: Path) -> None:
    """In one line; what a pipe gets is held by every other test."""
    source = traces.wrong(tmp_path / "traces.jsonl", more="{broken\n")
    ours, terminal = pty.openpty()
    arguments = ["report", str(source), "-o", str(tmp_path / "report.html"), "--perfetto", str(tmp_path / "trace.json")]
    with subprocess.Popen([*traces.COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=terminal) as process:
        os.close(terminal)
        told = b""
        with contextlib.suppress(OSError):  # Linux's way to say that nobody has the terminal open any more
            while more := os.read(ours, 1000):
                told += more
    os.close(ours)
    assert process.returncode == 0
    *said, last = told.decode().split("\r\x1b[K")
    assert last == ""
    assert said[0] == ""
    assert [what for what in said if what and not what.startswith(("reading ", "otel-handoff: "))] == [
        "judging",
        "drawing",
        "writing the file for Perfetto",
    ]
    assert "reading 100 %" in said
    (broken,) = (what for what in said if what.startswith("otel-handoff: "))
    assert broken.strip().endswith("at column 2")


def test_a_page_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Nothing but the page is left, and a link to it stays one."""
    source = traces.wrong(tmp_path / "traces.jsonl")
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    real.write_text("of an earlier run")
    link.symlink_to(real)
    assert handoff("report", source, "-o", link).code == 0
    assert link.is_symlink()
    assert real.read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.html", "real.html", "traces.jsonl"]


def test_a_page_is_no_more_open_to_others_than_the_one_before(tmp_path: Path) -> None:
    """There are ids in it."""
    page = tmp_path / "report.html"
    page.touch(0o600)
    traces.drawn(traces.wrong(tmp_path / "traces.jsonl"), page)
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """A pipe stays one, as /dev/null has to; and standard output is one."""
    source, pipe, page = traces.wrong(tmp_path / "traces.jsonl"), tmp_path / "pipe", tmp_path / "page.html"
    traces.drawn(source, page)
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        traces.drawn(source, pipe)
        assert reader.communicate()[0] == page.read_text()
    assert pipe.is_fifo()
    assert handoff("report", source, "-o", "/dev/stdout").out == page.read_text() + "/dev/stdout\n"


def test_a_name_that_the_output_cannot_show_is_escaped(tmp_path: Path) -> None:
    """The page is there under its own."""
    page = tmp_path / "\xfc.html"
    arguments = [*traces.COMMAND, "report", str(traces.wrong(tmp_path / "traces.jsonl")), "-o", str(page)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/\\xfc.html\n", "")
    assert page.is_file()


def test_perfetto_gets_json_as_others_read_it(tmp_path: Path) -> None:
    """It has no NaN."""
    odd = spans.row(1, 1, attributes=lines.attributes({**spans.submission(1), "odd": float("nan")}))
    source, trace = traces.written(tmp_path / "traces.jsonl", odd), tmp_path / "trace.json"
    assert handoff("report", source, "-o", tmp_path / "report.html", "--perfetto", trace).code == 0
    events = json.loads(trace.read_text(), parse_constant=pytest.fail)["traceEvents"]
    assert [event["args"]["odd"] for event in events if event.get("cat") == "work"] == ["NaN"]


def test_perfetto_gets_every_row_and_arrows_that_end_in_slices(observed: Path, tmp_path: Path) -> None:
    """An arrow whose end is in no slice is not drawn, and slices of one track must not overlap but nest."""
    trace = tmp_path / "trace.json"
    done = handoff("report", observed, "-o", tmp_path / "report.html", "--perfetto", trace)
    assert (done.code, done.out) == (0, f"{tmp_path / 'report.html'}\n{trace}\n")
    events = json.loads(trace.read_text())["traceEvents"]
    found = traces.found(observed)
    slices = [event for event in events if event["ph"] == "X"]
    tracks: defaultdict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    kinds: defaultdict[str, int] = defaultdict(int)
    for each in slices:
        tracks[each["pid"], each["tid"]].append((each["ts"], each["ts"] + each["dur"]))
        kinds[each["cat"]] += 1
    assert kinds == {
        "submission": found["checked"]["submissions"],
        "work": found["checked"]["submissions"],
        "call": found["checked"]["calls"],
        "mismatch": len(found["mismatches"]),
        "write": len(traces.writes(found)),
    }
    arrows: defaultdict[int, list[Any]] = defaultdict(list)
    for event in events:
        if event["ph"] in "sf":
            arrows[event["id"]].append(event)
            assert any(start <= event["ts"] <= end for start, end in tracks[event["pid"], event["tid"]])
    assert len(arrows) == kinds["work"] + kinds["mismatch"]
    assert all([end["ph"] for end in arrow] == ["s", "f"] for arrow in arrows.values())
    assert all(arrow[0]["ts"] <= arrow[1]["ts"] for arrow in arrows.values())
    named = {(event["pid"], event["tid"]) for event in events if event["name"] == "thread_name"}
    assert named == set(tracks)
    assert all(pid != tid for pid, tid in tracks)
    (process,) = (event["args"]["name"] for event in events if event["name"] == "process_name")
    assert process.startswith("otel-handoff-demo, ")
    work = sorted((each["ts"], each["ts"] + each["dur"]) for each in slices if each["cat"] == "work")
    assert all(end <= start + 0.001 for (_, end), (start, _) in pairwise(work))


@pytest.mark.parametrize("options", [["--mode", "observe"], ["--mode", "pin"], ["--mode", "compare"]])
def test_the_demo_ends_with_a_report_and_opens_it(options: list[str], tmp_path: Path) -> None:
    """In the browser that the user has set."""
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    done = subprocess.run(
        [*traces.COMMAND, "demo", "--rows", "20", "--out", str(tmp_path / "out"), "--open", *options],
        env={**os.environ, "BROWSER": f"{browser} %s"},
        capture_output=True,
        text=True,
        check=True,
    )
    page = tmp_path / "out" / "report.html"
    assert f"  {page}  each mismatch drawn" in done.stdout
    assert opened.read_text().strip() == page.as_uri()
    shown = "pin" if "pin" in options else "observe"
    count = len(traces.found(tmp_path / "out" / shown / "traces.jsonl")["mismatches"])
    assert count
    assert f'data-found="{count} mismatch' in page.read_text()


def test_the_demo_has_no_report_without_traces(tmp_path: Path) -> None:
    """And says so before it runs, if one is to be opened."""
    done = handoff("demo", "--mode", "off", "--rows", "1", "--out", tmp_path / "out", "--open")
    assert (done.code, done.out) == (2, "")
    assert done.err == "otel-handoff: --open opens the report, and there is none in mode off\n"
    done = handoff("demo", "--mode", "off", "--rows", "1", "--out", tmp_path / "out")
    assert done.code == 0
    assert not (tmp_path / "out" / "report.html").exists()
