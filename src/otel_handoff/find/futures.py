"""What the program gives to a future: that it is changed afterwards is seen, who waits for it and reads it is not.

Only futures that the program makes itself are looked at, by a class of their own: those of a pool cost nothing.
"""

from __future__ import annotations

import concurrent.futures
import sys
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from otel_handoff.find.begin import begin_item
from otel_handoff.find.own import is_own_code
from otel_handoff.find.propose import FUTURE
from otel_handoff.find.rows import Row
from otel_handoff.find.values import is_simple
from otel_handoff.handover.directly import Args, Kwargs
from otel_handoff.host.guard import guard

UNSEEN: Final = "who waits for a future is not seen"

_PYTHONS: Final[Any] = concurrent.futures.Future

if TYPE_CHECKING:
    _Base = concurrent.futures.Future[Any]
else:
    _Base = concurrent.futures.Future


class _Alike(type):
    # To everybody who asks, it is Python's.
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, _PYTHONS) if cls is Future else super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _PYTHONS) if cls is Future else super().__subclasscheck__(subclass)


class Future(_Base, metaclass=_Alike):
    """Stands for Python's while a program is looked at."""

    def set_result(self, result: Any) -> None:
        """Give it its result; a library's own code gives what is none of the program's affairs."""
        if _is_on and is_own_code(sys._getframe(1).f_code):  # pyright: ignore[reportPrivateUsage]
            _note(self, result)
        super().set_result(result)


Future.__module__ = _PYTHONS.__module__

_is_on: bool = False


def put_on() -> None:
    """From now on look at what the program gives to futures that it makes."""
    global _is_on  # noqa: PLW0603
    _is_on = True
    if concurrent.futures.Future is _PYTHONS:
        concurrent.futures.Future = Future


def take_off() -> None:
    """Look no more. Futures that were made are there still, and do what Python's do."""
    global _is_on  # noqa: PLW0603
    _is_on = False
    if concurrent.futures.Future is Future:
        concurrent.futures.Future = _PYTHONS


def make(wrapped: Any, loop: Any, args: Args, kwargs: Kwargs) -> Any:
    """A loop makes a future: for the program, one that tells what it is given."""
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]  behind the stand-in
    return _of_a_loop()(loop=loop) if is_own_code(frame.f_code) else wrapped(*args, **kwargs)


@cache
def _of_a_loop() -> Any:
    base: Any = sys.modules["asyncio"].Future

    def set_result(self: Any, result: Any, /) -> None:
        if _is_on:  # whoever gives it, as a loop does for another thread
            _note(self, result)
        base.set_result(self, result)

    return type(base.__name__, (base,), {"set_result": set_result, "__module__": base.__module__})


def _note(future: Any, result: Any) -> None:
    row = None if is_simple(result) else begin_item(FUTURE, result)
    if row is None:
        return
    with guard:
        for held in row.held.values():
            held.unwatched = held.unwatched or UNSEEN
        row.begin()
        weakref.finalize(future, _is_gone, row)


def _is_gone(row: Row) -> None:
    # Whoever waited for it has what it was given.
    with guard:
        row.end()
