"""One attempt after another: who writes the shared context."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from otel_handoff.demo.pipeline.batch_adapter import RowWaiter, SharedBatchAdapter
from otel_handoff.demo.pipeline.context import PluginContext, TokenInfo
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.results import TransformResult


class BatchTransform(Protocol):
    """What the executor asks of a transform: see `BatchTransformMixin`."""

    name: str
    node_id: str

    @property
    def batch_wait_timeout(self) -> float:
        """Seconds to wait for a row."""
        ...

    def accept(self, row: Mapping[str, object], ctx: PluginContext) -> None:
        """Take a row; its result goes to the adapter."""
        ...

    def evict_submission(self, token_id: str, state_id: str) -> bool:
        """Give an attempt up."""
        ...

    def flush_batch_processing(self, timeout: float = 300.0) -> None:
        """Wait until no row is in flight."""
        ...

    def close(self) -> None:
        """Let workers finish and end all threads."""
        ...


@dataclass(frozen=True)
class _Attempt:
    token: TokenInfo
    state_id: str
    waiter: RowWaiter


def _nobody(token: TokenInfo, attempt: int) -> None:
    """Tell nobody."""


class TransformExecutor:
    """Brings rows through a transform.

    **This is the patient.** For every attempt it overwrites `node_id`, `contract`, `token` and `state_id` of the run's
    one context, which is also in the hands of workers that have not finished: of a row handed over just before, or of
    an attempt that timed out.
    """

    def __init__(
        self,
        landscape: Landscape,
        adapter: SharedBatchAdapter,
        max_attempts: int = 2,
        on_submitted: Callable[[TokenInfo, int], object] = _nobody,
    ) -> None:
        """Try each row `max_attempts` times; call `on_submitted(token, attempt)` after each hand-over."""
        self._landscape = landscape
        self._adapter = adapter
        self._max_attempts = max_attempts
        self._on_submitted = on_submitted

    def execute(
        self, transform: BatchTransform, token: TokenInfo, ctx: PluginContext, first_attempt: int = 0
    ) -> TransformResult:
        """Hand a row over and wait for it; after a timeout, try again under a new `state_id`.

        Raises:
            TimeoutError: no attempt came back in time.
            Exception: what the transform raised; that is not tried again.
        """
        last = self._max_attempts - 1
        for attempt in range(first_attempt, last):
            try:
                return self._wait(transform, self._submit(transform, token, ctx, attempt))
            except TimeoutError:
                continue
        return self._wait(transform, self._submit(transform, token, ctx, last))

    def execute_pipelined(
        self, transform: BatchTransform, tokens: Sequence[TokenInfo], ctx: PluginContext
    ) -> list[TransformResult | Exception]:
        """Hand several rows over before waiting for any; those that time out are tried again at the end, one by one.

        Returns:
            In the order of `tokens`, each row's result, or the exception it failed with.
        """
        outcomes: list[TransformResult | Exception] = []
        for attempt in [self._submit(transform, token, ctx, 0) for token in tokens]:
            try:
                outcomes.append(self._wait(transform, attempt))
            except Exception as error:
                outcomes.append(error)
        for position, token in enumerate(tokens):
            if isinstance(outcomes[position], TimeoutError) and self._max_attempts > 1:
                try:
                    outcomes[position] = self.execute(transform, token, ctx, first_attempt=1)
                except Exception as error:
                    outcomes[position] = error
        return outcomes

    def _submit(self, transform: BatchTransform, token: TokenInfo, ctx: PluginContext, attempt: int) -> _Attempt:
        state_id = self._landscape.begin_node_state(token.token_id, transform.node_id, attempt)
        ctx.node_id = transform.node_id
        ctx.contract = tuple(token.row_data)
        ctx.token = token
        ctx.state_id = state_id
        waiter = self._adapter.register(token.token_id, state_id)
        # What a worker must not get wrong goes with the row itself: this is how the truth is known later.
        transform.accept({**token.row_data, "row": token.row_id, "attempt": attempt}, ctx)
        self._on_submitted(token, attempt)
        return _Attempt(token, state_id, waiter)

    def _wait(self, transform: BatchTransform, attempt: _Attempt) -> TransformResult:
        try:
            result = attempt.waiter.wait(transform.batch_wait_timeout)
        except Exception as error:
            self._landscape.complete_node_state(attempt.state_id, "failed", error=repr(error))
            if isinstance(error, TimeoutError):
                transform.evict_submission(attempt.token.token_id, attempt.state_id)
            raise
        self._landscape.complete_node_state(attempt.state_id, "completed", result.row)
        return result
