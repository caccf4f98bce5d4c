"""Goes through what a hand-over takes along, as far as it is the program's own, and tells what it leaves out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from types import FunctionType, MethodType
from typing import Any, Final

from otel_handoff.find.classes import NO_OBJECTS, ClassOfObjects, class_of_objects, values_of_class
from otel_handoff.find.given import Part
from otel_handoff.find.held import Held, Items, OfAClass, Variable
from otel_handoff.find.own import is_own_class, is_own_code
from otel_handoff.find.values import is_simple
from otel_handoff.host.guard import Tally
from otel_handoff.host.plainly import class_of

_MOST_OBJECTS: Final = 64
_MOST_STEPS: Final = 1_000
_MOST_VALUES: Final = 64
_MOST_ITEMS: Final = 16
_DEEPEST: Final = 8
_SEQUENCES: Final = frozenset({list, tuple})
_CALLABLES: Final = frozenset({FunctionType, MethodType, partial})
_OF_A_FUNCTION: Final = "who writes a variable of a function is not seen"
_OF_A_CLASS: Final = "who reads what a class has is not seen"
_UNWATCHED: Final = "what is in a {} cannot be watched"


def held_by(parts: Iterable[Part]) -> dict[int, Held]:
    """Return the objects of the program's own that go across, by identity, with what they hold now."""
    found: dict[int, Held] = {}
    left: list[tuple[str, Any, int]] = []
    for path, value, cell in parts:
        if isinstance(value, Held):
            found[id(value.object)] = value
            continue
        left.append((path, value, 0))
        if cell is not None and not isinstance(value, NO_OBJECTS):
            found[id(cell)] = Variable(path, cell, {path: value}, _OF_A_FUNCTION)
    for step, (path, value, depth) in enumerate(left):  # it grows meanwhile: what is near comes first
        if len(found) >= _MOST_OBJECTS or step >= _MOST_STEPS:
            _left_out(f"objects beyond the first {len(found)}, at {path!r}")
            break
        if is_simple(value) or id(value) in found:
            continue
        if class_of(value) in _CALLABLES:
            if depth < _DEEPEST:
                left += [(f"{path}.{name}", there, depth + 1) for name, there in _taken_along(path, value, found)]
            continue
        if class_of(value) in _SEQUENCES:
            _go_through(path, value, depth, left, found)
            continue
        if isinstance(value, type):
            _note_class(value, values_of_class(value), found)
            continue
        cls = class_of_objects(value)
        if cls.is_dict and len(value) > _MOST_VALUES:
            _left_out(f"a dict with more than {_MOST_VALUES} keys, at {path!r}")
        elif class_of(value) is deque:
            _left_out(f"what goes through the deque at {path!r}")
        # One of a library only where it is given as it is: everything else hangs together with everything.
        elif cls.is_looked_into or (not depth and cls.is_of_a_library):
            held = found[id(value)] = _held(path, value, cls)
            if cls.defaults:
                _note_class(class_of(value), cls.defaults_of(value), found)
            inner = [
                (f"{path}.{name}", there, depth + 1) for name, there in held.values.items() if not is_simple(there)
            ]
            if depth < _DEEPEST:
                left += inner
            elif any(class_of_objects(there).is_looked_into for _, there, _ in inner):
                _left_out(f"what is on the object at {path!r}")
    return found


def _taken_along(path: str, value: Any, found: dict[int, Held]) -> Iterator[tuple[str, Any]]:
    # What a callable takes along to wherever it is called.
    if class_of(value) is MethodType:
        yield "__self__", value.__self__
    elif class_of(value) is partial:
        yield from (("func", value.func), ("args", value.args), ("keywords", value.keywords))
    elif is_own_code(value.__code__):
        for number, cell in enumerate(value.__closure__ or ()):
            with suppress(ValueError):  # it is empty
                inside = f"__closure__.{number}.cell_contents"
                if not isinstance(cell.cell_contents, NO_OBJECTS):
                    found[id(cell)] = Variable(
                        f"{path}.{inside}",
                        cell,
                        {value.__code__.co_freevars[number]: cell.cell_contents},
                        _OF_A_FUNCTION,
                    )
                yield inside, cell.cell_contents


def _go_through(path: str, value: Any, depth: int, left: list[tuple[str, Any, int]], found: dict[int, Held]) -> None:
    if depth < _DEEPEST:
        left += [(f"{path}.{number}", item, depth + 1) for number, item in enumerate(value[:_MOST_ITEMS])]
    if len(value) > _MOST_ITEMS:
        if any(not is_simple(item) for item in value[_MOST_ITEMS : 2 * _MOST_ITEMS]):
            _left_out(f"more than {_MOST_ITEMS} items, at {path!r}")
    elif class_of(value) is list and any(map(is_simple, value)):
        values = {str(number): item for number, item in enumerate(value)}
        found[id(value)] = Items(path, value, values, _UNWATCHED.format("list"))


def _note_class(cls: type, values: dict[str, Any], found: dict[int, Held]) -> None:
    if values and id(cls) not in found and is_own_class(cls):
        found[id(cls)] = OfAClass(f"{cls.__module__}:{cls.__qualname__}", cls, values, _OF_A_CLASS)


unseen: Final[dict[str, Tally]] = {}
"""What was not looked into, and how often."""

_MOST_UNSEEN: Final = 64


def _left_out(what: str) -> None:
    if what in unseen or len(unseen) < _MOST_UNSEEN:
        unseen.setdefault(what, Tally()).add()


def _held(path: str, value: Any, cls: ClassOfObjects) -> Held:
    values = cls.values_of(value)
    named = islice(((name, there) for name, there in values.items() if type(name) is str), _MOST_VALUES)
    why = "" if cls.is_watchable else _UNWATCHED.format(class_of(value).__name__)
    return Held(path, value, dict(named), why)
