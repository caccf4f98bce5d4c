"""Seeing each read and write of a boundary's fields: data descriptors on the context's class."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, cast

from otel_handoff.fields import MISSING
from otel_handoff.guard import guard
from otel_handoff.lease import Lease, active
from otel_handoff.writes import record_of

_logger = logging.getLogger("otel_handoff")


class WatchedField:
    """Stands in for one attribute of a context class. The value stays where the class kept it.

    Most classes keep it in the instance's `__dict__`, under a class attribute that is a plain default, or none at
    all; for slots and properties the original descriptor is asked.
    """

    def __init__(self, owner: type, name: str) -> None:
        self.owner: type = owner
        self.name: str = name
        self.users: set[int] = set()
        self.original: Any = vars(owner).get(name, MISSING)
        inherited = _lookup(owner, name)
        self._inner: Any = inherited if hasattr(class_of(inherited), "__set__") else None

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self._on_class(owner or self.owner)
        if (provoker := Lease.provoker) is not None:
            provoker.reads(instance, self.name)
        value = self._load(instance)
        lease = active.get()
        if lease is not None and lease.record is not None and (instance is lease.handed or instance is lease.context):
            # What an unpinned worker would get here; a mismatch is looked for only when it is another object.
            current = self._peek(lease.context) if lease.pinned and instance is lease.handed else value
            if current is not lease.roots.get(self.name, MISSING):
                with guard:
                    lease.detector.read(lease, self.name, current, prevented=current is not value)
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        with guard:
            record = record_of(instance)
            if record is not None:
                record.add(self.name, value)
            lease = active.get()
            if lease is not None and (instance is lease.handed or instance is lease.context):
                lease.own[self.name] = value
        if self._inner is not None:
            self._inner.__set__(instance, value)
        else:
            self._values(instance)[self.name] = value
        if (provoker := Lease.provoker) is not None:
            provoker.wrote(instance, self.name, value)

    def __delete__(self, instance: Any) -> None:
        if self._inner is not None:
            self._inner.__delete__(instance)
            return
        try:
            del self._values(instance)[self.name]
        except KeyError:
            raise self._absent(instance) from None

    def _load(self, instance: Any) -> Any:
        if self._inner is not None:
            return self._inner.__get__(instance, type(instance))
        try:
            return instance.__dict__[self.name]
        except (KeyError, AttributeError):
            return self._default(instance)

    def _peek(self, instance: Any) -> Any:
        try:
            return self._load(instance)
        except Exception:  # a property of the host may raise anything
            return None

    def _default(self, instance: Any) -> Any:
        default = _lookup(class_of(instance), self.name, self)
        if default is MISSING:
            raise self._absent(instance)
        bind = getattr(class_of(default), "__get__", None)
        return bind(default, instance, type(instance)) if bind is not None else default

    def _values(self, instance: Any) -> dict[str, Any]:
        try:
            return instance.__dict__
        except AttributeError:
            raise AttributeError(f"{type(instance).__name__!r} object attribute {self.name!r} is read-only") from None

    def _absent(self, instance: Any) -> AttributeError:
        message = f"{type(instance).__name__!r} object has no attribute {self.name!r}"
        return AttributeError(message, name=self.name, obj=instance)

    def _on_class(self, owner: type) -> Any:
        value = _lookup(owner, self.name, self)
        if value is MISSING:
            raise AttributeError(f"type object {owner.__name__!r} has no attribute {self.name!r}")
        bind = getattr(class_of(value), "__get__", None)
        return bind(value, None, owner) if bind is not None else value


def _lookup(owner: type, name: str, beneath: WatchedField | None = None) -> Any:
    # What the class would give without `beneath`; MISSING where it has no such attribute.
    for cls in owner.__mro__:
        value = vars(cls).get(name, MISSING)
        if value is beneath and beneath is not None:
            value = beneath.original
        if value is not MISSING:
            return value
    return MISSING


def class_of(value: Any) -> type:
    """Return `type(value)`, typed."""
    return cast("type[Any]", type(value))


class Watch:
    """The fields watched for one boundary, on each class of context that was seen at it."""

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = tuple(roots)
        self._classes: set[type] = set()
        self._fields: list[WatchedField] = []
        self._removed = False

    def cover(self, cls: type) -> None:
        """Watch the fields on `cls`, once. A class that cannot be changed stays unwatched: checks still hold."""
        if cls in self._classes or self._removed:
            return
        self._classes.add(cls)
        if cls.__getattribute__ is not object.__getattribute__:
            _logger.info("%s has its own __getattribute__: reads of its fields are not watched.", cls.__qualname__)
            return
        for root in self._roots:
            field = _lookup(cls, root)
            if not isinstance(field, WatchedField):
                field = WatchedField(cls, root)
                try:
                    setattr(cls, root, field)
                except (TypeError, AttributeError):
                    _logger.info("%s cannot be changed: reads of its fields are not watched.", cls.__qualname__)
                    return
            field.users.add(id(self))
            self._fields.append(field)
        if self._removed:  # meanwhile, by another thread
            self.remove()

    def remove(self) -> None:
        """Give each class back the attribute it had, unless another watch still needs ours."""
        self._removed = True
        for field in self._fields:
            field.users.discard(id(self))
            if not field.users and vars(field.owner).get(field.name) is field:
                if field.original is MISSING:
                    delattr(field.owner, field.name)
                else:
                    setattr(field.owner, field.name, field.original)
        self._fields.clear()
        self._classes.clear()
