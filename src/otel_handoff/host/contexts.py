"""The classes of contexts that a boundary has met: how each is copied and read, found out once."""

from __future__ import annotations

import dis
import inspect
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partialmethod
from operator import itemgetter
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final, cast

from otel_handoff.host.copying import copier, copies_plainly
from otel_handoff.host.fields import Fields
from otel_handoff.host.following import Partial
from otel_handoff.host.paths import Key
from otel_handoff.host.plainly import (
    MISSING,
    beneath_ours,
    class_of,
    dict_of,
    has_plain_dict,
    is_code,
    is_watched,
    lookup,
    slots_of,
)
from otel_handoff.host.snapshots import Snapshot, Values, holding, holds, snapshot, unusual


class ContextClass:
    """A class of contexts.

    Attributes:
        copy: makes the shallow copy that `copy.copy` would make; raises `Unfit` where that is not fit for work.
        roots_of: root -> its value now, on a context of this class; without `computed`.
        has: whether a context of this class surely has the very roots that are known of it, without asking it.
        ids_of: field -> its value, from the values of the roots.
        computed: roots that are properties without a setter, or that are computed when they are first asked for. They
            are the host's code, and are not run for this; of the latter, a value that is kept by then is read.
        asked: roots that are the host's code, too, and are run once, when a row is handed over.
        snapshot: takes all of a row at once; raises where the class is not as most are.
        is_plain: whether a copy has the same `__dict__`, and nothing else.
        holds: whether one that `is_plain` has the very objects on it that it had.
        slots: where its instances keep values besides their `__dict__`; without those that are fields.
        shares: whether workers share it from now on: what they leave on copies of it, others have written meanwhile.
        vague: whether the last row that was looked at had no id, nor had any before.
        deep: whether the last row that was looked at had something on the way to its ids that can be changed in place.
        looks: whether the next row is looked at for what its submit function writes to the context.
        quiet: how many were looked at.
        writes: whether it writes, as its code shows or a row did: then each is.
        watching: the names of what watches the class, or a class that it inherits from.
        watching_of: reads what is there off the class's `__dict__`; a `KeyError` where nothing is.
        watches: what that are instances of.
        unwatched: why not all reads are seen; empty where they are.
        can_be_read: whether a worker can be given what was submitted where it reads a field.
        polled: whether workers wait for what the submitter sets on such a context; None as long as nobody has asked.
        name: of the class.
        told_looked_up: whether it was told that a copy is not found by its identity.
        told_unfit: whether it was told that there is no copy.
        told_unwatched: whether it was told that not all reads are seen.
    """

    __slots__ = (
        "asked",
        "can_be_read",
        "computed",
        "copy",
        "deep",
        "has",
        "holds",
        "ids_of",
        "is_plain",
        "looks",
        "name",
        "polled",
        "quiet",
        "roots_of",
        "shares",
        "slots",
        "snapshot",
        "told_looked_up",
        "told_unfit",
        "told_unwatched",
        "unwatched",
        "vague",
        "watches",
        "watching",
        "watching_of",
        "writes",
    )

    def __init__(self, cls: type, fields: Fields, unwatched: str = "", *, copies: bool = True) -> None:
        named = [root for root in fields.roots if type(root) is not Key]
        attributes = {root: beneath_ours(lookup(cls, root)) for root in named}
        computed = [root for root, found in attributes.items() if is_computed(found)]
        lazy = [root for root, found in attributes.items() if is_lazy(cls, found)]
        self.computed: tuple[str, ...] = (*computed, *lazy)
        self.asked: tuple[str, ...] = tuple(
            root for root, found in attributes.items() if root not in self.computed and is_code(found)
        )
        self.watching: list[str] = [root for root in named if is_watched(lookup(cls, root))]
        self.watching_of: Callable[[Mapping[str, Any]], Sequence[Any]] = _reader(cls, self.watching)
        self.watches: list[type] = [*map(class_of, self.watching_of(vars(cls)))]
        self.unwatched: str = unwatched
        self.can_be_read: bool = bool(self.watching) and not unwatched
        self.name: str = cls.__qualname__
        self.slots: tuple[str, ...] = tuple(name for name in slots_of(cls) if name not in fields.roots)
        self.looks: bool = copies
        self.polled: bool | None = None
        self.quiet: int = 0
        self.writes: bool = False
        self.deep: bool = False
        self.vague: bool = False
        self.shares: bool = False
        self.told_looked_up: bool = False
        self.told_unfit: bool = False
        self.told_unwatched: bool = False
        read = fields.without(computed) if computed else fields
        plain = _reads_plainly(cls, read)
        self.roots_of: Callable[[Any], dict[str, Any]] = read.plain_roots_of if plain else read.roots_of
        self.has: Callable[[Any, Mapping[str, Any]], bool] = read.are_plainly if plain and not lazy else _unknown
        if lazy:
            self.roots_of = _where_kept(lazy, read, self.roots_of)
        self.ids_of: Callable[[dict[str, Any]], dict[str, Any]] = (
            _with_computed(fields, read) if computed else fields.ids_of
        )
        self.copy: Callable[[Any], Any] = copier(cls, fields.without(self.computed))
        usual = plain and not (computed or lazy or self.asked) and all(name in vars(cls) for name in self.watching)
        self.is_plain: bool = copies_plainly(cls)
        self.holds: Callable[[Any, Values], bool] = holds
        usual = usual and (not copies or self.is_plain) and len(set(self.watches)) < 2
        watched = self.watches[0] if self.watches else object
        self.snapshot: Snapshot = (
            snapshot(cls.__qualname__, fields, self.watching, watched, copies=copies) if usual else unusual
        )

    def values_of(self, copy: Any) -> Values | None:
        """Return the objects on a copy, in order; None where these are not all that it has."""
        if not self.is_plain:
            return None
        if self.holds is holds:  # the first one: most have its attributes
            self.holds = holding(self.name, copy.__dict__)
        return (*copy.__dict__.values(),)


class ContextClasses:
    """The classes of contexts that a boundary has met.

    Attributes:
        roots: the attributes of a context that fields start at.
        met: the classes, by identity.
        written: whether it is known from the start that a submit function writes to them.
    """

    def __init__(
        self,
        fields: Fields,
        met: Callable[[type], str],
        lost: Callable[[type, ContextClass, list[str]], object],
        *,
        copies: bool = True,
    ) -> None:
        """Know nothing yet.

        Args:
            fields: the boundary's.
            copies: whether a worker is given a copy.
            met: is called with each class before the first of its contexts is read; returns why not all reads of it
                are seen.
            lost: is called where what watched some roots of a class is no longer there: reads were not seen since.
        """
        self.written: bool = False
        self.roots: Collection[str] = fields.roots
        self._fields = fields
        self._met = met
        self._lost = lost
        self._copies = copies
        # Weak, and by identity: a class may be made for one row, and a metaclass may hash it as it likes.
        self.met: dict[int, tuple[ContextClass, weakref.ref[type]]] = {}

    def of(self, context: Any) -> ContextClass:
        """Return the kind of a context."""
        cls = class_of(context)
        known = self.met.get(id(cls))
        if known is None:
            return self._meet(cls)
        kind = known[0]
        try:  # this is for each row
            if [*map(class_of, kind.watching_of(cls.__dict__))] == kind.watches:
                return kind
        except KeyError:
            pass
        return self._meet_again(cls, kind)

    def look(self) -> None:
        """See whether what watches the classes is still there."""
        for kind, ref in list(self.met.values()):
            cls = ref()
            if cls is None or not kind.watching:
                continue
            if cls.__getattribute__ is not object.__getattribute__ or kind.watches != _classes_there(cls, kind):
                self._meet_again(cls, kind)

    def _meet_again(self, cls: type, kind: ContextClass) -> ContextClass:
        lost = [root for root in kind.watching if not _asks_ours(lookup(cls, root))]
        if cls.__getattribute__ is not object.__getattribute__:
            lost = kind.watching
        if not lost:  # another library's stands above ours
            kind.watches = _classes_there(cls, kind)
            return kind
        self._lost(cls, kind, lost)
        return self._meet(cls)

    def _meet(self, cls: type) -> ContextClass:
        kind = ContextClass(cls, self._fields, self._met(cls), copies=self._copies)
        kind.writes = self.written
        known, key = self.met, id(cls)
        known[key] = kind, weakref.ref(cls, lambda _: known.pop(key, None))
        return kind


def _unknown(_context: Any, _roots: Mapping[str, Any]) -> bool:
    return False


def _classes_there(cls: type, kind: ContextClass) -> list[type]:
    try:
        return [*map(class_of, kind.watching_of(vars(cls)))]
    except KeyError:
        return []


def _asks_ours(attribute: Any) -> bool:
    # Whether it is ours, or somebody's that has ours to ask: as an attribute of it, or of what its functions enclose.
    held = [attribute]
    if isinstance(attribute, property):
        for function in (attribute.fget, attribute.fset):
            held += getattr(function, "__defaults__", None) or ()
            held += [_content_of(cell) for cell in getattr(function, "__closure__", None) or ()]
    for one in list(held):
        held.append(getattr(one, "__self__", None))  # a bound `__get__`
        held += dict(getattr(one, "__dict__", ())).values()
    return any(is_watched(one) for one in held)


def _content_of(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _where_kept(
    lazy: Sequence[str], read: Fields, roots_of: Callable[[Any], dict[str, Any]]
) -> Callable[[Any], dict[str, Any]]:
    others: dict[tuple[str, ...], Fields] = {}

    def kept(context: Any) -> dict[str, Any]:
        values = dict_of(context)
        missing = tuple(root for root in lazy if root not in values)
        if not missing:
            return roots_of(context)
        found = (others.get(missing) or others.setdefault(missing, read.without(missing))).roots_of(context)
        absent, beyond = (found.absent, found.beyond) if isinstance(found, Partial) else ((), ())
        return Partial(found, absent, (*beyond, *missing))

    return kept


def _with_computed(fields: Fields, read: Fields) -> Callable[[dict[str, Any]], dict[str, Any]]:
    computed = [name for name in fields.paths if name not in read.paths]

    def ids_of(roots: dict[str, Any]) -> dict[str, Any]:
        found = read.ids_of(roots)
        absent = found.absent if isinstance(found, Partial) else ()
        beyond = found.beyond if isinstance(found, Partial) else ()
        return Partial({**dict.fromkeys(fields.paths), **found}, absent, (*beyond, *computed))

    return ids_of


def _reader(cls: type, names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    # It is called for each row, and keeps no class alive.
    if not names:
        return lambda _: ()
    if all(name in vars(cls) for name in names):
        return itemgetter(names[0], *names)  # of one name alone it would give no tuple
    of = weakref.ref(cls)
    return lambda _: [lookup(cast("type", of()), name) for name in names]


def is_computed(attribute: Any) -> bool:
    """Whether what a class has, unbound, is a property without a setter."""
    return issubclass(class_of(attribute), property) and attribute.fset is None


_CALLED: Final = (FunctionType, BuiltinFunctionType, MethodType, staticmethod, classmethod, partialmethod)


def is_lazy(cls: type, attribute: Any) -> bool:
    """Whether an instance that has no such value runs code of the host's, which may keep what it makes of it then.

    Args:
        cls: the class.
        attribute: what it has, unbound: a `functools.cached_property`, say; or `MISSING`.
    """
    kind = class_of(attribute)
    if attribute is MISSING:
        return _keeps_what_it_finds(lookup(cls, "__getattr__"))
    return hasattr(kind, "__get__") and not (hasattr(kind, "__set__") or issubclass(kind, _CALLED))


def _keeps_what_it_finds(function: Any) -> bool:
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    if code is None:
        return False
    stores = {"STORE_ATTR", "STORE_SUBSCR"} & {step.opname for step in dis.get_instructions(code)}
    return bool(stores) or not {"setattr", "__setattr__", "setdefault", "update"}.isdisjoint(code.co_names)


def _reads_plainly(cls: type, fields: Fields) -> bool:
    return (
        not fields.has_keys
        and has_plain_dict(cls)
        and not any(_is_kept_elsewhere(lookup(cls, root)) for root in fields.roots)
    )


def _is_kept_elsewhere(attribute: Any) -> bool:
    if is_watched(attribute):
        return not attribute.keeps_in_dict
    return hasattr(class_of(attribute), "__set__")
