"""One boundary attached to the host: from the submit function to the worker, and to what the worker files."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import wrapt
from opentelemetry import context as context_api
from opentelemetry.context import Context

from otel_handoff.around.calls import call_wrapper
from otel_handoff.around.engine import Engine
from otel_handoff.around.worker import Work
from otel_handoff.boundary import Boundary, Call
from otel_handoff.handover.carry import follow
from otel_handoff.handover.claims import Claims
from otel_handoff.handover.lease import BORROWED_KEY, LEASE_KEY, Lease
from otel_handoff.handover.transport import WorkFunction, submitting
from otel_handoff.handover.written import open_record
from otel_handoff.host.contexts import Kind, Kinds
from otel_handoff.host.current import active, no_lease
from otel_handoff.host.fields import MISSING, Fields, Parameters, Read
from otel_handoff.host.guard import guard
from otel_handoff.host.ids import key_of, same
from otel_handoff.host.wrapping import Patch
from otel_handoff.judge.detector import Detector
from otel_handoff.record.locations import capture
from otel_handoff.record.submission import numbers
from otel_handoff.watch.descriptors import Watch

_logger = logging.getLogger("otel_handoff")


def _unwatched(_cls: type) -> None: ...


def _nothing(_args: object, _kwargs: object) -> object:
    return MISSING


def _without_rows(context: Context) -> Context:
    # A submission that somebody keeps does not keep the row alive that it was made in.
    if LEASE_KEY not in context and BORROWED_KEY not in context:
        return context
    return Context({key: value for key, value in context.items() if key not in (LEASE_KEY, BORROWED_KEY)})


def _handoff_of(function: Any) -> Handoff | None:
    # Whose wrapper is on a submit function, beneath those of others.
    while function is not None:
        owner = getattr(getattr(function, "_self_wrapper", None), "__self__", None)
        if isinstance(owner, Handoff):
            return owner
        function = getattr(function, "__wrapped__", None)
    return None


class Handoff:
    """A boundary and its wrappers."""

    def __init__(self, boundary: Boundary, engine: Engine) -> None:
        self.boundary: Boundary = boundary
        self._engine = engine
        self._fields = Fields(boundary.fields)
        self._counts = engine.metrics.boundary(boundary.name, boundary.fields)
        self._watch = Watch(self._fields.roots) if engine.settings.watch else None
        self._kinds = Kinds(self._fields, self._watch.cover if self._watch is not None else _unwatched)
        self._pin = engine.settings.mode == "pin"
        self._submission = engine.submission
        self._told_unpinned = False
        self._claims = Claims(boundary.context)
        self.detector: Detector = Detector(
            boundary, self._fields, mode=engine.settings.mode, watched=engine.settings.watch, alert=engine.alerts
        )
        self._work = Work(boundary, engine, self._counts)
        self._submit_parameters: Parameters | None = None
        self._submit_names: frozenset[str] = frozenset()
        self._work_parameters: Parameters | None = None
        self._context_of_submit: Read = _nothing
        self._context_of_work: Read = _nothing
        self.runs: Callable[..., Any] = self.run
        """`run`, bound once: each row's work item holds it."""
        self._work_patch = Patch(boundary.work, self._wrap_work)
        self._patches = [Patch(boundary.submit, self._wrap_submit), self._work_patch]
        self._patches += [Patch(call.target, call_wrapper(call, self.detector, engine)) for call in boundary.calls]
        self._patches += [follow(target) for target in boundary.pools]
        if boundary.evict is not None:
            self._patches.append(Patch(boundary.evict.target, functools.partial(self._wrap_evict, boundary.evict)))

    def attach(self) -> None:
        """Wrap the host's functions, now or when their modules are imported."""
        for patch in self._patches:
            patch.apply()

    def detach(self) -> None:
        """Give the host its functions and its context class back; rows in flight are no longer judged."""
        self.detector.enabled = False
        for patch in self._patches:
            patch.remove()
        if self._watch is not None:
            self._watch.remove()

    # -- submit

    def _wrap_submit(self, function: Any, parameters: Parameters) -> Any:
        code = getattr(function, "__code__", None)
        self._submit_names = frozenset(code.co_names) if code is not None else frozenset()
        self._submit_parameters = parameters
        if not parameters.takes(self.boundary.context):
            _logger.warning(
                "%s has no parameter %r: boundary %r checks nothing. Name the context's in Boundary(context=...).",
                self.boundary.submit,
                self.boundary.context,
                self.boundary.name,
            )
        if (other := _handoff_of(function)) is not None:
            _logger.warning(
                "%s is instrumented already, by boundary %r: with two, a race may be reported by neither. "
                "Declare a boundary once.",
                self.boundary.submit,
                other.boundary.name,
            )
        self._context_of_submit = parameters.reader(self.boundary.context)
        return wrapt.FunctionWrapper(function, self._submit)

    def _submit(self, wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        lease = None
        if self.detector.enabled:
            try:
                lease, args, kwargs = self._open(args, kwargs)
            except Exception as error:
                guard.met(error)
        if lease is None:
            return wrapped(*args, **kwargs)
        if (provoker := lease.provoker) is not None:
            provoker.submitted(lease)
        handing: list[Lease | None] = [lease]
        token = submitting.set(handing)
        try:
            return wrapped(*args, **kwargs)
        except BaseException:
            self._claims.discard(lease.submission.number)
            lease.close()
            raise
        finally:
            submitting.reset(token)
            handing[0] = None

    def _open(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Lease | None, tuple[Any, ...], Any]:
        parameters = self._submit_parameters
        context = self._context_of_submit(args, kwargs)
        if context is MISSING or parameters is None:
            return None, args, kwargs
        if active.get() is None:
            lease = self._lease(context)
        else:  # a worker that submits in turn: our own reads are not its reads
            with no_lease():
                lease = self._lease(context)
        if lease.pinned:
            args, kwargs = parameters.replace(self.boundary.context, lease.handed, args, kwargs)
        if self._work_parameters is not None and not self._is_bound_on_submit():
            self._claims.add(lease, parameters, self._work_parameters, args, kwargs)
        return lease, args, kwargs

    def _lease(self, context: Any) -> Lease:
        kind = self._kinds.of(context)
        record = open_record(context) if self._watch is not None else None  # before the copy: it misses no write
        handed = self._copy(context, kind) if self._pin else context
        roots = kind.roots_of(handed)
        submission = self._submission(
            next(numbers),
            self.boundary.name,
            MappingProxyType(self._fields.ids_of(roots)),
            threading.current_thread().name,
            time.time_ns(),
            capture(3, skip=2),
            _without_rows(context_api.get_current()),
        )
        self._counts.submissions.add()
        if record is not None:
            record.claim(submission, roots)
        row = self.boundary.row
        key = key_of(submission.ids[row]) if row is not None else None
        return Lease(submission, self.detector, self._counts.rows, kind, context, handed, roots, record, key)

    def _copy(self, context: Any, kind: Kind) -> Any:
        try:
            copied = kind.copy(context)
            if copied is not context:
                return copied
        except Exception as error:
            guard.met(error)
        if not self._told_unpinned:
            self._told_unpinned = True
            _logger.warning(
                "A %s gives no copy of itself: its workers share it, and are only observed.", type(context).__name__
            )
        return context

    def _is_bound_on_submit(self) -> bool:
        # The submit function names the work function, and what it finds there is ours: looking it up attaches the
        # submission (see WorkFunction). Otherwise the worker has to find it by what it is given.
        return self._work_patch.name in self._submit_names and self._work_patch.is_method and self._work_patch.on_top

    # -- work

    def _wrap_work(self, function: Any, parameters: Parameters) -> Any:
        self._work_parameters = parameters
        self._context_of_work = parameters.reader(self.boundary.context)
        code = getattr(function, "__code__", None)
        self.detector.work_frames = ((code, 0),) if code is not None else ()
        return WorkFunction(function, self)

    def claimed(self, wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the work function where it was not looked up while submitting."""
        lease = None
        if self.detector.enabled and self._submit_parameters is not None and self._work_parameters is not None:
            with guard:
                lease = self._claims.take(self._submit_parameters, self._work_parameters, args, kwargs)
        if lease is None:
            return wrapped(*args, **kwargs)
        return self.run(lease, wrapped, _instance, args, kwargs)

    def run(self, lease: Lease, wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the work function under its submission."""
        running = None
        if self.detector.enabled:
            if (provoker := lease.provoker) is not None:
                provoker.hold(lease, "start")
            try:
                lease.receive(self._context_of_work(args, kwargs))
                running = self._work.begin(lease)
            except Exception as error:
                guard.met(error)
        if running is None:
            return wrapped(*args, **kwargs)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            self._work.end(lease, running, error)
            raise
        self._work.end(lease, running, None)
        return result

    def bound(self, lease: Lease) -> None:
        """The work function was looked up while submitting: the work item carries the submission from here on."""
        self._claims.discard(lease.submission.number)

    # -- evict

    def _wrap_evict(self, call: Call, function: Any, parameters: Parameters) -> Any:
        readers = {name: parameters.reader(path) for name, path in call.ids.items()}

        def evict(wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            result = wrapped(*args, **kwargs)
            if result is not False:
                with guard:
                    ids = {name: read(args, kwargs) for name, read in readers.items()}
                    for lease in self._counts.rows.leases():
                        if all(same(lease.submission.ids.get(name), value) for name, value in ids.items()):
                            lease.evicted = True
                            if (provoker := lease.provoker) is not None:
                                provoker.evicted(lease)
            return result

        return wrapt.FunctionWrapper(function, evict)
