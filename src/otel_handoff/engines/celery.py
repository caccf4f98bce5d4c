"""Celery: a task's row is handed over where its signature or its message is made, and worked on in a worker.

The slip travels as the header `handoff`. What is published is compared as that is done: then the write is known that
made it another row's. The worker compares what the task reads, files and returns, as everywhere.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from otel_handoff.around.arriving import Arriving
from otel_handoff.around.leaving import Leaving
from otel_handoff.around.shared import Shared
from otel_handoff.around.worker import Worker
from otel_handoff.boundary import Boundary
from otel_handoff.engines.publishing import HEADER, Posted, publishing
from otel_handoff.engines.remote import Named
from otel_handoff.engines.shapes import AHEAD, PACKAGES, TaskShape, Unclear, unmade
from otel_handoff.handover.lease import Lease
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING, class_of, dict_of
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


class CeleryHandoff(Named):
    """A boundary whose work is a Celery task."""

    def __init__(self, boundary: Boundary, engine: Any) -> None:
        self._by_name: dict[str, TaskShape] = {}
        super().__init__(boundary, engine, publishing)
        self.leaving: Leaving = Leaving(self, PACKAGES)
        self._unmade: dict[str, TaskShape] = {}
        self._unknown = TaskShape(self, None, None)

    @property
    def shared_state(self) -> Shared:
        """Itself, as what its wrappers share."""
        return self

    def shape(self, name: str) -> TaskShape:
        """Return what is known of a task's parameters."""
        return self._by_name.get(name) or self._unmade.get(name, self._unknown)

    def _shape_ahead(self, name: str) -> TaskShape:
        # Of a task that Celery has yet to make, by its function.
        shape = self.shape(name)
        if shape is self._unknown and (found := unmade(name)) is not None:
            function, bound = found
            shape = self._unmade[name] = TaskShape(self, Parameters(function, bound=bound), function)
        return shape

    def take(self, task: Any) -> None:
        """A task is there: wrap what it runs, if it is one of these."""
        name = getattr(task, "name", None)
        if isinstance(self._work_patch, _Tasks) and isinstance(name, str) and self.matches(name):
            with guard:
                self._work_patch.take(task)

    def _patch_of_work(self) -> Patch:
        return _Tasks(self.boundary.work, self.wrap_task)

    def wrap_task(self, function: Any, parameters: Parameters, task: Any = None) -> Any:
        """Return what takes the place of what a task runs."""
        name = str(task.name)
        if not self._by_name:
            exceptions: Any = import_module("celery.exceptions")
            self.running.passing = exceptions.Retry, exceptions.Ignore, exceptions.Reject
            self._work_parameters = parameters
            self._tell_what_is_compared(function, parameters)
        self._by_name[name] = TaskShape(self, parameters, function)
        return stand_in(function, TaskWorker(self, function, parameters, task))

    # -- handing over

    def depart(
        self, name: str, args: Args, kwargs: Kwargs, *, early: bool = False, whole: bool = True
    ) -> tuple[Posted, Args, Kwargs] | None:
        """Begin a row; return its header, and what is sent in the place of its arguments.

        Args:
            name: of the task.
            args: what it is to be called with.
            kwargs: what it is to be called with by name.
            early: whether it is not published yet, and its context may not be among them.
            whole: whether that is all of them: a chain gives what came before it as the first argument.
        """
        if not self.detector.enabled:
            return None
        shape, posted = self._shape_ahead(name) if early else self.shape(name), Posted("")
        posted.leave, posted.at = self.leave, name
        if early:
            try:
                ahead = shape.ahead(args, kwargs, whole=whole)
            except Unclear:
                return posted, args, kwargs
            if ahead is None:
                return None
            posted.ahead = ahead
        found = shape.departing.depart(None, (AHEAD,) * posted.ahead + args, kwargs)
        if found is None:
            return None
        lease, args, kwargs = found
        lease.missed = True  # nothing is amiss if it is never sent
        posted.lease = lease
        return posted, args[posted.ahead :], kwargs

    def leave(self, posted: Posted, args: Any, kwargs: Any) -> str | None:
        """It is published with these arguments; with those that come before them, or without."""
        lease = posted.lease
        if lease is None:
            self.missed_row("context_unreadable")
            return None
        shape = self.shape(posted.at)
        found = [shape.context((*(AHEAD,) * ahead, *args), kwargs) for ahead in (posted.ahead, 0)]
        context = next((each for each in found if each is lease.handed or each is lease.context), found[-1])
        text = self.leaving.leave(lease, lease.handed if context is MISSING else context)
        lease.close()
        return text


class TaskWorker(Worker):
    """What one task runs, in a worker."""

    def __init__(self, handoff: CeleryHandoff, function: Any, parameters: Parameters, task: Any) -> None:
        super().__init__(handoff, getattr(function, "__func__", function), parameters)
        self._name = str(task.name)
        self._came = Arriving(handoff, parameters)

    def __call__(self, wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        """Run it for the row that came with its message."""
        lease = row = None
        task = _current_task() if instance is None else instance
        if self.detector.enabled:
            with guard:
                row = self.inner.row(task, args, kwargs)
            if row is not None:
                return self._run_inner(row, wrapped, args, kwargs)
            with guard:
                lease, args, kwargs = self._whose_call(task, args, kwargs)
                if self.shared.coverage.due:
                    self.shared.coverage.tell()
        return self._run_as(lease, wrapped, task, args, kwargs)

    def body(self, shape: Any) -> tuple[str, dict[str, object]]:
        """There is no short way: what came with a message is to be read."""
        return f"return {shape.through()}\n", {}

    def _whose_call(self, task: Any, args: Args, kwargs: Kwargs) -> tuple[Lease | None, Args, Kwargs]:
        request = task.request if task is not None and task.name == self._name else None
        if not (request is None or request.called_directly or request.is_eager):
            return self._arrived(request, task, args, kwargs), args, kwargs
        if (begun := self.inner.begin(task, args, kwargs)) is not None:
            return begun
        self.shared.in_place()
        return None, args, kwargs

    def _arrived(self, request: Any, task: Any, args: Args, kwargs: Kwargs) -> Lease | None:
        headers: Kwargs = request.headers or {}
        text: Any = request.get(HEADER) or headers.get(HEADER)
        slip = self._came.slip_of(text) if text is not None else None
        if slip is None and not self.shared.boundary.ids:
            if text is None:
                self.shared.coverage.miss("no_slip", detail=self._name)
            return None
        return self._came.arrive(slip, task, args, kwargs, _delivery(task, request))


def _delivery(task: Any, request: Any) -> int:
    # Retries are counted. What a broker delivers is not: it may do so again until that is acknowledged, and not all
    # brokers say so. Where the first delivery has no number, it is known that nobody counts: retries keep theirs.
    retries: int = int(request.retries or 0)
    delivered: Kwargs = request.delivery_info or {}
    return 0 if delivered.get("redelivered") or (task.acks_late and not retries) else 1 + retries


def _current_task() -> Any:
    state: Any = import_module("celery._state")
    return state.get_current_task()


class _Tasks(Patch):
    """What tasks of some name run, replaced once they are there."""

    def __init__(self, target: str, wrap: Callable[..., Any]) -> None:
        super().__init__(target, wrap)
        self._wrap_task = wrap
        self._parents, self.name = [], "run"
        self._tasks: list[Any] = []

    def attach(self, module: ModuleType) -> None:
        """Celery is there; the tasks that are there by now are taken by who knows them."""

    def take(self, task: Any) -> None:
        """Wrap what a task runs, once."""
        cls: Any = class_of(task)
        if any(place.parent is cls for place in self.places):
            return

        def wrap(function: Any, parameters: Parameters) -> Any:
            return self._wrap_task(function, parameters, task)

        self._wrap = wrap
        if self._put(self._stand_in(cls), self.places):
            self._tasks.append(task)
            _renew(task)

    def give_back(self) -> None:
        """Take the wrappers off."""
        super().give_back()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            with guard:
                _renew(task)


def _renew(task: Any) -> None:
    # What Celery has looked up before, when it set the task up, it is to look up again.
    kept = dict_of(task)
    cls: Any = class_of(task)
    if "_orig_run" in kept:  # with `autoretry_for`
        is_static = isinstance(inspect.getattr_static(cls, "run"), staticmethod)
        task._orig_run = cls.run if is_static else cls.run.__get__(task, cls)
    trace = kept.get("__trace__")
    if trace is not None:
        made: Any = import_module("celery.app.trace")
        found = inspect.getclosurevars(trace).nonlocals
        task.__trace__ = made.build_tracer(task.name, task, found.get("loader"), found.get("hostname"), app=task.app)
