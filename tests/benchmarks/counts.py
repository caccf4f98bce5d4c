"""What one clean row makes the interpreter do: counted, not timed, so it is the same on every run and every machine.

A row is run in one thread, by hand, with the executor replaced by a list. Counted are

- `instructions`: bytecode instructions executed in otel-handoff's own files, and in what it makes of source;
- `calls`: functions, of Python or C, that this code calls directly;
- `below`: Python functions of others that run beneath it, of the OpenTelemetry API and SDK, wrapt and the library.
"""

from __future__ import annotations

import gc
import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import otel_handoff
from otel_handoff import HandoffInstrumentor
from otel_handoff.host.made import FILES
from tests.benchmarks.host import BOUNDARY, Context, Ledger, Pipeline, Row

OWN: Final = str(Path(otel_handoff.__file__).parent)
_TESTS: Final = str(Path(__file__).parent)
_READS: Final = 10

Counts = dict[str, int]


class _Later:
    """An executor that keeps what it is given until `run`."""

    def __init__(self) -> None:
        self._kept: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> None:
        """Keep a call."""
        self._kept.append((fn, args))

    def run(self) -> None:
        """Make the calls that were kept."""
        while self._kept:
            fn, args = self._kept.pop()
            fn(*args)


def count(what: Callable[[], object]) -> Counts:
    """Call `what` and count what runs of otel-handoff, and beneath it."""
    found: Counter[str] = Counter()
    owners: dict[CodeType, str] = {}

    def owner(frame: FrameType) -> str:
        code = frame.f_code
        known = owners.get(code)
        if known is None:
            name = code.co_filename
            is_own = name.startswith(OWN) or name in FILES
            known = owners[code] = "own" if is_own else "host" if name.startswith(_TESTS) else "other"
        return known

    def is_below(frame: FrameType | None) -> bool:
        # Whether the nearest frame that is not of others is ours.
        while frame is not None and owner(frame) == "other":
            frame = frame.f_back
        return frame is not None and owner(frame) == "own"

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if event == "call":
            if owner(frame) != "own":
                frame.f_trace_lines = False
                return None
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
            return trace
        if event == "opcode":
            found["instructions"] += 1
        return trace

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        if event == "c_call":
            found["calls"] += owner(frame) == "own"
        elif event == "call":
            back = frame.f_back
            if back is not None and owner(back) == "own":
                found["calls"] += 1
            if owner(frame) == "other":
                found["below"] += is_below(back)

    gc.collect()
    gc.disable()  # when it runs depends on what ran before
    try:
        for _ in range(2):  # 3.12 and 3.13 give opcode events only of what has been traced once
            found.clear()
            sys.setprofile(profile)
            sys.settrace(trace)
            what()
            sys.settrace(None)
            sys.setprofile(None)
    finally:
        gc.enable()
    return {name: found[name] for name in ("instructions", "calls", "below")}


def scenario(mode: str, *, spans: bool) -> dict[str, Counts]:
    """Count a clean row, reads in a worker and writes in flight, with watch, in one mode."""
    provider: Any = None
    if spans:
        from opentelemetry.sdk.trace import TracerProvider

        provider = TracerProvider()
    instrumentor: Any = HandoffInstrumentor()
    instrumentor.instrument(boundaries=[BOUNDARY], mode=mode, watch=True, tracer_provider=provider)
    try:
        return _count_all(f"{mode}, {'spans' if spans else 'no SDK'}", spans=spans)
    finally:
        instrumentor.uninstrument()


def _count_all(name: str, *, spans: bool) -> dict[str, Counts]:
    later, ledger = _Later(), Ledger()
    pipeline, ctx = Pipeline(later), Context(1)

    def one_call(_row: Row, handed: Context) -> None:
        ledger.record_call(handed.state_id, 0, "success")

    def reading(_row: Row, handed: Context) -> None:
        ledger.record_call(handed.state_id, 0, "success")
        for _ in range(_READS):
            handed.state_id  # noqa: B018

    def row(processor: Any) -> Callable[[], None]:
        def run() -> None:
            pipeline.accept_row(1, ctx, processor)
            later.run()

        for _ in range(17):  # of sixteen rows, one is looked at more closely
            run()  # what is found out once is found out by now
        return run

    clean = count(row(one_call))
    found = {f"a row with a call: {name}": clean}
    if spans:
        return found
    read = count(row(reading))
    found[f"{_READS} reads in a worker: {name}"] = {key: read[key] - clean[key] for key in clean}

    def write() -> None:
        for number in range(_READS):
            ctx.state_id = str(number)

    pipeline.accept_row(1, ctx, one_call)
    write()
    found[f"{_READS} writes in flight: {name}"] = count(write)
    return found


def main() -> None:
    """Print the counts as JSON."""
    found: dict[str, Counts] = {}
    for mode in ("pin", "observe"):
        for spans in (False, True):
            found |= scenario(mode, spans=spans)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
