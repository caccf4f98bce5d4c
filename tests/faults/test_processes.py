"""Other processes, and the end of this one."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from otel_handoff import current_submission
from otel_handoff.demo.pipeline.context import PluginContext
from otel_handoff.demo.pipeline.results import TransformResult
from otel_handoff.demo.service import analyse
from otel_handoff.demo.transform import ReadabilityTransform
from tests.faults.conftest import Host
from tests.hosts import WAIT

MODES = pytest.mark.parametrize("mode", ["observe", "pin"])


class Forking(ReadabilityTransform):
    """Each worker forks while its row and others are in flight; the child reads and writes the context, and ends."""

    def _process(self, row: Mapping[str, object], ctx: PluginContext) -> TransformResult:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                submission = current_submission()
                ids = (ctx.state_id, ctx.token)
                ctx.state_id = "the child's"
                status = 0 if all(ids) and (submission is None or submission.ids["row_id"] == row["row"]) else 2
            finally:
                os._exit(status)
        ended = os.waitpid(pid, 0)[1]
        result = super()._process(row, ctx)
        return TransformResult({**result.row, "child": ended})


@MODES
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_fork(mode: str, host: Host) -> None:
    """A child that is forked out of a row uses the context as it likes; the parent's trail does not know of it."""
    expected = host.expected(mode, transform=Forking)
    assert '\\"child\\": 0' in expected.trail
    assert host.instrumented(mode, transform=Forking) == expected


def in_child(text: str) -> tuple[dict[str, float], bool]:
    """Do a part of a row's work; say whether a row is known there."""
    return analyse(text, "words"), current_submission() is not None


class Spawning(ReadabilityTransform):
    """Each worker has a part of its work done by a process that was spawned."""

    pool: ProcessPoolExecutor

    def _process(self, row: Mapping[str, object], ctx: PluginContext) -> TransformResult:
        answer, known = self.pool.submit(in_child, str(row["text"])).result(WAIT)
        result = super()._process(row, ctx)
        return TransformResult({**result.row, "child": answer, "known": known})


@MODES
def test_spawn(mode: str, host: Host) -> None:
    """What a worker sends to a spawned process is pickled as without us; its row stays here."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:

        class Transform(Spawning):
            pass

        Transform.pool = pool
        expected = host.expected(mode, transform=Transform)
        assert '\\"known\\": false' in expected.trail
        assert host.instrumented(mode, transform=Transform) == expected


EXIT = """
import logging, os, sys, threading
import tests.hosts as hosts
from otel_handoff import HandoffInstrumentor

mode, correct = sys.argv[1:]
if mode != "off":
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=open(os.devnull, "w"))))
    logging.getLogger("otel_handoff").addHandler(logging.NullHandler())
    logging.getLogger("otel_handoff").propagate = False
    HandoffInstrumentor().instrument(mode=mode, boundaries=[hosts.boundary()], tracer_provider=provider)
pool, ctx, ledger, leaving = hosts.Pool(2), hosts.Context(), hosts.Ledger(), threading.Event()
turn = [threading.Event() for _ in range(41)]
turn[0].set()
threading._register_atexit(leaving.set)

def job(order, ctx):
    number = int(order.id)
    assert (correct == "yes" or leaving.wait(20)) and turn[number].wait(20)
    os.write(1, f"{order.id}: {ledger.post(ctx.order.id, order.id)}, {ctx.attempt}\\n".encode())
    turn[number + 1].set()

for number in range(40):
    ctx.order, ctx.attempt = hosts.Order(str(number)), f"attempt of {number}"
    future = pool.enqueue(ctx.order, ctx, job)
    if correct == "yes":
        future.result(20)
sys.exit(3)
"""


def ended(mode: str, *, correct: bool = False) -> tuple[int, str, str]:
    """Return exit code and output of a process that ends with rows in flight."""
    done = subprocess.run(
        [sys.executable, "-c", EXIT, mode, "yes" if correct else "no"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    return done.returncode, done.stdout, done.stderr


def test_interpreter_exit() -> None:
    """The main thread leaves while 40 rows are queued or at work: all are done, and nothing else is said."""
    bare, correct = ended("off"), ended("off", correct=True)
    assert bare[0] == correct[0] == 3
    assert len(bare[1].splitlines()) == 40
    assert bare != correct
    assert ended("observe") == bare
    assert ended("pin") == correct
