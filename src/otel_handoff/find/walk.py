"""Goes through what a hand-over takes along, as far as it is the program's own, and tells what it leaves out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from inspect import GEN_CREATED, getgeneratorstate
from itertools import islice
from types import CellType, FunctionType, GeneratorType, MethodType
from typing import Any, Final, cast
from weakref import ref

from otel_handoff.find.classes import NO_OBJECTS, ClassOfObjects, class_of_objects, known_class, values_of_class
from otel_handoff.find.containers import BEHIND, MOST_ITEMS
from otel_handoff.find.given import Part
from otel_handoff.find.held import BUFFERS, Buffer, Environment, Held, Items, OfAClass, Variable, content_of
from otel_handoff.find.own import is_own_class, is_own_code
from otel_handoff.find.values import is_simple, says_which
from otel_handoff.host.guard import Tally
from otel_handoff.host.plainly import class_of, dict_of

_MOST_OBJECTS: Final = 64
_MOST_STEPS: Final = 1_000
_MOST_VALUES: Final = 64
_DEEPEST: Final = 8
_OF_A_FUNCTION: Final = "who writes a variable of a function is not seen"
_ON_A_FUNCTION: Final = "who reads what is on a function is not seen"
_OF_A_CLASS: Final = "who reads what a class has is not seen"
_UNWATCHED: Final = "what is in a {} cannot be watched"


def held_by(parts: Iterable[Part]) -> tuple[dict[int, Held], list[Any]]:
    """Return the objects of the program's own that go across, by identity, with what they hold now.

    And the texts, numbers and the like that go across as they are, or in a tuple.
    """
    walk = _Walk(parts)
    return walk.found, walk.given


class _Walk:
    def __init__(self, parts: Iterable[Part]) -> None:
        self.found: dict[int, Held] = {}
        self.given: list[Any] = []
        self._left: list[tuple[str, Any, int]] = []
        for path, value, cell in parts:
            if isinstance(value, Held):
                self.found[id(value.object)] = value
                continue
            self._left.append((path, value, 0))
            if cell is not None:
                self._note_variable(path, path, cell)
        for step, (path, value, depth) in enumerate(self._left):  # it grows meanwhile: what is near comes first
            if is_simple(value):
                if not depth:
                    self.given.append(value)
                continue
            if id(value) in self.found:
                continue
            if len(self.found) >= _MOST_OBJECTS or step >= _MOST_STEPS:
                _left_out(f"objects beyond the first {len(self.found)}, at {path!r}")
                break
            look = _CONTAINERS.get(class_of(value), _Walk.at_object)
            look(self, path, value, depth)

    def at_object(self, path: str, value: Any, depth: int) -> None:
        if isinstance(value, type):
            self._note_class(value, values_of_class(value))
            if is_own_class(value):
                self._go_on(path, known_class(value).shared_now(), depth)
                self._go_on(path, class_of_objects(value).shared_by(value), depth)
            return
        cls = class_of_objects(value)
        if cls.is_dict and len(value) > _MOST_VALUES:
            _left_out(f"a dict with more than {_MOST_VALUES} keys, at {path!r}")
            return
        # One of a library only where it is given as it is: everything else hangs together with everything.
        if cls.is_looked_into or (not depth and cls.is_of_a_library):
            held = self.found[id(value)] = _held(path, value, cls)
            there = cls.defaults_of(value) if cls.defaults else None
            if there:
                self._note_class(class_of(value), there)
            self._go_on(path, ((name, one) for name, one in held.values.items() if not is_simple(one)), depth)
            if cls.shared or there is not None:
                self._go_on(path, cls.shared_by(value), depth)
        if cls.inside is not None:
            self._go_inside(path, value, cls.inside(value), depth)

    def _go_inside(self, path: str, value: Any, inner: Sequence[tuple[str, Any]], depth: int) -> None:
        further = [(name, there) for name, there in inner if not is_simple(there)]
        if further and len(inner) > MOST_ITEMS and not isinstance(value, dict):
            further = further[:MOST_ITEMS]
            _left_out(f"more than {MOST_ITEMS} items, at {path!r}")
        self._go_on(path, further, depth)
        if not depth and isinstance(value, tuple):
            self.given += [there for _, there in inner if is_simple(there)]

    def at_sequence(self, path: str, value: Any, depth: int) -> None:
        self._go_on(path, enumerate(cast("Sequence[Any]", value[:MOST_ITEMS])), depth)
        if not depth and class_of(value) is tuple:
            self.given += filter(is_simple, value[:MOST_ITEMS])
        if len(value) > MOST_ITEMS:
            if any(not is_simple(item) for item in value[MOST_ITEMS : 2 * MOST_ITEMS]):
                _left_out(f"more than {MOST_ITEMS} items, at {path!r}")
        elif class_of(value) is list and any(map(is_simple, value)):
            values = {str(number): item for number, item in enumerate(value)}
            self.found[id(value)] = Items(path, value, values, _UNWATCHED.format("list"))

    def at_set(self, path: str, value: Any, depth: int) -> None:
        # With one thing in it, it may say which that is; more are a collection, and are of all rows.
        items = list(value) if len(value) == 1 else []
        if any(map(is_simple, items)):
            self.found[id(value)] = Items(path, value, dict(zip("0", items, strict=True)), _UNWATCHED.format("set"))
        else:
            self.at_object(path, value, depth)

    def at_buffer(self, path: str, value: Any, _depth: int) -> None:
        why = _UNWATCHED.format(class_of(value).__name__)
        self.found[id(value)] = Buffer(path, value, dict(content_of(value)), why)

    def at_environment(self, path: str, value: Any, _depth: int) -> None:
        says = {name: there for name, there in value.items() if says_which(name, [there])}
        self.found[id(value)] = Environment(path, value, says, "who reads the environment is not seen")

    def at_reference(self, path: str, value: Any, depth: int) -> None:
        self._go_on(path, [(BEHIND, value())], depth)

    # -- what a callable takes along to wherever it is called

    def at_method(self, path: str, value: Any, depth: int) -> None:
        self._go_on(path, [("__self__", value.__self__)], depth)

    def at_partial(self, path: str, value: Any, depth: int) -> None:
        self._go_on(path, [("func", value.func), ("args", value.args), ("keywords", value.keywords)], depth)

    def at_function(self, path: str, value: Any, depth: int) -> None:
        if not is_own_code(value.__code__):
            return
        values = {name: there for name, there in dict_of(value).items() if is_simple(there)}
        if values:
            self.found[id(value)] = Held(path, value, values, _ON_A_FUNCTION)
        if not value.__closure__:
            return
        for number, (name, cell) in enumerate(zip(value.__code__.co_freevars, value.__closure__, strict=True)):
            with suppress(ValueError):  # it is empty
                self._note_variable(f"{path}.__closure__.{number}.cell_contents", name, cell)
                self._go_on(f"{path}.__closure__.{number}", [("cell_contents", cell.cell_contents)], depth)

    def at_generator(self, path: str, value: Any, depth: int) -> None:
        # Once it has begun, its variables are another thread's.
        if is_own_code(value.gi_code) and getgeneratorstate(value) == GEN_CREATED:
            self._go_on(f"{path}.gi_frame", value.gi_frame.f_locals.items(), depth)

    def at_deque(self, path: str, _value: Any, _depth: int) -> None:
        _left_out(f"what goes through the deque at {path!r}")

    # -- what is found

    def _go_on(self, path: str, inner: Iterable[tuple[object, Any]], depth: int) -> None:
        if depth < _DEEPEST:
            self._left += [(f"{path}.{name}", there, depth + 1) for name, there in inner]
        elif any(is_looked_into(there) for _, there in inner):
            _left_out(f"what is on the object at {path!r}")

    def _note_variable(self, path: str, name: str, cell: CellType) -> None:
        value = cell.cell_contents
        if not isinstance(value, NO_OBJECTS):
            self.found[id(cell)] = Variable(path, cell, {name: value}, _OF_A_FUNCTION)

    def _note_class(self, cls: type, values: dict[str, Any]) -> None:
        if values and id(cls) not in self.found and is_own_class(cls):
            self.found[id(cls)] = OfAClass(f"{cls.__module__}:{cls.__qualname__}", cls, values, _OF_A_CLASS)


_CONTAINERS: Final[dict[type, Callable[[_Walk, str, Any, int], None]]] = {
    list: _Walk.at_sequence,
    tuple: _Walk.at_sequence,
    FunctionType: _Walk.at_function,
    MethodType: _Walk.at_method,
    partial: _Walk.at_partial,
    GeneratorType: _Walk.at_generator,
    deque: _Walk.at_deque,
    set: _Walk.at_set,
    **dict.fromkeys(BUFFERS, _Walk.at_buffer),
    ref: _Walk.at_reference,
    type(os.environ): _Walk.at_environment,
}


def is_looked_into(value: object) -> bool:
    """Whether a value is an object of the program's own, or a plain container."""
    return not is_simple(value) and class_of_objects(value).is_looked_into


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
