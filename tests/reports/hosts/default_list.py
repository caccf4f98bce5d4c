"""literalai 0.0.607, Chainlit/literalai-python#161: the default of a ContextVar is one list, which all threads have.

A step that a worker begins gets the last of it for its parent, which is another request's.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from literalai.step import Step

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, settle
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="the list that `active_steps_var` has by default, by all threads",
    records=3,
    wrong=3,
    culprit="",  # nothing sees a write to a list
    prevented=False,
    said=("reads of a list are not seen",),
)
REQUESTS = [f"req-{n}" for n in range(3)]
all_handed_over = threading.Event()
turns = threading.Condition()
turn = 0


class Processor:
    """Takes what steps say of themselves."""

    def add_event(self, _event: Any) -> None: ...


class Service:
    """Works on requests in a pool."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(len(REQUESTS))

    def work(self, request: str) -> None:
        assert all_handed_over.wait(WAIT)
        place = REQUESTS.index(request)
        begin(request, place)
        call = begin(f"call-of-{request}", place + len(REQUESTS))
        send(request, call.parent_id)


def begin(name: str, place: int) -> Step:
    """Begin a step when it is its turn: first those of all requests, then the calls of all."""
    global turn
    processor: Any = Processor()
    step = Step(name=name, processor=processor)
    step.id = name
    with turns:
        assert turns.wait_for(lambda: turn == place, WAIT)
        step.start()
        turn += 1
        turns.notify_all()
    return step


def send(owner: str, parent_id: str | None) -> None:
    books.file(owner, parent_id)


def declared() -> Boundary:
    return Boundary(
        "literal",
        work=f"{__name__}:Service.work",
        context="literalai.context:active_steps_var",
        fields={"parent": "0.id"},
        ids={"parent": "request"},
        calls=[Call(f"{__name__}:send", {"parent": "parent_id"})],
    )


def run() -> None:
    service = Service()
    done: list[Future[None]] = []
    for request in REQUESTS:
        with books.request(request):
            done.append(service.pool.submit(service.work, request))
    all_handed_over.set()
    settle(done)
