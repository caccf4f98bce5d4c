"""A function is handed over that calls the work function: a lambda, a closure, a method around it, a decorator's.

What the work function will be given shows only when it is called. So what may be its context is looked at when the
function is handed over, and the row begins when the work function is called in it.
"""

from __future__ import annotations

from contextvars import ContextVar
from types import CellType, FunctionType, MethodType
from typing import Any, Final, cast

from otel_handoff.handover.calling import called_by, code_of, function_of, parts_of, sites_in
from otel_handoff.handover.directly import Args, Found, Handed, Kwargs, Layers, Takes
from otel_handoff.handover.lease import Lease
from otel_handoff.host.plainly import class_of


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
    called = called_by(layers, args, kwargs)
    if not called:
        return given, args, kwargs
    what = _expecting(called, layers, args, kwargs)
    function, before, named, through, shift = layers
    if what.holds:
        function = holding(function, what)
        before = tuple(map(what.copy_of, before))
        named = {name: what.copy_of(value) for name, value in named.items()}
        args = tuple(map(what.copy_of, args))
        kwargs = {name: what.copy_of(value) for name, value in kwargs.items()}
    found = Found(called[0], function, None, before, named, through, shift)
    return kind(given, what, run_expecting, found), args, kwargs


def expecting(layers: Layers, args: Args, kwargs: Kwargs) -> Expected | None:
    """Return what recognises the workers in a function; None where none is called in it, as far as it shows."""
    called = called_by(layers, args, kwargs)
    return _expecting(called, layers, args, kwargs) if called else None


def _expecting(called: list[Takes], layers: Layers, args: Args, kwargs: Kwargs) -> Expected:
    found = list(parts_of(layers, args, kwargs))
    what = Expected()
    for takes in called:
        what.put(takes, takes.expect(found, sites_in(layers.function, takes.name)))
    return what


def holding(given: Any, what: Expected) -> Any:
    """Return the function with cells and defaults of its own, which hold what it holds now, or copies of that.

    A cell that it stores to, or that a function in it stores to, it goes on sharing with others.
    """
    function = function_of(given)
    if function is None:
        return given
    stores = code_of(function.__code__).stores
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
