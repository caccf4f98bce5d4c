"""The page in a real Chromium: it shows what the data says, and nothing in the data does anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.check import many, spans
from tests.report import traces
from tests.report.pages import Opened, opened

# Every mark whose colour is the one of a wrong use.
RED = """() => {
  const red = getComputedStyle(document.querySelector(".use.wrong")).fill;
  const isRed = (element) => [getComputedStyle(element).fill, getComputedStyle(element).stroke].includes(red);
  return [...document.querySelectorAll("article:not([hidden]) .time *, .defs *")]
    .filter((element) => !(element instanceof SVGTitleElement) && isRed(element))
    .map((element) => (element.closest(".culprit, .head.did, .use.wrong, .did") ?? element).getAttribute("class"));
}"""


@pytest.fixture(scope="module")
def mismatches(observed: Path) -> list[dict[str, Any]]:
    """As `check` finds them, in the order of the page: one cause, errors first."""
    return sorted(traces.found(observed)["mismatches"], key=lambda found: found["outcome"] not in ("used", "blocked"))


def test_lanes_arrows_marks_and_list_agree_with_the_data(report: Opened, mismatches: list[dict[str, Any]]) -> None:
    """Of every mismatch: both threads, the way from the submission to the work, from the write to the use."""
    assert len(report.entries()) == len(mismatches)
    assert report.page.locator("h1").inner_text() == f"{len(mismatches)} mismatches, 1 cause"
    near, to_scale = pytest.approx, 0
    for mismatch, entry in zip(mismatches, report.entries(), strict=True):
        seen = report.seen()
        submission, culprit = mismatch["submission"], mismatch["culprit"]
        assert entry.startswith(f"#{submission['number']} {mismatch['evidence']} {mismatch['outcome']}")
        assert f"{mismatch['expected']['state_id']} → {mismatch['observed']['state_id']}" in entry
        assert mismatch["headline"] in seen["report"]
        assert f"span {mismatch['span_id']}" in seen["report"]
        assert set(seen["names"]) == {submission["thread_name"], mismatch["thread_name"]}
        (own,) = (row for row in seen["rows"] if row["role"] == "own")
        (filed,) = (row for row in seen["rows"] if row["role"] == "filed")
        assert (own["number"], filed["number"]) == (submission["number"], culprit["number"])
        for row in seen["rows"]:
            assert (row["submitter"], row["worker"]) == (submission["thread_name"], mismatch["thread_name"])
            hand = row["hand"]
            assert hand["from"]["x"] == near(row["submission"]["x"], abs=1.5)
            assert hand["to"]["x"] == near(row["work"]["left"], abs=1.5)
            assert row["submission"]["y"] < hand["from"]["y"] < hand["to"]["y"] < row["work"]["y"]
        if mismatch["evidence"] == "call":
            assert mismatch["span_id"] in own["calls"]
        assert seen["use"]["wrong"] == (mismatch["outcome"] in ("used", "blocked"))
        assert seen["use"]["lane"] == mismatch["thread_name"]
        assert seen["use"]["y"] == near(own["work"]["y"], abs=1)
        assert seen["culprit"]["lane"] == culprit["thread_name"]
        start, write, use = (told["time_unix_nano"] for told in (submission, culprit, mismatch))
        left, middle, right = (mark["x"] for mark in (own["submission"], seen["culprit"], seen["use"]))
        assert (start < write, write < use) == (left < middle, middle < right)
        if not seen["folds"]:
            assert (middle - left) / (right - left) == near((write - start) / (use - start), abs=0.01)
        (did,) = seen["did"]
        assert did["from"]["x"] == near(seen["culprit"]["x"], abs=1.5)
        assert did["to"]["x"] == near(seen["use"]["x"], abs=1.5)
        to_scale += not seen["folds"]
        report.page.keyboard.press("n")
    assert 0 < to_scale < len(mismatches)


def test_only_the_wrong_use_and_its_culprit_are_red(report: Opened, mismatches: list[dict[str, Any]]) -> None:
    """A use that is not known to be wrong is not."""
    for mismatch in mismatches:
        wrong = ["use wrong"] if mismatch["outcome"] in ("used", "blocked") else []
        assert {"culprit", "did", *wrong} == {name for name in report.page.evaluate(RED) if not name.startswith("head")}
        assert {name for name in report.page.evaluate(RED) if name.startswith("head")} == {"head did"}
        report.page.keyboard.press("n")


def test_any_id_is_found(report: Opened, mismatches: list[dict[str, Any]]) -> None:
    """Of the submission, of the span, and the one that was used."""
    report.page.keyboard.press("/")
    box = report.page.locator("#search")
    assert box.evaluate("box => box === document.activeElement")
    one = mismatches[-1]
    for wanted in (one["submission"]["ids"]["token_id"], one["span_id"], one["trace_id"], one["observed"]["state_id"]):
        box.fill(wanted.upper())
        told = [
            found
            for found in mismatches
            if wanted in (found["trace_id"], found["span_id"])
            or wanted in {**found["submission"]["ids"], "": None}.values()
            or wanted in {**found["culprit"]["ids"], "": None}.values()
            or wanted in found["observed"].values()
        ]
        assert len(report.entries()) == len(told)
        assert 0 < len(told) < len(mismatches)
        assert report.page.locator("#found").inner_text() == f"{len(told)} of {len(mismatches)}"
    box.fill(one["span_id"])
    box.press("Enter")
    assert f"span {one['span_id']}" in report.seen()["report"]
    box.fill("no such id")
    assert report.entries() == []
    box.press("Escape")
    assert len(report.entries()) == len(mismatches)
    assert not box.evaluate("box => box === document.activeElement")


def test_keys_move_and_zoom(report: Opened) -> None:
    """Forth and back, around the end, in and out; typing into the search moves nothing."""
    page = report.page
    first = report.seen()["id"]
    page.keyboard.press("n")
    assert report.seen()["id"] != first
    page.keyboard.press("p")
    assert report.seen()["id"] == first
    page.keyboard.press("p")
    assert report.seen()["id"] != first
    assert (
        page.locator("a[aria-current]").get_attribute("href")
        == f"#{page.locator('article:visible').get_attribute('id')}"
    )
    inner = page.locator("article:visible .inner")
    width = inner.get_attribute("width")
    before = report.seen()
    page.keyboard.press("+")
    zoomed = report.seen()
    (own,), (closer,) = ([row for row in seen["rows"] if row["role"] == "own"] for seen in (before, zoomed))
    gap, wider = before["use"]["x"] - own["work"]["left"], zoomed["use"]["x"] - closer["work"]["left"]
    assert wider == pytest.approx(1.5 * gap, rel=0.01)
    page.keyboard.press("ArrowRight")
    assert report.seen()["use"]["x"] < zoomed["use"]["x"]
    page.keyboard.press("0")
    assert (inner.get_attribute("width"), report.seen()["use"]) == (width, before["use"])
    page.keyboard.press("-")
    assert inner.get_attribute("width") == width
    page.keyboard.press("?")
    assert page.locator("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    page.locator("#search").focus()
    page.keyboard.type("+n?")
    assert inner.get_attribute("width") == width
    assert not page.locator("dialog").is_visible()


def test_the_wheel_zooms_where_it_points_and_dragging_pans(report: Opened) -> None:
    """What is under the pointer stays there; without Ctrl the page scrolls."""
    page = report.page
    before = report.seen()
    page.mouse.move(before["use"]["x"], before["use"]["y"])
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function(
        "parseFloat(document.querySelector('article:not([hidden]) .inner').getAttribute('width')) > 200"
    )
    zoomed = report.seen()
    # The browser tells whole pixels of where it points, which are made 2.7 times as wide.
    assert zoomed["use"]["x"] == pytest.approx(before["use"]["x"], abs=2)
    page.mouse.down()
    page.mouse.move(before["use"]["x"] - 60, before["use"]["y"], steps=4)
    page.mouse.up()
    assert report.seen()["use"]["x"] == pytest.approx(before["use"]["x"] - 60, abs=2)


def test_it_prints_without_what_paper_cannot_do(report: Opened) -> None:
    """The drawing and the report, no list and no buttons."""
    report.page.emulate_media(media="print")
    assert not report.page.locator("nav").is_visible()
    assert report.page.locator(".zoom:visible").count() == 0
    assert report.page.locator("article:visible .time").is_visible()
    assert report.page.locator("article:visible pre").is_visible()


def test_ids_that_are_html_stay_text(browser: Browser, tmp_path: Path) -> None:
    """Everywhere on the page, and nothing of it runs."""
    file = traces.drawn(traces.hostile(tmp_path / "hostile.jsonl"), tmp_path / "hostile.html")
    report = opened(browser, file)
    page = report.page
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    assert page.evaluate("[...document.querySelectorAll('*')].filter(e => e.onfocus || e.onerror).length") == 0
    shown = page.evaluate("[...document.querySelectorAll('article .sides')].map(each => each.textContent)")
    for text in traces.HOSTILE:
        assert any(text in sides for sides in shown)
        page.locator("#search").fill(text)
        assert report.entries()
    assert (report.requests, report.complaints) == ([file.as_uri()], [])
    page.close()


def test_nothing_may_be_loaded_or_run_but_what_is_in_the_page(report: Opened, file: Path) -> None:
    """The policy names the style and the script by their hashes; a script that gets in all the same is refused."""
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', file.read_text())
    assert policy is not None
    assert re.sub(r"sha256-[^']{44}", "HASH", policy[1]) == (
        "default-src 'none'; style-src 'HASH'; script-src 'HASH'; base-uri 'none'; form-action 'none'"
    )
    report.page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent = 'window.got = 1';"
        " document.body.append(script); }"
    )
    assert report.page.evaluate("window.got") is None
    assert len(report.complaints) == 1
    assert "Content Security Policy" in report.complaints.pop()


def test_a_run_without_a_mismatch_gets_a_calm_page(browser: Browser, tmp_path: Path) -> None:
    """Which says what was checked."""
    file = traces.drawn(traces.clean(tmp_path / "clean.jsonl"), tmp_path / "clean.html")
    report = opened(browser, file)
    assert report.page.locator("h1").inner_text() == "No mismatch"
    text = report.page.locator("body").inner_text()
    assert "No mismatch in 2 rows judged: every id that these spans carry is the one its row was submitted" in text
    assert (
        "Checked 3 spans.\n2 submissions, 1 call and 0 other spans under them, in 1 process, boundary elspeth" in text
    )
    assert report.page.locator("nav, .use, dialog").count() == 0
    assert (report.requests, report.complaints) == ([file.as_uri()], [])
    report.page.close()


def test_fifty_thousand_spans_load(browser: Browser, tmp_path: Path) -> None:
    """On a page that stays small, with each mismatch drawn: most are packed, and are there when they are asked for."""
    many.write(tmp_path / "many.jsonl", 50_000)
    file = traces.drawn(tmp_path / "many.jsonl", tmp_path / "many.html")
    assert file.stat().st_size < 1_500_000
    report = opened(browser, file)
    wrong = sum(number % 100 == 0 for number in range(1, 50_000 // 5 + 1))
    assert len(report.entries()) == wrong
    assert report.page.locator("article").count() == 30
    assert report.page.locator(".cause li a").count() == wrong
    assert "without a drawing" not in report.page.locator("nav").inner_text()
    page_without(browser, file)
    report.page.locator(".cause li a").last.click()
    report.page.locator("article:visible[data-number='10000']").wait_for()
    assert "Submission #10000 of elspeth" in report.page.locator("article:visible").inner_text()
    report.page.locator("#search").fill("state-9900")
    assert len(report.entries()) == 1
    assert (report.requests, report.complaints) == ([file.as_uri()], [])
    report.page.close()


def page_without(browser: Browser, file: Path) -> None:
    """Where the browser cannot unpack them, that is said."""
    old = browser.new_page()
    old.add_init_script("delete window.DecompressionStream")
    old.goto(file.as_uri())
    old.locator(".cause li a").last.click()
    assert old.locator("#answer p").inner_text().startswith("This drawing is packed, and this browser cannot unpack it")
    old.close()


def test_a_page_stays_small_whatever_went_wrong(browser: Browser, tmp_path: Path) -> None:
    """Two thousand mismatches with ids as long as `check` keeps, each letter six times as long in HTML."""
    made: list[dict[str, Any]] = []
    for number in range(1, 2001):
        state = f"{number:0>5}".ljust(500, '"')
        events = spans.report("call", number, more=spans.CULPRIT, state_id=state)
        trace = f"{number:032x}"
        made += [spans.call(number * 2, number * 2 - 1, number, trace=trace, events=events)]
        made += [spans.row(number * 2 - 1, number, trace=trace)]
    file = traces.drawn(traces.written(tmp_path / "long.jsonl", *made), tmp_path / "long.html")
    assert file.stat().st_size < 1_500_000
    report = opened(browser, file)
    listed, told = len(report.entries()), report.page.locator("nav").inner_text()
    assert 0 < listed < 2000
    assert f"{2000 - listed:,} more, not listed here" in told
    assert f"{2000 - report.page.locator('.cause li a').count():,} mismatches without a drawing" in told
    report.page.close()
