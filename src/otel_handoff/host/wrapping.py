"""Attaching wrappers to a host that may not be imported yet, and taking off exactly those."""

from __future__ import annotations

import contextlib
import dis
import inspect
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, cast

from otel_handoff.host import imports
from otel_handoff.host.births import Births
from otel_handoff.host.callsites import codes_in
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING, class_of
from otel_handoff.host.standin import StandIn
from otel_handoff.host.suggest import nearest

_logger = logging.getLogger("otel_handoff")

Wrap = Callable[[Any, Parameters], Any]
"""Makes the stand-in for a function, given its parameters (without `self`)."""

_applied: Final[dict[str, list[Patch]]] = {}
_EMPTY: Final[Mapping[str, Any]] = {}


class Place:
    """One name in a class or module under which a stand-in of ours is, or was.

    Attributes:
        parent: the class or module.
        name: the name in it.
        original: what was there; `MISSING` where it was inherited.
        ours: the stand-in.
    """

    def __init__(self, parent: Any, name: str, ours: Any) -> None:
        """Look at what is there; `put` puts `ours` in its place."""
        self.parent: Any = parent
        self.name: str = name
        self._entries = _entries_of(parent)
        # The raw entry keeps staticmethod and classmethod; an inherited function is overridden, and deleted later.
        self.original: Any = self._entries.get(name, MISSING)
        self.ours: Any = ours

    def put(self) -> None:
        """Put ours there."""
        setattr(self.parent, self.name, self.ours)

    def _give_back(self, original: Any) -> None:
        if original is MISSING:
            delattr(self.parent, self.name)
        else:
            setattr(self.parent, self.name, original)

    @property
    def on_top(self) -> bool:
        """Whether the host calls our stand-in directly, with no other wrapper above it."""
        return self._entries.get(self.name) is self.ours

    @property
    def in_use(self) -> bool:
        """Whether the host's calls still come to our stand-in, perhaps through a wrapper above it."""
        return any(found is self.ours for found in layers(self._entries.get(self.name)))

    def undo(self) -> None:
        """Give the host its own function back. If somebody wrapped ours, theirs stays and calls through ours."""
        ours, original = self.ours, self.original
        while self._entries.get(self.name) is ours:
            self._give_back(original)
            if not _is_left_over(original):
                break
            ours, original = original, original.__wrapped__  # on another thread, that was taken off beneath ours
        for above in _listed():
            if above.original is self.ours:  # another patch of our own: take ourselves out from beneath it
                above.original = self.original
                above.ours.__wrapped__ = self.ours.__wrapped__


class Patch:
    """One function of the host, replaced whenever its module is loaded, and given back by identity.

    Attributes:
        target: `"module:Class.method"` or `"module:function"`.
        name: its last part.
        places: where our stand-ins are: under the target's own name, under aliases of it, and in subclasses that
            override it; of a module that was loaded again, in both.
        births: where it is heard of subclasses when they are made.
    """

    def __init__(self, target: str, wrap: Wrap, *, overrides: bool = False, calling: bool = True) -> None:
        """Replace `target` by what `wrap` makes of it; with `overrides`, in subclasses, too.

        Without `calling` those are left alone whose own calls what it overrides: that is seen where it is called.
        """
        self.target: str = target
        self.module, path = target.split(":")
        *self._parents, self.name = path.split(".")
        self.places: list[Place] = []
        self.births: list[Place] = []
        self._wrap = wrap
        self._removed = False
        self._waits = False
        self._overrides = overrides
        self._calling = calling

    def apply(self) -> None:
        """Wrap the target now, or as soon as its module is imported. Never imports it."""
        self._removed = self._waits = False
        _applied.setdefault(self.module, []).append(self)
        imports.listen(self.module, self._loaded)
        self._waits = True  # what is loaded from now on comes when all others have been applied, too

    def remove(self) -> None:
        """Give the host its own functions back, or let ours be inert beneath what others put above them."""
        self._removed = True
        imports.stop(self.module, self._loaded)
        if self in _applied.get(self.module, ()):  # it may have been applied half way
            _applied[self.module].remove(self)
        self.give_back()

    def give_back(self) -> None:
        """Take the wrappers off. They are put on again when the module is loaded again, unless it was removed."""
        for place in {id(place.ours): place for place in self.places}.values():
            _give_back_imported(place)
        for places in (self.places, self.births):
            while places:
                places.pop().undo()

    @property
    def attached(self) -> bool:
        """Whether the target was found, and wrapped."""
        return bool(self.places)

    @property
    def on_top(self) -> bool:
        """Whether the host calls our stand-in directly."""
        return self.attached and self.places[0].on_top

    @property
    def in_use(self) -> bool:
        """Whether calls by the target's own name still come to our stand-in."""
        return self.attached and any(place.in_use for place in self.places)

    def attach(self, module: ModuleType) -> None:
        """Wrap the target in its imported module, once."""
        parent: Any = module
        for part in self._parents:
            parent = getattr(parent, part, None)
        if not callable(getattr(parent, self.name, None)):
            found = inspect.getattr_static(parent, self.name, MISSING) if parent is not None else MISSING
            self.miss(found, nearest(self.name, dir(parent)) if parent is not None else "")
            return
        if self._is_wrapped(inspect.getattr_static(parent, self.name)):
            return
        raw = _entries_of(parent).get(self.name, MISSING)
        place = self._stand_in(parent)
        self._put(place, self.places, 0)
        for owner, alias in _aliases(parent, self.name, raw):
            self._put(Place(owner, alias, place.ours), self.places)
        if self._overrides and isinstance(parent, type):
            original = vars(parent).get("__init_subclass__", MISSING)
            with contextlib.suppress(TypeError, AttributeError):  # a metaclass may refuse
                self._put(Place(parent, "__init_subclass__", Births(parent, original, self.cover)), self.births)

    def miss(self, found: Any, hint: str = "") -> None:
        """Tell that the module has no such function; perhaps something else was `found` there."""
        if found is not MISSING:
            _logger.warning("%s is %s: it is not checked. %s", self.target, *no_function(found))
            return
        _logger.warning("%s is not there: this version of the host is not checked at that place.%s", self.target, hint)

    def cover_overrides(self) -> list[type]:
        """Wrap the target in subclasses of its class that override it, as far as they are not yet wrapped.

        Returns:
            Those whose own does not call what it overrides: calls of it were not seen until now.
        """
        found: list[type] = []
        if self._overrides:
            for parent in [place.parent for place in self.places if place.name == self.name]:
                found += [
                    cls for cls in _subclasses(parent) if self.cover(cls) and not _calls(cls, vars(cls)[self.name])
                ]
        return found

    def cover(self, cls: type) -> bool:
        """Wrap the target in a subclass that overrides it; return whether that was left to do."""
        override = vars(cls).get(self.name, MISSING)
        if override is not MISSING and not _is_ours(override) and not self._is_declared(cls):
            with guard:
                if callable(getattr(cls, self.name)) and (self._calling or not _calls(cls, override)):
                    return self._put(self._stand_in(cls), self.places)
        return False

    def _is_declared(self, cls: type) -> bool:
        target = f"{cls.__qualname__}.{self.name}"
        return any(patch.target == f"{cls.__module__}:{target}" for patch in _applied.get(cls.__module__, ()))

    def _put(self, place: Place, places: list[Place], at: int = sys.maxsize) -> bool:
        """Put ours in its place; return whether it may stay, as nobody has taken ours off meanwhile.

        A row that is handed over, or an import, puts ours there on one thread while another one takes them off. Whoever
        comes later sees what the other has done: it is listed before it is there, and looked for in the list after.
        """
        places.insert(at, place)
        try:
            place.put()
        except Exception:  # the class refuses
            with contextlib.suppress(ValueError):
                places.remove(place)
            raise
        if not self._removed and place in places:
            return True
        with contextlib.suppress(ValueError):
            places.remove(place)
        place.undo()
        return False

    def _stand_in(self, parent: Any) -> Place:
        function: Any = getattr(parent, self.name)
        raw = inspect.getattr_static(parent, self.name)
        if isinstance(raw, property) or self.name not in vars(parent):
            raw = function
        # An object with `__call__` and no `__get__` is given no instance, also in a class.
        bound = (
            isinstance(parent, type) and not isinstance(raw, (staticmethod, classmethod)) and hasattr(raw, "__get__")
        )
        return Place(parent, self.name, self._wrap(raw, Parameters(function, bound=bound)))

    def _is_wrapped(self, function: Any) -> bool:
        return any(layer is place.ours for layer in layers(function) for place in self.places)

    def _loaded(self, module: ModuleType) -> None:
        with guard:
            self.attach(module)
            if self._waits:  # those of the same module are born already
                self.cover_overrides()


def layers(function: Any) -> Iterator[Any]:
    """Yield a function, and what it wraps in turn."""
    for _ in range(64):  # a host's own `__wrapped__` may lead in a circle
        if function is None or function is MISSING:
            return
        yield function
        if (looked_up := getattr(function, "_self_parent", None)) is not None:
            yield looked_up  # who wraps `Class.method` has what wrapt makes of ours when it is looked up there
        function = getattr(function, "__wrapped__", None)


def no_function(found: Any) -> tuple[str, str]:
    """Return what stands where a function should be, in words, and what to do about it."""
    kind = class_of(found)
    if hasattr(kind, "__get__"):
        return f"a {kind.__name__}", "Declare the function that it returns."
    return f"a {kind.__name__}, and no function", "Declare a function."


_ELSEWHERE: Final = ("delay", "apply_async", "remote")
"""What an object has that stands for a function, and is run as something else than what is called here."""


def run_otherwise(function: Any) -> tuple[str, list[str]] | None:
    """Return the class of such an object, and which of these it has; None where nothing that it wraps is one."""
    for layer in layers(function):
        kind = class_of(layer)
        ways = [way for way in _ELSEWHERE if hasattr(kind, way)]
        if ways:
            return kind.__name__, ways
    return None


def _is_ours(function: Any) -> bool:
    # Whether any stand-in of ours is there: an override that is declared by itself is another boundary's.
    if class_of(function) is FunctionType and not function.__dict__:
        return False  # it wraps nothing, as all of ours do
    places = list(_listed())
    return any(layer is place.ours for layer in layers(function) for place in places)


def _is_left_over(function: Any) -> bool:
    # Whether it is a stand-in of ours that nobody will take off any more.
    return issubclass(class_of(function), (StandIn, Births)) and all(place.ours is not function for place in _listed())


def _listed() -> Iterator[Place]:
    for patches in list(_applied.values()):
        for patch in list(patches):
            yield from (*patch.places, *patch.births)


def _calls(cls: type, override: Any) -> bool:
    # Whether a class's own function calls what it overrides, as far as its code shows.
    function = inspect.unwrap(getattr(override, "__func__", override))
    code = getattr(function, "__code__", None)
    if code is None:
        return False  # an object of the host's own making
    named = {(base.__name__, code.co_name) for base in cls.__mro__[1:-1]}

    def calls(one: CodeType) -> bool:
        if "super" in one.co_names:
            return True
        if code.co_name not in one.co_names:  # most often: what reads it need not be looked for
            return False
        return not named.isdisjoint(pairwise([step.argval for step in dis.get_instructions(one)]))

    return any(map(calls, codes_in(code)))


def _subclasses(cls: Any) -> Iterator[type]:
    if isinstance(cls, type):
        for subclass in type.__subclasses__(cls):
            yield subclass
            yield from _subclasses(subclass)


def _entries_of(parent: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", vars(parent))


def _give_back_imported(place: Place) -> None:
    # A module that was imported meanwhile may have our stand-in of a function: `from shop import work`.
    if isinstance(place.parent, ModuleType) and isinstance(place.original, FunctionType):
        for owner, alias in _aliases(place.parent, place.name, place.ours):
            setattr(owner, alias, place.original)


def _aliases(parent: Any, name: str, raw: Any) -> list[tuple[Any, str]]:
    """Return where else the very same function stands: `enqueue = submit`, or `from shop import work`."""
    owners: list[Any] = [parent]
    if isinstance(parent, ModuleType) and isinstance(raw, FunctionType):  # or a stand-in for one
        for module in list(sys.modules.values()):
            # There may be thousands, with ten thousands of entries: no more is done for each than this.
            for value in list(getattr(module, "__dict__", _EMPTY).values()):
                if value is raw and module is not parent:
                    owners.append(module)
                    break
    return [
        (owner, alias)
        for owner in owners
        for alias, value in dict(_entries_of(owner)).items()
        if value is raw and (owner, alias) != (parent, name)
    ]
