"""The runs that are kept: every kind of mismatch that a trace can tell, each forced, and what else it tells of rows."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from otel_handoff import HandoffInstrumentor
from otel_handoff.elspeth import ElspethInstrumentor
from tests.hosts import WAIT, Context, Order, Pool, boundary
from tests.interleavings import scenarios
from tests.interleavings.harness import Host, Scenario
from tests.processes import test_pools as pools
from tests.telemetry import uninstrument

Run = Callable[[Path, TracerProvider], None]


def write(run: Run, trace: Path, scratch: Path) -> None:
    """Write the trace of a run; `scratch` is an empty folder for its landscape."""
    provider = _provider(trace, "one")
    try:
        with provider.get_tracer("host").start_as_current_span("run"):
            run(scratch, provider)
    finally:
        uninstrument()
        provider.shutdown()


def _provider(trace: Path, process: str) -> TracerProvider:
    # Only this: what else the SDK finds out about a process, it may find out about the machine.
    provider = TracerProvider(resource=Resource({"service.name": "earlier", "service.instance.id": process}))
    provider.add_span_processor(BatchSpanProcessor(FileSpanExporter(trace)))
    return provider


def _elspeth(scenario: Scenario, scratch: Path, provider: TracerProvider, **options: Any) -> None:
    instrumentor: Any = ElspethInstrumentor()
    instrumentor.instrument(tracer_provider=provider, **options)
    host = Host(scratch, options["mode"])
    try:
        scenario(host)
    finally:
        host.close()


def _orders(trace: Path, _scratch: Path, provider: TracerProvider) -> None:
    """A boundary that a user declared: what only spans tell, and work that ran without a use of the wrong id."""
    pool, ctx, all_submitted = Pool(), Context(), threading.Event()
    elsewhere = _provider(trace, "two")

    def job(order: Order, ctx: Context) -> None:
        assert all_submitted.wait(WAIT)
        if order.id == "span":
            with provider.get_tracer("user").start_as_current_span("tagged") as span:
                span.set_attribute("orders.order_id", ctx.order.id if ctx.order else "none")
        elif order.id == "elsewhere":  # no detector sees this span: only who reads all of them does
            elsewhere.get_tracer("user").start_span("remote", attributes={"orders.order_id": "another"}).end()

    HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary()], tracer_provider=provider)
    for ctx.order in map(Order, ("span", "idle", "elsewhere")):
        pool.enqueue(ctx.order, ctx, job)
    ctx.attempt = "2"  # of an id that was None when the rows were submitted
    all_submitted.set()
    pool.close()
    elsewhere.shutdown()


def _dropped(_scratch: Path, provider: TracerProvider) -> None:
    """A row whose work is thrown away before it begins, and one behind which it waits."""
    pool, ctx, go_on = Pool(), Context(), threading.Event()
    HandoffInstrumentor().instrument(mode="pin", boundaries=[boundary()], tracer_provider=provider)
    for ctx.order in map(Order, ("worked", "dropped")):
        pool.enqueue(ctx.order, ctx, lambda _order, _ctx: go_on.wait(WAIT))
    pool.executor.shutdown(wait=False, cancel_futures=True)
    go_on.set()
    pool.close()


def _left(trace: Path, scratch: Path, _provider: TracerProvider) -> None:
    """Rows through a pool of processes; the machine's name is taken out."""
    pools.run(scratch, "submit", count=3)
    told = (scratch / "parent.jsonl").read_text("utf-8")  # forked children write there, too
    trace.write_text(told.replace(f"{socket.gethostname()}:", "machine:"), "utf-8")


def runs(folder: Path) -> Mapping[Path, Run]:
    """Return the runs, each by the trace that it is to leave in `folder`."""
    kept: dict[str, Run] = {
        f"{name}-{'-'.join(options.values())}": partial(_elspeth, scenario, **options)
        for name, scenario, *each in _ELSPETH
        for options in each
    }
    orders, left = folder / "orders-observe.jsonl", folder / "left-observe.jsonl"
    return {
        **{folder / f"{name}.jsonl": run for name, run in kept.items()},
        orders: partial(_orders, orders),
        left: partial(_left, left),
        folder / "dropped-pin.jsonl": _dropped,
    }


_ELSPETH: Final[Any] = (
    ("call", scenarios.a, {"mode": "observe"}, {"mode": "pin"}, {"mode": "strict"}),
    ("spans", scenarios.a, {"mode": "observe", "spans": "mismatch"}),
    ("result", scenarios.a2, {"mode": "observe"}),
    ("stale", scenarios.b1, {"mode": "observe", "ids": "hashed", "trace": "link"}),
    ("none", scenarios.b3, {"mode": "observe"}),
    ("clean", scenarios.one_after_the_other, {"mode": "pin"}),
)
