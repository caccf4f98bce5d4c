"""Subjects of the watch's benchmark: reads and writes, timed inside the process that does them."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any, Final

from otel_handoff import HandoffInstrumentor
from tests.benchmarks.host import BOUNDARY, Context, Ledger, Pipeline, Row, UnwatchedContext

_ledger: Final = Ledger()


def _empty(_ctx: Context, times: int) -> None:
    for _ in repeat(None, times):
        pass


def _read(ctx: Context, times: int) -> None:
    for _ in repeat(None, times):
        ctx.state_id  # noqa: B018
        ctx.state_id  # noqa: B018
        ctx.state_id  # noqa: B018
        ctx.state_id  # noqa: B018


def _write(ctx: Context, times: int) -> None:
    state_id = ctx.state_id
    for _ in repeat(None, times):
        ctx.state_id = state_id
        ctx.state_id = state_id
        ctx.state_id = state_id
        ctx.state_id = state_id


def _read_other(ctx: Context, times: int) -> None:
    for _ in repeat(None, times):
        ctx.other  # noqa: B018
        ctx.other  # noqa: B018
        ctx.other  # noqa: B018
        ctx.other  # noqa: B018


def _write_other(ctx: Context, times: int) -> None:
    for _ in repeat(None, times):
        ctx.other = "other"
        ctx.other = "other"
        ctx.other = "other"
        ctx.other = "other"


def _row(ctx: Context, times: int) -> None:
    for _ in repeat(None, times):
        ctx.run_id  # noqa: B018
        ctx.node_id  # noqa: B018
        ctx.token  # noqa: B018
        ctx.state_id  # noqa: B018
        ctx.run_id  # noqa: B018
        ctx.node_id  # noqa: B018
        ctx.token  # noqa: B018
        ctx.state_id  # noqa: B018
        _ledger.record_call(ctx.state_id, 0, "success")
        _ledger.record_call(ctx.state_id, 1, "success")


Loop = Callable[[Context, int], None]


def _timed(loop: Loop, ctx: Context, times: int) -> float:
    start = time.perf_counter()
    loop(ctx, times)
    return time.perf_counter() - start


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
    """Return what times operations on a context, in a row of its own; seconds for one operation.

    `plain_...` is the same operation on a twin class that is never handed over, in the same process.
    """
    if mode != "off":
        instrumentor: Any = HandoffInstrumentor()
        instrumentor.instrument(boundaries=[BOUNDARY], mode=mode, watch=watch)

    def run(times: int) -> Mapping[str, float]:
        ctx, plain = Context(1), UnwatchedContext(1)
        loops = {"read": _read, "read_other": _read_other}
        found = {
            name: _in_row(ctx, lambda handed, loop=loop: _net(loop, handed, times)) for name, loop in loops.items()
        }
        found["read_outside"] = _net(_read, ctx, times)
        found["write"] = _in_flight(ctx, lambda ours: _net(_write, ours, times))
        found["write_other"] = _in_flight(ctx, lambda ours: _net(_write_other, ours, times))
        found["write_outside"] = _net(_write, ctx, times)
        found["plain_read"], found["plain_write"] = _net(_read, plain, times), _net(_write, plain, times)
        few = max(1, times // 10)
        found["row"] = _in_row(ctx, lambda handed: _timed(_row, handed, few) / few) + 2 * found["write"]
        return found

    return run


def _net(loop: Loop, ctx: Context, times: int) -> float:
    return (_timed(loop, ctx, times) - _timed(_empty, ctx, times)) / times / 4


def memory(mode: str = "off", *, watch: bool = False) -> Callable[..., Mapping[str, float]]:
    """Return what measures the bytes that rows in flight hold, as traced by Python's allocator."""
    if mode != "off":
        instrumentor: Any = HandoffInstrumentor()
        instrumentor.instrument(boundaries=[BOUNDARY], mode=mode, watch=watch)

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
