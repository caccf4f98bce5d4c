"""What a function that is handed over has when it runs: its arguments, what it holds, and the globals it names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from contextvars import Context, ContextVar
from threading import local
from types import CellType, CoroutineType, FunctionType, MethodType
from typing import Any, Final, NamedTuple

from otel_handoff.find.held import CONTEXTVAR, Globals, Held, OfAThread, values_here
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
    if function is None:
        if class_of(given).__module__ != "functools":
            return None
        function = function_of(dict_of(given).get("__wrapped__"))
    for _ in range(_MOST_WRAPPED):
        inner = function_of(function.__dict__.get("__wrapped__")) if function is not None else None
        if inner is None:
            break
        function = inner
    return function


def taken_along(coroutine: CoroutineType[Any, Any, Any], context: Context) -> Iterator[Part]:
    """Yield what a coroutine that has not run yet was called with, and the globals that its function names.

    Args:
        coroutine: itself.
        context: in which it will run.
    """
    code, frame = coroutine.cr_code, coroutine.cr_frame
    assert frame is not None
    given = frame.f_locals
    yield from (Part(name, value) for name, value in given.items())
    function = FunctionType(code, frame.f_globals, closure=tuple(CellType() for _ in code.co_freevars))
    is_method = code.co_varnames[:1] == ("self",) and "self" in given
    yield from _globals(function, class_of(given["self"]) if is_method else None, context)


def given_to(
    layers: Layers,
    function: FunctionType | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    context: Context | None,
) -> Iterator[Part]:
    """Yield what a `function` that is handed over is given, holds, and names, by the names that it has there.

    Args:
        layers: what is handed over.
        function: that is in it.
        args: that are given with it.
        kwargs: likewise.
        context: in which it will run, if it takes one along.
    """
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
        if function.__closure__ is not None:
            yield from _closure(function)
        outer = function_of(layers.function)
        if outer is not None and outer is not function:
            yield from _closure(outer)
        if function.__defaults__:
            defaults = function.__defaults__
            taken = max(len(given), len(names) - len(defaults))
            for name, value in zip(names[taken:], defaults[len(defaults) - len(names) + taken :], strict=False):
                yield Part(name, value)
        yield from _globals(function, cls, context)
    if kwargs or layers.named:
        for name, value in {**layers.named, **kwargs}.items():
            yield Part(name, value)


def _closure(function: FunctionType) -> Iterator[Part]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        with suppress(ValueError):  # it is empty
            yield Part(name, cell.cell_contents, cell)


def _globals(function: FunctionType, cls: type | None, context: Context | None) -> Iterator[Part]:
    named = named_by(function, cls)
    plain: dict[int, Held] = {}
    for space, module, name in named.globals:
        value = space.get(name, MISSING)
        if is_simple(value):
            if name.isupper():
                continue  # a constant
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
        elif class_of(value) is ContextVar:
            if context is not None:
                with suppress(LookupError):  # it has nothing
                    there = context[value] if value in context else Context().run(value.get)
                    yield Part(f"{CONTEXTVAR}{value.name}", there)
        elif value is not MISSING:
            yield Part(f"{module}:{name}", value)


def _says(name: str, value: Any) -> bool:
    return is_simple(value) and says_which(name, [value])
