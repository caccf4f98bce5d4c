"""The one context of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TokenInfo:
    """A row on its way."""

    row_id: str
    token_id: str


@dataclass
class PluginContext:
    """Shared by all rows; whoever submits writes the current ids to it."""

    run_id: str
    landscape: Any
    node_id: str | None = None
    token: TokenInfo | None = None
    state_id: str | None = None

    def record_call(self, request: str, latency_ms: float) -> None:
        """File an external call under the ids of now."""
        self.landscape.record_call(
            state_id=self.state_id,
            call_index=0,
            call_type="http",
            status="success",
            request_data=request,
            latency_ms=latency_ms,
        )
