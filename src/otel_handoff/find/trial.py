"""What was proposed is tried: the program runs with it, and what that finds is counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from otel_handoff.boundary import Boundary
from otel_handoff.declare.mainmodule import is_run
from otel_handoff.find.first import before_the_first
from otel_handoff.host.guard import guard
from otel_handoff.instrumentor import HandoffInstrumentor
from otel_handoff.record.mismatch import Mismatch

_MAIN: Final = "__main__"


class Trial:
    """A run with boundaries. Those of the main program are put on when it hands over for the first time."""

    def __init__(self, mode: str, proposed: Sequence[Mapping[str, Any]]) -> None:
        """Instrument the program as far as that can be done before it runs."""
        boundaries = [Boundary.from_mapping(options) for options in proposed]
        self._mode = mode
        self._told: Counter[tuple[str, str]] = Counter()
        self._later = [boundary for boundary in boundaries if is_run(boundary.work.partition(":")[0])]
        self._now = [boundary for boundary in boundaries if boundary not in self._later]
        self._instrumentor = HandoffInstrumentor()
        logging.getLogger("otel_handoff").setLevel(logging.CRITICAL)  # what it finds is counted, and told at the end
        if not self._later:
            self._instrument(self._now)
        else:
            before_the_first([boundary.work.partition(":")[2] for boundary in self._later], self._in_main)

    def counted(self) -> dict[str, Any]:
        """Return what came of it, by boundary."""
        handoffs: Any = self._instrumentor._handoffs  # pyright: ignore[reportPrivateUsage]
        return {
            "rows": {handoff.boundary.name: handoff.counts.submissions.value for handoff in handoffs},
            "told": [[name, outcome, times] for (name, outcome), times in self._told.items()],
        }

    def forget(self) -> None:
        """In a fork, what was told before is the parent's."""
        self._told.clear()

    def _in_main(self) -> None:
        with guard:
            self._instrument([*self._now, *map(_of_main, self._later)])

    def _instrument(self, boundaries: Sequence[Boundary]) -> None:
        self._instrumentor.instrument(boundaries=boundaries, mode=self._mode, on_mismatch=self._heard)

    def _heard(self, mismatch: Mismatch) -> None:
        self._told[mismatch.submission.boundary, mismatch.outcome] += 1


def _of_main(boundary: Boundary) -> Boundary:
    context = boundary.context
    if isinstance(context, str) and is_run(context.partition(":")[0]):
        context = f"{_MAIN}:{context.partition(':')[2]}"
    return replace(boundary, work=f"{_MAIN}:{boundary.work.partition(':')[2]}", context=context)
