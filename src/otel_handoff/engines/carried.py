"""A row arrives with what OpenTelemetry carried: its slip is in the context that is current."""

from __future__ import annotations

from typing import Any

from otel_handoff.around.worker import Worker
from otel_handoff.handover.carriers import what_was_carried
from otel_handoff.handover.directly import Args, Kwargs
from otel_handoff.handover.sent import Came
from otel_handoff.host.guard import guard


class CarriedWorker(Worker):
    """One work function of such a boundary."""

    def __call__(self, wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        """Run it for the row that came."""
        lease = row = None
        if self.detector.enabled:
            with guard:
                row = self.inner.row(instance, args, kwargs)
            if row is not None:
                return self._run_inner(row, wrapped, args, kwargs)
            with guard:
                came: Any = self.came()
                taken = came.take(self, instance, args, kwargs) if came is not None else None
                lease = taken[0] if taken is not None else None
                if self.shared.coverage.due:
                    self.shared.coverage.tell()
        return self._run_as(lease, wrapped, instance, args, kwargs)

    def came(self) -> Came | None:
        """Return what came for what runs here; None where it is simply called."""
        return what_was_carried() or Came("")

    def body(self, shape: Any) -> tuple[str, dict[str, object]]:
        """There is no short way: what came is to be read."""
        return f"return {shape.through()}\n", {}
