"""One mismatch is one OpenTelemetry log record: what Python's log tells of it is not exported a second time.

OpenTelemetry's own handlers of Python's log make a record of each that they get. They pass ours by, on whatever logger
they are and behind whatever queue; all other handlers have them as ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from otel_handoff.host.guard import guard
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch

_HANDLERS: Final = (
    "opentelemetry.sdk._logs._internal:LoggingHandler.emit",
    "opentelemetry.instrumentation.logging.handler:LoggingHandler.emit",
)
"""The SDK's, which is deprecated, and that of opentelemetry-instrumentation-logging."""

_EXPORTED: Final = ("handoff_mismatch", "handoff_unchecked")
"""What in `extra` says that we have made an OpenTelemetry log record of it ourselves."""


class _PerhapsThere(Patch):
    """The SDK's handler goes away some day, and that of the instrumentation came late: neither is missed."""

    def attach(self, module: ModuleType) -> None:
        """Wrap it if it is there."""
        if hasattr(module, "LoggingHandler"):
            super().attach(module)


def unechoed(exports: Callable[[], bool]) -> tuple[Patch, ...]:
    """Return the patches that keep our reports from OpenTelemetry's handlers while `exports()` says that we export."""

    def emit(wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        echo = False
        with guard:
            record = args[0] if args else kwargs.get("record")
            echo = _is_ours(record) and exports()
        return None if echo else wrapped(*args, **kwargs)

    return tuple(_PerhapsThere(target, lambda function, _parameters: stand_in(function, emit)) for target in _HANDLERS)


def _is_ours(record: object) -> bool:
    return isinstance(record, logging.LogRecord) and any(name in vars(record) for name in _EXPORTED)
