"""What a worker finds around it that is no argument: the ContextVars of its hand-over, and the thread-locals."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any, Final

from opentelemetry import context as context_api

from otel_handoff.around.several import fields_of
from otel_handoff.boundary import Boundary
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.stepwise import Around
from otel_handoff.handover.unlike import Unlike
from otel_handoff.host.guard import guard
from otel_handoff.host.ids import AnyOf
from otel_handoff.host.paths import parts
from otel_handoff.host.plainly import MISSING

within: Final[ContextVar[Lease | None]] = ContextVar("otel_handoff_within", default=None)
"""The lease in whose ContextVars the running thread or task is already."""

_OURS: Final = "otel_handoff_"


def run_within(lease: Lease, variables: Context, run: Callable[..., Any], *given: Any) -> Any:
    """Run in a copy of the ContextVars of a hand-over; what is ours, and OpenTelemetry's, is as it is here."""
    here, there = copy_context(), variables.copy()
    with guard:
        there.run(_as_here, here, context_api.get_current(), lease)
    return there.run(run, *given)


def _as_here(here: Context, current: Any, lease: Lease) -> None:
    for variable in {*here, *copy_context()}:
        if variable.name.startswith(_OURS):
            variable.set(here.get(variable))
    context_api.attach(current)  # never taken off: it goes with the copy
    within.set(lease)


class Lent:
    """The thread-locals of one boundary: in mode `pin` a worker's thread has the row's values while it works."""

    def __init__(self, boundary: Boundary) -> None:
        self._paths = {name: parts(path) for name, path in fields_of(boundary).items()}

    def lend(self, lease: Lease) -> Callable[[], None] | None:
        """Give the thread what the row was submitted with; return what gives it back what it had."""
        local = lease.context
        before: dict[str, Any] = {}
        for name, (root, *tail) in self._paths.items():
            value = lease.roots.get(root, MISSING)
            if name in lease.unresolved or value is MISSING:
                continue
            if type(value) is Unlike:
                if tail or type(lease.ids[name]) is AnyOf:
                    continue  # which object it is, or of which row, does not say
                value = lease.ids[name]
            there = getattr(local, root, MISSING)
            if there is not value and root not in before:
                before[root] = there
                setattr(local, root, value)
        return (lambda: _give_back(local, before)) if before else None


class _Lending:
    """Around each step of work that has steps: the ContextVar has the worker's own."""

    __slots__ = ("_around", "_value", "_variable")

    def __init__(self, around: Around, variable: ContextVar[Any], value: Any) -> None:
        self._around = around
        self._variable = variable
        self._value = value

    def enter(self) -> tuple[Token[Any], Any]:
        token = self._variable.set(self._value)
        return token, self._around.enter()

    def leave(self, entered: tuple[Token[Any], Any], /) -> None:
        self._around.leave(entered[1])
        self._put_back(entered[0])

    def end(self, entered: tuple[Token[Any], Any], error: BaseException | None, /) -> None:
        self._around.end(entered[1], error)
        self._put_back(entered[0])

    def _put_back(self, token: Token[Any]) -> None:
        self._value = self._variable.get(None)
        self._variable.reset(token)

    def let_go(self) -> None:
        self._around.let_go()

    def interrupted(self) -> None:
        self._around.interrupted()


def lending(lease: Lease, around: Around) -> Around:
    """Return what is around the steps of a row's work: with what the row is lent, if it is lent something."""
    return around if lease.lent is None else _Lending(around, *lease.lent)


def is_local(context: Any) -> bool:
    """Whether each thread has its own values in a context."""
    return isinstance(context, threading.local)


def _give_back(local: Any, before: dict[str, Any]) -> None:
    for root, value in before.items():
        if value is not MISSING:
            setattr(local, root, value)
        elif hasattr(local, root):
            delattr(local, root)
