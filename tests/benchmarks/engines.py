"""Rows through what takes them to other processes: each engine with one contender on, in a process of its own.

The work is one line in a list: without us a row costs nothing but the engine's own work. A broker, a network and work
of the host's make it dearer, and the share of what is measured here smaller.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from otel_handoff import Boundary, Call, HandoffInstrumentor

Run = Callable[[int], dict[str, float]]
"""Hands over so many rows, and has them worked on; returns the CPU seconds a row of all processes together."""

FILED: list[tuple[str, str]] = []


class Desk:
    """What a row is handed over with."""

    def __init__(self, row: str) -> None:
        self.row = row


def file(row: str, under: str) -> None:
    """File `row` under an id."""
    FILED.append((row, under))


def work(row: str, desk: Desk) -> None:
    """Do the work on one row."""
    file(row, desk.row)


def _turn_on(contender: str, work: str) -> None:
    # `bare`; `otel`: OpenTelemetry's own, with spans; `guard`: ours, without an SDK; `spans`: with spans.
    if contender in ("otel", "spans"):
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        trace.set_tracer_provider(TracerProvider())
    if contender == "otel":
        import_module("opentelemetry.instrumentation.celery").CeleryInstrumentor().instrument()
    if contender in ("guard", "spans"):
        calls = [Call(f"{__name__}:file", ids={"row": "under"})]
        boundary = Boundary(name="rows", work=work, context="desk", fields={"row": "row"}, calls=calls)
        HandoffInstrumentor().instrument(boundaries=[boundary])


def celery(contender: str) -> Run:
    """Celery, with a broker in memory and a worker in a thread: what is measured is the CPU time of both."""
    kombu: Any = import_module("kombu.serialization")
    kombu.enable_insecure_serializers(["pickle"])
    app: Any = import_module("celery").Celery("rows", broker="memory://", set_as_current=False)
    app.conf.update(task_serializer="pickle", accept_content=["pickle"], task_ignore_result=True)
    begun, gate, done = threading.Event(), threading.Event(), threading.Event()

    @app.task(name="rows.wait")
    def wait() -> None:
        begun.set()
        gate.wait()

    @app.task(name="rows.end")
    def end() -> None:
        done.set()

    task: Any = app.task(name="rows.work")(work)
    app.finalize()
    _turn_on(contender, "celery:rows.work")
    testing: Any = import_module("celery.contrib.testing.worker")
    worker = testing.start_worker(app, pool="solo", perform_ping_check=False, loglevel="ERROR")
    worker.__enter__()

    def run(rows: int) -> dict[str, float]:
        for event in (begun, gate, done):
            event.clear()
        FILED.clear()
        wait.delay()
        begun.wait()  # the worker waits, and takes no time of those that publish
        start = time.process_time()
        for number in range(rows):
            task.delay(f"r{number}", Desk(f"r{number}"))
        published = time.process_time()
        end.delay()
        gate.set()
        done.wait()
        worked = time.process_time()
        assert len(FILED) == rows
        assert worker  # which would end with it
        return {"publish": (published - start) / rows, "through": (worked - start) / rows}

    return run


def _measured(rows: int, through: Callable[[], object], far: Callable[[], float]) -> dict[str, float]:
    start = time.process_time() + far()
    through()
    return {"through": (time.process_time() + far() - start) / rows}


def pool(contender: str) -> Run:
    """A pool of one process."""
    from concurrent.futures import ProcessPoolExecutor

    _turn_on(contender, f"{__name__}:work")
    executor = ProcessPoolExecutor(1, get_context("fork"))
    executor.submit(time.time).result()
    here: Any = import_module(__name__)

    def run(rows: int) -> dict[str, float]:
        def through() -> None:
            futures = [executor.submit(here.work, f"r{number}", Desk(f"r{number}")) for number in range(rows)]
            for future in futures:
                future.result()

        return _measured(rows, through, lambda: executor.submit(time.process_time).result())

    run.close = executor.shutdown  # type: ignore[attr-defined]
    return run


def dask(contender: str) -> Run:
    """A cluster of one process, whose scheduler is in this one."""
    distributed: Any = import_module("distributed")
    _turn_on(contender, f"{__name__}:work")
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    client = distributed.Client(cluster)
    if contender in ("guard", "spans"):
        client.run(_turn_on, contender, f"{__name__}:work")
    here: Any = import_module(__name__)

    def run(rows: int) -> dict[str, float]:
        def through() -> None:
            client.gather(
                [client.submit(here.work, f"r{number}", Desk(f"r{number}"), pure=False) for number in range(rows)]
            )

        return _measured(rows, through, lambda: sum(client.run(time.process_time).values()))

    run.close = cluster.close  # type: ignore[attr-defined]
    return run
