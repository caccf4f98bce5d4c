"""The slip goes along in a carrier that OpenTelemetry fills: the headers of a message, what Ray has for its tasks.

Who fills it asks which row is being handed over here, and who reads it puts what came into the OpenTelemetry context.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final, cast

from opentelemetry.context import Context, create_key

from otel_handoff.handover.lease import Lease
from otel_handoff.handover.sent import Came
from otel_handoff.handover.transport import submitting
from otel_handoff.host.carried import current_context

FIELD: Final = "handoff-slip"
"""The name of the slip in a carrier. It is not `handoff`, which a Celery message has for its own."""

going: Final[ContextVar[Lease | None]] = ContextVar("otel_handoff_going", default=None)
"""The row whose work the running thread gives to an engine that fills a carrier for it."""

_CAME: Final = create_key("otel-handoff-came")


def row_going() -> Lease | None:
    """Return the row that a carrier goes with which is filled now; None where it is nobody's."""
    lease = going.get()
    if lease is not None:
        return lease
    handing = submitting.get()
    while handing is not None:
        lease = handing.lease
        if lease is not None and lease.detector.carried:
            return lease
        handing = handing.outer
    return None


def with_what_came(context: Context, text: str) -> Context:
    """Return an OpenTelemetry context in which the slip is found that came in a carrier."""
    return Context({**context, _CAME: Came(text)})


def what_was_carried() -> Came | None:
    """Return what came in the carrier that was read for what runs here."""
    return cast("Came | None", current_context().get(_CAME))
