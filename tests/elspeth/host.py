"""One way to drive ELSPETH's real classes, whichever of its module layouts is importable.

A `Host` is one run: a landscape in a SQLite file, one context shared by everything, a real `TransformExecutor`, and
transforms on the real `BatchTransformMixin` whose processors are given by the test. ELSPETH is imported when a `Host`
is made, never when this module is.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sqlite3
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.steps import LONG

SHORT = 0.05

Step = Callable[["Work"], object]


def module(*names: str) -> Any:
    """Import the first of these modules that exists."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
    raise ModuleNotFoundError(f"none of {names}")


def mixin_class() -> Any:
    """Return `BatchTransformMixin`."""
    return module("elspeth.plugins.infrastructure.batching.mixin", "elspeth.plugins.batching.mixin").BatchTransformMixin


def context_class() -> Any:
    """Return `PluginContext`."""
    return module("elspeth.contracts.plugin_context", "elspeth.plugins.context").PluginContext


def wrapped_classes() -> list[Any]:
    """Return every class an instrumentation may touch."""
    return [
        mixin_class(),
        context_class(),
        module("elspeth.engine.batch_adapter").SharedBatchAdapter,
        module(
            "elspeth.plugins.infrastructure.batching.row_reorder_buffer", "elspeth.plugins.batching.row_reorder_buffer"
        ).RowReorderBuffer,
        module("elspeth.plugins.infrastructure.pooling.executor", "elspeth.plugins.pooling.executor").PooledExecutor,
        module("elspeth.plugins.infrastructure.clients.http", "elspeth.plugins.clients.http").AuditedHTTPClient,
        module("elspeth.plugins.infrastructure.clients.llm", "elspeth.plugins.clients.llm").AuditedLLMClient,
        calls_class(),
    ]


def calls_class() -> Any:
    """Return the class that writes external calls to the landscape."""
    return first(
        ("elspeth.core.landscape.execution.calls", "CallAuditRepository"),
        ("elspeth.core.landscape.execution_repository", "ExecutionRepository"),
        ("elspeth.core.landscape.recorder", "LandscapeRecorder"),
    )


def first(*places: tuple[str, str], default: Any = None) -> Any:
    """Return what is at the first of these (module, name) that exists."""
    for name, attribute in places:
        with contextlib.suppress(ModuleNotFoundError):
            found = getattr(module(name), attribute, None)
            if found is not None:
                return found
    return default


def clears_context() -> bool:
    """Say whether this version clears the context between rows, so that a late call is lost instead of misfiled."""
    return hasattr(module("elspeth.contracts.plugin_context", "elspeth.plugins.context"), "plugin_context_scope")


@dataclass
class Work:
    """What a processor is given: its row, the attempt it belongs to, and the context it was handed."""

    host: Host
    name: str
    attempt: int
    ctx: Any

    @property
    def request(self) -> dict[str, object]:
        """Return a request that no other attempt makes: the landscape keeps its hash."""
        return {"row": self.name, "attempt": self.attempt}

    def record(self) -> None:
        """Record one external call through the context, as plugins do."""
        with self.host.noting(self):
            self.ctx.record_call(
                self.host.call_type, self.host.call_status, self.request, {"answer": 1}, latency_ms=1.0
            )

    def record_under(self, state_id: str) -> None:
        """Record one external call under an id taken earlier, as the audited clients do."""
        landscape = self.host.landscape
        with self.host.noting(self):
            landscape.record_call(
                state_id=state_id,
                call_index=landscape.allocate_call_index(state_id),
                call_type=self.host.call_type,
                status=self.host.call_status,
                request_data=self.host.payload(self.request),
                response_data=self.host.payload({"answer": 1}),
                latency_ms=1.0,
            )


class Host:
    """One run of ELSPETH."""

    def __init__(self, directory: Path) -> None:
        contracts = module("elspeth.contracts")
        self.hash = module("elspeth.core.canonical").stable_hash
        self.call_type, self.call_status = contracts.CallType.HTTP, contracts.CallStatus.SUCCESS
        self.path = directory / "landscape.db"
        self.db = module("elspeth.core.landscape.database").LandscapeDB(f"sqlite:///{self.path}")
        payloads = module("elspeth.core.payload_store").FilesystemPayloadStore(directory / "payloads")
        prepare: Callable[[], object] | None = first(
            ("elspeth.engine.orchestrator.bootstrap", "prepare_for_run"),
            ("elspeth.engine.orchestrator.core", "prepare_for_run"),
        )
        if prepare is not None:
            prepare()
        recorders = first(("elspeth.core.landscape.factory", "RecorderFactory"))
        if recorders is not None:
            factory = recorders(self.db, payload_store=payloads)
            runs, self.flow, self.states = factory.run_lifecycle, factory.data_flow, factory.execution
            self.landscape = factory.plugin_audit_writer()
        else:
            recorder = module("elspeth.core.landscape.recorder").LandscapeRecorder(self.db, payload_store=payloads)
            runs = self.flow = self.states = self.landscape = recorder
        self.payload: Callable[[dict[str, object]], Any] = first(
            ("elspeth.contracts.call_data", "RawCallPayload"), default=dict
        )
        self.run_id: str = given(
            runs.begin_run,
            config={},
            canonical_version="sha256-rfc8785-v1",
            openrouter_catalog_sha256="0" * 64,
            openrouter_catalog_source="bundled",
        ).run_id
        self.source_id = self._node("source", contracts.NodeType.SOURCE)
        self.node_id = self._node("transform", contracts.NodeType.TRANSFORM)
        self.ctx = given(
            context_class(), run_id=self.run_id, config={}, landscape=self.landscape, payload_store=payloads
        )
        executors = module("elspeth.engine.executors")
        self.executor = given(
            executors.TransformExecutor,
            recorder=self.landscape,
            execution=self.states,
            data_flow=self.flow,
            span_factory=module("elspeth.engine.spans").SpanFactory(),
            step_resolver=first_step,
        )
        self.adapter = module("elspeth.engine.batch_adapter").SharedBatchAdapter()
        self.names: dict[str, str] = {}
        self.raised: dict[tuple[str, int], BaseException] = {}
        self.transforms: list[Any] = []

    def _node(self, name: str, kind: Any) -> str:
        schema = module("elspeth.contracts.schema").SchemaConfig.from_dict({"mode": "observed"})
        return self.flow.register_node(self.run_id, name, kind, "1.0", {}, node_id=name, schema_config=schema).node_id

    # -- what a test does ------------------------------------------------------------------------------------------

    def transform(self, steps: Mapping[tuple[str, int], Step], *, workers: int = 1) -> Any:
        """Make a transform whose k-th run of a row does the step given for that row and attempt."""
        transform = transform_class()(self, steps, workers)
        transform.node_id = self.node_id
        transform.on_start(self.ctx)
        self.transforms.append(transform)
        return transform

    def token(self, name: str) -> Any:
        """Put a row into the landscape and return its token."""
        contracts = module("elspeth.contracts.schema_contract")
        field = contracts.FieldContract("name", "name", str, True, "declared")
        row = contracts.PipelineRow({"name": name}, contracts.SchemaContract("OBSERVED", (field,), True))
        index = len(self.names)
        recorded = given(
            self.flow.create_row,
            run_id=self.run_id,
            source_node_id=self.source_id,
            row_index=index,
            source_row_index=index,
            ingest_sequence=index,
            data={"name": name},
        )
        token_id = self.flow.create_token(recorded.row_id).token_id
        self.names[token_id] = name
        return module("elspeth.contracts.identity").TokenInfo(row_id=recorded.row_id, token_id=token_id, row_data=row)

    def submit(self, transform: Any, token: Any, attempt: int = 0) -> Any:
        """Submit a row as the executor does, and return its waiter instead of waiting."""
        if not transform.connected:
            transform.connect_output(self.adapter)
        state = self.states.begin_node_state(
            token.token_id, self.node_id, self.run_id, 1, token.row_data.to_dict(), attempt=attempt
        )
        waiter = self.adapter.register(token.token_id, state.state_id)
        self.ctx.state_id, self.ctx.node_id = state.state_id, self.node_id
        self.ctx.contract, self.ctx.token = token.row_data.contract, token
        transform.accept(token.row_data, self.ctx)
        return waiter

    def execute(
        self,
        transform: Any,
        token: Any,
        attempt: int = 0,
        *,
        timeout: float = LONG,
        submitted: Callable[[], object] | None = None,
    ) -> Any:
        """Run one attempt through the real executor; `submitted` is called once the row has been handed over."""
        transform.set_timeout(timeout)
        transform.submitted = submitted
        return given(
            self.executor.execute_transform,
            transform=transform,
            token=token,
            ctx=self.ctx,
            attempt=attempt,
            step_in_pipeline=1,
        )

    @contextlib.contextmanager
    def noting(self, work: Work) -> Generator[None]:
        """Remember what a recording raised, and let it go on."""
        try:
            yield
        except Exception as error:
            self.raised[work.name, work.attempt] = error
            raise

    def close(self) -> None:
        """Wait for every worker, late ones too."""
        while self.transforms:
            self.transforms.pop().close()

    # -- what the audit trail says ---------------------------------------------------------------------------------

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def attempts(self) -> dict[str, tuple[str, int]]:
        """Return each state's row and attempt."""
        rows = self._query("select state_id, token_id, attempt from node_states")
        return {state_id: (self.names[token_id], attempt) for state_id, token_id, attempt in rows}

    def state(self, name: str, attempt: int = 0) -> str:
        """Return the state of a row's attempt."""
        return next(state_id for state_id, of in self.attempts().items() if of == (name, attempt))

    def filed(self) -> dict[tuple[str, int], list[tuple[str, int]]]:
        """Return, for each attempt that recorded calls, the attempts they are filed under."""
        attempts = self.attempts()
        hashes = {
            self.hash({"row": name, "attempt": attempt}): (name, attempt)
            for name in self.names.values()
            for attempt in range(3)
        }
        found: dict[tuple[str, int], list[tuple[str, int]]] = {}
        for state_id, request_hash in self._query("select state_id, request_hash from calls order by rowid"):
            found.setdefault(hashes[request_hash], []).append(attempts[state_id])
        return found


def first_step(node_id: str) -> int:
    """Place every node at the first step."""
    return 1


def given(function: Callable[..., Any], **arguments: object) -> Any:
    """Call a function with those of the arguments that this version of it takes."""
    taken = inspect.signature(function).parameters
    return function(**{name: value for name, value in arguments.items() if name in taken})


def transform_class() -> Any:
    """Build a transform on the real base class and the real mixin."""
    base = module("elspeth.plugins.infrastructure.base", "elspeth.plugins.base").BaseTransform
    contracts = module("elspeth.contracts")
    schema = module("elspeth.plugins.infrastructure.schema_factory", "elspeth.plugins.schema_factory")
    observed = schema.create_schema_from_config(
        module("elspeth.contracts.schema").SchemaConfig.from_dict({"mode": "observed"}), "Row", allow_coercion=False
    )

    class Scripted(base, mixin_class()):
        name = "scripted"
        determinism = contracts.Determinism.NON_DETERMINISTIC
        input_schema = observed
        output_schema = observed
        connected = False

        def __init__(self, host: Host, steps: Mapping[tuple[str, int], Step], workers: int) -> None:
            base.__init__(self, {})
            self.host, self.steps, self.workers = host, steps, workers
            self.submitted: Callable[[], object] | None = None
            self.runs: dict[str, int] = {}
            self.timeout = LONG
            self._on_error = "discard"

        def connect_output(self, output: Any, max_pending: int = 30) -> None:
            self.init_batch_processing(
                max_pending=30, output=output, max_workers=self.workers, batch_wait_timeout=self.timeout
            )
            self.connected = True

        def set_timeout(self, seconds: float) -> None:
            self.timeout = self._batch_wait_timeout = seconds

        def accept(self, row: Any, ctx: Any) -> None:
            self.accept_row(row, ctx, self.work)
            if self.submitted is not None:
                self.submitted()

        def work(self, row: Any, ctx: Any) -> Any:
            name = row["name"]
            attempt = self.runs[name] = self.runs.get(name, -1) + 1
            step = self.steps.get((name, attempt), Work.record)
            step(Work(self.host, name, attempt, ctx))
            return contracts.TransformResult.success(row, success_reason={"action": "processed"})

        def process(self, row: Any, ctx: Any) -> Any:
            raise NotImplementedError

        def close(self) -> None:
            if self.connected:
                self.shutdown_batch_processing()

    return Scripted
