"""A coroutine or generator of the host's: something of ours is current in each of its steps, and in nobody's else."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Final

Around = Callable[[], AbstractContextManager[object]]
"""Makes what surrounds one step."""

Ended = Callable[[BaseException | None], None]
"""Is called once: with None where it ran to its end, else with what ended it."""


STEPWISE: Final = frozenset({CoroutineType, GeneratorType, AsyncGeneratorType})
"""The types of what a function returns that is yet to run."""

_PLAIN: Final = frozenset({str, int, float, bool, bytes, tuple, list, dict})


def is_to_come(result: object) -> bool:
    """Whether `result`, which is not None, is what somebody has yet to run or await."""
    cls = type(result)
    if cls in _PLAIN:
        return False
    return cls in STEPWISE or any("__await__" in vars(base) for base in cls.__mro__)


def stepped(result: Any, around: Around, ended: Ended) -> Any:
    """Return what stands in for `result` until it has run: it is one of the same kind to everybody who asks."""
    if isinstance(result, CoroutineType):
        return _Coroutine(result, around, ended)
    if isinstance(result, GeneratorType):
        return _Generator(result, around, ended)
    return _AsyncGenerator(result, around, ended)


class _Inner:
    """What stands in for something of the host's, and says once that it has ended."""

    def __init__(self, inner: Any, around: Around, ended: Ended) -> None:
        self._inner = inner
        self._around = around
        self._ended: Ended | None = ended

    def _end(self, error: BaseException | None) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Steps(_Inner):
    """What coroutines and generators have in common: `send`, `throw` and `close`, each of them one step."""

    def send(self, value: Any, /) -> Any:
        """Run on to where it next waits."""
        return self._step(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        """Raise `error` where it waits."""
        return self._step(self._inner.throw, *error)

    def close(self) -> None:
        """End it where it waits."""
        try:
            with self._around():
                self._inner.close()
        finally:
            self._end(GeneratorExit())

    def _step(self, go: Callable[..., Any], *given: Any) -> Any:
        try:
            with self._around():
                return go(*given)
        except StopIteration:
            self._end(None)
            raise
        except BaseException as error:
            self._end(error)
            raise

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):  # an interrupt came while it was being made
            self._end(GeneratorExit())


class _Coroutine(_Steps, Coroutine[Any, Any, Any]):
    """In the place of a coroutine. A coroutine that nobody awaits says so itself, once."""

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return CoroutineType

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)


class _Generator(_Steps, Generator[Any, Any, Any]):
    """In the place of a generator."""

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return GeneratorType


class _AsyncGenerator(_Inner, AsyncGenerator[Any, Any]):
    """In the place of an asynchronous generator: each of its steps is an awaitable, which has steps in turn."""

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return AsyncGeneratorType

    async def asend(self, value: Any, /) -> Any:
        """Run on to where it next yields."""
        return await self._step(self._inner.asend(value))

    async def athrow(self, *error: Any) -> Any:
        """Raise `error` where it yielded."""
        return await self._step(self._inner.athrow(*error))

    async def aclose(self) -> None:
        """End it where it yielded."""
        try:
            await self._step(self._inner.aclose())
        finally:
            self._end(GeneratorExit())

    async def _step(self, step: Any) -> Any:
        try:
            return await _Awaited(step, self._around)
        except StopAsyncIteration:
            self._end(None)
            raise
        except BaseException as error:
            self._end(error)
            raise


class _Awaited:
    """One step of an asynchronous generator, and the steps within it."""

    def __init__(self, step: Any, around: Around) -> None:
        self._step = step
        self._around = around

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._step.__await__()
        go: Callable[[Any], Any] = inner.send
        given: Any = None
        while True:
            try:
                with self._around():
                    waited = go(given)
            except StopIteration as done:
                return done.value
            try:
                given = yield waited
                go = inner.send
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as error:
                given, go = error, inner.throw
