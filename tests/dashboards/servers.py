"""What watches a pipeline, as `otel-handoff dashboards` configures it, and what is watched."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Generator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import yaml

from tests.servers import DEADLINE, get, listening, reserved, server, tool

ROOT: Final = Path(__file__).parents[2]


class Host:
    """A running pipeline. Its mismatches are known when it was let go."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.target = f"127.0.0.1:{port}"

    def metrics(self) -> str:
        """Return what a scrape returns."""
        return get(f"http://{self.target}/metrics") or ""

    def let_go(self) -> list[int]:
        """Let it end, and return the times of its mismatches."""
        printed, _ = self._process.communicate("", timeout=DEADLINE)
        assert self._process.returncode == 0
        return [int(line) for line in printed.split()]


@contextlib.contextmanager
def host(port: int, mode: str, rows: int, out: Path, *more: str) -> Generator[Host]:
    """Run the demo's pipeline in a process of its own, to be scraped at `port`."""
    command = [sys.executable, "-m", "tests.dashboards.host", str(port), mode, str(rows), str(out), *more]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Host(process, port)
        finally:
            if process.poll() is None:
                process.kill()


EARLIER: Final = """\
# TYPE handoff_submissions_total counter
handoff_submissions_total{handoff_boundary="old"} 7
# TYPE handoff_mismatches_total counter
handoff_mismatches_total{handoff_boundary="old",handoff_evidence="call",handoff_field="id",handoff_outcome="used"} 0
# TYPE handoff_mismatches_untold_total counter
handoff_mismatches_untold_total 0
# TYPE handoff_unchecked_total counter
handoff_unchecked_total{handoff_boundary="old",handoff_reason="no_worker"} 0
"""
"""What a scrape of a version returns that had other names."""


@contextlib.contextmanager
def scraped(text: str) -> Generator[str]:
    """Serve what is scraped at the address that is returned."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with listening(Handler) as port:
        yield f"127.0.0.1:{port}"


class Asked:
    """Prometheus, or who answers as it does."""

    def __init__(self, url: str) -> None:
        self._url = url

    def api(self, path: str, **parameters: str) -> Any:
        """Return the `data` of an answer."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{query}", timeout=10) as response:
            answer = json.load(response)
        assert answer["status"] == "success"
        return answer["data"]

    def series(self, expr: str) -> list[Any]:
        """Return the series that an expression has now."""
        return self.api("query", query=expr)["result"]


class Monitoring(Asked):
    """Prometheus, Alertmanager and a webhook, as `otel-handoff dashboards` configures them."""

    def __init__(self, prometheus: str, received: queue.SimpleQueue[tuple[int, dict[str, Any]]]) -> None:
        super().__init__(prometheus)
        self._received = received

    def notified(self) -> tuple[int, dict[str, Any]]:
        """Wait for the next call of the webhook; return when it came, in nanoseconds, and its payload."""
        return self._received.get(timeout=DEADLINE)


@contextlib.contextmanager
def webhook() -> Generator[tuple[str, queue.SimpleQueue[tuple[int, dict[str, Any]]]]]:
    """Listen for Alertmanager on a loopback port."""
    received: queue.SimpleQueue[tuple[int, dict[str, Any]]] = queue.SimpleQueue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            now = time.time_ns()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.put((now, {**json.loads(body), "path": self.path}))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with listening(Handler) as port:
        yield f"http://127.0.0.1:{port}", received


def scraping(alerts: Path, targets: Sequence[str]) -> dict[str, Any]:
    """Return the shipped configuration of Prometheus, with these targets, and intervals of 1 s."""
    config = yaml.safe_load((alerts / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = list(targets)
    return config


@contextlib.contextmanager
def monitoring(alerts: Path, targets: Sequence[str], data: Path) -> Generator[Monitoring]:
    """Run the shipped configurations, changed in nothing but addresses and intervals, which are 1 s."""
    prometheus, alertmanager = (
        tool("prometheus", "prometheus"),
        tool("prometheus-alertmanager", "prometheus-alertmanager"),
    )
    data.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        ports = stack.enter_context(reserved(2))
        hook, received = stack.enter_context(webhook())

        config = yaml.safe_load((alerts / "alertmanager.yml").read_text())
        for route in config["route"]["routes"]:
            route.update(group_wait="0s", group_interval="1s")
        for receiver in config["receivers"]:
            for target in receiver.get("webhook_configs", ()):
                target["url"] = hook + urllib.parse.urlsplit(str(target["url"])).path
        (data / "alertmanager.yml").write_text(yaml.safe_dump(config))
        command = [
            alertmanager,
            f"--config.file={data / 'alertmanager.yml'}",
            f"--storage.path={data / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{ports[0]}",
            "--cluster.listen-address=",
        ]
        ready = f"http://127.0.0.1:{ports[0]}/-/ready"
        stack.enter_context(server(command, lambda: get(ready), data / "alertmanager.log"))

        config = scraping(alerts, targets)
        config["rule_files"] = [str(alerts / name) for name in config["rule_files"]]
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{ports[0]}"]
        (data / "prometheus.yml").write_text(yaml.safe_dump(config))
        command = [
            prometheus,
            f"--config.file={data / 'prometheus.yml'}",
            f"--storage.tsdb.path={data / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{ports[1]}",
        ]
        url = f"http://127.0.0.1:{ports[1]}"
        stack.enter_context(server(command, lambda: get(f"{url}/-/ready"), data / "prometheus.log"))
        yield Monitoring(url, received)
