"""What a hand-over takes along: objects of the program's own, and what they hold at that moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from contextvars import copy_context
from itertools import islice
from types import CellType, MethodType
from typing import Any, Final, NamedTuple, cast

from otel_handoff.find.classes import NO_OBJECTS, ClassOfObjects, class_of_objects
from otel_handoff.find.values import is_simple, says_which
from otel_handoff.handover.calling import code_of, function_of
from otel_handoff.handover.directly import Layers, filled
from otel_handoff.host.guard import Tally
from otel_handoff.host.plainly import MISSING, class_of

_MOST_OBJECTS: Final = 64
_MOST_VALUES: Final = 64
_MOST_ITEMS: Final = 16
_DEEPEST: Final = 3
_SEQUENCES: Final = frozenset({list, tuple})


class Held:
    """An object that goes across, and what it held then.

    Attributes:
        object: itself.
        path: where it was found, as a boundary has it: `"ctx"`, `"self.client"`, `"item.1"`, `"app.state:client"`.
        values: attribute (or key of a dict) -> what it held: a simple value, or an object that is looked at as well.
        is_watchable: whether its reads and writes can be seen; those of a dict cannot.
    """

    __slots__ = ("is_watchable", "object", "path", "values")

    def __init__(self, path: str, thing: Any, values: dict[str, Any], *, is_watchable: bool) -> None:
        self.object: Any = thing
        self.path: str = path
        self.values: dict[str, Any] = values
        self.is_watchable: bool = is_watchable

    def kind(self) -> str:
        """Return what it is."""
        return class_of(self.object).__qualname__

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield of each attribute its name, what it held, and what it holds now."""
        cls = class_of_objects(self.object)
        if cls.is_dict:  # it may have grown, and what is new says nothing of what was handed over
            get = cast("Any", dict).get
            for name, then in self.values.items():
                yield name, then, get(self.object, name, MISSING)
            return
        there = cls.values_of(self.object)
        for name, then in self.values.items():
            yield name, then, there.get(name, MISSING)
        for name, value in there.items():
            if name not in self.values and type(name) is str:
                yield name, MISSING, value


CONTEXTVAR: Final = "ContextVar "
"""Before the name of one, in the place of a path."""


class ContextVariable(Held):
    """A ContextVar, and what it held: a worker may run with another, or without."""

    __slots__ = ()

    def kind(self) -> str:
        """Return what it is."""
        return "ContextVar"

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield its name, what it held, and what it holds here."""
        for name, then in self.values.items():
            yield name, then, self.object.get(None)


def context_variables() -> Iterator[Held]:
    """Yield those that say which row it is, as far as one value shows."""
    for variable, value in copy_context().items():
        if is_simple(value) and says_which(variable.name, [value]):
            yield ContextVariable(f"{CONTEXTVAR}{variable.name}", variable, {variable.name: value}, is_watchable=False)


class Part(NamedTuple):
    """Something that a hand-over takes along, and where it is found.

    Attributes:
        path: as a boundary has it.
        value: itself.
        cell: the variable of an enclosing function that it is in: another may be in there when it is read.
    """

    path: str
    value: Any
    cell: CellType | None = None


VARIABLE: Final = "variable"


class Variable(Held):
    """A variable of an enclosing function, which the function reads when it runs: the cell, and what was in it."""

    __slots__ = ()

    def kind(self) -> str:
        """Return what it is."""
        return VARIABLE

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield the name, what was in it, and what is in it now."""
        for name, then in self.values.items():
            with suppress(ValueError):  # it is empty
                yield name, then, self.object.cell_contents


def given_to(layers: Layers, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Part]:
    """Yield what a function that is handed over is given, holds, and names, by the names that it has there."""
    function = function_of(layers.function)
    given = filled(layers.before, args[layers.shift :])
    if function is None:
        yield Part("self", layers.function)
        yield from (Part(f"args.{number}", value) for number, value in enumerate(given))
    else:
        code = function.__code__
        if class_of(layers.function) is MethodType:
            given = (layers.function.__self__, *given)
        names = code.co_varnames[: code.co_argcount]
        for number, value in enumerate(given):
            yield Part(names[number] if number < len(names) else f"args.{number - len(names)}", value)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
            with suppress(ValueError):  # it is empty
                yield Part(name, cell.cell_contents, cell)
        defaults = function.__defaults__ or ()
        taken = max(len(given), len(names) - len(defaults))
        for name, value in zip(names[taken:], defaults[len(defaults) - len(names) + taken :], strict=False):
            yield Part(name, value)
        space = function.__globals__
        for name in code_of(code).names:
            found = space.get(name, MISSING)
            if found is not MISSING and (is_looked_into(found) or class_of_objects(found).is_of_a_library):
                yield Part(f"{space.get('__name__', '')}:{name}", found)
    if kwargs or layers.named:
        for name, value in {**layers.named, **kwargs}.items():
            yield Part(name, value)


def held_by(parts: Iterable[Part]) -> dict[int, Held]:
    """Return the objects of the program's own that go across, by identity, with what they hold now."""
    found: dict[int, Held] = {}
    left: list[tuple[str, Any, int]] = []
    for path, value, cell in parts:
        left.append((path, value, 0))
        if cell is not None and not isinstance(value, NO_OBJECTS):
            found[id(cell)] = Variable(path, cell, {path: value}, is_watchable=False)
    for path, value, depth in left:  # it grows meanwhile
        if len(found) >= _MOST_OBJECTS:
            break
        if is_simple(value) or id(value) in found:
            continue
        if class_of(value) in _SEQUENCES:
            if depth < _DEEPEST:
                left += [(f"{path}.{number}", item, depth + 1) for number, item in enumerate(value[:_MOST_ITEMS])]
            if len(value) > _MOST_ITEMS and any(not is_simple(item) for item in value[_MOST_ITEMS : 2 * _MOST_ITEMS]):
                left_out(f"more than {_MOST_ITEMS} items, at {path!r}")
            continue
        cls = class_of_objects(value)
        if cls.is_dict and len(value) > _MOST_VALUES:
            left_out(f"a dict with more than {_MOST_VALUES} keys, at {path!r}")
            continue
        # One of a library only where it is given as it is: everything else hangs together with everything.
        if cls.is_looked_into or (not depth and cls.is_of_a_library):
            held = found[id(value)] = _held(path, value, cls)
            if depth < _DEEPEST:
                left += [
                    (f"{path}.{name}", there, depth + 1) for name, there in held.values.items() if not is_simple(there)
                ]
    return found


unseen: Final[dict[str, Tally]] = {}
"""What was not looked into, and how often."""

_MOST_UNSEEN: Final = 64


def left_out(what: str) -> None:
    """Take note of what is not looked into."""
    if what in unseen or len(unseen) < _MOST_UNSEEN:
        unseen.setdefault(what, Tally()).add()


def _held(path: str, value: Any, cls: ClassOfObjects) -> Held:
    values = cls.values_of(value)
    named = islice(((name, there) for name, there in values.items() if type(name) is str), _MOST_VALUES)
    return Held(path, value, dict(named), is_watchable=cls.is_watchable)


def is_looked_into(value: object) -> bool:
    """Whether a value may hold what says which row it is: an object of the program's own, or a plain container."""
    return not is_simple(value) and class_of_objects(value).is_looked_into
