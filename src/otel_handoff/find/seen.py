"""What was seen of a way of handing over: how often, what moved in flight, who read and who wrote."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

from otel_handoff.find.held import Held
from otel_handoff.find.own import is_own_code, own_frame
from otel_handoff.find.values import is_plain, is_simple
from otel_handoff.host.guard import Tally
from otel_handoff.host.plainly import class_of

_MOST_PLACES: Final = 64
_MOST_VALUES: Final = 8
_MOST_CALLERS: Final = 4
_MOST_MARKS: Final = 1_000
MOST_BY: Final = 64
"""Of so many nobody knows any more who they were."""


class At(NamedTuple):
    """A place in the program's own code: by the code object itself, as its line is worked out only for a report."""

    code: CodeType
    offset: int


def at(frame: FrameType | None) -> At | None:
    """Return the program's own place from `frame` outwards; None where there is none."""
    own = own_frame(frame)
    return At(own.f_code, own.f_lasti) if own is not None else None


_AS_TEXT: Final = frozenset({"__repr__", "__str__", "__format__"})


def _read_at(frame: FrameType | None) -> Iterator[At]:
    # As far as it is the program's own code. What made a text of the object for it, as a dataclass does, is none.
    is_text = False
    while frame is not None and not is_own_code(frame.f_code) and (is_text or frame.f_code.co_name in _AS_TEXT):
        frame, is_text = frame.f_back, True
    for _ in range(_MOST_CALLERS):
        if frame is None or not is_own_code(frame.f_code):
            return
        yield At(frame.f_code, frame.f_lasti)
        frame = frame.f_back


class Places:
    """How often something was done, by place and thread."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: dict[tuple[At | None, str], Tally] = {}

    def add(self, place: At | None, thread: str) -> None:
        """Count one."""
        # Code objects are hashed by all that is in them: there are few here.
        known = self.counts.get((place, thread))
        if known is None:
            if len(self.counts) >= _MOST_PLACES:
                return
            known = self.counts.setdefault((place, thread), Tally())
        known.add()


By = tuple[str, "Group | None"]
"""Who does something: a thread, and of what kind the row is that it works on."""

carried: Final[dict[tuple[str, str], set[int]]] = {}
"""What the attributes of a class held when they were handed over again, as marks."""


class Attribute:
    """One attribute of what is handed over in one way.

    Attributes:
        path: of the object, as a boundary has it.
        kind: the class of the object.
        name: of the attribute.
        again: how often the very same object was handed over again.
        changes: how often it held something else by then.
        moved: rows in which it was another in flight, as it was seen when the work began, or ended.
        early: those of them in which it was so when the work began: it is not the worker that wrote it.
        late: those of them that had begun before it was watched: whether they read it was not seen.
        wrong: rows whose worker read what was written since.
        overwritten: those of them that had written it themselves before.
        wrote: rows whose worker wrote it.
        pickled: those whose worker, in another process, got what was written since.
        values: some of what it held.
        inner: where it holds an object, some of what that had in it.
        carried: what it held when it was handed over again, anywhere, as marks: nothing is kept that a row held.
        taken: what its workers read that was written since, likewise.
        emptied: rows whose worker read it, and wrote None.
        handed_on: rows whose worker read what the worker wrote that handed it on, and since.
        followed: rows whose worker read it at one place again when it had changed.
        reads, writes: of the wrong values: where, on which thread.
        writers: who wrote them.
        uses: where they were read, and who had called that, the nearest first; empty where other code read it.
        example: what one row had, and what its worker read.
        unwatched: why its reads and writes are not seen; empty where they are.
    """

    def __init__(self, path: str, kind: str, name: str) -> None:
        self.path: str = path
        self.kind: str = kind
        self.name: str = name
        self.again: Tally = Tally()
        self.changes: Tally = Tally()
        self.moved: Tally = Tally()
        self.early: Tally = Tally()
        self.late: Tally = Tally()
        self.wrong: Tally = Tally()
        self.overwritten: Tally = Tally()
        self.wrote: Tally = Tally()
        self.pickled: Tally = Tally()
        self.values: list[Any] = []
        self.inner: dict[str, list[Any]] = {}
        self.carried: set[int] = carried.setdefault((kind, name), set())
        self.emptied: Tally = Tally()
        self.handed_on: Tally = Tally()
        self.followed: Tally = Tally()
        self.taken: set[int] = set()
        self.reads: Places = Places()
        self.writes: Places = Places()
        self.writers: set[By] = set()
        self.uses: dict[tuple[int, ...], tuple[At, ...]] = {}
        self.example: tuple[Any, Any] | None = None
        self.unwatched: str = ""

    def is_read(self, frame: FrameType) -> tuple[int, ...]:
        """Its worker has read a wrong value, from `frame`; return what stands for the place, and those that called."""
        self.reads.add(at(frame), threading.current_thread().name)
        places = tuple(_read_at(frame))
        key = tuple(part for code, offset in places for part in (id(code), offset))
        if len(self.uses) < _MOST_PLACES:
            self.uses.setdefault(key, places)
        return key

    def sample(self, value: Any, inner: Held | None) -> None:
        """Keep one of its values, or what is in it, by which it is judged whether it says which row it is."""
        if inner is not None and value is inner.object:
            for name, there in inner.values.items():
                _keep(self.inner.setdefault(name, []), there)
        else:
            _keep(self.values, value)


def mark(value: Any) -> int:
    """Return what stands for a value, which is not kept."""
    return hash(value) if is_plain(value) else id(value)


def note(marks: set[int], value: Any) -> None:
    """Add the mark of a value to some, unless there are too many to say anything."""
    if len(marks) < _MOST_MARKS:
        marks.add(mark(value))


def note_by(known: set[By], thread: str, group: Group | None) -> None:
    """Add one who did something, unless there are too many to say anything."""
    if len(known) < MOST_BY:
        known.add((thread, group))


def is_full(marks: set[int]) -> bool:
    """Whether there were too many."""
    return len(marks) >= _MOST_MARKS


def _keep(values: list[Any], value: Any) -> None:
    if len(values) < _MOST_VALUES and is_simple(value) and all(value is not one for one in values):
        values.append(value)


class Work(NamedTuple):
    """The function that is handed over.

    Attributes:
        module: of it.
        name: in the module, with its classes; `<locals>` is in that of a function within a function.
        code: of it; None where it is not written in Python.
        is_method: whether its first parameter is an instance.
    """

    module: str
    name: str
    code: CodeType | None
    is_method: bool


def is_same_work(one: Work | None, other: Work | None) -> bool:
    """Whether two are the same function, as far as it is known: what is put into queues has none."""
    return one is not None and other is not None and one.code is not None and one.code is other.code


class Taker(NamedTuple):
    """A function that takes things out of a queue, and its module."""

    module: str
    code: CodeType


class Group:
    """All hand-overs by one line, in one way, of one function.

    Attributes:
        way: what hands over, as it is known: `"ThreadPoolExecutor.submit"`.
        place: where it is called.
        work: the function that does the work; None where something is put into a queue.
        rows: how many there were.
        attributes: of what goes across, by the path and the class of the object, and the name.
        by: who hands over.
        itself: how many of the rows were handed over by a worker of the same function.
        early: how many were coroutines that were made by another line before.
        plain: the paths of what cannot be watched: dicts, lists, namespaces.
        takers: the functions that took it out of a queue.
        next: is set when the next row is handed over.
    """

    def __init__(self, way: str, place: At | None, work: Work | None) -> None:
        self.way: str = way
        self.place: At | None = place
        self.work: Work | None = work
        self.rows: Tally = Tally()
        self.attributes: dict[tuple[str, type, str], Attribute] = {}
        self.by: set[By] = set()
        self.itself: Tally = Tally()
        self.early: Tally = Tally()
        self.plain: set[str] = set()
        self.takers: list[Taker] = []
        self.next: threading.Event = threading.Event()

    def begins(self, within: Group | None) -> None:
        """One more is handed over, by whoever works on a row of another group, or of none."""
        self.rows.add()
        # Where none of the program's own lines does, a library serves somebody else.
        note_by(self.by, threading.current_thread().name if self.place is not None else "", within)
        if within is not None and is_same_work(self.work, within.work):
            self.itself.add()

    def threads(self) -> set[str]:
        """Return the names of those that hand over."""
        return {thread for thread, _ in list(self.by)}

    def moves_on(self) -> None:
        """One more is handed over: whoever was held back for it goes on."""
        before, self.next = self.next, threading.Event()
        before.set()

    def took(self, frame: FrameType | None) -> None:
        """Somebody has taken one out of the queue."""
        own = own_frame(frame)
        if own is None or len(self.takers) >= _MOST_PLACES:
            return
        if all(taker.code is not own.f_code for taker in self.takers):
            self.takers.append(Taker(str(own.f_globals.get("__name__", "")), own.f_code))

    def attribute(self, held: Held, name: str) -> Attribute:
        """Return what is known of an attribute of an object that goes across."""
        kind = class_of(held.object)
        key = held.path, kind, name
        known = self.attributes.get(key)
        if known is None:
            known = self.attributes.setdefault(key, Attribute(held.path, held.kind(), name))
        return known


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same, or equal text, numbers and the like: no `__eq__` of the program's is asked."""
    if one is other:
        return True
    if not (is_simple(one) and is_simple(other)):
        return False
    try:
        return bool(one == other)
    except Exception:
        return False
