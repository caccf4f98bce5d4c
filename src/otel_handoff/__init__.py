"""otel-handoff: OpenTelemetry instrumentation that proves whose ids a row handed to another thread was worked under."""

from otel_handoff.boundary import Boundary, Call
from otel_handoff.instrumentor import HandoffInstrumentor
from otel_handoff.lease import current_submission
from otel_handoff.mismatch import HandoffMismatchError, Mismatch, Write
from otel_handoff.submission import Submission
from otel_handoff.version import __version__

__all__ = [
    "Boundary",
    "Call",
    "HandoffInstrumentor",
    "HandoffMismatchError",
    "Mismatch",
    "Submission",
    "Write",
    "__version__",
    "current_submission",
]
