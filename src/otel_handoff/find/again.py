"""The same object is handed over again: what it holds is compared with what it held the time before."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from otel_handoff.find.held import Held, Items
from otel_handoff.find.rows import Row, current, watch
from otel_handoff.find.seen import Group, is_same, note
from otel_handoff.find.values import is_simple, says_which
from otel_handoff.host.plainly import MISSING, class_of


class _Before:
    __slots__ = ("of", "values")

    def __init__(self, of: Callable[[], Any], values: dict[str, Any]) -> None:
        self.of = of
        self.values = values


_before: Final[dict[tuple[int, int], _Before]] = {}


def hand_over(group: Group, held: dict[int, Held], given: Sequence[Any]) -> Row:
    """Begin a row, and compare what it takes along with what the same objects held the time before."""
    row = Row(group, held, given)
    within = current.get()
    group.begins(within.group if within is not None else None)
    for one in held.values():
        if one.unwatched and class_of(one) in (Held, Items):
            group.plain.add(one.path)
        _again(row, one)
    return row


def _again(row: Row, held: Held) -> None:
    work = row.group.work
    key = id(work.code) if work is not None and work.code is not None else id(row.group), id(held.object)
    before = _before.get(key)
    of = _in_flight(row, held) if class_of(held.object) is dict else None
    if held.lasts:
        of = partial(_itself, held.object)
    if before is None or before.of() is not held.object:
        try:
            ref = of or weakref.ref(held.object, partial(_gone, _before, key))
        except TypeError:
            ref = _in_flight(row, held)
        _before[key] = _Before(ref, _marks(held))
        return
    then, before.values, before.of = before.values, _marks(held), of or before.of
    if isinstance(held, Items) and not held.is_like(then):
        return
    for name, value in held.values.items():
        attribute = row.group.attribute(held, name)
        attribute.again.add()
        inner = row.held.get(id(value))
        was = then.get(name, MISSING)
        changed = was.of != id(value) if type(was) is _Mark else not is_same(was, value)
        if changed:
            attribute.changes.add()
            note(attribute.carried, value)
            if is_simple(was):
                attribute.sample(was, inner)
            attribute.sample(value, inner)
        if changed or inner is not None or value is None or says_which(name, [value]):
            watch(held, name, attribute)


class _Mark:
    # In the place of an object: it is not kept.
    __slots__ = ("of",)

    def __init__(self, thing: Any) -> None:
        self.of: int = id(thing)


def _marks(held: Held) -> dict[str, Any]:
    return {name: value if is_simple(value) else _Mark(value) for name, value in held.values.items()}


def _itself(thing: Any) -> Any:
    return thing


def _gone(table: dict[Any, Any], key: object, _ref: object) -> None:
    table.pop(key, None)


def forget() -> None:
    """Forget what objects held."""
    _before.clear()


def _in_flight(row: Row, held: Held) -> Callable[[], Any]:
    # What takes no weak reference is known to be the same only while the row before keeps it.
    key = id(held.object)
    ref = weakref.ref(row)

    def find() -> Any:
        before = ref()
        found = before.held.get(key) if before is not None else None
        return found.object if found is not None else None

    return find
