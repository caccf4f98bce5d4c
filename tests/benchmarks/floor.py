"""The floor by hand: what is left of a guard in Python when it does only what cannot be left out.

Before the row is handed over: a copy of its context, an object for the row in flight, a weak reference to the context,
the frame and the thread that submit, and the clock. On the worker: two context variables, one inside the other, set and
reset: whose row it is, and what is carried. Nothing is compared, looked up, counted or told.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from contextvars import Context as Carried
from contextvars import ContextVar
from types import CodeType
from typing import Any, Final

from tests.benchmarks.contenders import reached
from tests.benchmarks.host import Context, Pipeline, Processor, Row, Rows


class Lease:
    """A row in flight."""

    __slots__ = ("carried", "code", "ctx", "handed", "offset", "processor", "thread", "time")

    carried: Carried | None
    code: CodeType
    ctx: weakref.ref[Context]
    handed: Context
    offset: int
    processor: Processor
    thread: threading.Thread
    time: int

    def run(self, row: Row, ctx: Context) -> object:
        """Work on the row, which is current meanwhile."""
        outer = _lease.set(self)
        inner = _carried.set(self.carried)
        try:
            return self.processor(row, ctx)
        finally:
            _carried.reset(inner)
            _lease.reset(outer)


_lease: Final[ContextVar[Lease | None]] = ContextVar("_lease", default=None)
_carried: Final[ContextVar[Carried | None]] = ContextVar("_carried", default=None)


def floor() -> Rows:
    """Put these steps around the submit function, and nothing else."""
    host: Any = Pipeline
    submit = Pipeline.accept_row

    def accept_row(self: Pipeline, row: Row, ctx: Context, processor: Processor) -> Any:
        lease = Lease()
        lease.time = time.time_ns()
        lease.thread = threading.current_thread()
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  public by its documentation
        lease.code, lease.offset = frame.f_code, frame.f_lasti
        lease.ctx = weakref.ref(ctx)
        lease.handed = handed = Context.__new__(Context)
        handed.__dict__.update(ctx.__dict__)
        lease.carried = _carried.get()
        lease.processor = processor
        return submit(self, row, handed, lease.run)

    host.accept_row = accept_row
    return reached(Rows(), lambda: _lease.get() is not None)
