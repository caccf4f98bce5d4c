"""Looking at a host's objects without running code of theirs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from enum import Enum
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Final, NamedTuple, cast

from otel_handoff.host.paths import Key

MISSING: Final = object()
"""In the place of a value that is not there."""

class_of: Final = cast("Callable[[Any], type]", type)
"""`type`, as a function with a plain result."""
get_plainly: Final = cast("Callable[[Any, str], Any]", object.__getattribute__)
"""`getattr` that asks no `__getattr__` of the host's, which may know only its own names and raise what it likes."""


class Watched:
    """A descriptor of ours in the place of an attribute.

    Attributes:
        keeps_in_dict: whether the values are in the `__dict__` of the instances.
        inherited: what the class has without us, unbound; `MISSING` where it has no such attribute.
    """

    keeps_in_dict: bool = False
    inherited: Any = MISSING


def lookup(cls: type, name: str) -> Any:
    """Return what `cls` has under `name`, unbound; MISSING where it has no such attribute."""
    for base in cls.__mro__:
        found = vars(base).get(name, MISSING)
        if found is not MISSING:
            return found
    return MISSING


def dict_of(instance: Any) -> dict[str, Any]:
    """Return the `__dict__` of an instance, or an empty one where it has none."""
    try:
        return cast("dict[str, Any]", get_plainly(instance, "__dict__"))
    except AttributeError:
        return {}


def items_of(context: Any) -> dict[Any, Any]:
    """Return what a dict holds; nothing of what is none."""
    return dict(cast("Any", dict).items(context)) if issubclass(class_of(context), dict) else {}


def slot_values(context: Any, slots: Collection[str]) -> dict[str, Any]:
    """Return what an instance holds in those of its `slots` that are set."""
    found: dict[str, Any] = {}
    for name in slots:
        with suppress(AttributeError):
            found[name] = get_plainly(context, name)
    return found


def slots_of(cls: type) -> list[str]:
    """Return the names of its slots; not as copyreg does, which leaves a list of them on the class."""
    return [
        name
        for base in cls.__mro__[:-1]
        for name, found in list(vars(base).items())  # another thread may be having it watched
        if name != "__dict__" and issubclass(class_of(beneath_ours(found)), MemberDescriptorType)
    ]


def has_plain_dict(cls: type) -> bool:
    """Whether the attributes of an instance are in its `__dict__`, and nothing else has a say in reading them."""
    return (
        cls.__dictoffset__ != 0
        and cls.__getattribute__ is object.__getattribute__
        and isinstance(lookup(cls, "__dict__"), GetSetDescriptorType)
    )


def is_watched(attribute: Any) -> bool:
    """Whether a class has a descriptor of ours there."""
    return issubclass(class_of(attribute), Watched)


def beneath_ours(attribute: Any) -> Any:
    """Return what a class has there without us."""
    return attribute.inherited if is_watched(attribute) else attribute


def is_code(attribute: Any) -> bool:
    """Whether reading it runs code of the host's: it is neither a slot nor kept in the `__dict__`."""
    kind = class_of(attribute)
    return hasattr(kind, "__set__") and not issubclass(kind, (MemberDescriptorType, GetSetDescriptorType))


class _Named(NamedTuple):
    field: None = None


_NAMED_FIELD: Final = class_of(vars(_Named)["field"])
"""What a named tuple has for each of its fields."""
_ITEMS: Final = tuple(vars(cls)["__getitem__"] for cls in (list, tuple, deque))
_DICT: Final[Any] = dict
_TUPLE: Final[Any] = tuple


def index(name: str) -> int | None:
    """Return the number that a part of a path is, if it is one."""
    return int(name) if name.removeprefix("-" if type(name) is Key else "").isdecimal() else None


def stored(value: Any, path: Sequence[str]) -> Any:
    """Follow a path of attributes, keys and indexes from `value`; `MISSING` where code of the host's would be run."""
    for name in path:
        cls: Any = class_of(value)
        entries: Any = dict_of(value)  # of a class it is no dict: it has what is bound when it is read
        number = index(name)
        if type(entries) is dict and name in entries and type(name) is not Key:
            value = cast("dict[str, Any]", entries)[name]
        elif issubclass(cls, _DICT) and cls.get is _DICT.get:
            found = _DICT.get(value, name, MISSING)
            value = _DICT.get(value, number, MISSING) if found is MISSING and type(name) is Key else found
        elif number is not None and getattr(cls, "__getitem__", None) in _ITEMS:
            value = value[number] if -len(value) <= number < len(value) else MISSING
        elif type(name) is Key:
            return MISSING
        elif issubclass(class_of(beneath_ours(lookup(cls, name))), MemberDescriptorType):
            value = slot_values(value, (name,)).get(name, MISSING)
        else:
            return MISSING
        if value is MISSING or value is None:
            break
    return value


_NO_CONTEXT: Final = frozenset({str, int, float, bool, bytes, type(None), FunctionType})


def by_index(item: Any, path: Sequence[str]) -> Sequence[str]:
    """Return a path from an item, with the index of a named tuple's field in the place of its name."""
    cls = class_of(item)
    if path and issubclass(cls, _TUPLE) and class_of(lookup(cls, path[0])) is _NAMED_FIELD:
        return (str(lookup(cls, "_fields").index(path[0])), *path[1:])
    return path


def says_nothing(item: Any) -> bool:
    """Whether an item is but a sign, as one that ends a loop is."""
    cls = class_of(item)
    return cls in _NO_CONTEXT or cls is object or issubclass(cls, (type, Enum))


def may_be_context(value: Any, roots: Iterable[str]) -> bool:
    """Whether `value` may be a context: something that has all of `roots`, as far as can be seen."""
    cls: Any = class_of(value)
    if cls in _NO_CONTEXT or issubclass(cls, (type, ModuleType)):
        return False
    entries, items = dict_of(value), items_of(value)
    return all(
        root in entries
        or lookup(cls, root) is not MISSING
        or root in items
        or (root.isdecimal() and issubclass(cls, (list, tuple)))
        for root in roots
    )
