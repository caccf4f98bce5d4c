"""The embedded pipeline's hand-off, on a pool of the scheduler's and a landscape that keeps nothing."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from otel_handoff import Boundary
from otel_handoff.demo.pipeline.batch_adapter import SharedBatchAdapter
from otel_handoff.demo.pipeline.batching import BatchTransformMixin
from otel_handoff.demo.pipeline.context import PluginContext, TokenInfo
from otel_handoff.demo.pipeline.results import TransformResult
from otel_handoff.demo.pipeline.row_reorder_buffer import RowReorderBuffer, RowTicket
from otel_handoff.elspeth import BOUNDARIES
from tests.schedules.hosts import FilingFailedError, Worker
from tests.schedules.pools import ControlledPool
from tests.schedules.records import Attempt
from tests.schedules.scheduler import Scheduler
from tests.schedules.truth import Truth, tick


class RowContext(PluginContext):
    """The pipeline's context, with methods that read an id."""

    def current_token(self) -> TokenInfo | None:
        """Read an id from inside the context."""
        return self.token

    def current_state(self) -> str | None:
        """Likewise."""
        return self.state_id


class Landscape:
    """What is instrumented as calls: the signatures of the pipeline's own, without the database."""

    def record_call(
        self,
        state_id: str,
        call_index: int,
        call_type: str,
        status: str,
        request_data: Mapping[str, object],
        response_data: Mapping[str, object] | None = None,
        error: Mapping[str, object] | None = None,
        latency_ms: float | None = None,
    ) -> Filing:
        """File an external call."""
        if status == "error":
            raise FilingFailedError
        return Filing(state_id)


@dataclass(frozen=True)
class Filing:
    """A call as filed."""

    state_id: str


class Front:
    """Stands before the landscape, where nothing of the detector is: sees what a context method read."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.landscape: Landscape = Landscape()
        self.workers: dict[int, Worker] = {}
        """Who is at work on which task."""
        self.began: dict[int, int] = {}
        """Since when a task's context method may have read."""
        self._scheduler = scheduler

    @property
    def task(self) -> int:
        """The running task."""
        assert self._scheduler.current is not None
        return self._scheduler.current.number

    def allocate_call_index(self, state_id: str) -> int:
        """Take a number under an id; another task may run."""
        worker = self.workers[self.task]
        worker.saw(worker.handed, "state_id", {"state_id": state_id}, "method", self.began[self.task])
        self._scheduler.pause()
        self.began[self.task] = tick()
        return 0

    def record_call(self, state_id: str, **given: Any) -> Any:
        """File."""
        worker = self.workers[self.task]
        got = worker.saw(worker.handed, "state_id", {"state_id": state_id}, "method", self.began[self.task])
        filed: list[Filing] = []
        worker.file(
            "call", {"state_id": got}, lambda: filed.append(self.landscape.record_call(state_id=state_id, **given))
        )
        return filed[0]


class Buffer(RowReorderBuffer[Any]):
    """The pipeline's buffer; it never blocks, and sees what is handed in before the detector does."""

    def __init__(self, truth: Truth, front: Front, scheduler: Scheduler) -> None:
        super().__init__(1000, "buffer")
        self.handing_over: dict[int, Attempt] = {}
        self._truth = truth
        self._front = front
        self._scheduler = scheduler

    def submit(self, row_id: str, timeout: float | None = None) -> RowTicket:
        """Take a place; others may run while the submitter would wait for it."""
        self._truth.accepted(self.handing_over[self._front.task])
        self._scheduler.pause()
        return super().submit(row_id, timeout)

    def complete(self, ticket: RowTicket, result: Any) -> None:
        """Hand in a result."""
        state_id = result[2]
        worker = self._front.workers.pop(self._front.task)
        attempt = worker.attempt
        state = self._truth.saw(
            *(attempt, worker.handed, "state_id", {"state_id": state_id}, "attribute", attempt.start[0]),
            nested=False,
            end=attempt.start[1],
        )
        # The token was bound on the submitting thread, with the row: it cannot be wrong.
        worker.file("result", {"state_id": state}, lambda: super(Buffer, self).complete(ticket, result))

    @property
    def has_head(self) -> bool:
        """Whether a result can be released."""
        return self._head() is not None


class Transform(BatchTransformMixin):
    """Does, for each row, the job that comes with it."""

    def __init__(self, truth: Truth, scheduler: Scheduler, workers: int) -> None:
        self.front: Front = Front(scheduler)
        self.adapter: SharedBatchAdapter = SharedBatchAdapter()
        self.executor: ControlledPool = ControlledPool(scheduler, "worker", workers)
        self.closed: bool = False
        buffer = Buffer(truth, self.front, scheduler)
        self._batch_output = self.adapter
        self._batch_submissions: dict[tuple[str, str], RowTicket] = {}
        self._batch_submissions_lock = threading.Lock()
        self._batch_buffer: Any = buffer
        self._batch_executor: Any = self.executor
        self._scheduler = scheduler
        scheduler.spawn("release", self._release)

    def enqueue(self, attempt: Attempt, ctx: Any, job: Callable[[Any], object]) -> None:
        """Hand a row over, as the pipeline's executor does."""
        self._batch_buffer.handing_over[self.front.task] = attempt
        self.accept_row({"attempt": attempt, "job": job}, ctx, self.process)

    def process(self, row: Mapping[str, Any], ctx: PluginContext) -> TransformResult:
        """Be the processor."""
        attempt: Attempt = row["attempt"]
        try:
            row["job"](ctx)
        finally:
            attempt.finish = (tick(), 0)
        return TransformResult({"made for": attempt.label})

    def give_up(self, token_id: str, state_id: str) -> bool:
        """Evict a submission."""
        return self.evict_submission(token_id, state_id)

    def _release(self) -> None:
        while True:
            self._scheduler.wait(lambda: self._batch_buffer.has_head or self.closed)
            if not self._batch_buffer.has_head:
                return
            token, result, state_id = self._batch_buffer.wait_for_next_release(0).result
            with self._batch_submissions_lock:
                self._batch_submissions.pop((token.token_id, state_id), None)
            self.adapter.emit(token, result, state_id)


def _boundary() -> Boundary:
    pipeline = BOUNDARIES[-1]
    _index, recording, routing = pipeline.calls
    return dataclasses.replace(
        pipeline,
        calls=(dataclasses.replace(recording, target="tests.schedules.mixin:Landscape.record_call"), routing),
        pools=("tests.schedules.pools:NestedPool.submit",),
    )


BOUNDARY: Final = _boundary()
"""The embedded pipeline's hand-off, recording to the landscape of this module."""
