"""A boundary that names no submit function: however the work function is handed over, its row begins there."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from otel_handoff.around.handed import HandOver, Noted
from otel_handoff.around.packed import departing
from otel_handoff.around.shared import Shared
from otel_handoff.around.worker import Worker
from otel_handoff.handover.calling import Part, names_in
from otel_handoff.handover.directly import Args, Kwargs, take_in
from otel_handoff.handover.enclosing import expected
from otel_handoff.handover.lease import Lease, active
from otel_handoff.handover.sent import what_came
from otel_handoff.host.callsites import CallSite
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING, class_of, dict_of, lookup, may_be_context
from otel_handoff.record.locations import capture


class Alone(Worker):
    """One work function of such a boundary: begins its rows, and does its work.

    Attributes:
        name: under which it is found on its class, or in its module.
        function: the host's own.
        is_method: whether its first parameter is an instance.
        position: where the context is among its parameters.
    """

    def __init__(self, shared: Shared, parameters: Parameters, function: Any, name: str) -> None:
        super().__init__(shared, function, parameters)
        self.position: int = self._position
        raw = getattr(function, "__func__", function)
        names: tuple[str, ...] = getattr(getattr(raw, "__code__", None), "co_varnames", ())
        self.name: str = name
        self.function: Any = function
        self.is_method: bool = raw is function and bool(names) and names[0] not in parameters.names
        self.parameter_names: frozenset[str] = parameters.names
        self._hand_over = HandOver(shared, parameters)
        self._departing = departing(shared, parameters)
        take_in(self, function, raw)

    # -- handing over

    def is_of(self, value: Any) -> bool:
        """Whether it is a method of `value`."""
        ours = lookup(class_of(value), self.name)
        return self.is_method and getattr(ours, "_self_worker", None) is self

    def begin(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Args, Kwargs] | None:
        """Begin a row whose work function will be called with these; return what it is to be called with."""
        return self._hand_over.hand(instance, args, kwargs) if self.detector.enabled else None

    def depart(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Any, Args, Kwargs] | None:
        """Begin a row whose work goes to another process; return what it is to be called with there, and on what."""
        if not self.detector.enabled:
            return None
        if not self.shared.engine.settings.remote:
            self.shared.missed_row("other_process")
            return None
        begun = self._departing.depart_of(instance, args, kwargs)
        if begun is not None:
            self.shared.counts.submissions.add()
        elif not (self.shared.boundary.ids and self._departing.is_elsewhere(instance, args, kwargs)):
            self.shared.missed_row("context_unreadable")
        return begun

    def expect(self, parts: Sequence[Part], sites: Sequence[CallSite]) -> Expecting:
        """Remember what a function that calls it holds, and may give it where it calls it."""
        return Expecting(self, self._hand_over, parts, self._names(sites))

    def _names(self, sites: Sequence[CallSite]) -> frozenset[str]:
        # Of what it is given as its context.
        context = self.shared.boundary.place
        found = {context, *(site.named[context] for site in sites if context in site.named)}
        found.update(site.given[self.position] for site in sites if self.position < len(site.given))
        return frozenset(found - {""})

    # -- the work

    def claimed(self, wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        """Run the work function where it is called by its name: perhaps in something that was handed over."""
        lease = row = None
        if self.detector.enabled:
            with guard:
                row = self.inner.row(instance, args, kwargs)
            if row is not None:
                return self._run_inner(row, wrapped, args, kwargs)
            with guard:
                what: Any = expected.get() or what_came()
                taken = what.take(self, instance, args, kwargs) if what is not None else None
                if taken is None and self._later:
                    taken = self.begin(instance, args, kwargs)  # that it is called is its hand-over
                if taken is None:
                    taken = self.inner.begin(instance, args, kwargs)
                if taken is not None:
                    lease, args, kwargs = taken
                elif what is None or not what.knows(self):  # else that is told already
                    self._not_handed_over()
                if self.shared.coverage.due:
                    self.shared.coverage.tell()
        return self._run_as(lease, wrapped, instance, args, kwargs)

    def _not_handed_over(self) -> None:
        # In the main thread, in one that hands over, and in a row it is simply called. Of other threads nobody knows.
        # Who calls it by its name may do so there, too, as a server does; else it got there on a way of the host's own.
        here = threading.get_ident()
        if active.get() is not None or here in self.shared.submitters or here == threading.main_thread().ident:
            self.shared.in_place()
        elif (frames := capture(1)) and self.name in names_in(frames[0][0]):
            self.shared.gap("not_handed_over", self.shared.boundary.work)
        else:
            self.shared.missed_submission("no_submission")


class Expecting:
    """What a function that calls the work function holds, and may give it."""

    def __init__(self, alone: Alone, hand_over: HandOver, parts: Sequence[Part], names: frozenset[str]) -> None:
        self._alone = alone
        self._hand_over = hand_over
        self.pins: bool = hand_over.pins
        self._noted: list[tuple[Part, Noted]] = []
        self._begun: dict[int, Lease] = {}
        given = {part.name: part.value for part in parts if part.name in alone.parameter_names}
        if not hand_over.is_argument:  # it is what it was then, where that was in a module; or there is no such thing
            for part in parts:
                if alone.is_of(part.value):
                    there = hand_over.context_of(part.value, (), given)
                    self._noted.append((part, hand_over.note(there, certain=False)))
                    return
            there = hand_over.context_of(None, (), given)
            if there is not MISSING and there is not None:
                self._noted.append((Part("", there), hand_over.note(there, certain=False)))
            return
        roots = alone.shared.kinds.roots
        fit = [part for part in parts if may_be_context(part.value, roots)]
        named = [part for part in fit if part.name in names or part.position == alone.position]
        for part in named or fit:
            if all(part.value is not other.value for other, _ in self._noted):
                certain = bool(named) or hand_over.knows(part.value)
                self._noted.append((part, hand_over.note(part.value, certain=certain)))

    def copy_of(self, value: Any) -> Any:
        """Return the worker's copy of a context; itself where it has none."""
        return next((noted.handed for _, noted in self._noted if noted.context is value), value)

    def take(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Args, Kwargs] | None:
        """Begin the row for which the work function is called now; of one that has begun, it is called again."""
        given = self._hand_over.context_of(instance, args, kwargs)
        if not self._hand_over.is_argument and self._noted and not (self._begun and active.get() is not None):
            return self._begin(0, MISSING), args, kwargs
        if given is MISSING or given is None:
            return self._hand_over.hand(instance, args, kwargs)
        for number, (part, noted) in enumerate(self._noted):
            if given is noted.context or given is noted.handed or _now(part) is given:
                lease = self._begin(number, given)
                if noted.handed is not noted.context and given is not noted.handed:
                    return self._hand_over.given(lease, noted.handed, args, kwargs)
                return lease, args, kwargs
        if len(self._noted) == 1 and not self._begun:
            return self._begin(0, MISSING), args, kwargs
        if self._begun and active.get() is None:
            self._alone.shared.coverage.miss("several_workers", detail=self._alone.shared.boundary.work)
        elif not self._begun:
            self._alone.shared.missed_row("context_unreadable")
        return None

    def _begin(self, number: int, given: Any) -> Lease:
        lease = self._begun.get(number)
        if lease is None:
            lease = self._begun[number] = self._hand_over.begin_noted(self._noted[number][1], given)
        return lease


def _now(part: Part) -> Any:
    # What is there by now, where it was: others may have put something else into a variable.
    if part.cell is not None:
        try:
            return part.cell.cell_contents
        except ValueError:
            return MISSING
    return dict_of(part.via).get(part.name, MISSING) if part.via is not None else MISSING
