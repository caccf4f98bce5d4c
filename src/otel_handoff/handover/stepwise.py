"""A coroutine or generator of the host's: something of ours is current in each of its steps, and in nobody's else.

What stands in for it is one of the same kind to everybody who asks. It drives the host's own, which says itself that it
was never awaited, and what its frame is. A step is what runs between two suspensions; nothing of ours stays on the
thread, or in its `contextvars.Context`, from one to the next: they may be taken by different tasks and threads.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Final, Protocol

from otel_handoff.host.guard import guard


class Around(Protocol):
    """What is done around the steps of one."""

    def enter(self) -> Any:
        """A step begins. What is returned, and is not None, is given to `leave` or `end`."""
        ...

    def leave(self, entered: Any, /) -> None:
        """A step is over, and more may come."""
        ...

    def end(self, entered: Any, error: BaseException | None, /) -> None:
        """The last step is over: it has run to its end, or `error` ended it."""
        ...

    def let_go(self) -> None:
        """No step will come any more. It may be called in a finalizer."""
        ...

    def interrupted(self) -> None:
        """Something was sent to the thread while a step began."""
        ...


_PLAIN: Final = frozenset({str, int, float, bool, bytes, tuple, list, dict})


def is_to_come(result: object) -> bool:
    """Whether `result`, which is not None, is what somebody has yet to run or await."""
    cls = type(result)
    if cls in _PLAIN:
        return False
    return cls in STEPWISE or any("__await__" in vars(base) for base in cls.__mro__)


def is_run_later(function: Any) -> bool:
    """Whether calling a function runs nothing of it yet: it returns something that has steps."""
    with contextlib.suppress(Exception):  # it may be anything that can be called
        function = getattr(function, "__func__", function)
        return (
            inspect.iscoroutinefunction(function)
            or inspect.isgeneratorfunction(function)
            or inspect.isasyncgenfunction(function)
        )
    return False


def stand_in_of(function: Any) -> Callable[..., Any]:
    """Return what makes the stand-ins for what a plain function returns that is run later."""
    return SteppedCoroutine if function.__code__.co_flags & inspect.CO_COROUTINE else stepped


def stepped(result: Any, around: Around) -> Any:
    """Return what stands in for `result`, of one of the types in `STEPWISE`: with `around` around its steps."""
    if isinstance(result, CoroutineType):
        return SteppedCoroutine(result, around)
    if isinstance(result, GeneratorType):
        is_awaited = result.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE
        return (_AwaitedGenerator if is_awaited else SteppedGenerator)(result, around)
    return SteppedAsyncGenerator(result, around)


class _Inner:
    """What stands in for something of the host's.

    Attributes:
        begun: whether a step of it was begun.

    Whether that has ended, its frame says: it has none any more. An error alone may also be that it runs already. It is
    no subclass of one in `collections.abc`, which know it by its methods: that takes longer to make.
    """

    _kind: Any
    _frame: str

    def __init__(self, inner: Any, around: Around) -> None:
        self._inner: Any = inner
        self._around: Any = around
        self.begun: bool = False

    def _over(self, around: Around, entered: Any, error: BaseException) -> None:
        # A step has raised: it was the last, or is none.
        if entered is None:
            around.interrupted()
        elif self._around is None or getattr(self._inner, self._frame) is not None:
            around.leave(entered)
        else:
            self._around = None
            around.end(entered, None if isinstance(error, (StopIteration, StopAsyncIteration)) else error)

    def step(self, go: Callable[..., Any], *given: Any) -> Any:
        """Have `go` called as one of its steps."""
        around = self._around
        if around is None or not self.begun:
            return self._outside(go, *given)
        entered = None
        try:
            entered = around.enter()
            result = go(*given)
        except BaseException as error:
            self._over(around, entered, error)
            raise
        if getattr(self._inner, self._frame) is None:  # it was closed
            self._around = None
            around.end(entered, None)
        else:
            around.leave(entered)
        return result

    def _outside(self, go: Callable[..., Any], *given: Any) -> Any:
        # Nothing of the host's runs in it: it has not begun, or has ended.
        try:
            return go(*given)
        finally:
            if self._around is not None and getattr(self._inner, self._frame) is None:
                self._let_go()

    def _let_go(self) -> None:
        around, self._around = self._around, None
        if around is not None:
            around.let_go()

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._kind

    def __getattr__(self, name: str) -> Any:
        if name in ("_inner", "_around", "begun"):  # an interrupt came while it was being made
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __repr__(self) -> str:
        return repr(self._inner)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._inner.__reduce_ex__(protocol)  # it raises, as there is no other of it

    def __del__(self) -> None:
        try:  # of most it is over
            if self._around is None:
                return
        except AttributeError:  # an interrupt came while it was being made
            return
        with guard:
            self._dropped()

    def _dropped(self) -> None:
        # What it does to clean up is a step, too, and is done as without us: by itself, when it is dropped.
        if self.begun and getattr(self._inner, self._frame, None) is not None:
            around = self._around
            entered = around.enter()
            try:
                self._inner = None
            finally:
                around.leave(entered)
        self._let_go()


class _Steps(_Inner):
    """What coroutines and generators have in common: `send`, `throw` and `close`, each of them one step."""

    # Each call in between would have to pass on what a coroutine ends with, an error: so there is none.

    def send(self, value: Any = None, /) -> Any:
        """Run on to where it next waits."""
        around = self._around
        if around is None:
            return self._inner.send(value)
        entered = None
        try:
            entered = around.enter()
            self.begun = True
            waited = self._inner.send(value)
        except StopIteration:
            self._around = None
            around.end(entered, None)
            raise
        except BaseException as error:
            self._over(around, entered, error)
            raise
        around.leave(entered)
        return waited

    __next__ = send  # what a task takes its steps by

    def throw(self, *error: Any) -> Any:
        """Raise `error` where it waits."""
        return self.step(self._inner.throw, *error)

    def close(self) -> Any:
        """End it where it waits."""
        return self.step(self._inner.close)


class SteppedCoroutine(_Steps):
    """In the place of a coroutine. One that nobody awaits says so itself, once."""

    _kind = CoroutineType
    _frame = "cr_frame"

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self


class SteppedGenerator(_Steps):
    """In the place of a generator."""

    _kind = GeneratorType
    _frame = "gi_frame"

    def __iter__(self) -> Any:
        return self


class _AwaitedGenerator(SteppedGenerator):
    """In the place of one that `types.coroutine` has made something to await."""

    def __await__(self) -> Any:
        return self


class SteppedAsyncGenerator(_Inner):
    """In the place of an asynchronous generator: each of its steps is an awaitable, which has steps in turn.

    The hooks of the event loop (`sys.set_asyncgen_hooks`) are given this one: what the loop closes, it closes by it.
    """

    _kind = AsyncGeneratorType
    _frame = "ag_frame"
    _hooked: bool = False
    _finalizer: Callable[[Any], object] | None = None

    def __aiter__(self) -> Any:
        return self

    def __anext__(self) -> Any:
        return self._awaited("__anext__")

    def asend(self, value: Any, /) -> Any:
        """Run on to where it next yields."""
        return self._awaited("asend", value)

    def athrow(self, *error: Any) -> Any:
        """Raise `error` where it yielded."""
        return self._awaited("athrow", *error)

    def aclose(self) -> Any:
        """End it where it yielded."""
        return self._awaited("aclose")

    def _awaited(self, name: str, *given: Any) -> Any:
        make: Any = getattr(self._inner, name)
        if self._hooked:
            return _Awaited(make(*given), self)
        self._hooked = True
        hooks = sys.get_asyncgen_hooks()
        self._finalizer = hooks.finalizer
        if hooks.firstiter is not None:
            hooks.firstiter(self)
        sys.set_asyncgen_hooks(None, _nothing if hooks.finalizer is not None else None)  # it asks for them only once
        try:
            return _Awaited(make(*given), self)
        finally:
            sys.set_asyncgen_hooks(*hooks)

    def _dropped(self) -> None:
        finalizer = self._finalizer
        if finalizer is None or not self.begun or self._inner.ag_frame is None:
            super()._dropped()
            return
        again = SteppedAsyncGenerator(self._inner, self._around)
        again.begun = again._hooked = True
        self._around = None
        finalizer(again)


def _nothing(_: object) -> None:
    pass


class _Awaited:
    """One step of an asynchronous generator, and the steps within it."""

    __slots__ = ("_inner", "_of")

    def __init__(self, inner: Any, of: SteppedAsyncGenerator) -> None:
        self._inner: Any = inner
        self._of = of

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        inner: object = self._inner
        return type(inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __repr__(self) -> str:
        return repr(self._inner)

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any, /) -> Any:
        """Run on to where it next waits."""
        of = self._of
        if not of.begun and type(self._inner).__name__ == _ASEND:  # to throw at it, or to close it, ends it before that
            of.begun = True
        return of.step(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        """Raise `error` where it waits."""
        return self._of.step(self._inner.throw, *error)

    def close(self) -> None:
        """End it where it waits."""
        self._of.step(self._inner.close)


_ASEND: Final = "async_generator_asend"
"""The type of what is awaited for the next one; to make an object for it would ask the event loop's hooks."""

STEPWISE: Final = frozenset(
    {
        *(CoroutineType, GeneratorType, AsyncGeneratorType),
        *(SteppedCoroutine, SteppedGenerator, _AwaitedGenerator, SteppedAsyncGenerator),
    }
)
"""The types of what a function returns that is yet to run, and of what stands in for such."""

STANDING_IN: Final = STEPWISE - {CoroutineType, GeneratorType, AsyncGeneratorType}
"""The types of what stands in."""
