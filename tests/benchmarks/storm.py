"""The subject of the storm: every row is a mismatch, and everything that reports one is on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from otel_handoff import HandoffInstrumentor, Mismatch
from otel_handoff.tell.metrics import metrics_of
from tests.benchmarks.host import BOUNDARY, Rows


class _Counting(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Format the record, as a real handler does, and drop it."""
        self.format(record)
        self.count += 1


def storm(*, wrong: bool) -> Callable[..., Mapping[str, float]]:
    """Return what runs rows, clean or `wrong`, in `observe` with watch, and says where their mismatches went."""
    from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
    from opentelemetry.sdk.trace import TracerProvider

    class Records(LogRecordProcessor):
        count = 0

        def on_emit(self, log_record: Any) -> None:
            self.count += 1

        def shutdown(self) -> None: ...

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return True

    told: list[int] = []
    records, handler = Records(), _Counting()
    logger_provider = LoggerProvider()
    logger_provider.add_log_record_processor(records)
    logger = logging.getLogger("otel_handoff")
    logger.addHandler(handler)
    logger.propagate = False

    def hook(mismatch: Mismatch) -> None:
        told.append(mismatch.submission.number)

    instrumentor: Any = HandoffInstrumentor()
    instrumentor.instrument(
        boundaries=[BOUNDARY],
        mode="observe",
        tracer_provider=TracerProvider(),
        logger_provider=logger_provider,
        on_mismatch=hook,
    )
    counts: Any = instrumentor._handoffs[0].counts
    run_rows = Rows()

    untold = metrics_of(None).untold

    def counted() -> int:
        # The misfiled call names one field only, so a mismatch counts once.
        return sum(tally.value for tally in counts.mismatches.values())

    def run(rows: int) -> Mapping[str, float]:
        before = len(told), counted(), records.count, handler.count, untold.value
        run_rows(rows, wrong=wrong)
        made = counted() - before[1]
        return {
            "mismatches": len(told) - before[0],
            "counted": made,
            "log_records": records.count - before[2],
            "python_records": handler.count - before[3],
            "untold": untold.value - before[4],
        }

    return run
