"""Which functions of the host's a function passes an argument on to, as its source shows: `self.wait_for(desk)`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import FunctionType
from typing import Any, cast


def passed_on(function: FunctionType, argument: str, kind: type | None = None) -> Iterator[tuple[FunctionType, str]]:
    """Yield the functions that are called with an argument, or as its methods, each with its parameter that takes it.

    Followed is what is called by the name of a function of the module, or of a method.

    Args:
        function: of the host's, not wrapped.
        argument: the name of its parameter.
        kind: the class of the argument, where that is known.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError, ValueError, RecursionError):
        return
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            called, given = _called(function, call, {argument: kind} if kind is not None else {})
            if called is not None:
                for name in _taking(called, given, call.keywords, argument):
                    yield called, name


def _called(function: FunctionType, call: ast.Call, kinds: dict[str, type]) -> tuple[FunctionType | None, list[Any]]:
    # The function, and what it is given by position.
    named, given = call.func, [*call.args]
    if isinstance(named, ast.Name):
        called = function.__globals__.get(named.id)
    elif isinstance(named, ast.Attribute) and isinstance(named.value, ast.Name):
        owner = kinds.get(named.value.id) or _class_around(function, named.value.id)
        called = inspect.getattr_static(owner, named.attr, None) if owner is not None else None
        if isinstance(called, (staticmethod, classmethod)):
            given[:0] = [ast.Constant(None)] if isinstance(called, classmethod) else []
            called = cast("Any", called).__func__
        else:
            given.insert(0, named.value)
    else:
        called = None
    called = inspect.unwrap(called) if callable(called) else None
    return (called if isinstance(called, FunctionType) else None), given


def _class_around(function: FunctionType, name: str) -> type | None:
    # That whose method the function is, where `name` is its first parameter.
    if not function.__code__.co_argcount or function.__code__.co_varnames[0] != name:
        return None
    found: Any = None
    for at, part in enumerate(function.__qualname__.split(".")[:-1]):
        found = inspect.getattr_static(found, part, None) if at else function.__globals__.get(part)
    return found if isinstance(found, type) else None


def _taking(called: FunctionType, given: list[Any], keywords: list[ast.keyword], argument: str) -> Iterator[str]:
    code = called.__code__
    names = code.co_varnames[: code.co_argcount]
    for name, value in zip(names, given, strict=False):
        if isinstance(value, ast.Starred):
            break
        if isinstance(value, ast.Name) and value.id == argument:
            yield name
    for keyword in keywords:
        if isinstance(keyword.value, ast.Name) and keyword.value.id == argument and keyword.arg is not None:
            yield keyword.arg
