"""One scene for all tests of alerts and dashboards: real processes, scraped by a real Prometheus."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from otel_handoff.cli import main
from tests.dashboards.boards import rules
from tests.dashboards.servers import EARLIER, Host, Monitoring, host, monitoring, scraped
from tests.dashboards.victoria import Victoria, victoria
from tests.servers import reserved, tool, until


@dataclass
class Scene:
    """Two pipelines, one in mode observe and one in pin, and what watches them.

    Attributes:
        folder: what `otel-handoff dashboards` wrote.
        observed: the pipeline in mode observe.
        pinned: the one in mode pin.
        earlier: the address of what is scraped as of a version that had other names.
        monitor: Prometheus.
        victoria: VictoriaMetrics and vmalert, which watch them too; None where they are not here.
        notified: the first notification of each alert: when it came in nanoseconds, and its payload.
    """

    folder: Path
    observed: Host
    pinned: Host
    earlier: str
    monitor: Monitoring
    victoria: Victoria | None
    notified: dict[str, tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Generator[Scene]:
    """Wait until each alert has reached the webhook."""
    for name in ("prometheus", "prometheus-alertmanager"):
        tool(name, name)
    base = tmp_path_factory.mktemp("monitoring")
    folder = base / "handoff"
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["dashboards", str(folder)]) == 0
    with contextlib.ExitStack() as stack:
        ports = stack.enter_context(reserved(2))
        earlier = stack.enter_context(scraped(EARLIER))
        targets = [*(f"127.0.0.1:{port}" for port in ports), earlier]
        monitor = stack.enter_context(monitoring(folder / "alerts", targets, base / "data"))
        watching = victoria(folder / "alerts", targets, base / "victoria")
        beside = stack.enter_context(watching) if shutil.which("victoria-metrics") else None
        until(lambda: len(monitor.series("up")) == len(targets), "the first scrape of each")
        observed = stack.enter_context(host(ports[0], "observe", 20, base / "observe", "error"))
        pinned = stack.enter_context(host(ports[1], "pin", 20, base / "pin"))
        notified: dict[str, tuple[int, dict[str, Any]]] = {}
        while len(notified) < len(rules()):
            at, payload = monitor.notified()
            for alert in payload["alerts"]:
                notified.setdefault(alert["labels"]["alertname"], (at, payload))
        yield Scene(folder, observed, pinned, earlier, monitor, beside, notified)
