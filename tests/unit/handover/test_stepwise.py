"""What stands in for a coroutine or a generator is one to all who ask; in each of its steps something is current."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import inspect
import pickle
import subprocess
import sys
import threading
import types
import weakref
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextvars import ContextVar
from typing import Any

import pytest

from otel_handoff.handover.stepwise import STANDING_IN, STEPWISE, stepped

current: ContextVar[str] = ContextVar("current", default="nobody's")


class Steps:
    """What surrounds the steps, and how they ended."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended: list[type[BaseException] | str | None] = []

    def enter(self) -> Any:
        """Be current in a step."""
        self.begun += 1
        return current.set("ours")

    def leave(self, token: Any, /) -> None:
        """Be so no more."""
        current.reset(token)

    def end(self, token: Any, error: BaseException | None, /) -> None:
        """Remember it."""
        current.reset(token)
        self.ended.append(error and type(error))

    def let_go(self) -> None:
        """Remember that no step will come."""
        self.ended.append("let go")

    def interrupted(self) -> None:
        """Nothing is sent to these threads."""
        raise AssertionError

    def __call__(self, result: Any) -> Any:
        """Stand in for `result`."""
        return stepped(result, self)


async def coroutine(value: Any = "done") -> Any:
    """Wait once."""
    before = current.get()
    await asyncio.sleep(0)
    return before, current.get(), value


def generator(log: list[Any] | None = None) -> Generator[Any, Any, Any]:
    """Yield what is current, and what is sent; return at once when told so."""
    given: Any = None
    try:
        while given != "end":
            given = yield current.get(), given
    except KeyError as error:
        yield current.get(), type(error)
    finally:
        if log is not None:
            log.append(current.get())
    return "returned"


async def asynchronous(log: list[Any] | None = None) -> AsyncGenerator[Any, Any]:
    """The same, waiting in between."""
    given: Any = None
    try:
        while given != "end":
            await asyncio.sleep(0)
            given = yield current.get(), given
    except KeyError as error:
        yield current.get(), type(error)
    finally:
        if log is not None:
            log.append(current.get())


@pytest.mark.parametrize("make", [coroutine, generator, asynchronous])
def test_it_is_of_the_same_kind(make: Any) -> None:
    """To `isinstance`, to `inspect` and `asyncio`; what it has of its own is there."""
    plain = make()
    steps = Steps()
    ours = steps(plain)
    assert type(plain) in STEPWISE
    for kind in (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType):
        assert isinstance(ours, kind) is isinstance(plain, kind)
    for asks in (
        inspect.isawaitable,
        inspect.iscoroutine,
        inspect.isgenerator,
        inspect.isasyncgen,
        asyncio.iscoroutine,
    ):
        assert asks(ours) is asks(plain), asks
    assert ours.__name__ == plain.__name__
    assert steps.ended == []
    asyncio.run(plain.aclose()) if make is asynchronous else plain.close()


def test_a_coroutine_is_awaited() -> None:
    """In its steps something is current, and in nobody else's, also of another task in between."""
    steps, seen = Steps(), list[str]()

    async def other() -> None:
        for _ in range(3):
            seen.append(current.get())
            await asyncio.sleep(0)

    async def main() -> Any:
        beside = asyncio.create_task(other())
        result = await steps(coroutine())
        seen.append(current.get())
        await beside
        return result

    assert asyncio.run(main()) == ("ours", "ours", "done")
    assert set(seen) == {"nobody's"}
    assert (steps.ended, steps.begun) == ([None], 2)


@pytest.mark.parametrize("run", ["run", "task", "gather", "wait_for", "threadsafe"])
def test_a_coroutine_is_run_by_asyncio(run: str) -> None:
    """By whatever takes one."""
    steps = Steps()

    async def main() -> Any:
        made: Coroutine[Any, Any, Any] = steps(coroutine())
        if run == "task":
            return await asyncio.create_task(made)
        if run == "gather":
            return (await asyncio.gather(made))[0]
        return await asyncio.wait_for(made, 20)

    if run == "run":
        result = asyncio.run(steps(coroutine()))
    elif run == "threadsafe":
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        result = asyncio.run_coroutine_threadsafe(steps(coroutine()), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    else:
        result = asyncio.run(main())
    assert result == ("ours", "ours", "done")
    assert steps.ended == [None]


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_a_coroutine_fails(error: type[BaseException]) -> None:
    """Its error is its caller's, and told once."""
    steps = Steps()

    async def failing() -> None:
        await asyncio.sleep(0)
        raise error

    async def main() -> None:
        with pytest.raises(error):
            await steps(failing())

    asyncio.run(main())
    assert steps.ended == [error]


def test_a_task_is_cancelled() -> None:
    """What waits in it is cancelled, and its clean-up is a step of its own."""
    steps, log = Steps(), list[str]()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            log.append(current.get())

    async def main() -> None:
        task = asyncio.create_task(steps(waits()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (log, steps.ended) == (["ours"], [asyncio.CancelledError])


def test_a_coroutine_that_nobody_awaits() -> None:
    """It says so itself, and ends."""
    steps = Steps()
    made = [steps(coroutine())]

    def drop() -> None:
        made.clear()
        gc.collect()

    with pytest.warns(RuntimeWarning, match="coroutine 'coroutine' was never awaited"):
        drop()
    assert (steps.ended, steps.begun) == (["let go"], 0)


def test_a_generator_is_iterated() -> None:
    """It yields, is sent to, is thrown at and returns as ever."""
    steps = Steps()
    ours = steps(generator())
    assert next(ours) == ("ours", None)
    assert ours.send("sent") == ("ours", "sent")
    assert current.get() == "nobody's"
    with pytest.raises(StopIteration) as stopped:
        ours.send("end")
    assert stopped.value.value == "returned"
    assert steps.ended == [None]
    thrown = steps(generator())
    next(thrown)
    assert thrown.throw(KeyError("thrown")) == ("ours", KeyError)
    with pytest.raises(LookupError):
        thrown.throw(LookupError("out"))
    assert steps.ended == [None, LookupError]


def test_a_generator_is_delegated_to() -> None:
    """`yield from` sends, and gets what it returns."""
    steps = Steps()

    def outer() -> Generator[Any, Any, Any]:
        inner: Generator[Any, Any, Any] = steps(generator())
        return (yield from inner)

    made = outer()
    assert next(made) == ("ours", None)
    with pytest.raises(StopIteration) as stopped:
        made.send("end")
    assert stopped.value.value == "returned"


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("closed", [True, False])
def test_a_generator_is_left(closed: bool, begun: bool) -> None:
    """It is closed, or dropped: it cleans up once, and is known to have ended."""
    steps, log = Steps(), list[str]()
    ours = steps(generator(log))
    if begun:
        next(ours)
    if closed:
        ours.close()
        ours.close()
    del ours
    gc.collect()
    assert log == ["ours"] * begun
    assert steps.ended == [None if closed and begun else "let go"]


def test_an_asynchronous_generator() -> None:
    """It yields, is sent to, thrown at, closed, and ends as ever."""
    steps, log = Steps(), list[str]()

    async def main() -> None:
        ours = steps(asynchronous(log))
        assert await ours.__anext__() == ("ours", None)
        assert await ours.asend("sent") == ("ours", "sent")
        assert current.get() == "nobody's"
        with pytest.raises(StopAsyncIteration):
            await ours.asend("end")
        thrown = steps(asynchronous(log))
        await thrown.__anext__()
        assert await thrown.athrow(KeyError("thrown")) == ("ours", KeyError)
        await thrown.aclose()
        first = [one async for one in _first(steps(asynchronous(log)))]
        assert first == [("ours", None)]

    async def _first(made: Any) -> AsyncGenerator[Any]:
        async for one in made:
            yield one
            break
        await made.aclose()

    asyncio.run(main())
    assert log == ["ours"] * 3
    assert steps.ended == [None, None, None]


def test_an_asynchronous_generator_is_its_loop_s() -> None:
    """The hooks of the loop are given what stands in: dropped or left open, it is closed by a step of its own."""
    steps, log = Steps(), list[str]()
    kept: list[Any] = []

    async def main(*, drop: bool) -> None:
        ours = steps(asynchronous(log))
        hooks = sys.get_asyncgen_hooks()
        assert await ours.__anext__() == ("ours", None)
        assert sys.get_asyncgen_hooks() == hooks
        if not drop:
            kept.append(ours)
        del ours
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(log) == 1

    asyncio.run(main(drop=True))
    assert (log, steps.ended) == (["ours"], [None])
    asyncio.run(main(drop=False))  # it calls `shutdown_asyncgens`
    assert (log, steps.ended) == (["ours"] * 2, [None] * 2)


def test_an_asynchronous_generator_without_a_loop() -> None:
    """Nobody closes it: it is known to have ended all the same."""
    steps = Steps()
    ours = steps(asynchronous())
    with contextlib.suppress(StopIteration):
        ours.asend(None).send(None)
    del ours
    gc.collect()
    assert steps.ended == ["let go"]


@types.coroutine
def made_awaitable() -> Generator[Any, Any, Any]:
    """Wait as asyncio's own futures do."""
    yield
    return current.get()


def test_a_generator_that_is_awaited() -> None:
    """`types.coroutine` makes one something to await; and such a one may go on with a coroutine."""
    steps = Steps()

    @types.coroutine
    def outer() -> Generator[Any, Any, Any]:
        inner: Any = steps(coroutine())
        return (yield from inner)  # pyright: ignore[reportUnknownVariableType]

    async def main() -> Any:
        waits: Any = made_awaitable()
        return await steps(waits), await outer()

    assert asyncio.run(main()) == ("ours", ("ours", "ours", "done"))
    assert steps.ended == [None, None]


def test_one_that_runs_already() -> None:
    """An error of who calls it at the wrong time does not end it."""
    steps = Steps()
    made: list[Any] = []

    def itself() -> Generator[Any, Any, Any]:
        with pytest.raises(ValueError, match="already executing"):
            next(made[0])
        yield current.get()
        yield current.get()

    made.append(steps(itself()))
    assert [next(made[0]), current.get(), next(made[0])] == ["ours", "nobody's", "ours"]
    assert steps.ended == []
    made.pop().close()
    assert steps.ended == [None]


def test_a_coroutine_is_awaited_twice() -> None:
    """It says so as ever, and ended once."""
    steps = Steps()
    made = steps(coroutine())
    asyncio.run(made)
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        made.send(None)
    made.close()
    del made
    assert steps.ended == [None]


def test_one_is_cancelled_before_it_has_begun() -> None:
    """Nothing of it runs, and nothing is current."""
    steps = Steps()

    async def main() -> None:
        task = asyncio.create_task(steps(coroutine()))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (steps.ended, steps.begun) == (["let go"], 0)


def test_what_is_asked_of_a_coroutine() -> None:
    """Where it is, what it waits for, how it is written; it is neither copied nor pickled; names may be given."""
    steps = Steps()

    async def main() -> None:
        plain = coroutine()
        ours: Any = steps(plain)
        assert inspect.getcoroutinestate(ours) == inspect.CORO_CREATED
        assert repr(ours) == repr(plain)
        task = asyncio.create_task(ours)
        await asyncio.sleep(0)
        assert task.get_coro() is ours
        assert inspect.getcoroutinestate(ours) == inspect.CORO_SUSPENDED
        assert (ours.cr_await, ours.cr_frame, ours.cr_code) == (plain.cr_await, plain.cr_frame, plain.cr_code)
        assert [frame.f_code for frame in task.get_stack()] == [coroutine.__code__]
        assert "coroutine()" in repr(task)
        for copied in (copy.copy, pickle.dumps):
            with pytest.raises(TypeError, match="coroutine"):
                copied(ours)
        ours.__name__ = ours.__qualname__ = "named"
        assert (ours.__name__, ours.__qualname__) == ("named", "named")
        assert weakref.ref(ours)() is ours
        await task
        assert inspect.getcoroutinestate(ours) == inspect.CORO_CLOSED

    asyncio.run(main())


def test_one_around_the_other() -> None:
    """What stands in for something that stands in: both know of its steps, the inner one is nearer."""
    inner, outer = Steps(), Steps()
    ours = outer(inner(coroutine()))
    assert type(ours) in STANDING_IN
    assert asyncio.run(ours) == ("ours", "ours", "done")
    assert (inner.ended, outer.ended, inner.begun, outer.begun) == ([None], [None], 2, 2)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks are not eager before Python 3.12")
def test_an_eager_task() -> None:
    """It runs before it is known to be one."""
    steps = Steps()

    async def main() -> Any:
        asyncio.get_running_loop().set_task_factory(vars(asyncio)["eager_task_factory"])
        task = asyncio.create_task(steps(coroutine()))
        assert steps.begun == 1
        assert current.get() == "nobody's"
        result: Any = await task
        return result

    assert asyncio.run(main()) == ("ours", "ours", "done")
    assert steps.ended == [None]


def test_it_is_loaded_without_a_word() -> None:
    """No warning of Python's, and nothing for the hooks of a loop that runs meanwhile."""
    program = (
        "import sys\nsys.set_asyncgen_hooks(firstiter=lambda one: sys.exit(str(one)))\n"
        "import otel_handoff.handover.stepwise\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", program], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
