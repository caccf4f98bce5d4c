"""The context object that every row of a run shares: the defect's first half."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from otel_handoff.demo.pipeline.landscape import Call, Landscape


@dataclass(frozen=True)
class TokenInfo:
    """A row on its way through the pipeline.

    Attributes:
        row_id: the row, as `row-0017`.
        token_id: this passage of it, as `token-0017`. It stays the same when the row is tried again.
        row_data: its columns.
    """

    row_id: str
    token_id: str
    row_data: Mapping[str, object]


@dataclass(frozen=True)
class ExternalCallCompleted:
    """The telemetry event of one recorded call. `latency_ms` is in milliseconds."""

    run_id: str
    state_id: str
    call_type: str
    provider: str
    status: str
    latency_ms: float


def _no_telemetry(event: object) -> None:
    """Drop the event."""


@dataclass
class PluginContext:
    """What a transform may need while it works. **One object per run**: this is the patient.

    The executor overwrites `node_id`, `contract`, `token` and `state_id` for every row and every attempt, on its own
    thread, while workers that were handed this same object still read them.

    Attributes:
        run_id: the run.
        config: the run's settings.
        landscape: the audit trail; None records nothing.
        payload_store: where large payloads would go; shared, unused here.
        telemetry_emit: takes each `ExternalCallCompleted`.
        node_id: the transform that has the current row.
        token: the current row.
        contract: the names of its columns.
        state_id: the current attempt, as `state-0017-0`.
        operation_id: set instead of `state_id` by sources and sinks.
    """

    run_id: str
    config: Mapping[str, Any]
    landscape: Landscape | None = None
    payload_store: dict[str, bytes] | None = None
    telemetry_emit: Callable[[object], None] = _no_telemetry
    node_id: str | None = None
    token: TokenInfo | None = None
    contract: tuple[str, ...] | None = None
    state_id: str | None = None
    operation_id: str | None = None
    _checkpoint: dict[str, object] = field(default_factory=dict[str, object])

    def record_call(
        self,
        call_type: str,
        status: str,
        request_data: Mapping[str, object],
        response_data: Mapping[str, object] | None = None,
        error: Mapping[str, object] | None = None,
        latency_ms: float | None = None,
        *,
        provider: str = "unknown",
    ) -> Call | None:
        """File an external call under the ids that are current **now**, whosever they are.

        Returns:
            The call as filed, or None without a landscape.

        Raises:
            RuntimeError: not exactly one of `state_id` and `operation_id` is set, or it is the operation's, which this
                small landscape has no table for.
        """
        if self.landscape is None:
            return None
        if (self.state_id is None) == (self.operation_id is None):
            raise RuntimeError("record_call needs exactly one of state_id and operation_id")
        if self.state_id is None:
            raise RuntimeError("this landscape keeps no calls of operations")
        call_index = self.landscape.allocate_call_index(self.state_id)
        call = self.landscape.record_call(
            state_id=self.state_id,
            call_index=call_index,
            call_type=call_type,
            status=status,
            request_data=request_data,
            response_data=response_data,
            error=error,
            latency_ms=latency_ms,
        )
        self.telemetry_emit(
            ExternalCallCompleted(self.run_id, call.state_id, call_type, provider, status, latency_ms or 0.0)
        )
        return call

    def get_checkpoint(self) -> dict[str, object] | None:
        """Return what was kept for a restart, or None if nothing was."""
        return self._checkpoint or None

    def update_checkpoint(self, data: Mapping[str, object]) -> None:
        """Merge `data` into what is kept for a restart."""
        self._checkpoint.update(data)

    def clear_checkpoint(self) -> None:
        """Forget what was kept for a restart."""
        self._checkpoint.clear()
