"""The globals that a function names, itself or by way of the program's own functions that it calls by name."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterator
from dis import get_instructions
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from otel_handoff.find.own import is_own_class, is_own_code, is_own_module
from otel_handoff.find.values import is_simple
from otel_handoff.handover.calling import code_of, function_of
from otel_handoff.host.callsites import codes_in
from otel_handoff.host.plainly import MISSING, class_of, dict_of, lookup

_MOST_FUNCTIONS: Final = 64
_MOST_KNOWN: Final = 10_000
_LOADS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})


class Global(NamedTuple):
    """A variable of a module.

    Attributes:
        space: the module's variables.
        module: its name.
        name: of the variable.
    """

    space: dict[str, Any]
    module: str
    name: str


class Named(NamedTuple):
    """What a function names.

    Attributes:
        code: of the function.
        cls: of the instance that it is a method of, if it is one.
        globals: the variables of modules that it reads; what else is in there (functions, modules) is left out.
        stores: the attributes that it writes, or may.
    """

    code: CodeType
    cls: type | None
    globals: tuple[Global, ...]
    stores: frozenset[str]


_known: Final[dict[tuple[int, int], Named]] = {}


def named_by(function: FunctionType, cls: type | None) -> Named:
    """Return what a function names; `cls` is that of the instance whose method it is."""
    key = id(function.__code__), id(cls)
    known = _known.get(key)
    if known is None or known.code is not function.__code__ or known.cls is not cls:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[key] = _Search(function, cls).named
    return known


def forget() -> None:
    """Look anew: what was found may have been another program's."""
    _known.clear()


class _Search:
    def __init__(self, function: FunctionType, cls: type | None) -> None:
        self._found: dict[tuple[int, str], Global] = {}
        self._left: list[tuple[FunctionType, type | None]] = [(function, cls)]
        stores: set[str] = set()
        for each, owner in self._left:  # it grows meanwhile
            self._look_at(each, owner)
            stores.update(_stored_by(each.__code__))
        self.named = Named(function.__code__, cls, tuple(self._found.values()), frozenset(stores))

    def _look_at(self, function: FunctionType, cls: type | None) -> None:
        space, module = function.__globals__, str(function.__globals__.get("__name__", ""))
        names = code_of(function.__code__).names
        if is_own_code(function.__code__):
            for name in dict.fromkeys(_global_names(function.__code__)):
                self._note(space, module, name, names)
        if cls is not None and is_own_class(cls):
            self._call(cls, names)

    def _note(self, space: dict[str, Any], module: str, name: str, names: frozenset[str]) -> None:
        value = space.get(name, MISSING)
        function = function_of(value)
        if class_of(value) is _CACHE:
            self._found[id(space), name] = Global(space, module, name)
            function = function_of(value.__wrapped__)
            if function is not None:
                self._go_on(function, None)
        elif function is not None:
            if any(map(is_simple, dict_of(value).values())):  # it has something itself
                self._found[id(space), name] = Global(space, module, name)
            self._go_on(function, None)
        elif value is os:
            if names & {"environ", "getenv"}:
                self._found[id(os.__dict__), "environ"] = Global(os.__dict__, "os", "environ")
        elif isinstance(value, ModuleType):
            if is_own_module(value.__name__):
                for inner in names & vars(value).keys():
                    if not isinstance(vars(value)[inner], ModuleType):
                        self._note(vars(value), value.__name__, inner, frozenset())
        elif not (value is MISSING and hasattr(builtins, name)):
            self._found[id(space), name] = Global(space, module, name)
            cls = value if isinstance(value, type) else class_of(value)
            if is_own_class(cls):
                self._call(cls, names)

    def _call(self, cls: type, names: frozenset[str]) -> None:
        for name in names:
            found = lookup(cls, name)
            method = function_of(getattr(found, "__func__", found) if class_of(found) in _WRAPPED else found)
            if method is not None:
                self._go_on(method, cls)

    def _go_on(self, function: FunctionType, cls: type | None) -> None:
        known = any(function is other for other, _ in self._left)
        if not known and len(self._left) < _MOST_FUNCTIONS and is_own_code(function.__code__):
            self._left.append((function, cls))


_CACHE: Final = type(lru_cache(len))
_WRAPPED: Final = frozenset({staticmethod, classmethod})


def _global_names(code: CodeType) -> Iterator[str]:
    return (step.argval for one in codes_in(code) for step in get_instructions(one) if step.opname in _LOADS)


def _stored_by(code: CodeType) -> Iterator[str]:
    return (step.argval for one in codes_in(code) for step in get_instructions(one) if step.opname == "STORE_ATTR")
