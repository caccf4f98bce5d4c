"""Each read and write of an attribute that was seen to move, on the class of the program's own that has it."""

from __future__ import annotations

import weakref
from typing import Any, Final

from otel_handoff.find.rows import current, write
from otel_handoff.host.guard import guard
from otel_handoff.host.outside import pass_on
from otel_handoff.host.plainly import class_of, lookup
from otel_handoff.watch.descriptors import WatchedField
from otel_handoff.watch.unwatched import OWN_LOOK_UP, UNCHANGEABLE

_watching: Final[list[weakref.ref[Field]]] = []
_watched: Final[weakref.WeakKeyDictionary[type, set[str]]] = weakref.WeakKeyDictionary()


class Field(WatchedField):
    """Stands in for one attribute. It asks no row in flight of a boundary, but those that are looked at here."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self._on_class(owner or self.owner)
        if type(instance) is not self.owner and lookup(class_of(instance), self.name) is not self:
            return self._of_base(instance)
        value = self._load(instance)
        row = current.get()
        if row is not None:
            held = row.held.get(id(instance))
            if held is not None and held.object is instance:
                with guard:
                    row.saw(held, self.name, value)
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        with guard:  # before it is stored: no reader sees a value without its write
            write(instance, self.name, value)
        if self._inner is not None:
            self._inner.__set__(instance, value)
        else:
            self._values(instance)[self.name] = value

    def __delete__(self, instance: Any) -> None:
        if self._inner is not None:
            self._inner.__delete__(instance)
        elif self._values(instance).pop(self.name, self) is self:
            raise self._absent(instance)


def watch(cls: type, name: str) -> str:
    """Watch an attribute on a class; return why that cannot be, or an empty string."""
    found = lookup(cls, name)
    if isinstance(found, WatchedField):
        return "" if isinstance(found, Field) else "a boundary watches it"
    if cls.__getattribute__ is not object.__getattribute__:
        return OWN_LOOK_UP
    if name in _watched.get(cls, ()):
        return "the program writes it on the class itself"  # not once more: what it writes meanwhile would be lost
    field = Field(cls, name)
    if field.by_code:
        return "it is read and written by code of the class's own"
    if not field.stores:
        return UNCHANGEABLE
    try:
        setattr(cls, name, field)
    except Exception as error:  # a metaclass may refuse in its own way
        pass_on(error)
        return UNCHANGEABLE
    _watching.append(weakref.ref(field))
    _watched.setdefault(cls, set()).add(name)
    return ""


def give_back() -> None:
    """Give each class back what it had."""
    from otel_handoff.host.plainly import MISSING

    _watched.clear()
    while _watching:
        field = _watching.pop()()
        if field is None or vars(field.owner).get(field.name) is not field:
            continue
        with guard:
            if field.original is MISSING:
                delattr(field.owner, field.name)
            else:
                setattr(field.owner, field.name, field.original)
