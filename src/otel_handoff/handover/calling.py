"""Whether a function that is handed over calls a work function, and what it may give it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dis import get_instructions
from functools import partial
from types import BuiltinMethodType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple

from otel_handoff.handover.directly import (
    Args,
    Handed,
    Kwargs,
    Layers,
    Takes,
    filled,
    found_in,
    kinds,
    peeled,
    taking,
    wanted,
)
from otel_handoff.handover.transport import WorkFunction
from otel_handoff.host.callsites import CallSite, call_sites, codes_in
from otel_handoff.host.plainly import MISSING, class_of, dict_of, lookup
from otel_handoff.host.wrapping import layers as wrapped_by

_FIXED: Final = frozenset({str, int, float, bool, bytes, type(None)})
_MOST_CODES: Final = 10_000
_MOST_ITEMS: Final = 16
_STORES: Final = ("STORE_DEREF", "DELETE_DEREF")


class Part(NamedTuple):
    """Something that a function which is handed over holds, or is given.

    Attributes:
        name: the variable, parameter or attribute.
        value: what is there.
        cell: the variable, where it is one of an enclosing function's: others may put something else there.
        via: where it is an attribute, of what.
        position: where it is one of several that are given in `*args`, and so passed on most likely.
    """

    name: str
    value: Any
    cell: CellType | None = None
    via: Any = None
    position: int = -1


class _Code(NamedTuple):
    """What a function's code shows, with the functions in it: names, what it stores to, and calls by their names."""

    code: CodeType
    names: frozenset[str]
    stores: frozenset[str]
    sites: dict[str, list[CallSite]]


_codes: Final[dict[int, _Code]] = {}  # by identity, as hashing a code object goes through all of it


def code_of(code: CodeType) -> _Code:
    """Return what a function's code shows."""
    known = _codes.get(id(code))
    if known is None:
        codes = list(codes_in(code))
        names = frozenset(name for one in codes for name in (*one.co_names, *one.co_freevars))
        stores = frozenset(step.argval for one in codes for step in get_instructions(one) if step.opname in _STORES)
        if len(_codes) >= _MOST_CODES:
            _codes.clear()
        known = _codes[id(code)] = _Code(code, names, stores, {})
    return known


def names_in(code: CodeType) -> frozenset[str]:
    """Return the global and free variables, and the attributes, that code names."""
    return code_of(code).names


# -- most of what is handed over has nothing to do with any work function: that is to cost little

_plain: Final[dict[int, Any]] = {}
"""Code of functions that name no work function, and classes of objects that do not call one, by identity."""


def forget() -> None:
    """There are other work functions now."""
    _plain.clear()


def is_plain_at_a_glance(given: Any, args: Args) -> bool:
    """Whether no work function is in what is handed over, as it was in none that is like it."""
    kind = class_of(given)
    if kind is BuiltinMethodType:
        return given.__name__ != "run" and kinds.isdisjoint(map(class_of, args))
    if kind is FunctionType:
        function = given
    elif kind is MethodType:
        function = given.__func__
        if class_of(function) is not FunctionType:
            return False
    else:
        return _plain.get(id(kind)) is kind and kinds.isdisjoint(map(class_of, args))
    code = function.__code__
    return (
        _plain.get(id(code)) is code
        and (function.__closure__ is None or _encloses_none(function.__closure__))
        and function.__defaults__ is None
        and function.__kwdefaults__ is None
        and kinds.isdisjoint(map(class_of, args))
    )


def _encloses_none(cells: tuple[CellType, ...]) -> bool:
    # Whether it is seen at a glance that no cell holds a work function.
    for cell in cells:
        try:
            value = cell.cell_contents
        except ValueError:  # it is empty
            continue
        kind = class_of(value)
        if kind is FunctionType:
            if id(value) in taking:
                return False
        elif kind is MethodType:
            if id(value.__func__) in taking:
                return False
        elif kind not in _FIXED and _plain.get(id(kind)) is not kind:
            return False
    return True


def is_plain(given: Any, args: Args) -> bool:
    """The same, where it is to be found out."""
    kind = class_of(given)
    if not kinds.isdisjoint(map(class_of, args)):
        return False
    function = function_of(given)
    if function is None:
        if issubclass(kind, Handed):
            return True
        if (
            kind is partial
            or kind is BuiltinMethodType
            or kind is MethodType
            or hasattr(class_of(given), "__wrapped__")
        ):
            return False
        if kind in kinds or issubclass(class_of(lookup(class_of(given), "__call__")), WorkFunction):
            return False
        _keep(kind)
        return True
    if id(function) in taking or not code_of(function.__code__).names.isdisjoint(wanted):
        return False
    if all(getattr(takes.function, "__code__", None) is not function.__code__ for takes in list(taking.values())):
        _keep(function.__code__)
    if function.__closure__ is None and function.__defaults__ is None and function.__kwdefaults__ is None:
        return True
    held = [value for value, _ in _held_by(function).values()]
    for value in held:
        if function_of(value) is None and class_of(value) not in _FIXED:
            is_plain(value, ())  # the next time, that is seen at a glance
    return all(_takes_of(value) is None for value in held)


def _keep(what: Any) -> None:
    if len(_plain) >= _MOST_CODES:
        _plain.clear()
    _plain[id(what)] = what


# -- whether one is called


def called_by(layers: Layers, args: Args, kwargs: Kwargs) -> list[Takes]:
    """Return the work functions that a function calls, or is given to call."""
    function = function_of(layers.function)
    found: dict[int, Takes] = {}
    names = frozenset[str]()
    held = [*layers.before, *layers.named.values(), *args[layers.shift :], *kwargs.values()]
    if function is not None:
        names = code_of(function.__code__).names
        held += [value for value, _ in _held_by(function).values()]
        held += [value for name in names if (value := function.__globals__.get(name, MISSING)) is not MISSING]
        if class_of(layers.function) is MethodType:
            held.append(layers.function.__self__)
    else:
        held += wrapped_by(layers.function)
    sought = names.intersection(wanted)
    for value in [*held, *(item for each in held for item in _items(each))]:
        takes = _takes_of(value)
        if takes is not None:
            found[id(takes)] = takes
            continue
        for name in sought:
            takes = _takes_of(_attribute(value, name))
            if takes is not None:
                found[id(takes)] = takes
    return list(found.values())


def sites_in(given: Any, name: str) -> list[CallSite]:
    """Return the calls by a name in a function, and in those within it."""
    function = function_of(given)
    if function is None:
        return []
    known = code_of(function.__code__)
    if name not in known.sites:
        known.sites[name] = [site for code in codes_in(function.__code__) for site in call_sites(code, name)]
    return known.sites[name]


def _takes_of(value: Any) -> Takes | None:
    kind = class_of(value)
    if kind in _FIXED or issubclass(kind, Handed):
        return None
    if not (kind in kinds or kind is FunctionType or kind is MethodType):
        called = lookup(class_of(value), "__call__")  # an object may be called as a function is
        if not issubclass(class_of(called), WorkFunction):
            return None
    found = found_in(peeled(value, ()), (value,))
    return found.takes if found is not None else None


def _items(value: Any) -> list[Any]:
    # What is given in a tuple, say, is taken out of it in the function: `index, step = numbered`.
    kind = class_of(value)
    if kind not in (tuple, list, dict) or len(value) > _MOST_ITEMS:
        return []
    return list(value.values() if kind is dict else value)


def _attribute(value: Any, name: str) -> Any:
    # What is there without running code of the host's.
    if class_of(value) in _FIXED:
        return MISSING
    if isinstance(value, ModuleType):
        return vars(value).get(name, MISSING)
    if isinstance(value, type):
        return lookup(value, name)
    found = dict_of(value).get(name, MISSING)
    return lookup(class_of(value), name) if found is MISSING else found


def function_of(given: Any) -> FunctionType | None:
    """Return a function itself, and that of a bound method; None of anything else."""
    if class_of(given) is MethodType:
        given = given.__func__
    return given if class_of(given) is FunctionType else None


# -- what it holds


def _held_by(function: FunctionType) -> dict[str, tuple[Any, CellType | None]]:
    found: dict[str, tuple[Any, CellType | None]] = {}
    code = function.__code__
    defaults = function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    for name, value in zip(positional[len(positional) - len(defaults) :], defaults, strict=False):
        found[name] = value, None
    for name, value in (function.__kwdefaults__ or {}).items():
        found[name] = value, None
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        with suppress(ValueError):  # it is empty
            found[name] = cell.cell_contents, cell
    return found


def parts_of(layers: Layers, args: Args, kwargs: Kwargs) -> Iterator[Part]:
    """Yield what may be the context: what the function holds and is given, and attributes of it that it names."""
    function = function_of(layers.function)
    parts: list[Part] = []
    names = frozenset[str]()
    given = filled(layers.before, args[layers.shift :])
    if function is not None:
        code = code_of(function.__code__)
        names = code.names
        parts += [Part(name, value, cell) for name, (value, cell) in _held_by(function).items()]
        if class_of(layers.function) is MethodType:
            given = (layers.function.__self__, *given)
        own = function.__code__
        parts += [Part(name, value) for name, value in zip(own.co_varnames[: own.co_argcount], given, strict=False)]
        parts += [Part("", value, position=at) for at, value in enumerate(given[own.co_argcount :])]
        parts += [
            Part(name, value) for name in names if (value := function.__globals__.get(name, MISSING)) is not MISSING
        ]
    else:
        parts += [Part("", value, position=at) for at, value in enumerate(given)]
    parts += [Part(name, value) for name, value in {**layers.named, **kwargs}.items()]
    parts += [Part("", item) for part in parts for item in _items(part.value)]
    yield from parts
    for part in parts:
        entries: Mapping[str, Any] = dict_of(part.value)
        if class_of(part.value) in _FIXED or isinstance(part.value, (type, ModuleType)) or type(entries) is not dict:
            continue
        for name in names:
            if name in entries:
                yield Part(name, entries[name], None, part.value)
