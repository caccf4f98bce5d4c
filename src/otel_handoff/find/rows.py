"""A row in flight: what went across when it was handed over, and what its worker does with that."""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import count
from typing import Any, Final

from otel_handoff.find.classes import class_of_objects
from otel_handoff.find.counting import is_in_place
from otel_handoff.find.held import Globals, Held, OfAClass, Variable
from otel_handoff.find.loops import Reads
from otel_handoff.find.seen import At, Attribute, Group, at, carried, is_same, mark, note, note_by
from otel_handoff.find.values import is_simple, says_which
from otel_handoff.host.guard import Tally, guard
from otel_handoff.host.plainly import MISSING, class_of

_MOST_WRITTEN: Final = 20_000
_MOST_READS: Final = 256

current: Final[ContextVar[Row | None]] = ContextVar("otel_handoff_find", default=None)
"""The row that the running thread or task works on."""

_numbers: Final = count(1)


class Written:
    """One write: the last to an attribute of an object."""

    __slots__ = ("by", "group", "place", "thread")

    def __init__(self, row: Row | None, place: At | None) -> None:
        self.by: int = row.number if row is not None else 0
        self.group: Group | None = row.group if row is not None else None
        self.place: At | None = place
        self.thread: str = threading.current_thread().name


counted: Final[set[tuple[str, str]]] = set()
"""Classes and their attributes that are counted up or down in place: those say of no row which it is."""

written: Final[dict[tuple[int, str], Written]] = {}
"""By the identity of the object, and the attribute."""


class Row:
    """What is handed over once.

    Attributes:
        number: counts them, from 1.
        group: the others like it.
        held: what went across, by identity.
        given: texts, numbers and the like that went across as they are.
        source: the queue that it was taken from, if it was.
        base: the row within which it was taken.
        takes_from: the queue that its worker takes others from, if it does.
        within: the row whose worker hands it over, as long as that is there.
        awaits: is set when the next is handed over; its worker may be held back until then.
    """

    __slots__ = (
        "__weakref__",
        "_begun",
        "_handed_by",
        "_last",
        "_reads",
        "_told",
        "_wrote",
        "awaits",
        "base",
        "given",
        "group",
        "held",
        "number",
        "source",
        "takes_from",
        "within",
    )

    def __init__(self, group: Group, held: dict[int, Held], given: Sequence[Any] = ()) -> None:
        self.number: int = next(_numbers)
        self.group: Group = group
        self.held: dict[int, Held] = held
        self.given: Sequence[Any] = given
        self.source: Any = None
        self.awaits: threading.Event | None = None
        self.base: Row | None = None
        self.takes_from: Any = None
        outer = current.get()
        self.within: weakref.ref[Row] | None = weakref.ref(outer) if outer is not None else None
        self._handed_by: int = outer.number if outer is not None else 0
        self._begun: int = 0
        self._reads: int = 0
        self._wrote: dict[tuple[int, str], Any] = {}
        self._told: set[tuple[int, Attribute]] = set()
        self._last: dict[tuple[Attribute, tuple[int, ...]], Reads] = {}

    def compare(self) -> None:
        """See what has moved, and have that watched from now on."""
        for held in list(self.held.values()):
            for name, then, now in held.now():
                if then is now or (id(held.object), name) in self._wrote or self._is_same(then, now):
                    continue
                if then is MISSING:  # it is new, and says nothing of what was handed over
                    if is_simple(now) and says_which(name, [now]):
                        watch(held, name, self.group.attribute(held, name))
                    continue
                attribute = self.group.attribute(held, name)
                if self._count(attribute.moved, attribute):
                    if not self._begun:
                        attribute.early.add()
                        attribute.sample(then, None)
                        attribute.sample(now, None)
                    elif self._begun < _watched_from(held, name):
                        attribute.late.add()
                watch(held, name, attribute)

    def begin(self) -> None:
        """Its work begins: what a variable holds by now, it reads."""
        for held in list(self.held.values()):
            if isinstance(held, Variable):
                for name, then, now in held.now():
                    if not self._is_same(then, now):
                        attribute = self.group.attribute(held, name)
                        self._wrongly(attribute, then, now)
                        attribute.reads.add(None, threading.current_thread().name)
        self.compare()
        self._begun = next(_numbers)

    def end(self) -> None:
        """Its work is done: nothing of it is kept."""
        self.compare()
        self.held = {}

    def saw(self, held: Held, name: str, value: Any) -> None:
        """Its worker has read an attribute of what went across."""
        if self._reads > _MOST_READS:
            return  # by then it is known
        key = id(held.object), name
        own = self._wrote.get(key, MISSING) if self._wrote else MISSING
        then = held.values.get(name, MISSING) if own is MISSING else own
        if then is value or then is MISSING or self._is_same(then, value):
            return
        if own is None:
            return  # it has emptied it: what comes next is for whoever takes it
        self._reads += 1
        attribute = self.group.attribute(held, name)
        if self._wrongly(attribute, then, value) and own is not MISSING:
            attribute.overwritten.add()
        frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
        if self._last.setdefault((attribute, attribute.is_read(frame)), Reads()).go_on(mark(value), frame):
            self._count(attribute.followed, attribute)
        self._by(attribute, key)

    def pickles(self) -> None:
        """What went across is pickled now, for a worker in another process: that is what it will read."""
        for held in list(self.held.values()):
            if held.lasts:
                continue  # it stays here
            for name, then, now in held.now():
                if self._is_same(then, now):
                    continue
                attribute = self.group.attribute(held, name)
                if self._wrongly(attribute, then, now):
                    attribute.pickled.add()
                attribute.reads.add(None, threading.current_thread().name)
                self._by(attribute, (id(held.object), name))
                watch(held, name, attribute)

    def wrote(self, key: tuple[int, str], value: Any) -> None:
        """Its worker has written an attribute itself."""
        held = self.held[key[0]]
        attribute = self.group.attribute(held, key[1])
        if self._count(attribute.wrote, attribute):
            attribute.sample(value, None)
        if value is None and (id(attribute.wrong), attribute) in self._told:
            self._count(attribute.emptied, attribute)
        self._wrote[key] = value

    def _is_same(self, then: Any, now: Any) -> bool:
        # An object of the program's own is the same as another of its class that holds the same ids.
        if is_same(then, now) or (now is not None and any(is_same(one, now) for one in self.given)):
            return True  # what it was given itself is its own
        held = self.held.get(id(then))
        if held is None or class_of(then) is not class_of(now) or held.object is not then:
            return False
        there = class_of_objects(now).values_of(now)
        simple = [(name, value) for name, value in held.values.items() if is_simple(value)]
        return bool(simple) and all(is_same(value, there.get(name, MISSING)) for name, value in simple)

    def _wrongly(self, attribute: Attribute, then: Any, now: Any) -> bool:
        # Once for each row.
        if not self._count(attribute.wrong, attribute):
            return False
        note(attribute.taken, now)
        attribute.sample(then, self.held.get(id(then)))
        if attribute.example is None and is_simple(then) and is_simple(now):
            attribute.example = then, now
        return True

    def _by(self, attribute: Attribute, key: tuple[int, str]) -> None:
        last = written.get(key)
        if last is not None and last.by != self.number and (id(last), attribute) not in self._told:
            self._told.add((id(last), attribute))
            attribute.writes.add(last.place, last.thread)
            note_by(attribute.writers, last.thread, last.group)
            if last.by and last.by == self._handed_by:
                self._count(attribute.handed_on, attribute)

    def _count(self, tally: Tally, attribute: Attribute) -> bool:
        key = id(tally), attribute
        if key in self._told:
            return False
        self._told.add(key)
        tally.add()
        return True


def write(instance: Any, name: str, value: Any) -> None:
    """An attribute that is watched was written."""
    row = current.get()
    key = id(instance), name
    if len(written) >= _MOST_WRITTEN:
        written.clear()
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    written[key] = Written(row, at(frame))
    if isinstance(value, int) and (class_of(instance).__qualname__, name) not in counted and is_in_place(frame):
        counted.add((class_of(instance).__qualname__, name))
    while row is not None:  # what is handed over by a row's worker writes for that row as well
        if id(instance) in row.held:
            row.wrote(key, value)
        row = row.within() if row.within is not None else None


def forget() -> None:
    """Forget who wrote, and what is counted."""
    written.clear()
    counted.clear()
    carried.clear()
    _watched.clear()


# -- who watches

_watch: Callable[[type, str], str] | None = None


def watch_with(watching: Callable[[type, str], str] | None) -> None:
    """Have what moved watched by this: it is given the class and the attribute, and returns why it cannot be."""
    global _watch  # noqa: PLW0603
    _watch = watching


def watch(held: Held, name: str, attribute: Attribute) -> None:
    """Have an attribute watched from now on, as it has moved."""
    if not held.moves:
        return
    if held.unwatched:
        if not attribute.unwatched and isinstance(held, (Globals, OfAClass)) and held.is_counted(name):
            counted.add((attribute.kind, name))
        attribute.unwatched = held.unwatched
    elif _watch is not None:
        with guard:
            cls = class_of(held.object)
            attribute.unwatched = _watch(cls, name)
            _watched.setdefault((id(cls), name), next(_numbers))


_watched: Final[dict[tuple[int, str], int]] = {}


def _watched_from(held: Held, name: str) -> int:
    return _watched.get((id(class_of(held.object)), name), sys.maxsize)
