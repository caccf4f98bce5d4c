"""Who writes the one context, and hands the rows over."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from otel_handoff.demo.pipeline.context import PluginContext, TokenInfo
from otel_handoff.demo.pipeline.landscape import Landscape

Row = Mapping[str, object]
_LARGEST_BATCH = 8


class Tasks(Protocol):
    """How an engine takes work."""

    def make(self, row: Row, ctx: PluginContext) -> Any:
        """Return the task of one row, which has not gone yet."""
        ...

    def send(self, made: Sequence[Any]) -> None:
        """Send the tasks of a batch."""
        ...


def batches(rows: Sequence[Row], seed: int) -> Iterator[Sequence[Row]]:
    """Yield the rows in order, one to eight at a time."""
    rng = random.Random(seed)  # noqa: S311  no secret: a run to be repeated
    start = 0
    while start < len(rows):
        size = rng.randint(1, _LARGEST_BATCH)
        yield rows[start : start + size]
        start += size


def send(landscape: Landscape, run_id: str, given: Iterator[Sequence[Row]], tasks: Tasks) -> None:
    """Send all rows, batch by batch.

    **This is the patient**: a task is made with the ids of its row on `ctx`, and is serialised when its batch is
    complete. By then `ctx` has those of the last.
    """
    node_id = landscape.register_node(run_id, "readability")
    ctx = PluginContext(run_id=run_id, config={}, node_id=node_id)
    index = 0
    for batch in given:
        made: list[Any] = []
        for data in batch:
            row_id = landscape.create_row(run_id, index, data)
            token = TokenInfo(row_id, landscape.create_token(row_id), data)
            ctx.token, ctx.state_id = token, landscape.begin_node_state(token.token_id, node_id, 0)
            # What a worker must not get wrong goes with the row itself: this is how the truth is known later.
            made.append(tasks.make({**data, "row": row_id, "attempt": 0}, ctx))
            index += 1
        tasks.send(made)
