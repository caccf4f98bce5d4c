"""A worker calls the work function itself: for its own row, for one around it, or for another, which begins there."""

from __future__ import annotations

from typing import Any

from opentelemetry import context as context_api

from otel_handoff.around.handed import Called
from otel_handoff.around.identity import Identity
from otel_handoff.around.place import Place
from otel_handoff.around.shared import Shared
from otel_handoff.handover.carry import Carried
from otel_handoff.handover.lease import LEASE_KEY, Lease, active, is_borrowed, judged_lease
from otel_handoff.handover.transport import submitting
from otel_handoff.host.ids import same
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


class Inner:
    """The calls of one work function by workers, of whichever boundary."""

    def __init__(self, shared: Shared, parameters: Parameters, place: Place, identity: Identity) -> None:
        self._shared = shared
        self._parameters = parameters
        self._place = place
        self._identity = identity
        self._called = Called(shared, parameters)

    def row(self, instance: Any, args: Args, kwargs: Kwargs) -> Lease | None:
        """Return for which row of its own, or around it, a worker calls it; None where for none of these."""
        lease = active.get()
        if lease is None:
            return None
        now = submitting.get()
        if now is not None and now.lease is not None and now.lease is not lease:
            return None
        row = next((row for row in self._around(lease) if self._is_of(row, instance, args, kwargs)), None)
        claims = self._shared.claims
        if row is not None and claims.keys and claims.is_of_another((self._parameters, args, kwargs), instance, row):
            return None
        return row

    def _around(self, lease: Lease) -> list[Lease]:
        return [row for row in (lease, *lease.outers) if row.detector is self._shared.detector]

    def _is_of(self, row: Lease, instance: Any, args: Args, kwargs: Kwargs) -> bool:
        there = self._place.called_with(row, instance, args, kwargs)
        if there is not row.handed and there is not row.context:
            return False
        if not self._shared.boundary.ids:
            return True
        said = self._identity.read((instance, args, kwargs))
        return all(name in row.awaited or same(row.ids[name], id_) for name, id_ in said.items())

    def run(self, row: Lease, wrapped: Any, args: Args, kwargs: Kwargs) -> Any:
        """Run it for that row."""
        if row is active.get():
            return wrapped(*args, **kwargs)
        return Carried(wrapped, row, context_api.set_value(LEASE_KEY, row))(*args, **kwargs)

    def begin(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Lease, Args, Kwargs] | None:
        """Begin the row of what else a worker calls it with: that it is called is its hand-over.

        Returns:
            None where no worker calls it, or with nothing else.
        """
        lease, boundary = judged_lease(), self._shared.boundary
        if lease is None or is_borrowed(lease) or not boundary.names:
            return None
        rows = self._around(lease)
        if rows and boundary.fields:
            context = self._place.called_with(rows[0], instance, args, kwargs)
        else:
            context = self._called.context_of(instance, args, kwargs)
        if context is MISSING or context is None:
            return None
        if not boundary.ids and any(context is row.handed or context is row.context for row in (lease, *lease.outers)):
            return None  # it is a part of that one
        return self._called.call(context, instance, args, kwargs)
