"""Whether an object can be sent as a copy: nothing else that goes with it leads to it.

What is pickled is a graph. Where a part of it leads back to the object, a far side would have both: the copy, and what
it is a copy of.
"""

from __future__ import annotations

import copyreg
import gc
import logging
from collections.abc import Iterable, Sequence
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Final, cast

from otel_handoff.host.outside import pass_on
from otel_handoff.host.plainly import class_of, dict_of, slot_values, slots_of

MOST: Final = 10_000
"""How many objects are looked at; of more it is not known."""

_LEAVES: Final = (
    *(type(None), bool, int, float, complex, str, bytes, bytearray, type),
    *(FunctionType, BuiltinFunctionType, CodeType, ModuleType, logging.Logger),
)
"""What leads to nothing, or is pickled by its name."""

_NO_STATE: Final = getattr(object, "__getstate__", None)  # Python 3.11 and later


def is_apart(way: Sequence[tuple[str, Any]], besides: Iterable[Any]) -> bool:
    """Return whether each object of a way is led to by nothing but the one before it.

    Args:
        way: the objects, from the one that is sent on, and of each the attribute that leads to the next.
        besides: what is sent along.
    """
    copied = {id(one) for _, one in way}
    left: list[Any] = [*besides]
    for name, one in way:
        kept = kept_of(one)
        if kept is None:
            return False
        left += [value for key, value in kept if key != name]
    seen: set[int] = set()
    while left:
        value = left.pop()
        if id(value) in copied:
            return False
        if issubclass(class_of(value), _LEAVES) or id(value) in seen:
            continue
        seen.add(id(value))
        found = gc.get_referents(value)
        if len(seen) + len(left) + len(found) > MOST:
            return False
        left += found
    return True


def kept_of(one: Any) -> list[tuple[str, Any]] | None:
    """Return what of an object is pickled, with its names where it has some; None where it is not a copy's to be so.

    Of a class that has a say in it that is asked, once more than for the pickling itself.
    """
    cls = class_of(one)
    if is_pickled_plainly(cls):
        return [*dict_of(one).items(), *slot_values(one, slots_of(cls)).items()]
    reducer = copyreg.dispatch_table.get(cls)
    try:
        reduced: Any = one.__reduce_ex__(4) if reducer is None else reducer(one)
    except Exception as error:
        pass_on(error)
        return None
    if not isinstance(reduced, tuple):
        return None  # it is found by a name: a copy is not what is found there
    _, given, *rest = cast("tuple[Any, ...]", reduced)
    parts: list[tuple[str, Any]] = [("", each) for each in given]
    for each in rest:
        states = cast("tuple[Any, ...]", each) if isinstance(each, tuple) else (each,)
        for state in states:
            is_named = isinstance(state, dict)
            parts += cast("dict[str, Any]", state).items() if is_named else [("", state)]
    return parts


def is_pickled_plainly(cls: type) -> bool:
    """Whether an object of a class is pickled as what it has, and its class has no say in that."""
    return (
        cls.__reduce_ex__ is object.__reduce_ex__
        and cls.__reduce__ is object.__reduce__
        and getattr(cls, "__getstate__", None) is _NO_STATE
        and cls not in copyreg.dispatch_table
    )
