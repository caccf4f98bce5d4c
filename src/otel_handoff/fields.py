"""Reading a boundary's fields off a context object, and a call's ids off its arguments."""

from __future__ import annotations

import inspect
import logging
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


class Fields:
    """A boundary's fields, grouped by the attribute of the context that each path starts at (its root)."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.by_root: dict[str, list[tuple[str, list[str]]]] = {}
        self.path_of: dict[str, tuple[str, list[str]]] = {}
        self._plan: list[tuple[str, str, Callable[[Any], Any] | None]] = []
        for name, path in paths.items():
            root, *tail = path.split(".")
            self.by_root.setdefault(root, []).append((name, tail))
            self.path_of[name] = root, tail
            self._plan.append((name, root, attrgetter(".".join(tail)) if tail else None))
        self.roots: tuple[str, ...] = tuple(self.by_root)
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
        ids: dict[str, Any] = {}
        for name, root, get in self._plan:
            value = roots[root]
            if get is not None:
                try:
                    value = get(value)
                except AttributeError:
                    value = walk(value, self.path_of[name][1])
            ids[name] = value
        return ids


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
        self._defaults = {parameter.name: parameter.default for parameter in names}

    def get(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the argument for `name`, its default, or `MISSING`."""
        value = kwargs.get(name, MISSING)
        if value is not MISSING:
            return value
        position = self.positions.get(name)
        if position is not None and position < len(args):
            return args[position]
        default = self._defaults.get(name, MISSING)
        return MISSING if default is inspect.Parameter.empty else default

    def replace(
        self, name: str, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with `value` for `name`, which is among them."""
        if name in kwargs:
            return args, {**kwargs, name: value}
        position = self.positions[name]
        return (*args[:position], value, *args[position + 1 :]), kwargs

    def path(self, path: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Follow a path that starts at a parameter (`"result.0.token_id"`); `MISSING` without the argument."""
        name, _, tail = path.partition(".")
        value = self.get(name, args, kwargs)
        return walk(value, tail.split(".")) if tail and value is not MISSING else value
