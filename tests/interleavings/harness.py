"""One run of the embedded pipeline, driven by a scenario, and everything that can be known about it afterwards.

Ids are told by names: `"row A"`, `"token A"`, and `"A0"` for the state of row A's attempt 0, which also names the
submission of that attempt.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_handoff import Mismatch
from otel_handoff.demo.pipeline.batch_adapter import SharedBatchAdapter
from otel_handoff.demo.pipeline.batching import BatchTransformMixin
from otel_handoff.demo.pipeline.context import PluginContext, TokenInfo
from otel_handoff.demo.pipeline.executor import TransformExecutor
from otel_handoff.demo.pipeline.landscape import Landscape
from otel_handoff.demo.pipeline.results import TransformResult
from otel_handoff.demo.pipeline.row_reorder_buffer import RowTicket
from otel_handoff.elspeth import ElspethInstrumentor
from otel_handoff.host.guard import guard
from otel_handoff.record.story import as_line
from tests.steps import LONG, wait
from tests.telemetry import Telemetry

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

SHORT: Final = 0.02
"""Seconds that a waiter waits for a result which is held back, so that it times out for certain."""

RUN: Final = "run-1"
NODE: Final = "node-scripted"

Step = Callable[["Work"], object]
Scenario = Callable[["Host"], object]
Patience = float | Callable[[], float]


# -- the host


class Scripted(BatchTransformMixin):
    """A transform that does, for each attempt of each row, the step that a scenario gives for it."""

    name = "scripted"
    node_id = NODE

    def __init__(self, host: Host, workers: int) -> None:
        self.host = host
        self.patience: deque[Patience] = deque()
        self.init_batch_processing(max_pending=30, output=host.adapter, name=self.name, max_workers=workers)

    @property
    def batch_wait_timeout(self) -> float:
        """How long to wait for the next row: what the scenario says, in order; else as long as it takes."""
        patience = self.patience.popleft() if self.patience else LONG
        return patience() if callable(patience) else patience

    def accept(self, row: Mapping[str, object], ctx: PluginContext) -> None:
        """Take a row."""
        self.accept_row(row, ctx, self.work)

    def work(self, row: Mapping[str, object], ctx: PluginContext) -> TransformResult:
        """Be the processor."""
        label = f"{row['name']}{row['attempt']}"
        self.host.steps.get(label, Work.record)(Work(self.host, label, ctx))
        return TransformResult({"made for": label})

    def settle(self) -> None:
        """Wait until the only worker has returned from the row before."""
        self._batch_executor.submit(int).result(LONG)

    def return_late(self, release: threading.Event) -> None:
        """Hold each worker between handing in its result and returning from its work."""
        buffer: Any = self._batch_buffer
        complete = buffer.complete

        def slow(ticket: RowTicket, result: object) -> None:
            complete(ticket, result)
            wait(release)

        buffer.complete = slow

    def close(self) -> None:
        """Wait for every worker, late ones too."""
        self.flush_batch_processing(LONG)
        self.shutdown_batch_processing(LONG)


@dataclass(frozen=True)
class Work:
    """What a step is given: who it is, and the context that it was handed."""

    host: Host
    label: str
    ctx: PluginContext

    def record(self, **request: object) -> None:
        """Record an external call through the context, as plugins do; the request says for whom it is made."""
        with self._noting():
            self.ctx.record_call("http", "success", {"for": self.label, **request}, {"ok": True}, latency_ms=5.0)

    def record_under(self, state_id: str | None) -> None:
        """Record an external call under an id that was taken earlier, as audited clients do."""
        assert state_id is not None
        landscape = self.host.landscape
        with self._noting():
            landscape.record_call(
                state_id=state_id,
                call_index=landscape.allocate_call_index(state_id),
                call_type="http",
                status="success",
                request_data={"for": self.label},
                latency_ms=5.0,
            )

    @contextmanager
    def _noting(self) -> Generator[None]:
        try:
            yield
        except Exception as error:
            self.host.raised[self.label] = type(error).__name__
            raise


class HeldLandscape(Landscape):
    """A landscape that can be held inside `record_call` of the context, between its reads of `state_id`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.hold: Callable[[str], object] | None = None

    def allocate_call_index(self, state_id: str) -> int:
        """Allocate, and stay inside while the scenario says so."""
        index = super().allocate_call_index(state_id)
        if self.hold is not None:
            self.hold(state_id)
        return index


class Host:
    """One run: a landscape, one context, an adapter, a transform, and the real executor."""

    def __init__(self, directory: Path, mode: str) -> None:
        self.mode = mode
        self.path = directory / "landscape.db"
        self.landscape = HeldLandscape(self.path)
        self.landscape.begin_run(RUN)
        self.landscape.register_node(RUN, Scripted.name)
        self.ctx = PluginContext(run_id=RUN, config={}, landscape=self.landscape, payload_store={})
        self.adapter = SharedBatchAdapter()
        self.steps: dict[str, Step] = {}
        self.submitted: dict[str, Callable[[], object]] = {}
        self.raised: dict[str, str] = {}
        self._rows: list[str] = []
        self._transform: Scripted | None = None

    def rows(self, names: str) -> list[TokenInfo]:
        """Put rows into the landscape, one for each letter, and return their tokens."""
        tokens: list[TokenInfo] = []
        for name in names:
            row_id = self.landscape.create_row(RUN, len(self._rows), {"name": name})
            self._rows.append(name)
            tokens.append(TokenInfo(row_id, self.landscape.create_token(row_id), {"name": name}))
        return tokens

    def transform(self, workers: int = 1, patience: Sequence[Patience] = ()) -> Scripted:
        """Make the transform; `patience` says how long the executor waits for each attempt in turn."""
        self._transform = Scripted(self, workers)
        self._transform.patience.extend(patience)
        return self._transform

    def executor(self, max_attempts: int = 1) -> TransformExecutor:
        """Make an executor that calls `submitted["A0"]` once attempt 0 of row A is handed over."""

        def on_submitted(token: TokenInfo, attempt: int) -> None:
            self.submitted.get(f"{token.row_data['name']}{attempt}", lambda: None)()

        return TransformExecutor(self.landscape, self.adapter, max_attempts, on_submitted)

    def close(self) -> None:
        """Wait for every worker, and close the landscape."""
        if self._transform is not None:
            self._transform.close()
        self.landscape.close()

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the landscape, past everything that wrote it."""
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def named(self, value: Any) -> Any:
        """Return an id by its name; anything else as it is."""
        if not isinstance(value, str):
            return value
        if found := re.fullmatch(r"(row|token)-(\d{4})", value):
            return f"{found[1]} {self._rows[int(found[2])]}"
        if found := re.fullmatch(r"state-(\d{4})-(\d+)", value):
            return f"{self._rows[int(found[1])]}{found[2]}"
        return value


# -- what is known afterwards


@dataclass(frozen=True)
class Filed:
    """A call in the landscape: the state and the index it stands under, the attempt that made it, and what it names."""

    state: str
    index: int
    made_by: str
    token: str | None = None


@dataclass(frozen=True)
class Routed:
    """A result as it was emitted, whether a waiter got it, and the attempt it was made for (None: an exception)."""

    token: str
    state: str | None
    delivered: bool
    made_for: str | None


@dataclass(frozen=True)
class Culprit:
    """The write that put the wrong value there; `submission` holds the ids that the value belonged to."""

    thread: str
    field: str
    value: str | None
    where: str
    submission: Mapping[str, str | None] | None


@dataclass(frozen=True)
class Report:
    """A mismatch; `of` names its submission, `where` the function, `target` and `index` the call."""

    of: str
    evidence: str
    outcome: str
    expected: Mapping[str, str | None]
    observed: Mapping[str, str | None]
    stale: bool
    thread: str
    where: str
    target: str
    index: int | None
    culprit: Culprit | None
    torn: bool = False


@dataclass(frozen=True)
class SeenSpan:
    """A span: its attributes, the attributes of its mismatch events, its other events, links and status."""

    name: str
    kind: str
    parent: str | None
    attributes: Mapping[str, object]
    mismatches: Sequence[Mapping[str, object]]
    other_events: Sequence[str]
    status: str
    links: Sequence[tuple[str | None, Mapping[str, object]]] = field(default=(), compare=False)


@dataclass(frozen=True)
class SeenLog:
    """A log record, and the span that it points to."""

    event_name: str | None
    severity: str
    attributes: Mapping[str, object]
    span: str | None
    whole: bool


@dataclass
class Outcome:
    """All that is known of a run once everybody has returned."""

    calls: list[Filed] = field(default_factory=list[Filed])
    routed: list[Routed] = field(default_factory=list[Routed])
    attempts: dict[str, str] = field(default_factory=dict[str, str])
    raised: dict[str, str] = field(default_factory=dict[str, str])
    reports: list[Report] = field(default_factory=list[Report])
    row_spans: dict[str, SeenSpan] = field(default_factory=dict[str, SeenSpan])
    client_spans: dict[str, SeenSpan] = field(default_factory=dict[str, SeenSpan])
    client_durations_ms: list[float] = field(default_factory=list[float])
    logs: list[SeenLog] = field(default_factory=list[SeenLog])
    unchecked: list[tuple[object, object]] = field(default_factory=list[tuple[object, object]])
    """Reason, and whether the row was pinned all the same."""
    counts: dict[str, dict[tuple[object, ...], int]] = field(default_factory=dict[str, dict[tuple[object, ...], int]])
    series: dict[str, int] = field(default_factory=dict[str, int])
    internal_errors: int = 0


def run(scenario: Scenario, directory: Path, telemetry: Telemetry, *, mode: str, watch: bool = True) -> Outcome:
    """Run a scenario in one mode, under a span of the submitting thread, and return what came of it."""
    errors = guard.errors.value
    instrumentor = ElspethInstrumentor()
    instrumentor.instrument(mode=mode, watch=watch, **telemetry.options)
    try:
        host = Host(directory, mode)
        try:
            with telemetry.tracer_provider.get_tracer("host").start_as_current_span("run"):
                scenario(host)
        finally:
            host.close()
    finally:
        instrumentor.uninstrument()
    outcome = _Reader(host, telemetry).outcome()
    outcome.internal_errors = guard.errors.value - errors
    return outcome


class _Reader:
    """Puts names for ids, and one word for what differs from run to run."""

    def __init__(self, host: Host, telemetry: Telemetry) -> None:
        self._host = host
        self._telemetry = telemetry
        self._name = host.named
        rows = telemetry.spans("process elspeth")
        self._labels: dict[object, str] = {
            _attributes(span)["handoff.submission.id"]: self._name(_attributes(span)["elspeth.state_id"])
            for span in rows
        }
        self._rows = {self._label(span): span for span in rows}
        self._clients = {self._label(span): span for span in telemetry.spans("Landscape.record_call")}
        assert len(self._rows) == len(rows), "an attempt has two row spans"
        assert len(self._clients) == len(telemetry.spans("Landscape.record_call")), "an attempt has two call spans"
        self._spans: dict[int, str] = {
            context.span_id: name
            for name, span in [
                *((f"row {label}", span) for label, span in self._rows.items()),
                *((f"call {label}", span) for label, span in self._clients.items()),
                *(("run", span) for span in telemetry.spans("run")),
            ]
            if (context := span.get_span_context()) is not None
        }

    def outcome(self) -> Outcome:
        telemetry, name = self._telemetry, self._name
        calls = self._host.query("SELECT state_id, call_index, request_json FROM calls ORDER BY rowid")
        states = self._host.query("SELECT state_id, status, error FROM node_states ORDER BY rowid")
        return Outcome(
            calls=[self._filed(*call) for call in calls],
            routed=[
                Routed(
                    name(emission.token_id),
                    name(emission.state_id),
                    emission.delivered,
                    str(emission.row["made for"]) if emission.row else None,
                )
                for emission in self._host.adapter.emissions
            ],
            attempts={
                name(state_id): error.partition("(")[0] if error else status for state_id, status, error in states
            },
            raised=self._host.raised,
            reports=[self._report(mismatch) for mismatch in telemetry.mismatches],
            row_spans={label: self._seen(span) for label, span in self._rows.items()},
            client_spans={label: self._seen(span) for label, span in self._clients.items()},
            client_durations_ms=[
                ((span.end_time or 0) - (span.start_time or 0)) / 1e6 for span in self._clients.values()
            ],
            logs=[
                self._seen_log(log, mismatch)
                for log, mismatch in zip(self._logs("handoff.mismatch.found"), telemetry.mismatches, strict=True)
            ],
            unchecked=[
                (attributes["handoff.unchecked.reason"], attributes["handoff.unchecked.pinned"])
                for log in self._logs("handoff.row.unchecked")
                if (attributes := log.log_record.attributes or {})
            ],
            counts={
                metric: telemetry.counted(metric)
                for metric in (
                    "handoff.mismatches",
                    "handoff.submissions",
                    "handoff.stale_work",
                    "handoff.in_flight",
                    "handoff.queue.duration",
                )
            },
            series={
                metric: len(telemetry.points(metric))
                for metric in ("handoff.mismatches", "handoff.stale_work", "handoff.in_flight")
            },
        )

    def _logs(self, event_name: str) -> list[ReadableLogRecord]:
        return [log for log in self._telemetry.logs() if log.log_record.event_name == event_name]

    def _filed(self, state_id: str, index: int, request: str) -> Filed:
        asked: dict[str, Any] = json.loads(request)
        return Filed(self._name(state_id), index, asked["for"], self._name(asked.get("token")))

    def _label(self, span: ReadableSpan) -> str:
        return self._labels[_attributes(span)["handoff.submission.id"]]

    def _ids(self, ids: Mapping[str, object]) -> dict[str, str | None]:
        return {field: self._name(value) for field, value in ids.items()}

    def _report(self, mismatch: Mismatch) -> Report:
        write, submission = mismatch.culprit, mismatch.submission
        culprit = None
        if write is not None:
            owner = write.submission
            culprit = Culprit(
                write.thread_name,
                write.field,
                self._name(write.value),
                _function(write.location),
                self._ids(owner.ids) if owner is not None else None,
            )
            assert write.time_unix_nano <= mismatch.time_unix_nano
        assert submission.time_unix_nano <= mismatch.time_unix_nano
        index = mismatch.details.get("elspeth.call.index")
        return Report(
            of=self._labels[submission.number],
            evidence=mismatch.evidence,
            outcome=mismatch.outcome,
            expected=self._ids(mismatch.expected),
            observed=self._ids(mismatch.observed),
            stale=mismatch.stale,
            thread=mismatch.thread_name,
            where=_function(mismatch.location),
            target=mismatch.target,
            index=index if isinstance(index, int) else None,
            culprit=culprit,
            torn=mismatch.torn,
        )

    def _seen(self, span: ReadableSpan) -> SeenSpan:
        mismatches = [event for event in span.events if event.name == "handoff.mismatch.found"]
        told = {mismatch.time_unix_nano for mismatch in self._telemetry.mismatches}
        assert {event.timestamp for event in mismatches} <= told
        return SeenSpan(
            name=span.name,
            kind=span.kind.name,
            parent=self._spans.get(span.parent.span_id) if span.parent else None,
            attributes=self._stable(_attributes(span)),
            mismatches=[self._stable(event.attributes or {}) for event in mismatches],
            other_events=[event.name for event in span.events if event.name != "handoff.mismatch.found"],
            links=[(self._spans.get(link.context.span_id), self._stable(link.attributes or {})) for link in span.links],
            status=span.status.status_code.name,
        )

    def _seen_log(self, log: ReadableLogRecord, mismatch: Mismatch) -> SeenLog:
        record = log.log_record
        text = str(mismatch) if mismatch.occurrence == 1 else as_line(mismatch)
        return SeenLog(
            event_name=record.event_name,
            severity=f"{record.severity_number.name if record.severity_number else None} {record.severity_text}",
            attributes=self._stable(record.attributes or {}),
            span=self._spans.get(mismatch.span_id),
            whole=(record.body, record.timestamp, record.trace_id, record.span_id)
            == (text, mismatch.time_unix_nano, mismatch.trace_id, mismatch.span_id),
        )

    def _stable(self, attributes: Mapping[str, Any]) -> dict[str, object]:
        return {key: self._word(key, value) for key, value in attributes.items()}

    def _word(self, key: str, value: Any) -> object:
        if key.endswith("submission.id"):
            return self._labels[value]
        if key == "handoff.mismatch.span.id":
            return self._spans[int(value, 16)]
        if key.endswith("location"):
            return _function(value)
        if key == "code.file.path":
            assert re.fullmatch(r"[\w.-]+/[\w.-]+", value), value
            return "a file"
        if key == "code.line.number":
            assert value > 0
            return "a line"
        if key in ("code.function.name", "error.type"):
            return value.rpartition(".")[2]
        if key.endswith("time_unix_nano") or key == "thread.id":
            assert isinstance(value, int)
            return "an int"
        if key == "handoff.mismatch.occurrence":
            assert value >= 1
            return "a count"
        if key == "handoff.queue.duration":
            assert 0 <= value < LONG
            return "seconds"
        return self._name(value)


def _attributes(span: ReadableSpan) -> Mapping[str, Any]:
    return span.attributes or {}


def _function(location: str) -> str:
    file, _, function = location.rpartition(" in ")
    assert re.fullmatch(r"[\w.-]+/[\w.-]+:\d+", file), location
    return function
