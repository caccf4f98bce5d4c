"""Finding a submission by what the worker was given, where the work function is not looked up while submitting.

A hand-written queue carries the row and the context, and its thread looks the work function up later. The context
(pinned: a copy of this row's own) and the other parameters that both functions share then say which row it is.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any, Final

from otel_handoff.fields import MISSING, Parameters
from otel_handoff.lease import Lease

LIMIT: Final = 10_000
"""Claims kept per boundary. Only rows that are dropped unworked, with arguments that take no weak reference, stay."""


class Claims:
    """The leases of one boundary that wait for their worker, by the identity of what it will be given."""

    def __init__(self, context: str) -> None:
        self._context = context
        self._lock = threading.RLock()  # re-entrant: a finalizer may drop a claim in the middle of another call
        self._waiting: dict[tuple[int, ...], list[tuple[Lease, list[Any]]]] = {}
        self._order: dict[int, tuple[int, ...]] = {}

    def add(self, lease: Lease, submit: Parameters, work: Parameters, args: tuple[Any, ...], kwargs: Any) -> None:
        """Let the worker find `lease` by the arguments that `submit` and `work` share."""
        given = self._given(submit, work, args, kwargs, pinned=lease.pinned)
        key = tuple(map(id, given))
        number = lease.submission.number

        def dropped(_: Any) -> None:
            self.discard(number)

        held = [_hold(value, dropped) for value in given]
        if lease.pinned:
            lease.handed = None  # the work item alone keeps the copy alive; with it goes the claim
        with self._lock:
            self._waiting.setdefault(key, []).append((lease, held))
            self._order[number] = key
            if len(self._order) > LIMIT:
                self.discard(next(iter(self._order)))

    def take(self, submit: Parameters, work: Parameters, args: tuple[Any, ...], kwargs: Any) -> Lease | None:
        """Return the oldest lease whose worker was to be given these arguments, or None."""
        with self._lock:
            for pinned in (True, False):
                waiting = self._waiting.get(tuple(map(id, self._given(work, submit, args, kwargs, pinned=pinned))))
                if waiting:
                    lease = waiting[0][0]
                    self.discard(lease.submission.number)
                    return lease
        return None

    def discard(self, number: int) -> None:
        """Forget the claim of submission `number`, if there is one."""
        with self._lock:
            key = self._order.pop(number, None)
            if key is None:
                return
            left = [entry for entry in self._waiting.pop(key) if entry[0].submission.number != number]
            if left:
                self._waiting[key] = left

    def _given(
        self, mine: Parameters, theirs: Parameters, args: tuple[Any, ...], kwargs: Any, *, pinned: bool
    ) -> list[Any]:
        names = [self._context] if pinned else sorted(mine.names & theirs.names)
        return [value for name in names if (value := mine.get(name, args, kwargs)) is not MISSING]


def _hold(value: Any, dropped: Any) -> Any:
    # Strong where there is no other way: an identity may not be recycled while the claim stands.
    try:
        return weakref.ref(value, dropped)
    except TypeError:
        return value
