"""ELSPETH: its boundaries, one for each layout of its modules, and its instrumentor.

Nothing here imports ELSPETH; what is named is wrapped when the pipeline imports it. Which release has what is in
docs/compatibility.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otel_handoff.boundary import Boundary, Call, Emission
from otel_handoff.instrumentor import Instrumentor

_FIELDS: Final = {
    "run_id": "run_id",
    "node_id": "node_id",
    "row_id": "token.row_id",
    "token_id": "token.token_id",
    "state_id": "state_id",
}

# Names under which ELSPETH's own telemetry puts the same ids.
_ALIASES: Final = {
    "run_id": ("run_id", "run.id"),
    "node_id": ("node_id", "node.id"),
    "row_id": ("row_id", "row.id"),
    "token_id": ("token_id", "token.id"),
    "state_id": ("state_id", "state.id"),
}

_ADAPTER: Final = "elspeth.engine.batch_adapter:SharedBatchAdapter"
_OF_TOKEN: Final = {"token_id": "token.token_id", "row_id": "token.row_id"}


def _layout(*, mixin: str, buffer: str, recorders: Sequence[str], adapter: str | None = _ADAPTER) -> Boundary:
    # `recorders` are classes that write calls to the audit trail, the innermost first: the others pass on to it.
    def recording(method: str, **options: Any) -> Call:
        target, *elsewhere = (f"{recorder}.{method}" for recorder in recorders)
        return Call(target, ids={"state_id": "state_id"}, elsewhere=elsewhere, optional=True, **options)

    emission = None
    if adapter is not None:
        emission = Emission(
            complete=f"{buffer}.complete",
            release=f"{buffer}.wait_for_next_release",
            emit=Call(f"{adapter}.emit", ids={**_OF_TOKEN, "state_id": "state_id"}, evidence="result"),
            parts={"token": "0", "state_id": "2"},
        )
    return Boundary(
        name="elspeth",
        submit=f"{mixin}.accept_row",
        work=f"{mixin}._process_and_complete",
        fields=_FIELDS,
        aliases=_ALIASES,
        calls=(
            recording("allocate_call_index", evidence="read"),
            recording(
                "record_call",
                attributes={
                    "elspeth.call.index": "call_index",
                    "elspeth.call.type": "call_type",
                    "elspeth.call.status": "status",
                },
                latency_ms="latency_ms",
            ),
            Call(
                f"{buffer}.complete",
                ids={"token_id": "result.0.token_id", "row_id": "result.0.row_id", "state_id": "result.2"},
                evidence="result",
            ),
        ),
        row="token_id",
        emission=emission,
        evict=Call(f"{mixin}.evict_submission", ids={"token_id": "token_id", "state_id": "state_id"}),
    )


BOUNDARIES: Final = (
    _layout(  # 0.1 and 0.3.0
        mixin="elspeth.plugins.batching.mixin:BatchTransformMixin",
        buffer="elspeth.plugins.batching.row_reorder_buffer:RowReorderBuffer",
        recorders=["elspeth.core.landscape.recorder:LandscapeRecorder"],
    ),
    _layout(  # from 0.3.3; the first recorder from 0.7.0
        mixin="elspeth.plugins.infrastructure.batching.mixin:BatchTransformMixin",
        buffer="elspeth.plugins.infrastructure.batching.row_reorder_buffer:RowReorderBuffer",
        recorders=[
            "elspeth.core.landscape.execution.calls:CallAuditRepository",
            "elspeth.core.landscape.execution_repository:ExecutionRepository",
        ],
    ),
    _layout(  # the embedded pipeline, otel_handoff.demo
        mixin="otel_handoff.demo.pipeline.batching:BatchTransformMixin",
        buffer="otel_handoff.demo.pipeline.row_reorder_buffer:RowReorderBuffer",
        recorders=["otel_handoff.demo.pipeline.landscape:Landscape"],
        adapter=None,  # its release loop emits what it has just taken out, and nothing else
    ),
)
"""The hand-off of each ELSPETH layout, and of the embedded pipeline, which is built like it."""


class ElspethInstrumentor(Instrumentor):
    """Instruments ELSPETH's `BatchTransformMixin`.

    `instrument(mode="pin", watch=True, trace="child", spans="all", attributes="few", ids="plain", remote=True,
    tracer_provider=None, meter_provider=None, logger_provider=None, on_mismatch=None)`.

    Raises:
        ValueError: an unknown mode.
        TypeError: an unknown option.
    """

    def _boundaries(self, given: Sequence[Any] | None) -> Sequence[Boundary]:
        if given is not None:
            raise TypeError("ElspethInstrumentor has its own boundaries; use HandoffInstrumentor for others")
        return BOUNDARIES
