"""Whatever id is asked for, the page answers what is known of it, or says that it does not know."""

from __future__ import annotations

import base64
import random
import string
import zlib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from otel_handoff.check.reading import judged
from otel_handoff.report.index import Index, index
from otel_handoff.report.scene import Scenes
from otel_handoff.traces.files import find
from tests.check import spans
from tests.report import traces
from tests.report.pages import Opened, opened
from tests.traces import lines

LETTERS = string.ascii_letters + string.digits
KNOWS = "otel-handoff check PATH --id ID answers for any id."


@pytest.fixture(scope="module")
def run(observed: Path) -> dict[str, Any]:
    """All submissions of the run, each with how many mismatches are its own."""
    return traces.found(observed, "--id", "run-observe-1")


def test_of_every_submission_it_is_said_whether_anything_is_wrong(report: Opened, run: dict[str, Any]) -> None:
    """About itself, or in that another used its ids."""
    used = {found["filed"].get("state_id") for found in run["mismatches"] if found["outcome"] == "used"}
    said: set[str] = set()
    for submission in run["submissions"]:
        state = submission["ids"]["state_id"]
        wrong = "its ids were used by another" if state in used else "no mismatch"
        expected = "mismatch" if submission["mismatches"] else wrong
        (answer,) = report.search(state.upper())
        assert answer.startswith(f"#{submission['number']} of elspeth: {expected}\n20")
        assert f"row_id={submission['ids']['row_id']} " in answer
        said.add(expected)
    assert said == {"mismatch", "its ids were used by another", "no mismatch"}


def test_a_row_that_is_drawn_beside_a_mismatch_leads_there(report: Opened, run: dict[str, Any]) -> None:
    """And is marked in the drawing; the mismatch is not counted as one that names it."""
    page = report.page
    named = {value for found in run["mismatches"] for value in _ids(found)}
    drawn = page.evaluate("[...document.querySelectorAll('.row.other')].map(row => Number(row.dataset.number))")
    beside = next(each for each in run["submissions"] if each["number"] in drawn and each["ids"]["row_id"] not in named)
    report.search(beside["ids"]["row_id"])
    assert report.entries() == []
    assert page.locator("#found").inner_text() == f"0 of {len(run['mismatches'])}"
    links = page.locator("li[data-beside]:visible")
    assert links.first.get_attribute("data-beside") == f"#{beside['number']} is drawn beside it"
    page.locator("#search").press("Enter")
    assert page.locator("article:visible").get_attribute("id") == (
        links.first.locator("a").get_attribute("href") or ""
    ).removeprefix("#")
    marked = page.locator("article:visible .row.hit")
    assert [row.get_attribute("data-number") for row in marked.all()] == [str(beside["number"])]
    plain = page.locator("article:visible .row:not(.hit) .work").first
    width = "element => parseFloat(getComputedStyle(element).strokeWidth)"
    assert marked.locator(".work").evaluate(width) > plain.evaluate(width)
    page.locator("#search").press("Escape")
    assert page.locator(".hit").count() == 0
    assert not page.locator("#answer").is_visible()
    assert len(report.entries()) == len(run["mismatches"])


def _ids(found: dict[str, Any]) -> list[str]:
    culprit: dict[str, Any] = found["culprit"]["ids"] if found["culprit"] else {}
    return [*found["submission"]["ids"].values(), *found["observed"].values(), *culprit.values()]


def test_what_many_have_is_not_told_without_end(report: Opened, run: dict[str, Any]) -> None:
    """What is wrong comes first."""
    answers = report.search("run-observe-1")
    assert len(answers) == 10 + 1
    assert answers[-1] == f"and {len(run['submissions']) - 10} more"
    wrong = [not answer.partition("\n")[0].endswith("no mismatch") for answer in answers[:-1]]
    assert wrong == sorted(wrong, reverse=True)


def test_what_is_spelled_in_full_comes_first(browser: Browser, tmp_path: Path) -> None:
    """Before what is wrong about others that merely begin like it."""
    events = spans.report("call", 10, state_id="state-11")
    path = traces.written(tmp_path / "a.jsonl", spans.row(1, 1), spans.row(2, 10), spans.call(3, 2, 10, events=events))
    report = opened(browser, traces.drawn(path, tmp_path / "a.html"))
    answers = [answer.partition("\n")[0] for answer in report.search("row-1")]
    assert answers == ["#1 of elspeth: no mismatch", "#10 of elspeth: mismatch"]
    report.page.close()


def test_what_nothing_has_is_said(report: Opened, run: dict[str, Any]) -> None:
    """With how much the page knows, and the command that knows it all."""
    count = len(run["submissions"])
    assert report.search("no-such-id") == [
        "Nothing on this page has it.",
        f"All {count} submissions of these traces are on this page. {KNOWS}",
    ]


def test_a_page_without_a_mismatch_answers_too(browser: Browser, tmp_path: Path) -> None:
    """By any id of a row, its trace and its span."""
    file = traces.drawn(traces.clean(tmp_path / "clean.jsonl"), tmp_path / "clean.html")
    report = opened(browser, file)
    for wanted in ("token-2", f"{3:016x}"):
        (answer,) = report.search(wanted)
        assert answer.startswith("#2 of elspeth: no mismatch\n")
    assert len(report.search(lines.TRACE)) == 2
    assert report.search("no-such-id")[0] == "Nothing on this page has it."
    assert (report.requests, report.complaints) == ([file.as_uri()], [])
    report.page.close()


def test_a_run_that_does_not_fit_is_not_passed_off_as_whole(browser: Browser, tmp_path: Path) -> None:
    """The page is full, and says so where something is found, and where nothing is."""
    random_ = random.Random(1)  # what does not pack
    rows: list[dict[str, Any]] = []
    for number in range(1, 4_001):
        ids = {name: "".join(random_.choices(LETTERS, k=150)) for name in ("row_id", "token_id", "state_id")}
        rows.append(spans.row(number, number, attributes=lines.attributes(spans.submission(number, **ids))))
    first, last = (each["attributes"][7]["value"]["stringValue"] for each in (rows[0], rows[-1]))
    file = traces.drawn(traces.written(tmp_path / "many.jsonl", *rows), tmp_path / "many.html")
    assert 1_350_000 < file.stat().st_size < 1_500_000
    report = opened(browser, file)
    answer, note = report.search(first)
    assert answer.startswith("#1 of elspeth: no mismatch\n")
    held = int(note.partition("first ")[2].partition(" ")[0].replace(",", ""))
    assert note == f"This page has room for the first {held:,} submissions only. {KNOWS}"
    assert 1_000 < held < 4_000
    assert report.search(last) == ["Nothing on this page has it.", note]
    assert traces.found(tmp_path / "many.jsonl", "--id", last)["submissions"][0]["number"] == 4_000
    assert (report.requests, report.complaints) == ([file.as_uri()], [])
    report.page.close()


def test_what_only_the_spans_show_is_not_told_to_be_in_order(tmp_path: Path) -> None:
    """A span of others that disagrees, whose ids it has, and a row with two workers."""
    wrong = [spans.row(1, 1, endTimeUnixNano=2**62), spans.foreign(2, 1, 1, {"token.id": "token-2"})]
    twice = [spans.row(4, 3, trace="a" * 32), spans.row(5, 3, trace="b" * 32)]
    path = traces.written(tmp_path / "odd.jsonl", *wrong, spans.row(3, 2), *twice, spans.row(6, 4))
    with judged(find([str(path)])) as read:
        Scenes(read.judge.store)
        told = unpacked(index(read.judge.store, 10_000))
    assert [line.split("\t")[:2] for line in told] == [
        ["mismatch", "#1 of elspeth"],
        ["its ids were used by another", "#2 of elspeth"],
        ["mismatch", "#3 of elspeth"],
        ["mismatch", "#3 of elspeth"],
        ["no mismatch", "#4 of elspeth"],
    ]


def unpacked(made: Index) -> list[str]:
    return zlib.decompress(base64.b64decode(made.packed)).decode().splitlines()


@pytest.mark.parametrize("room", [0, 300, 2_000, 9_000, 1_000_000])
def test_the_index_keeps_to_its_room_and_to_the_order(observed: Path, room: int, run: dict[str, Any]) -> None:
    """Whatever is packed can be unpacked, as far as it goes."""
    with judged(find([str(observed)])) as read:
        Scenes(read.judge.store)
        made = index(read.judge.store, room)
    assert len(made.packed) <= max(room, 24)
    told = unpacked(made)
    assert (len(told), made.whole) == (made.held, made.held == len(run["submissions"]))
    numbers = [int(line.split("\t")[1].split()[0][1:]) for line in told]
    assert numbers == sorted(each["number"] for each in run["submissions"])[: made.held]
