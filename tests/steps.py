"""What a processor does to one row, where a race is forced: the same on the embedded pipeline and on ELSPETH itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

LONG: Final = 30.0
"""Seconds until a test that hangs fails; nothing is ever timed by it."""


class Work(Protocol):
    """What a step is given."""

    @property
    def ctx(self) -> Any:
        """The context that the worker was handed."""
        ...

    def record(self) -> None:
        """Record an external call through the context, as plugins do."""
        ...

    def record_under(self, state_id: Any) -> None:
        """Record an external call under an id that was taken earlier, as audited clients do."""
        ...


Step = Callable[[Work], object]


def wait(event: threading.Event) -> None:
    """Wait for what must come."""
    assert event.wait(LONG), "an event that had to come did not"


def idle(_work: Work) -> None:
    """Touch nothing."""


def busy(started: threading.Event, go: threading.Event) -> Step:
    """Keep the worker until `go`, and touch nothing."""

    def step(_work: Work) -> None:
        started.set()
        wait(go)

    return step


def capture(work: Work) -> None:
    """Take the state once, at entry, as every transform of ELSPETH 0.7 does, and record under it."""
    work.record_under(work.ctx.state_id)


def hang(started: threading.Event, go: threading.Event) -> Step:
    """Take the state at entry, hang, and record under it."""

    def step(work: Work) -> None:
        state_id = work.ctx.state_id
        started.set()
        wait(go)
        work.record_under(state_id)

    return step


def late(started: threading.Event, go: threading.Event, done: threading.Event | None = None) -> Step:
    """Read the context only after `go`."""

    def step(work: Work) -> None:
        started.set()
        wait(go)
        try:
            work.record()
        finally:
            if done is not None:
                done.set()

    return step


def after(go: threading.Event, then: threading.Event) -> Step:
    """Say that the work began, and record once another worker has."""

    def step(work: Work) -> None:
        go.set()
        wait(then)
        work.record()

    return step
