"""Seeing each read and write of a boundary's fields: data descriptors on the context's class."""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections.abc import Iterable
from typing import Any

from otel_handoff.handover.lease import Lease
from otel_handoff.handover.written import is_on_record, note, undo
from otel_handoff.host.contexts import Watched, class_of, has_plain_dict, lookup
from otel_handoff.host.current import active, no_lease
from otel_handoff.host.fields import MISSING
from otel_handoff.host.guard import guard

_logger = logging.getLogger("otel_handoff")


class WatchedField(Watched):
    """Stands in for one attribute of a context class. The value stays where the class kept it.

    Most classes keep it in the instance's `__dict__`, under a class attribute that is a plain default, or none at
    all; for slots and properties the original descriptor is asked.
    """

    def __init__(self, owner: type, name: str) -> None:
        self.owner: type = owner
        self.name: str = name
        self.users: set[int] = set()
        self.original: Any = vars(owner).get(name, MISSING)
        inherited = lookup(owner, name)
        self._inner: Any = inherited if hasattr(class_of(inherited), "__set__") else None
        self.keeps_in_dict = self._inner is None and has_plain_dict(owner)
        self._direct: type | None = owner if self.keeps_in_dict else None
        self.stores: bool = self._inner is not None or owner.__dictoffset__ != 0
        """Whether instances can have a value of their own."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        # The reads of a pipeline come through here: what nearly all of them are stands first, and calls nothing.
        if type(instance) is self._direct:
            name = self.name
            try:
                value = instance.__dict__[name]
                lease = active.get()
                if lease is None:
                    return value
                # A mismatch is looked for only where this, or what an unpinned worker would get, is another object.
                if Lease.provoker is None and instance is lease.handed and value is lease.roots[name]:
                    if not lease.pinned:
                        return value
                    shared = lease.context
                    if type(shared) is self._direct and shared.__dict__[name] is value:
                        return value
            except KeyError:
                pass  # one of them has no value of its own
        return self._get(instance, owner)

    def _get(self, instance: Any, owner: type | None) -> Any:
        if instance is None:
            return self._on_class(owner or self.owner)
        if (provoker := Lease.provoker) is not None:
            provoker.reads(instance, self.name)
        if type(instance) is not self.owner and lookup(class_of(instance), self.name) is not self:
            return self._of_base(instance)
        value = self._load(instance)
        lease = active.get()
        if lease is not None and lease.record is not None and (instance is lease.handed or instance is lease.context):
            with guard:
                self._judge(lease, instance, value)
        return value

    def _judge(self, lease: Lease, instance: Any, value: Any) -> None:
        root = lease.roots.get(self.name, MISSING)
        if value is not root and lease.detector.read(lease, self.name, value, prevented=False):
            return
        if lease.pinned and instance is lease.handed:
            current = self._peek(lease.context)  # what an unpinned worker would get here
            if current is not root and current is not value:
                lease.detector.read(lease, self.name, current, prevented=True)

    def __set__(self, instance: Any, value: Any) -> None:
        write = None
        try:
            write = note(instance, self.name, value)  # before it is stored: no reader sees a value without its write
        except Exception as error:
            guard.met(error)
        try:
            if self._inner is not None:
                self._inner.__set__(instance, value)
            elif type(instance) is self._direct:
                instance.__dict__[self.name] = value
            else:
                self._values(instance)[self.name] = value
        except BaseException:
            if write is not None:
                with guard:
                    undo(instance, write)
            raise
        if write is None and is_on_record(instance):  # a row was handed over in the middle of this write
            with guard:
                note(instance, self.name, value)
        if (provoker := Lease.provoker) is not None:
            provoker.wrote(instance, self.name, value)

    def __delete__(self, instance: Any) -> None:
        if self._inner is not None:
            self._inner.__delete__(instance)
        else:
            try:
                found = self._values(instance).pop(self.name, MISSING)
            except AttributeError:
                found = MISSING
            if found is MISSING:
                raise self._absent(instance)
        with guard:
            with no_lease():  # a default, what a `__getattr__` says, or nothing
                left = getattr(instance, self.name, None)
            note(instance, self.name, left)

    def _load(self, instance: Any) -> Any:
        if self._inner is not None:
            return self._inner.__get__(instance, type(instance))
        found = self._values(instance).get(self.name, MISSING)
        return self._default(instance) if found is MISSING else found

    def _of_base(self, instance: Any) -> Any:
        # `super().field` in a subclass that overrides it: what this class has, never the instance's own
        if self._inner is not None:
            return self._inner.__get__(instance, type(instance))
        value = _beneath(self, class_of(instance))
        if value is MISSING:
            raise AttributeError(f"'super' object has no attribute {self.name!r}", name=self.name)
        return _bound(value, instance, class_of(instance))

    def _peek(self, instance: Any) -> Any:
        try:
            with no_lease():  # a property of the host may read other fields, and may raise anything
                return self._load(instance)
        except Exception:
            return None

    def _default(self, instance: Any) -> Any:
        default = _beneath(self, class_of(instance))
        if default is MISSING:
            raise self._absent(instance)
        return _bound(default, instance, class_of(instance))

    def _values(self, instance: Any) -> dict[str, Any]:
        return object.__getattribute__(instance, "__dict__")  # whatever a `__getattr__` of the host would say

    def _absent(self, instance: Any) -> AttributeError:
        message = f"{type(instance).__name__!r} object has no attribute {self.name!r}"
        return AttributeError(message, name=self.name, obj=instance)

    def _on_class(self, owner: type) -> Any:
        value = _beneath(self, owner)
        if value is MISSING:
            raise AttributeError(f"type object {owner.__name__!r} has no attribute {self.name!r}")
        return _bound(value, None, owner)


def _bound(value: Any, instance: Any, owner: type) -> Any:
    bind = getattr(class_of(value), "__get__", None)
    return bind(value, instance, owner) if bind is not None else value


def _beneath(field: WatchedField, cls: type) -> Any:
    # What `cls` would give without `field`; MISSING where it has no such attribute.
    mro = cls.__mro__
    for base in mro[mro.index(field.owner) :]:
        value = vars(base).get(field.name, MISSING)
        if value is field:
            value = field.original
        if value is not MISSING:
            return value
    return MISSING


class Watch:
    """The fields watched for one boundary, on each class of context that was seen at it."""

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = tuple(roots)
        self._fields: list[weakref.ref[WatchedField]] = []
        self._removed = False

    def cover(self, cls: type) -> None:
        """Watch the fields on `cls`. A class that cannot be changed stays unwatched: checks still hold."""
        if self._removed:
            return
        if cls.__getattribute__ is not object.__getattribute__:
            _logger.info("%s has its own __getattribute__: reads of its fields are not watched.", cls.__qualname__)
            return
        for root in self._roots:
            field = lookup(cls, root)
            if not isinstance(field, WatchedField):
                field = WatchedField(cls, root)
                if not field.stores:
                    continue
                try:
                    setattr(cls, root, field)
                except Exception:  # a metaclass may refuse in its own way
                    _logger.info("%s cannot be changed: reads of its fields are not watched.", cls.__qualname__)
                    return
            field.users.add(id(self))
            self._fields.append(weakref.ref(field, self._forget))
        if self._removed:  # by another thread, meanwhile
            self.remove()

    def _forget(self, ref: weakref.ref[WatchedField]) -> None:
        with contextlib.suppress(ValueError):
            self._fields.remove(ref)

    def remove(self) -> None:
        """Give each class back the attribute it had, unless another watch still needs ours."""
        self._removed = True
        while True:
            try:
                field = self._fields.pop()()
            except IndexError:
                break
            if field is None:
                continue
            field.users.discard(id(self))
            if not field.users and vars(field.owner).get(field.name) is field:
                try:
                    if field.original is MISSING:
                        delattr(field.owner, field.name)
                    else:
                        setattr(field.owner, field.name, field.original)
                except Exception:  # sealed since: ours stays, and does what the class's own would
                    _logger.warning("%s can no longer be changed; %r stays watched.", field.owner, field.name)
