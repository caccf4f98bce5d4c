"""What a host has filed: whose it was, under whose id, and whether the trace of who handed it over was there."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from opentelemetry import trace

from otel_handoff import HandoffMismatchError

WAIT: Final = 20.0
"""Seconds after which a host that waits for something is broken."""


class Record(NamedTuple):
    """One thing that was filed.

    Attributes:
        owner: the id of the request that it belongs to.
        filed: the id that it was filed under.
        traced: whether it was filed in the trace of that request.
    """

    owner: str
    filed: str
    traced: bool


class Books:
    """All that one run of a host has filed."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.traces: dict[str, int] = {}

    @contextmanager
    def request(self, owner: object) -> Generator[None]:
        """Be the request of `owner`, in a trace of its own; what is handed over in it is its work."""
        with trace.get_tracer(__name__).start_as_current_span(str(owner)):
            self.belongs(owner)
            yield

    def belongs(self, *owners: object) -> None:
        """Take the work of `owners` for that of the trace that is current now."""
        self.traces.update((str(owner), _current()) for owner in owners)

    def file(self, owner: object, filed: object) -> None:
        """File something of `owner` under the id `filed`."""
        self.records.append(Record(str(owner), str(filed), self.is_traced(owner)))

    def is_traced(self, owner: object) -> bool:
        """Whether the trace of `owner` is current now."""
        return _current() == self.traces[str(owner)]

    def wrong(self) -> Counter[tuple[str, str]]:
        """Return what was filed under the id of another: how often, by owner and id."""
        return Counter((owner, filed) for owner, filed, _ in self.records if owner != filed)


books: Final = Books()


def _current() -> int:
    return trace.get_current_span().get_span_context().trace_id


@contextmanager
def refusing() -> Generator[None]:
    """Go on where mode `strict` has refused something, as a host does that handles the errors of its tasks."""
    with suppress(HandoffMismatchError):
        yield


def settle(futures: Iterable[Future[Any]]) -> None:
    """Wait for all; what was refused is no error of the host."""
    for future in list(futures):
        with refusing():
            future.result(WAIT)


def start_all(threads: Iterable[threading.Thread]) -> None:
    """Start them, and wait for all."""
    started = list(threads)
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(WAIT)
