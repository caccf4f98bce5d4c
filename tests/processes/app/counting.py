"""Hands rows to a pool of processes, and prints what both sides count, while they are worked on and afterwards."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_handoff import Boundary, HandoffInstrumentor

FORK = multiprocessing.get_context("fork")
GO = FORK.Event()
READER = InMemoryMetricReader()


class Desk:
    """What says which row it is."""

    def __init__(self, row: str) -> None:
        self.row = row


def work(row: str, desk: Any) -> dict[str, int]:
    """Say what is counted here."""
    assert row == desk.row
    assert GO.wait(60)
    return counted()


def counted() -> dict[str, int]:
    """Return the metrics of rows."""
    data: Any = READER.get_metrics_data()
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    names = ("submissions", "sent_rows", "arrived_rows", "in_flight")
    values = {metric.name: metric.data.data_points for metric in metrics}
    return {name: values[f"handoff.{name}"][0].value for name in names}


def main() -> None:
    """Let two rows leave, look, and let them be worked on."""
    boundary = Boundary(name="work", work="counting:work", context="desk", fields={"row": "row"})
    provider = MeterProvider(metric_readers=[READER])
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary], meter_provider=provider)
    with ProcessPoolExecutor(1, FORK) as pool:
        done = [pool.submit(work, row, Desk(row)) for row in ("one", "two")]
        while counted()["sent_rows"] < 2:
            time.sleep(0.01)
        gone = counted()
        GO.set()
        there = [one.result(60) for one in done]
    json.dump({"gone": gone, "there": there, "done": counted()}, sys.stdout)
