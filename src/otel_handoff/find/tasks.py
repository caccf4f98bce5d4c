"""What a loop is given: a coroutine that becomes a task, with what it was called with, or a function to call later."""

from __future__ import annotations

from contextvars import Context, copy_context
from types import CoroutineType
from typing import Any, Final
from weakref import WeakKeyDictionary

from otel_handoff.find.begin import begin, begin_coroutine
from otel_handoff.find.given import function_in
from otel_handoff.find.own import is_own_code
from otel_handoff.find.pools import Carrying
from otel_handoff.find.rows import Row, current
from otel_handoff.handover.directly import Args, Kwargs, peeled
from otel_handoff.host.guard import guard
from otel_handoff.host.plainly import class_of

_noted: Final[WeakKeyDictionary[Any, Row]] = WeakKeyDictionary()
"""Coroutines that were given to a loop in another thread."""


def create(way: str, wrapped: Any, _loop: Any, args: Args, kwargs: Kwargs) -> Any:
    """A coroutine becomes a task: the row is current in it, and in all that it awaits."""
    coroutine = args[0] if args else kwargs.get("coro")
    is_noted = class_of(coroutine) is CoroutineType
    row = (_noted.pop(coroutine, None) if is_noted else None) or begin_coroutine(way, coroutine, kwargs.get("context"))
    if row is None:
        return wrapped(*args, **kwargs)
    token = current.set(row)  # the task begins with a copy of these variables
    try:
        task = wrapped(*args, **kwargs)
    finally:
        current.reset(token)

    def ended(_task: object) -> None:
        with guard:
            row.end()

    task.add_done_callback(ended)
    return task


def threadsafe(way: str, wrapped: Any, _instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """A coroutine is given to a loop in another thread, which makes a task of it later."""
    coroutine = args[0] if args else kwargs.get("coro")
    row = begin_coroutine(way, coroutine)
    if row is not None:
        _noted[coroutine] = row
    return wrapped(*args, **kwargs)


def _context_of(kwargs: Kwargs) -> Context:
    context = kwargs.get("context")
    return copy_context() if context is None else context


def call(way: str, position: int, wrapped: Any, _loop: Any, args: Args, kwargs: Kwargs) -> Any:
    """A loop is given a function at that position, and what to call it with; its own functions are none of ours."""
    if len(args) > position:
        function = function_in(peeled(args[position], args[position + 1 :]).function)
        if function is not None and is_own_code(function.__code__):
            row = begin(way, args[position], args[position + 1 :], {}, context=_context_of(kwargs))
            if row is not None:
                args = (*args[:position], Carrying(args[position], row), *args[position + 1 :])
    return wrapped(*args, **kwargs)
