"""Work that goes on after the call: the row is current in each step of a coroutine or generator, until that ends."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, Final, Protocol

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN

from otel_handoff.around.running import NOT_BEGUN, Paused, Run, Running
from otel_handoff.handover.lease import Lease
from otel_handoff.host.guard import guard
from otel_handoff.judge.detector import Detector

unknown: Final[ContextVar[Detector | None]] = ContextVar("otel_handoff_unknown", default=None)
"""Who does not know whose work the running thread or task does, though the work function runs."""


class Begins(Protocol):
    """Who begins the work on a row: `around.worker`."""

    running: Running
    at_once: Callable[[Lease, Any], Run | None]
    """Begins it where all is as usual; None where it is not."""

    def first(self, lease: Lease) -> Run:
        """Begin it; `NOT_BEGUN` where that is not to be."""
        ...

    def over(self, lease: Lease) -> None:
        """It has ended, whose worker was recognised by what it was given."""
        ...


_NOWHERE: Final[Paused] = (INVALID_SPAN, Context(), False, None)
"""Of a row that was not begun, as an error of ours came, or as nobody judges any more."""


class Following:
    """One row whose work has steps.

    Each such row has one: without slots, Python makes it in half the time.
    """

    def __init__(self, worker: Begins, lease: Lease, paused: Paused | None) -> None:
        """Follow the work of `lease`.

        Args:
            worker: begins and ends it.
            lease: whose it is.
            paused: how its first step, the call, was left; None where that ran nothing.
        """
        self._worker = worker
        self._lease: Any = lease
        self._paused = paused

    def enter(self) -> Run:
        """Make the row current."""
        paused = self._paused
        if paused is None:
            lease, worker = self._lease, self._worker
            run = worker.at_once(lease, lease.handed)
            if run is None:
                run = worker.first(lease)
            if run is NOT_BEGUN:
                self._paused = _NOWHERE
            return run
        if paused is _NOWHERE:
            return NOT_BEGUN
        try:
            return self._worker.running.resume(self._lease, paused)
        except Exception as error:
            guard.met(error)
            return NOT_BEGUN

    def leave(self, run: Run, /) -> None:
        """Make it current no more."""
        if run is NOT_BEGUN:
            return
        try:
            self._paused = self._worker.running.pause(self._lease, run)
        except Exception as error:
            self._lease.close()
            guard.met(error)
        except BaseException:
            self._lease.close()
            raise

    def end(self, run: Run, error: BaseException | None, /) -> None:
        """It is done. What is no `Exception` is no error: it was closed, or cancelled."""
        lease, worker = self._lease, self._worker
        self._lease = None
        try:
            if lease.claimed_by is not None:
                worker.over(lease)
            worker.running.end(lease, run, error if error is not None and isinstance(error, Exception) else None)
            if run is NOT_BEGUN:
                lease.close()
        except Exception as ours:
            lease.close()
            guard.met(ours)
        except BaseException:
            lease.close()
            raise

    def let_go(self) -> None:
        """It was thrown away. Where it had not begun, there was no work: then the row is told as such."""
        lease, paused = self._lease, self._paused
        self._lease = self._paused = None
        if lease.claimed_by is not None:
            self._worker.over(lease)
        if paused is not None and paused is not _NOWHERE:
            self._worker.running.drop(lease, paused[0])

    def interrupted(self) -> None:
        """It may have been left on the thread: it is nobody's from now on."""
        if self._lease is not None:
            self._lease.close()


class Unknown:
    """Work on a row of which it is not known which it is."""

    __slots__ = ("_detector",)

    def __init__(self, detector: Detector) -> None:
        """Say so for `detector`."""
        self._detector = detector

    def enter(self) -> Token[Detector | None]:
        """Say so in this step."""
        return unknown.set(self._detector)

    def leave(self, token: Token[Detector | None], /) -> None:
        """Say it no more."""
        unknown.reset(token)

    def end(self, token: Token[Detector | None], _error: BaseException | None, /) -> None:
        """Say it no more."""
        unknown.reset(token)

    def let_go(self) -> None:
        """Nothing was kept."""

    def interrupted(self) -> None:
        """Nothing is to be ended."""
