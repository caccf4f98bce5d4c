"""How contexts of one class are copied and read, found out once for each class."""

from __future__ import annotations

import copy
import copyreg
import weakref
from collections.abc import Callable
from types import GetSetDescriptorType
from typing import Any, Final, cast

from otel_handoff.host.fields import MISSING, Fields

_HEAP_TYPE: Final = 1 << 9
_slot_names: Final[Callable[[type], list[str]]] = copyreg._slotnames  # type: ignore[attr-defined]
class_of: Final = cast("Callable[[Any], type]", type)
"""`type`, as a function with a plain result."""
_new: Final = cast("Callable[[type], Any]", object.__new__)
_NO_STATE: Final = getattr(object, "__getstate__", None)  # Python 3.11 and later


class Kind:
    """A class of contexts.

    Attributes:
        copy: makes the shallow copy that `copy.copy` would make.
        roots_of: root -> its value now, on a context of this class.
    """

    __slots__ = ("copy", "roots_of")

    def __init__(self, cls: type, fields: Fields) -> None:
        self.copy: Callable[[Any], Any] = _copy_plain if _copies_plainly(cls) else copy.copy
        plain = _reads_plainly(cls, fields)
        self.roots_of: Callable[[Any], dict[str, Any]] = fields.plain_roots_of if plain else fields.roots_of


class Kinds:
    """The classes of contexts that a boundary has met."""

    def __init__(self, fields: Fields, met: Callable[[type], object]) -> None:
        """Call `met` with each class before the first of its contexts is read."""
        self._fields = fields
        self._met = met
        # Weak, and by identity: a class may be made for one row, and a metaclass may hash it as it likes.
        self._known: dict[int, tuple[Kind, weakref.ref[type]]] = {}

    def of(self, context: Any) -> Kind:
        """Return the kind of a context."""
        cls = class_of(context)
        known = self._known.get(id(cls))
        return known[0] if known is not None else self._meet(cls)

    def _meet(self, cls: type) -> Kind:
        self._met(cls)
        kind = Kind(cls, self._fields)
        known, key = self._known, id(cls)
        known[key] = kind, weakref.ref(cls, lambda _: known.pop(key, None))
        return kind


class Watched:
    """A descriptor of ours in the place of an attribute.

    Attributes:
        keeps_in_dict: whether the values are in the `__dict__` of the instances.
    """

    keeps_in_dict: bool = False


def lookup(cls: type, name: str) -> Any:
    """Return what `cls` has under `name`, unbound; MISSING where it has no such attribute."""
    for base in cls.__mro__:
        found = vars(base).get(name, MISSING)
        if found is not MISSING:
            return found
    return MISSING


def has_plain_dict(cls: type) -> bool:
    """Whether the attributes of an instance are in its `__dict__`, and nothing else has a say in reading them."""
    return (
        cls.__dictoffset__ != 0
        and cls.__getattribute__ is object.__getattribute__
        and isinstance(lookup(cls, "__dict__"), GetSetDescriptorType)
    )


def _reads_plainly(cls: type, fields: Fields) -> bool:
    return has_plain_dict(cls) and not any(_is_kept_elsewhere(lookup(cls, root)) for root in fields.roots)


def _is_kept_elsewhere(attribute: Any) -> bool:
    if issubclass(class_of(attribute), Watched):
        return not attribute.keeps_in_dict
    return hasattr(class_of(attribute), "__set__")


def _copies_plainly(cls: type) -> bool:
    return (
        all(base.__flags__ & _HEAP_TYPE for base in cls.__mro__[:-1])
        and has_plain_dict(cls)
        and cls.__new__ is object.__new__
        and cls.__reduce_ex__ is object.__reduce_ex__
        and cls.__reduce__ is object.__reduce__
        and getattr(cls, "__getstate__", None) is _NO_STATE
        and cls not in copyreg.dispatch_table
        and not any(hasattr(cls, name) for name in ("__copy__", "__setstate__", "__getnewargs__", "__getnewargs_ex__"))
        and not _slot_names(cls)
    )


def _copy_plain(context: Any) -> Any:
    # What copy.copy comes to for such a class, in a quarter of the time.
    copied = _new(class_of(context))
    copied.__dict__.update(context.__dict__)
    return copied
