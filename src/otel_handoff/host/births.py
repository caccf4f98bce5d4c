"""Hearing of the subclasses of a host's class when they are made, before anybody can have made an instance."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from otel_handoff.host.plainly import MISSING

_NAME: Final = "__init_subclass__"


class Births:
    """Stands in for `__init_subclass__` of one class."""

    def __init__(self, parent: type, original: Any, born: Callable[[type], object]) -> None:
        """Call `born`, which raises nothing, with each subclass of `parent`, when `original` has had its turn."""
        self.__wrapped__: Any = original
        self._parent = parent
        self._born = born

    def __get__(self, _instance: Any, owner: type) -> Any:
        # No function, nor a method: what lists those of a class finds none there without us.
        return partial(self._init, owner)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A class that is pickled by value takes along what it had without us, if it was inherited.
        original = self.__wrapped__
        if original is MISSING:
            base = next(base for base in self._parent.__mro__[1:] if _NAME in vars(base))
            if base is object:
                return getattr, (object, _NAME)  # called as it is, it does nothing
            original = vars(base)[_NAME]
        return cast, (None, original)

    def _init(self, owner: type, /, *args: Any, **kwargs: Any) -> None:
        original = self.__wrapped__
        if original is MISSING:
            cast("Any", super(self._parent, owner)).__init_subclass__(*args, **kwargs)
        else:
            original.__get__(None, owner)(*args, **kwargs)
        self._born(owner)
