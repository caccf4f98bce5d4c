"""A row leaves for another process in something that its context is in: another can be sent, with a copy in it."""

from __future__ import annotations

from typing import Any

from otel_handoff.around.leaving import Departing
from otel_handoff.around.selves import OfInstance
from otel_handoff.around.shared import Shared
from otel_handoff.handover.lease import Lease
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import parse
from otel_handoff.host.plainly import class_of

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def departing(shared: Shared, parameters: Parameters) -> Departing:
    """Return what begins the rows of a work function that will be called elsewhere."""
    boundary = shared.boundary
    if len(boundary.places) != 1 or not boundary.fields:
        return Departing(shared, parameters)
    if parameters.is_of_instance(boundary.places):
        return OfInstance(shared, parameters)
    module, way = parse(boundary.place)
    is_in_one = not module and len(way) == 2 and parameters.is_argument(way[0])
    return _Packed(shared, parameters, *way) if is_in_one else Departing(shared, parameters)


class _Packed(Departing):
    """Begins rows whose context is in an argument: a tuple, a list or a dict."""

    def __init__(self, shared: Shared, parameters: Parameters, item: str, at: str) -> None:
        super().__init__(shared, parameters)
        self._can_copy = True
        self._unpacked = Departing(shared, parameters)
        self._item, self._at = item, at

    def depart(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Args, Kwargs] | None:
        """Begin a row; return what is to be sent."""
        begins = super() if self._is_there(self._parameters.get(self._item, args, kwargs)) else self._unpacked
        return begins.depart(instance, args, kwargs)

    def _is_there(self, item: Any) -> bool:
        kind = class_of(item)
        return self._at in item if kind is dict else kind in (tuple, list) and self._at.isdecimal()

    def _put(self, handed: Any, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
        item = self._parameters.get(self._item, args, kwargs)
        if class_of(item) is dict:
            return self._parameters.replace(self._item, {**item, self._at: handed}, args, kwargs)
        made = [*item]
        made[int(self._at)] = handed
        return self._parameters.replace(self._item, class_of(item)(made), args, kwargs)
