"""otel-handoff: OpenTelemetry instrumentation that proves whose ids a row handed to another thread was worked under.

PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from otel_handoff.version import __version__

if TYPE_CHECKING:
    from otel_handoff.boundary import Boundary, Call, Emission
    from otel_handoff.handover.lease import current_submission
    from otel_handoff.instrumentor import HandoffInstrumentor
    from otel_handoff.record.mismatch import HandoffMismatchError, Mismatch, Write
    from otel_handoff.record.submission import Submission

__all__ = [
    "Boundary",
    "Call",
    "Emission",
    "HandoffInstrumentor",
    "HandoffMismatchError",
    "Mismatch",
    "Submission",
    "Write",
    "__version__",
    "current_submission",
]

_HOMES: Final = {
    "Boundary": "boundary",
    "Call": "boundary",
    "Emission": "boundary",
    "HandoffInstrumentor": "instrumentor",
    "HandoffMismatchError": "record.mismatch",
    "Mismatch": "record.mismatch",
    "Submission": "record.submission",
    "Write": "record.mismatch",
    "current_submission": "handover.lease",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: every pytest run of everybody imports this package."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
