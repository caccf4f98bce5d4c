"""`queue.SimpleQueue`, whose methods nobody can replace: those of the program's own are of a class with others."""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from otel_handoff.find.own import is_own_code

Around = Callable[[Callable[..., Any], Any, tuple[Any, ...], dict[str, Any]], Any]
"""Is called with the function, the queue, and the arguments."""

_PYTHONS: Final[Any] = queue.SimpleQueue

if TYPE_CHECKING:
    _Base = queue.SimpleQueue[Any]
else:
    _Base = queue.SimpleQueue


def _made(_cls: type, *args: Any, **kwargs: Any) -> Any:
    return _PYTHONS(*args, **kwargs)


class _Alike(type):
    # To everybody who asks, it is Python's.
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, _PYTHONS) if cls is SimpleQueue else super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _PYTHONS) if cls is SimpleQueue else super().__subclasscheck__(subclass)


class SimpleQueue(_Base, metaclass=_Alike):
    """Stands for Python's while a program is looked at; what others than the program make is Python's."""

    __slots__ = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make one; a pool's own is none of the program's."""
        code = sys._getframe(1).f_code  # pyright: ignore[reportPrivateUsage]
        make: Any = super().__new__ if cls is not SimpleQueue or is_own_code(code) else _made
        return make(cls, *args, **kwargs)

    def put(self, item: Any, *args: Any, **kwargs: Any) -> None:
        """Put something in."""
        looking = _around  # it may be over at any time
        if looking is not None:
            looking[0](super().put, self, (item, *args), kwargs)
        else:
            super().put(item, *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Take something out."""
        looking = _around
        return looking[1](super().get, self, args, kwargs) if looking is not None else super().get(*args, **kwargs)

    def put_nowait(self, item: Any) -> None:
        """Put something in."""
        self.put(item)

    def get_nowait(self) -> Any:
        """Take something out, if there is something."""
        return self.get(block=False)


SimpleQueue.__module__ = _PYTHONS.__module__

_around: tuple[Around, Around] | None = None


def put_on(put: Around, get: Around) -> None:
    """From now on have these called where something is put in, and taken out."""
    global _around  # noqa: PLW0603
    _around = put, get
    if queue.SimpleQueue is _PYTHONS:
        queue.SimpleQueue = SimpleQueue


def take_off() -> None:
    """Look no more. Queues that were made are there still, and do what Python's do."""
    global _around  # noqa: PLW0603
    _around = None
    if queue.SimpleQueue is SimpleQueue:
        queue.SimpleQueue = _PYTHONS
