"""The classes of what goes across: whether and how an object is looked into, found out once for each."""

from __future__ import annotations

import weakref
from argparse import Namespace
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from threading import Thread
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, Final, cast

from otel_handoff.find.containers import Inside, inside
from otel_handoff.find.own import is_of_a_library, is_own_class
from otel_handoff.find.values import is_simple
from otel_handoff.host.plainly import MISSING, Watched, class_of, dict_of, lookup, slots_of

NO_OBJECTS: Final[tuple[type, ...]] = (type, ModuleType, FunctionType)
"""What may be handed over, and has no values of a row's."""

_PLAIN: Final = frozenset({dict, OrderedDict, defaultdict, SimpleNamespace, Namespace})
_OF_A_THREAD: Final = frozenset(vars(Thread()))
_NOTHING: Final[Mapping[str, Any]] = {}


class ClassOfObjects:
    """One class.

    Attributes:
        is_looked_into: whether its objects are, wherever they are: the program's own, and plain containers.
        is_of_a_library: whether they are where they are handed over as they are.
        is_dict: whether they are dicts, of which the keys are looked at.
        inside: what tells what is in them, where they are containers of another kind.
        is_watchable: whether reads and writes of their attributes can be seen.
        shared: which of its bases has something for all of its instances that holds something itself, by name.
        later: likewise, where it is None as yet: it may be made later, as the only one of its class is.
        defaults: what the class had for its instances when it was first met.
    """

    __slots__ = (
        "_is_thread",
        "_slots",
        "defaults",
        "inside",
        "is_dict",
        "is_looked_into",
        "is_of_a_library",
        "is_watchable",
        "later",
        "shared",
    )

    def __init__(self, cls: type) -> None:
        is_object = not any(issubclass(cls, one) for one in NO_OBJECTS)
        self.is_dict: bool = issubclass(cls, dict)
        self.inside: Inside | None = inside(cls)
        self._is_thread: bool = issubclass(cls, Thread)
        self.is_looked_into: bool = cls in _PLAIN or (is_object and is_own_class(cls))
        self.is_of_a_library: bool = is_object and is_of_a_library(cls)
        self.is_watchable: bool = cls not in _PLAIN and not self.is_dict
        self._slots: dict[str, Any] = {name: _unwatched(lookup(cls, name)) for name in slots_of(cls)}
        self.defaults: dict[str, Any] = values_of_class(cls)  # as they are before anything is watched
        holders = _shared_by(cls)
        self.shared: dict[str, type] = {
            name: base for name, base in holders.items() if vars(base).get(name) is not None
        }
        self.later: dict[str, type] = {name: base for name, base in holders.items() if name not in self.shared}

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

    def defaults_of(self, thing: Any) -> dict[str, Any] | None:
        """Return what the class has now for this object, which has none of its own; None where it has all."""
        own = dict_of(thing)
        missing = [name for name in self.defaults if name not in own]
        if not missing:
            return None
        there = values_of_class(class_of(thing))
        return {name: there[name] for name in missing if name in there and name not in self._slots}

    def shared_by(self, thing: Any) -> Iterator[tuple[str, Any]]:
        """Yield it, by name."""
        own = dict_of(thing)
        return ((name, there) for name, there in self.shared_now() if name not in own)

    def shared_now(self) -> Iterator[tuple[str, Any]]:
        """Yield all that the class itself has, by name."""
        for name, base in (*self.shared.items(), *self.later.items()):
            yield name, _unwatched(vars(base).get(name))


def _shared_by(cls: type) -> dict[str, type]:
    return {
        name: base
        for base in reversed(cls.__mro__[:-1])
        if is_own_class(base)
        for name, value in vars(base).copy().items()
        if not name.startswith("__") and (value is None or _holds(value))
    }


def _holds(value: object) -> bool:
    kind: type = class_of(value)
    if kind in _PLAIN:
        return True
    is_object = is_own_class(kind) and not issubclass(kind, NO_OBJECTS) and not is_simple(value)
    return is_object and lookup(kind, "__get__") is MISSING


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
    return known_class(class_of(thing))


def known_class(cls: type) -> ClassOfObjects:
    """Return what is known of a class."""
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
