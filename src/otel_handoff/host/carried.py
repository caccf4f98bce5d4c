"""The OpenTelemetry context that is current, asked without a detour: each row does, several times."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry.context import Context

from otel_handoff.host.plainly import class_of


def _current() -> Callable[[], Context]:
    # Where the API keeps it in a context variable, as it does by default, that is asked itself.
    kept: Any = getattr(getattr(context_api, "_RUNTIME_CONTEXT", None), "_current_context", None)
    plainly = issubclass(class_of(kept), ContextVar)
    return kept.get if plainly else context_api.get_current


current_context: Final = _current()
"""`opentelemetry.context.get_current`."""
