"""How a submission reaches its worker: with the work function itself."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, Final, Protocol
from weakref import ref

from otel_handoff.handover.asked import Judge
from otel_handoff.handover.lease import Lease
from otel_handoff.host.bound import (
    SHARED,
    Bound,
    Reboundable,
    Written,
    call_of,
    can_be_made,
    is_bound,
    row_of,
    set_dict,
)
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.standin import BoundStandIn, StandIn, reduce

Given = tuple[Parameters, tuple[Any, ...], dict[str, Any]]
"""The arguments of one call, and the parameters of the function that was called."""


LOOKED_UP: Final = frozenset({Bound, Reboundable, BoundStandIn, partial})
"""The types of what a work function may be found as, and of what may have that in it."""


class Handing:
    """A hand-over in progress; what it holds is let go when that is done.

    Attributes:
        lease: whose; None once it is done (a task that the host has begun meanwhile has a copy of this), and where the
            context could not be read.
        contexts: the context object that the submit function was called with, and the one that it got: the same, or
            the worker's copy.
        given: all that it got.
        found: what the work function, looked up meanwhile, was bound to; the work item, if it is one, keeps that alive.
        again: the same of further look-ups.
        first: the row that was handed over before that of `lease`, if there was one.
        outer: the hand-over within which this one is made.
        unread: whether the context could not be read; then `passed` is whether an inner submit function could.
        passed: whether a pool was seen to take what was looked up: what is written from then on is another row's.
        wrote: what the submit function itself wrote to the context since, attribute -> value.
        instance: whose method it is, as far as anybody asks.
    """

    __slots__ = ("__dict__", "__weakref__", "contexts", "found", "given", "lease", "passed")

    again: list[ref[Any]] | None = None
    outer: Handing | None = None
    first: Lease | None = None
    unread: bool = False
    wrote: dict[str, object] | None = None
    instance: Any = None

    def __init__(self, lease: Lease | None, contexts: tuple[Any, Any]) -> None:
        self.lease: Lease | None = lease
        self.contexts: tuple[Any, Any] = contexts
        self.given: Given | None = None
        self.passed: bool = False
        self.found: ref[Any] | None = None

    def is_about(self, context: Any) -> bool:
        """Whether `context` is what is handed over."""
        return context is not None and (context is self.contexts[0] or context is self.contexts[1])

    def gives(self, arguments: tuple[Any, ...]) -> bool:
        """Whether the submit function was given all of `arguments` itself."""
        given = self.given
        mine = (*given[1], *given[2].values()) if given is not None else ()
        return all(any(value is one for one in mine) for value in arguments)

    def found_again(self, ref: ref[Any]) -> None:
        """The work function was looked up once more: for a log line before, or for another part of the row."""
        if self.again is None:
            self.again = []
        self.again.append(ref)

    def pass_on(self, given: Any) -> None:
        """A pool is given `given`: if the work function is in it, the row is handed over."""
        while type(given) is partial:
            given = given.func
        lease = self.lease
        if lease is not None and row_in(given) is lease:
            self.passed = True
            lease.unplaced = None  # what the submit function wrote so far, it wrote before

    @staticmethod
    def takes(handing: Handing | None, given: Any) -> bool:
        """Whether a pool that is given `given` is seen to take the row that is handed over, if there is one."""
        if handing is None:
            return True
        found, lease = handing.found, handing.lease
        if found is None or lease is None or found() is not given:
            return found is None
        handing.passed = True
        if lease.unplaced is not None:
            lease.unplaced = None
        return True

    def write(self, root: str, value: object) -> None:
        """The submit function writes to what it hands over."""
        if self.wrote is None:
            self.wrote = {}
        self.wrote[root] = value

    def is_bound(self) -> bool:
        """Whether something that was looked up is kept by somebody: then the work item carries the submission."""
        return (self.found is not None and self.found() is not None) or (
            self.again is not None and any(ref() is not None for ref in self.again)
        )


submitting: Final[ContextVar[Handing | None]] = ContextVar("otel_handoff_submitting", default=None)
"""The hand-over that is in progress on this thread or task."""


def handed_over(context: Any) -> Handing | None:
    """Return the hand-over, in progress here, whose submit function was given `context`: the innermost."""
    handing = submitting.get()
    while handing is not None and handing.contexts[1] is not context:
        handing = handing.outer
    return handing


under_way: Final[dict[int, ref[Handing]]] = {}
"""The hand-overs that are in progress anywhere, by number: mostly none, and then nobody asks for that of its thread.

One whose end was interrupted is held by nothing else, and is gone: whoever meets it takes it out.
"""


def in_progress() -> list[tuple[int, Handing]]:
    """Return the hand-overs of all threads, with their numbers."""
    found: list[tuple[int, Handing]] = []
    for number, held in list(under_way.items()):
        handing = held()
        if handing is not None:
            found.append((number, handing))
        elif under_way.get(number) is held:
            under_way.pop(number, None)
    return found


class Works(Protocol):
    """Who runs the work function: `around.worker`."""

    @property
    def detector(self) -> Judge[Lease]:
        """Judges the rows that it is run for."""
        ...

    @property
    def runs(self) -> Callable[..., Any]:
        """Runs it for a lease, which is its first argument."""
        ...

    def body(self, shape: Written) -> tuple[str, dict[str, object]]:
        """Make what is done where it was looked up while submitting, and called as most are."""
        ...

    def claimed(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run it where it was not looked up while submitting."""
        ...

    def row_of(self, handing: Handing, lease: Lease) -> Lease:
        """Return whose row it is looked up for again: the same, or another of the same submit call."""
        ...


class WorkFunction(StandIn):
    """The work function. Looking it up on an instance while submitting attaches the submission to what is found.

    That is the whole transport: no registry, no ticket, no patched pool. The work item carries the submission, and
    if the item is dropped, so is the submission.
    """

    def __init__(self, function: Any, worker: Works) -> None:
        super().__init__(function, worker.claimed)
        self._self_worker: Works = worker
        self._self_binds: bool = hasattr(function, "__get__")

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if not self._self_binds:
            return self  # an object with `__call__` in a class body is given no instance
        if instance is None and type(self.__wrapped__) is FunctionType:
            return self._self_of_class(owner)
        now = submitting.get()
        worker = self._self_worker
        lease = now.lease if now is not None else None
        if now is None or lease is None or lease.detector is not worker.detector or instance is None:
            return super().__get__(instance, owner)
        if now.found is not None:
            with guard:
                lease = worker.row_of(now, lease)
        elif lease.pinned and not lease.detector.watched:
            lease.detector.look_again(lease, *now.contexts)
        elif lease.along is not None:
            with guard:
                lease.along.take_over()
                lease.detector.take_stamps(lease)
        wrapped: Any = self.__wrapped__
        run = MethodType(worker.runs, lease)  # smaller and quicker than a partial
        if now.found is None:
            now.found = ref(run)
        else:
            now.found_again(ref(run))
            lease.looked_up += 1
        make: Any = BoundStandIn  # wrapt's stubs know only its first argument
        return make(wrapped.__get__(instance, owner), instance, run, None, "function", self)

    def _self_again(self, function: Any) -> Any:
        return work_function(function, self._self_worker)


def row_in(given: Any) -> Any:
    """Return the row that the work function was looked up for; None of anything else."""
    if type(given) is BoundStandIn:
        return getattr(given._self_wrapper, "__self__", None)
    return row_of(given) if is_bound(given) else None


def work_function(function: Any, worker: Works) -> WorkFunction:
    """Return what stands for a work function. Of a plain one, the first look-up for a row makes no wrapper."""
    if not can_be_made(function):
        return WorkFunction(function, worker)
    code: CodeType | None = function.__code__
    defaults, keywords, attributes = function.__defaults__, function.__kwdefaults__, function.__dict__
    by_name = function.__code__.co_kwonlyargcount > 0  # without, there is nothing that these are the defaults of
    call = call_of(function, worker.runs, reduce, worker.body, of_a_row=True)
    detector = worker.detector
    watched = detector.watched

    class Quick(WorkFunction):
        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            now = submitting.get()
            if (
                now is None
                or instance is None
                or now.found is not None
                or (lease := now.lease) is None
                or lease.detector is not detector
                or not (watched or not lease.pinned or lease.kind.has(now.contexts[1], lease.roots))  # looked at again
                or lease.along is not None
                or attributes  # what others have done to the function since is seen in the slow way
                or function.__code__ is not code
                or function.__defaults__ is not defaults
                or (by_name and function.__kwdefaults__ is not keywords)
            ):
                return super().__get__(instance, owner)
            found = Bound(call, (lease, instance))
            set_dict(found, SHARED)
            now.found = ref(found)
            return found

        def __setattr__(self, name: str, value: Any) -> None:
            nonlocal code
            if name == "__wrapped__":  # somebody puts another function beneath
                code = None
            super().__setattr__(name, value)

    return Quick(function, worker)
