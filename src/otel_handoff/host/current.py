"""Whose work the running thread or task does."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any, Final

active: Final[ContextVar[Any]] = ContextVar("otel_handoff_active", default=None)
"""The lease that it works under: `handover.lease` knows its type. Here it is only put aside."""


looker: Final[ContextVar[Any]] = ContextVar("otel_handoff_looker", default=None)
"""The lease of the worker that hands over a row: our own code looks at it as that sees it, which is no read of its."""


class _NoLease:
    """Runs our own code, or a pool's thread start, as nobody's work; while a worker hands over, with its eyes.

    No generator: one that an exception from outside takes its end from is finished wherever it happens to be collected.
    """

    __slots__ = ("_token",)

    _token: Token[Any]

    def __enter__(self) -> None:
        self._token = active.set(looker.get())

    def __exit__(self, *_: object) -> None:
        active.reset(self._token)


no_lease: Final = _NoLease


class SeenBy:
    """Runs our own code that takes what a row is handed over with, as the worker that hands it over sees it."""

    __slots__ = ("_lease", "_tokens")

    def __init__(self, lease: Any) -> None:
        """See it as the worker of `lease`; without one, as it is."""
        self._lease = lease

    def __enter__(self) -> None:
        self._tokens = looker.set(self._lease), active.set(self._lease)

    def __exit__(self, *_: object) -> None:
        looker.reset(self._tokens[0])
        active.reset(self._tokens[1])
