"""Finding a submission by what the worker was given, where the work function is not looked up while submitting.

A hand-written queue carries the row and the context, and its thread looks the work function up later. The context
(pinned: a copy of this row's own) and the other parameters that both functions share then say which row it is.
"""

from __future__ import annotations

import contextlib
import logging
import weakref
from typing import Any, Final

from otel_handoff.handover.lease import Lease
from otel_handoff.host.fields import MISSING, Parameters

LIMIT: Final = 10_000
"""Claims kept per boundary of rows that would stay if they were dropped: arguments of theirs take no weak reference."""

_logger = logging.getLogger("otel_handoff")

_Entry = tuple[Lease, list[Any]]


class Claims:
    """The leases of one boundary that wait for their worker, by the identity of what it will be given.

    Every step is one atomic operation on a dict. A lock could deadlock in a finalizer, or in a forked child.
    """

    def __init__(self, context: str) -> None:
        self._context = context
        self._waiting: dict[tuple[int, ...], dict[int, _Entry]] = {}
        self._keys: dict[int, tuple[int, ...]] = {}
        self._staying: dict[int, None] = {}
        self._told = False

    def add(self, lease: Lease, submit: Parameters, work: Parameters, args: tuple[Any, ...], kwargs: Any) -> None:
        """Let the worker find `lease` by the arguments that `submit` and `work` share."""
        given = self._given(submit, work, args, kwargs, pinned=lease.pinned)
        key = tuple(map(id, given))
        number = lease.submission.number

        def dropped(_: Any) -> None:
            self.discard(number)

        held = [_hold(value, dropped) for value in given]
        lease.handed = None  # the work item alone keeps what it was given alive; with it goes the claim
        if not lease.pinned and any(isinstance(one, weakref.ref) and one() is lease.context for one in held):
            lease.context = None
            if lease.record is not None:
                lease.record.release()
        self._keys[number] = key
        self._put(key, number, (lease, held))
        if not all(isinstance(one, weakref.ref) for one in held):
            self._staying[number] = None
            if len(self._staying) > LIMIT:
                self._discard_oldest()

    def take(self, submit: Parameters, work: Parameters, args: tuple[Any, ...], kwargs: Any) -> Lease | None:
        """Return the oldest lease whose worker was to be given these arguments, or None."""
        for pinned in (True, False):
            key = tuple(map(id, self._given(work, submit, args, kwargs, pinned=pinned)))
            for number in list(self._waiting.get(key, ())):
                entry = self._pop(key, number)
                if entry is not None:
                    return entry[0]
        return None

    def discard(self, number: int) -> None:
        """Forget the claim of submission `number`, if there is one."""
        key = self._keys.get(number)
        if key is not None:
            self._pop(key, number)

    def _discard_oldest(self) -> None:
        # The first, not the smallest: that would be looked for among all of them, with every row.
        with contextlib.suppress(RuntimeError):  # another thread added or took one: the next row makes up for it
            self.discard(next(iter(self._staying), 0))
        if not self._told:
            self._told = True
            _logger.warning(
                "More than %d rows wait in a queue of the host's own, with arguments that take no weak reference: the "
                "oldest are not checked, as it cannot be known whether they were dropped.",
                LIMIT,
            )

    def _put(self, key: tuple[int, ...], number: int, entry: _Entry) -> None:
        group = self._waiting.setdefault(key, {})
        group[number] = entry
        if self._waiting.get(key) is not group and group.pop(number, None) is not None:
            self._put(key, number, entry)  # the group was taken out, empty, at the same time

    def _pop(self, key: tuple[int, ...], number: int) -> _Entry | None:
        self._keys.pop(number, None)
        self._staying.pop(number, None)
        group = self._waiting.get(key)
        entry = group.pop(number, None) if group is not None else None
        if group is not None and not group:
            retired = self._waiting.pop(key, {})
            for late in list(retired):  # put in after we looked, or a group that has taken the place of ours
                moved = retired.pop(late, None)
                if moved is not None:
                    self._put(key, late, moved)
        return entry

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
