"""Following a path from an object: part by part, or in a function that is made for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, cast

from otel_handoff.host.ids import AnyOf
from otel_handoff.host.made import compiled as code_of
from otel_handoff.host.outside import pass_on
from otel_handoff.host.paths import EACH, Key
from otel_handoff.host.plainly import MISSING, class_of
from otel_handoff.host.suggest import nearest


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
    if type(value) is ContextVar:  # pyright: ignore[reportUnknownArgumentType]
        value = value_of(value)
        if value is None:
            return MISSING, ""
    if type(name) is Key:
        return _item(value, name)
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


def value_of(found: Any) -> Any:
    """Return what a ContextVar has here, or by default; None where it has nothing. Return anything else as it is."""
    if type(found) is not ContextVar:
        return found
    try:
        return cast("ContextVar[Any]", found).get()
    except LookupError:
        return None


def _item(value: Any, key: Key) -> tuple[Any, str]:
    # A header mapping may be one by its `get` alone, and have the key in whichever case.
    kind = type(value).__name__
    number = _number(key)
    try:
        if isinstance(value, Sequence):
            if number is None or isinstance(value, (str, bytes)):
                return MISSING, f"A {kind} has no keys, as [{key}]"
            values = cast("Sequence[Any]", value)
            return (values[number] if -len(values) <= number < len(values) else MISSING), ""
        plain = str.__str__(key)
        if isinstance(value, Mapping):
            found = cast("Mapping[Any, Any]", value).get(plain, MISSING)
            if found is MISSING and number is not None:
                found = cast("Mapping[Any, Any]", value).get(number, MISSING)
            return found, ""
        if not hasattr(class_of(value), "__getitem__"):
            return MISSING, f"A {kind} has no keys, as [{key}]"
        return (value[plain] if plain in value else MISSING), ""  # noqa: SIM401  it may have no `get`
    except LookupError:
        return MISSING, ""
    except Exception as error:
        pass_on(error)
        return MISSING, f"A {kind} raises {type(error).__name__} where [{key}] is read"


def _number(key: str) -> int | None:
    return int(key) if key.removeprefix("-").isdecimal() else None


def follow(value: Any, path: Sequence[str]) -> Any:
    """Follow a path from `value`; None where it ends at a None, `MISSING` where a part of it is not there."""
    for at, name in enumerate(path):
        if value is None or value is MISSING:
            break
        if name == EACH and type(name) is not Key:
            return _each(value, path[at + 1 :])
        value = look(value, name)[0]
    return value


def _each(value: Any, rest: Sequence[str]) -> Any:
    # The same of each of several; `MISSING` where these are none that can be gone through twice.
    values: Any = cast("Mapping[Any, Any]", value).values() if isinstance(value, Mapping) else value
    if not isinstance(values, Collection) or isinstance(values, (str, bytes)):
        return MISSING
    found = [follow(each, rest) for each in list(cast("Collection[Any]", values))]
    if any(each is MISSING for each in found):
        return MISSING
    return found[0] if len(found) == 1 else AnyOf(found)


def walk(value: Any, path: Sequence[str]) -> Any:
    """Follow a path from `value`; None where it ends early."""
    for name in path:
        value = step(value, name)
    return value


UNUSUAL: Final = (AttributeError, LookupError, TypeError)
"""What is raised where a path cannot be followed as usual."""


def compiled(parameters: str, paths: Mapping[str, str]) -> Callable[..., dict[str, Any]]:
    """Return what makes a dict of all that `paths` lead to, where each is made of attributes and indexes as usual.

    It is made of source, like a named tuple, as it runs for each row and each call: following the paths one by one
    takes three times as long. Anything else raises one of `UNUSUAL`; then they are to be followed one by one.
    """
    return made(f"lambda {parameters}: {{{', '.join(f'{name!r}: {path}' for name, path in paths.items())}}}")


def can_be_read(source: str) -> bool:
    """Whether an expression means what it says: other names are not always what Python makes of them."""
    try:
        return source.isascii() and bool(compile(source, "", "eval"))
    except SyntaxError:  # a keyword, say; or there is nothing
        return False


def made(source: str) -> Callable[..., Any]:
    """Return the function that `source`, a lambda, is; one that always raises where it cannot be made."""
    try:
        if source.isascii():  # other names are not always what Python makes of them
            return eval(code_of(source, "<string>", "eval"), {"other": no_tuple, "__name__": __name__})  # noqa: S307  `Boundary` has checked that a path is names and dots
    except SyntaxError:  # a keyword, say
        pass

    def unusual(*_: object) -> dict[str, Any]:
        raise LookupError("a name that is to be looked up")

    return unusual


def variable(root: str) -> str:
    """Return what a root is called in made source: no name of ours, which end in one `_`, whatever it is called."""
    return f"{root}__"


def expression(start: str, tail: Sequence[str]) -> str:
    """Return the expression that follows `tail` from `start`, where all on the way is as usual."""
    for name in tail:
        if type(name) is Key:
            start = f"(_[{str(name)!r}] if type(_ := {start}) is dict else other())"
        elif name.isdecimal():
            start = f"(_[{name}] if type(_ := {start}) is tuple else other())"
        else:
            start = f"{start}.{name}"
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
