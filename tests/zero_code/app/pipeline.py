"""Two rows, back to back, on one context and one worker: `python pipeline.py LANDSCAPE.db`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from elspeth.contracts.plugin_context import PluginContext, TokenInfo
from elspeth.core.landscape.execution.calls import CallAuditRepository
from elspeth.plugins.infrastructure.batching.mixin import BatchTransformMixin


def main(path: str, work: Callable[[str], object] = str) -> None:
    """Run, and do `work` on each row."""
    landscape = CallAuditRepository(path)
    ctx = PluginContext("run-1", landscape, node_id="node-1")
    transform = BatchTransformMixin()
    transform.init_batch_processing(max_workers=1)
    started, both = threading.Event(), threading.Event()

    def processor(row: str, ctx: PluginContext) -> str:
        started.set()
        assert both.wait(20)
        work(row)
        ctx.record_call(row, latency_ms=250.0)
        return row.lower()

    rows: list[Any] = []
    for name in "AB":
        ctx.token = TokenInfo(f"row-{name}", f"token-{name}")
        ctx.state_id = f"state-{name}"
        rows.append(transform.accept_row(name, ctx, processor))
        assert started.wait(20)
    both.set()
    for row in rows:
        row.result(20)
    transform.pool.shutdown()
    landscape.connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
