"""A small run of the embedded pipeline in which nothing is slow, and which of its known interleavings came about.

Letters as in the project's list: a, b1, b2, b5. Which of them a wrong call is, is told from the audit trail and from
the order in which attempts were begun, given up and ended; the detector is not asked.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from otel_handoff import Mismatch
from otel_handoff.around.provoke import Provoker
from otel_handoff.demo import corpus, truth
from otel_handoff.demo.pipeline.batch_adapter import Result, SharedBatchAdapter
from otel_handoff.demo.pipeline.context import PluginContext, TokenInfo
from otel_handoff.demo.pipeline.executor import TransformExecutor
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.orchestrator import Orchestrator
from otel_handoff.demo.pipeline.results import TransformResult
from otel_handoff.demo.schedule import Gate, Schedule
from otel_handoff.demo.service import Service
from otel_handoff.demo.transform import ReadabilityTransform
from otel_handoff.elspeth import ElspethInstrumentor
from otel_handoff.handover.lease import Lease

KINDS = ("a", "b1", "b2", "b5")

TIMEOUT = 0.2
"""Seconds that the host waits for a row, as in the demo."""

PACE = 0.1
"""Seconds that the source of pipelined rows waits, before the next row, for the one before to come out."""

WAIT = 1.0
"""Seconds that a worker is held at most: more than the host waits, so that the host is seen to move on."""


class Adapter(SharedBatchAdapter):
    """Says when each row comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.out: dict[str, threading.Event] = {}

    def emit(self, token: TokenInfo, result: Result, state_id: str | None) -> None:
        """Deliver a result."""
        super().emit(token, result, state_id)
        self.out.setdefault(token.token_id, threading.Event()).set()


class Transform(ReadabilityTransform):
    """The demo's transform; it notes what happens to each attempt, in order."""

    def __init__(self, url: str, adapter: Adapter) -> None:
        super().__init__(url, adapter, TIMEOUT)
        self.events: list[tuple[str, str]] = []

    def evict_submission(self, token_id: str, state_id: str) -> bool:
        """Note that an attempt is given up, and give it up."""
        self.events.append(("given up", state_id))
        return super().evict_submission(token_id, state_id)

    def _process(self, row: Mapping[str, object], ctx: PluginContext) -> TransformResult:
        state_id = f"state-{str(row['row']).removeprefix('row-')}-{row['attempt']}"
        self.events.append(("begun", state_id))
        try:
            return super()._process(row, ctx)
        finally:
            self.events.append(("ended", state_id))

    def before(self, first: tuple[str, str], second: tuple[str, str]) -> bool:
        """Whether `first` happened, and `second` later or not at all."""
        events = self.events
        return first in events and (second not in events or events.index(first) < events.index(second))


@dataclass(frozen=True)
class Seen:
    """What came of a run.

    Attributes:
        kinds: the interleavings that show in the audit trail.
        wrong: (true state, filed state) of each wrong call in the audit trail.
        mismatches: what was reported.
        calm: no row kept the host waiting for too long: nothing that it did was due to lateness.
    """

    kinds: frozenset[str]
    wrong: list[tuple[object, object]]
    mismatches: list[Mismatch]
    calm: bool


def run(directory: Path, groups: Sequence[Sequence[int]], provoker: Provoker | None) -> Seen:
    """Run rows through the pipeline, watched and not changed, with nothing slow in it and nobody held but by us."""
    directory.mkdir(parents=True)
    count = sum(map(len, groups))
    data = corpus.load(count)
    mismatches: list[Mismatch] = []
    in_time: list[bool] = []
    gate = Gate(Schedule(groups, {}, frozenset()))
    service = Service(0, gate.arrived)
    landscape = Landscape(directory / "landscape.db")
    adapter = Adapter()

    def paced(token: TokenInfo, _attempt: int) -> None:
        if any(len(group) > 1 for group in groups):
            out = adapter.out.setdefault(token.token_id, threading.Event())
            in_time.append(out.wait(PACE))

    transform = Transform(service.url, adapter)
    executor = TransformExecutor(landscape, adapter, on_submitted=paced)
    instrumentor = ElspethInstrumentor()
    instrumentor.instrument(mode="observe", on_mismatch=mismatches.append)
    Lease.provoker = provoker
    try:
        rows = [[data[row] for row in group] for group in groups]
        report = Orchestrator(landscape, adapter, executor).run("run-1", transform, rows)
    finally:
        Lease.provoker = None
        instrumentor.uninstrument()
        transform.close()
        service.close()
        landscape.close()
    found = truth.count(directory / "landscape.db")
    given_up = any(event == "given up" for event, _ in transform.events)
    return Seen(
        frozenset(kind(transform, call) for call in found.wrong_calls),
        [(call.true_state_id, call.filed_state_id) for call in found.wrong_calls],
        mismatches,
        calm=all(in_time) and not given_up and report.completed == count,
    )


def kind(transform: Transform, call: truth.WrongCall) -> str:
    """Return which interleaving a wrong call is."""
    state = call.true_state_id
    assert state is not None
    base, _, attempt = state.rpartition("-")
    given_up = ("given up", state)
    if not transform.before(given_up, ("ended", state)):
        return "a"
    if attempt != "0" and transform.before(given_up, ("ended", f"{base}-{int(attempt) - 1}")):
        return "b5"  # it waited in the queue behind its own earlier attempt, and was given up there
    return "b1" if call.true_row_id == call.filed_row_id else "b2"
