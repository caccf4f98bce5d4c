"""Reading a boundary's fields off a context object, and a call's ids off its arguments."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

_logger = logging.getLogger("otel_handoff")

MISSING: Final = object()


def step(value: Any, name: str) -> Any:
    """Follow one part of a path: an attribute, a key, or an index; None where there is none."""
    found = getattr(value, name, MISSING)
    if found is not MISSING:
        return found
    if isinstance(value, Mapping):
        return value.get(name)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if name.isdecimal() and isinstance(value, Sequence) and int(name) < len(value):  # pyright: ignore[reportUnknownArgumentType]
        return value[int(name)]  # pyright: ignore[reportUnknownVariableType]
    return None


def walk(value: Any, path: Sequence[str]) -> Any:
    """Follow a path from `value`; None where it ends early."""
    for name in path:
        value = step(value, name)
    return value


Follow = Callable[[Any], Any]
"""Follows a path that was read beforehand, as `walk` does."""


def follower(path: Sequence[str]) -> Follow:
    """Return what follows `path` from a value. It is called for each row: attributes and tuples come first."""
    if not path:
        return _itself
    first, rest = path[0], path[1:]
    if first.isdecimal():
        index, follow = int(first), follower(rest)

        def item(value: Any) -> Any:
            plain = type(value) is tuple and index < len(value)  # pyright: ignore[reportUnknownArgumentType]
            return follow(value[index] if plain else step(value, first))

        return item
    if any(name.isdecimal() for name in rest):
        follow = follower(rest)
        return lambda value: follow(step(value, first))
    get = attrgetter(".".join(path))

    def attributes(value: Any) -> Any:
        try:
            return get(value)
        except AttributeError:
            return walk(value, path)

    return attributes


def _itself(value: Any) -> Any:
    return value


class Fields:
    """A boundary's fields, grouped by the attribute of the context that each path starts at (its root)."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._by_root: dict[str, list[tuple[str, Follow]]] = {}
        self.path_of: dict[str, tuple[str, Follow]] = {}
        for name, path in paths.items():
            root, *tail = path.split(".")
            follow = follower(tail)
            self._by_root.setdefault(root, []).append((name, follow))
            self.path_of[name] = root, follow
        self.roots: tuple[str, ...] = tuple(self._by_root)
        # attrgetter returns a tuple only for two names or more
        self._get: Callable[[Any], tuple[Any, ...]] = attrgetter(*self.roots, self.roots[0])
        self._told: set[str] = set()

    def roots_of(self, context: Any) -> dict[str, Any]:
        """Return root -> its value now; None where the context has no such attribute."""
        try:
            return dict(zip(self.roots, self._get(context), strict=False))
        except AttributeError:
            return {root: self._root(context, root) for root in self.roots}

    def plain_roots_of(self, context: Any) -> dict[str, Any]:
        """Return the same for a context that keeps them all in its `__dict__`."""
        values = context.__dict__
        try:
            return {root: values[root] for root in self.roots}
        except KeyError:
            return self.roots_of(context)

    def _root(self, context: Any, root: str) -> Any:
        value = step(context, root)
        if value is None and not hasattr(context, root) and root not in self._told:
            self._told.add(root)
            _logger.warning("A %s has no %r: the fields that start there are None.", type(context).__name__, root)
        return value

    def ids_of(self, roots: Mapping[str, Any]) -> dict[str, Any]:
        """Return field -> its value, from the values of the roots."""
        return {name: follow(roots[root]) for name, (root, follow) in self.path_of.items()}

    def ids_at(self, root: str, value: Any) -> dict[str, Any]:
        """Return the fields that start at `root`, which holds `value`."""
        return {name: follow(value) for name, follow in self._by_root[root]}


Read = Callable[[tuple[Any, ...], Mapping[str, Any]], Any]
"""Returns one argument of a call, or what a path leads to from it; `MISSING` without the argument."""


class Parameters:
    """Finds arguments by parameter name, without binding the whole signature on each call."""

    def __init__(self, function: Callable[..., Any], *, bound: bool) -> None:
        """Read the signature once; `bound` leaves the first parameter (`self`) out of the positions."""
        names = list(inspect.signature(function).parameters.values())[1 if bound else 0 :]
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self.positions: dict[str, int] = {
            parameter.name: index for index, parameter in enumerate(names) if parameter.kind in positional
        }
        self.names: frozenset[str] = frozenset(parameter.name for parameter in names)
        empty = inspect.Parameter.empty
        self._defaults: dict[str, Any] = {
            parameter.name: parameter.default for parameter in names if parameter.default is not empty
        }
        self._readers: dict[str, Read] = {}

    def get(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the argument for `name`, its default, or `MISSING`."""
        return self.reader(name)(args, kwargs)

    def replace(
        self, name: str, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with `value` for `name`, which is among them."""
        position = self.positions.get(name, sys.maxsize)
        if position < len(args):
            return (*args[:position], value, *args[position + 1 :]), kwargs
        return args, {**kwargs, name: value}

    def reader(self, path: str) -> Read:
        """Return what reads a path that starts at a parameter (`"result.0.token_id"`) off the arguments of a call."""
        return self._readers.get(path) or self._readers.setdefault(path, self._reader(path))

    def readers(self, paths: Mapping[str, str]) -> tuple[tuple[str, Read], ...]:
        """Return a reader for each name of `paths`."""
        return tuple((name, self.reader(path)) for name, path in paths.items())

    def _reader(self, path: str) -> Read:
        name, _, tail = path.partition(".")
        follow = follower(tail.split(".")) if tail else None
        position = self.positions.get(name, sys.maxsize)
        default = self._defaults.get(name, MISSING)

        def read(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
            value = args[position] if position < len(args) else kwargs.get(name, default)
            return value if follow is None or value is MISSING else follow(value)

        return read
