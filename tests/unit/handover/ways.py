"""A host without a submit function of its own: its work, in each form, is handed over in each of the standard ways."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.util import find_spec
from multiprocessing.pool import ThreadPool
from typing import Any, Final

from opentelemetry import trace

from otel_handoff import Boundary, Call
from tests.hosts import WAIT, Context, Order

HERE: Final = __name__
ROWS: Final = "ABC"


class Books:
    """What is filed: whose row it was, under which id, and in which trace."""

    def __init__(self) -> None:
        self.filed: list[tuple[str, str | None, int]] = []
        self.go = threading.Event()

    def file(self, owner: str, order_id: str | None) -> None:
        """File."""
        self.filed.append((owner, order_id, trace.get_current_span().get_span_context().trace_id))

    def again(self) -> None:
        """Forget all."""
        self.filed.clear()
        self.go.clear()


BOOKS: Final = Books()


def filing(owner: str, ctx: Context) -> None:
    """Wait until all rows are handed over, and file under the id that the context has by then."""
    assert BOOKS.go.wait(WAIT)
    BOOKS.file(owner, ctx.order.id if ctx.order else None)


def work(owner: str, ctx: Context, *_: Any) -> None:
    """Work function."""
    filing(owner, ctx)


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate as hosts do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


class Shop:
    """Has its work as methods."""

    def bill(self, owner: str, ctx: Context, *_: Any) -> None:
        """Work function."""
        filing(owner, ctx)

    @staticmethod
    def static(owner: str, ctx: Context, *_: Any) -> None:
        """Work function."""
        filing(owner, ctx)

    @classmethod
    def of_class(cls, owner: str, ctx: Context, *_: Any) -> None:
        """Work function."""
        filing(owner, ctx)

    def __call__(self, owner: str, ctx: Context, *_: Any) -> None:
        """Work function."""
        filing(owner, ctx)

    def safely(self, owner: str, ctx: Context, *_: Any) -> None:
        """Call the work function, as hosts do that log its errors."""
        self.bill(owner, ctx)


RAW: Final = work
"""Taken before anything is wrapped, as a registry does."""
SHOP: Final = Shop()
RAW_BOUND: Final = SHOP.bill

Given = tuple[Any, tuple[Any, ...]]
Form = Callable[[str, Context], Given]


def _closure(owner: str, ctx: Context) -> Given:
    def task(*_: Any) -> None:
        work(owner, ctx)

    return task, ()


def _run(function: Any, *args: Any) -> Given:
    return contextvars.copy_context().run, (function, *args)


DIRECT: Final[dict[str, tuple[str, Form]]] = {
    "function": ("work", lambda owner, ctx: (work, (owner, ctx))),
    "function taken earlier": ("work", lambda owner, ctx: (RAW, (owner, ctx))),
    "partial": ("work", lambda owner, ctx: (partial(work, owner, ctx), ())),
    "partial by name": ("work", lambda owner, ctx: (partial(work, ctx=ctx, owner=owner), ())),
    "partial of a part": ("work", lambda owner, ctx: (partial(work, owner), (ctx,))),
    "partials": ("work", lambda owner, ctx: (partial(partial(partial(work, owner), ctx)), ())),
    "bound method": ("Shop.bill", lambda owner, ctx: (SHOP.bill, (owner, ctx))),
    "bound method taken earlier": ("Shop.bill", lambda owner, ctx: (RAW_BOUND, (owner, ctx))),
    "partial of a method": ("Shop.bill", lambda owner, ctx: (partial(SHOP.bill, owner), (ctx,))),
    "of the class": ("Shop.bill", lambda owner, ctx: (Shop.bill, (SHOP, owner, ctx))),
    "partial of the class's": ("Shop.bill", lambda owner, ctx: (partial(Shop.bill, SHOP, owner), (ctx,))),
    "static": ("Shop.static", lambda owner, ctx: (SHOP.static, (owner, ctx))),
    "class method": ("Shop.of_class", lambda owner, ctx: (Shop.of_class, (owner, ctx))),
    "object": ("Shop.__call__", lambda owner, ctx: (SHOP, (owner, ctx))),
    "partial of an object": ("Shop.__call__", lambda owner, ctx: (partial(SHOP, owner), (ctx,))),
    "context's run": ("work", lambda owner, ctx: _run(work, owner, ctx)),
    "partial of a context's run": ("work", lambda owner, ctx: (partial(_run(work)[0], work, owner), (ctx,))),
    "context's run of a partial": ("Shop.bill", lambda owner, ctx: _run(partial(SHOP.bill, owner), ctx)),
}
"""What is or contains the work function -> which that is, and how it is handed over for a row."""

ENCLOSING: Final[dict[str, tuple[str, Form]]] = {
    "lambda": ("work", lambda owner, ctx: (lambda *_: work(owner, ctx), ())),
    "lambda of a method": ("Shop.bill", lambda owner, ctx: (lambda *_: SHOP.bill(owner, ctx), ())),
    "lambda with arguments": ("work", lambda owner, ctx: (lambda o, c, *_: work(o, c), (owner, ctx))),
    "lambda with defaults": ("work", lambda owner, ctx: (lambda *_, o=owner, c=ctx: work(o, c), ())),
    "closure": ("work", _closure),
    "method around it": ("Shop.bill", lambda owner, ctx: (SHOP.safely, (owner, ctx))),
    "decorated": ("work", lambda owner, ctx: (decorated(work), (owner, ctx))),
    "partial of a lambda": ("work", lambda owner, ctx: (partial(lambda o, c, *_: work(o, c), owner), (ctx,))),
    "argument of a helper": ("work", lambda owner, ctx: (helper, (work, owner, ctx))),
    "context's run of a lambda": ("work", lambda owner, ctx: _run(lambda *_: work(owner, ctx))),
}
"""What calls it."""


def helper(function: Callable[..., Any], *args: Any) -> Any:
    """Call what it is given."""
    return function(*args)


# -- ways: each gives what hands over, and waits for what was handed over when it is left

Hand = Callable[..., object]


@contextmanager
def _executor() -> Generator[Hand]:
    with ThreadPoolExecutor(len(ROWS)) as pool:
        yield pool.submit


@contextmanager
def _executor_map() -> Generator[Hand]:
    with ThreadPoolExecutor(len(ROWS)) as pool:

        def hand(function: Any, *args: Any) -> object:
            return pool.map(function, *([each] for each in args or ("nothing",)))

        yield hand


@contextmanager
def _threads(start: Callable[[Any, tuple[Any, ...]], threading.Thread]) -> Generator[Hand]:
    started: list[threading.Thread] = []

    def hand(function: Any, *args: Any) -> None:
        started.append(start(function, args))
        started[-1].start()

    yield hand
    for thread in started:
        thread.join(WAIT)


def _thread(function: Any, args: tuple[Any, ...]) -> threading.Thread:
    return threading.Thread(target=function, args=args)


def _timer(function: Any, args: tuple[Any, ...]) -> threading.Thread:
    return threading.Timer(0, function, args)


@contextmanager
def _pool(way: str) -> Generator[Hand]:
    with ThreadPool(len(ROWS)) as pool:

        def hand(function: Any, *args: Any) -> object:
            return pool.apply_async(function, args) if way == "apply" else pool.starmap_async(function, [args])

        yield hand
        pool.close()
        pool.join()


@contextmanager
def _done_callback() -> Generator[Hand]:
    with ThreadPoolExecutor(len(ROWS)) as pool:

        def hand(function: Any, *args: Any) -> None:
            future: Future[Any] = pool.submit(BOOKS.go.wait, WAIT)
            future.add_done_callback(partial(function, *args))

        yield hand


@contextmanager
def _loop(way: Callable[[asyncio.AbstractEventLoop], Hand]) -> Generator[Hand]:
    # What is handed over is done once the loop goes on.
    loop = asyncio.new_event_loop()
    given: list[Any] = []

    async def all_done() -> None:
        await asyncio.gather(*given, return_exceptions=True)
        await asyncio.sleep(0)

    def hand(function: Any, *args: Any) -> None:
        made = way(loop)(function, *args)
        if asyncio.isfuture(made):
            given.append(made)

    def quiet(_loop: object, _context: object) -> None:
        pass

    loop.set_exception_handler(quiet)
    try:
        yield hand
        loop.run_until_complete(all_done())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _awaited(loop: asyncio.AbstractEventLoop, way: Any) -> Hand:
    # A coroutine hands over when it runs: each is begun at once.
    def hand(function: Any, *args: Any) -> Any:
        task = loop.create_task(way(function, *args))
        loop.run_until_complete(asyncio.sleep(0))
        return task

    return hand


def _anyio(loop: asyncio.AbstractEventLoop) -> Hand:
    from anyio.to_thread import run_sync

    return _awaited(loop, run_sync)


def _run_in_executor(loop: asyncio.AbstractEventLoop) -> Hand:
    return partial(loop.run_in_executor, None)


def _call_soon(loop: asyncio.AbstractEventLoop) -> Hand:
    return loop.call_soon


def _call_soon_threadsafe(loop: asyncio.AbstractEventLoop) -> Hand:
    return loop.call_soon_threadsafe


def _call_later(loop: asyncio.AbstractEventLoop) -> Hand:
    return partial(loop.call_later, 0)


def _to_thread(loop: asyncio.AbstractEventLoop) -> Hand:
    return _awaited(loop, asyncio.to_thread)


WAYS: Final[dict[str, Callable[[], AbstractContextManager[Hand]]]] = {
    "executor.submit": _executor,
    "executor.map": _executor_map,
    "Thread": lambda: _threads(_thread),
    "Timer": lambda: _threads(_timer),
    "add_done_callback": _done_callback,
    "ThreadPool.apply_async": lambda: _pool("apply"),
    "ThreadPool.starmap_async": lambda: _pool("starmap"),
    "run_in_executor": lambda: _loop(_run_in_executor),
    "to_thread": lambda: _loop(_to_thread),
    "call_soon": lambda: _loop(_call_soon),
    "call_soon_threadsafe": lambda: _loop(_call_soon_threadsafe),
    "call_later": lambda: _loop(_call_later),
    **({"anyio": lambda: _loop(_anyio)} if find_spec("anyio") else {}),
}

IMPOSSIBLE: Final = {
    ("executor.map", "partial by name"),  # they give it something more, by position
    ("add_done_callback", "partial by name"),
    ("ThreadPool.starmap_async", "argument of a helper"),  # it is the items that are looked at, not what is in them
}
"""What does not go together."""


def boundary(name: str, **options: Any) -> Boundary:
    """Return the declaration, of which `work` is the most."""
    calls = [Call(f"{HERE}:Books.file", {"order_id": "order_id"})]
    declared: dict[str, Any] = {"fields": {"order_id": "order.id"}, "calls": calls, **options}
    return Boundary("alone", work=f"{HERE}:{name}", **declared)


def rows(way: str, form: Form, tracer: Any, ctx: Context | None = None) -> dict[str, int]:
    """Hand over a row for each name on one context, or on one of its own; return the traces that they are in."""
    BOOKS.again()
    traces: dict[str, int] = {}
    with WAYS[way]() as hand:
        try:
            for name in ROWS:
                with tracer.start_as_current_span("row") as span:
                    traces[name] = span.get_span_context().trace_id
                    given = Context() if ctx is None else ctx
                    given.order = Order(name)
                    function, args = form(name, given)
                    hand(function, *args)
        finally:
            BOOKS.go.set()
    return traces
