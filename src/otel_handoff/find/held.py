"""What a hand-over takes along: objects of the program's own, and what they hold at that moment."""

from __future__ import annotations

import weakref
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from threading import Thread
from types import CellType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple, cast

from otel_handoff.find.own import is_of_a_library, is_own_class
from otel_handoff.find.values import is_simple
from otel_handoff.handover.calling import code_of, function_of
from otel_handoff.handover.directly import Layers, filled
from otel_handoff.host.plainly import MISSING, class_of, dict_of, slot_values, slots_of

_MOST_OBJECTS: Final = 64
_MOST_VALUES: Final = 64
_MOST_ITEMS: Final = 16
_DEEPEST: Final = 3
_OF_A_THREAD: Final = frozenset(vars(Thread()))
_PLAIN: Final = frozenset({dict, SimpleNamespace, Namespace})
_NO_OBJECTS: Final[tuple[type, ...]] = (type, ModuleType, FunctionType)
_NOTHING: Final[Mapping[str, Any]] = {}


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
        there = _values_of(self.object)
        for name, then in self.values.items():
            yield name, then, there.get(name, MISSING)
        for name, value in there.items():
            if name not in self.values and type(name) is str:
                yield name, MISSING, value


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
        yield from (
            Part(names[number] if number < len(names) else f"args.{number - len(names)}", value)
            for number, value in enumerate(given)
        )
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
            with suppress(ValueError):  # it is empty
                yield Part(name, cell.cell_contents, cell)
        defaults = function.__defaults__ or ()
        taken = max(len(given), len(names) - len(defaults))
        yield from zip_parts(names[taken:], defaults[len(defaults) - len(names) + taken :])
        space = function.__globals__
        for name in code_of(code).names:
            found = space.get(name, MISSING)
            if is_looked_into(found):
                yield Part(f"{space.get('__name__', '')}:{name}", found)
    yield from (Part(name, value) for name, value in {**layers.named, **kwargs}.items())


def zip_parts(names: Iterable[str], values: Iterable[Any]) -> Iterator[Part]:
    """Yield a part for each name with its value."""
    yield from (Part(name, value) for name, value in zip(names, values, strict=False))


def held_by(parts: Iterable[Part]) -> dict[int, Held]:
    """Return the objects of the program's own that go across, by identity, with what they hold now."""
    found: dict[int, Held] = {}
    parts = list(parts)
    left = [(part.path, part.value, 0) for part in parts]
    for path, value, cell in parts:
        if cell is not None and not isinstance(value, _NO_OBJECTS):
            found[id(cell)] = Variable(path, cell, {path: value}, is_watchable=False)
    while left and len(found) < _MOST_OBJECTS:
        path, value, depth = left.pop(0)
        kind = class_of(value)
        if kind is list or kind is tuple:
            if depth < _DEEPEST:
                left += [(f"{path}.{number}", item, depth + 1) for number, item in enumerate(value[:_MOST_ITEMS])]
            continue
        if id(value) in found or not (is_looked_into(value) or (not depth and _is_an_object(value))):
            continue
        values: dict[str, Any] = {}
        for name, there in list(_values_of(value).items())[:_MOST_VALUES]:
            if type(name) is not str:
                continue
            values[name] = there
            if is_simple(there):
                continue
            if is_looked_into(there):
                if depth < _DEEPEST:
                    left.append((f"{path}.{name}", there, depth + 1))
            elif class_of(there) in (list, tuple) and depth < _DEEPEST:
                left.append((f"{path}.{name}", there, depth + 1))
        is_watchable = kind not in _PLAIN and not _is_a_dict(kind)
        found[id(value)] = Held(path, value, values, is_watchable=is_watchable)
    return found


def _is_a_dict(kind: type) -> bool:
    return issubclass(kind, dict)


def _is_an_object(value: object) -> bool:
    # Of a library: only where it is given as it is, as everything else hangs together with everything.
    kind = class_of(value)
    return not any(issubclass(kind, one) for one in _NO_OBJECTS) and is_of_a_library(kind)


def is_looked_into(value: object) -> bool:
    """Whether a value may hold what says which row it is: an object of the program's own, or a plain container."""
    kind = class_of(value)
    if kind in _PLAIN:
        return True
    return not any(issubclass(kind, one) for one in _NO_OBJECTS) and not is_simple(value) and is_own_class(kind)


_defaults: Final[dict[int, tuple[weakref.ref[type], dict[str, Any]]]] = {}


def _defaults_of(kind: type) -> dict[str, Any]:
    # What an instance has before it has a value of its own; as it was before anything was watched.
    known = _defaults.get(id(kind))
    if known is None or known[0]() is not kind:
        found: dict[str, Any] = {}
        for base in reversed(kind.__mro__[:-1]):
            if is_own_class(base) or is_of_a_library(base):
                found.update((name, value) for name, value in vars(base).items() if _is_a_default(name, value))
        key = id(kind)
        known = _defaults[key] = weakref.ref(kind, partial(_gone, key)), found
    return known[1]


def _gone(key: int, _ref: object, defaults: dict[int, Any] = _defaults) -> None:
    defaults.pop(key, None)


def _is_a_default(name: str, value: Any) -> bool:
    return not name.startswith("__") and not name.isupper() and is_simple(value)


def _values_of(thing: Any) -> Mapping[str, Any]:
    kind = class_of(thing)
    if _is_a_dict(kind):
        return {**dict_of(thing), **dict(cast("Any", dict).items(thing))}
    values = dict_of(thing)
    if type(values) is not dict:
        return _NOTHING
    slots = slots_of(kind)
    found = {**_defaults_of(kind), **values, **slot_values(thing, slots)} if slots else {**_defaults_of(kind), **values}
    if isinstance(thing, Thread):
        for name in _OF_A_THREAD:
            found.pop(name, None)
    return found
