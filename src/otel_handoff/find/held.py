"""What a hand-over takes along: objects of the program's own, and what they hold at that moment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from contextvars import copy_context
from threading import local
from typing import Any, ClassVar, Final, cast

from otel_handoff.find.classes import class_of_objects, values_of_class
from otel_handoff.find.counting import is_counted_in
from otel_handoff.find.values import is_simple, says_which
from otel_handoff.host.plainly import MISSING, class_of


class Held:
    """An object that goes across, and what it held then.

    Attributes:
        object: itself.
        path: where it was found, as a boundary has it: `"ctx"`, `"self.client"`, `"item.1"`, `"app.state:client"`.
        values: attribute (or key, or index) -> what it held: a simple value, or an object that is looked at as well.
        unwatched: why its reads and writes are not seen; empty where they can be.
        lasts: whether it is there for as long as the program.
        is_anybodys: whether whoever takes things out of a queue has it for each of them, if it was started with it.
        moves: whether what moved is watched, or told as not seen.
    """

    __slots__ = ("object", "path", "unwatched", "values")

    lasts: ClassVar[bool] = False
    is_anybodys: ClassVar[bool] = True
    moves: ClassVar[bool] = True

    def __init__(self, path: str, thing: Any, values: dict[str, Any], unwatched: str = "") -> None:
        self.object: Any = thing
        self.path: str = path
        self.values: dict[str, Any] = values
        self.unwatched: str = unwatched

    def kind(self) -> str:
        """Return what it is."""
        return class_of(self.object).__qualname__

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield of each attribute its name, what it held, and what it holds now."""
        cls = class_of_objects(self.object)
        if cls.is_dict:  # it may have grown, and what is new says nothing of what was handed over
            get = cast("Any", dict).get
            for name, then in self.values.items():
                yield name, then, get(self.object, name, MISSING)
            return
        there = cls.values_of(self.object)
        for name, then in self.values.items():
            yield name, then, there.get(name, MISSING)
        for name, value in there.items():
            if name not in self.values and type(name) is str:
                yield name, MISSING, value

    def renewed(self) -> Any:
        """Return what is to be looked at where it is handed over again."""
        return self.object


class Items(Held):
    """A list with a place for each thing: one that grows, shrinks or is shifted is a collection, and is of all rows."""

    __slots__ = ()

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield each index, what was there, and what is there now."""
        there = list(self.object)
        if len(there) == len(self.values):
            for (name, then), value in zip(self.values.items(), there, strict=True):
                yield name, then, value

    def is_like(self, before: dict[str, Any]) -> bool:
        """Whether it is as long as before, and nothing in it has another place."""
        places: dict[Any, str] = {value: name for name, value in self.values.items() if type(value) is str}
        return len(before) == len(self.values) and all(
            places.get(value, name) == name for name, value in before.items() if type(value) is str
        )


BUFFERS: Final = frozenset({bytearray, memoryview})
_CONTENT: Final = "content"
_MOST_BYTES: Final = 256


class Buffer(Held):
    """Bytes that can be written over, as far as they begin."""

    __slots__ = ()

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield what it held, and what it holds now."""
        for name, then in self.values.items():
            yield name, then, content_of(self.object)[name]


def content_of(buffer: Any) -> dict[str, bytes]:
    """Return what a buffer holds; nothing where it has been released."""
    with suppress(ValueError):
        return {_CONTENT: bytes(buffer[:_MOST_BYTES])}
    return {_CONTENT: b""}


VARIABLE: Final = "variable"


class Variable(Held):
    """A variable of an enclosing function, which the function reads when it runs: the cell, and what was in it."""

    __slots__ = ()

    is_anybodys = False

    def kind(self) -> str:
        """Return what it is."""
        return VARIABLE

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield the name, what was in it, and what is in it now."""
        for name, then in self.values.items():
            with suppress(ValueError):  # it is empty
                yield name, then, self.object.cell_contents


MODULE: Final = "module"


class Globals(Held):
    """Variables of a module that the worker's code names."""

    __slots__ = ()

    lasts = True

    def kind(self) -> str:
        """Return what it is."""
        return MODULE

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield each name, what was in it, and what is in it now."""
        for name, then in self.values.items():
            yield name, then, self.object.get(name, MISSING)

    def renewed(self) -> Any:
        """Return the same variables, with what they hold now."""
        return Globals(self.path, self.object, {name: value for name, _, value in self.now()}, self.unwatched)

    def is_counted(self, name: str) -> bool:
        """Whether a function of the module counts it."""
        return is_counted_in(self.object, name, "STORE_GLOBAL")


class OfAClass(Held):
    """What a class has for all of its instances."""

    __slots__ = ()

    lasts = True

    def kind(self) -> str:
        """Return what it is."""
        return f"class {self.object.__qualname__}"

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield each attribute, what it held, and what it holds now."""
        there = values_of_class(self.object)
        for name, then in self.values.items():
            yield name, then, there.get(name, MISSING)

    def is_counted(self, name: str) -> bool:
        """Whether a function of its module counts it."""
        module = sys.modules.get(self.object.__module__)
        return module is not None and is_counted_in(vars(module), name, "STORE_ATTR")


ENVIRONMENT: Final = "environment"


class Environment(Held):
    """What is in `os.environ`."""

    __slots__ = ()

    lasts = True

    def kind(self) -> str:
        """Return what it is."""
        return ENVIRONMENT

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield each name, what it held, and what it holds now."""
        for name, then in self.values.items():
            yield name, then, self.object.get(name, MISSING)


LOCAL: Final = "threading.local"


class OfAThread(Held):
    """What a thread has by itself, in a `threading.local`: a worker on another has something else, or nothing."""

    __slots__ = ()

    lasts = True
    is_anybodys = False

    def kind(self) -> str:
        """Return what it is."""
        return LOCAL

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield each name, what it held, and what it holds here."""
        there = values_here(self.object)
        for name, then in self.values.items():
            yield name, then, there.get(name, MISSING)


def values_here(here: local) -> dict[str, Any]:
    """Return what this thread has."""
    return cast("dict[str, Any]", local.__getattribute__(here, "__dict__"))


CONTEXTVAR: Final = "ContextVar "
"""Before the name of one, in the place of a path."""

IN_CONTEXTS: Final = "ContextVar"


class ContextVariable(Held):
    """A ContextVar, and what it held: a worker may run with another, or without."""

    __slots__ = ()

    lasts = True
    moves = False
    is_anybodys = False

    def kind(self) -> str:
        """Return what it is."""
        return IN_CONTEXTS

    def now(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield its name, what it held, and what it holds here."""
        for name, then in self.values.items():
            yield name, then, self.object.get(None)


def context_variables() -> Iterator[Held]:
    """Yield those that say which row it is, as far as one value shows."""
    for variable, value in copy_context().items():
        if is_simple(value) and says_which(variable.name, [value]):
            yield ContextVariable(f"{CONTEXTVAR}{variable.name}", variable, {variable.name: value})
