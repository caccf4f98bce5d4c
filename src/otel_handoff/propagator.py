"""An OpenTelemetry propagator: the slip of a row goes along with its message, and with no other.

`OTEL_PROPAGATORS=tracecontext,baggage,handoff`. What fills carriers is there anyway: the instrumentations of message
brokers, Ray's tracing, or `opentelemetry.propagate.inject`.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import SpanKind

from otel_handoff.handover.carriers import FIELD, row_going, with_what_came
from otel_handoff.host.guard import guard
from otel_handoff.record.slip import LONGEST

_CLIENTS: Final = frozenset(
    f"opentelemetry.instrumentation.{name}"
    for name in ("aiohttp_client", "grpc", "httpx", "requests", "tornado", "urllib", "urllib3")
)
"""Who fills carriers for requests. Their spans say so themselves, where they are recorded."""


class HandoffPropagator(TextMapPropagator):
    """Carries slips: nothing in a carrier but that of the row that is handed over while it is filled."""

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        """Put the slip of the row that is handed over here into `carrier`; nothing where there is none.

        What is filled for a request, in the span of a client, goes without: that is no hand-over.
        """
        lease = row_going()
        if lease is not None and not _is_of_a_request(context):
            with guard:
                text = lease.detector.leave(lease)
                if text is not None:
                    setter.set(carrier, FIELD, text)

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        """Return `context` with the slip that came, unread: whose work it is reads it, and trusts it in nothing."""
        context = Context() if context is None else context
        with guard:
            found = getter.get(carrier, FIELD)
            text: Any = found[0] if found else None
            if text is not None:
                # What is no text, or is too long, is no slip; it is to be told, and not to be kept.
                return with_what_came(context, text[: LONGEST + 1] if type(text) is str else "\0")
        return context

    @property
    def fields(self) -> set[str]:
        """What it puts into carriers."""
        return {FIELD}


def _is_of_a_request(context: Context | None) -> bool:
    kind = getattr(trace.get_current_span(context), "kind", None)
    if kind is not None:
        return kind is SpanKind.CLIENT
    # A span that is not recorded says nothing: who asks does.
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and _module(frame).startswith(("opentelemetry.propagat", __name__)):
        frame = frame.f_back
    return frame is not None and ".".join(_module(frame).split(".")[:3]) in _CLIENTS


def _module(frame: Any) -> str:
    return str(frame.f_globals.get("__name__", ""))
