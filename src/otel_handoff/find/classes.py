"""The classes of what goes across: whether and how an object is looked into, found out once for each."""

from __future__ import annotations

import weakref
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from threading import Thread
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, Final, cast

from otel_handoff.find.own import is_of_a_library, is_own_class
from otel_handoff.find.values import is_simple
from otel_handoff.host.plainly import Watched, class_of, dict_of, lookup, slots_of

NO_OBJECTS: Final[tuple[type, ...]] = (type, ModuleType, FunctionType)
"""What may be handed over, and has no values of a row's."""

_PLAIN: Final = frozenset({dict, SimpleNamespace, Namespace})
_OF_A_THREAD: Final = frozenset(vars(Thread()))
_NOTHING: Final[Mapping[str, Any]] = {}


class ClassOfObjects:
    """One class.

    Attributes:
        is_looked_into: whether its objects are, wherever they are: the program's own, and plain containers.
        is_of_a_library: whether they are where they are handed over as they are.
        is_dict: whether they are dicts, of which the keys are looked at.
        is_watchable: whether reads and writes of their attributes can be seen.
        defaults: what the class had for its instances when it was first met.
    """

    __slots__ = ("_is_thread", "_slots", "defaults", "is_dict", "is_looked_into", "is_of_a_library", "is_watchable")

    def __init__(self, cls: type) -> None:
        is_object = not any(issubclass(cls, one) for one in NO_OBJECTS)
        self.is_dict: bool = issubclass(cls, dict)
        self._is_thread: bool = issubclass(cls, Thread)
        self.is_looked_into: bool = cls in _PLAIN or (is_object and is_own_class(cls))
        self.is_of_a_library: bool = is_object and is_of_a_library(cls)
        self.is_watchable: bool = cls not in _PLAIN and not self.is_dict
        self._slots: dict[str, Any] = {name: _unwatched(lookup(cls, name)) for name in slots_of(cls)}
        self.defaults: dict[str, Any] = values_of_class(cls)  # as they are before anything is watched

    def values_of(self, thing: Any) -> Mapping[str, Any]:
        """Return what an object of this class holds, by attribute or key."""
        if self.is_dict:
            return {**dict_of(thing), **dict(cast("Any", dict).items(thing))}
        values = dict_of(thing)
        if type(values) is not dict:
            return _NOTHING
        found = {**self.defaults, **values} if self.defaults else dict(values)
        for name, slot in self._slots.items():  # by no descriptor of ours: it is no read of a worker's
            with suppress(AttributeError):
                found[name] = slot.__get__(thing)
        if self._is_thread:
            for name in _OF_A_THREAD:
                found.pop(name, None)
        return found

    def defaults_of(self, thing: Any) -> dict[str, Any]:
        """Return what the class has now for this object, which has none of its own."""
        own = dict_of(thing)
        missing = [name for name in self.defaults if name not in own]
        if not missing:
            return {}
        there = values_of_class(class_of(thing))
        return {name: there[name] for name in missing if name in there and name not in self._slots}


def values_of_class(cls: type) -> dict[str, Any]:
    """Return what a class has for its instances now, whether we watch it or not."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        if is_own_class(base) or is_of_a_library(base):
            for name, value in vars(base).copy().items():
                there = _unwatched(value)
                if _is_a_default(name, there):
                    found[name] = there
    return found


def _unwatched(attribute: Any) -> Any:
    return attribute.inherited if isinstance(attribute, Watched) else attribute


def _is_a_default(name: str, value: Any) -> bool:
    return not name.startswith("__") and not name.isupper() and is_simple(value)


_known: Final[dict[int, tuple[weakref.ref[type], ClassOfObjects]]] = {}


def class_of_objects(thing: object) -> ClassOfObjects:
    """Return what is known of the class of an object."""
    cls = class_of(thing)
    known = _known.get(id(cls))
    if known is None or known[0]() is not cls:
        key = id(cls)
        known = _known[key] = weakref.ref(cls, partial(_gone, key)), ClassOfObjects(cls)
    return known[1]


def _gone(key: int, _ref: object, known: dict[int, Any] = _known) -> None:
    known.pop(key, None)


def forget() -> None:
    """Find out anew: another package counts as the program's own."""
    _known.clear()
