"""OpenTelemetry's own httpx instrumentation, at work inside a worker: its spans belong to the row."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span, SpanKind

from otel_handoff import HandoffInstrumentor
from tests.hosts import WAIT, Context, Order, Pool, QueuePool, boundary
from tests.telemetry import Telemetry
from tests.zero_code.programs import CONSOLE, run

HOSTS = pytest.mark.parametrize("host", [Pool, QueuePool])


class Service(BaseHTTPRequestHandler):
    """Answers every request, and remembers the trace context that it came with."""

    seen: list[str | None]

    def do_GET(self) -> None:
        """Answer."""
        self.seen.append(self.headers.get("traceparent"))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name for it
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[tuple[str, list[str | None]]]:
    """A server on the loopback: its address, and the traceparents that it was sent."""
    seen: list[str | None] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Remembering", (Service,), {"seen": seen}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", seen
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def instrumented(
    telemetry: Telemetry, host: type[Pool | QueuePool], mode: str | None, hook: Any = None, **options: Any
) -> Generator[None]:
    """Instrument httpx and (unless `mode` is None) the host."""
    HTTPXClientInstrumentor().instrument(tracer_provider=telemetry.tracer_provider, request_hook=hook)
    if mode is not None:
        HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary(host, **options)], **telemetry.options)
    try:
        yield
    finally:
        if mode is not None:
            HandoffInstrumentor().uninstrument()
        HTTPXClientInstrumentor().uninstrument()


def race(host: type[Pool | QueuePool], telemetry: Telemetry, url: str) -> None:
    """A's worker makes its request when B was submitted and the span that submitted both has ended."""
    pool, ctx, ended = host(), Context(), threading.Event()

    def job(order: Order, ctx: Context) -> int:
        assert ended.wait(WAIT)
        return httpx.get(url, params={"order": order.id}).status_code

    try:
        with telemetry.tracer_provider.get_tracer("host").start_as_current_span("submit"):
            futures: list[Any] = []
            for name in "AB":
                ctx.order = Order(name)
                futures.append(pool.enqueue(ctx.order, ctx, job))
        ended.set()
        assert [future.result(WAIT) for future in futures] == [200, 200]
    finally:
        ended.set()
        pool.close()


def attribute(span: ReadableSpan, name: str) -> Any:
    """One attribute of a span."""
    return (span.attributes or {}).get(name)


def parent(span: ReadableSpan) -> int | None:
    """The span id of a span's parent."""
    return span.parent.span_id if span.parent else None


def own(span: ReadableSpan) -> int:
    """A span's own id."""
    context = span.get_span_context()
    assert context is not None
    return context.span_id


@HOSTS
def test_without_the_package_a_request_is_nobodys(host: Any, telemetry: Telemetry, service: Any) -> None:
    """Without it the client spans have no id, and no parent: a trace cannot say whose request it was.

    (Or one and the same: where threads inherit the context, a pool's has that of the row that it was started for.)
    """
    with instrumented(telemetry, host, None):
        race(host, telemetry, service[0])
    spans = telemetry.spans("GET")
    assert [span.kind for span in spans] == [SpanKind.CLIENT] * 2
    inherited = host is Pool and getattr(sys.flags, "thread_inherit_context", False)
    of_the_first = own(telemetry.spans("submit")[0]) if inherited else None
    assert [(parent(span), attribute(span, "orders.order_id")) for span in spans] == [(of_the_first, None)] * 2


@HOSTS
@pytest.mark.parametrize("mode", ["pin", "observe"])
def test_a_request_carries_the_ids_it_was_submitted_with(
    host: Any, mode: str, telemetry: Telemetry, service: Any
) -> None:
    """The client span is the row span's child and carries the row's ids, though the submitter's span has ended."""
    url, seen = service
    with instrumented(telemetry, host, mode):
        race(host, telemetry, url)
    requests, rows = telemetry.spans("GET"), telemetry.spans("process orders")
    [submit] = telemetry.spans("submit")
    assert [attribute(span, "orders.order_id") for span in rows] == ["A", "B"]
    assert [attribute(span, "orders.order_id") for span in requests] == ["A", "B"]
    assert [parent(span) for span in requests] == [own(row) for row in rows]
    assert [parent(row) for row in rows] == [own(submit)] * 2
    assert submit.end_time is not None
    assert all(request.start_time > submit.end_time for request in requests if request.start_time)
    # What the service was told is the same span: distributed traces hold together.
    assert [header.split("-")[2] for header in seen] == [f"{own(span):016x}" for span in requests]
    assert [m.evidence for m in telemetry.mismatches if m.is_error] == []


@pytest.mark.parametrize("key", ["orders.order_id", "order.id"])
def test_an_id_of_another_instrumentation_is_kept_and_checked(key: str, telemetry: Telemetry, service: Any) -> None:
    """Somebody else's value stays; where it disagrees that is a mismatch, evidence `span`."""

    def hook(span: Span, _request: Any) -> None:
        span.set_attribute(key, "B")

    with instrumented(telemetry, Pool, "pin", hook, aliases={"order_id": ("order.id",)}):
        race(Pool, telemetry, service[0])
    assert [attribute(span, key) for span in telemetry.spans("GET")] == ["B", "B"]
    [mismatch] = [m for m in telemetry.mismatches if m.evidence == "span"]
    assert (dict(mismatch.expected), dict(mismatch.observed)) == ({"order_id": "A"}, {"order_id": "B"})
    assert (mismatch.outcome, mismatch.target) == ("used", "GET")
    assert telemetry.counted("handoff.mismatches")["orders", "span", "order_id", "used"] == 1
    row = telemetry.spans("process orders")[0]
    assert attribute(row, "handoff.mismatch.evidence") == "span"


def test_an_id_that_agrees_is_no_mismatch(telemetry: Telemetry, service: Any) -> None:
    """The same id, put there by somebody else, is fine."""

    def hook(span: Span, _request: Any) -> None:
        span.set_attribute("order.id", str(attribute(span, "orders.order_id")))  # pyright: ignore[reportArgumentType]

    with instrumented(telemetry, Pool, "pin", hook, aliases={"order_id": ("order.id",)}):
        race(Pool, telemetry, service[0])
    assert [attribute(span, "order.id") for span in telemetry.spans("GET")] == ["A", "B"]
    assert [m for m in telemetry.mismatches if m.evidence == "span"] == []


def test_async_requests_of_a_worker(telemetry: Telemetry, service: Any) -> None:
    """An event loop that a worker runs is the row's, too."""
    import asyncio

    pool, ctx = Pool(), Context(order=Order("A"))

    async def fetch() -> int:
        async with httpx.AsyncClient() as client:
            answers = await asyncio.gather(*(client.get(service[0]) for _ in range(3)))
        return sum(answer.status_code for answer in answers)

    with instrumented(telemetry, Pool, "pin"):
        assert ctx.order is not None
        assert pool.enqueue(ctx.order, ctx, lambda _order, _ctx: asyncio.run(fetch())).result(WAIT) == 600
        pool.close()
    [row] = telemetry.spans("process orders")
    assert [(attribute(span, "orders.order_id"), parent(span)) for span in telemetry.spans("GET")] == [
        ("A", own(row))
    ] * 3


def test_zero_code(tmp_path: Path, service: Any) -> None:
    """Both instrumentations under `opentelemetry-instrument`: each request is filed by, and tagged for, its own row."""
    alone = run(tmp_path, "fetch.py", **CONSOLE, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="elspeth", SERVICE=service[0])
    assert alone.filed == [("state-B", "A"), ("state-B", "B")]
    assert [span["parent_id"] for span in alone.spans("GET")] == [None, None]
    outcome = run(tmp_path, "fetch.py", **CONSOLE, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="", SERVICE=service[0])
    assert outcome.filed == [("state-A", "A"), ("state-B", "B")]
    requests, rows = outcome.spans("GET"), outcome.spans("process elspeth")
    assert [span["attributes"]["elspeth.state_id"] for span in requests] == ["state-A", "state-B"]
    assert [span["attributes"]["elspeth.token_id"] for span in requests] == ["token-A", "token-B"]
    assert [span["parent_id"] for span in requests] == [row["context"]["span_id"] for row in rows]
