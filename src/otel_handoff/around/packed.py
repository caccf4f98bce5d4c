"""A row leaves for another process in a tuple that its context is in: another can be sent, with a copy in it."""

from __future__ import annotations

from typing import Any

from otel_handoff.around.between import can_be_replaced, replaced
from otel_handoff.around.leaving import Departing
from otel_handoff.around.shared import Shared
from otel_handoff.handover.lease import Lease
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import parse

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def departing(shared: Shared, parameters: Parameters) -> Departing:
    """Return what begins the rows of a work function that will be called elsewhere."""
    boundary = shared.boundary
    if len(boundary.places) != 1 or not boundary.fields:
        return Departing(shared, parameters)
    module, way = parse(boundary.place)
    is_numbered = not module and len(way) == 2 and parameters.is_argument(way[0]) and way[1].isdecimal()
    return _Packed(shared, parameters, *way) if is_numbered else Departing(shared, parameters)


class _Packed(Departing):
    """Begins rows whose context is in an argument, by its number."""

    def __init__(self, shared: Shared, parameters: Parameters, item: str, number: str) -> None:
        super().__init__(shared, parameters)
        self._can_copy = True
        self._unpacked = Departing(shared, parameters)
        self._item, self._way = item, (number,)

    def depart(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Args, Kwargs] | None:
        """Begin a row; return what is to be sent."""
        item = self._parameters.get(self._item, args, kwargs)
        begins = super() if can_be_replaced(item, self._way) else self._unpacked
        return begins.depart(instance, args, kwargs)

    def _put(self, handed: Any, context: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
        item = replaced(self._parameters.get(self._item, args, kwargs), self._way, context, handed)
        return self._parameters.replace(self._item, item, args, kwargs)
