"""A row leaves as a method of what its context is, or is on: a method of a copy can be sent, with the context's copy.

The far side has a copy anyway, and nobody here is given this one. What the method is looked up on stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_handoff.around.leaving import Departing
from otel_handoff.around.shared import Shared
from otel_handoff.handover.lease import Lease
from otel_handoff.host.apart import is_apart, is_pickled_plainly, kept_of
from otel_handoff.host.copying import Unfit, copier
from otel_handoff.host.fields import Fields
from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import Key, parse
from otel_handoff.host.plainly import MISSING, class_of, dict_of

Args = tuple[Any, ...]
Kwargs = dict[str, Any]

_MOST_CLASSES = 100


class OfInstance(Departing):
    """Begins the rows of such a method."""

    def __init__(self, shared: Shared, parameters: Parameters) -> None:
        super().__init__(shared, parameters)
        self._can_copy = True
        self._in_place = Departing(shared, parameters)
        self._way: tuple[str, ...] = parse(shared.boundary.place).parts[1:]
        self._copiers: dict[type, Callable[[Any], Any]] = {}

    def depart_of(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Any, Args, Kwargs] | None:
        """Begin a row; return what is to be sent: of which instance the method, and with which arguments."""
        holders: list[Any] | None = None
        if self._pin:
            with guard:
                holders = self._holders(instance, args, kwargs)
            if holders is None:
                begun = self._in_place.depart_of(instance, args, kwargs)
                if begun is not None:
                    begun[0].handed = begun[0].context  # it is compared as it goes
                return begun
        begun = super().depart_of(instance, args, kwargs)
        if begun is None or holders is None or not begun[0].pinned:
            return begun
        lease, _, args, kwargs = begun
        sent = lease.handed
        for name, holder in zip(reversed(self._way), reversed(holders), strict=True):
            dict_of(holder)[name] = sent
            sent = holder
        return lease, sent, args, kwargs

    def _put(self, handed: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:  # noqa: ARG002
        return args, kwargs  # it is none of them

    def _holders(self, instance: Any, args: Args, kwargs: Kwargs) -> list[Any] | None:
        # Copies of what the context is on, from the instance on; None where these cannot be sent in their place.
        way: list[tuple[str, Any]] = []
        there = instance
        for name in self._way:
            found = dict_of(there).get(name, MISSING) if type(name) is not Key else MISSING
            if found is MISSING or found is None:
                return None
            way.append((name, there))
            there = found
        if not is_apart([*way, ("", there)], (*args, *kwargs.values())):
            return None
        try:
            self._try(instance)
            return [self._copier(holder)(holder) for _, holder in way]
        except Unfit:
            return None

    def _try(self, instance: Any) -> None:
        # A class that has a say in how it is pickled may refuse a copy, as one that nobody has registered: once tried.
        cls = class_of(instance)
        if cls in self._copiers or is_pickled_plainly(cls):
            return
        if kept_of(copier(cls, Fields({}))(instance)) is None:
            raise Unfit("its copy is not pickled")
        self._copier(instance)

    def _copier(self, holder: Any) -> Callable[[Any], Any]:
        cls = class_of(holder)
        found = self._copiers.get(cls)
        if found is None:
            if len(self._copiers) >= _MOST_CLASSES:
                self._copiers.clear()
            found = self._copiers[cls] = copier(cls, Fields({}))
        return found
