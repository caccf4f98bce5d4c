"""With `spans=mismatch`: a row has no span until something is told of it, and then one with the times that were true.

Its calls are remembered as plain values, and have their spans when the row ends. A row in order has none of all that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    INVALID_SPAN_CONTEXT,
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
)
from opentelemetry.util.types import AttributeValue

from otel_handoff.around.engine import Engine
from otel_handoff.host.current import no_lease
from otel_handoff.host.guard import guard
from otel_handoff.record import semconv
from otel_handoff.record.submission import Submission
from otel_handoff.tell.exceptions import Exceptions, Raised
from otel_handoff.tell.judged import Judged
from otel_handoff.tell.spans import call_attributes, carried, row_attributes

_MOST_CALLS: Final = 100
"""Calls of a row that are remembered; of what is beyond, the number is told."""


class LateSpans:
    """Makes the spans of one boundary, where they are wanted.

    Attributes:
        judged: says how many rows had no span, as they were in order.
        exceptions: says what was raised.
    """

    def __init__(self, engine: Engine, boundary: str, name: str) -> None:
        """Make them with the tracer of `engine`; the span of a row is called `name`."""
        self.judged: Judged = Judged(boundary, engine.tracer)
        self.exceptions: Exceptions = engine.exceptions
        self._engine = engine
        self._name = name

    def row(self, submission: Submission, begun_ns: int, *, again: bool) -> LateRow:
        """The work on a row begins, perhaps not for the first time."""
        return LateRow(self, submission, begun_ns, again=again)

    def start_row(self, submission: Submission, begun_ns: int) -> Span:
        """Start the span of a row that was begun at `begun_ns`."""
        return start_row(self._engine, self._name, submission.otel_context, begun_ns)

    def start_call(self, name: str, row: Span, submission: Submission, begun_ns: int) -> Span:
        """Start the span of a call that was begun at `begun_ns`, below that of its row."""
        context = trace.set_span_in_context(row, submission.otel_context)
        return self._engine.tracer.start_span(name, context, SpanKind.INTERNAL, start_time=begun_ns)


def start_row(engine: Engine, name: str, parent: Context, begun_ns: int | None = None) -> Span:
    """Start the span of a row, below what was current when it was handed over, or (`trace=link`) linked to that."""
    links: list[Link] = []
    if engine.settings.trace == "link":
        links = [Link(trace.get_current_span(parent).get_span_context())]
        parent = trace.set_span_in_context(trace.INVALID_SPAN, parent)
    return engine.tracer.start_span(name, parent, SpanKind.CONSUMER, links=links, start_time=begun_ns)


class LateRow(Span):
    """What stands for the span of a row. It is made when a mismatch is told with it, or ends having been marked.

    Whoever tells a mismatch asks for its context first. Whatever else is put on it is kept until it is there.

    Attributes:
        exceptions: says what was raised.
        submission: what the row was submitted with.
        ended: whether the row is done.
        calls: those of its calls that are done and have no span yet.
        beyond: how many there were more than are remembered.
        held: the same for whoever may start no span: what is told with that is kept.
    """

    def __init__(self, spans: LateSpans, submission: Submission, begun_ns: int, *, again: bool) -> None:
        self.ended: bool = False
        self._spans = spans
        self.exceptions: Exceptions = spans.exceptions
        self.submission: Submission = submission
        self._begun_ns = begun_ns
        self._thread = threading.get_ident()
        self._again = again
        self._unwatched = False
        self._made: dict[None, Span] = {}
        self._kept: list[tuple[str, tuple[Any, ...]]] = []
        self.calls: list[LateCall] = []
        self.beyond: int = 0

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to be told with it."""
        return bool(self._made or self._kept)

    @property
    def held(self) -> Span:  # noqa: D102
        return _Held(self)

    # -- the calls of the row

    def start_call(self, name: str, begun_ns: int) -> Span:
        """Start the span of a call now: a mismatch is told with it."""
        with guard, no_lease():
            return self._spans.start_call(name, self.make(), self.submission, begun_ns)
        return INVALID_SPAN

    # -- the span

    def make(self) -> Span:
        """Return the span, which is made now if it was not before. Two threads that make it get the same."""
        span = self._made.get(None)
        if span is None:
            span = INVALID_SPAN
            with guard, no_lease():  # where it fails, the mismatch is told elsewhere all the same
                span = self._spans.start_row(self.submission, self._begun_ns)
            span = self._made.setdefault(None, span)
            if span.is_recording():
                self.submission.row = span
                queued = max(0, self._begun_ns - self.submission.time_unix_nano) / 1e9
                span.set_attributes(row_attributes(self.submission, queued, full=True))
                if self._thread != threading.get_ident():
                    span.set_attributes({semconv.THREAD_ID: self._thread, semconv.THREAD_NAME: _name_of(self._thread)})
                if self._unwatched:
                    span.set_attribute(semconv.UNWATCHED, True)
        self._say(span)
        return span

    def _say(self, span: Span) -> None:
        while self._kept:
            try:
                what, given = self._kept.pop(0)
            except IndexError:  # another thread says it
                break
            getattr(span, what)(*given)

    def _keep(self, what: str, *given: Any) -> None:
        span = self._made.get(None)
        if span is not None:
            getattr(span, what)(*given)
        else:
            self._kept.append((what, given))

    def end(self, end_time: int | None = None) -> None:
        """The row is done: if something is told of it, its span and those of its calls are made."""
        self.ended = True
        calls, self.calls = self.calls, []  # each has this row: nobody is to look for the circle
        if not self.is_wanted:
            if not self._again:
                self._spans.judged.add(self._begun_ns, unwatched=self._unwatched)
            return
        now = time.time_ns() if end_time is None else end_time
        span = self.make()
        if span.is_recording():
            for call in calls:
                with guard:
                    call.show()
            if self.beyond:
                span.set_attribute(semconv.CALLS_BEYOND, self.beyond)
        elif not self._again:
            self._spans.judged.lose(self._begun_ns)
        span.end(now)

    def get_span_context(self) -> SpanContext:
        """Return that of the span, which is made now; an invalid one where the row is done without any."""
        if self.ended and not self._made:  # a mismatch comes after all
            self._made[None] = INVALID_SPAN
            self._spans.judged.lose(self._begun_ns)
        return self.make().get_span_context()

    @property
    def attributes(self) -> Mapping[str, AttributeValue]:
        """What is on it by now."""
        span = self._made.get(None)
        if span is not None:
            return carried(span) or {}
        said: dict[str, AttributeValue] = {}
        for what, given in list(self._kept):
            if what == "set_attribute":
                said[given[0]] = given[1]
            elif what == "set_attributes":
                said.update(given[0])
        return said

    def is_recording(self) -> bool:
        """Whether something may still be put on it."""
        span = self._made.get(None)
        return not self.ended if span is None else span.is_recording()

    def set_attribute(self, key: str, value: Any) -> None:  # noqa: D102
        if key == semconv.UNWATCHED:  # it is in order all the same
            self._unwatched = True
        else:
            self._keep("set_attribute", key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:  # noqa: D102
        self._keep("set_attributes", attributes)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:  # noqa: D102
        self._keep("add_event", name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:  # noqa: D102
        self._keep("add_link", context, attributes)

    def update_name(self, name: str) -> None:  # noqa: D102
        self._keep("update_name", name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:  # noqa: D102
        self._keep("set_status", status, description)

    def record_exception(self, exception: BaseException, *given: Any, **named: Any) -> None:  # noqa: D102, ARG002
        self.exceptions.record(self, exception)


class _Held(LateRow):
    """A row's span for whoever is told of another's end: the SDK may wait for that while we would start one."""

    def __init__(self, row: LateRow) -> None:
        vars(self).update(vars(row))  # it is the same: what is kept on one is kept on the other

    def get_span_context(self) -> SpanContext:
        """Return that of the span, if it is made."""
        return super().get_span_context() if self._made or self.ended else INVALID_SPAN_CONTEXT


class LateCall:
    """A call that was made, until it is known whether it is to have a span."""

    __slots__ = ("_details", "_error", "_row", "begun_ns", "ended_ns", "name")

    def __init__(
        self, row: LateRow, name: str, begun_ns: int, ended_ns: int | None, details: Mapping[str, AttributeValue]
    ) -> None:
        self.name: str = name
        self.begun_ns: int = begun_ns
        self._row = row
        self.ended_ns: int | None = ended_ns
        self._details = details
        self._error: Raised | None = None

    def start(self) -> Span:
        """Start its span now: something is wrong with it."""
        span = self._row.start_call(self.name, self.begun_ns)
        if span.is_recording():
            span.set_attributes(call_attributes(self._row.submission, self._details))
        return span

    def block(self) -> None:
        """Nothing is wrong with it."""

    def end(self, error: BaseException | None) -> None:
        """The target returned, or raised `error`."""
        if self.ended_ns is None:
            self.ended_ns = time.time_ns()
        if error is not None:
            self._error = Raised.of(error)
        row = self._row
        if row.ended:
            if row.is_wanted:
                with guard:
                    self.show()
        elif len(row.calls) < _MOST_CALLS:
            row.calls.append(self)
        else:
            row.beyond += 1

    def show(self) -> None:
        """Make its span, of what is known of it."""
        span = self.start()
        if self._error is not None and span.is_recording():
            self._row.exceptions.say(span, self._error)
        span.end(self.ended_ns)


def shows(span: Span) -> bool:
    """Whether the span of a row, which is about to end, is to say that its work raised."""
    return span.is_recording() and (not isinstance(span, LateRow) or span.is_wanted)


def _name_of(ident: int) -> str:
    return next((thread.name for thread in threading.enumerate() if thread.ident == ident), "")
