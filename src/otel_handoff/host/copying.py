"""Making the copy of a context that a worker is given in its place."""

from __future__ import annotations

import copy
import copyreg
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, cast

from otel_handoff.host.fields import Fields
from otel_handoff.host.ids import same
from otel_handoff.host.outside import pass_on
from otel_handoff.host.plainly import (
    MISSING,
    beneath_ours,
    class_of,
    dict_of,
    has_plain_dict,
    is_code,
    items_of,
    slot_values,
    slots_of,
)

_HEAP_TYPE: Final = 1 << 9
_slot_names: Final[Callable[[type], list[str]]] = copyreg._slotnames  # type: ignore[attr-defined]
_new: Final = cast("Callable[[type], Any]", object.__new__)
_CONTAINERS: Final = (OrderedDict, dict, list, set)
_NO_STATE: Final = getattr(object, "__getstate__", None)  # Python 3.11 and later


_TRIES: Final = 16
"""How often a copy is made that was fit for work before: others may write to the context while it is compared."""


class Unfit(Exception):  # noqa: N818 - it is no error: the row is observed instead
    """A context gives no copy that a worker could use instead of it; `str()` says why."""


def copier(cls: type, fields: Fields) -> Callable[[Any], Any]:
    """Return what makes the shallow copy of a context of `cls` that `copy.copy` would make.

    It raises `Unfit` where that is not fit for work.
    """
    return _copy_plain if copies_plainly(cls) else _careful_copy(cls, fields)


_SPECIAL: Final = ("__copy__", "__setstate__", "__getnewargs__", "__getnewargs_ex__", "__del__")


def copies_plainly(cls: type) -> bool:
    """Whether a copy of a context of `cls` is one of its class with the same `__dict__`, and nothing else."""
    return (
        all(base.__flags__ & _HEAP_TYPE for base in cls.__mro__[:-1])
        and has_plain_dict(cls)
        and cls.__new__ is object.__new__
        and cls.__reduce_ex__ is object.__reduce_ex__
        and cls.__reduce__ is object.__reduce__
        and getattr(cls, "__getstate__", None) is _NO_STATE
        and cls not in copyreg.dispatch_table
        and not any(hasattr(cls, name) for name in _SPECIAL)
        and not _slot_names(cls)
        and not _kept_by_descriptors(cls)
        and not _is_waited_for(cls)
    )


_WAITED_FOR: Final = frozenset({"asyncio", "_asyncio", "concurrent", "multiprocessing", "queue", "_queue", "threading"})
"""Modules whose classes hold what threads and tasks wait for."""


def _is_waited_for(cls: type) -> bool:
    # Whether others may wait on the very object: what is set on a copy of an event or a future wakes nobody.
    return hasattr(cls, "set_result") or any(base.__module__.partition(".")[0] in _WAITED_FOR for base in cls.__mro__)


def _copy_plain(context: Any) -> Any:
    # What copy.copy comes to for such a class, in a quarter of the time.
    copied = _new(class_of(context))
    copied.__dict__.update(context.__dict__)
    return copied


def _kept_by_descriptors(cls: type) -> list[str]:
    # The attributes whose values a descriptor of the host's own keeps: by instance, or in an ORM's state, perhaps.
    names: list[str] = []
    for base in cls.__mro__[:-1]:
        for name, attribute in list(vars(base).items()):
            kept = beneath_ours(attribute)
            if is_code(kept) and not issubclass(class_of(kept), property):
                names.append(name)
    return names


def _careful_copy(cls: type, fields: Fields) -> Callable[[Any], Any]:
    """Return what copies contexts of a class that has a say in it, and sees to it that the copy is fit for work.

    The copy that the class itself gives is tried first. Where something of the original is not on it, a handle that is
    left out or a lock that is made anew, it is made without asking the class: with the very same values.
    """
    finalizer, waited_for = hasattr(cls, "__del__"), _is_waited_for(cls)
    kept = _kept_by_descriptors(cls)
    slots = slots_of(cls)
    kept_roots = [root for root in fields.roots if root in kept]

    def directly(context: Any) -> Any:
        return _copy_directly(context, slots, kept_roots)

    ways: list[Callable[[Any], Any]] = [_copy_as_asked, directly]

    def copied(context: Any) -> Any:
        if waited_for:
            raise Unfit("others may wait on it itself")
        if finalizer:
            raise Unfit("its __del__ would run for each copy")
        values = dict_of(context)
        for name in kept:
            if name not in values and f"_{name}" not in values and name not in fields.roots:
                raise Unfit(f"{name!r} is not kept in its __dict__, but by a descriptor of its own")
        unfit = None
        for way in ways * _TRIES if len(ways) == 1 else list(ways):
            try:
                made = way(context)
                if class_of(made) is cls:
                    _compare_dict(context, made)
                    _compare_values(values, dict_of(made))
                    _compare_values(items_of(context), items_of(made))
                    _compare_values(slot_values(context, slots), slot_values(made, slots))
                _compare_roots(fields.roots_of(context), fields.roots_of(made))
            except Exception as error:
                pass_on(error)
                if unfit is None:
                    unfit = error if isinstance(error, Unfit) else Unfit(f"copying it raises {type(error).__name__}")
            else:
                ways[:] = [way]  # it will be the same with the next
                return made
        raise unfit or Unfit("it is of no known kind")

    return copied


def _copy_as_asked(context: Any) -> Any:
    made = copy.copy(context)
    if made is context:
        raise Unfit("copy.copy returns the same object")
    if dict_of(made) is dict_of(context):
        raise Unfit("its copy shares its __dict__")
    return made


def _copy_directly(context: Any, slots: list[str], kept: list[str]) -> Any:
    made = _made_with_items(context)
    if dict_of(context) is context:
        object.__setattr__(made, "__dict__", made)
    dict_of(made).update(dict_of(context))
    for name, value in slot_values(context, slots).items():
        object.__setattr__(made, name, value)
    for name in kept:
        setattr(made, name, getattr(context, name))
    return made


def _made_with_items(context: Any) -> Any:
    # A built-in container makes its own instances, and only its own methods leave out what the class has to say.
    cls = class_of(context)
    base: Any = next((base for base in cls.__mro__ if base in _CONTAINERS), object)
    made = base.__new__(cls)
    if base is list:
        list[Any].extend(made, list[Any].__iter__(context))
    elif base is set:
        set[Any].update(made, set[Any].__iter__(context))
    elif base is not object:
        for key, value in list(base.items(context)):
            base.__setitem__(made, key, value)
    return made


def _compare_dict(there: Any, here: Any) -> None:
    if dict_of(there) is there and dict_of(here) is not here:
        raise Unfit("its copy is not its own __dict__")


def _compare_values(there: dict[Any, Any], here: dict[Any, Any]) -> None:
    for name, value in list(there.items()):
        if here.get(name, MISSING) is not value:
            raise Unfit(f"its copy has {'another' if name in here else 'no'} {name!r}")


def _compare_roots(there: dict[str, Any], here: dict[str, Any]) -> None:
    for root, value in there.items():
        if here[root] is not value and not same(value, here[root]):
            raise Unfit(f"its copy has another {root!r}")
