"""A process to be scraped: the demo's pipeline in one mode, its metrics on a loopback port, open until stdin is closed.

    python -m tests.dashboards.host PORT MODE ROWS OUT [error]

With `error`, an error of otel-handoff's own is counted, and a row that nobody handed over, which is not checked. When
it is let go, it prints the time of each mismatch, in nanoseconds since the epoch.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import start_http_server

from otel_handoff.demo.pipeline.batching import BatchTransformMixin
from otel_handoff.demo.pipeline.context import PluginContext
from otel_handoff.demo.run import run_mode
from otel_handoff.host.guard import guard


def main() -> None:
    """Serve the metrics, run the pipeline, and hold it open after its last row, so that it can be scraped."""
    port, mode, rows, out = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    start_http_server(port, addr="127.0.0.1")
    done = 0

    def progress(more: int) -> None:
        nonlocal done
        done += more
        if done == rows:
            if sys.argv[5:] == ["error"]:
                with guard:
                    raise RuntimeError("provoked")
                idle: Any = object.__new__(BatchTransformMixin)
                context = PluginContext("run-1", {})
                with contextlib.suppress(AttributeError):  # it has no buffer to hand the result in
                    idle._process_and_complete(None, None, {}, context, str)
            sys.stdin.read()

    run = run_mode(mode, rows=rows, seed=1, out=out, progress=progress, metric_readers=[PrometheusMetricReader()])
    sys.stdout.writelines(f"{mismatch.time_unix_nano}\n" for mismatch in run.mismatches)


if __name__ == "__main__":
    main()
