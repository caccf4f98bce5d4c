"""The demo's observe run, and a browser."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from otel_handoff.demo.run import run_mode
from tests.dashboards.servers import tool
from tests.report import traces
from tests.report.pages import Opened, opened


@pytest.fixture(scope="session")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The traces of the demo in mode observe."""
    return run_mode("observe", rows=60, seed=1, out=tmp_path_factory.mktemp("observed")).traces


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """The system's Chromium, without a window."""
    program = tool("chromium", "chromium")
    with sync_playwright() as playwright:
        # CI runs as root, where Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def file(observed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of that run."""
    return traces.drawn(observed, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture
def report(browser: Browser, file: Path) -> Generator[Opened]:
    """That report in the browser, which asks for nothing else and complains of nothing."""
    report = opened(browser, file)
    yield report
    report.page.close()
    assert report.requests == [file.as_uri()]
    assert report.complaints == []
