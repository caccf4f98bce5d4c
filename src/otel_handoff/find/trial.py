"""What was proposed is tried: the program runs with it, and what that finds is counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from otel_handoff.boundary import Boundary
from otel_handoff.declare.mainmodule import advice, is_run
from otel_handoff.instrumentor import HandoffInstrumentor
from otel_handoff.record.mismatch import Mismatch


def begin(mode: str, proposed: Sequence[Mapping[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Instrument the program with what was proposed; return what counts what came of it, by boundary."""
    boundaries = [Boundary.from_mapping(options) for options in proposed]
    told: Counter[tuple[str, str]] = Counter()
    untried: dict[str, str] = {}
    for boundary in list(boundaries):
        module = boundary.work.partition(":")[0]
        if is_run(module):
            boundaries.remove(boundary)
            untried[boundary.name] = f"{module} is run as the main program: {advice(module, [boundary])}"
    instrumentor = HandoffInstrumentor()
    logging.getLogger("otel_handoff").setLevel(logging.CRITICAL)  # what it finds is counted, and told at the end

    def heard(mismatch: Mismatch) -> None:
        told[mismatch.submission.boundary, mismatch.outcome] += 1

    instrumentor.instrument(boundaries=boundaries, mode=mode, on_mismatch=heard)

    def counted() -> dict[str, Any]:
        handoffs: Any = instrumentor._handoffs  # pyright: ignore[reportPrivateUsage]
        return {
            "rows": {handoff.boundary.name: handoff.counts.submissions.value for handoff in handoffs},
            "told": [[name, outcome, times] for (name, outcome), times in told.items()],
            "untried": untried,
        }

    return counted
