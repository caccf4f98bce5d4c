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


_NOT_AS_USUAL: Final = (AttributeError, LookupError, TypeError)


def _compiled(parameters: str, paths: Mapping[str, str]) -> Callable[..., dict[str, Any]]:
    """Return what makes a dict of all that `paths` lead to, where each is made of attributes and indexes as usual.

    It is made of source, like a named tuple, as it runs for each row and each call: following the paths one by one
    takes three times as long. Anything else raises one of `_NOT_AS_USUAL`; then they are to be followed one by one.
    """
    source = f"lambda {parameters}: {{{', '.join(f'{name!r}: {path}' for name, path in paths.items())}}}"
    try:
        if source.isascii():  # other names are not always what Python makes of them
            return eval(source, {"item": _item})  # noqa: S307  `Boundary` has checked that a path is names and dots
    except SyntaxError:  # a keyword, say
        pass

    def unusual(*_: object) -> dict[str, Any]:
        raise LookupError

    return unusual


def _expression(start: str, tail: Sequence[str]) -> str:
    for name in tail:
        start = f"item({start}, {name})" if name.isdecimal() else f"{start}.{name}"
    return start


def _item(value: Any, index: int) -> Any:
    if type(value) is not tuple:  # to look into a host's own mapping may change it
        raise TypeError
    return value[index]  # pyright: ignore[reportUnknownVariableType]


class Fields:
    """A boundary's fields, grouped by the attribute of the context that each path starts at (its root)."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._path_of: dict[str, tuple[str, tuple[str, ...]]] = {}
        for name, path in paths.items():
            root, *tail = path.split(".")
            self._path_of[name] = root, tuple(tail)
        self.roots: tuple[str, ...] = tuple(dict.fromkeys(root for root, _ in self._path_of.values()))
        # attrgetter returns a tuple only for two names or more
        self._get: Callable[[Any], tuple[Any, ...]] = attrgetter(*self.roots, self.roots[0])
        self._plain_roots = _compiled("values", {root: f"values[{root!r}]" for root in self.roots})
        self._ids = _compiled(
            "roots", {name: _expression(f"roots[{root!r}]", tail) for name, (root, tail) in self._path_of.items()}
        )
        self._told: set[tuple[str, str]] = set()

    def roots_of(self, context: Any) -> dict[str, Any]:
        """Return root -> its value now; None where the context has no such attribute."""
        try:
            return dict(zip(self.roots, self._get(context), strict=False))
        except AttributeError:
            return {root: self._root(context, root) for root in self.roots}

    def plain_roots_of(self, context: Any) -> dict[str, Any]:
        """Return the same for a context that keeps them all in its `__dict__`."""
        try:
            return self._plain_roots(context.__dict__)
        except KeyError:
            return self.roots_of(context)

    def _root(self, context: Any, root: str) -> Any:
        return self._attribute(context, root, "the fields that start there are None")

    def _attribute(self, value: Any, name: str, lost: str) -> Any:
        found = step(value, name)
        if found is None and not hasattr(value, name) and (name, lost) not in self._told:
            self._told.add((name, lost))
            _logger.warning("A %s has no %r: %s.", type(value).__name__, name, lost)
        return found

    def ids_of(self, roots: Mapping[str, Any]) -> dict[str, Any]:
        """Return field -> its value, from the values of the roots."""
        try:
            return self._ids(roots)
        except _NOT_AS_USUAL:
            return {name: self._id(name, roots[root], tail) for name, (root, tail) in self._path_of.items()}

    def _id(self, field: str, value: Any, tail: Sequence[str]) -> Any:
        for name in tail:
            if value is None or isinstance(value, Mapping) or name.isdecimal():
                value = step(value, name)  # another row may have it
            else:
                value = self._attribute(value, name, f"the field {field!r} is None")
        return value

    def ids_at(self, root: str, value: Any) -> dict[str, Any]:
        """Return the fields that start at `root`, which holds `value`."""
        return {name: walk(value, tail) for name, (start, tail) in self._path_of.items() if start == root}

    def root_of(self, name: str) -> str:
        """Return the root of field `name`."""
        return self._path_of[name][0]

    def id_at(self, name: str, value: Any) -> Any:
        """Return field `name`, whose root holds `value`."""
        return walk(value, self._path_of[name][1])


Read = Callable[[tuple[Any, ...], Mapping[str, Any]], Any]
"""Returns one argument of a call, or what a path leads to from it; `MISSING` without the argument."""

Reads = Callable[[tuple[Any, ...], Mapping[str, Any]], dict[str, Any]]
"""Returns several by name."""


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
        self._takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in names)
        empty = inspect.Parameter.empty
        self._defaults: dict[str, Any] = {
            parameter.name: parameter.default for parameter in names if parameter.default is not empty
        }
        self._readers: dict[str, Read] = {}

    def takes(self, name: str) -> bool:
        """Whether a call can have an argument `name`."""
        return name in self.names or self._takes_any

    def get(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the argument for `name`, its default, or `MISSING`."""
        return self.reader(name)(args, kwargs)

    def replace(
        self, name: str, value: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with `value` for `name`, which is among them."""
        position = self.positions.get(name, sys.maxsize)
        if position < len(args):
            changed = list(args)
            changed[position] = value
            return tuple(changed), kwargs
        return args, {**kwargs, name: value}

    def reader(self, path: str) -> Read:
        """Return what reads a path that starts at a parameter (`"result.0.token_id"`) off the arguments of a call."""
        return self._readers.get(path) or self._readers.setdefault(path, self._reader(path))

    def reads(self, paths: Mapping[str, str]) -> Reads:
        """Return what reads all `paths` off the arguments of a call; without those whose argument is missing."""
        readers = [(name, self.reader(path)) for name, path in paths.items()]
        quick = _compiled("args, kwargs, given", {name: self._source(path) for name, path in paths.items()})

        def read(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
            try:
                return quick(args, kwargs, len(args))
            except _NOT_AS_USUAL:
                found = ((name, reader(args, kwargs)) for name, reader in readers)
                return {name: value for name, value in found if value is not MISSING}

        return read

    def _source(self, path: str) -> str:
        name, *tail = path.split(".")
        position = self.positions.get(name)
        value = f"kwargs[{name!r}]"
        if position is not None:
            value = f"(args[{position}] if given > {position} else {value})"
        return _expression(value, tail)

    def _reader(self, path: str) -> Read:
        name, *tail = path.split(".")
        position = self.positions.get(name, sys.maxsize)
        default = self._defaults.get(name, MISSING)

        def read(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
            value = args[position] if position < len(args) else kwargs.get(name, default)
            return value if value is MISSING or not tail else walk(value, tail)

        return read
