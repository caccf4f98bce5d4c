"""Measure how long it takes from a mismatch to the call of the webhook, at intervals of 1 s.

    python -m tests.dashboards.latency [RUNS]

Each run has a Prometheus, an Alertmanager and a pipeline in mode observe of its own, all of them real.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from statistics import median

from otel_handoff.cli import main as otel_handoff
from tests.dashboards.servers import host, monitoring
from tests.servers import reserved, until


def once(folder: Path) -> float:
    """Return the seconds from the first mismatch of a run to the notification."""
    with contextlib.redirect_stdout(io.StringIO()):
        otel_handoff(["dashboards", str(folder / "handoff")])
    alerts, data = folder / "handoff" / "alerts", folder / "data"
    with reserved(1) as [port], monitoring(alerts, [f"127.0.0.1:{port}"], data) as monitor:
        until(lambda: monitor.series("up"), "the first scrape")
        with host(port, "observe", 20, folder / "run") as pipeline:
            at = 0
            payload = {"path": ""}
            while payload["path"] != "/on-call":
                at, payload = monitor.notified()
            return (at - min(pipeline.let_go())) / 1e9


def main() -> None:
    """Print the median and the range."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    seconds: list[float] = []
    for number in range(1, runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(once(Path(folder)))
        sys.stderr.write(f"{number}/{runs}: {seconds[-1]:.2f} s\n")
    print(f"{runs} runs: median {median(seconds):.2f} s, from {min(seconds):.2f} to {max(seconds):.2f} s")  # noqa: T201


if __name__ == "__main__":
    main()
