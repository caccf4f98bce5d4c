"""The smallest host in the shape of the real one: accept_row -> executor.submit(self._process_and_complete)."""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, Protocol

from otel_handoff import Boundary, Call

BURST: Final = 32
"""Rows that are handed over before any is waited for; a real host bounds its rows in flight, too."""


@dataclass(frozen=True)
class Token:
    """A row on its way."""

    row_id: str
    token_id: str


class Context:
    """What a worker is handed. `other` is no field of the boundary."""

    def __init__(self, number: int) -> None:
        self.run_id: str = "run-1"
        self.node_id: str = "node-1"
        self.token: Token = Token(f"row-{number}", f"token-{number}")
        self.state_id: str = f"state-{number}"
        self.other: str = "other"


Row = int
Processor = Callable[[Row, Context], object]


class Ledger:
    """Takes calls and keeps none."""

    def record_call(self, state_id: str, call_index: int, status: str) -> None:
        """File a call."""


class Buffer:
    """Takes results and keeps none."""

    def complete(self, ticket: int, result: tuple[Token, object, str]) -> None:
        """Route a result."""


class Executor(Protocol):
    """What hands a function to another thread, or keeps it for later."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        """Take a call."""
        ...


class Pipeline:
    """Hands rows to workers."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._buffer = Buffer()

    def accept_row(self, row: Row, ctx: Context, processor: Processor) -> Any:
        """Submit function."""
        return self._executor.submit(self._process_and_complete, row, ctx.token, ctx, processor)

    def _process_and_complete(self, row: Row, token: Token, ctx: Context, processor: Processor) -> None:
        state_id = ctx.state_id
        self._buffer.complete(row, (token, processor(row, ctx), state_id))


_HERE: Final = "tests.benchmarks.host"

BOUNDARY: Final = Boundary(
    name="bench",
    submit=f"{_HERE}:Pipeline.accept_row",
    work=f"{_HERE}:Pipeline._process_and_complete",
    fields={
        "run_id": "run_id",
        "node_id": "node_id",
        "row_id": "token.row_id",
        "token_id": "token.token_id",
        "state_id": "state_id",
    },
    calls=(
        Call(
            f"{_HERE}:Ledger.record_call",
            ids={"state_id": "state_id"},
            attributes={"bench.call.index": "call_index", "bench.call.status": "status"},
        ),
        Call(
            f"{_HERE}:Buffer.complete",
            ids={"token_id": "result.0.token_id", "row_id": "result.0.row_id", "state_id": "result.2"},
            evidence="result",
        ),
    ),
    row="token_id",
)
"""The hand-off of `Pipeline`, with the five fields of ELSPETH's."""

LEDGER: Final = Ledger()


def no_op(_row: Row, _ctx: Context) -> None:
    """Work on a row by doing nothing."""


def calling(calls: int) -> Processor:
    """Return a processor that records so many calls."""
    if not calls:
        return no_op

    def processor(_row: Row, ctx: Context) -> None:
        for index in range(calls):
            LEDGER.record_call(ctx.state_id, index, "success")

    return processor


def misfiling(_row: Row, _ctx: Context) -> None:
    """Record a call under an id that no row has."""
    LEDGER.record_call("state-of-nobody", 0, "success")


class Rows:
    """Brings clean rows through pools of real threads, in bursts.

    Each row of a burst has a context of its own, so that nothing is wrong and nothing is written in flight: what is
    left is the cost of handing over.
    """

    def __init__(
        self,
        wrap: Callable[[Processor], Processor] = lambda processor: processor,
        around: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
        calling: Callable[[int], Processor] = calling,
    ) -> None:
        """Let `wrap` change the processor that `calling` makes for so many calls, and submit inside `around()`."""
        self._wrap = wrap
        self._around = around
        self._calling = calling
        self._contexts = [Context(number) for number in range(BURST)]
        self._pipelines: dict[int, Pipeline] = {}
        self._nested = concurrent.futures.ThreadPoolExecutor(16)

    def pipeline(self, workers: int) -> Pipeline:
        """Return the pipeline with so many workers."""
        if workers not in self._pipelines:
            # Looked up now: an instrumentation may have put its own in place.
            self._pipelines[workers] = Pipeline(concurrent.futures.ThreadPoolExecutor(workers))
        return self._pipelines[workers]

    def __call__(self, rows: int, workers: int = 1, calls: int = 0, nested: int = 0, *, wrong: bool = False) -> None:
        """Bring rows through: each records `calls` calls, or goes through `nested` pool tasks, one inside the other."""
        processor = self._wrap(self._below(nested) if nested else misfiling if wrong else self._calling(calls))
        pipeline = self.pipeline(workers)
        with self._around():
            for start in range(0, rows, BURST):
                futures: list[Future[None]] = [
                    pipeline.accept_row(start, ctx, processor) for ctx in self._contexts[: rows - start]
                ]
                for future in futures:
                    future.result()

    def look(self, sees: Callable[[], bool]) -> bool:
        """Return what `sees` returns while a worker works on a row."""
        found: list[bool] = []
        looking = self._wrap(lambda _row, _ctx: found.append(sees()))
        with self._around():
            self.pipeline(1).accept_row(0, self._contexts[0], looking).result()
        return found == [True]

    def _below(self, depth: int) -> Processor:
        if depth == 0:
            return no_op
        inner = self._below(depth - 1)
        return lambda row, ctx: self._nested.submit(inner, row, ctx).result()
