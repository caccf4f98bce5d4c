"""Reading ids off a call: from its arguments, its object, its result, or what a module has."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, cast

from otel_handoff.host.following import UNUSUAL, Partial, compiled, expression, follow, made, value_of
from otel_handoff.host.outside import pass_on
from otel_handoff.host.paths import ARGS, KWARGS, RESULT, SELF, Path, parse
from otel_handoff.host.plainly import MISSING

Read = Callable[..., Any]
"""Returns what a path leads to, given the arguments of a call, by position and by name, and perhaps whose method it is.

It is `MISSING` without the argument, or where a part of the path is not there.
"""

Reads = Callable[..., dict[str, Any]]
"""Returns several by name."""

Are = Callable[..., bool]
"""Whether several arguments of a call, of which so many are positional, are certain objects; it may raise `UNUSUAL`."""

_Start = Callable[[tuple[Any, ...], Mapping[str, Any], Any], Any]

RETURNED: Final = " returned"
"""What a call returned is read under this name: no argument is called so."""


class Parameters:
    """Finds arguments by parameter name, without binding the whole signature on each call.

    Attributes:
        positions: parameter -> its position, for those that may be given by position; without `self`.
        names: all of them.
        bound: whether it is a method of instances, whose first parameter is left out.
        takes_nothing: whether there are no others.
    """

    def __init__(self, function: Callable[..., Any], *, bound: bool) -> None:
        """Read the signature once; `bound` leaves the first parameter (`self`) out of the positions."""
        kind = inspect.Parameter
        names = list(inspect.signature(function).parameters.values())[1 if bound else 0 :]
        positional = (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)
        self.positions: dict[str, int] = {
            parameter.name: index for index, parameter in enumerate(names) if parameter.kind in positional
        }
        self.names: frozenset[str] = frozenset(parameter.name for parameter in names)
        self.bound: bool = bound
        self._more = next((parameter.name for parameter in names if parameter.kind is kind.VAR_POSITIONAL), "")
        self._rest = next((parameter.name for parameter in names if parameter.kind is kind.VAR_KEYWORD), "")
        self._defaults: dict[str, Any] = {
            parameter.name: parameter.default for parameter in names if parameter.default is not kind.empty
        }
        self.takes_nothing: bool = not names
        self._readers: dict[str, Read] = {}

    def takes(self, name: str) -> bool:
        """Whether a call can have an argument `name`."""
        return name in self.names or bool(self._rest)

    def is_argument(self, path: str) -> bool:
        """Whether a path is an argument itself, for which another can be given, and nothing further."""
        module, parts = parse(path)
        root = parts[0]
        if module or len(parts) > 1 or not self.takes(root) or root in (self._more, self._rest):
            return False
        return root in self.names or not (root == SELF and self.bound)

    def leads(self, path: str, *, returned: bool = False) -> bool:
        """Whether a path can start in a call of it; or, once it has `returned`, in its result."""
        module, parts = parse(path)
        root = parts[0]
        if module or root in self.names:
            return True
        if root == SELF and self.bound:
            return True
        if root == ARGS and self._more:
            return True
        return bool(self._rest) or (root == RESULT and returned)

    def is_open_to(self, path: str) -> bool:
        """Whether a path starts at what is given by a name that is none of the parameters'."""
        root = parse(path).root
        if not self._rest or root in self.names or not root or root == KWARGS or (root == ARGS and self._more):
            return False
        return not (root == RESULT or (root == SELF and self.bound))

    def is_of_instance(self, paths: Iterable[str]) -> bool:
        """Whether one of some paths starts at the object whose method is called."""
        return self.bound and any(parse(path).root == SELF and SELF not in self.names for path in paths)

    def is_of_result(self, path: str) -> bool:
        """Whether a path starts at what the call returned."""
        return parse(path).root == RESULT and RESULT not in self.names

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
        return self._readers.get(path) or self._readers.setdefault(path, self._reader(parse(path)))

    def variable(self, path: str) -> ContextVar[Any] | None:
        """Return the ContextVar that a path through a module ends at; None where there is another thing."""
        module, parts = parse(path)
        found = follow(sys.modules[module], parts) if module in sys.modules else None
        return cast("ContextVar[Any]", found) if type(found) is ContextVar else None

    def reads(self, paths: Mapping[str, str]) -> Reads:
        """Return what reads all `paths` off the arguments of a call; without those whose argument is missing."""
        readers = [(name, self.reader(path)) for name, path in paths.items()]
        quick = compiled(_GIVEN, {name: self._source(parse(path)) for name, path in paths.items()})

        def read(args: tuple[Any, ...], kwargs: Mapping[str, Any], instance: Any = None) -> dict[str, Any]:
            try:
                return quick(args, kwargs, len(args), instance)
            except UNUSUAL as error:
                if not error.args:
                    pass_on(error)
                found = {name: reader(args, kwargs, instance) for name, reader in readers}
                absent = [name for name, value in found.items() if value is MISSING]
                for name in absent:
                    del found[name]
                return Partial(found, absent, ()) if absent else found

        return read

    def are(self, paths: Mapping[str, str]) -> Are:
        """Return what tells whether all `paths` lead to what is known by their names, as objects."""
        same = " and ".join(f"{self._source(parse(path))} is known[{name!r}]" for name, path in paths.items())
        return made(f"lambda args, kwargs, given, known, instance=None: {same or True}")

    def _source(self, path: Path) -> str:
        if path.module or path.is_of_each:
            return "other()"
        name, *tail = path.parts
        position = self.positions.get(name)
        if name not in self.names:
            if name == SELF and self.bound:
                return expression("instance", tail)
            if name in (ARGS, KWARGS, RESULT):
                return "other()"
        value = f"kwargs[{name!r}]"
        if position is not None:
            value = f"(args[{position}] if given > {position} else {value})"
        return expression(value, tail)

    def _reader(self, path: Path) -> Read:
        root, position = path.root, sys.maxsize
        if len(path.parts) == 1 and root in self.names and root not in (self._more, self._rest):
            position, default = self.positions.get(root, position), self._defaults.get(root, MISSING)

            def plain(args: tuple[Any, ...], kwargs: Mapping[str, Any], _: Any = None) -> Any:
                return args[position] if position < len(args) else kwargs.get(root, default)

            return plain
        start, tail = self._start(path)

        def read(args: tuple[Any, ...], kwargs: Mapping[str, Any], instance: Any = None) -> Any:
            return value_of(follow(start(args, kwargs, instance), tail))

        return read

    def _start(self, path: Path) -> tuple[_Start, Sequence[str]]:
        # What reads where a path starts, and what is left of it.
        root, *tail = path.parts
        if path.module:
            return lambda _args, _kwargs, _: sys.modules.get(path.module, MISSING), path.parts
        if root == self._more or (root == ARGS and root not in self.names and self._more):
            first = len(self.positions)
            return lambda args, _kwargs, _: args[first:], tail
        if root not in self.names:
            if root == SELF and self.bound:
                return lambda _args, _kwargs, instance: instance, tail
            if root == KWARGS and tail and self._rest:
                root, *tail = tail
            elif root == RESULT:
                return lambda _args, kwargs, _: kwargs.get(root, kwargs.get(RETURNED, MISSING)), tail
        elif root == self._rest and tail:
            root, *tail = tail
        position = self.positions.get(root, sys.maxsize)
        default = self._defaults.get(root, MISSING)
        return lambda args, kwargs, _: args[position] if position < len(args) else kwargs.get(root, default), tail


_GIVEN: Final = "args, kwargs, given, instance"
