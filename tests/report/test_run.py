"""What the page says of the whole run: whose it is, all that was found over time, and what can be taken from it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from otel_handoff.check.reading import judged
from otel_handoff.demo.run import run_mode
from otel_handoff.record import semconv
from otel_handoff.record.shown import show_clock
from otel_handoff.report.run import write_report
from otel_handoff.report.strip import Strip
from otel_handoff.traces.files import find
from otel_handoff.version import __version__
from tests.check import spans
from tests.command import handoff
from tests.report import traces
from tests.report.pages import Opened, opened

URL = "https://jaeger.example/trace/{trace_id}?span={span_id}&<\"'>"
RED = """() => {
  const probe = document.createElement("i");
  document.body.append(probe);
  const colored = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const red = colored("--red");
  const used = ["color", "fill", "stroke", "backgroundColor"];
  const isSeen = ({ width, height }) => width > 0 && height > 0;
  return [...document.querySelectorAll("body *")]
    .filter((element) => element !== probe && isSeen(element.getBoundingClientRect()))
    .filter((element) => used.some((name) => getComputedStyle(element)[name] === red))
    .map((element) => element.outerHTML.slice(0, 80));
}"""
# Of all text that can be seen: the worst contrast, against what is behind it.
CONTRAST = """() => {
  const parts = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const seen = [...document.querySelectorAll("body *")].filter((element) => element.getClientRects().length)
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  return seen.map((element) => {
    const style = getComputedStyle(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    return [ratio(light(color), light(behind(element))), element.outerHTML.slice(0, 60), light(behind(document.body))];
  }).sort((a, b) => a[0] - b[0])[0];
}"""


@pytest.fixture(scope="module")
def found(observed: Path) -> dict[str, Any]:
    """As `check` finds them."""
    return traces.found(observed)


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the demo in mode pin."""
    folder = tmp_path_factory.mktemp("pinned")
    run = run_mode("pin", rows=60, seed=1, out=folder)
    write_report([str(run.traces)], str(folder / "report.html"))
    return folder / "report.html"


@pytest.fixture(scope="module")
def linked(observed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the demo in mode observe, with links."""
    page = tmp_path_factory.mktemp("linked") / "report.html"
    write_report([str(observed)], str(page), trace_url=URL)
    return page


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of rows that left their process."""
    folder = tmp_path_factory.mktemp("across")
    write_report(
        [str(path) for path in traces.across(folder)], str(folder / "report.html"), str(folder / "perfetto.json")
    )
    return folder / "report.html"


@pytest.fixture
def run(browser: Browser, linked: Path) -> Generator[Opened]:
    run = opened(browser, linked)
    yield run
    run.page.close()
    assert run.complaints == []


def facts(page: Page) -> dict[str, str]:
    names, told = (page.locator(f".facts {tag}").all_inner_texts() for tag in ("dt", "dd"))
    return dict(zip(names, told, strict=True))


def test_it_says_whose_run_it_is_of(run: Opened, observed: Path, found: dict[str, Any]) -> None:
    """Enough to put it into a post-mortem without a word."""
    told = facts(run.page)
    assert told["Service"] == "otel-handoff-demo"
    assert told["Instance"] in observed.read_text()
    assert told["Files"] == str(observed)
    assert told["Mode"] == "observe"
    assert told["Version"] == f"otel-handoff {__version__}; page by {__version__}"
    assert f"{found['checked']['submissions']} submissions, {found['checked']['calls']} calls" in told["Judged"]
    assert told["Not judged"] == "nothing was left out"
    day, start, _, end, zone, *_ = told["Time"].split()
    assert zone == "UTC"
    for mismatch in found["mismatches"]:
        assert f"{day} {start}" <= clock(mismatch) <= f"{day} {end}"


def clock(mismatch: dict[str, Any]) -> str:
    return show_clock(mismatch["time_unix_nano"])[:23].replace("T", " ")


def cells(page: Page) -> Counter[int]:
    """What the strip has in each part of the time."""
    data = page.locator(".strip").get_attribute("data-cells") or ""
    counts = Counter[int]()
    for cell in data.split(";"):
        bin_, _, _, _, count = map(int, cell.split(","))
        counts[bin_] += count
    return counts


def test_every_mismatch_is_on_the_strip_and_can_be_chosen(run: Opened, found: dict[str, Any]) -> None:
    """By what it is, and by when; in the list and on the strip alike."""
    page, mismatches = run.page, found["mismatches"]
    assert sum(cells(page).values()) == len(mismatches)
    evidence = Counter(mismatch["evidence"] for mismatch in mismatches)
    assert page.locator(".facet button").all_inner_texts() == [f"{name} {count}" for name, count in evidence.items()]
    chip = page.get_by_role("button", name="result")
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    assert len(run.entries()) == evidence["result"]
    assert page.locator("#chosen").inner_text() == f"{evidence['result']} of {len(mismatches)}"
    high = "rects => rects.filter(rect => Number(rect.getAttribute('height')) > 0).length"
    assert page.locator(".bin .wrong").evaluate_all(high) <= evidence["result"]
    page.get_by_role("button", name="Show all").click()
    assert len(run.entries()) == len(mismatches)
    # A click shows what is there; dragging chooses a time.
    strip = page.locator(".strip").bounding_box()
    assert strip is not None
    bins = int(page.locator(".strip").get_attribute("data-bins") or 0)
    last = max(cells(page))
    page.mouse.click(strip["x"] + (last + 0.5) / bins * strip["width"], strip["y"] + 30)
    shown = page.locator(".cause a[aria-current]").locator("..")
    assert shown.get_attribute("data-bin") == str(last)
    page.mouse.move(strip["x"] + strip["width"] - 1, strip["y"] + 30)
    page.mouse.down()
    page.mouse.move(strip["x"] + (last - 9.5) / bins * strip["width"], strip["y"] + 30, steps=4)
    page.mouse.up()
    late = sum(count for bin_, count in cells(page).items() if bin_ >= last - 10)
    assert len(run.entries()) == late < len(mismatches)
    assert page.locator(".brush").is_visible()
    page.keyboard.press("Escape")
    assert len(run.entries()) == len(mismatches)
    # By the keyboard: up to the one that is shown.
    page.locator(".cause a").first.press("Enter")
    page.keyboard.press("]")
    assert len(run.entries()) == cells(page)[min(cells(page))] < len(mismatches)
    page.keyboard.press("Escape")


def test_ids_and_the_list_of_wrong_records_can_be_copied(
    browser: Browser, linked: Path, observed: Path, tmp_path: Path, found: dict[str, Any]
) -> None:
    """The list is the one of `check --records`."""
    context = browser.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(linked.as_uri())
    held = "navigator.clipboard.readText()"
    page.get_by_role("button", name="Copy the trace id").locator("visible=true").click()
    page.locator("button.done").wait_for()
    assert page.evaluate(held) in {mismatch["trace_id"] for mismatch in found["mismatches"]}
    page.get_by_role("button", name="Copy the list of wrong records (CSV)").click()
    page.locator('[data-do="records"].done').wait_for()
    handoff("check", observed, "--records", tmp_path / "wrong.csv")
    assert page.evaluate(held).splitlines() == (tmp_path / "wrong.csv").read_text().splitlines()
    context.close()


def test_each_leads_to_its_trace(run: Opened, found: dict[str, Any]) -> None:
    """By an address that is the user's, whatever is in it; nobody is told where from."""
    link = run.page.get_by_role("link", name="Open the trace")
    shown = run.page.locator("article:visible pre").inner_text()
    one = next(each for each in found["mismatches"] if f"span {each['span_id']}" in shown)
    wanted = URL.replace("{trace_id}", one["trace_id"]).replace("{span_id}", one["span_id"])
    assert link.get_attribute("href") == wanted
    assert link.get_attribute("rel") == "noreferrer noopener"


def test_a_run_in_which_all_was_prevented_is_calm(browser: Browser, pinned: Path) -> None:
    """It says how many rows were spared, and nothing on it is red."""
    report = opened(browser, pinned)
    rows = {entry.split()[0] for entry in report.entries()}
    assert report.page.locator("h1").inner_text() == f"{len(rows)} rows were spared, none is wrong"
    assert "was prevented" in report.page.locator(".verdict").inner_text().replace("were", "was")
    assert facts(report.page)["Mode"] == "pin"
    assert report.page.evaluate(RED) == []
    report.page.close()


PLACES = """() => [...document.querySelectorAll("article:not([hidden]) .names text.place")]
  .map((text) => text.textContent)"""


def test_processes_are_lanes_and_their_clocks_are_said(browser: Browser, crossed: Path) -> None:
    """Each row goes from where it was sent to where it was worked on, forth in time."""
    report = opened(browser, crossed)
    page = report.page
    assert page.locator("h1").inner_text() == "2 mismatches, 2 causes"
    told = page.locator(".sent").inner_text()
    assert (
        "6 rows were sent · 1 delivered again: retries · 1 worked on twice for one delivery · 1 never worked on" in told
    )
    assert "The clock of worker · worker-2 is 1.98 s behind that of web:1, at least" in told
    page.locator(".sent summary").click()
    assert page.locator(".sent li").inner_text().startswith("#4 of elspeth, sent by web:1 at 2023-11-14T22:13:20.004")
    assert facts(page)["Not judged"] == "1 row sent and never worked on"
    # The wrong call, by the worker whose clock is behind.
    seen = report.seen()
    assert [name.partition(" ")[0] for name in page.evaluate(PLACES)] == ["web:1web:1", "worker-2"]
    assert {(row["number"], row["submitter"], row["worker"]) for row in seen["rows"]} == {
        (2, "MainThread", "worker_0"),
        (3, "MainThread", "worker_0"),
    }
    for row in seen["rows"]:
        assert row["submission"]["x"] < row["hand"]["from"]["x"] <= row["hand"]["to"]["x"] + 0.5
        assert row["submission"]["y"] < row["work"]["y"]
    assert seen["culprit"]["lane"] == "MainThread"
    assert seen["culprit"]["x"] < seen["use"]["x"]
    assert "its clock is 1.98 s behind, at least" in page.locator("article:visible").inner_text()
    # The row that two workers claimed: both are its own.
    assert page.locator(".cause h3").all_inner_texts()[1] == "1 \N{MULTIPLICATION SIGN} worked on twice"
    page.keyboard.press("n")
    assert [row["number"] for row in report.seen()["rows"] if row["role"] == "own"] == [6, 6]
    assert page.locator("article:visible .row.own.again").count() == 1
    assert (report.requests, report.complaints) == ([crossed.as_uri()], [])
    page.close()


def test_perfetto_gets_each_process_with_its_threads(crossed: Path) -> None:
    """Submissions are where they were made, work is where it was done, and no arrow goes back in time."""
    events = json.loads((crossed.parent / "perfetto.json").read_text())["traceEvents"]
    names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    where = {(event["cat"], names[event["pid"]]) for event in events if event["ph"] == "X"}
    assert where == {
        ("submission", "web:1 · web · web-1"),
        ("work", "worker · worker-1"),
        ("work", "worker · worker-2"),
        ("call", "worker · worker-2"),
        ("mismatch", "worker · worker-1"),
        ("mismatch", "worker · worker-2"),
        ("write", "web:1 · web · web-1"),
    }
    begun = {event["id"]: event["ts"] for event in events if event["ph"] == "s"}
    assert all(begun[event["id"]] <= event["ts"] for event in events if event["ph"] == "f")


def test_it_can_be_read_on_a_phone_on_paper_and_at_night(
    browser: Browser, linked: Path, pinned: Path, crossed: Path
) -> None:
    """Nothing is wider than the screen, every button has a name, all text a contrast of 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    for file in (linked, pinned, crossed):
        page = browser.new_page(viewport={"width": 480, "height": 800})
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 480
        page.emulate_media(media="print")
        assert page.locator(".strip").is_visible()
        assert page.locator("button:visible").count() == 0
        for scheme in ("light", "dark"):
            page.emulate_media(media="screen", color_scheme=scheme)
            worst, where, paper = page.evaluate(CONTRAST)
            assert worst >= 4.5, where
            assert paper > 0.9 if scheme == "light" else paper < 0.1
        for button in page.get_by_role("button").all():
            assert button.get_attribute("aria-label") or button.inner_text().strip() or button.is_hidden()
        page.close()


def test_an_address_of_no_trace_is_refused(tmp_path: Path) -> None:
    """Nothing but http, and with the trace in it."""
    source = traces.wrong(tmp_path / "a.jsonl")
    for url in ("javascript:alert('{trace_id}')", "https://jaeger.example/trace/", "{trace_id}"):
        done = handoff("report", source, "-o", tmp_path / "a.html", "--trace-url", url)
        assert (done.code, done.out) == (2, "")
        assert (
            done.err == f"otel-handoff: --trace-url is an http or https address with {{trace_id}} in it, not {url!r}\n"
        )
    assert not (tmp_path / "a.html").exists()


def test_one_line_is_one_cause_whatever_it_writes(tmp_path: Path) -> None:
    """A line that writes two fields is not two."""
    token = {**spans.CULPRIT, semconv.CULPRIT_FIELD: "token_id"}
    path = traces.written(
        tmp_path / "a.jsonl",
        spans.call(2, 1, 1, events=spans.report("call", 1, more=spans.CULPRIT, state_id="state-2")),
        spans.call(3, 1, 1, events=spans.report("call", 1, more=token, token_id="token-2")),
        spans.row(1, 1),
        spans.row(4, 2),
    )
    write_report([str(path)], str(tmp_path / "a.html"))
    page = (tmp_path / "a.html").read_text()
    assert "<h1>2 mismatches, 1 cause</h1>" in page
    assert (
        "<h3>2 &times; state_id, token_id, overwritten at <code>engine/executor.py:119 in _submit</code></h3>" in page
    )


def test_the_strip_stays_small_and_loses_nothing(tmp_path: Path) -> None:
    """Of a run with more kinds than it can tell apart, and something at each time: every mismatch is counted."""
    path = tmp_path / "a.jsonl"
    made: list[dict[str, Any]] = []
    for number in range(1, 4001):
        more = {
            semconv.MISMATCH_OUTCOME: f"outcome {number % 17}",
            semconv.MISMATCH_EVIDENCE: f"evidence {number % 13}",
        }
        events = spans.report("call", number, more=more, state_id="state-0")
        events[0]["timeUnixNano"] = str(spans.TIME + number * 1_000_000)
        made.append(spans.row(number, number, events=events))
    traces.written(path, *made)
    with judged(find([str(path)])) as read:
        strip = Strip(read.judge.store)
        findings = list(strip.through(read.judge.findings()))
        drawn = strip.draw()
        assert max(strip.bin(finding) for finding in findings) == strip.bins - 1
    assert len(findings) == 4000
    told = re.search(r'data-cells="(.*?)"', drawn)
    assert told is not None
    assert sum(int(cell.rpartition(",")[2]) for cell in told[1].split(";")) == 4000
    assert len(told[1].split(";")) <= 3000
    assert 1 < strip.bins < 128
    assert "others <b>" in drawn
    assert len(drawn) < 100_000
