"""Two rows back to back on one shared context: each result, call and waiter keeps its own state_id and token."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from otel_handoff.demo.pipeline.batch_adapter import Emission, RowWaiter, SharedBatchAdapter
from otel_handoff.demo.pipeline.batching import BatchTransformMixin
from otel_handoff.demo.pipeline.context import PluginContext, TokenInfo
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.results import TransformResult
from otel_handoff.elspeth import ElspethInstrumentor
from tests.telemetry import Telemetry

WAIT = 20.0
ROWS = ("A", "B")
HELD = pytest.mark.parametrize("held", ["processor", "worker"])
"""Until the second submission the first row's processor is held, or its only worker, which has not begun with it."""


class Transform(BatchTransformMixin):
    """Records one call per row, under the ids that the context says are its own."""

    def __init__(self, adapter: SharedBatchAdapter) -> None:
        self.started = threading.Event()
        self.both_submitted = threading.Event()
        self.read: dict[str, tuple[str | None, str | None]] = {}
        self.init_batch_processing(max_pending=2, output=adapter, name="race", max_workers=1)

    def hold_the_worker(self) -> None:
        """Keep the pool's one thread busy until both rows are submitted."""
        self._batch_executor.submit(self.both_submitted.wait, WAIT)
        self.started.set()

    def process(self, row: Mapping[str, object], ctx: PluginContext) -> TransformResult:
        """Be the processor."""
        self.started.set()
        assert self.both_submitted.wait(WAIT)
        self.read[str(row["name"])] = ctx.token.token_id if ctx.token else None, ctx.state_id
        ctx.record_call("http", "success", {"for": row["name"]})
        return TransformResult({"made for": row["name"]})


@dataclass
class Happened:
    """What became of each row, by its name.

    Attributes:
        token_id: its token.
        state_id: the state that it was submitted with.
        read: the token and the state that its processor read off the context.
        recorded: the states under which the landscape has its calls.
        emitted: its result, as it was routed.
        waiter_got: the row that its waiter's result was made for; None: a timeout.
    """

    token_id: dict[str, str] = field(default_factory=dict[str, str])
    state_id: dict[str, str] = field(default_factory=dict[str, str])
    read: dict[str, tuple[str | None, str | None]] = field(default_factory=dict[str, tuple[str | None, str | None]])
    recorded: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    emitted: dict[str, Emission] = field(default_factory=dict[str, Emission])
    waiter_got: dict[str, object] = field(default_factory=dict[str, object])


def submit_back_to_back(directory: Path, held: str) -> Happened:
    """Submit two rows on one context, as the executor does, before the first is worked on."""
    happened = Happened()
    landscape, adapter = Landscape(directory / "landscape.db"), SharedBatchAdapter()
    landscape.begin_run("run-1")
    node_id = landscape.register_node("run-1", "race")
    ctx = PluginContext(run_id="run-1", config={}, landscape=landscape, node_id=node_id)
    transform = Transform(adapter)
    waiters: dict[str, RowWaiter] = {}
    try:
        if held == "worker":
            transform.hold_the_worker()
        for index, name in enumerate(ROWS):
            row = {"name": name}
            row_id = landscape.create_row("run-1", index, row)
            token = TokenInfo(row_id, landscape.create_token(row_id), row)
            state_id = landscape.begin_node_state(token.token_id, node_id, 0)
            happened.token_id[name], happened.state_id[name] = token.token_id, state_id
            ctx.token, ctx.state_id = token, state_id
            waiters[name] = adapter.register(token.token_id, state_id)
            transform.accept_row(row, ctx, transform.process)
            assert transform.started.wait(WAIT)
        transform.both_submitted.set()
        transform.flush_batch_processing(WAIT)
    finally:
        transform.both_submitted.set()
        transform.shutdown_batch_processing()
        landscape.close()
    happened.read = transform.read
    happened.emitted = {str((emission.row or {})["made for"]): emission for emission in adapter.emissions}
    for name, waiter in waiters.items():
        try:
            happened.waiter_got[name] = waiter.wait(timeout=0).row["made for"]  # all that can arrive has arrived
        except TimeoutError:
            happened.waiter_got[name] = None
    with closing(sqlite3.connect(directory / "landscape.db")) as connection:
        for state_id, request in connection.execute("SELECT state_id, request_json FROM calls"):
            happened.recorded.setdefault(json.loads(request)["for"], []).append(state_id)
    return happened


def assert_processor_reads_its_own(happened: Happened) -> None:
    """Each processor read its own token and state."""
    assert happened.read == {name: (happened.token_id[name], happened.state_id[name]) for name in ROWS}


def assert_calls_keep_their_own(happened: Happened) -> None:
    """Each call is recorded under its own row's state."""
    assert happened.recorded == {name: [happened.state_id[name]] for name in ROWS}


def assert_results_keep_their_own(happened: Happened) -> None:
    """Each result is emitted with its own token and state."""
    assert {name: (emission.token_id, emission.state_id) for name, emission in happened.emitted.items()} == {
        name: (happened.token_id[name], happened.state_id[name]) for name in ROWS
    }


def assert_waiters_keep_their_own(happened: Happened) -> None:
    """Each waiter gets its own row's result, and no result is dropped."""
    assert happened.waiter_got == {name: name for name in ROWS}
    assert all(emission.delivered for emission in happened.emitted.values())


Check = Callable[[Happened], None]

EVERY_CHECK: tuple[Check, ...] = (
    assert_processor_reads_its_own,
    assert_calls_keep_their_own,
    assert_results_keep_their_own,
    assert_waiters_keep_their_own,
)

BROKEN: dict[str, tuple[Check, ...]] = {
    # The mixin had read the state before the second row came: only what the processor reads late goes wrong.
    "processor": (assert_processor_reads_its_own, assert_calls_keep_their_own),
    "worker": EVERY_CHECK,
}


@pytest.fixture
def elspeth(telemetry: Telemetry) -> Iterator[None]:
    """Instrument, with nothing but defaults: mode `pin`."""
    ElspethInstrumentor().instrument(**telemetry.options)
    yield
    ElspethInstrumentor().uninstrument()


@HELD
@pytest.mark.usefixtures("elspeth")
def test_each_row_keeps_its_own_state_and_token(held: str, tmp_path: Path, telemetry: Telemetry) -> None:
    """Instrumented, every result, call and waiter keeps its own ids, and what was prevented is reported."""
    happened = submit_back_to_back(tmp_path, held)
    for check in EVERY_CHECK:
        check(happened)
    assert telemetry.mismatches
    for mismatch in telemetry.mismatches:
        assert mismatch.outcome == "prevented"
        assert mismatch.submission.ids["state_id"] == happened.state_id["A"]
        assert mismatch.observed.get("state_id", happened.state_id["B"]) == happened.state_id["B"]
        assert mismatch.observed.get("token_id", happened.token_id["B"]) == happened.token_id["B"]


@HELD
def test_without_the_package_the_first_row_loses_its_own(held: str, tmp_path: Path) -> None:
    """The same run on the same checks, not instrumented: A's work goes under B's ids."""
    happened = submit_back_to_back(tmp_path, held)
    for check in EVERY_CHECK:
        if check in BROKEN[held]:
            with pytest.raises(AssertionError):
                check(happened)
        else:
            check(happened)
    assert happened.read["A"] == (happened.token_id["B"], happened.state_id["B"])
    assert happened.recorded["A"] == [happened.state_id["B"]]
    if held == "worker":
        assert (happened.emitted["A"].token_id, happened.emitted["A"].state_id) == (
            happened.token_id["A"],
            happened.state_id["B"],
        )
        assert happened.waiter_got == {"A": None, "B": "B"}
