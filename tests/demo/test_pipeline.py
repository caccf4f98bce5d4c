"""The host does its job, and has the defect."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from otel_handoff.demo import truth
from otel_handoff.demo.pipeline.batch_adapter import SharedBatchAdapter
from otel_handoff.demo.pipeline.context import PluginContext, TokenInfo
from otel_handoff.demo.pipeline.executor import TransformExecutor
from otel_handoff.demo.pipeline.http_client import AuditedHTTPClient
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.orchestrator import Orchestrator, RunReport
from otel_handoff.demo.pipeline.results import ExceptionResult, TransformResult
from tests.demo.directed import DirectedTransform

PATIENCE = 10.0
ROWS = [{"id": "p-0", "text": "Call me Ishmael."}, {"id": "p-1", "text": "What do you see?"}]


def query(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """Ask a landscape."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def request_of(row: Mapping[str, object]) -> dict[str, object]:
    """What a call records of the row it was made for."""
    return {"json": {"row": row["row"], "attempt": row["attempt"], "request": 0}}


def run(
    landscape: Landscape, adapter: SharedBatchAdapter, transform: DirectedTransform, groups: list[list[dict[str, str]]]
) -> RunReport:
    """Run rows to the end."""
    executor = TransformExecutor(landscape, adapter)
    return Orchestrator(landscape, adapter, executor).run("run-1", transform, groups)


def test_a_row_goes_through_and_its_call_is_filed_under_it(landscape: Landscape, tmp_path: Path) -> None:
    """With one row at a time and none late, nothing is wrong."""
    adapter = SharedBatchAdapter()
    transform = DirectedTransform(adapter, lambda row, ctx: ctx.record_call("http", "success", request_of(row)))
    report = run(landscape, adapter, transform, [[row] for row in ROWS])
    assert (report.completed, report.failed) == (2, {})
    path = tmp_path / "landscape.db"
    assert query(path, "SELECT state_id, attempt, status FROM node_states") == [
        ("state-0000-0", 0, "completed"),
        ("state-0001-0", 0, "completed"),
    ]
    assert query(path, "SELECT state_id, call_index FROM calls") == [("state-0000-0", 0), ("state-0001-0", 0)]
    assert query(path, "SELECT run_id, status FROM runs") == [("run-1", "completed")]
    assert truth.count(path).wrong_calls == []


def test_a_retry_has_a_state_of_its_own_and_the_late_attempt_records_under_it(
    landscape: Landscape, tmp_path: Path
) -> None:
    """The first attempt is given up, evicted, and still at work: its call comes under the second (b1)."""
    retried = threading.Event()
    recorded = threading.Event()

    def work(row: Mapping[str, object], ctx: PluginContext) -> None:
        if row["attempt"] == 0:
            retried.wait(PATIENCE)
            ctx.record_call("http", "success", request_of(row))
            recorded.set()
        else:
            retried.set()
            recorded.wait(PATIENCE)

    adapter = SharedBatchAdapter()
    transform = DirectedTransform(adapter, work, workers=2, timeout=0.5)
    report = run(landscape, adapter, transform, [[ROWS[0]]])
    assert report.completed == 1
    path = tmp_path / "landscape.db"
    states = query(path, "SELECT state_id, status FROM node_states")
    assert states == [("state-0000-0", "failed"), ("state-0000-1", "completed")]
    assert transform.get_batch_metrics()["evicted"] == 1
    (wrong,) = truth.count(path).wrong_calls
    assert (wrong.true_state_id, wrong.filed_state_id) == ("state-0000-0", "state-0000-1")


def test_an_attempt_that_was_given_up_is_waited_for_before_the_run_is_closed(
    landscape: Landscape, tmp_path: Path
) -> None:
    """Its late call is in the landscape when the run is completed, and so is that of the one in the queue."""
    given_up = threading.Event()

    def work(row: Mapping[str, object], ctx: PluginContext) -> None:
        given_up.wait(PATIENCE)
        ctx.record_call("http", "success", request_of(row))

    adapter = SharedBatchAdapter()
    transform = DirectedTransform(adapter, work, timeout=0.05)

    class Releasing(TransformExecutor):
        def execute(
            self, transform: Any, token: TokenInfo, ctx: PluginContext, first_attempt: int = 0
        ) -> TransformResult:
            try:
                return super().execute(transform, token, ctx, first_attempt)
            finally:
                given_up.set()

    report = Orchestrator(landscape, adapter, Releasing(landscape, adapter)).run("run-1", transform, [[ROWS[0]]])
    assert [type(error) for error in report.failed.values()] == [TimeoutError]
    path = tmp_path / "landscape.db"
    assert query(path, "SELECT count(*) FROM calls") == [(2,)]
    assert query(path, "SELECT max(created_at) <= (SELECT completed_at FROM runs) FROM calls") == [(1,)]


def test_pipelined_rows_share_the_context_and_the_first_calls_under_the_last(
    landscape: Landscape, tmp_path: Path
) -> None:
    """Two rows handed over before either is waited for: the first one's call comes under the second (a)."""
    begun, both = threading.Event(), threading.Event()

    def work(row: Mapping[str, object], ctx: PluginContext) -> None:
        begun.set()
        both.wait(PATIENCE)
        ctx.record_call("http", "success", request_of(row))

    def submitted(token: TokenInfo, attempt: int) -> None:
        if token.row_id == "row-0000":
            begun.wait(PATIENCE)
        else:
            both.set()

    adapter = SharedBatchAdapter()
    transform = DirectedTransform(adapter, work)
    executor = TransformExecutor(landscape, adapter, on_submitted=submitted)
    report = Orchestrator(landscape, adapter, executor).run("run-1", transform, [ROWS])
    assert report.completed == 2
    (wrong,) = truth.count(tmp_path / "landscape.db").wrong_calls
    assert (wrong.true_row_id, wrong.filed_row_id, wrong.call_index) == ("row-0000", "row-0001", 0)
    assert [emission.state_id for emission in adapter.emissions] == ["state-0000-0", "state-0001-0"]


def test_a_transform_that_raises_fails_its_row_and_the_run_goes_on(landscape: Landscape, tmp_path: Path) -> None:
    """The waiter raises what the worker raised; it is not tried again."""

    def work(row: Mapping[str, object], ctx: PluginContext) -> None:
        if row["row"] == "row-0000":
            raise LookupError("no such word")

    for groups in ([[row] for row in ROWS], [ROWS]):
        path = tmp_path / f"landscape-{len(groups)}.db"
        with closing(Landscape(path)) as other:
            adapter = SharedBatchAdapter()
            report = run(other, adapter, DirectedTransform(adapter, work), groups)
        assert report.completed == 1
        assert repr(report.failed["row-0000"]) == "LookupError('no such word')"
        assert query(path, "SELECT status, error FROM node_states WHERE state_id = 'state-0000-0'") == [
            ("failed", "LookupError('no such word')")
        ]


def test_flush_gives_up_in_time_and_shutdown_refuses_new_rows() -> None:
    """Flush waits for rows in flight; after shutdown none is taken, and no thread is left."""
    held = threading.Event()
    ctx = PluginContext("run-1", {}, token=TokenInfo("row-0", "token-0", {}), state_id="state-0")
    transform = DirectedTransform(SharedBatchAdapter(), lambda row, ctx: held.wait(PATIENCE))
    transform.accept({}, ctx)
    with pytest.raises(TimeoutError, match="1 rows still pending"):
        transform.flush_batch_processing(timeout=0.01)
    held.set()
    transform.flush_batch_processing(PATIENCE)
    transform.close()
    with pytest.raises(RuntimeError):
        transform.accept({}, ctx)
    ctx.token = None
    with pytest.raises(ValueError, match=r"needs ctx\.token"):
        transform.accept({}, ctx)


def test_the_adapter_delivers_by_token_and_state_and_drops_the_rest() -> None:
    """A result under another attempt's state is nobody's, as is one that comes too late."""
    adapter = SharedBatchAdapter()
    token = TokenInfo("row-0", "token-0", {})
    waiter = adapter.register("token-0", "state-1")
    adapter.emit(token, TransformResult({"attempt": 0}), "state-0")
    adapter.emit(token, TransformResult({"attempt": 0}), None)
    assert adapter.dropped == 2
    adapter.emit(token, TransformResult({"attempt": 1}), "state-1")
    assert waiter.wait(PATIENCE).row == {"attempt": 1}
    late = adapter.register("token-0", "state-2")
    with pytest.raises(TimeoutError, match="state-2"):
        late.wait(0.01)
    adapter.emit(token, TransformResult({}), "state-2")
    assert adapter.dropped == 3
    failing = adapter.register("token-0", "state-3")
    adapter.emit(token, ExceptionResult(LookupError("x"), ""), "state-3")
    with pytest.raises(LookupError):
        failing.wait(PATIENCE)


def test_a_context_files_calls_of_exactly_one_parent(landscape: Landscape) -> None:
    """State or operation, not both and not neither; without a landscape nothing is filed."""
    ctx = PluginContext("run-1", {}, state_id="state-0")
    assert ctx.record_call("http", "success", {}) is None
    ctx.landscape = landscape
    for state_id, operation_id in ((None, None), ("state-0", "operation-0"), (None, "operation-0")):
        ctx.state_id, ctx.operation_id = state_id, operation_id
        with pytest.raises(RuntimeError):
            ctx.record_call("http", "success", {})


def test_a_checkpoint_is_kept_until_it_is_cleared() -> None:
    """As a batch transform uses it."""
    ctx = PluginContext("run-1", {})
    assert ctx.get_checkpoint() is None
    ctx.update_checkpoint({"batch": 7})
    assert ctx.get_checkpoint() == {"batch": 7}
    ctx.clear_checkpoint()
    assert ctx.get_checkpoint() is None


def test_every_request_is_filed_answered_or_not(landscape: Landscape, tmp_path: Path) -> None:
    """A success with its answer, a failure with its error, and telemetry for each."""
    events: list[object] = []
    landscape.begin_run("run-1")
    node_id = landscape.register_node("run-1", "n")
    token_id = landscape.create_token(landscape.create_row("run-1", 0, {}))
    state_id = landscape.begin_node_state(token_id, node_id, 0)
    ctx = PluginContext("run-1", {}, landscape, telemetry_emit=events.append, state_id=state_id)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response({"/good": 200, "/bad": 500}[request.url.path], json={"words": 3})

    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        client = AuditedHTTPClient(ctx, http)
        assert client.post("http://service/good", {"row": "row-0000"}) == {"words": 3}
        with pytest.raises(httpx.HTTPStatusError):
            client.post("http://service/bad", {"row": "row-0000"})
    rows = query(tmp_path / "landscape.db", "SELECT call_index, status, response_json, error_json FROM calls")
    assert [row[:2] for row in rows] == [(0, "success"), (1, "error")]
    assert rows[0][2] == '{"status_code": 200, "json": {"words": 3}}'
    assert "HTTPStatusError" in rows[1][3]
    assert len(events) == 2


def test_the_landscape_refuses_a_call_of_no_attempt_and_a_number_twice(landscape: Landscape) -> None:
    """What an auditor may rely on."""
    landscape.begin_run("run-1")
    node_id = landscape.register_node("run-1", "n")
    state_id = landscape.begin_node_state(landscape.create_token(landscape.create_row("run-1", 0, {})), node_id, 0)
    landscape.record_call(state_id, landscape.allocate_call_index(state_id), "http", "success", {})
    assert landscape.allocate_call_index(state_id) == 1
    with pytest.raises(sqlite3.IntegrityError):
        landscape.record_call(state_id, 0, "http", "success", {})
    with pytest.raises(sqlite3.IntegrityError):
        landscape.record_call("state-none", 0, "http", "success", {})
