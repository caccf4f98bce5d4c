"""A host's method as looked up on an instance: cheaper than a wrapper that is made anew at each look.

It is a `partial` of a made function with the very parameters of the host's, so that calling it costs what a call costs.
To everybody who asks it is the bound method that it stands for.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from textwrap import indent
from types import FunctionType, MethodType
from typing import Any, Final

from otel_handoff.host.made import made, source_of

_func: Final[Any] = vars(partial)["func"].__get__
_args: Final[Callable[[Any], tuple[Any, ...]]] = vars(partial)["args"].__get__
_set_class: Final[Any] = vars(object)["__class__"].__set__
_OURS: Final = frozenset({"__call__", "__eq__", "__ne__", "__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__"})


class Bound(partial[Any]):
    """Calls what was made for a function, with the row where it is of one, and the instance.

    What it is asked for, the bound method of the host's answers. Who sees a partial in it (`isinstance` does) and looks
    for what that is of finds the same in the slow way, which is none.

    Attributes:
        slowly: makes that of the method, the instance and the wrapper.
    """

    slowly: Callable[[Any, Any, Any], Any]

    def __getattribute__(self, name: str) -> Any:
        if name in _OURS:
            return object.__getattribute__(self, name)
        if name == "__wrapped__":
            return method_of(self)
        if name == "_self_wrapper":
            return wrapper_of(self)
        if name == "_self_parent":
            return None
        if name == "func":
            return Bound.slowly(method_of(self), instance_of(self), wrapper_of(self))
        if name in ("args", "keywords"):
            return () if name == "args" else {}
        if name == "__func__" and type(self) is Bound:
            _set_class(self, Reboundable)
        return getattr(method_of(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(method_of(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(method_of(self), name)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self

    def __eq__(self, other: object) -> bool:
        return bool(method_of(self) == (method_of(other) if is_bound(other) else other))

    def __hash__(self) -> int:
        return hash(method_of(self))

    def __repr__(self) -> str:
        return repr(method_of(self))

    def __dir__(self) -> Any:
        return dir(method_of(self))

    def __copy__(self) -> Any:
        return self  # as of a bound method, nothing can tell

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        row, instance = row_of(self), instance_of(self)
        copied = copy.deepcopy(instance, memo)
        if copied is instance:
            return self
        found = Bound(_func(self), copied if row is None else (row, copied))
        set_dict(found, SHARED if row is None else {"copied": self})  # as long as the copy is kept, so is the row
        return found

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _func(self).reduce(self, protocol)

    def __reduce__(self) -> Any:
        return _func(self).reduce(self, 2)


class Reboundable(Bound):
    """The same, once it was asked for its function: `weakref.WeakMethod` makes `type(method)(function, instance)`.

    Attributes:
        rebound: does that with what stands for the function now.
    """

    rebound: Callable[[Any, Any], Any]

    def __new__(cls, function: Any, instance: Any) -> Any:  # noqa: D102  # pyright: ignore[reportInconsistentConstructor]
        return cls.rebound(function, instance)


SHARED: Final[dict[str, object]] = {}
"""The `__dict__` of each: a partial without one would be taken apart by a partial of it."""

set_dict: Final[Any] = vars(partial)["__dict__"].__set__


def is_bound(function: Any) -> bool:
    """Whether a function was looked up here."""
    return issubclass(type(function), Bound)


def method_of(found: Any) -> Any:
    """Return the bound method that stands for itself."""
    return MethodType(_func(found).__wrapped__, instance_of(found))


def instance_of(found: Any) -> Any:
    """Return what it was looked up on."""
    given = _args(found)[0]
    return given[1] if _func(found).of_a_row else given


def shown(found: Any) -> str:
    """Return the source of what is called where something looked up is called, to read it."""
    return source_of(_func(found))


def row_of(found: Any) -> Any:
    """Return the row that something was looked up for; None where it is the same for all."""
    return _args(found)[0][0] if _func(found).of_a_row else None


def wrapper_of(found: Any) -> Any:
    """Return what is called in the place of the method."""
    row, wrapper = row_of(found), _func(found).wrapper
    return wrapper if row is None else OfRow(wrapper, row, found)


class OfRow:
    """The wrapper of what was looked up for one row, for those who ask: whoever keeps it keeps that."""

    __slots__ = ("__self__", "_found", "_wrapper")

    def __init__(self, wrapper: Callable[..., Any], row: Any, found: Any) -> None:
        self.__self__ = row
        self._wrapper = wrapper
        self._found = found

    def __call__(self, *given: Any) -> Any:
        """Call it for the row."""
        return self._wrapper(self.__self__, *given)


def can_be_made(function: Any) -> bool:
    """Whether a function is a plain one whose parameters can be written down: most are."""
    if type(function) is not FunctionType or function.__dict__:
        return False
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2]
    return code.co_argcount > 0 and all(
        name.isascii() and name.isidentifier() and not name.endswith("_") for name in names
    )


@dataclass(frozen=True)
class Written:
    """The parameters of a function, to be written down again.

    Attributes:
        instance: the first.
        others: those that are given by position.
        keywords: those that are given by name alone.
        more: `*args`, where it has that.
        rest: `**kwargs`, where it has that.
        only: how many, with the first, are given by position alone.
    """

    instance: str
    others: tuple[str, ...]
    keywords: tuple[str, ...]
    more: tuple[str, ...]
    rest: tuple[str, ...]
    only: int

    def parameters(self) -> str:
        """Return all of them."""
        names = [self.instance, *self.others]
        slash = ["/"] if self.only else []
        star = self.more or (("*",) if self.keywords else ())
        return ", ".join([*names[: self.only], *slash, *names[self.only :], *star, *self.keywords, *self.rest])

    def args(self, name: str = "", instead: str = "") -> str:
        """Return the tuple of what is given by position, without the instance; of `name`, `instead` is given."""
        given = [instead if each == name else each for each in (*self.others, *self.more)]
        return f"({', '.join(given)}{',' if len(given) == 1 else ''})"

    def kwargs(self) -> str:
        """Return the dict of what is given by name."""
        return f"{{{', '.join([*self.rest, *(f'{name!r}: {name}' for name in self.keywords)])}}}"

    def call(self, name: str = "", instead: str = "") -> str:
        """Return a call of the function as it is; of `name`, `instead` is given."""
        given = [self.instance, *(instead if each == name else each for each in self.others), *self.more]
        return f"function_({', '.join([*given, *(f'{each}={each}' for each in self.keywords), *self.rest])})"

    def through(self, row: str = "") -> str:
        """Return a call of the wrapper, as wrapt calls it: `wrapper(wrapped, instance, args, kwargs)`; of a `row`."""
        given = [*([row] if row else []), f"bound_(function_, {self.instance})", self.instance]
        return f"wrapper_({', '.join(given)}, {self.args()}, {self.kwargs()})"


Body = Callable[[Written], tuple[str, dict[str, object]]]
"""Makes what is done in the place of a function, and what that uses: lines, and names that end in `_`."""


def written(function: FunctionType) -> Written:
    """Return the parameters of a function that `can_be_made`."""
    code = function.__code__
    names = iter(code.co_varnames)
    instance, *others = islice(names, code.co_argcount)
    keywords = tuple(islice(names, code.co_kwonlyargcount))
    more = (f"*{next(names)}",) if code.co_flags & inspect.CO_VARARGS else ()
    rest = (f"**{next(names)}",) if code.co_flags & inspect.CO_VARKEYWORDS else ()
    return Written(instance, tuple(others), keywords, more, rest, code.co_posonlyargcount)


def call_of(
    function: FunctionType, wrapper: Any, reduce: Any, body: Body | None = None, *, of_a_row: bool = False
) -> Any:
    """Return what has the parameters of `function`, and calls `wrapper(wrapped, instance, args, kwargs)`.

    Args:
        function: one that `can_be_made`.
        wrapper: what is called.
        reduce: what is pickled in the place of what was looked up.
        body: makes what is done instead, where that need not always be called.
        of_a_row: whether each look-up is of a row, which the wrapper is given first. It comes with the instance, as a
            pair, and is `row_` in the body.
    """
    shape = written(function)
    lines, names = body(shape) if body is not None else (f"return {shape.through()}\n", {})
    first = f"row_, {shape.instance} = {shape.instance}\n" if of_a_row else ""  # no parameter more than the host's
    call: Any = made(
        f"call of {function.__qualname__}",
        f"def call({shape.parameters()}):\n{indent(first + lines, '    ')}",
        {"bound_": MethodType, "function_": function, "wrapper_": wrapper, **names},
    )
    call.__name__, call.__qualname__, call.__module__ = function.__name__, function.__qualname__, function.__module__
    call.__defaults__, call.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    call.__wrapped__ = function
    call.reduce, call.wrapper, call.of_a_row = reduce, wrapper, of_a_row
    return call
