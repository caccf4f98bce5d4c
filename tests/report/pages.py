"""A page in a browser, and what is seen of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

# What is seen of the article that is shown: marks with where they are on the screen.
SEEN = """() => {
  const article = document.querySelector("article:not([hidden])");
  const middle = (box) => ({ x: box.x + box.width / 2, y: box.y + box.height / 2, left: box.left });
  const box = (element) => middle(element.getBoundingClientRect());
  const names = [...article.querySelectorAll(".names text")]
    .map((text) => ({ text: text.lastElementChild.textContent, ...box(text) }));
  const lane = (y) => names.filter((name) => name.y < y + 12).at(-1).text;
  const ends = (line) => {
    const svg = line.ownerSVGElement.getScreenCTM();
    const at = (x, y) => ({ x: svg.e + x.baseVal.value, y: svg.f + y.baseVal.value });
    return { from: at(line.x1, line.y1), to: at(line.x2, line.y2) };
  };
  const rows = [...article.querySelectorAll(".row")].map((row) => ({
    role: row.classList[1],
    number: Number(row.dataset.number),
    work: box(row.querySelector(".work")),
    worker: lane(box(row.querySelector(".work")).y),
    submission: box(row.querySelector(".submission")),
    submitter: lane(box(row.querySelector(".submission")).y),
    calls: [...row.querySelectorAll(".call")].map((call) => call.dataset.span),
    hand: ends(row.querySelector(".hand")),
  }));
  const use = article.querySelector(".time .use");
  const culprit = article.querySelector(".time .culprit path");
  return {
    id: article.id, names: names.map((name) => name.text), rows, report: article.querySelector("pre").textContent,
    use: { ...box(use), wrong: use.classList.contains("wrong"), lane: lane(box(use).y) },
    culprit: culprit && { ...box(culprit), lane: lane(box(culprit).y) },
    did: [...article.querySelectorAll(".did")].map(ends),
    folds: article.querySelectorAll(".fold").length,
  };
}"""


@dataclass
class Opened:
    """A page, and all that it asked for or complained of."""

    page: Page
    requests: list[str] = field(default_factory=list[str])
    complaints: list[str] = field(default_factory=list[str])

    def entries(self) -> list[str]:
        """The list, as far as it can be seen."""
        return self.page.locator(".cause li:not([data-beside]):visible").all_inner_texts()

    def search(self, wanted: str) -> list[str]:
        """What the page answers, submission by submission."""
        self.page.locator("#search").fill(wanted)
        self.page.locator('#answer[aria-busy="false"]').wait_for()
        return self.page.locator("#answer p").all_inner_texts()

    def seen(self) -> dict[str, Any]:
        """The drawing."""
        return self.page.evaluate(SEEN)


def opened(browser: Browser, path: Path) -> Opened:
    opened = Opened(browser.new_page(viewport={"width": 1280, "height": 900}))
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("dialog", lambda dialog: (opened.complaints.append(dialog.message), dialog.dismiss())[1])
    opened.page.goto(path.as_uri())
    return opened
