"""What takes the place of a host's function: called, it is ours; for all else it is the function that it stands for.

A host pickles its functions, copies them, keeps them in what it deep-copies, and holds bound methods weakly. None of
that may show that they are wrapped, and what comes of a copy still has to be called through us.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, cast

import wrapt

from otel_handoff.host.bound import SHARED, Bound, Reboundable, call_of, can_be_made, set_dict
from otel_handoff.host.plainly import MISSING, class_of
from otel_handoff.host.targets import found_at

if TYPE_CHECKING:
    FunctionWrapper = wrapt.FunctionWrapper[..., Any]
    BoundFunctionWrapper = wrapt.BoundFunctionWrapper[..., Any]
else:
    FunctionWrapper = wrapt.FunctionWrapper
    BoundFunctionWrapper = wrapt.BoundFunctionWrapper

_class: Final[Any] = vars(object)["__class__"]
_get: Final = object.__getattribute__
"""As wrapt's own, which in a subclass asks what is beneath twice for what is not there: 2 ** n times through n."""
_WRAPPERS: Final = (FunctionType, staticmethod, classmethod, wrapt.FunctionWrapper)


class BoundStandIn(BoundFunctionWrapper):
    """A stand-in as looked up on an instance or a class: as the bound method, or the function, found there."""

    __getattribute__ = _get

    def __copy__(self) -> Any:
        return self  # as of a bound method, nothing can tell

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        found: Any = self
        copied = copy.deepcopy(self.__wrapped__, memo)
        if copied is self.__wrapped__:
            return self
        instance = getattr(copied, "__self__", found._self_instance)
        rest = (found._self_owner,) if hasattr(found, "_self_owner") else ()  # wrapt 2
        make: Any = BoundStandIn  # wrapt's stubs know only its first argument
        bound = found._self_wrapper, found._self_enabled, found._self_binding, found._self_parent
        return make(copied, instance, *bound, *rest)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return reduce(self, protocol)

    def __reduce__(self) -> Any:
        return reduce(self, 2)

    @property
    def __func__(self) -> Any:
        """The function of a bound method, as ever.

        Who asks for it may be `weakref.WeakMethod`, which makes `type(method)(function, instance)` of it later.
        """
        function = cast("Any", self.__wrapped__).__func__
        if type(self) is BoundStandIn:
            _class.__set__(self, _Reboundable)
        return function


def _slowly(method: Any, instance: Any, wrapper: Any) -> Any:
    make: Any = BoundStandIn  # wrapt's stubs know only its first argument
    return make(method, instance, wrapper, None, "function", None)


Bound.slowly = staticmethod(_slowly)


class _Reboundable(BoundStandIn):
    """The same, where its type may be asked to make another one. No other pays for a constructor in Python."""

    def __new__(cls, function: Any, instance: Any) -> Any:  # pyright: ignore[reportInconsistentConstructor]
        return _rebound(function, instance)


REBOUNDABLE: Final[type[BoundStandIn]] = _Reboundable
"""What a bound stand-in is once it was asked for its function."""


def _rebound(function: Any, instance: Any) -> Any:
    of_class = _found(function, instance) if issubclass(class_of(instance), type) else None
    if of_class is not None:
        return of_class.__get__(None, instance)  # a class method
    ours = _found(function, class_of(instance))
    if ours is None:  # taken off since
        return MethodType(function, instance)
    return ours.__get__(instance, class_of(instance))


Reboundable.rebound = staticmethod(_rebound)


class StandIn(FunctionWrapper):
    """Takes the place of a function of the host."""

    __bound_function_wrapper__ = BoundStandIn
    __getattribute__ = _get

    def __copy__(self) -> Any:
        return self._self_around(copy.copy(self.__wrapped__))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._self_around(copy.deepcopy(self.__wrapped__, memo))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return reduce(self, protocol)

    def __reduce__(self) -> Any:
        return reduce(self, 2)

    def _self_around(self, copied: Any) -> Any:
        """Return what stands for `copied`: itself, as a function is copied as itself."""
        return self if copied is self.__wrapped__ else self._self_again(copied)

    def _self_again(self, function: Any) -> Any:
        return stand_in(function, cast("Any", self)._self_wrapper)

    _self_found: tuple[Any, Any] = (None, None)

    def _self_of_class(self, owner: type | None) -> Any:
        """Return what a class gives of a plain function: the same at each look, as also of a subclass that inherits it.

        By that a host knows what was overridden: `type(self).work is not Base.work`.
        """
        of, found = self._self_found
        if of is not self.__wrapped__:
            found = _looked_up(self, None, owner)
            self._self_found = self.__wrapped__, found
        return found


_looked_up: Final[Any] = FunctionWrapper.__get__


class _StandInOfFunction(StandIn):
    """Of a plain function."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self._self_of_class(owner) if instance is None else _looked_up(self, instance, owner)


def _quick(function: FunctionType, wrapper: Any) -> type[StandIn]:
    """Return the class of what stands for a plain function, where looking it up makes no wrapper."""
    code: CodeType | None = function.__code__
    defaults, keywords, attributes = function.__defaults__, function.__kwdefaults__, function.__dict__
    by_name = function.__code__.co_kwonlyargcount > 0  # without, there is nothing that these are the defaults of
    call = call_of(function, wrapper, reduce, getattr(wrapper, "body", None))

    class Quick(_StandInOfFunction):
        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if (
                instance is None
                or attributes  # what others have done to the function since is seen in the slow way
                or function.__code__ is not code
                or function.__defaults__ is not defaults
                or (by_name and function.__kwdefaults__ is not keywords)
            ):
                return super().__get__(instance, owner)
            found = Bound(call, instance)
            set_dict(found, SHARED)
            return found

        def __setattr__(self, name: str, value: Any) -> None:
            nonlocal code
            if name == "__wrapped__":  # somebody puts another function beneath
                code = None
            super().__setattr__(name, value)

    return Quick


class _StandInOfStatic(StandIn):
    """Of a static method, which is the same at each look; by that `cloudpickle` knows what has a name."""

    def __get__(self, _instance: Any, owner: type | None = None) -> Any:
        return self._self_of_class(owner)


class _StandInOfObject(StandIn):
    """Of an object with `__call__` and no `__get__`, which is given no instance; wrapt 1 asks it for a `__get__`."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self


def stand_in(function: Any, wrapper: Any) -> StandIn:
    """Return what calls `wrapper(wrapped, instance, args, kwargs)` in the place of `function`, as wrapt has it."""
    kind = class_of(function)
    if kind is FunctionType:
        return (_quick(function, wrapper) if can_be_made(function) else _StandInOfFunction)(function, wrapper)
    if kind is staticmethod:
        return _StandInOfStatic(function, wrapper)
    return (StandIn if hasattr(kind, "__get__") else _StandInOfObject)(function, wrapper)


def reduce(ours: Any, protocol: Any) -> Any:
    """Return what `pickle` is to write: for a function the same bytes as without us, so that they load without us."""
    wrapped: Any = ours.__wrapped__
    kind = class_of(wrapped)
    if kind in (staticmethod, classmethod):
        return kind, (wrapped.__func__,)
    sent = getattr(getattr(ours._self_wrapper, "__self__", None), "sent", None)
    if sent is not None:
        sent()
    by_name = isinstance(wrapped, (FunctionType, type))
    reduced = cast("Any", wrapped).__qualname__ if by_name else wrapped.__reduce_ex__(protocol)
    return _by_name(ours, wrapped, reduced) if isinstance(reduced, str) else reduced


def _by_name(ours: Any, wrapped: Any, path: str) -> Any:
    # `pickle` takes a name only for the very object that is found there. A class makes another one at each look.
    owner_path, _, name = path.rpartition(".")
    owner = found_at(f"{wrapped.__module__}:{owner_path}")
    there: Any = getattr(owner, name, MISSING)
    if there is not ours:
        if there is wrapped:  # taken off since: `typing.cast`, loaded, gives what it is given
            return cast, (None, wrapped)
        parent = ours._self_parent
        if issubclass(class_of(there), BoundStandIn) and there._self_parent is (ours if parent is None else parent):
            return getattr, (owner, name)
    return path


def _found(function: Any, cls: type) -> StandIn | None:
    """Return the stand-in for `function` that `cls` has now, most likely under its name."""
    name: str = getattr(function, "__name__", "")
    for base in cls.__mro__:
        members = vars(base)
        for member in (members.get(name), *list(members.values())):
            layers = list(_layers(member))
            if any(layer is function for layer in layers):
                found = next((layer for layer in layers if issubclass(class_of(layer), StandIn)), None)
                if found is not None:
                    return found
    return None


def _layers(member: Any) -> Iterator[Any]:
    # Of what is known to be a wrapper: any other object of the host's may do what it likes when it is asked.
    yield member
    while issubclass(class_of(member), _WRAPPERS):
        member = getattr(member, "__wrapped__", None)
        yield member
