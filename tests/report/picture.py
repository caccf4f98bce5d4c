"""The pictures of docs/reading-a-report.md: `python -m tests.report.picture docs/images`. Takes Chromium and Celery."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from otel_handoff.demo.run import run_mode
from otel_handoff.report.run import write_report
from tests.engines.conftest import run


@contextlib.contextmanager
def within(folder: Path) -> Generator[None]:
    """Be in a folder: a page names files as they are given."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def main(output: Path) -> None:
    """Make them: the demo in mode `observe`, and Celery tasks that are retried."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        folder = Path(name)
        run_mode("observe", rows=200, seed=1, out=folder)
        shop = folder / "shop"
        shop.mkdir()
        run(shop, "by_group", "by_retry", count=4, want=8, pool="prefork", OTEL_SERVICE_NAME="shop")
        with within(folder):
            url = "http://jaeger:16686/trace/{trace_id}"
            write_report(["observe/traces.jsonl"], "report.html", trace_url=url)
            write_report(["shop/sender.jsonl", "shop/worker.jsonl"], "processes.html")
        _take(browser, folder / "report.html", output / "report.png", "body")
        _take(browser, folder / "processes.html", output / "report-processes.png", "article:visible figure")
        browser.close()


def _take(browser: Browser, page_: Path, picture: Path, what: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(page_.as_uri())
    page.locator(".strip").wait_for()
    page.locator(what).screenshot(path=picture)
    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
