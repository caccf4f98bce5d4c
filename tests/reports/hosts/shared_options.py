"""GENI-NSF/geni-tools#63, in small: calls of a tool in several threads have one `optparse.Values`.

Each call sets its own aggregate on it, and sends to the one that is there after a round trip.
"""

from __future__ import annotations

import optparse
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, settle
from tests.reports.expected import Expected

EXPECTED = Expected(shared="`options.aggregate`, by all calls", records=3, wrong=2, prevented=False)
AGGREGATES = [f"am-{n}" for n in range(3)]
all_set = threading.Barrier(len(AGGREGATES), timeout=WAIT)


class Tool:
    """The command-line tool, used as a library."""

    def call(self, args: list[str], options: Any) -> None:
        options.aggregate = args[0]  # the write
        all_set.wait()
        self.send(args, options.aggregate)

    def send(self, args: list[str], aggregate: str) -> None:
        books.file(args[0], aggregate)


class Script:
    """Calls it in a pool."""

    def __init__(self) -> None:
        self.tool = Tool()
        self.pool = ThreadPoolExecutor(len(AGGREGATES))
        self.options = optparse.Values({"aggregate": None})

    def start(self, aggregate: str) -> Future[None]:
        return self.pool.submit(self.tool.call, [aggregate, "createsliver"], self.options)


def declared() -> Boundary:
    return Boundary(
        "omni",
        work=f"{__name__}:Tool.call",
        context="options",
        fields={"aggregate": "aggregate"},
        ids={"aggregate": "args.0"},
        calls=[Call(f"{__name__}:Tool.send", {"aggregate": "aggregate"})],
    )


def run() -> None:
    script = Script()
    started: list[Future[None]] = []
    for aggregate in AGGREGATES:
        with books.request(aggregate):
            started.append(script.start(aggregate))
    settle(started)
