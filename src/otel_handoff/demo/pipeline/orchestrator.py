"""A whole run, from the first row to the last late worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from otel_handoff.demo.pipeline.batch_adapter import SharedBatchAdapter
from otel_handoff.demo.pipeline.context import PluginContext, TokenInfo
from otel_handoff.demo.pipeline.executor import BatchTransform, TransformExecutor
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.results import TransformResult

Row = Mapping[str, object]


@dataclass
class RunReport:
    """How a run went: `completed` counts rows; `failed` says, by row_id, why each of the others was not."""

    completed: int = 0
    failed: dict[str, Exception] = field(default_factory=dict[str, Exception])


class Orchestrator:
    """Feeds rows to a transform. A row that fails is noted, and the run goes on."""

    def __init__(self, landscape: Landscape, adapter: SharedBatchAdapter, executor: TransformExecutor) -> None:
        """Write to `landscape`; `adapter` is the transform's output and the executor's input."""
        self._landscape = landscape
        self._adapter = adapter
        self._executor = executor

    def run(
        self,
        run_id: str,
        transform: BatchTransform,
        groups: Iterable[Sequence[Row]],
        config: Mapping[str, object] | None = None,
        on_rows: Callable[[int], object] | None = None,
    ) -> RunReport:
        """Run every row through `transform`, and close it.

        Args:
            run_id: what to call the run.
            transform: its `node_id` is set here.
            groups: rows in order. A group of one is waited for before the next; of more, all are handed over first.
            config: the run's settings, JSON-ready.
            on_rows: called with the number of rows just done.
        """
        config = config or {}
        self._landscape.begin_run(run_id, config)
        transform.node_id = self._landscape.register_node(run_id, transform.name)
        # The one context of the run: the defect starts here.
        ctx = PluginContext(run_id=run_id, config=config, landscape=self._landscape, payload_store={})
        report = RunReport()
        index = 0
        for group in groups:
            tokens: list[TokenInfo] = []
            for row in group:
                row_id = self._landscape.create_row(run_id, index, row)
                tokens.append(TokenInfo(row_id, self._landscape.create_token(row_id), row))
                index += 1
            self._execute(transform, tokens, ctx, report)
            if on_rows is not None:
                on_rows(len(tokens))
        transform.flush_batch_processing()
        # Attempts that were given up still work, and record: their calls belong in the landscape before it is closed.
        transform.close()
        for emission in self._adapter.emissions:
            self._landscape.record_emission(
                emission.token_id, emission.state_id, emission.row, delivered=emission.delivered
            )
        self._landscape.complete_run(run_id)
        return report

    def _execute(
        self, transform: BatchTransform, tokens: Sequence[TokenInfo], ctx: PluginContext, report: RunReport
    ) -> None:
        outcomes: Sequence[TransformResult | Exception]
        if len(tokens) == 1:
            try:
                outcomes = [self._executor.execute(transform, tokens[0], ctx)]
            except Exception as error:
                outcomes = [error]
        else:
            outcomes = self._executor.execute_pipelined(transform, tokens, ctx)
        for token, outcome in zip(tokens, outcomes, strict=True):
            if isinstance(outcome, Exception):
                report.failed[token.row_id] = outcome
            else:
                report.completed += 1
