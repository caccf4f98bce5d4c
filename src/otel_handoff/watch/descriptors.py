"""Seeing each read and write of a boundary's fields: data descriptors on the context's class."""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections.abc import Iterable, Mapping, Sequence
from types import MemberDescriptorType
from typing import Any, Final, cast

from otel_handoff.handover.lease import Lease, active, whose
from otel_handoff.handover.transport import handed_over, submitting, under_way
from otel_handoff.handover.twins import State, put, state_of
from otel_handoff.handover.written import RawWrite, WriteRecord, is_on_record, record_of, records
from otel_handoff.host.absent import absent
from otel_handoff.host.contexts import is_lazy
from otel_handoff.host.current import no_lease
from otel_handoff.host.guard import guard
from otel_handoff.host.outside import pass_on
from otel_handoff.host.paths import Key
from otel_handoff.host.plainly import MISSING, Watched, class_of, dict_of, has_plain_dict, lookup, slots_of
from otel_handoff.watch.reads import judged, judged_below, keep, let_go
from otel_handoff.watch.unwatched import FOUND_ELSEWHERE, OWN_LOOK_UP, UNCHANGEABLE
from otel_handoff.watch.writes import note, undo

_logger = logging.getLogger("otel_handoff")

_working: Final = active.get


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
        self.inherited = lookup(owner, name)
        self._inner: Any = self.inherited if hasattr(class_of(self.inherited), "__set__") else None
        self.by_code: bool = self._inner is not None and not issubclass(class_of(self._inner), MemberDescriptorType)
        """Whether the class's own code reads and writes it: a property, say."""
        self.keeps_in_dict = self._inner is None and has_plain_dict(owner)
        self._lazy = is_lazy(owner, self.inherited)
        self._direct: type | None = owner if self.keeps_in_dict else None
        self.stores: bool = self._inner is not None or owner.__dictoffset__ != 0
        """Whether instances can have a value of their own."""

    # The reads and writes of a pipeline come through here: what nearly all of them are stands first, and calls next to
    # nothing.

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if type(instance) is self._direct:
            name = self.name
            try:
                value = instance.__dict__[name]
                lease = _working()
                if lease is None:
                    return value
                # A mismatch is looked for only where this, or what an unpinned worker would get, is another object.
                if instance is lease.handed and value is lease.roots[name] and Lease.provoker is None:
                    if not lease.pinned:
                        return value
                    shared = lease.context
                    if type(shared) is self._direct and shared.__dict__[name] is value:
                        return value
            except KeyError:
                pass  # one of them has no value of its own
        return self._get(instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        # A write by nobody's worker, while no row is being handed over, is for no row in particular.
        if type(instance) is not self._direct or under_way or _working() is not None or Lease.provoker is not None:
            self._set(instance, value)
            return
        key = id(instance)
        if key not in records:
            instance.__dict__[self.name] = value
            if key in records:
                self._late(instance, value)
            return
        write = None
        ref = records.get(key)
        record = ref() if ref is not None else None
        if record is not None:
            try:
                if type(record) is not WriteRecord:
                    record = record_of(instance)  # it is the first write
                if record is not None:
                    write = RawWrite(self.name, value, None)
                    record.add(write)
            except Exception as error:
                guard.met(error)
        try:
            instance.__dict__[self.name] = value
        except BaseException:
            if write is not None:
                undo(instance, write)
            raise
        if record is None and is_on_record(instance):
            self._late(instance, value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A class that is pickled by value, as cloudpickle does, takes along what it had without us.
        return absent(self.name) if self.original is MISSING else (cast, (None, self.original))

    def _get(self, instance: Any, owner: type | None) -> Any:
        if instance is None:
            return self._on_class(owner or self.owner)
        if (provoker := Lease.provoker) is not None:
            provoker.reads(instance, self.name)
        if type(instance) is not self.owner and lookup(class_of(instance), self.name) is not self:
            return self._of_base(instance)
        lease = active.get()
        found = whose(lease, instance, self.name) if lease is not None else None
        if found is None or not (lease := found[0]).detector.watched:
            return self._load(instance)
        error = None
        try:
            value = self._load(instance)
        except AttributeError as missing:
            if not lease.is_pinned:
                raise
            error, value = missing, MISSING
        step = found[1]
        value = judged(self, lease, instance, value) if step is None else judged_below(lease, step, value)
        if value is MISSING and error is not None:
            raise error
        return value

    def _set(self, instance: Any, value: Any) -> None:
        write = None
        before = self._before(instance) if under_way and self._inner is not None else None
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
        lease = active.get()
        if lease is not None and (lease.at_read or self.by_code or lease.along is not None or lease.outers):
            with guard:
                if (found := whose(lease, instance, self.name)) is not None:
                    keep(self, *found, instance, value)
        if under_way:
            self._mirror(instance, value, before)
        if write is None and is_on_record(instance):
            self._late(instance, value)
        if (provoker := Lease.provoker) is not None:
            provoker.wrote(instance, self.name, value)

    def _late(self, instance: Any, value: Any) -> None:
        # A row was handed over in the middle of this write.
        with guard:
            note(instance, self.name, value)

    def _mirror(self, instance: Any, value: Any, before: State | None) -> None:
        # The submit function writes to the context that it was given, which is the worker's copy: it means the other.
        handing = handed_over(instance)
        if handing is not None:
            shared = handing.contexts[0]
            if shared is instance or lookup(class_of(shared), self.name) is not self:
                return
            if before is None or not self._take_over(instance, shared, value, before):
                self.__set__(shared, value)

    def _before(self, instance: Any) -> State | None:
        # What it holds before a setter of the host's runs, which is to run once, for two.
        handing = handed_over(instance)
        if handing is None or handing.lease is None:
            return None
        if instance is handing.contexts[0] or not self.by_code:
            return None
        return state_of(instance, slots_of(class_of(instance)))

    def _take_over(self, instance: Any, shared: Any, value: Any, before: State) -> bool:
        """Give `shared` what a setter has stored in `instance`; return whether it is known where that is."""
        slots = slots_of(class_of(instance))
        after = state_of(instance, slots)
        stored = {
            name: after.get(name, MISSING)
            for name in {**before, **after}
            if after.get(name, MISSING) is not before.get(name, MISSING)
        }
        if not stored and self.peek(shared) is not self.peek(instance):
            return False  # by instance, and not in it: then the setter has to run for the other as well
        with guard:
            note(shared, self.name, value)
            for name, kept in stored.items():
                put(shared, name, kept, slots)
        return True

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
            lease = active.get()
            if lease is not None and (found := whose(lease, instance, self.name)) is not None:
                let_go(self, *found)
            if self._lazy:  # it will be computed anew
                self._forget(instance)
                return
            with no_lease():  # a default, what a `__getattr__` says, or nothing
                left = getattr(instance, self.name, None)
            note(instance, self.name, left)

    def _forget(self, instance: Any) -> None:
        handing = submitting.get() if under_way else None
        if handing is not None and handing.lease is not None and handing.is_about(instance):
            handing.lease.detector.forget(handing.lease, self.name)

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

    def peek(self, instance: Any) -> Any:
        """Return what `instance` has there, as nobody's read; None where that raises."""
        if self._lazy:  # it is not for us to have it computed
            return dict_of(instance).get(self.name, MISSING)
        try:
            with no_lease():  # a property of the host may read other fields, and may raise anything
                return self._load(instance)
        except Exception as error:
            pass_on(error)
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


_FIXED: Final = cast("tuple[type[Any], ...]", (str, bytes, int, float, tuple, frozenset))
"""Classes whose instances cannot be written to."""


def _looks_elsewhere(cls: type) -> bool:
    # Whether an instance may have an attribute, or what a path takes for one, that is neither in it nor on its class.
    return hasattr(cls, "__getattr__") or issubclass(cls, (Mapping, Sequence))


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
    """The fields watched for one boundary, on each class of context that was seen at it.

    Attributes:
        removed: whether they are being given back, or were.
    """

    def __init__(self, roots: Iterable[str]) -> None:
        self._roots = tuple(roots)
        self._fields: list[weakref.ref[WatchedField]] = []
        self.removed = False

    def cover(self, cls: type, names: Sequence[str] = ()) -> str:
        """Watch the fields on `cls`, or other attributes; return why not all reads are seen.

        Where they are not, checks still hold.
        """
        if self.removed or issubclass(cls, _FIXED):
            return ""
        if cls.__getattribute__ is not object.__getattribute__:
            return OWN_LOOK_UP
        unseen = ""
        for root in names or self._roots:
            if type(root) is Key:
                unseen = FOUND_ELSEWHERE
                continue
            field = lookup(cls, root)
            if not isinstance(field, WatchedField):
                field = WatchedField(cls, root)
                if field.inherited is MISSING and _looks_elsewhere(cls):
                    unseen = FOUND_ELSEWHERE
                if not field.stores:
                    continue
                try:
                    setattr(cls, root, field)
                except Exception as error:  # a metaclass may refuse in its own way
                    pass_on(error)
                    return UNCHANGEABLE
            if id(self) not in field.users:
                field.users.add(id(self))
                self._fields.append(weakref.ref(field, self._forget))
        if self.removed:  # by another thread, meanwhile
            self.remove()
        return unseen

    def _forget(self, ref: weakref.ref[WatchedField]) -> None:
        with contextlib.suppress(ValueError):
            self._fields.remove(ref)

    def remove(self) -> None:
        """Give each class back the attribute it had, unless another watch still needs ours."""
        self.removed = True
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
                except Exception as error:  # sealed since: ours stays, and does what the class's own would
                    pass_on(error)
                    _logger.warning("%s can no longer be changed; %r stays watched.", field.owner, field.name)
