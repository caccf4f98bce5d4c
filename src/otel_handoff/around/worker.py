"""The work function: whose row it is called for, and what is done around it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from weakref import ref

from otel_handoff.around.arriving import Arriving, flush_at_exit
from otel_handoff.around.following import Following, Unknown, unknown
from otel_handoff.around.identity import Identity
from otel_handoff.around.inner import Inner
from otel_handoff.around.place import Place, what_has_it
from otel_handoff.around.running import NOT_BEGUN, Run
from otel_handoff.around.shared import Shared
from otel_handoff.around.surroundings import Lent, lending, run_within, within
from otel_handoff.handover.lease import Lease, active, is_first
from otel_handoff.handover.sent import what_came
from otel_handoff.handover.stepwise import (
    STANDING_IN,
    STEPWISE,
    is_run_later,
    is_to_come,
    stand_in_of,
    stepped,
)
from otel_handoff.handover.transport import Handing, submitting
from otel_handoff.handover.workers import further
from otel_handoff.handover.written import open_record
from otel_handoff.host.bound import Written
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING

_logger = logging.getLogger("otel_handoff")


class Worker:
    """One function of the host that works on rows of a boundary, and what is done when it is called.

    Attributes:
        shared: the state of the boundary.
        detector: judges the rows.
        runs: `run`, bound once: each row's work item holds it.
        running: begins and ends them.
        inner: those that its workers call it for.
        at_once: begins those that are taken by now, where all is as usual.
    """

    def __init__(self, shared: Shared, function: Any, parameters: Parameters) -> None:
        self.shared: Shared = shared
        self.detector = shared.detector
        self.runs = self.run
        self._parameters = parameters
        self._place = Place(shared.boundary, parameters)
        self._position = self._place.position
        self._given = self._place.given
        self._identity = Identity(shared.boundary, parameters)
        self._lent = Lent(shared.boundary)
        self.inner = Inner(shared, parameters, self._place, self._identity)
        self._pins = shared.engine.settings.mode == "pin"
        self._keys = shared.claims.keys
        self.running = shared.running
        self._function = function
        self._later = is_run_later(function)
        self._arriving: Arriving | None = None
        self.at_once = self.running.quickly(self.detector, self._keys, taken=True)

    def claimed(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the work function where it was not looked up while submitting."""
        shared = self.shared
        lease = row = None
        if self.detector.enabled:
            with guard:
                row = self.inner.row(instance, args, kwargs)
            if row is not None:
                return self._run_inner(row, wrapped, args, kwargs)
            with guard:
                lease, reason = shared.claims.take((self._parameters, args, kwargs), instance)
                if lease is None:
                    there, taken = what_came(), None
                    if there is not None:
                        taken = there.take(self, instance, args, kwargs)
                    if taken is None and reason:
                        taken = self.inner.begin(instance, args, kwargs)
                    if taken is not None:
                        lease, args, kwargs = taken
                    elif reason and there is None and not self._is_of_another(wrapped, instance, args, kwargs):
                        shared.missed_submission(reason)
                    shared.coverage.tell()
        return self._run_as(lease, wrapped, instance, args, kwargs)

    def arrived(
        self, text: object, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], delivery: int
    ) -> Lease | None:
        """Begin a row that has come from another process; None where it cannot be told which it is."""
        if self._arriving is None:
            self._arriving = Arriving(self.shared, self._parameters)
            flush_at_exit()
        slip = self._arriving.slip_of(text) if text else None
        if slip is None and not self.shared.boundary.ids:
            if not text:
                self.shared.coverage.miss("no_slip", detail=self.shared.boundary.work)
            return None
        return self._arriving.arrive(slip, instance, args, kwargs, delivery)

    def _run_as(
        self, lease: Lease | None, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if lease is None:
            token = unknown.set(self.detector)
            try:
                result = wrapped(*args, **kwargs)
            finally:
                unknown.reset(token)
            return stepped(result, Unknown(self.detector)) if type(result) in STEPWISE else result
        result = None
        try:
            result = self.run(lease, wrapped, instance, args, kwargs)
        finally:
            if type(result) not in STANDING_IN:
                self.shared.claims.done(lease)
        return result

    def _run_inner(self, row: Lease, wrapped: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # A worker calls the work function again, for its own row: itself, or the one that it overrides.
        result = self.inner.run(row, wrapped, args, kwargs)
        return stepped(result, Unknown(self.detector)) if type(result) in STEPWISE else result

    def _is_of_another(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        # Whether the work function is another boundary's as well, which knows whose row it is, or tells that.
        beneath = getattr(getattr(wrapped, "_self_wrapper", None), "__self__", None)
        if isinstance(beneath, (Lease, Worker)):
            return True
        lease = active.get()
        if lease is None or lease.detector is self.detector:
            return False
        given = self._given(lease, instance, args, kwargs)
        return any(given is row.handed for row in (lease, *lease.outers))

    def _whose(self, lease: Lease, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Lease | None:
        # What was looked up for a row is run again: for another part of it; or it was kept, and is run for others, too.
        with guard:
            lease.runs += 1
            if lease.runs > lease.looked_up:
                other, reason = self.shared.claims.take((self._parameters, args, kwargs), instance)
                if other is not None or not reason:
                    return other
            given = self._given(lease, instance, args, kwargs)
            if lease.moved_on or (given is not MISSING and given is not lease.handed):
                self.shared.coverage.miss(
                    "several_workers", lease.submission, pinned=lease.is_pinned, detail=self.shared.boundary.work
                )
                return None
            now = active.get()
            if now is None or now.row != lease.row:  # else it calls itself again
                return further(lease, lease.handed if given is MISSING else given)
        return lease

    def row_of(self, handing: Handing, lease: Lease) -> Lease:
        """Return whose row it is looked up for again: the same, or another of the same submit call."""
        return self.shared.row_of(handing, lease)

    def body(self, shape: Written) -> tuple[str, dict[str, object]]:
        """Make what is done for a row whose worker is the first, and is given what it was to get."""
        context, slowly = self.shared.boundary.place, shape.through("row_")
        if context not in shape.others or not self.shared.is_usual:
            return f"return {slowly}\n", {}
        if self._later:
            lines = (
                f"if takes_(row_, {context}):\n    return stepped_({shape.call()}, following_(row_))\nreturn {slowly}\n"
            )
            return lines, {
                "takes_": self._quick_take(),
                "stepped_": stand_in_of(self._function),
                "following_": self._following,
            }
        lines = (
            "try:\n"
            f"    running_ = begin_(row_, {context})\n"
            "    if running_ is not None:\n"
            "        try:\n"
            f"            result_ = {shape.call()}\n"
            "        except BaseException as error_:\n"
            "            end_(row_, running_, error_)\n"
            "            raise\n"
            "        if result_ is not None and is_to_come_(result_):\n"
            "            return goes_on_(row_, running_, result_)\n"
            "        end_(row_, running_, None)\n"
            "        return result_\n"
            "except BaseException:\n"
            "    row_.close()\n"
            "    raise\n"
            f"return {slowly}\n"
        )
        running = self.running
        return lines, {
            "begin_": running.quickly(self.detector, self._keys),
            "end_": running.end,
            "is_to_come_": is_to_come,
            "goes_on_": self._goes_on,
        }

    def _identify(self, lease: Lease, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        missing = self._identity.worked_on(lease, (instance, args, kwargs), self.detector)
        if lease.is_pinned:
            self._identity.put_right(lease.kind, lease.roots, lease.ids, lease.handed if lease.pinned else MISSING)
        if missing:
            lease.flaw = "field_unresolved", missing if len(missing) < len(lease.ids) else ()
            detail = ", ".join(f"{name}: {self.shared.boundary.ids[name]!r}" for name in missing)
            self.shared.coverage.miss(
                "field_unresolved", lease.submission, pinned=lease.is_pinned, detail=detail, has_span=True
            )

    def _turn(self, lease: Lease, there: Any) -> None:
        if self._pins and not self.shared.told_replaced and (how := what_has_it(self.shared.boundary)):
            self.shared.told_replaced = True
            _logger.warning(
                "Boundary %r: what is at %r is replaced by another object while rows are in flight: what a worker that "
                "has begun reads off that is not pinned.%s",
                self.shared.boundary.name,
                self.shared.boundary.place,
                how,
            )
        lease.receive(MISSING)
        lease.turn(self.shared.kinds.of(there), there, open_record(there) if self.detector.watched else None)

    def _quick_take(self) -> Callable[[Lease, Any], bool]:
        # The same where nothing of the function runs yet: the row is begun at the first step of what it returns.
        detector, keys = self.detector, self._keys

        def take(lease: Lease, given: Any) -> bool:
            if lease.begun or not (lease.made is None and id(given) == lease.expected and detector.enabled) or keys:
                return False
            try:
                del lease.fresh
            except AttributeError:
                return False
            lease.handed = given
            if lease.context is None:
                lease.context = given
            return True

        return take

    def _following(self, lease: Lease) -> Following:
        # Who called it while the row is handed over may keep what it returned, and not what was looked up.
        following = Following(self, lease, None)
        if (handing := submitting.get()) is not None and handing.lease is lease:
            handing.found_again(ref(following))
        return following

    def _goes_on(self, lease: Lease, run: Run, result: Any) -> Any:
        # The call has returned what somebody has yet to run or await.
        if type(result) in STEPWISE:
            try:
                if run is NOT_BEGUN:
                    return result
                return stepped(result, lending(lease, Following(self, lease, self.running.pause(lease, run))))
            except Exception as error:
                guard.met(error)
                return result
        with guard:
            self.running.leaves(lease, "not_followed")
        self.running.end(lease, run, None)
        return result

    def first(self, lease: Lease) -> Run:
        """Begin the work on a row; `NOT_BEGUN` where it is not judged."""
        try:
            if not self.detector.enabled:
                return NOT_BEGUN
            if (provoker := lease.provoker) is not None:
                provoker.hold(lease, "start")
            return self.running.begin(lease)
        except Exception as error:
            self.running.leaves(lease, "internal_error")
            guard.met(error)
            return NOT_BEGUN

    def over(self, lease: Lease) -> None:
        """The work on a row has ended, or never will begin: what it was recognised by is free."""
        self.shared.claims.done(lease)

    def run(self, lease: Lease, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the work function under its submission."""
        if (
            self.detector.enabled
            and not is_first(lease)
            and (other := self._whose(lease, instance, args, kwargs)) is not lease
        ):
            return self._run_as(other, wrapped, instance, args, kwargs)
        if (variables := lease.variables) is not None and within.get() is not lease:
            return run_within(lease, variables, self._run, lease, wrapped, instance, args, kwargs)
        return self._run(lease, wrapped, instance, args, kwargs)

    def _run(self, lease: Lease, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if lease.lent is not None and self.detector.enabled:
            token = lease.lent[0].set(lease.lent[1])
            try:
                return self._work(lease, wrapped, instance, args, kwargs)
            finally:
                lease.lent[0].reset(token)
        if not (lease.is_of_thread and self._pins and self.detector.enabled):
            return self._work(lease, wrapped, instance, args, kwargs)
        give_back = None
        with guard:
            if lease.awaited:
                self._identify(lease, instance, args, kwargs)
            give_back = self._lent.lend(lease)
        try:
            return self._work(lease, wrapped, instance, args, kwargs)
        finally:
            if give_back is not None:
                with guard:
                    give_back()

    def _work(self, lease: Lease, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        run = following = None
        try:
            if self.detector.enabled:
                try:
                    if self._keys:  # it may have been found in both ways
                        self.shared.claims.discard(lease.number)
                    position = self._position
                    given = args[position] if position < len(args) else self._given(lease, instance, args, kwargs)
                    if lease.made is None and id(given) == lease.expected:
                        lease.handed = given
                        if lease.context is None:
                            lease.context = given
                    elif given is MISSING or self._place.is_argument or id(given) == lease.expected:
                        lease.receive(given)
                    else:
                        self._turn(lease, given)
                    if lease.awaited:
                        self._identify(lease, instance, args, kwargs)
                    if self._later:
                        following = self._following(lease)
                    else:
                        run = self.first(lease)
                except Exception as error:
                    self.running.leaves(lease, "internal_error")
                    guard.met(error)
            if following is not None:
                return self._follow(lease, wrapped(*args, **kwargs), following)
            if run is None:
                return wrapped(*args, **kwargs)
            try:
                result = wrapped(*args, **kwargs)
            except BaseException as error:
                self.running.end(lease, run, error)
                raise
            if result is not None and is_to_come(result):
                return self._goes_on(lease, run, result)
            self.running.end(lease, run, None)
        except BaseException:
            lease.close()  # an interrupt may have left it on the thread: it is nobody's from now on
            raise
        return result

    def _follow(self, lease: Lease, result: Any, following: Following) -> Any:
        if type(result) in STEPWISE:
            return stepped(result, lending(lease, following))
        run = self.first(lease)  # it was not what it seemed to be
        return self._goes_on(lease, run, result)
