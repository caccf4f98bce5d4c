"""Hands rows to other processes, and prints what both sides count, while they are worked on and afterwards."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_handoff import Boundary, HandoffInstrumentor

FORK = multiprocessing.get_context("fork")
GO = FORK.Event()
READER = InMemoryMetricReader()
ROWS = ("one", "two")


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


def serve(items: Any, told: Any) -> None:
    """Take items, and say what is counted here while each is worked on."""
    assert GO.wait(60)
    while (item := items.get()) is not None:
        assert item[0] == item[1].row
        told.put(counted())


def by_pool() -> Generator[None, None, list[dict[str, int]]]:
    """Let them leave for a pool, and then be worked on."""
    with ProcessPoolExecutor(1, FORK) as pool:
        done = [pool.submit(work, row, Desk(row)) for row in ROWS]
        yield
        return [one.result(60) for one in done]


def by_queue() -> Generator[None, None, list[dict[str, int]]]:
    """The same through a queue, to a loop in another process."""
    items, told = FORK.Queue(), FORK.SimpleQueue()
    loop = FORK.Process(target=lambda: serve(items, told))
    loop.start()
    for row in ROWS:
        items.put((row, Desk(row)))
    items.put(None)
    yield
    there = [told.get() for _ in ROWS]
    loop.join(60)
    return there


def main(way: Callable[[], Generator[None, None, list[dict[str, int]]]]) -> None:
    """Let two rows leave, look, and let them be worked on."""
    boundary = Boundary(name="work", context="desk", fields={"row": "row"}, work="counting:work")
    if way is by_queue:
        loop = {"work": "counting:serve", "takes": "multiprocessing:Queue.get", "context": "item.1"}
        boundary = dataclasses.replace(boundary, **loop)
    provider = MeterProvider(metric_readers=[READER])
    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary], meter_provider=provider)
    rows = way()
    next(rows)
    while counted()["sent_rows"] < len(ROWS):
        time.sleep(0.01)
    gone = counted()
    GO.set()
    try:
        next(rows)
    except StopIteration as ended:
        json.dump({"gone": gone, "there": ended.value, "done": counted()}, sys.stdout)
