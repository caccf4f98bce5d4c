"""What otel-handoff is told of it. Both processes have this."""

from __future__ import annotations

from typing import Final

from otel_handoff.boundary import Boundary, Call

TASK: Final = "demo.analyse"

_LANDSCAPE: Final = "otel_handoff.demo.pipeline.landscape:Landscape"
_STATE: Final = {"state_id": "state_id"}


def boundary(work: str) -> Boundary:
    """Return the hand-over of rows to `work`."""
    return Boundary(
        name="demo",
        work=work,
        context="ctx",
        fields={"row_id": "token.row_id", "token_id": "token.token_id", "state_id": "state_id"},
        calls=[
            Call(f"{_LANDSCAPE}.allocate_call_index", ids=_STATE, evidence="read"),
            Call(
                f"{_LANDSCAPE}.record_call",
                ids=_STATE,
                attributes={"demo.call.index": "call_index", "demo.call.type": "call_type"},
                latency_ms="latency_ms",
            ),
            Call(f"{_LANDSCAPE}.record_emission", ids={"token_id": "token_id", **_STATE}, evidence="result"),
        ],
    )
