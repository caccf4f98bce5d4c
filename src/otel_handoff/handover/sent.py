"""The work function is handed over to another process: it is pickled as itself, and the slip goes along.

Where that is done, in whichever thread, what goes is compared: see `around.leaving`. The far side has this package, as
it is a process of the same program; whether it is on there does not matter for the work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, cast

import wrapt

from otel_handoff.handover.directly import Args, Found, Handed, Kwargs, peeled
from otel_handoff.handover.enclosing import expected, run_expecting
from otel_handoff.handover.lease import Lease, active
from otel_handoff.handover.transport import WorkFunction, row_in, submitting, under_way
from otel_handoff.host.guard import guard
from otel_handoff.host.plainly import MISSING, class_of
from otel_handoff.host.standin import BoundStandIn

if TYPE_CHECKING:
    CallableObjectProxy = wrapt.CallableObjectProxy[Any]
else:
    CallableObjectProxy = wrapt.CallableObjectProxy


class Came:
    """What came along with the work that runs here: it recognises the worker, as `enclosing.Expected` does.

    Attributes:
        text: the slip, unread; empty where there is none.
        delivery: how many times the work was delivered by now; 0 where nobody counts that, as with brokers.
        lease: of the row, once its work function was called.
    """

    __slots__ = ("delivery", "lease", "text")

    def __init__(self, text: str, delivery: int = 0) -> None:
        self.text: str = text
        self.delivery: int = delivery
        self.lease: Lease | None = None

    def take(self, takes: Any, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Args, Kwargs] | None:
        """Return whose row the work function is called for; None where nobody knows, which is told."""
        if self.lease is None:
            self.lease = takes.arrived(self.text, instance, args, kwargs, self.delivery)
        elif active.get() is not None:
            return None  # its worker calls it for another
        lease = self.lease
        return (lease, args, kwargs) if lease is not None and lease.detector is takes.detector else None

    def knows(self, _takes: Any) -> bool:
        """Whether what came along is known."""
        return True


class Arrived:
    """The callable that was handed over, in the process that it was sent to."""

    def __init__(self, given: Any, text: str) -> None:
        self._given = given
        self._text = text

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it, in which the work function will be called."""
        what: Any = Came(self._text, 1)  # a pool of processes does nothing twice
        return run_expecting(what, self._given, None, args, kwargs)


asked: Final[list[Callable[[], str | None]]] = []
"""Asked for the slip of the task that runs here, as its engine has it; without one, the text is empty.

Each task runs in a copy of the ContextVars that is its own.
"""


def what_came() -> Came | None:
    """Return what came along with the work that runs here."""
    what: Any = expected.get()
    if what is None and asked and active.get() is None:
        text = next((text for text in (ask() for ask in asked) if text is not None), None)
        if text is not None:
            what = Came(text)
            expected.set(what)  # for all of that task
    return what if type(what) is Came else None


def _reduced(given: Any, lease: Any) -> tuple[Any, ...]:
    # `typing.cast`, loaded, gives what it is given.
    text = None
    with guard:
        text = lease.detector.leave(lease) if type(lease) is Lease else None
    if text is None:
        lease.sent()
        return cast, (None, given)
    return Arrived, (given, text)


class Sent(Handed):
    """What is handed over to a pool of processes, with the row; to everybody who asks it is what the host has given."""

    leaves = True
    __class__: Any = property(type)  # cloudpickle takes the code of what says that it is a function

    def __init__(self, given: Any, carried: Any, run: Any, found: Found) -> None:
        super().__init__(given, carried, run, found)
        if type(carried) is Lease:
            carried.missed = True  # of one that is cancelled nothing is amiss

    def _self_goes(self) -> Any:
        # What the other process is given.
        found, given = self._self_found, self.__wrapped__
        layers = peeled(given, ())
        function = layers.function
        # The first may be the instance that a function of its class is given.
        first = layers.before[: len(layers.before) - len(found.before)]
        if found.sent is not MISSING:
            function, first = _method_of(found.sent, function), (found.sent,) * len(first)
        before = first + found.before
        is_same = _are(layers.before, before) and _are(layers.named.values(), found.named.values())
        if is_same and function is layers.function:
            return given
        return partial(function, *before, **found.named) if before or found.named else function  # with a copy in it

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _reduced(self._self_goes(), self._self_carried)


class Beside(Sent):
    """The same where the slip goes beside it, as its engine has it, and not with what is pickled."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return cast, (None, self._self_goes())


def parted(handed: Any) -> tuple[Any, Lease | None]:
    """Return what goes to the other process, and its row where one has begun."""
    kind = class_of(handed)
    if kind is Beside:
        carried = handed._self_carried
        return handed._self_goes(), carried if type(carried) is Lease else None
    return (handed.__wrapped__, handed._self_lease) if kind is Leaves else (handed, None)


class Leaves(CallableObjectProxy):
    """What a submit function gives to a pool of processes, where it has looked up the work function."""

    __class__: Any = property(type)  # likewise

    def __init__(self, given: Any, lease: Lease) -> None:
        super().__init__(given)
        self._self_lease = lease

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _reduced(self.__wrapped__, self._self_lease)


class Sealed:
    """An item of a queue between processes, with its row; on the far side it is the item again."""

    __slots__ = ("_item", "_lease")

    def __init__(self, item: Any, lease: Lease) -> None:
        self._item = item
        self._lease = lease

    def __reduce__(self) -> tuple[Any, ...]:
        text = None
        with guard:
            text = self._lease.detector.leave(self._lease)
        return (cast, (None, self._item)) if text is None else (unsealed, (self._item, text))


class _Unsealed(threading.local):
    last: tuple[Any, str] | None = None


_unsealed: Final = _Unsealed()


def unsealed(item: Any, text: str) -> Any:
    """Return an item that has come; what it came with is remembered until this thread has another."""
    _unsealed.last = item, text
    return item


def came_with(item: Any) -> str | None:
    """Return what an item came with that this thread has just been given; None where that is not known."""
    last, _unsealed.last = _unsealed.last, None
    return last[1] if last is not None and last[0] is item else None


def leaving(given: Any) -> Any:
    """Return what a pool of processes is given in the place of `given`, where a row is being handed over by it."""
    handing = submitting.get() if under_way else None
    lease = handing.lease if handing is not None else None
    if handing is None or lease is None or lease.posted or not _is_work(given, lease):
        return given
    lease.left = lease.missed = True
    lease.handed = handing.contexts[1]
    lease.at_read = False
    return Leaves(given, lease)


def _is_work(given: Any, lease: Lease) -> bool:
    function = peeled(given, ()).function
    kind = class_of(function)
    if issubclass(kind, WorkFunction):
        return function._self_worker.detector is lease.detector
    if issubclass(kind, BoundStandIn) and issubclass(class_of(function._self_parent), WorkFunction):
        return function._self_parent._self_worker.detector is lease.detector
    return row_in(function) is lease


def _are(one: Any, other: Any) -> bool:
    one, other = tuple(one), tuple(other)
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _method_of(instance: Any, function: Any) -> Any:
    # What is handed over, if that is a method, or an object that is called, as that of another instance.
    kind = class_of(function)
    if kind is MethodType:
        return MethodType(function.__func__, instance)
    if issubclass(kind, BoundStandIn):
        is_method = class_of(function.__wrapped__) is MethodType
        return function._self_parent.__get__(instance, class_of(instance)) if is_method else function
    return function if kind is FunctionType or issubclass(kind, WorkFunction) else instance
