"""Subjects of the watch's benchmark: reads and writes, timed inside the process that does them."""

from __future__ import annotations

import threading
import timeit
import tracemalloc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, Final

from otel_handoff import HandoffInstrumentor
from tests.benchmarks.host import BOUNDARY, Context, Ledger, Pipeline, Row

_STATEMENTS: Final = {
    "read": "ctx.state_id",
    "write": "ctx.state_id = state_id",
    "read_other": "ctx.other",
    "write_other": "ctx.other = other",
}
_AT_ONCE: Final = 4
"""So often a statement stands in its loop, to make less of the loop."""

_ROW: Final = """\
ctx.run_id; ctx.node_id; ctx.token; ctx.state_id; ctx.run_id; ctx.node_id; ctx.token; ctx.state_id
record_call(ctx.state_id, 0, 'success'); record_call(ctx.state_id, 1, 'success')
"""
"""The worker's part of a row: 10 reads and 2 calls."""


def _timed(body: str, ctx: Context, times: int) -> float:
    """Return the seconds for one pass of a loop with this body."""
    setup = "ctx, state_id, other, record_call = given.ctx, given.ctx.state_id, given.ctx.other, given.record_call"
    given = SimpleNamespace(ctx=ctx, record_call=Ledger().record_call)
    return timeit.timeit(body, setup, number=times, globals={"given": given}) / times


def _cost(name: str, ctx: Context, times: int) -> float:
    body = "\n".join([_STATEMENTS[name]] * _AT_ONCE)
    return (_timed(body, ctx, times) - _timed("pass", ctx, times)) / _AT_ONCE


def _in_row(ctx: Context, work: Callable[[Context], float]) -> float:
    """Return what `work` returns in a worker that has `ctx`."""
    seconds: list[float] = []

    def processor(_row: Row, handed: Context) -> None:
        seconds.append(work(handed))

    with ThreadPoolExecutor(1) as pool:
        Pipeline(pool).accept_row(0, ctx, processor).result()
    return seconds[0]


def _in_flight(ctx: Context, work: Callable[[Context], float]) -> float:
    """Return what `work` returns on the submitting thread while a row of `ctx` is in flight."""
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        Pipeline(pool).accept_row(0, ctx, lambda _row, _ctx: done.wait())
        try:
            return work(ctx)
        finally:
            done.set()


def operations(mode: str = "off", *, watch: bool = False) -> Callable[..., Mapping[str, float]]:
    """Return what times operations on a context, in a row of its own; seconds for one operation."""
    _instrument(mode, watch=watch)

    def run(times: int) -> Mapping[str, float]:
        ctx = Context(1)
        write = _in_flight(ctx, lambda ours: _cost("write", ours, times))
        return {
            "read": _in_row(ctx, lambda handed: _cost("read", handed, times)),
            "read_outside": _cost("read", ctx, times),
            "read_other": _in_row(ctx, lambda handed: _cost("read_other", handed, times)),
            "write": write,
            "write_outside": _cost("write", ctx, times),
            "write_other": _in_flight(ctx, lambda ours: _cost("write_other", ours, times)),
            "row": _in_row(ctx, lambda handed: _timed(_ROW, handed, max(1, times // 10))) + 2 * write,
        }

    return run


def _instrument(mode: str, *, watch: bool) -> None:
    if mode != "off":
        instrumentor: Any = HandoffInstrumentor()
        instrumentor.instrument(boundaries=[BOUNDARY], mode=mode, watch=watch)


def memory(mode: str = "off", *, watch: bool = False) -> Callable[..., Mapping[str, float]]:
    """Return what measures the bytes that rows in flight hold, as traced by Python's allocator."""
    _instrument(mode, watch=watch)

    def run(rows: int) -> Mapping[str, float]:
        contexts = [Context(number) for number in range(rows)]
        done = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            pipeline = Pipeline(pool)
            pipeline.accept_row(0, contexts[0], lambda _row, _ctx: done.wait())
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            for ctx in contexts[1:]:
                pipeline.accept_row(0, ctx, _nothing)
            held = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
            done.set()
        return {"bytes_per_row": held / (rows - 1)}

    return run


def _nothing(_row: Row, _ctx: Context) -> None: ...
