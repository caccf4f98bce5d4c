"""A function is handed over that calls the work function: a lambda, a closure, a method around it, a decorator's.

What the work function will be given shows only when it is called. So what may be its context is looked at when the
function is handed over, and the row begins when the work function is called in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dis import get_instructions
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, NamedTuple, cast

from otel_handoff.handover.directly import (
    Args,
    Found,
    Handed,
    Kwargs,
    Layers,
    Takes,
    filled,
    found_in,
    peeled,
    taking,
    wanted,
)
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.transport import WorkFunction
from otel_handoff.host.callsites import CallSite, call_sites
from otel_handoff.host.plainly import MISSING, class_of, dict_of, lookup
from otel_handoff.host.standin import BoundStandIn

_OURS: Final = (BoundStandIn, WorkFunction)
_FIXED: Final = frozenset({str, int, float, bool, bytes, type(None)})
_MOST_CODES: Final = 10_000
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


class Expected:
    """What recognises the workers in one function that was handed over, or on one thread."""

    def __init__(self) -> None:
        self._of: dict[int, Any] = {}

    @staticmethod
    def of(takes: Takes, lease: Lease) -> Expected:
        """Return what recognises the worker of one row that has begun."""
        expected = Expected()
        expected.put(takes, _Begun(lease))
        return expected

    def put(self, takes: Takes, recognises: Any) -> None:
        """Recognise workers of one work function."""
        self._of[id(takes)] = recognises

    def take(self, takes: Takes, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Args, Kwargs] | None:
        """Return whose row the work function is called for, and what it is called with; None where nobody knows."""
        recognises = self._of.get(id(takes))
        return recognises.take(instance, args, kwargs) if recognises is not None else None

    def knows(self, takes: Takes) -> bool:
        """Whether a worker of this one was to be recognised: what it was not recognised by is told already."""
        return id(takes) in self._of

    def copy_of(self, value: Any) -> Any:
        """Return what is put in the place of a context that the function holds: itself, or the worker's copy."""
        for recognises in self._of.values():
            value = recognises.copy_of(value)
        return value

    @property
    def holds(self) -> bool:
        """Whether the function is to go on holding what it holds now."""
        return any(recognises.pins for recognises in self._of.values())

    def sent(self) -> None:
        """It goes to another process: a row begins only where the work function is called."""


class _Begun:
    pins = False

    def __init__(self, lease: Lease) -> None:
        self._lease: Lease | None = lease

    def take(self, _instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Args, Kwargs] | None:
        lease, self._lease = self._lease, None
        return None if lease is None else (lease, args, kwargs)

    def copy_of(self, value: Any) -> Any:
        return value


expected: Final[ContextVar[Expected | None]] = ContextVar("otel_handoff_expected", default=None)
"""What recognises the workers in the function that was handed over, and runs here."""


def run_expecting(what: Expected, wrapped: Any, _instance: Any, args: Args, kwargs: Kwargs) -> Any:
    """Run a function in which the work function may be called."""
    token = expected.set(what)
    try:
        return wrapped(*args, **kwargs)
    finally:
        expected.reset(token)


def handed_enclosing(
    given: Any, layers: Layers, args: Args, kwargs: Kwargs, kind: type[Handed]
) -> tuple[Any, Args, Kwargs]:
    """Return what is handed over in the place of a function that may call a work function."""
    what = expecting(layers, args, kwargs)
    if what is None:
        return given, args, kwargs
    function, before, named, through, shift = layers
    if what.holds:
        function = holding(function, what)
        before = tuple(map(what.copy_of, before))
        named = {name: what.copy_of(value) for name, value in named.items()}
        args = tuple(map(what.copy_of, args))
        kwargs = {name: what.copy_of(value) for name, value in kwargs.items()}
    first = next(iter(called_by(layers, args, kwargs)))
    return kind(given, what, run_expecting, Found(first, function, None, before, named, through, shift)), args, kwargs


def expecting(layers: Layers, args: Args, kwargs: Kwargs) -> Expected | None:
    """Return what recognises the workers in a function; None where none is called in it, as far as it shows."""
    called = called_by(layers, args, kwargs)
    if not called:
        return None
    found = list(_parts(layers, args, kwargs))
    what = Expected()
    for takes in called:
        what.put(takes, takes.expect(found, _sites(layers.function, takes.name)))
    return what


# -- whether a work function is called


class _Code(NamedTuple):
    """What a function's code shows, with the functions in it: names, what it stores to, and calls by their names."""

    code: CodeType
    names: frozenset[str]
    stores: frozenset[str]
    sites: dict[str, list[CallSite]]


_codes: Final[dict[int, _Code]] = {}  # by identity, as hashing a code object goes through all of it


def _code_of(code: CodeType) -> _Code:
    known = _codes.get(id(code))
    if known is None:
        codes = list(_within(code))
        names = frozenset(name for one in codes for name in (*one.co_names, *one.co_freevars))
        stores = frozenset(step.argval for one in codes for step in get_instructions(one) if step.opname in _STORES)
        if len(_codes) >= _MOST_CODES:
            _codes.clear()
        known = _codes[id(code)] = _Code(code, names, stores, {})
    return known


def _within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _within(inner)


def names_in(code: CodeType) -> frozenset[str]:
    """Return the global and free variables, and the attributes, that code names."""
    return _code_of(code).names


def is_plain(given: Any, args: Args) -> bool:
    """Whether it is seen at a glance that no work function is in what is handed over: most are such."""
    kind = class_of(given)
    if kind is FunctionType:
        function = given
    elif kind is MethodType and class_of(given.__func__) is FunctionType:
        function = given.__func__
    else:
        return issubclass(kind, Handed)
    if id(function) in taking or function.__closure__ or function.__defaults__ or function.__kwdefaults__:
        return False
    for each in args:
        if issubclass(class_of(each), _OURS):
            return False
    return _code_of(function.__code__).names.isdisjoint(wanted)


def called_by(layers: Layers, args: Args, kwargs: Kwargs) -> list[Takes]:
    """Return the work functions that a function calls, or is given to call."""
    function = _function_of(layers.function)
    found: dict[int, Takes] = {}
    names = frozenset[str]()
    held = [*layers.before, *layers.named.values(), *args[layers.shift :], *kwargs.values()]
    if function is not None:
        names = _code_of(function.__code__).names
        held += [value for value, _ in _held_by(function).values()]
        held += [value for name in names if (value := function.__globals__.get(name, MISSING)) is not MISSING]
        if class_of(layers.function) is MethodType:
            held.append(layers.function.__self__)
    sought = names.intersection(wanted)
    for value in held:
        takes = _takes_of(value)
        if takes is not None:
            found[id(takes)] = takes
            continue
        for name in sought:
            takes = _takes_of(_attribute(value, name))
            if takes is not None:
                found[id(takes)] = takes
    return list(found.values())


def _sites(given: Any, name: str) -> list[CallSite]:
    function = _function_of(given)
    if function is None:
        return []
    known = _code_of(function.__code__)
    if name not in known.sites:
        known.sites[name] = [site for code in _within(function.__code__) for site in call_sites(code, name)]
    return known.sites[name]


def _takes_of(value: Any) -> Takes | None:
    kind = class_of(value)
    if kind in _FIXED or issubclass(kind, Handed):
        return None
    if issubclass(kind, _OURS) or kind in (FunctionType, MethodType):
        layers = peeled(value, ())
        found = found_in(layers, (value,))
        return found.takes if found is not None else None
    return None


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


def _function_of(given: Any) -> FunctionType | None:
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


def _parts(layers: Layers, args: Args, kwargs: Kwargs) -> Iterator[Part]:
    """Yield what may be the context: what the function holds and is given, and attributes of it that it names."""
    function = _function_of(layers.function)
    parts: list[Part] = []
    names = frozenset[str]()
    given = filled(layers.before, args[layers.shift :])
    if function is not None:
        code = _code_of(function.__code__)
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
        parts += [Part("", value) for value in given]
    parts += [Part(name, value) for name, value in {**layers.named, **kwargs}.items()]
    yield from parts
    for part in parts:
        entries: Mapping[str, Any] = dict_of(part.value)
        if class_of(part.value) in _FIXED or isinstance(part.value, (type, ModuleType)) or type(entries) is not dict:
            continue
        for name in names:
            if name in entries:
                yield Part(name, entries[name], None, part.value)


def holding(given: Any, what: Expected) -> Any:
    """Return the function with cells and defaults of its own, which hold what it holds now, or copies of that.

    A cell that it stores to, or that a function in it stores to, it goes on sharing with others.
    """
    function = _function_of(given)
    if function is None:
        return given
    stores = _code_of(function.__code__).stores
    names = function.__code__.co_freevars
    cells = tuple(
        cell if name in stores else _cell_of(cell, what)
        for name, cell in zip(names, function.__closure__ or (), strict=True)
    )
    defaults = tuple(map(what.copy_of, function.__defaults__ or ())) if function.__defaults__ else None
    made = FunctionType(function.__code__, function.__globals__, function.__name__, defaults, cells or None)
    named = function.__kwdefaults__
    made.__kwdefaults__ = cast("Any", {name: what.copy_of(value) for name, value in named.items()} if named else None)
    made.__qualname__, made.__module__, made.__doc__ = function.__qualname__, function.__module__, function.__doc__
    made.__dict__.update(function.__dict__)
    return MethodType(made, what.copy_of(given.__self__)) if class_of(given) is MethodType else made


def _cell_of(cell: CellType, what: Expected) -> CellType:
    try:
        value = cell.cell_contents
    except ValueError:  # it is filled later
        return cell
    return cell if value is None or class_of(value) is bool else CellType(what.copy_of(value))
