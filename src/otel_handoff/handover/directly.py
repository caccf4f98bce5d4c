"""The work function itself is handed over: as it is, as a bound method, in partials, or as an object that it calls.

What it will be called with is known then. So its row begins there, and what is handed over carries the lease.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from contextvars import Context
from functools import partial
from types import BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol, cast

import wrapt

from otel_handoff.handover.lease import Lease
from otel_handoff.handover.transport import WorkFunction
from otel_handoff.host.plainly import MISSING, class_of, lookup
from otel_handoff.host.standin import REBOUNDABLE, BoundStandIn

if TYPE_CHECKING:
    CallableObjectProxy = wrapt.CallableObjectProxy[Any]
else:
    CallableObjectProxy = wrapt.CallableObjectProxy

Args = tuple[Any, ...]
Kwargs = dict[str, Any]

_HOLE: Final = getattr(functools, "Placeholder", MISSING)
"""In a partial, since Python 3.14: it is filled with what that is called with."""

_MOST_NESTED: Final = 16


class Takes(Protocol):
    """One work function of a boundary that names no submit function: `around.alone`."""

    @property
    def name(self) -> str:
        """Under which it is found on its class, or in its module."""
        ...

    @property
    def function(self) -> Any:
        """The host's own."""
        ...

    @property
    def is_method(self) -> bool:
        """Whether its first parameter is an instance."""
        ...

    def begin(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Args, Kwargs] | None:
        """Begin a row whose work function will be called with these; return what it is to be called with."""
        ...

    def depart(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Any, Args, Kwargs] | None:
        """The same of a row that goes to another process; return as well on which instance."""
        ...

    def expect(self, parts: Any, sites: Any) -> Any:
        """Remember what a function that calls it holds; return what recognises its workers."""
        ...

    def run(self, lease: Lease, wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        """Run it for a row."""
        ...


taking: Final[dict[int, Takes]] = {}
"""Those of all boundaries, by the identity of the host's function, which each of them holds."""


wanted: Final[set[str]] = set()
"""Their names."""


kinds: Final[set[type]] = {BoundStandIn, REBOUNDABLE}
"""The classes of what stands for them."""


def take_in(takes: Takes, *functions: Any) -> None:
    """From now on `functions` are a work function that is looked for in what is handed over."""
    taking.update((id(function), takes) for function in functions)
    wanted.add(takes.name)


def leave_out(takes: Takes) -> None:
    """It is looked for no more."""
    for each, known in list(taking.items()):
        if known is takes:
            taking.pop(each, None)
    if all(other.name != takes.name for other in list(taking.values())):
        wanted.discard(takes.name)


class Found(NamedTuple):
    """The work function, in what is handed over.

    Attributes:
        takes: whose.
        wrapped: what is called: the host's own.
        instance: of what it is a method.
        before: what partials give it first.
        named: what they give it by name.
        through: runs it, as `Context.run` does, if anything does.
        shift: how many of the arguments that are given with it are taken up by then: itself, or an instance.
        sent: the instance that goes to another process, where that is a copy.
    """

    takes: Takes
    wrapped: Any
    instance: Any
    before: Args
    named: Kwargs
    through: Callable[..., Any] | None
    shift: int
    sent: Any = MISSING


class Layers(NamedTuple):
    """What is handed over, without partials and `Context.run` around it.

    Attributes:
        function: what is left.
        before: what partials give it first.
        named: what they give it by name.
        through: a `Context.run`.
        shift: how many of the arguments that are given with it are taken up by then.
    """

    function: Any
    before: Args
    named: Kwargs
    through: Callable[..., Any] | None
    shift: int


def is_run(given: Any) -> bool:
    """Whether it is the `run` of a `contextvars.Context`."""
    return class_of(given) is BuiltinMethodType and class_of(given.__self__) is Context and given.__name__ == "run"


def peeled(given: Any, args: Args) -> Layers:
    """Return what is handed over without what is around it; `args` are given with it."""
    before: Args = ()
    named: Kwargs = {}
    through: Callable[..., Any] | None = None
    shift = 0
    for _ in range(_MOST_NESTED):
        kind = class_of(given)
        if kind is partial:
            before, named, given = filled(given.args, before), {**given.keywords, **named}, given.func
        elif is_run(given):
            if before:
                inner, before = before[0], before[1:]
            elif len(args) > shift:
                inner, shift = args[shift], shift + 1
            else:
                break
            through, given = given if through is None else partial(through, given), inner
        else:
            break
    return Layers(given, before, named, through, shift)


def found_in(layers: Layers, args: Args) -> Found | None:
    """Return the work function, if that is what is left."""
    given, before, named, through, shift = layers
    kind = class_of(given)
    takes: Takes | None = None
    instance: Any = None
    wrapped = given
    unbound = False
    if kind is FunctionType:
        takes = taking.get(id(given))
        unbound = takes is not None and takes.is_method
    elif kind is MethodType:
        takes, instance = taking.get(id(given.__func__)), given.__self__
    elif issubclass(kind, BoundStandIn):
        parent = given._self_parent
        if issubclass(class_of(parent), WorkFunction) and given._self_wrapper == parent._self_wrapper:
            wrapped = given.__wrapped__
            if class_of(wrapped) is MethodType:
                takes, instance = taking.get(id(wrapped.__func__)), wrapped.__self__
            else:
                takes = taking.get(id(wrapped))
                unbound = takes is not None and takes.is_method
    elif issubclass(kind, WorkFunction):
        wrapped = given.__wrapped__
        takes = taking.get(id(wrapped))
    else:
        call = lookup(class_of(given), "__call__")
        if issubclass(class_of(call), WorkFunction):
            takes, instance = taking.get(id(call.__wrapped__)), given
            wrapped = MethodType(call.__wrapped__, given)
    if takes is None:
        return None
    if unbound:
        if before:
            instance, before = before[0], before[1:]
        elif len(args) > shift:
            instance, shift = args[shift], shift + 1
        else:
            return None
        wrapped = MethodType(wrapped, instance)
    return Found(takes, wrapped, instance, before, named, through, shift)


def filled(before: Args, args: Args) -> Args:
    """Return what a partial with the arguments `before` calls its function with, when it is called with `args`."""
    if _HOLE is MISSING or not any(each is _HOLE for each in before):
        return (*before, *args)
    rest = iter(args)
    return (*(next(rest, _HOLE) if each is _HOLE else each for each in before), *rest)


class Handed(CallableObjectProxy):
    """What is handed over, with what recognises its worker; to everybody who asks it is what the host has handed over.

    It runs `run(carried, wrapped, instance, args, kwargs)`, of which `carried` is the lease, most often.
    """

    leaves: ClassVar[bool] = False
    """Whether it goes to another process."""

    def __init__(self, given: Any, carried: Any, run: Callable[..., Any], found: Found) -> None:
        super().__init__(given)
        self._self_carried: Any = carried
        self._self_run: Callable[..., Any] = run
        self._self_found: Found = found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the work function for its row."""
        found = self._self_found
        args, kwargs = filled(found.before, args[found.shift :]), {**found.named, **kwargs}
        if found.through is not None:
            return found.through(self._self_run, self._self_carried, found.wrapped, found.instance, args, kwargs)
        return self._self_run(self._self_carried, found.wrapped, found.instance, args, kwargs)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return self._self_again(copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._self_again(copy.deepcopy(self.__wrapped__, memo))

    def _self_again(self, given: Any) -> Any:
        # A deep copy of a bound method is of another instance: then it is the host's own affair.
        return self if given is self.__wrapped__ else given

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # To another process goes what the host has handed over; `typing.cast` gives what it is given.
        if self._self_carried is not None:
            self._self_carried.sent()
        return cast, (None, self.__wrapped__)


class HandedOnce(Handed):
    """The same, called once, by what keeps it for as long as it lives itself: then it has the row no more."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        if self._self_carried is None:
            return self.__wrapped__(*args, **kwargs)
        try:
            return super().__call__(*args, **kwargs)
        finally:
            self._self_carried = None
            self._self_found = Found(self._self_found.takes, None, None, (), {}, None, 0)


def handed_directly(
    given: Any, found: Found, args: Args, kwargs: Kwargs, kind: type[Handed]
) -> tuple[Any, Args, Kwargs]:
    """Begin the row of a work function that is handed over; return what is handed over in its place."""
    before, named, shift = found.before, found.named, found.shift
    whole, by_name = filled(before, args[shift:]), {**named, **kwargs}
    if kind.leaves:
        departed = found.takes.depart(found.instance, whole, by_name)
        if departed is None:
            return given, args, kwargs
        lease, instance, replaced, renamed = departed
        if instance is not found.instance:
            found = found._replace(sent=instance)
            if shift and args[shift - 1] is found.instance:
                args = (*args[: shift - 1], instance, *args[shift:])
    else:
        begun = found.takes.begin(found.instance, whole, by_name)
        if begun is None:
            return given, args, kwargs
        lease, replaced, renamed = begun
    if replaced is not whole:
        before, args = _put_back(before, args, shift, whole, replaced)
    if renamed is not by_name:
        changed = {name: value for name, value in renamed.items() if value is not by_name.get(name, MISSING)}
        kwargs = {name: changed.pop(name, value) for name, value in kwargs.items()}
        named = {**named, **changed}
    return kind(given, lease, found.takes.run, found._replace(before=before, named=named)), args, kwargs


def _put_back(before: Args, args: Args, shift: int, whole: Args, replaced: Args) -> tuple[Args, Args]:
    # Where each argument that is replaced came from: a partial, or the call.
    first, rest = list(before), list(args)
    holes = [index for index, each in enumerate(before) if each is _HOLE]
    for index, value in enumerate(replaced):
        if value is whole[index]:
            continue
        if index >= len(first):
            rest[shift + len(holes) + index - len(first)] = value
        elif index in holes:
            rest[shift + holes.index(index)] = value
        else:
            first[index] = value
    return tuple(first), tuple(rest)
