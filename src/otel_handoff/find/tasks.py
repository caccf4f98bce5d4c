"""A coroutine that becomes a task, with what it was called with."""

from __future__ import annotations

from types import CoroutineType
from typing import Any, Final
from weakref import WeakKeyDictionary

from otel_handoff.find.begin import begin_coroutine
from otel_handoff.find.rows import Row, current
from otel_handoff.handover.directly import Args, Kwargs
from otel_handoff.host.guard import guard
from otel_handoff.host.plainly import class_of

_noted: Final[WeakKeyDictionary[Any, Row]] = WeakKeyDictionary()
"""Coroutines that were given to a loop in another thread."""


def create(way: str, wrapped: Any, _loop: Any, args: Args, kwargs: Kwargs) -> Any:
    """A coroutine becomes a task: the row is current in it, and in all that it awaits."""
    coroutine = args[0] if args else kwargs.get("coro")
    is_noted = class_of(coroutine) is CoroutineType
    row = (_noted.pop(coroutine, None) if is_noted else None) or begin_coroutine(way, coroutine)
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
