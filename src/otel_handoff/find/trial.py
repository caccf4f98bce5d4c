"""What was proposed is tried: the program runs with it, and what that finds is counted."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from otel_handoff.boundary import Boundary
from otel_handoff.declare.mainmodule import are_there, is_run, of_main
from otel_handoff.find.first import before_the_first
from otel_handoff.host.guard import guard
from otel_handoff.instrumentor import HandoffInstrumentor
from otel_handoff.record.mismatch import Mismatch
from otel_handoff.tell.metrics import BoundaryCounts


class Trial:
    """A run with boundaries. Those of the main program are put on when it hands over for the first time."""

    def __init__(self, mode: str, proposed: Sequence[Mapping[str, Any]]) -> None:
        """Instrument the program as far as that can be done before it runs."""
        boundaries = [Boundary.from_mapping(options) for options in proposed]
        self._mode = mode
        self._told: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._before: tuple[Counter[str], Counter[str]] = Counter(), Counter()
        self._boundaries = [_as_it_is_run(boundary) for boundary in boundaries]
        self._instrumentor = HandoffInstrumentor()
        logging.getLogger("otel_handoff").setLevel(logging.CRITICAL)  # what it finds is counted, and told at the end
        if any(is_run(_module(boundary)) for boundary in boundaries):
            before_the_first(lambda: all(map(are_there, self._boundaries)), self._in_main)
        else:
            self._instrument()

    def counted(self) -> dict[str, Any]:
        """Return what came of it, by boundary."""
        both = zip(self._counts(), self._before, strict=True)
        rows, seen = ({name: now[name] - before[name] for name in now} for now, before in both)
        told = [[name, outcome, sorted(told)] for (name, outcome), told in self._told.items()]
        return {"rows": rows, "seen": seen, "told": told}

    def forget(self) -> None:
        """In a fork, what was told before is the parent's."""
        self._told.clear()
        self._before = self._counts()

    def _counts(self) -> tuple[Counter[str], Counter[str]]:
        # Rows that were handed over here, and such as were worked on here, each read of which was seen.
        handoffs: Any = self._instrumentor._handoffs  # pyright: ignore[reportPrivateUsage]
        counts: dict[str, BoundaryCounts] = {handoff.boundary.name: handoff.counts for handoff in handoffs}
        rows = Counter({name: one.submissions.value for name, one in counts.items()})
        return rows, Counter({name: one.judged - one.unwatched.value for name, one in counts.items()})

    def _in_main(self) -> None:
        with guard:
            self._instrument()

    def _instrument(self) -> None:
        self._instrumentor.instrument(boundaries=self._boundaries, mode=self._mode, on_mismatch=self._heard)

    def _heard(self, mismatch: Mismatch) -> None:
        # By row, as it is told on both sides where it goes to another process.
        row = mismatch.submission
        self._told[row.boundary, mismatch.outcome].add(f"{row.number}@{row.time_unix_nano}")


def _as_it_is_run(boundary: Boundary) -> Boundary:
    module = _module(boundary)
    return of_main(boundary, module) if is_run(module) else boundary


def _module(boundary: Boundary) -> str:
    return boundary.work.partition(":")[0]
