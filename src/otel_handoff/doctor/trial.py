"""One alert that is marked as a test, sent by the ways of a real one, and what became of it on each.

It is an event of another name than a mismatch's and moves no counter: no query, rule or `otel-handoff check` takes it
for a mismatch. The counters are exported as they stand, which proves their way as well.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span

from otel_handoff.doctor import own, sdk
from otel_handoff.doctor.discretion import without_secrets
from otel_handoff.doctor.finding import Finding, note, ok, unknown, wrong
from otel_handoff.doctor.heard import Heard, heard
from otel_handoff.doctor.sdk import Sink
from otel_handoff.doctor.ways import Ways, exporting, of_each, python_log
from otel_handoff.record import semconv

_logger = logging.getLogger("otel_handoff")

TEXT: Final = "TEST ALERT of `otel-handoff doctor`: nothing is wrong, and nothing is to be done."
PATIENCE: Final = 30.0
"""Seconds to wait for the exporters; OTLP exporters give up after 10 s by default."""


def send() -> Iterator[Finding]:
    """Send it by the ways of each engine, and yield what became of it."""
    yield from of_each(_send)


def _send(ways: Ways) -> Iterator[Finding]:
    if ways.engine is None:
        yield note("test alert", "not sent: nothing is turned on, so it would prove nothing")
        return
    span = ways.tracer.start_span("otel-handoff doctor test alert", context=Context(), attributes={semconv.TEST: True})
    recorded = span.is_recording()
    span.add_event(semconv.TEST, {semconv.TEST: True, "message": TEXT})
    trials = [
        Trial("log record", exporting(ways.logs), lambda: _log(ways, span), _is_test_record),
        Trial("counter", exporting(ways.metrics), lambda: None, _has_counter),
        Trial("span event", exporting(ways.spans) if recorded else [], span.end, lambda item: _is_span(item, span)),
    ]
    with heard("opentelemetry") as said:
        for trial in trials:
            trial.start()
        deadline = time.monotonic() + PATIENCE
        for trial in trials:
            trial.join(max(0.0, deadline - time.monotonic()))
        findings = [finding for trial in trials for finding in trial.findings(said)]
    if not recorded and not sdk.is_nothing(ways.tracer):
        findings[-1] = note("span event", "not exported: the sampler did not keep the span")
    yield from findings
    _logger.warning("%s", TEXT)
    yield python_log(logging.WARNING, "told by the logger otel_handoff, at WARNING")
    if own.hook_of(ways.engine) is not None:
        yield note("hook", "on_mismatch was not called: it may wake somebody")
    elif not any(finding.state in ("ok", "unknown") for finding in findings):
        yield wrong(
            "test alert",
            "it did not leave this process",
            "Have logs or metrics exported to where somebody looks: see docs/alerting.md.",
        )


class Trial:
    """One way: gives the alert to its processors, flushes them, and sees what the exporters say."""

    def __init__(
        self, way: str, sinks: Sequence[Sink] | None, give: Callable[[], object], is_it: Callable[[Any], bool]
    ) -> None:
        """Expect `is_it` of an item that is exported to say whether it is the test alert."""
        self._way = way
        self._sinks = sinks
        self._give = give
        self._watches = [_Watch(sink, is_it) for sink in sinks or ()]
        self._thread = threading.Thread(target=self._run, name=_thread(way), daemon=True)

    def start(self) -> None:
        """Go. The ways go at once: exporters without a Collector take their full time each."""
        for watch in self._watches:
            watch.begin()
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait until all of it is known, but no longer."""
        self._thread.join(seconds)
        for watch in self._watches:
            watch.end()

    def _run(self) -> None:
        sdk.guarded(self._give)
        for watch in self._watches:
            sdk.guarded(lambda watch=watch: watch.sink.part.force_flush(int(PATIENCE * 1_000)))

    def findings(self, said: Heard) -> Iterator[Finding]:
        """Yield what became of it, exporter by exporter."""
        if self._sinks is None:
            yield unknown(self._way, "this SDK does not show what is set up; it was given the alert")
        elif not self._sinks:
            yield note(self._way, "not exported: nothing is set up for it")
        for watch in self._watches:
            yield watch.finding(self._way, said, over=not self._thread.is_alive())


class _Watch:
    """Sees what an exporter's `export` is given and returns, for as long as the test lasts."""

    def __init__(self, sink: Sink, is_it: Callable[[Any], bool]) -> None:
        self.sink = sink
        self._is_it = is_it
        self._results: list[object] = []
        self._watched = False

    def begin(self) -> None:
        exporter = self.sink.exporter
        if exporter is None:
            return
        export = exporter.export

        def watched(items: Any, *args: Any, **kwargs: Any) -> Any:
            ours = any(bool(sdk.guarded(lambda item=item: self._is_it(item))) for item in _each(items))
            try:
                result = export(items, *args, **kwargs)
            except Exception as error:
                if ours:
                    self._results.append(error)
                raise
            if ours:
                self._results.append(result)
            return result

        with suppress(AttributeError, TypeError):  # an exporter that refuses attributes cannot be watched
            exporter.export = watched
            self._watched = True

    def end(self) -> None:
        if self._watched:
            with suppress(AttributeError):
                del self.sink.exporter.export

    def finding(self, way: str, said: Heard, *, over: bool) -> Finding:
        where = self.sink.exports
        if not self._watched:
            return self._unwatched(way)
        if not self._results:
            if over:
                return unknown(way, f"{where} was never given it")
            return self._failed(way, said, f"no answer within {PATIENCE:.0f} s")
        result = self._results[-1]
        if isinstance(result, Exception):
            return self._failed(way, said, f"{type(result).__name__}: {result}")
        if getattr(result, "name", None) == "SUCCESS":
            return ok(way, f"exported by {where}", outcome="exported", endpoint=self.sink.endpoint)
        if getattr(result, "name", None) == "FAILURE":
            return self._failed(way, said, "the exporter failed")
        return unknown(way, f"{where} returned {result!r}")

    def _unwatched(self, way: str) -> Finding:
        if way == "counter":
            return unknown(way, f"{self.sink.name} is scraped, and whether anybody does is not seen from here")
        return unknown(way, f"{self.sink.name} took it, but shows no exporter")

    def _failed(self, way: str, said: Heard, reason: str) -> Finding:
        where = self.sink.exports
        telling = without_secrets(self._reason(way, said), sdk.header_values(self.sink.exporter))
        return wrong(
            way,
            f"not exported by {where}: {reason}{f' ({telling})' if telling else ''}",
            f"Make {self.sink.endpoint or 'its destination'} reachable from here and let it accept this, or point the"
            " exporter elsewhere.",
            outcome="failed",
            endpoint=self.sink.endpoint,
        )

    def _reason(self, way: str, said: Heard) -> str:
        own = [record.getMessage() for record in said.records if record.threadName == _thread(way)]
        # The SDK logs a message once for all signals: the reason may have been given for another of the same endpoint.
        others = [message for message in said.messages if self.sink.endpoint and self.sink.endpoint in message]
        return max(own or others, key=len, default="")  # the last is often only that it gave up


def _thread(way: str) -> str:
    return f"otel-handoff doctor, {way}"  # a thread's number may be given to the next one


def _each(items: Any) -> Sequence[Any]:
    return items if isinstance(items, (list, tuple)) else [items]  # pyright: ignore[reportUnknownVariableType]


def _log(ways: Ways, span: Span) -> None:
    now = time.time_ns()
    ways.logger.emit(
        LogRecord(
            timestamp=now,
            observed_timestamp=now,
            context=trace.set_span_in_context(span, Context()),
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            body=TEXT,
            attributes={semconv.TEST: True},
            event_name=semconv.TEST,
        )
    )


def _is_test_record(item: Any) -> bool:
    return semconv.TEST in item.log_record.attributes


def _is_span(item: Any, span: Span) -> bool:
    return item.context.span_id == span.get_span_context().span_id


def _has_counter(data: Any) -> bool:
    return any(
        metric.name == semconv.METRIC_MISMATCHES
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
