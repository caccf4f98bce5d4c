"""One boundary attached to the host: from the submit function to the worker, and to what the worker files."""

from __future__ import annotations

import atexit
import functools
import inspect
import logging
import os
import threading
import weakref
from collections import deque
from typing import Any, Final

from opentelemetry import context as context_api

from otel_handoff.around.alone import Alone
from otel_handoff.around.calls import DeclaredCall
from otel_handoff.around.emission import Emitting
from otel_handoff.around.engine import Engine
from otel_handoff.around.following import unknown
from otel_handoff.around.leaving import Leaving
from otel_handoff.around.loops import Loop
from otel_handoff.around.place import Place, meant
from otel_handoff.around.shared import Shared
from otel_handoff.around.submit import Submit
from otel_handoff.around.worker import Worker
from otel_handoff.boundary import Boundary, Call
from otel_handoff.declare.declared import faults
from otel_handoff.handover.calling import forget
from otel_handoff.handover.carry import follow
from otel_handoff.handover.directly import kinds, leave_out
from otel_handoff.handover.lease import Lease, active, without_rows
from otel_handoff.handover.transport import submitting, work_function
from otel_handoff.handover.twins import writes
from otel_handoff.host.contexts import ContextClass
from otel_handoff.host.guard import guard
from otel_handoff.host.ids import same
from otel_handoff.host.parameters import RETURNED, Parameters
from otel_handoff.host.paths import parse
from otel_handoff.host.polling import polled
from otel_handoff.host.standin import stand_in
from otel_handoff.host.suggest import nearest
from otel_handoff.host.wrapping import Patch, layers, run_otherwise
from otel_handoff.record.locations import Frames

_logger = logging.getLogger("otel_handoff")

_MOST_WITHOUT_ROWS: Final = 1_000
"""Calls after which it is told that no row was seen; else at the end: a program may make some before its first."""
_NOT_UNTIL_NOW: Final = "it overrides the declared function without calling it, and was not seen until now"


def _override(cls: type, patch: Patch) -> str:
    return f"{cls.__module__}:{cls.__qualname__}.{patch.name}"


def _owner_of(function: Any) -> Shared | None:
    # Whose wrapper is on a submit function, beneath those of others.
    for layer in layers(function):
        owner = getattr(layer, "_self_wrapper", None)
        if isinstance(owner, Submit) and owner.shared.detector.enabled:  # one that was taken off beneath others is not
            return owner.shared
    return None


def _worked_on_by(function: Any) -> Shared | None:
    # Whose worker is on a work function that has no submit function.
    for layer in layers(function):
        owner = getattr(layer, "_self_worker", None)
        if isinstance(owner, Alone) and owner.shared.detector.enabled:
            return owner.shared
    return None


class Handoff(Shared):
    """A boundary and its wrappers."""

    def __init__(self, boundary: Boundary, engine: Engine) -> None:
        """Make the wrappers; `attach` puts them on."""
        super().__init__(boundary, engine, self.look_for_gaps)
        self.cover_overrides = self.look_at_submitters
        self.explain = self._explain
        self._functions: dict[str, Any] = {}
        self.polls = self._polls
        self._polling: list[Any] = []
        self._explained = False
        self.gap = self._gap
        self._gaps: set[tuple[str, str]] = set()
        self._without_rows: deque[str] = deque(maxlen=_MOST_WITHOUT_ROWS)
        self._registered = False
        if engine.settings.remote:
            self.detector.leave = Leaving(self).leave
        self._submit_names: frozenset[str] = frozenset()
        self._work_names: frozenset[str] = frozenset()
        self._submit_parameters: Parameters | None = None
        self._work_parameters: Parameters | None = None
        self._alone: list[Alone] = []
        self._loop = Loop(self) if boundary.takes else None
        submit = boundary.submit if self._loop is None else None
        self._submit_patch = Patch(submit, self._wrap_submit, overrides=True) if submit else None
        self._work_patch = self._patch_of_work()
        self._calls = [
            DeclaredCall(
                call,
                self.detector,
                engine,
                outside=self._called_outside,
                unread=self._unread,
                in_batches=boundary.batch,
            )
            for call in boundary.calls
        ]
        self._patches: list[Patch] = [patch for patch in (self._submit_patch, self._work_patch) if patch is not None]
        self._patches += self._loop.patches if self._loop is not None else []
        self._patches += [patch for call in self._calls for patch in call.patches]
        if boundary.emission is not None:
            self._patches += Emitting(boundary, boundary.emission, self.detector, engine, self.coverage).patches
        self._patches += [follow(target) for target in boundary.pools]
        if boundary.evict is not None:
            self._patches.append(Patch(boundary.evict.target, functools.partial(self._wrap_evict, boundary.evict)))

    def attach(self) -> None:
        """Wrap the host's functions, now or when their modules are imported."""
        _attached.add(self)
        self.engine.use()
        atexit.unregister(settle_all)
        atexit.register(settle_all)
        for patch in self._patches:
            patch.apply()

    def detach(self) -> None:
        """Give the host its functions and its context class back; rows in flight are no longer judged."""
        with guard:
            self.coverage.tell()  # rows that have ended are
        self.detector.enabled = False
        for alone in self._alone:
            leave_out(alone)
        forget()
        self.settle()
        for patch in self._patches:
            patch.remove()
        if self.watch is not None:
            self.watch.remove()
        _attached.discard(self)
        self.engine.leave()

    def settle(self) -> None:
        """No more rows will come: tell what was not seen of those that came."""
        with guard:
            self.claims.give_up()
            for lease in self.counts.rows.leases():
                lease.miss()
            self.look_for_gaps()
            self._tell_of_no_row()
            self.coverage.tell()
            if self.running.late is not None:
                self.running.late.judged.tell()

    # -- attaching

    def _patch_of_work(self) -> Patch:
        return Patch(self.boundary.work_target, self._wrap_work, overrides=True)

    def _submit_of(self, parameters: Parameters, function: Any) -> Submit:  # noqa: ARG002
        return Submit(self, parameters)

    def _work_of(self, function: Any, parameters: Parameters) -> Any:
        return work_function(function, Worker(self, function, parameters))

    def _wrap_submit(self, function: Any, parameters: Parameters) -> Any:
        boundary = self.boundary
        self.counts.shown = True
        self._submit_names = parameters.names
        self.shared = self._submit_names & self._work_names
        if self._submit_patch is not None and not self._submit_patch.attached:  # the target itself
            self._tell_what_is_compared(function, parameters)
            self._submit_parameters = parameters
            self._functions["submit"] = function
            self._find_out_what_is_given()
        if (other := _owner_of(function)) is not None:
            _logger.warning(
                "%s is instrumented already, by boundary %r: with two, a race may be reported by neither. "
                "Declare a boundary once.",
                boundary.submit,
                other.boundary.name,
            )
        with guard:
            self.kinds.written |= writes(function, self.kinds.roots)
        submit = self._submit_of(parameters, function)
        self.row_of = submit.row_of
        return stand_in(function, submit)

    def _wrap_work(self, function: Any, parameters: Parameters) -> Any:
        self.counts.shown = True
        if self.boundary.submit is None and (other := _worked_on_by(function)) is not None:
            _logger.warning(
                "%s is instrumented already, by boundary %r, and only the one declared last sees its rows. Declare one "
                "boundary, with all that is shared in its context.",
                self.boundary.work,
                other.boundary.name,
            )
        if self._loop is not None:
            self.detector.telling.work_frames = _place_of(function)
            return self._loop.wrap(function)
        if not self._work_patch.attached:  # the target itself: an override is recognised by the same names
            self._work_names = parameters.names
            self.shared = self._submit_names & self._work_names
            self.keeps_context = not Place(self.boundary, parameters).is_argument
            self._work_parameters = parameters
            self._functions["work"] = function
            self._find_out_what_is_given()
            self.detector.telling.work_frames = _place_of(function)
            self._warn_of_what_is_run_otherwise(function)
        with guard:
            self._see_what_is_polled(function)
        if self.boundary.submit is not None:
            return self._work_of(function, parameters)
        if not self._work_patch.attached:
            self._tell_what_is_compared(function, parameters)
        alone = Alone(self, parameters, function, self._work_patch.name)
        self._alone.append(alone)
        ours = work_function(function, alone)
        kinds.add(type(ours))
        forget()
        return ours

    def _see_what_is_polled(self, function: Any) -> None:
        # A loop that goes on until the submitter has set something would never see it on a copy. Where nothing but the
        # context tells which row a worker is at, it has to be one.
        place = self.boundary.place
        if self.boundary.submit is None or self.shared - {place}:
            self.polled = self.polled or polled(function, place, self.kinds.roots)
            self._polling.append(function)

    def _polls(self, kind: ContextClass, cls: type) -> bool:
        if kind.polled is None:
            place, roots = self.boundary.place, self.kinds.roots
            kind.polled = bool(self.polled) or any(polled(each, place, roots, cls) for each in self._polling)
        return kind.polled

    def _tell_what_is_compared(self, function: Any, parameters: Parameters) -> None:
        boundary = self.boundary
        if not boundary.names:
            _logger.info(
                "Boundary %r names no ids: the trace is carried to its workers, and nothing is compared.", boundary.name
            )
        for place in boundary.places if boundary.fields else ():
            if not parameters.leads(place):
                _logger.warning(
                    "%s has no parameter %r: boundary %r checks nothing%s. Name the context's in "
                    "Boundary(context=...).%s",
                    boundary.hands_over,
                    parse(place).root,
                    boundary.name,
                    "" if len(boundary.places) == 1 else f" of {place!r}",
                    meant(place, function, parameters.names),
                )

    def _find_out_what_is_given(self) -> None:
        # A worker that is given the context under the name that the submit function has it is known by that.
        work = self._work_parameters
        submit = self._submit_parameters if self.boundary.submit is not None else work
        if submit is not None and work is not None:
            self.is_given = Place(self.boundary, submit).is_argument and not self.keeps_context
            self.claims.proofs.work = None if self.is_given else work
            self._warn_of_ids_that_nobody_has(submit, work)

    def _warn_of_ids_that_nobody_has(self, submit: Parameters, work: Parameters) -> None:
        boundary = self.boundary
        for name, path in boundary.ids.items():
            if submit.leads(path) or work.leads(path):
                continue
            _logger.warning(
                "Boundary %r: ids[%r]: neither %s nor %s has a parameter %r, where %r starts: it is not checked.%s",
                boundary.name,
                name,
                boundary.hands_over,
                boundary.work,
                parse(path).root,
                path,
                nearest(parse(path).root, submit.names | work.names),
            )

    def _explain(self) -> None:
        # A row was missed: what of the declaration cannot work, or hardly can, is said once.
        if self._explained or "work" not in self._functions:
            return
        self._explained = True
        with guard:
            submit, work = self._functions.get("submit"), self._functions["work"]
            for fault in faults(self.boundary, submit, work):
                target = self.boundary.submit if fault.role == "submit" else self.boundary.work
                _logger.warning("Boundary %r: %s %s. %s", self.boundary.name, target, fault.text, fault.do)

    def _warn_of_what_is_run_otherwise(self, function: Any) -> None:
        otherwise = run_otherwise(function)
        if otherwise is not None:
            kind, ways = otherwise
            _logger.warning(
                "%s is a %s, which is run as something else than what is called here (it has %s): its rows may not be "
                "checked. Name the plain function that does the work.",
                self.boundary.work,
                kind,
                ", ".join(ways),
            )

    def cover(self) -> None:
        """Wrap the functions in subclasses, too, as far as there are such by now. No row need have been seen."""
        with guard:
            for patch in self._patches:
                patch.cover_overrides()

    def look_at_submitters(self) -> None:
        """Do the same where rows may have been missed: of what is found only now, that is told."""
        if not self._registered:
            self._registered = True  # after the providers', so that what is told then is exported
            atexit.unregister(settle_all)
            atexit.register(settle_all)
        if (submit := self._submit_patch) is not None:
            for cls in submit.cover_overrides():
                self._gap("replaced", _override(cls, submit), _NOT_UNTIL_NOW)
        self._work_patch.cover_overrides()

    # -- what was not met

    def look_for_overrides(self) -> None:
        """See whether a subclass hands over rows in its own way that was not wrapped until now."""
        with guard:
            self.cover_overrides()
            for call in self._calls:
                for patch in call.patches:
                    for cls in patch.cover_overrides():
                        if self.counts.recognised.value and not call.call.optional:
                            self._gap("call_not_seen", _override(cls, patch), _NOT_UNTIL_NOW)

    def look_for_gaps(self) -> None:
        """See whether something that was declared was never met, though rows were, or is no longer there."""
        self.look_for_overrides()
        self.kinds.look()
        if not (self._submit_patch or self._work_patch).attached:
            return
        if self._loop is not None and self._loop.elsewhere:
            self._gap("no_worker", self.boundary.work, "it was not seen to run, and items were taken")
        if self._loop is not None and self._loop.placeless:
            self._gap("field_unresolved", self.boundary.place, f"no item that {self.boundary.work} took has it")
        gaps = [("replaced", patch.target) for patch in self._patches if patch.attached and not patch.in_use]
        if self._is_here():
            wanted = [[self._work_patch], *(call.patches for call in self._calls)]
            gaps += [("part_missing", one[0].target) for one in wanted if not any(patch.attached for patch in one)]
        if self.counts.recognised.value:
            gaps += [
                ("call_not_seen", patch.target)
                for call in self._calls
                for patch in call.patches
                if patch.attached and not (call.seen or call.call.optional)
            ]
        for reason, target in gaps:
            self._gap(reason, target)

    def _is_here(self) -> bool:
        # Whether rows are handed over here, and so worked on.
        return bool(self.counts.submissions.value)

    def _called_outside(self, call: DeclaredCall, *, nested: bool) -> bool:
        # By the submitter, say, once the work is done; or by a thread that is not followed. Returns whether it is told.
        if call.call.optional:
            return True
        if nested:
            if not self.counts.submissions.value:
                return False
        else:
            if unknown.get() is self.detector:
                return False
            if self._is_without_rows():
                self._without_rows.append(call.call.target)
                if len(self._without_rows) == _MOST_WITHOUT_ROWS:
                    self._tell_of_no_row()
                    self.coverage.tell()
                return False
            if self.counts.recognised.value <= len(self.counts.rows.in_flight):
                return False
            if call.seen and threading.get_ident() in self.submitters:
                return False  # it files what is its own
        outside = "outside of all rows, too" if call.seen else "outside of all rows"
        where = "in a row of another boundary" if nested else outside
        self._gap("call_not_seen", call.call.target, f"it was called {where}")
        self.coverage.tell()
        return True

    def _is_without_rows(self) -> bool:
        # Whether nothing is known of any row, nor said of any: not that the work function is simply called, either.
        return not (
            self.counts.submissions.value
            or self.counts.recognised.value
            or self.told_in_place
            or any(missed.value for missed in self.counts.unchecked.values())
        )

    def _tell_of_no_row(self) -> None:
        # What hands over, or works, may be called by what had looked it up before it was wrapped.
        if self._without_rows and self._work_patch.attached and self._is_without_rows():
            self._gap(
                "no_worker", self.boundary.work, f"it was not seen to run, and {self._without_rows[0]} was called"
            )

    def _unread(self, call: DeclaredCall, lease: Lease, fields: list[str]) -> None:
        if not fields:
            return
        # What a call files cannot be compared: its declaration names a parameter, or a part of one, that is not there.
        target = call.call.target
        if ("field_unresolved", target) not in self._gaps:
            self._gaps.add(("field_unresolved", target))
            detail = ", ".join(f"{name}: {call.call.ids[name]!r} of {target}" for name in fields)
            self.coverage.miss("field_unresolved", lease.submission, pinned=lease.is_pinned, detail=detail)

    def _gap(self, reason: str, target: str, more: str = "") -> None:
        if (reason, target) not in self._gaps:
            self._gaps.add((reason, target))
            self.coverage.miss(reason, detail=f"{target}: {more}" if more else target)

    def fork(self) -> None:
        """What is in flight is another process's, of which this one is a fork."""
        self.forked = True
        for lease in self.counts.rows.leases():
            lease.missed = True
        self.claims.forget()
        self.coverage.forget()
        if self.running.late is not None:
            self.running.late.judged.forget()

    # -- evict

    def _wrap_evict(self, call: Call, function: Any, parameters: Parameters) -> Any:
        readers = {name: parameters.reader(path) for name, path in call.ids.items()}

        def evict(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            result = wrapped(*args, **kwargs)
            if result is not False:
                with guard:
                    ids = {name: read(args, {**kwargs, RETURNED: result}, instance) for name, read in readers.items()}
                    for lease in self.counts.rows.leases():
                        if all(same(lease.ids.get(name), value) for name, value in ids.items()):
                            lease.stale = lease.evicted = True
                            if (provoker := lease.provoker) is not None:
                                provoker.evicted(lease)
                    for row in self.counts.rows.remembered():
                        if all(same(row.ids.get(name), value) for name, value in ids.items()):
                            row.outdated = True
            return result

        return stand_in(function, evict)


def _place_of(function: Any) -> Frames:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return ((code, 0),) if code is not None else ()


_attached: Final[weakref.WeakSet[Handoff]] = weakref.WeakSet()


def settle_all() -> None:
    """No more rows will come anywhere: tell what was not seen of those that came. At the end of the process."""
    for handoff in list(_attached):
        handoff.settle()


def _after_fork() -> None:
    # A child that was forked in the midst of a hand-over, or of a row, is nobody's: a pool's serves all.
    submitting.set(None)
    active.set(None)
    context_api.attach(without_rows(context_api.get_current()))
    for handoff in list(_attached):
        handoff.fork()


def _forks() -> None:
    # What forks while it hands over a row may do so to have it worked on there: `multiprocessing.Process(target=work)`.
    handing = submitting.get()
    if handing is not None and handing.lease is not None and handing.is_bound():
        handing.lease.sent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_forks, after_in_child=_after_fork)
