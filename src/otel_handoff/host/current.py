"""Whose work the running thread or task does."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any, Final

active: Final[ContextVar[Any]] = ContextVar("otel_handoff_active", default=None)
"""The lease that it works under: `handover.lease` knows its type. Here it is only put aside."""


class _NoLease:
    """Runs our own code, or a pool's thread start, as nobody's work.

    No generator: one that an exception from outside takes its end from is finished wherever it happens to be collected.
    """

    __slots__ = ("_token",)

    _token: Token[Any]

    def __enter__(self) -> None:
        self._token = active.set(None)

    def __exit__(self, *_: object) -> None:
        active.reset(self._token)


no_lease: Final = _NoLease
