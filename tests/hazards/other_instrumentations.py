# ruff: noqa: T201  a program prints
"""A host under other people's instrumentation as well as ours: `python -m tests.hazards.other_instrumentations`.

It takes WHICH, WHEN and MODE. WHICH are names of `_OTHERS`, with commas; they are turned on `before` ours or `after`
(WHEN). In mode off it is the control.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from multiprocessing.pool import ThreadPool
from typing import Any

from opentelemetry import trace

from otel_handoff import Boundary, HandoffInstrumentor, current_submission
from otel_handoff.host.guard import guard

WAIT = 20.0


def _sentry() -> None:
    import_module("sentry_sdk").init()  # its threading integration is a default one


def _threading() -> None:
    import_module("opentelemetry.instrumentation.threading").ThreadingInstrumentor().instrument()


def _ddtrace() -> None:
    import_module("ddtrace").patch(futures=True, logging=True, asyncio=True)


def _logfire() -> None:
    import_module("logfire").configure(send_to_logfire=False, console=False)


_OTHERS: dict[str, Callable[[], None]] = {
    "sentry": _sentry,
    "threading": _threading,
    "ddtrace": _ddtrace,
    "logfire": _logfire,
}


class Context:
    """The context that the submitting thread goes on changing."""

    order: str | None = None


class Own(threading.Thread):
    """A thread with its own `run`."""

    def __init__(self, look: Callable[[], object]) -> None:
        super().__init__()
        self.look = look

    def run(self) -> None:
        """Look."""
        self.look()


class Starting(threading.Thread):
    """A thread that does something of its own when it is started."""

    started_by: str | None = None

    def start(self) -> None:
        """Remember by whom."""
        self.started_by = threading.current_thread().name
        super().start()


class Host:
    """Hands rows to a pool."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.serving: threading.Thread | None = None
        self.asked, self.answered = threading.Event(), threading.Event()
        self.later: list[object] = []

    def submit(self, ctx: Context) -> Future[Any]:
        """Submit function."""
        return self.pool.submit(self.work, ctx)

    def work(self, ctx: Context) -> list[object]:
        """Work function."""
        seen: list[object] = []

        def look() -> tuple[object, object]:
            found = (whose(), ctx.order)
            seen.append(found)
            return found

        def serve() -> None:
            ready.set()
            assert self.asked.wait(WAIT)
            self.later.append(whose())
            self.answered.set()

        if self.serving is None:
            ready = threading.Event()
            self.serving = threading.Thread(target=serve)
            self.serving.start()
            assert ready.wait(WAIT)
        for thread in (threading.Thread(target=look), Own(look), Starting(target=look), threading.Timer(0, look)):
            thread.start()
            thread.join(WAIT)
        called = threading.Event()
        with ThreadPoolExecutor(1) as nested:
            nested.submit(look).add_done_callback(lambda _: (look(), called.set()))
            assert called.wait(WAIT)
        with ThreadPool(1) as threads:
            threads.apply_async(look).get(WAIT)
        return seen


def whose() -> object:
    """The order that the caller works for."""
    submission = current_submission()
    return submission and submission.ids["order"]


def main(which: str, when: str, mode: str) -> None:
    """Work on two rows, and print what their threads saw."""
    failed: list[str] = []
    threading.excepthook = lambda args: failed.append(repr(args.exc_value))
    row = Boundary(
        name="rows", submit=f"{__name__}:Host.submit", work=f"{__name__}:Host.work", fields={"order": "order"}
    )
    others = [_OTHERS[name] for name in which.split(",")]

    def ours() -> None:
        HandoffInstrumentor().instrument(mode=mode, boundaries=[row])

    for turn_on in [*others, ours] if when == "before" else [ours, *others]:
        turn_on()
    host, ctx = Host(), Context()
    rows: list[object] = []
    for order in "AB":
        ctx.order = order
        rows.append(host.submit(ctx).result(WAIT))
    host.asked.set()
    assert host.answered.wait(WAIT)
    between = host.pool.submit(lambda: (whose(), trace.get_current_span().get_span_context().is_valid)).result(WAIT)
    HandoffInstrumentor().uninstrument()
    ctx.order = "C"
    rows.append(host.submit(ctx).result(WAIT))
    print(
        json.dumps(
            {"rows": rows, "later": host.later, "between": between, "failed": failed, "errors": guard.errors.value}
        )
    )


if __name__ == "__main__":
    # As the module that the boundary names, whatever it was started as.
    from tests.hazards import other_instrumentations

    other_instrumentations.main(*sys.argv[1:])
