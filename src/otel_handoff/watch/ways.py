"""When a row is handed over, each object on the way to its ids is looked at: what of it can be changed in place."""

from __future__ import annotations

import logging
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast

from otel_handoff.handover.along import Along, Copied, Rests, Step
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.twins import put
from otel_handoff.handover.unlike import Unlike, unwrapped
from otel_handoff.handover.written import open_record
from otel_handoff.host.contexts import ContextClass, is_computed, is_lazy
from otel_handoff.host.copying import Unfit, copier
from otel_handoff.host.current import no_lease
from otel_handoff.host.fields import Fields, is_fixed
from otel_handoff.host.following import look, walk
from otel_handoff.host.ids import AnyOf
from otel_handoff.host.outside import pass_on
from otel_handoff.host.paths import Key
from otel_handoff.host.plainly import MISSING, beneath_ours, class_of, dict_of, index, lookup
from otel_handoff.watch.descriptors import Watch, WatchedField
from otel_handoff.watch.unwatched import FOUND_ELSEWHERE, WATCH_IS_OFF

_logger = logging.getLogger("otel_handoff")

_MOST_ENTRIES: Final = 1_000
"""A dict or list with more is not copied for each row."""

_CONTAINERS: Final = cast("tuple[type[Any], ...]", (dict, list, deque))
_OF_PYTHON: Final = frozenset({dict, list, deque, OrderedDict, defaultdict})
_NO_FIELDS: Final = Fields({})


class Way(NamedTuple):
    """One part of the paths of some fields.

    Attributes:
        path: from the context up to here.
        fields: those that lead through it.
        ends: the one that ends here.
        ways: what follows.
    """

    name: str
    path: str
    fields: Rests
    ends: str | None
    ways: tuple[Way, ...]


def ways_of(paths: Mapping[str, Sequence[str]], before: str = "") -> tuple[Way, ...]:
    """Return the first parts of some paths, and what follows on each."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for field, (name, *rest) in paths.items():
        found.setdefault(name, {})[field] = tuple(rest)
    ways: list[Way] = []
    for name, rests in found.items():
        path = before + (f"[{name}]" if type(name) is Key else f".{name}" if before else name)
        ends = next((field for field, rest in rests.items() if not rest), None)
        further = ways_of({field: rest for field, rest in rests.items() if rest}, path)
        ways.append(Way(name, path, tuple(rests.items()), ends, further))
    return tuple(ways)


class Ways:
    """The ways from contexts to the fields of one boundary."""

    def __init__(
        self, boundary: str, fields: Fields, watch: Watch | None, said: Collection[str], *, pins: bool
    ) -> None:
        """Look at what leads to `fields`.

        Args:
            boundary: its name.
            fields: its fields.
            watch: watches the classes on the way.
            said: the fields whose ids a row says itself: what is shared may have others.
            pins: whether workers are given what was submitted.
        """
        self.said: frozenset[str] = frozenset(said)
        self._boundary = boundary
        paths = {field: (fields.root_of(field), *fields.tail_of(field)) for field in fields.paths}
        self._ways = {way.name: way for way in ways_of(paths) if way.ways}
        self._watch = watch
        self._pins = pins
        self._copiers: dict[type, Callable[[Any], Any]] = {}
        self._told: set[str] = set()
        self._kept_shared: set[str] = set()

    def look(self, lease: Lease, handed: Any) -> None:
        """See what can be changed on the way to the ids of a row that is being handed over."""
        for root in self._ways:
            if lease.roots.get(root) is not None:
                self.look_at(lease, root, handed)

    def look_again(self, lease: Lease, at: str | Step, value: Any) -> None:
        """The submit function puts `value` there."""
        if isinstance(at, str):
            self.look_at(lease, at)
            return
        along = lease.along
        if along is not None and (step := along.step(at.instance, at.name)) is not None:
            step.restate(value)
            with no_lease():
                look_on = _Look(self, lease, step.root, pins=self._pins and lease.is_pinned)
                ways = self._ways_from(step)
                if ways:
                    look_on.through(value, step.root, ways, own=False, apart=True)

    def _ways_from(self, step: Step) -> tuple[Way, ...]:
        rests = {field: rest for field, rest in step.fields if rest}
        return ways_of(rests, step.root)

    def look_at(self, lease: Lease, root: str, handed: Any = None) -> None:
        """See it of one root; `handed`: the worker's copy of the context, where nobody has it yet."""
        way = self._ways.get(root)
        value = unwrapped(lease.roots.get(root))
        if way is None or value is None:
            return
        with no_lease():
            self._look_at(lease, root, handed, way, value)

    def _look_at(self, lease: Lease, root: str, handed: Any, way: Way, value: Any) -> None:
        look_on = _Look(self, lease, root, pins=self._pins and lease.is_pinned)
        own = handed is not None and look_on.pins
        given = look_on.through(value, way.path, way.ways, own=own, apart=not lease.pinned)
        if given is not value:
            look_on.along.originals[root] = value
            lease.roots[root] = Unlike(given) if type(lease.roots[root]) is Unlike else given
            if lease.pinned:
                give(handed, root, given, lease.kind)
        if look_on.along.steps or look_on.along.loose:
            lease.along = look_on.along
            lease.along.keep_shared = self.keep_shared

    # -- what a look asks

    def copy(self, container: Any, path: str) -> Any:
        """Return a copy of a container; itself where there is none that is fit."""
        cls = class_of(container)
        if path in self._kept_shared:
            return container
        if len(dict_of(container) if cls is SimpleNamespace else container) > _MOST_ENTRIES:
            self.tell(path, cls, f"it has more than {_MOST_ENTRIES:,} entries")
            return container
        try:
            if cls in _OF_PYTHON:
                return container.copy()
            copies = self._copiers.get(cls)
            if copies is None:
                copies = self._copiers[cls] = copier(cls, _NO_FIELDS)
            return copies(container)
        except Exception as error:
            pass_on(error)
            self.tell(
                path, cls, str(error) if isinstance(error, Unfit) else f"copying it raises {class_of(error).__name__}"
            )
            return container

    def watched(self, instance: Any, name: str) -> WatchedField | str:
        """Return what watches an attribute of an object, or why nothing does; empty where nothing needs to."""
        cls = class_of(instance)
        if self._watch is None:
            return WATCH_IS_OFF
        found = lookup(cls, name)
        if type(name) is Key or (found is MISSING and name not in dict_of(instance)):
            return FOUND_ELSEWHERE
        kept = beneath_ours(found)
        if (not self._pins and is_computed(kept)) or (found is not MISSING and is_lazy(cls, kept)):
            return ""  # it is computed of something else
        unseen = self._watch.cover(cls, (name,))
        found = lookup(cls, name)
        return found if isinstance(found, WatchedField) and not unseen else unseen

    def tell(self, path: str, cls: type, why: str) -> None:
        """Tell once, for each path, that not all reads of it are seen."""
        if path not in self._told and why != WATCH_IS_OFF:
            self._told.add(path)
            _logger.warning(
                "HANDOFF CHECKED IN PART: boundary %r: what is in %r, a %s, %s (%s). An id that is changed there is "
                "seen when the work starts, at each call and when it ends; a wrong one that is read in between, and "
                "gone again by then, is not told.",
                self._boundary,
                path,
                cls.__qualname__,
                "is not pinned" if self._pins else "may be read unseen",
                why,
            )

    def is_kept_shared(self, path: str) -> bool:
        """Whether what is there is copied no more."""
        return path in self._kept_shared

    def keep_shared(self, paths: Sequence[str]) -> None:
        """Copy these containers no more: workers hand something back in them, and not each its own."""
        for path in paths:
            if path not in self._kept_shared:
                self._kept_shared.add(path)
                _logger.warning(
                    "Boundary %r: two workers, or one and the submitter, wrote the same entry of %r, which pinned "
                    "workers have copies of. From now on they share it, and what they read there is only observed.",
                    self._boundary,
                    path,
                )


class _Look:
    """One look at one row."""

    def __init__(self, ways: Ways, lease: Lease, root: str, *, pins: bool) -> None:
        self._ways = ways
        self._lease = lease
        self._root = root
        self.pins = pins
        self.along = lease.along or Along()

    def through(self, value: Any, path: str, ways: tuple[Way, ...], *, own: bool, apart: bool) -> Any:
        """Look at a value on the way, and on; return what the worker is given in its place.

        Args:
            value: what is there.
            path: from the context.
            ways: what follows.
            own: whether the worker can be given another.
            apart: whether the submit function would see the value all the same.
        """
        if value is None or value is MISSING:
            return value
        cls = class_of(value)
        if is_fixed(cls) or issubclass(cls, type):
            for way in ways:
                if way.ways:
                    self.through(look(value, way.name)[0], way.path, way.ways, own=False, apart=True)
            return value
        if issubclass(cls, _CONTAINERS) or cls is SimpleNamespace:
            return self._container(value, path, ways, own=own, apart=apart)
        for way in ways:
            self._attribute(value, path, way)
        return value

    def _container(self, value: Any, path: str, ways: tuple[Way, ...], *, own: bool, apart: bool) -> Any:
        copied = self._ways.copy(value, path) if own else value
        has_copy = copied is not value
        ids = self._lease.ids
        for way in ways:
            if way.ends is not None and has_copy and way.ends not in self._ways.said:
                found = look(copied, way.name)[0]
                if found is not MISSING and found is not ids[way.ends] and self._is_known(way):
                    # It was changed in between, or is to be what the row says.
                    _put_in(copied, way.name, ids[way.ends])
            if way.ways:
                found = look(copied, way.name)[0]
                if has_copy:
                    self._retake(found, way)
                given = self.through(found, way.path, way.ways, own=has_copy, apart=apart)
                if given is not found:
                    _put_in(copied, way.name, given)
            for field, _ in way.fields:
                self.along.loose[field] = has_copy and self.along.loose.get(field, True)
        if has_copy:
            fields = tuple((field, (way.name, *rest)) for way in ways for field, rest in way.fields)
            self.along.copied.append(Copied(path, value, copied, fields, apart=apart))
        elif not self.pins:
            self._ways.tell(path, class_of(value), "nobody sees when it is read")
        return copied

    def _retake(self, found: Any, way: Way) -> None:
        # Another thread may have put another object there since the ids were taken: that is what its worker gets.
        rests = {field: rest for field, rest in way.fields if rest}
        if rests and found is not MISSING:
            self._lease.detector.retake(self._lease, {field: walk(found, rest) for field, rest in rests.items()})

    def _is_known(self, way: Way) -> bool:
        # Whether the row has one id that ends there.
        return way.ends not in self._lease.awaited and type(self._lease.ids[way.ends or ""]) is not AnyOf

    def _attribute(self, value: Any, path: str, way: Way) -> None:
        watched = self._ways.watched(value, way.name)
        record = (
            open_record(value) if isinstance(watched, WatchedField) else None
        )  # before the look: it misses no write
        is_known = not way.ways and way.ends is not None and way.ends not in self._ways.said and self._is_known(way)
        found = self._lease.ids[way.ends] if is_known and way.ends is not None else None
        if found is None:
            found = look(value, way.name)[0]
        if isinstance(watched, WatchedField) and not watched.by_code:
            self._retake(found, way)
        seen = isinstance(watched, WatchedField)
        own = seen and self.pins
        given = self.through(found, way.path, way.ways, own=own, apart=True) if way.ways else found
        if found is MISSING:
            return
        if record is not None and isinstance(watched, WatchedField):
            step = Step(value, way.name, self._root, found, given, way.fields, record)
            step.is_computed = is_computed(watched.inherited)
            self.along.steps[id(value), way.name] = step
            if record.unclaimed:
                record.claim(self._lease.submission, {way.name: found})
        elif isinstance(watched, str) and watched:
            for field, _ in way.fields:
                self.along.loose[field] = False
            self._ways.tell(path, class_of(value), watched)


def give(handed: Any, root: str, value: Any, kind: ContextClass) -> None:
    """Put a value on the worker's copy, without asking the class: a setter of its own may write to the original."""
    if root in kind.asked:
        return  # it is given at the read
    if issubclass(class_of(handed), dict) and (type(root) is Key or root not in dict_of(handed)):
        _put_in(handed, root, value)
    else:
        slots = () if root in dict_of(handed) else (root,)
        put(handed, root, value, slots)


def _put_in(container: Any, name: str, value: Any) -> None:
    if class_of(container) is SimpleNamespace:
        setattr(container, name, value)
    elif issubclass(class_of(container), dict):
        number = index(name)
        is_number = type(name) is Key and number is not None and not dict[Any, Any].__contains__(container, name)
        dict[Any, Any].__setitem__(container, number if is_number else str(name), value)
    else:
        container[int(name)] = value
