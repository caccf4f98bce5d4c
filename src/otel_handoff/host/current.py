"""Whose work the running thread or task does."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_handoff.handover.lease import Lease

active: Final[ContextVar[Lease | None]] = ContextVar("otel_handoff_active", default=None)
"""The lease that it works under."""


@contextmanager
def no_lease() -> Generator[None]:
    """Run our own code, or a pool's thread start, as nobody's work."""
    token = active.set(None)
    try:
        yield
    finally:
        active.reset(token)
