"""Errors that only happen to come while our code runs: whoever sent them to the thread waits for what they do there.

A thread is stopped from outside by an exception: `PyThreadState_SetAsyncExc`, as time limits do, a signal handler that
raises, a debugger that quits. Which it is, nobody says; it is told by where it came up.
"""

from __future__ import annotations

import contextlib
import inspect
import opcode
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, TracebackType
from typing import Any, Final

_RAISING: Final = frozenset({"RAISE_VARARGS", "RERAISE"})

_INTERRUPTED: Final = frozenset({"RESUME", "JUMP_BACKWARD", "start"})
"""Instructions that raise nothing, and at which Python looks for what was sent to the thread."""

_SUSPENDED: Final = frozenset({"RESUME", "YIELD_VALUE", "SEND", "YIELD_FROM", "start"})
"""Where a generator is when somebody throws an error into it."""

_AFTER: Final = 3
"""The bits in which `RESUME` says after what; none of them is set at the start."""

_GENERATOR: Final = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

_BARE: Final = (StopIteration, StopAsyncIteration, MemoryError, RecursionError, queue.Empty)
"""What functions that are not written in Python raise without a text."""

_LEAST: Final = 8
"""Bytes of code; those of a function that is not written in Python, in a traceback, are fewer and mean nothing."""

_ASKING_NOBODY: Final = frozenset(
    f"otel_handoff.{name}"
    for name in (
        "around.running",
        "handover.findings",
        "handover.lease",
        "handover.transport",
        "handover.written",
        "host.current",
        "host.guard",
        "judge.detector",
        "record.locations",
        "tell.alike",
        "watch.writes",
    )
)
"""Modules whose functions call none of the host's themselves: no error is raised in them that is of its making."""

_BETWEEN: Final = frozenset({"threading", "contextlib"})
"""What they call."""

_KNOWN: Final = frozenset({*sys.stdlib_module_names, "otel_handoff", "opentelemetry"})


class _Level:
    """One level of a traceback: where it is, and whether a generator may have been suspended there."""

    __slots__ = ("code", "instruction", "module", "suspended")

    def __init__(self, traceback: TracebackType) -> None:
        code = self.code = traceback.tb_frame.f_code
        self.module: object = traceback.tb_frame.f_globals.get("__name__")
        instructions, at = code.co_code, traceback.tb_lasti
        self.instruction: str = ""
        if len(instructions) < _LEAST:
            pass
        elif 0 <= at < len(instructions):
            self.instruction = opcode.opname[instructions[at]]
        elif sys.version_info < (3, 11):
            self.instruction = "start"
        self.suspended: bool = bool(code.co_flags & _GENERATOR) and self.instruction in _SUSPENDED
        if self.module in _ASKING_NOBODY:  # nor does anybody throw an error into one of theirs
            self.suspended = False
        if self.instruction == "RESUME" and not instructions[at + 1] & _AFTER:
            self.suspended = False

    @property
    def is_ours(self) -> bool:
        """Whether it is in this package, or in what that made of source."""
        return isinstance(self.module, str) and self.module.startswith("otel_handoff.")

    @property
    def is_interrupted(self) -> bool:
        """Whether nothing but an interruption can have come there."""
        return self.instruction in _INTERRUPTED and not self.suspended

    @property
    def may_be_interrupted(self) -> bool:
        """Whether Python looks there for what was sent, and nothing there raises an error without a text."""
        if self.suspended or not self.instruction:
            return False
        if sys.version_info < (3, 11):
            return self.instruction not in _RAISING
        return "CALL" in self.instruction or "JUMP" in self.instruction


def is_from_outside(error: BaseException) -> bool:
    """Whether `error`, which came up in our code or in what that calls, was sent to this thread by somebody."""
    if isinstance(error, _BARE):
        return False
    if type(error).__module__ == "bdb":
        return True
    levels = list(_levels(error.__traceback__))
    if any(level.is_interrupted for level in levels):
        return True
    if levels and levels[-1].may_be_interrupted:
        if not error.args:
            return True
        where = next((level.module for level in reversed(levels) if level.module not in _BETWEEN), None)
        if where in _ASKING_NOBODY and type(error).__module__.partition(".")[0] not in _KNOWN:
            return True
    if all(level.is_ours for level in levels):  # a handler is not: asking for all of them takes as long as three rows
        return False
    handlers = list(_signal_handlers())
    return any(level.code in handlers for level in levels)


def pass_on(error: BaseException) -> None:
    """Raise `error` if it was sent to this thread by somebody. For where errors are expected, and go no further."""
    if is_from_outside(error):
        raise error


def _levels(traceback: TracebackType | None) -> Iterator[_Level]:
    # Outermost first.
    while traceback is not None:
        yield _Level(traceback)
        traceback = traceback.tb_next


def _signal_handlers() -> Iterator[CodeType]:
    if threading.current_thread() is not threading.main_thread():
        return  # Python runs them on the main thread alone
    for number in signal.valid_signals():
        with contextlib.suppress(Exception):
            handler = signal.getsignal(number)
            if callable(handler):
                code = _code_of(handler)
                if code is not None:
                    yield code


def _code_of(handler: Callable[..., Any]) -> CodeType | None:
    function: Any = handler
    for name in ("func", "__func__", "__wrapped__"):  # a partial, a bound method, a decorated function
        function = getattr(function, name, function)
    code = getattr(function, "__code__", None)
    if code is None:  # an object
        code = getattr(getattr(function, "__call__"), "__code__", None)  # noqa: B004, B009  a method of its class
    return code if isinstance(code, CodeType) else None
