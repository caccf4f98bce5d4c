"""The ways of handing over that are looked at, by the function that is called."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from otel_handoff.find import futures, pools, queues, tasks, threads
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch

_WAYS: Final[dict[str, Callable[..., Any]]] = {
    "concurrent.futures.thread:ThreadPoolExecutor.submit": partial(pools.submit, "ThreadPoolExecutor.submit"),
    "concurrent.futures.process:ProcessPoolExecutor.submit": pools.send,
    "concurrent.futures._base:Future.add_done_callback": partial(pools.call_back, "Future.add_done_callback"),
    "multiprocessing.pool:Pool.apply_async": partial(pools.apply, "Pool.apply_async"),
    "multiprocessing.pool:Pool._map_async": partial(pools.map_over, "Pool.map"),
    "multiprocessing.pool:Pool.imap": partial(pools.map_over, "Pool.imap"),
    "multiprocessing.pool:Pool.imap_unordered": partial(pools.map_over, "Pool.imap_unordered"),
    "multiprocessing.queues:Queue.put": partial(queues.seal, "multiprocessing.Queue.put"),
    "multiprocessing.queues:JoinableQueue.put": partial(queues.seal, "multiprocessing.JoinableQueue.put"),
    "threading:Thread.start": threads.start,
    "threading:Thread._bootstrap_inner": threads.runs,
    "queue:Queue.put": partial(queues.put, "Queue.put"),
    "queue:Queue.get": partial(queues.get, "Queue.get"),
    "queue:Queue.task_done": partial(queues.done, "Queue.task_done"),
    "asyncio.queues:Queue.put_nowait": partial(queues.put, "asyncio.Queue.put"),
    "asyncio.queues:Queue.get_nowait": partial(queues.get, "asyncio.Queue.get"),
    "asyncio.queues:Queue.task_done": partial(queues.done, "asyncio.Queue.task_done"),
    "asyncio.base_events:BaseEventLoop.create_future": futures.make,
    "asyncio.base_events:BaseEventLoop.create_task": partial(tasks.create, "create_task"),
    "asyncio.base_events:BaseEventLoop.call_soon": partial(tasks.call, "call_soon", 0),
    "asyncio.base_events:BaseEventLoop.call_soon_threadsafe": partial(tasks.call, "call_soon_threadsafe", 0),
    "asyncio.base_events:BaseEventLoop.call_at": partial(tasks.call, "call_later", 1),
    "asyncio.tasks:run_coroutine_threadsafe": partial(tasks.threadsafe, "run_coroutine_threadsafe"),
}


TARGETS: Final = tuple(_WAYS)
"""The functions."""


def patches() -> list[Patch]:
    """Return the patches for all of them; none is applied yet."""
    return [Patch(target, partial(_stand_in, way)) for target, way in _WAYS.items()]


def _stand_in(way: Callable[..., Any], function: Any, _parameters: Parameters) -> Any:
    return stand_in(function, way)
