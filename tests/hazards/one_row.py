"""One row, whose worker files its id after the submitting thread went on, on hosts of a test's own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from otel_handoff import Boundary, Call, HandoffMismatchError
from tests.hosts import WAIT, Ledger

Body = Callable[[Any], Any]
MODES = ("observe", "strict", "pin")


class Desk:
    """The context, which serves one order after the other."""

    def __init__(self, order_id: Any = None) -> None:
        self.order_id = order_id


class OwnHost:
    """What a test's own host begins with.

    `Host` is none of its bases: whatever is put on that would be put on the hosts of all tests that are loaded.
    """

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, ctx, body)

    def work(self, ctx: Any, body: Body) -> Any:
        """Work function."""
        return body(ctx)

    def hand_over(self, ctx: Any, body: Body) -> Any:
        """Call the submit function as this host's callers do."""
        return self.submit(ctx, body)

    def close(self) -> None:
        """Wait for the worker."""
        self.pool.shutdown()


class Host(OwnHost):
    """Hands over to a thread of its own."""

    def submit(self, ctx: Any, body: Body) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, ctx, body)

    def work(self, ctx: Any, body: Body) -> Any:
        """Work function."""
        return body(ctx)


def declare(host: type[Any], **options: Any) -> Boundary:
    """The boundary of `host`, by its own names."""
    where = f"{host.__module__}:{host.__qualname__}"
    declared: dict[str, Any] = {
        "name": "desk",
        "submit": f"{where}.submit",
        "work": f"{where}.work",
        "fields": {"order_id": "order_id"},
        "calls": [Call("tests.hosts:Ledger.post", {"order_id": "order_id"})],
    }
    return Boundary(**{**declared, **options})


def to_b(ctx: Any) -> None:
    """The submitting thread goes on."""
    ctx.order_id = "B"


def filed_by_a(host: Any, ctx: Any = None, change: Callable[[Any], object] = to_b) -> Any:
    """Hand over order A, let the context change, and then its worker file; return what it filed, or `"blocked"`."""
    ctx = Desk() if ctx is None else ctx
    ctx.order_id = "A"
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()
    filed: list[Any] = []

    def body(ctx: Any) -> None:
        begun.set()
        try:
            assert go.wait(WAIT)
            ledger = Ledger()
            ledger.post(ctx.order_id, "entry")
            filed.append(ledger.entries[0][0])
        except HandoffMismatchError:
            filed.append("blocked")
        finally:
            ended.set()

    handed = host.hand_over(ctx, body)
    try:
        assert begun.wait(WAIT)
        change(ctx)
    finally:
        go.set()
        assert ended.wait(WAIT)
        if hasattr(handed, "result"):
            handed.result(WAIT)
        host.close()
    return filed[0]


def run_rows(host: Any, bodies: list[Body], ctx: Any = None) -> list[Any]:
    """Hand over orders A, B, ..., each when the one before is done; return what came of them."""
    ctx = Desk() if ctx is None else ctx
    results: list[Any] = []
    for n, body in enumerate(bodies):
        ctx.order_id = chr(ord("A") + n)
        results.append(host.hand_over(ctx, body).result(WAIT))
    host.close()
    return results
