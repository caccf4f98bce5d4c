"""What a function that is handed over has when it runs: its arguments, what it holds, and the globals it names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from threading import local
from types import CellType, FunctionType, MethodType
from typing import Any, Final, NamedTuple

from otel_handoff.find.held import Globals, Held, OfAThread, values_here
from otel_handoff.find.named import named_by
from otel_handoff.find.values import is_simple, says_which
from otel_handoff.handover.calling import function_of
from otel_handoff.handover.directly import Layers, filled
from otel_handoff.host.plainly import MISSING, class_of, dict_of

_MOST_WRAPPED: Final = 16


class Part(NamedTuple):
    """Something that a hand-over takes along, and where it is found.

    Attributes:
        path: as a boundary has it.
        value: itself; a `Held` where it is already known what of it is looked at.
        cell: the variable of an enclosing function that it is in: another may be in there when it is read.
    """

    path: str
    value: Any
    cell: CellType | None = None


def function_in(given: Any) -> FunctionType | None:
    """Return the function that does the work: that of a method, and what `functools.wraps` and the like wrap."""
    function = function_of(given)
    if function is None and class_of(given).__module__ == "functools":
        function = function_of(dict_of(given).get("__wrapped__"))
    for _ in range(_MOST_WRAPPED):
        inner = function_of(function.__dict__.get("__wrapped__")) if function is not None else None
        if inner is None:
            break
        function = inner
    return function


def given_to(layers: Layers, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Part]:
    """Yield what a function that is handed over is given, holds, and names, by the names that it has there."""
    function = function_in(layers.function)
    given = filled(layers.before, args[layers.shift :])
    if function is None:
        yield Part("self", layers.function)
        yield from (Part(f"args.{number}", value) for number, value in enumerate(given))
    else:
        code = function.__code__
        cls: type | None = None
        if class_of(layers.function) is MethodType:
            given = (layers.function.__self__, *given)
            cls = class_of(layers.function.__self__)
        names = code.co_varnames[: code.co_argcount]
        for number, value in enumerate(given):
            yield Part(names[number] if number < len(names) else f"args.{number - len(names)}", value)
        for each in {id(each): each for each in (function_of(layers.function), function) if each is not None}.values():
            for name, cell in zip(each.__code__.co_freevars, each.__closure__ or (), strict=False):
                with suppress(ValueError):  # it is empty
                    yield Part(name, cell.cell_contents, cell)
        defaults = function.__defaults__ or ()
        taken = max(len(given), len(names) - len(defaults))
        for name, value in zip(names[taken:], defaults[len(defaults) - len(names) + taken :], strict=False):
            yield Part(name, value)
        yield from _globals(function, cls)
    if kwargs or layers.named:
        for name, value in {**layers.named, **kwargs}.items():
            yield Part(name, value)


def _globals(function: FunctionType, cls: type | None) -> Iterator[Part]:
    named = named_by(function, cls)
    plain: dict[int, Held] = {}
    for space, module, name in named.globals:
        value = space.get(name, MISSING)
        if is_simple(value):
            held = plain.get(id(space))
            if held is None:
                held = plain[id(space)] = Globals(f"{module}:", space, {}, "who reads a global is not seen")
                yield Part(held.path, held)
            held.values[name] = value
        elif issubclass(class_of(value), local):
            here = values_here(value).items()
            says = {key: held for key, held in here if key not in named.stores and _says(key, held)}
            if says:
                yield Part(f"{module}:{name}", OfAThread(f"{module}:{name}", value, says, "who reads it is not seen"))
        elif value is not MISSING:
            yield Part(f"{module}:{name}", value)


def _says(name: str, value: Any) -> bool:
    return is_simple(value) and says_which(name, [value])
