"""Reading a boundary's fields off a context object, and a call's ids off its arguments."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from otel_handoff.host.ids import same
from otel_handoff.host.outside import pass_on
from otel_handoff.host.plainly import MISSING, dict_of
from otel_handoff.host.suggest import nearest

_logger = logging.getLogger("otel_handoff")


def step(value: Any, name: str) -> Any:
    """Follow one part of a path: an attribute, a key, or an index; None where there is none, or it cannot be read."""
    found = look(value, name)[0]
    return None if found is MISSING else found


def look(value: Any, name: str) -> tuple[Any, str]:
    """Follow one part of a path, and say why it leads nowhere.

    Returns:
        What is there, or `MISSING`; and in words what is wrong with the part. Nothing is, where there is but no such
        key or index: another row may have it.
    """
    error = None
    try:
        found = getattr(value, name, MISSING)
    except Exception as raised:  # by the host's own look-up: a lazy id that cannot be loaded here, say
        pass_on(raised)
        found, error = MISSING, raised
    if found is not MISSING:
        return found, ""
    if isinstance(value, Mapping):
        return value.get(name, MISSING), ""  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if name.isdecimal():
        there = isinstance(value, Sequence) and int(name) < len(value)  # pyright: ignore[reportUnknownArgumentType]
        return (value[int(name)] if there else MISSING), ""  # pyright: ignore[reportUnknownVariableType]
    kind = type(value).__name__
    if error is not None:
        return MISSING, f"A {kind} raises {type(error).__name__} where {name!r} is read"
    try:
        hint = nearest(name, dir(value))
    except Exception:
        hint = ""
    return MISSING, f"A {kind} has no {name!r}{hint and '.' + hint}"


def follow(value: Any, path: Sequence[str]) -> Any:
    """Follow a path from `value`; None where it ends at a None, `MISSING` where a part of it is not there."""
    for name in path:
        if value is None or value is MISSING:
            break
        value = look(value, name)[0]
    return value


def walk(value: Any, path: Sequence[str]) -> Any:
    """Follow a path from `value`; None where it ends early."""
    for name in path:
        value = step(value, name)
    return value


UNUSUAL: Final = (AttributeError, LookupError, TypeError)
"""What is raised where a path cannot be followed as usual."""


def _compiled(parameters: str, paths: Mapping[str, str]) -> Callable[..., dict[str, Any]]:
    """Return what makes a dict of all that `paths` lead to, where each is made of attributes and indexes as usual.

    It is made of source, like a named tuple, as it runs for each row and each call: following the paths one by one
    takes three times as long. Anything else raises one of `UNUSUAL`; then they are to be followed one by one.
    """
    return _made(f"lambda {parameters}: {{{', '.join(f'{name!r}: {path}' for name, path in paths.items())}}}")


def _made(source: str) -> Callable[..., Any]:
    try:
        if source.isascii():  # other names are not always what Python makes of them
            return eval(source, {"other": no_tuple})  # noqa: S307  `Boundary` has checked that a path is names and dots
    except SyntaxError:  # a keyword, say
        pass

    def unusual(*_: object) -> dict[str, Any]:
        raise LookupError("a name that is to be looked up")

    return unusual


def variable(root: str) -> str:
    """Return what a root is called in made source: no name of ours, which end in one `_`, whatever it is called."""
    return f"{root}__"


def _expression(start: str, tail: Sequence[str]) -> str:
    for name in tail:
        start = f"(_[{name}] if type(_ := {start}) is tuple else other())" if name.isdecimal() else f"{start}.{name}"
    return start


def no_tuple() -> Any:
    """Say that an index is of something else than a plain tuple."""
    raise TypeError("no plain tuple")  # to look into a host's own mapping may change it


class Partial(dict[str, Any]):
    """Roots or ids of a context that does not have all of them.

    Attributes:
        absent: those that are not there, or cannot be read.
        beyond: those that this row has not: the path ends at a None, or at a key that is missing.
    """

    def __init__(self, found: Mapping[str, Any], absent: Iterable[str], beyond: Iterable[str]) -> None:
        super().__init__(found)
        self.absent: tuple[str, ...] = tuple(absent)
        self.beyond: tuple[str, ...] = tuple(beyond)


class Fields:
    """A boundary's fields, grouped by the attribute of the context that each path starts at (its root)."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.paths: dict[str, str] = dict(paths)
        self._path_of: dict[str, tuple[str, tuple[str, ...]]] = {}
        for name, path in paths.items():
            root, *tail = path.split(".")
            self._path_of[name] = root, tuple(tail)
        self.roots: tuple[str, ...] = tuple(dict.fromkeys(root for root, _ in self._path_of.values()))
        self._plain_roots = _compiled("values", {root: f"values[{root!r}]" for root in self.roots})
        self._are = _made(
            f"lambda values, known: {' and '.join(f'values[{root!r}] is known[{root!r}]' for root in self.roots)}"
        )
        self._attributes = _compiled("context", {root: f"context.{root}" for root in self.roots})
        self._ids = _compiled(
            "roots", {name: _expression(f"roots[{root!r}]", tail) for name, (root, tail) in self._path_of.items()}
        )
        self.deep_roots = tuple({root: None for root, tail in self._path_of.values() if tail})
        self.deep = [(name, root, tail) for name, (root, tail) in self._path_of.items() if tail]
        self._told: set[str] = set()

    def roots_of(self, context: Any) -> dict[str, Any]:
        """Return root -> its value now; a `Partial` with None where the context has no such attribute."""
        try:
            return self._attributes(context)
        except Exception as error:  # then one by one
            pass_on(error)
        found: dict[str, Any] = {}
        absent: list[str] = []
        beyond: list[str] = []
        for root in self.roots:
            value, wrong = look(context, root)
            found[root] = None if value is MISSING else value
            if wrong:
                absent.append(root)
                self._tell(root, wrong, "the fields that start there are not checked.")
            elif value is MISSING:
                beyond.append(root)
        return Partial(found, absent, beyond)

    def plain_roots_of(self, context: Any) -> dict[str, Any]:
        """Return the same for a context that keeps them all in its `__dict__`."""
        try:
            return self._plain_roots(context.__dict__)
        except KeyError:
            return self.roots_of(context)

    def are_plainly(self, context: Any, roots: Mapping[str, Any]) -> bool:
        """Whether a context that keeps them all in its `__dict__` has the very `roots`."""
        try:
            return self._are(context.__dict__, roots)
        except LookupError:
            return False

    def ids_of(self, roots: Mapping[str, Any]) -> dict[str, Any]:
        """Return field -> its value, from the values of the roots; a `Partial` where a path leads nowhere."""
        if type(roots) is dict:
            try:
                return self._ids(roots)
            except Exception as error:  # then one by one
                pass_on(error)
        found: dict[str, Any] = {}
        absent: list[str] = []
        beyond: list[str] = []
        for name, (root, tail) in self._path_of.items():
            value: Any = cast("Mapping[str, Any]", roots).get(root)
            if isinstance(roots, Partial) and root in roots.absent:
                absent.append(name)
            elif isinstance(roots, Partial) and root in roots.beyond:
                beyond.append(name)
            else:
                for part in tail:
                    if value is None:
                        beyond.append(name)
                        break
                    value, wrong = look(value, part)
                    if value is MISSING:
                        value = None
                        (absent if wrong else beyond).append(name)
                        if wrong:
                            self._tell(name, wrong, f"the field {name!r} is not checked.")
                        break
            found[name] = value
        return Partial(found, absent, beyond)

    def _tell(self, name: str, wrong: str, lost: str) -> None:
        if name not in self._told:
            self._told.add(name)
            _logger.warning("%s", f"{wrong} {lost[0].upper()}{lost[1:]}" if wrong.endswith("?") else f"{wrong}: {lost}")

    def ids_at(self, root: str, value: Any) -> dict[str, Any]:
        """Return the fields that start at `root`, which holds `value`."""
        return {name: walk(value, tail) for name, (start, tail) in self._path_of.items() if start == root}

    def changed_in(self, roots: Mapping[str, Any], ids: Mapping[str, object]) -> dict[str, Any]:
        """Return the fields whose object is the same, and says another id by now: it was changed in place.

        What cannot be changed is not asked again: most ids are in such objects.
        """
        changed: dict[str, Any] = {}
        for name, root, tail in self.deep:
            value = roots.get(root)
            if value is not None and not _is_fixed(value.__class__):
                now = _stored(value, tail)
                if now is not MISSING and now is not ids[name] and not same(ids[name], now):
                    changed[name] = now
        return changed

    def expression(self, name: str) -> str:
        """Return the expression of field `name`, where its root is the variable `variable` of it."""
        root, tail = self._path_of[name]
        return _expression(variable(root), tail)

    def root_of(self, name: str) -> str:
        """Return the root of field `name`."""
        return self._path_of[name][0]

    def id_at(self, name: str, value: Any) -> Any:
        """Return field `name`, whose root holds `value`."""
        return walk(value, self._path_of[name][1])

    def without(self, roots: Collection[str]) -> Fields:
        """Return those that do not start at one of `roots`."""
        return Fields({name: path for name, path in self.paths.items() if self.root_of(name) not in roots})


def _stored(value: Any, path: Sequence[str]) -> Any:
    # Where a path leads without running code of the host's: `MISSING` where it would.
    for name in path:
        if type(value) is dict:
            value = cast("dict[Any, Any]", value).get(name, MISSING)
        elif type(value) in (list, tuple):
            value = step(value, name)
        else:
            entries: Any = dict_of(value)  # of a class it is no dict: it has what is bound when it is read
            if type(entries) is not dict or name not in entries:
                return MISSING
            value = cast("dict[str, Any]", entries)[name]
        if value is MISSING or value is None:
            break
    return value


_MOST_FIXED: Final = 1_000
FIXED: Final[set[Any]] = {str, bytes, int, float, tuple, type(None)}
"""Classes whose instances stay what they are, as far as is known: most ids are in such."""


def _is_fixed(cls: Any) -> bool:
    # Whether instances stay what they are, as far as is known: frozen dataclasses, named tuples, and plain values.
    parameters = getattr(cls, "__dataclass_params__", None)
    fixed = bool(getattr(parameters, "frozen", False)) or issubclass(cls, (str, bytes, int, float, tuple))
    if fixed and len(FIXED) < _MOST_FIXED:
        FIXED.add(cls)
    return fixed


Read = Callable[[tuple[Any, ...], Mapping[str, Any]], Any]
"""Returns one argument of a call, or what a path leads to from it; `MISSING` without the argument."""

Reads = Callable[[tuple[Any, ...], Mapping[str, Any]], dict[str, Any]]
"""Returns several by name."""

Are = Callable[[tuple[Any, ...], Mapping[str, Any], int, Mapping[str, object]], bool]
"""Whether several arguments of a call, of which so many are positional, are certain objects; it may raise `UNUSUAL`."""


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
            except UNUSUAL as error:
                if not error.args:
                    pass_on(error)
                found = {name: reader(args, kwargs) for name, reader in readers}
                absent = [name for name, value in found.items() if value is MISSING]
                for name in absent:
                    del found[name]
                return Partial(found, absent, ()) if absent else found

        return read

    def are(self, paths: Mapping[str, str]) -> Are:
        """Return what tells whether all `paths` lead to what is known by their names, as objects."""
        same = " and ".join(f"{self._source(path)} is known[{name!r}]" for name, path in paths.items())
        return _made(f"lambda args, kwargs, given, known: {same or True}")

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
            return follow(value, tail) if tail else value

        return read
