"""What is in a container that is no plain list, tuple or dict: where it is, and what it is called there."""

from __future__ import annotations

import gc
from collections import ChainMap, UserDict, UserList
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, cast
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from otel_handoff.host.plainly import class_of, dict_of

BEHIND: Final = "()"
"""In a path, behind a weak reference, in a set, or under a key that is no text: no path of a boundary leads there."""

MOST_ITEMS: Final = 16
"""Of what is in one."""

Inside = Callable[[Any], list[tuple[str, Any]]]
"""Returns what is in a container, each with what leads to it: `BEHIND` where no path of a boundary does."""


def inside(cls: type) -> Inside | None:
    """Return what tells what is in an object of a class, beside its attributes; None where nothing is."""
    return next((tell for base, tell in _TELLS.items() if issubclass(cls, base)), None)


def _by_number(sequence: Any) -> list[tuple[str, Any]]:
    # By no code of the program's: a class of its own may have another `__iter__`.
    base: Any = tuple if isinstance(sequence, tuple) else list
    return [(str(number), one) for number, one in enumerate(_first(base.__iter__(sequence)))]


def _under_no_text(entries: Any) -> list[tuple[str, Any]]:
    # What is under a text is looked at as an attribute is.
    items: list[tuple[Any, Any]] = list(cast("Any", dict).items(entries))
    return [(BEHIND, one) for key, one in items if type(key) is not str]


def _values(mapping: Any) -> list[tuple[str, Any]]:
    return _behind(mapping.values())


def _in_a_set(things: Any) -> list[tuple[str, Any]]:
    base: Any = set if isinstance(things, set) else frozenset
    return _behind(base.__iter__(things))


def _behind(things: Iterable[Any]) -> list[tuple[str, Any]]:
    return [(BEHIND, one) for one in _first(things)]


def _on(name: str) -> Inside:
    return lambda thing: [(name, dict_of(thing).get(name))]


def _weakly(thing: Any) -> list[tuple[str, Any]]:
    data: Any = dict_of(thing).get("data", ())
    refs: list[Any] = _first(data.values() if isinstance(thing, WeakValueDictionary) else data)
    values: list[Any] = _first(data.values()) if isinstance(thing, WeakKeyDictionary) else []
    return [(BEHIND, one) for one in (*(ref() for ref in refs), *values)]


def _first(things: Iterable[Any]) -> list[Any]:
    # At once: another thread may change it. One more shows that there are more.
    return list(islice(things, MOST_ITEMS + 1))


def _cached(function: Any) -> list[tuple[str, Any]]:
    # What it has returned, and returns again: its own attributes are none of that, nor are the arguments.
    if function.cache_info().currsize > MOST_ITEMS:
        return []
    there: list[Any] = gc.get_referents(function)
    kept = [one for one in there if one is not function.__wrapped__ and not isinstance(one, (dict, tuple, type))]
    tables: list[Any] = [one for one in there if class_of(one) is dict and one is not dict_of(function)]
    return [(BEHIND, one) for one in (*kept, *(value for table in tables for value in _first(table.values())))]


_TELLS: Final[dict[type, Inside]] = {
    tuple: _by_number,
    list: _by_number,
    set: _in_a_set,
    frozenset: _in_a_set,
    dict: _under_no_text,
    MappingProxyType: _values,
    UserDict: _on("data"),
    UserList: _on("data"),
    ChainMap: _on("maps"),
    WeakValueDictionary: _weakly,
    WeakKeyDictionary: _weakly,
    WeakSet: _weakly,
    type(lru_cache(len)): _cached,
}
