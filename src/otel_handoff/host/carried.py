"""The OpenTelemetry context that is current, and the span in it, without a detour: each row asks, several times."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext

from otel_handoff.host.plainly import class_of

_kept: Final[Any] = getattr(getattr(context_api, "_RUNTIME_CONTEXT", None), "_current_context", None)
_plainly: Final = issubclass(class_of(_kept), ContextVar)  # as the API keeps it by default: then that is asked itself

current_context: Final[Callable[[], Context]] = _kept.get if _plainly else context_api.get_current
"""`opentelemetry.context.get_current`."""

attach: Final[Callable[[Context], Token[Context]]] = _kept.set if _plainly else context_api.attach
"""`opentelemetry.context.attach`."""

detach: Final[Callable[[Token[Context]], object]] = _kept.reset if _plainly else context_api.detach
"""`opentelemetry.context.detach`, where that is sure to be in the same thread or task."""

SPAN_KEY: Final = next(iter(trace.set_span_in_context(INVALID_SPAN, Context())))
"""That of the current span in an OpenTelemetry context."""


def span_context_in(context: Context) -> SpanContext | None:
    """Return that of the span in `context`; None where there is none."""
    span = context.get(SPAN_KEY)
    if span is None:
        return None
    if type(span) is NonRecordingSpan:  # as most that are not sampled; of others it is asked whether they are spans
        return span.get_span_context()
    return trace.get_current_span(context).get_span_context()
