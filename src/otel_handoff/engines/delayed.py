"""`delay` or `apply_async` of a task is itself handed to a pool: the row begins there, and not when it is published."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from otel_handoff.handover.directly import Args, Kwargs, leave_out, take_in

due: Final[ContextVar[Any]] = ContextVar("otel_handoff_due", default=None)
"""The header of the row that the running thread publishes, which was handed over before."""


class Delayed:
    """One way of Celery's to publish a task, where it is looked for in what is given to pools and threads.

    Attributes:
        name: of the method.
        function: Celery's own.
        is_method: it is one.
    """

    is_method: bool = True

    def __init__(self, publishing: Any, name: str, function: Any) -> None:
        """Begin the rows of what `publishing` knows."""
        self.name: str = name
        self.function: Any = function
        self._publishing = publishing

    def take_in(self) -> None:
        """Look for it."""
        take_in(self, self.function)

    def leave_out(self) -> None:
        """Look for it no more."""
        leave_out(self)

    def begin(self, instance: Any, args: Args, kwargs: Kwargs) -> tuple[Any, Args, Kwargs] | None:
        """Begin a row that `instance`, a task, will be asked to publish with these; None where it is none of ours."""
        name = getattr(instance, "name", None)
        handoff = self._publishing.of(name)
        if handoff is None:
            return None
        given, named = (args, kwargs) if self.name == "delay" else _given(args, kwargs)
        found = handoff.depart(name, given, named)
        if found is None:
            return None
        posted, given, named = found
        if self.name == "delay":
            return posted, given, named
        return posted, (given, named, *args[2:]), {n: v for n, v in kwargs.items() if n not in ("args", "kwargs")}

    def depart(self, instance: Any, args: Args, kwargs: Kwargs) -> None:
        """It goes to another process before it is published: it is handed over there."""

    def expect(self, parts: Any, sites: Any) -> Any:  # noqa: ARG002
        """What calls it is looked at when it does."""
        return _Nobody

    def run(self, lease: Any, wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:  # noqa: ARG002
        """Publish it for its row, whose header stands for its lease."""
        token = due.set(lease)
        try:
            return wrapped(*args, **kwargs)
        finally:
            due.reset(token)


def _given(args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
    given = args[0] if args else kwargs.get("args")
    named = args[1] if len(args) > 1 else kwargs.get("kwargs")
    return tuple(given or ()), dict(named or {})


class _Nobody:
    pins = False

    @staticmethod
    def take(_instance: Any, _args: Args, _kwargs: Kwargs) -> None:
        return None

    @staticmethod
    def copy_of(value: Any) -> Any:
        return value
