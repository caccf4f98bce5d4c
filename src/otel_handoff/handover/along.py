"""What lies on the way from a context to a row's ids, and can be changed in place: objects, dicts and lists."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from otel_handoff.handover.unlike import unwrapped
from otel_handoff.handover.written import WriteRecord
from otel_handoff.host.following import look
from otel_handoff.host.plainly import MISSING, class_of, dict_of, stored

Rests = tuple[tuple[str, tuple[str, ...]], ...]
"""Fields, each with what is left of its path."""


class Step:
    """An attribute of an object on the way.

    Attributes:
        instance: the object.
        name: of the attribute.
        root: the attribute of the context by which it was found.
        value: what it was when the row was handed over.
        given: what a worker that is pinned reads there: that, its own copy of it, or what it wrote itself since.
        fields: the fields that lead through it.
        record: the recent writes to the object.
        is_computed: whether it is a property without a setter: of what, only the host knows.
        here: what is computed there when the worker starts, on its thread; `MISSING` where it is none, or not yet.
    """

    __slots__ = ("_first", "fields", "given", "here", "instance", "is_computed", "name", "record", "root", "value")

    def __init__(
        self, instance: Any, name: str, root: str, value: Any, given: Any, fields: Rests, record: WriteRecord
    ) -> None:
        self.instance: Any = instance
        self.name: str = name
        self.root: str = root
        self.value: Any = value
        self.given: Any = given
        self.fields: Rests = fields
        self.record: WriteRecord = record
        self.is_computed: bool = False
        self.here: Any = MISSING
        self._first: Any = given

    def restate(self, value: Any) -> None:
        """The submit function writes `value` there."""
        self.value = self.given = self._first = value

    def again(self) -> Step:
        """Return the same for another worker of the row, who has written nothing yet."""
        step = Step(self.instance, self.name, self.root, self.value, self._first, self.fields, self.record)
        step.is_computed = self.is_computed
        return step

    def __repr__(self) -> str:
        return f"<{class_of(self.instance).__qualname__}.{self.name}>"


class Copied:
    """A dict or list on the way, of which the worker has a copy of its own.

    What the worker leaves there is meant for the other, as it would be without the copy.

    Attributes:
        path: from the context.
        original: the submitter's.
        copy: the worker's.
        fields: those whose ids are in it, each with the rest of its path.
        apart: whether the submit function is given the original, and not the copy.
    """

    __slots__ = ("_first", "_here", "_ids", "_there", "apart", "copy", "fields", "original", "path")

    def __init__(self, path: str, original: Any, copy: Any, fields: Rests, *, apart: bool) -> None:
        self.path: str = path
        self.original: Any = original
        self.copy: Any = copy
        self.fields: Rests = fields
        self.apart: bool = apart
        self._ids = frozenset(rest[0] for _, rest in fields if len(rest) == 1)
        self._first: Any = _entries(copy)
        self._here: Any = self._first  # what was in both when they were last the same
        self._there: Any = _entries(original)

    def take_over(self) -> None:
        """Take what was written to the original by now for this row's: nobody works on it yet."""
        there, now = self._there, _entries(self.original)
        if isinstance(now, dict):
            now = cast("dict[Any, Any]", now)
            for key in {**there, **now}:
                value = now.get(key, MISSING)
                if value is not there.get(key, MISSING):
                    _put(_entries_of(self.copy), key, value)
        elif not _are(there, now):
            self.copy.clear()
            self.copy.extend(now)
        self._here, self._there = _entries(self.copy), now

    def ids(self) -> dict[str, Any]:
        """Return the ids in it; of those that are further on, only where the entry that leads there is another."""
        found: dict[str, Any] = {}
        for field, rest in self.fields:
            if len(rest) == 1 or stored(self.copy, rest[:1]) is not stored(self._first, rest[:1]):
                found[field] = stored(self.copy, rest)
        return found

    def settle(self) -> list[str]:
        """Write what was left on the copy to the original; return what cannot be, as that has another by now."""
        here, now = self._here, _entries(self.copy)
        if isinstance(now, dict):
            lost = self._settle_entries(cast("dict[Any, Any]", here), cast("dict[Any, Any]", now))
        else:
            lost = [] if _are(here, now) or self._settle_items(here, now) else [self.path]
        self._here = now
        return lost

    def _settle_entries(self, here: dict[Any, Any], now: dict[Any, Any]) -> list[str]:
        lost: list[str] = []
        entries = _entries_of(self.original)
        for key in {**here, **now}:
            mine, theirs = now.get(key, MISSING), entries.get(key, MISSING)
            if mine is here.get(key, MISSING):
                continue
            is_news = theirs is not self._there.get(key, MISSING)
            if mine is theirs and not (is_news and type(mine) in COUNTED):
                continue
            if is_news:
                if key not in self._ids:  # where each worker writes its own id, nobody waits for another's
                    lost.append(f"{self.path}.{key}")
            else:
                _put(entries, key, mine)
                _put(self._there, key, mine)
        return lost

    def _settle_items(self, here: list[Any], now: list[Any]) -> bool:
        items, size = self.original, len(here)
        of_theirs = {id(mine): theirs for mine, theirs in zip(here, self._there, strict=False)}
        if len(now) > size and _are(here, now[:size]):
            items.extend(now[size:])
        elif _are(self._there, list(items)):
            left = [of_theirs.get(id(mine), mine) for mine in now]
            if issubclass(class_of(items), list):
                items[:] = left  # in one step
            else:
                items.clear()
                items.extend(left)
        else:
            return False
        self._there = list(items)
        return True


LISTS: Final = (list, deque)
COUNTED: Final = (int, float)
"""Of these, two that are the same may have been two steps."""


def _put(entries: dict[Any, Any], key: Any, value: Any) -> None:
    if value is MISSING:
        dict[Any, Any].pop(entries, key, None)
    else:
        dict[Any, Any].__setitem__(entries, key, value)


def _entries_of(container: Any) -> dict[Any, Any]:
    return cast("dict[Any, Any]", container) if isinstance(container, dict) else dict_of(container)


def _entries(container: Any) -> Any:
    if issubclass(class_of(container), LISTS):
        return list(container)
    return dict(_entries_of(container))


def _are(ones: list[Any], others: list[Any]) -> bool:
    return len(ones) == len(others) and all(one is other for one, other in zip(ones, others, strict=True))


class Along:
    """All of that, of one row.

    Attributes:
        steps: by object and attribute.
        copied: the containers of which the worker has copies.
        originals: root -> the submitter's own, where the worker has a copy.
        begun: whether the work has.
        loose: the fields of which not all reads are seen, with whether the worker has a copy of what is on the way.
        keep_shared: is called with the paths of containers of which no more rows are to have copies.
        before: what the submit function wrote when it had perhaps handed the row over, and what was there before.
    """

    __slots__ = ("before", "begun", "copied", "keep_shared", "loose", "originals", "steps")

    def __init__(self) -> None:
        self.steps: dict[tuple[int, str], Step] = {}
        self.begun: bool = False
        self.copied: list[Copied] = []
        self.originals: dict[str, Any] = {}
        self.loose: dict[str, bool] = {}
        self.before: list[tuple[Step, Any]] = []
        self.keep_shared: Callable[[Sequence[str]], object] = len

    def again(self) -> Along:
        """Return the same for another worker of the row, who has written nothing yet. All have the same copies."""
        other = Along()
        other.begun, other.loose, other.keep_shared = True, self.loose, self.keep_shared
        other.copied, other.originals = self.copied, self.originals
        other.steps = {key: step.again() for key, step in list(self.steps.items())}
        return other

    def add_whole(self, path: str, original: Any, copy: Any) -> None:
        """The context itself, at `path`, is a list, of which the worker has a copy."""
        self.copied.append(Copied(path, original, copy, (), apart=False))

    def step(self, instance: Any, name: str) -> Step | None:
        """Return what is known of an attribute of an object, if that is on the way."""
        return self.steps.get((id(instance), name))

    def look_around(self) -> None:
        """The worker starts: see what is computed on its thread, before it does anything."""
        for step in list(self.steps.values()):
            if step.is_computed and step.here is MISSING:
                step.here = look(step.instance, step.name)[0]

    def of(self, field: str) -> list[tuple[Step, tuple[str, ...]]]:
        """Return the steps of a field, the last one first, each with what is left of its path."""
        found = [(step, rest) for step in list(self.steps.values()) for name, rest in step.fields if name == field]
        return sorted(found, key=lambda one: len(one[1]))

    def shared(self, roots: Mapping[str, Any]) -> dict[str, Any]:
        """Return the roots as the submitter has them."""
        return {**{root: unwrapped(value) for root, value in roots.items()}, **self.originals}

    def take_over(self) -> None:
        """The row is being handed over: what was written until now into what has a copy is this row's."""
        for copied in self.copied:
            if copied.apart:
                copied.take_over()

    def ids(self) -> dict[str, Any]:
        """Return the ids that are in copies, as far as they can be read without running code of the host's."""
        found = {name: value for copied in self.copied for name, value in copied.ids().items()}
        return {name: value for name, value in found.items() if value is not MISSING}

    def settle(self) -> list[str]:
        """Write what was left on copies to what they are copies of; return what could not be."""
        lost: list[str] = []
        for copied in self.copied:
            names = copied.settle()
            if names:
                lost += names
                self.keep_shared([copied.path])
        return lost
