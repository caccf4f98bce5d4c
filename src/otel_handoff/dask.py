"""otel-handoff on the workers of a Dask cluster, also on those that are started later, or again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distributed import Worker, WorkerPlugin

from otel_handoff.around.arriving import flush
from otel_handoff.boundary import Boundary
from otel_handoff.instrumentor import HandoffInstrumentor


class HandoffPlugin(WorkerPlugin):
    """Turns otel-handoff on in each worker: `client.register_plugin(HandoffPlugin(BOUNDARIES))`.

    A worker on which it is on by then, as in a cluster of threads in this process, is left as it is.

    Args:
        boundaries: those that this process has; without, those that `OTEL_HANDOFF_BOUNDARIES` names there.
        options: of `HandoffInstrumentor.instrument()`, as `mode="observe"`; they are pickled. Providers of
            OpenTelemetry are each worker's own, set by a preload, say, or by `opentelemetry-instrument dask worker`.
    """

    name = "otel-handoff"
    idempotent = False

    def __init__(self, boundaries: Sequence[Boundary] | None = None, **options: Any) -> None:
        self._boundaries = boundaries
        self._options = options
        self._is_ours = False

    def setup(self, worker: Worker) -> None:  # noqa: ARG002
        """Turn it on.

        Raises:
            ValueError: an unknown mode, or a boundary that cannot be meant.
            TypeError: an unknown option.
        """
        instrumentor = HandoffInstrumentor()
        if not instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.instrument(boundaries=self._boundaries, **self._options)
            self._is_ours = True

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Turn it off, and export what is left."""
        if self._is_ours:
            self._is_ours = False
            HandoffInstrumentor().uninstrument()
            flush()
