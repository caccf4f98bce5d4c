"""Rows whose worker is made to wait until the submitting thread went on; what it then does a test says itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from otel_handoff import Boundary, Call, HandoffInstrumentor
from tests.hazards.one_row import Host, OwnHost
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

__all__ = ["Fanning", "Global", "Host", "Ledger", "OwnHost", "on", "race", "told"]


class Global(OwnHost):
    """Its worker is given no context, but comes to it in another way."""

    shared: Any = None

    def submit(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
        """Submit function."""
        Global.shared = ctx
        return self.pool.submit(self.run, body)

    def run(self, body: Callable[[Any], Any]) -> Any:
        """Work function."""
        return body(Global.shared)


class Fanning(OwnHost):
    """Hands each row to two workers."""

    def submit(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
        """Submit function."""
        run = self.work
        return [self.pool.submit(run, ctx, body), self.pool.submit(run, ctx, body)]

    def work(self, ctx: Any, body: Callable[[Any], Any]) -> Any:
        """Work function."""
        return body(ctx)


def on(
    telemetry: Telemetry, mode: str, host: type[OwnHost] = Host, watch: bool | None = None, **declared: Any
) -> HandoffInstrumentor:
    """Instrument a host."""
    where = f"{host.__module__}:{host.__name__}"
    options: dict[str, Any] = {
        "name": "desk",
        "submit": f"{where}.submit",
        "work": f"{where}.{'run' if host is Global else 'work'}",
        "fields": {"order_id": "order_id"},
        "calls": [Call("tests.hosts:Ledger.post", {"order_id": "order_id"}, optional=True)],
    }
    instrumentor = HandoffInstrumentor()
    more = {} if watch is None else {"watch": watch}
    instrumentor.instrument(mode=mode, boundaries=[Boundary(**{**options, **declared})], **more, **telemetry.options)
    return instrumentor


def race(
    ctx: Any,
    change: Callable[[Any], object],
    body: Callable[[Any], Any],
    host: type[OwnHost] = Host,
    *,
    late: bool = False,
) -> Any:
    """Hand `ctx` over, `change` it once its worker has begun, and return what `body` then makes of it.

    `late`: change it before that.
    """
    begun, go = threading.Event(), threading.Event()
    own = host()
    if late:
        begun.set()
        own.pool.submit(go.wait, WAIT)

    def work(given: Any) -> Any:
        begun.set()
        assert go.wait(WAIT)
        return body(given)

    done = own.submit(ctx, work)
    try:
        assert begun.wait(WAIT)
        change(ctx)
    finally:
        go.set()
        own.pool.shutdown()
    return done.result(WAIT)


def told(telemetry: Telemetry) -> list[tuple[str, str, dict[str, object], dict[str, object], str | None]]:
    """What was told: evidence, outcome, both sides, and the culprit's function."""
    return [
        (
            one.evidence,
            one.outcome,
            dict(one.expected),
            dict(one.observed),
            one.culprit.location.rpartition(" in ")[2] if one.culprit else None,
        )
        for one in telemetry.mismatches
    ]
