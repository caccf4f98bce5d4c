"""What of a declaration cannot work, as the functions that it names show it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest

from otel_handoff import Boundary, HandoffInstrumentor
from otel_handoff.declare.declared import Fault, faults, missing


class Task:
    """A function that is run as something else, as Celery's are."""

    def __init__(self, function: Callable[..., None]) -> None:
        self.function = function
        self.__wrapped__ = function

    def __call__(self, ctx: Any) -> None:
        """Run it here."""
        self.function(ctx)

    def delay(self, ctx: Any) -> None:
        """Have it run elsewhere."""
        raise NotImplementedError(ctx)


def plain(ctx: Any) -> None:
    """Work."""


@contextmanager
def within(ctx: Any) -> Generator[Any, None, None]:
    """A plain function, made of a generator."""
    yield ctx


class Shop:
    """Ways to hand over, and to work."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.queue: Queue[Any] = Queue()

    def enqueue(self, ctx: Any, order: Any) -> None:
        """Hand over to a pool."""
        self.pool.submit(self.process, ctx, order)

    def process(self, ctx: Any, order: Any) -> None:
        """Work."""

    def put(self, ctx: Any) -> None:
        """Hand over to a queue of one's own."""
        self.queue.put(ctx)

    def again(self, ctx: Any) -> None:
        """Work, and hand the next one over in turn."""
        self.put(ctx)

    def thread(self, ctx: Any, order: Any) -> None:
        """Hand over to a thread."""
        threading.Thread(target=self.process, args=(ctx, order)).start()

    def nested(self, ctx: Any, order: Any) -> None:
        """Hand over, and be handed over by the function that works: each knows the other."""
        self.pool.submit(self.mutual, ctx, order)

    def mutual(self, ctx: Any, order: Any) -> None:
        """Work, and have the rest of it handed over later."""
        self.pool.submit(self.nested, ctx, order)

    def loop(self) -> None:
        """Work on all of them."""

    def job(self, job: Any) -> None:
        """Work on what carries the context."""

    def contxt(self, contxt: Any, order: Any) -> None:
        """Work; misspelt."""

    def anything(self, *args: Any, **kwargs: Any) -> None:
        """Take whatever is given."""

    def any_keyword(self, **kwargs: Any) -> None:
        """Take whatever is given by name."""

    async def asynchronous(self, ctx: Any) -> None:
        """Work step by step."""
        await asyncio.sleep(0)

    async def asynchronous_items(self, ctx: Any) -> AsyncGenerator[Any, None]:
        """Work step by step."""
        yield ctx

    def items(self, ctx: Any) -> Generator[Any, None, None]:
        """Work step by step."""
        yield ctx

    def returns_coroutine(self, ctx: Any) -> Coroutine[Any, Any, None]:
        """Looks like any other function."""
        return self.asynchronous(ctx)


def found(submit: Any, work: Any, context: str = "ctx") -> list[Fault]:
    boundary = Boundary(
        name="orders",
        submit=f"shop:{getattr(submit, '__qualname__', 'f')}",
        work=f"shop:{getattr(work, '__qualname__', 'f')}",
        context=context,
        fields={"order_id": "order_id"},
    )
    return list(faults(boundary, submit, work))


@pytest.mark.parametrize(
    ("submit", "work"),
    [
        (Shop.enqueue, Shop.process),
        (Shop.thread, Shop.process),
        (Shop.put, Shop.again),
        (Shop.nested, Shop.mutual),
        (Shop.asynchronous, Shop.process),
        (Shop.put, Shop.returns_coroutine),
        (Shop.put, Shop.asynchronous),
        (Shop.put, Shop.asynchronous_items),
        (Shop.put, Shop.items),
        (Shop.put, within),
    ],
)
def test_what_may_well_work(submit: Any, work: Any) -> None:
    """A worker that hands over in turn is not swapped; what is asynchronous or a generator is followed."""
    assert found(submit, work) == []


@pytest.mark.parametrize("way", ["send", "kiq", "defer", "enqueue", "schedule", "submit", "apply_async", "delay"])
@pytest.mark.parametrize("is_function", [True, False])
def test_a_task_of_a_queue_of_whatever_make(way: str, is_function: bool) -> None:
    """It may be run in another place: an object that stands for a function, or a function with a method hung on it."""
    kind = type("Job", (), {"__call__": Shop.put, way: plain})

    def work(ctx: Any) -> None:
        """Work."""

    work.__qualname__ = "work"
    setattr(work, way, plain)
    told = [fault for fault in found(Shop.put, work if is_function else kind()) if fault.role == "work"]
    assert told, "all well is not said"
    assert way in told[0].text


def test_one_function_for_both() -> None:
    """It hands over, and what works is another."""
    (fault,) = found(Shop.enqueue, Shop.enqueue)
    assert (fault.role, fault.is_certain) == ("work", True)
    assert fault.text == "is the function that hands over, too: no worker is recognised by it"


@pytest.mark.parametrize(
    ("submit", "work", "role", "text", "do"),
    [
        (Shop.put, Task(plain), "work", "is a Task (it has delay), which is run as", "the plain function"),
        (Shop.process, Shop.enqueue, "work", "hands process on, which is declared as submit: the two", "submit is the"),
        (Shop.process, Shop.thread, "work", "hands process on, which is declared as submit: the two", "submit is the"),
        (Shop.put, Shop.loop, "work", "takes no ctx, and shares no parameter with the other", "that takes the context"),
        (Shop.anything, Shop.process, "submit", "takes no ctx by name, only whatever it is given", "around it"),
        (
            ThreadPoolExecutor.submit,
            Shop.process,
            "submit",
            "is a pool's own, which takes whatever it is given",
            "Leave submit out",
        ),
    ],
)
def test_what_cannot_work(submit: Any, work: Any, role: str, text: str, do: str) -> None:
    """Each is said with what to do about it."""
    of_it = found(submit, work)
    assert [(fault.role, fault.is_certain) for fault in of_it] == [(role, True)]
    (fault,) = of_it
    assert fault.text.startswith(text)
    assert do in fault.do


def test_a_parameter_of_almost_that_name_is_told() -> None:
    """The nearest one."""
    (fault,) = found(Shop.contxt, Shop.contxt, context="context")[:1]
    assert fault.do == "Correct the parameter in the Boundary. Did you mean 'contxt'?"


def test_a_worker_that_has_another_name_for_it() -> None:
    """It depends on whether it is given the very object."""
    (fault,) = found(Shop.put, Shop.job)
    assert (fault.role, fault.is_certain) == ("work", False)
    assert fault.text == "takes no ctx: its rows are known where it is given the very object by another name"
    assert fault.do == "Where it is given another, correct the Boundary. Its parameters are job."


@pytest.mark.parametrize(
    ("submit", "context"),
    [
        (Shop.put, "self"),
        (Shop.put, "self.desk"),
        (Shop.put, "ctx.desk"),
        (Shop.put, "app.state:desk"),
        (Shop.anything, "args.0"),
        (Shop.any_keyword, "kwargs.desk"),
    ],
)
def test_a_place_that_is_no_parameter(submit: Any, context: str) -> None:
    """The work function need not have it."""
    assert found(submit, Shop.loop, context=context) == []


@pytest.mark.parametrize("context", ["desk.ctx", "args.0", "kwargs.ctx"])
def test_a_place_that_starts_nowhere(context: str) -> None:
    """Nothing that the submit function is given is of that name."""
    (fault,) = found(Shop.put, Shop.loop, context=context)
    assert (fault.role, fault.is_certain) == ("submit", True)
    assert fault.text.startswith(f"takes no {context}")


def test_a_function_that_takes_any_keyword() -> None:
    """It depends on those who call it."""
    (fault,) = found(Shop.any_keyword, Shop.process)
    assert (fault.role, fault.is_certain) == ("submit", False)
    assert "a row without it is not checked" in fault.text


def test_work_alone() -> None:
    """Without a submit function, the work function alone is looked at."""
    boundary = Boundary("shop", work="shop:Shop.process", fields={"order_id": "order"})
    assert list(faults(boundary, None, Shop.process)) == []
    [fault] = faults(boundary, None, Shop.contxt)
    assert (fault.role, fault.is_certain) == ("work", True)
    assert "takes no ctx" in fault.text
    assert [fault.role for fault in missing(Boundary("shop", work="shop_of_nobody:work", fields={"a": "a"}))] == [
        "work"
    ]


def test_no_work() -> None:
    """That cannot be left out."""
    with pytest.raises(ValueError, match="work is missing; name the function"):
        Boundary("shop", fields={"order_id": "order"})


def drains(ctx: Any) -> None:
    """Work on whatever is in a queue."""
    while (item := ctx.rows.get()) is not None:
        item()


def looks_up(ctx: Any) -> None:
    """Follow a chain of keys in a dict."""
    while ctx.key:
        ctx.key = ctx.values.get(ctx.key)


def test_a_loop_that_is_named_as_work() -> None:
    """It is said how a loop is declared, and what else to name."""
    (fault,) = found(Shop.enqueue, drains)
    assert (fault.role, fault.is_certain) == ("work", False)
    assert "takes items off a queue in a loop, by get()" in fault.text
    assert "Boundary(takes='queue:Queue.get')" in fault.do
    assert found(Shop.enqueue, looks_up) == []


@pytest.mark.parametrize(
    "submit", [ThreadPoolExecutor.submit, ThreadPool.imap, asyncio.to_thread, threading.Thread.start]
)
def test_a_pool_s_own_function_that_is_named_as_submit(submit: Any) -> None:
    """It is left out."""
    (fault,) = found(submit, Shop.process)
    assert (fault.role, fault.is_certain) == ("submit", True)
    assert "Leave submit out" in fault.do


def test_it_is_said_when_a_row_is_missed(caplog: pytest.LogCaptureFixture) -> None:
    """Once, of a program that runs: what is wrong with the declaration, and what to write instead."""
    boundary = Boundary(
        "shop", submit="tests.hosts:Pool.enqueue", work=f"{__name__}:drains", fields={"order_id": "order.id"}, calls=[]
    )
    HandoffInstrumentor().instrument(boundaries=[boundary], mode="observe")
    try:
        for _ in range(2):
            sys.modules[__name__].drains(SimpleNamespace(rows=SimpleNamespace(get=lambda: None)))
    finally:
        HandoffInstrumentor().uninstrument()
    assert sum("takes items off a queue in a loop" in text for text in caplog.messages) == 1
