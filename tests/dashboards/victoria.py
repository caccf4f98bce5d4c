"""VictoriaMetrics, which scrapes and answers as Prometheus does, and vmalert, which asks it for the same rules."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

import yaml

from tests.dashboards.servers import Asked, scraping
from tests.servers import get, listening, reserved, server, tool

PACKAGE: Final = "victoria-metrics"


class Victoria:
    """The two of them.

    Attributes:
        metrics: what was scraped.
        alerts: what the rules make of it.
    """

    def __init__(self, metrics: Asked, alerts: Asked) -> None:
        self.metrics = metrics
        self.alerts = alerts


class _Notified(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextlib.contextmanager
def victoria(alerts: Path, targets: Sequence[str], data: Path) -> Generator[Victoria]:
    """Run the shipped scrape configuration and rules, changed in nothing but addresses and intervals, which are 1 s."""
    data.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        notified = stack.enter_context(listening(_Notified))
        metrics, rules = (f"http://127.0.0.1:{port}" for port in stack.enter_context(reserved(2)))
        config = scraping(alerts, targets)
        scrape = data / "scrape.yml"
        every = {"scrape_interval": "1s"}  # it refuses what is not about scraping
        scrape.write_text(yaml.safe_dump({"global": every, "scrape_configs": config["scrape_configs"]}))
        command = [
            tool("victoria-metrics", PACKAGE),
            f"-promscrape.config={scrape}",
            f"-storageDataPath={data / 'metrics'}",
            f"-httpListenAddr={metrics.removeprefix('http://')}",
            "-search.latencyOffset=0s",
        ]
        stack.enter_context(server(command, lambda: get(f"{metrics}/health"), data / "victoria-metrics.log"))
        command = [
            tool("vmalert", PACKAGE),
            *(f"-rule={alerts / name}" for name in config["rule_files"]),
            f"-datasource.url={metrics}",
            f"-remoteWrite.url={metrics}",  # ALERTS, which the overview asks for
            "-remoteWrite.flushInterval=1s",
            "-datasource.queryTimeAlignment=false",
            f"-notifier.url=http://127.0.0.1:{notified}",
            f"-httpListenAddr={rules.removeprefix('http://')}",
            "-evaluationInterval=1s",
        ]
        stack.enter_context(server(command, lambda: get(f"{rules}/health"), data / "vmalert.log"))
        yield Victoria(Asked(metrics), Asked(rules))
