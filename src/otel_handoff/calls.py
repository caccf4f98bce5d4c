"""What a worker records and routes: a span for each external call, and a check of the ids that it carries."""

from __future__ import annotations

import threading
import time
from typing import Any

import wrapt
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind

from otel_handoff import semconv
from otel_handoff.boundary import Call
from otel_handoff.detector import Detector
from otel_handoff.engine import Engine
from otel_handoff.fields import MISSING, Parameters
from otel_handoff.guard import guard
from otel_handoff.lease import Lease, judged_lease
from otel_handoff.mismatch import HandoffMismatchError, Mismatch
from otel_handoff.spans import record_error
from otel_handoff.wrapping import Wrap


def call_wrapper(call: Call, detector: Detector, engine: Engine) -> Wrap:
    """Return what wraps the target of `call`; calls outside of this detector's rows pass straight through."""

    def wrap(function: Any, parameters: Parameters) -> Any:
        if call.evidence == "read":
            return wrapt.FunctionWrapper(function, ReadFunction(call, detector, parameters))
        return wrapt.FunctionWrapper(function, CallFunction(call, detector, engine, parameters))

    return wrap


class ReadFunction:
    """Remembers the ids that a worker takes for its next call."""

    def __init__(self, call: Call, detector: Detector, parameters: Parameters) -> None:
        self._call = call
        self._detector = detector
        self._parameters = parameters

    def __call__(self, wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Note the ids and call through."""
        lease = judged_lease()
        if lease is not None and lease.detector is self._detector:
            with guard:
                lease.findings.noted[threading.get_ident()] = _ids(self._call, self._parameters, args, kwargs)
        return wrapped(*args, **kwargs)


def _ids(call: Call, parameters: Parameters, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, object]:
    ids = {field: parameters.path(path, args, kwargs) for field, path in call.ids.items()}
    return {field: value for field, value in ids.items() if value is not MISSING}


class CallFunction:
    """Stands between the worker and one `Call.target`."""

    def __init__(self, call: Call, detector: Detector, engine: Engine, parameters: Parameters) -> None:
        self._call = call
        self._detector = detector
        self._engine = engine
        self._parameters = parameters
        self._name = call.target.rpartition(":")[2]

    def __call__(self, wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Check the ids, call through, and say what became of it."""
        lease = judged_lease()
        if lease is None or lease.detector is not self._detector or not self._detector.enabled:
            return wrapped(*args, **kwargs)
        if (provoker := lease.provoker) is not None:
            provoker.hold(lease, f"call {self._name}")
        filing = None
        blocked = None
        with guard:
            filing = Filing(self._call, self._name, lease, self._parameters, args, kwargs, self._engine)
            if self._detector.strict:
                blocked = filing.block()
        if blocked is not None:
            raise HandoffMismatchError(blocked)
        if filing is None:
            return wrapped(*args, **kwargs)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            filing.end(error)
            raise
        filing.end(None)
        return result


class Filing:
    """One call of a target, from before it is made until its outcome is known."""

    __slots__ = (
        "_args",
        "_call",
        "_ended_ns",
        "_ids",
        "_kwargs",
        "_lease",
        "_name",
        "_parameters",
        "_span",
        "_torn",
        "_wrong",
    )

    def __init__(
        self,
        call: Call,
        name: str,
        lease: Lease,
        parameters: Parameters,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        engine: Engine,
    ) -> None:
        self._call = call
        self._name = name
        self._lease = lease
        self._parameters = parameters
        self._args = args
        self._kwargs = kwargs
        self._ids = _ids(call, parameters, args, kwargs)
        self._torn = call.evidence == "call" and lease.detector.is_torn(lease, self._ids)
        self._wrong = lease.detector.wrong_in_call(lease, self._ids)
        self._span: Span = INVALID_SPAN
        self._ended_ns: int | None = None
        if call.evidence == "call":
            self._start_span(engine)
        else:
            lease.detector.finish(lease)

    def _start_span(self, engine: Engine) -> None:
        now = time.time_ns()
        milliseconds = (
            self._parameters.get(self._call.latency_ms, self._args, self._kwargs) if self._call.latency_ms else None
        )
        known = isinstance(milliseconds, (int, float))
        start = now - int(milliseconds * 1e6) if known else now
        self._ended_ns = now if known else None  # the external call is over: what follows is its recording
        self._span = engine.tracer.start_span(self._name, kind=SpanKind.CLIENT, start_time=start)
        if self._span.is_recording():
            self._span.set_attributes(
                {
                    semconv.BOUNDARY: self._lease.submission.boundary,
                    semconv.SUBMISSION_ID: self._lease.submission.number,
                    **self._lease.submission.attributes,
                    **{name: semconv.attribute_value(value) for name, value in self._details().items()},
                }
            )

    def _details(self) -> dict[str, object]:
        found = {
            name: self._parameters.path(path, self._args, self._kwargs) for name, path in self._call.attributes.items()
        }
        return {name: value for name, value in found.items() if value is not None and value is not MISSING}

    def block(self) -> Mismatch | None:
        """Report a wrong id before anything is recorded under it."""
        if not self._wrong:
            return None
        mismatch = self._judge("blocked")
        self._span.end(self._ended_ns)
        return mismatch

    def end(self, error: BaseException | None) -> None:
        """The target returned, or raised `error`: then no use of a wrong id is known."""
        with guard:
            self._judge("used" if error is None else "exposed")
        with guard:
            if self._span.is_recording():
                if error is not None:
                    record_error(self._span, error)
                self._span.end(self._ended_ns)

    def _judge(self, outcome: str) -> Mismatch | None:
        return self._lease.detector.call(
            self._lease,
            self._ids,
            self._wrong,
            evidence=self._call.evidence,
            outcome=outcome,
            target=self._name,
            details=self._details,
            torn=self._torn,
            span=self._span if self._span is not INVALID_SPAN else self._lease.span,
        )
