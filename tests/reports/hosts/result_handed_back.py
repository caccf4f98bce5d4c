"""wri/project-zeno#455, in small: the race in the other direction.

Each worker leaves the id of its trace on the handler of all requests, and a request reads it when its own is done.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, start_all
from tests.reports.expected import Expected

REQUESTS = [f"q{n}" for n in range(3)]
EXPECTED = Expected(
    shared="`handler.last_trace_id`, by the workers, for the requests",
    records=3,
    wrong=2,
    culprit="",
    told=False,
    left=2,
    prevented=False,
    refused=0,
    said=("it was called outside of all rows",),
    why=(
        "The late read is the submitter's, outside of any work: nothing is told of it. What a worker hands back "
        "through the handler still arrives in `pin`."
    ),
)
all_within = threading.Barrier(len(REQUESTS), timeout=WAIT)
all_done = threading.Barrier(len(REQUESTS), timeout=WAIT)


class Handler:
    """Knows the trace of the last run."""

    last_trace_id: str | None = None


class Agent:
    """Runs in a pool."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(len(REQUESTS))

    def run(self, name: str, handler: Handler) -> None:
        all_within.wait()
        handler.last_trace_id = f"trace-of-{name}"


class Web:
    """Answers requests, each with the id of its trace."""

    def __init__(self) -> None:
        self.agent, self.handler = Agent(), Handler()

    def request(self, name: str) -> None:
        with books.request(f"trace-of-{name}"):
            self.agent.pool.submit(self.agent.run, name, self.handler).result(WAIT)
            all_done.wait()
            reply(name, self.handler.last_trace_id)


def reply(name: str, trace_id: str | None) -> None:
    books.file(f"trace-of-{name}", trace_id)


def declared() -> Boundary:
    return Boundary(
        "agent",
        work=f"{__name__}:Agent.run",
        context="handler",
        fields={"trace_id": "last_trace_id"},
        calls=[Call(f"{__name__}:reply", {"trace_id": "trace_id"})],
    )


def run() -> None:
    web = Web()
    start_all(threading.Thread(target=web.request, args=(name,)) for name in REQUESTS)
