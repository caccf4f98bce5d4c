"""A page says "no mismatch" only of what was judged, and is calm about what is none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from otel_handoff.check.reading import judged
from otel_handoff.report.index import index
from otel_handoff.report.scene import Scenes
from otel_handoff.traces.files import find
from tests.check import spans
from tests.command import handoff
from tests.report import traces
from tests.report.pages import opened
from tests.report.test_search import unpacked

UNSEEN = [spans.unchecked(10 + number, number=number) for number in (3, 4)]


def drawn(folder: Path, *made: dict[str, Any]) -> str:
    return traces.drawn(traces.written(folder / "a.jsonl", *made), folder / "a.html").read_text()


def heading(page: str) -> tuple[str, str]:
    """Of the page: the headline and the sentence below it, in the words that are read."""
    found = re.search(r'<h1>(.*?)</h1>\n<p class="verdict">(.*?)</p>', page)
    assert found is not None
    assert f"<title>{found[1]} · otel-handoff</title>" in page
    return found[1], found[2]


def test_where_nothing_was_judged_the_headline_is_not_known(tmp_path: Path) -> None:
    """Whether there was nothing, or rows that nobody was seen to work on."""
    empty = heading(drawn(tmp_path))
    assert empty == ("Not known", "Not known: nothing was judged: there is no span in these files.")
    page = drawn(tmp_path, *UNSEEN)
    assert heading(page) == ("Not known", "Not known: nothing was judged: 2 rows were handed over, and none checked.")
    assert "No mismatch" not in page
    assert "no_worker, boundary elspeth<br>no worker was recognised" in page


def test_rows_that_were_not_checked_are_in_the_headline(tmp_path: Path) -> None:
    """Beside those that were."""
    title, verdict = heading(drawn(tmp_path, spans.row(1, 1), *UNSEEN))
    assert title == "No mismatch in 1 row judged, 2 not checked"
    assert verdict == "No mismatch in 1 row judged; 2 rows not checked: 2 x no_worker."
    title, _ = heading(drawn(tmp_path, spans.row(1, 1), spans.unchecked(9, boundary="orders")))
    assert title == "Not known"


def test_what_could_not_be_read_is_in_the_headline(tmp_path: Path) -> None:
    """There may be a mismatch in it."""
    source = traces.written(tmp_path / "a.jsonl", spans.row(1, 1), more="{oops\n")
    done = handoff("report", source, "-o", tmp_path / "a.html")
    assert done.code == 0
    title, verdict = heading((tmp_path / "a.html").read_text())
    assert title == "Not known"
    assert verdict.startswith(
        "Not known: 1 line could not be read, and a mismatch may be in there.<br>No mismatch in 1"
    )


def test_beside_a_mismatch_it_is_said_what_was_not_checked(tmp_path: Path) -> None:
    """The headline is that of the mismatch."""
    page = drawn(tmp_path, spans.row(1, 1, events=spans.report("result", 1, state_id="state-2")), *UNSEEN)
    assert heading(page)[0] == "1 mismatch, 1 cause"
    assert '<p class="note">Not checked: 2 rows.<br>2 x no_worker' in page


EXPOSED = [
    spans.row(number, number, events=spans.report("end", number, "exposed", more=spans.CULPRIT, state_id="state-9"))
    for number in (1, 2)
]


def test_a_context_that_merely_moved_on_is_drawn_calmly(tmp_path: Path) -> None:
    """It is counted apart, and comes after what is wrong."""
    page = drawn(tmp_path, *EXPOSED)
    assert heading(page) == (
        "No mismatch",
        "No mismatch in 2 rows judged.",
    )
    assert '<p class="note">Note: in 2 rows the context moved on while the worker ran' in page
    assert "<h3>2 &times; no mismatch, only exposed: state_id, overwritten at" in page
    assert page.count("<article id=") == 2
    wrong = spans.row(5, 5, events=spans.report("result", 5, state_id="state-2"))
    page = drawn(tmp_path, *EXPOSED, wrong)
    assert heading(page)[0] == "1 mismatch, 1 cause"
    assert re.findall(r"<h3>(\d+) &times; (no mismatch)?", page) == [("1", ""), ("2", "no mismatch")]


def test_the_search_says_what_was_not_checked(tmp_path: Path) -> None:
    """Of rows with work and without; that one moved on is nothing wrong about it."""
    path = traces.written(
        tmp_path / "a.jsonl", *EXPOSED, *UNSEEN, spans.unchecked_row(7, 7, "field_unresolved"), spans.unchecked(8)
    )
    with judged(find([str(path)])) as read:
        Scenes(read.judge.store)
        told = unpacked(index(read.judge.store, 10_000))
    assert [line.split("\t")[:2] for line in told] == [
        ["no mismatch", "#1 of elspeth"],
        ["no mismatch", "#2 of elspeth"],
        ["not checked: no_worker", "#3 of elspeth"],
        ["not checked: no_worker", "#4 of elspeth"],
        ["not checked: field_unresolved", "#7 of elspeth"],
    ]


@pytest.mark.parametrize("made", [UNSEEN, [spans.row(1, 1), *UNSEEN], [*EXPOSED, *UNSEEN]])
def test_a_row_that_was_not_checked_is_found_on_the_page(
    browser: Browser, tmp_path: Path, made: list[dict[str, Any]]
) -> None:
    """With neither a tick nor a cross."""
    drawn(tmp_path, *made)
    report = opened(browser, tmp_path / "a.html")
    (answer,) = report.search("row-3")
    assert answer.startswith("#3 of elspeth: not checked: no_worker\n")
    mark = "getComputedStyle(document.querySelector('#answer b'), '::before').content"
    assert report.page.evaluate(mark) == '"? "'
    assert (report.requests, report.complaints) == ([(tmp_path / "a.html").as_uri()], [])
    report.page.close()


def test_rows_that_were_spared_are_not_all_where_that_is_not_known(tmp_path: Path) -> None:
    """It is calm only of a run of which everything is known."""
    spared = spans.row(1, 1, events=spans.report("read", 1, "prevented", more=spans.CULPRIT, state_id="state-2"))
    page = drawn(tmp_path, spared, spans.row(2, 2))
    title, verdict = heading(page)
    assert title == "1 row was spared, none is wrong"
    assert verdict.startswith("1 use of a wrong id was prevented, of 1 cause")
    assert "is-calm" in page.partition("<h1>")[0].rpartition("<header>")[2]
    page = drawn(tmp_path, spared, spans.row(2, 2), spans.unchecked(9, boundary="orders"))
    assert heading(page)[0] == "1 row was spared, whether others are wrong is not known"
    assert "is-calm" not in page.partition("<h1>")[0].rpartition("<header>")[2]
    wrong = spans.call(4, 2, 2, events=spans.report("call", 2, "used", more=spans.CULPRIT, state_id="state-3"))
    assert heading(drawn(tmp_path, spared, spans.row(2, 2), wrong))[0] == "2 mismatches, 1 cause"
