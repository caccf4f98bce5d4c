"""Recognising a worker by what it was given, where the work function is not looked up while submitting.

A hand-written queue carries the row and the context, and its thread looks the work function up later. The context
(pinned: a copy of this row's own) and the other parameters that both functions share then prove which row it is; where
they do not, there is no claim.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final

from otel_handoff.handover.lease import Lease
from otel_handoff.handover.proofs import Proofs
from otel_handoff.handover.transport import Given, Handing, in_progress
from otel_handoff.handover.workers import Seed, further
from otel_handoff.host.plainly import MISSING

LIMIT: Final = 10_000
"""Claims kept per boundary of rows that would stay if they were dropped: arguments of theirs take no weak reference."""

_Key = tuple[int, ...]


_Entry = tuple[Lease, list[Any], list[Any]]
"""A lease, what holds its key, and weak references to what else it was handed over with."""


class _Group(dict[int, _Entry]):
    """The rows that wait with the same key, by number."""

    __slots__ = ("mixed",)

    def __init__(self) -> None:
        super().__init__()
        self.mixed: bool = False
        """Whether there were two at a time: from then on the key does not tell which worker is whose."""

    def owned_by(self, instance: Any) -> list[int]:
        """Return the rows that were handed over together with the object whose method the worker is."""
        if instance is None:
            return []
        return [number for number, (_, _, others) in list(self.items()) if any(ref() is instance for ref in others)]


class Claims:
    """The leases of one boundary that wait for their worker, by the identity of what it will be given.

    Every step is one atomic operation on a dict. A lock could deadlock in a finalizer, or in a forked child.
    """

    def __init__(
        self,
        context: str,
        shared: Callable[[], frozenset[str]],
        missed: Callable[[str, Lease, str], None],
        unseen: Callable[[], bool],
    ) -> None:
        """Tell `missed`, which may be called in a finalizer, why no worker will find a lease.

        Args:
            context: the parameter that takes the context object.
            shared: returns the parameters that submit and work function share.
            missed: is given the reason, the lease, and perhaps what more is to be said.
            unseen: whether rows were handed over that were not seen.
        """
        self.proofs: Proofs = Proofs(context, shared)
        self._context = context
        self._missed = missed
        self._unseen = unseen
        self.live: dict[int, bool] = {}
        """Those that are still to be taken. Whoever takes a number out of it has the row: nobody else does."""
        self.keys: dict[int, list[_Key]] = {}
        """Those that are known by what they are given, once the submit function has returned, or a worker has come."""
        self._waiting: dict[_Key, _Group] = {}
        self._staying: dict[int, None] = {}
        self._at_work: dict[_Key, list[Lease]] = {}
        self._fanned: dict[_Key, None] | None = None
        self._several: bool = False
        """Whether it ran for a row that had its worker, or for none that is known: from then on rows are remembered."""
        self._known: dict[_Key, tuple[Seed, list[Any]]] = {}
        self._doubted: dict[_Key, None] = {}
        """What was given to several rows in flight: further workers are told, until it is another row's alone."""

    # -- the submitter: it puts a hand-over into `live` before it enters the submit function

    def settle(self, handing: Handing) -> None:
        """The submit function returned, and the worker has not come: it will be known by what it is given.

        While that is noted, the hand-over is not let go yet: a worker that comes meanwhile finds it either way.
        """
        lease, given = handing.lease, handing.given
        if lease is not None and given is not None:
            self._add(lease, given, handing)

    def discard(self, number: int) -> None:
        """Forget the claim of submission `number`, if there is one: the worker is known, or will never come."""
        self.live.pop(number, False)
        if number in self.keys:
            self._remove(number)

    # -- the worker

    def take(self, given: Given, instance: Any) -> tuple[Lease | None, str]:
        """Return the lease whose worker, a method of `instance`, was to be given just this; or None, and why not.

        The reason is `no_submission` or `several_workers`; it is empty where the row is told already, as `ambiguous`.
        """
        for number, handing in in_progress():
            if number in self.live:
                self.settle(handing)
        reason = "no_submission"
        mixed: list[tuple[_Key, _Group]] = []
        for values in self.proofs.tried(given, instance):
            key = tuple(map(id, values))
            busy = self._busy(key)
            if busy is not None:
                reason = "several_workers"
            group = self._waiting.get(key)
            if group is not None:
                owned = group.owned_by(instance) if group.mixed else []
                for number in owned if len(owned) == 1 else list(group):
                    entry = group.get(number)
                    if entry is None:
                        continue
                    lease = entry[0]
                    certain = len(owned) == 1 or (
                        not group.mixed and reason != "several_workers" and key not in (self._fanned or ())
                    )
                    if not certain and self.proofs.work is not None:  # another proof may be
                        mixed.append((key, group))
                        break
                    if not self.live.pop(number, False):  # somebody else took it, or just does
                        busy = busy or (lease if certain else None)
                        continue
                    if not certain:
                        self._doubt(key)
                        self._remove(number)
                        self._missed("ambiguous", lease, "")
                        return None, ""
                    self._doubted.pop(key, None)
                    self._works(key, lease)  # before it is gone from those that wait: one more worker may look for it
                    self._remember(key)
                    self._remove(number)
                    if self._several:
                        self._know(key, values, lease)
                    return lease, ""
            if mixed and mixed[-1][0] is key:
                continue
            if (lease := self._further(key, values, busy, given)) is not None:
                return lease, ""
        if (lease := self._first_of(mixed)) is not None:
            self._missed("ambiguous", lease, "")
            return None, ""
        self._several = True
        if reason == "several_workers" and self._fanned is None:
            self._fanned = {}  # from now on a key that was taken before proves nothing
        return None, reason

    def _first_of(self, mixed: list[tuple[_Key, _Group]]) -> Lease | None:
        # One of the rows that wait with what does not tell them apart.
        for key, group in mixed:
            for number in list(group):
                entry = group.get(number)
                if entry is not None and self.live.pop(number, False):
                    self._doubt(key)
                    self._remove(number)
                    return entry[0]
        return None

    def _busy(self, key: _Key) -> Lease | None:
        # One of those at work that were given just this.
        return next((lease for lease in self._at_work.get(key, ()) if not lease.ended), None)

    def _works(self, key: _Key, lease: Lease) -> None:
        lease.claimed_by = key
        if self._busy(key) is None:
            self._at_work[key] = [lease]
        else:
            self._at_work.setdefault(key, []).append(lease)

    def _further(self, key: _Key, values: list[Any], busy: Lease | None, given: Given) -> Lease | None:
        # One more worker of a row that others work on, or have worked on. Where two rows were given the same, nothing
        # tells whose it is; and what nobody handed over may be called with what the row at work was given.
        if key in self._doubted:
            return None
        parameters, args, kwargs = given
        context = parameters.get(self._context, args, kwargs) if self._context else MISSING
        known = self._known.get(key) if busy is None else None
        if context is MISSING and (expected := busy or (known and known[0])) is not None:
            context = next((value for value in values if id(value) == expected.expected), MISSING)
            if context is MISSING:  # it is given none, and shares that of the row at work
                if busy is None:
                    return None
                context = busy.context
        pinned = busy.pinned if busy is not None else known is not None and known[0].pinned
        own = pinned or any(_is_of_one_row(value) for value in values if value is not context)
        lease = None
        if busy is not None and (own or not self._is_direct(busy.thread_name)):
            lease = further(busy, context)
        elif known is not None and (pinned or (own and not self._is_direct(known[0].thread_name))):
            lease = known[0].further(context)
        if lease is not None:
            self._several = True
            self._works(key, lease)
        elif known is not None and self._fanned is None:
            self._fanned = {}  # it may be a late one, or nobody's
        return lease

    def _is_direct(self, submitter: str) -> bool:
        # Whether the work function may be called here by itself: by the thread that handed this row over, say.
        return self._unseen() or threading.current_thread().name == submitter

    def _know(self, key: _Key, values: list[Any], lease: Lease) -> None:
        # Further workers are known by the same objects, for as long as these are there.
        def gone(_: Any) -> None:
            if (known := self._known.get(key)) is not None and known[1] is held:
                self._known.pop(key, None)

        held: list[Any] = []
        for value in values:
            if isinstance(value, (str, bytes, int, float, type(None))):
                held.append(value)
            elif (ref := _weak(value, gone)) is not None:
                held.append(ref)
            else:
                return
        self._known[key] = Seed(lease), held
        _limit(self._known)

    def _doubt(self, key: _Key) -> None:
        self._known.pop(key, None)
        self._doubted[key] = None
        _limit(self._doubted)

    def is_of_another(self, given: Given, instance: Any, lease: Lease) -> bool:
        """Whether `given`, which the worker of `lease` gives to the work function, is what another row waits with."""
        keys = [tuple(map(id, values)) for values in self.proofs.kept(given, instance)]
        claimed = lease.claimed_by
        return claimed is not None and claimed not in keys and any(key in self._waiting for key in keys)

    def done(self, lease: Lease) -> None:
        """The worker that claimed `lease` is done."""
        key = lease.claimed_by
        if key is None:
            return
        workers = self._at_work.get(key)
        if workers is not None and all(each.ended for each in workers):
            self._at_work.pop(key, None)

    # -- the end

    def waiting(self) -> int:
        """Return how many rows wait for a worker to be recognised."""
        return len(self.keys)

    def give_up(self) -> None:
        """No worker will come any more: all that wait are missed."""
        for number in list(self.keys):
            self._miss(number)

    def forget(self) -> None:
        """Forget everything: this process is a fork of the one whose rows these are."""
        for table in (self.live, self._waiting, self.keys, self._staying, self._at_work, self._known):
            table.clear()

    # -- keys

    def _add(self, lease: Lease, given: Given, handing: Handing) -> None:
        number = lease.number
        if lease.begun or not hasattr(lease, "fresh") or number not in self.live:
            return  # a worker has it, or is about to begin
        proofs = self.proofs.of(lease, given, handing)
        if not proofs:  # nothing could prove a worker its own
            if self.live.pop(number, False):
                self._missed("no_worker", lease, "")
            return
        if lease.record is not None and not lease.pinned and lease.context is None:
            lease.record.release()  # the work item alone keeps what it was given alive; with it goes the claim
        _, args, kwargs = given
        others = [ref for value in (*args, *kwargs.values()) if (ref := _weak(value)) is not None]
        keys = self.keys[number] = [tuple(map(id, values)) for values in proofs]
        stays = False
        for key, values in zip(list(keys), proofs, strict=True):
            held = [_hold(value, self._dropper(number, key)) for value in values]
            stays = stays or not all(isinstance(one, weakref.ref) for one in held)
            self._put(key, number, (lease, held, others))
        if number not in self.live:  # its worker came meanwhile, and may have forgotten the keys before they were put
            self._remove(number, keys)
        elif stays:
            self._staying[number] = None
            if len(self._staying) > LIMIT:
                with contextlib.suppress(
                    RuntimeError
                ):  # another thread added or took one: the next row makes up for it
                    # The first, not the smallest: that would be looked for among all of them, with every row.
                    self._miss(
                        next(iter(self._staying), 0), f"more than {LIMIT:,} wait, with arguments of no weak reference"
                    )

    def _dropper(self, number: int, key: _Key) -> Callable[[Any], None]:
        def dropped(_: Any) -> None:
            # What is dropped proves nothing any more; another proof may.
            keys = self.keys.get(number, [])
            if len(keys) > 1:
                with contextlib.suppress(ValueError):
                    keys.remove(key)
                self._take_out(key, number)
            else:
                self._miss(number)

        return dropped

    def _remember(self, key: _Key) -> None:
        # That a key was taken. Its objects may be gone by now, and the key be another row's: then that is not known.
        fanned = self._fanned
        if fanned is not None:
            fanned[key] = None
            _limit(fanned)

    def _miss(self, number: int, detail: str = "") -> None:
        # No worker will be recognised for it. It may be called in a finalizer.
        waits = self.live.pop(number, False)
        entry = self._remove(number)
        if waits and entry is not None:
            self._missed("no_worker", entry[0], detail)

    def _put(self, key: _Key, number: int, entry: _Entry) -> None:
        group = self._waiting.setdefault(key, _Group())
        group[number] = entry
        if len(group) > 1:
            group.mixed = True
        if self._waiting.get(key) is not group and group.pop(number, None) is not None:
            self._put(key, number, entry)  # the group was taken out, empty, at the same time

    def _remove(self, number: int, put: Sequence[_Key] = ()) -> _Entry | None:
        entry = None
        for key in (*self.keys.pop(number, ()), *put):
            entry = self._take_out(key, number) or entry
        self._staying.pop(number, None)
        return entry

    def _take_out(self, key: _Key, number: int) -> _Entry | None:
        group = self._waiting.get(key)
        entry = group.pop(number, None) if group is not None else None
        if group is not None and not group:
            retired: dict[int, _Entry] = self._waiting.pop(key, _Group())
            for late in list(retired):  # put in after we looked, or a group that has taken the place of ours
                moved = retired.pop(late, None)
                if moved is not None:
                    self._put(key, late, moved)
        return entry


def _is_of_one_row(value: Any) -> bool:
    # Whether it may be a row's own: rows share functions, modules, flags and small numbers.
    return not (value is None or isinstance(value, (int, float, ModuleType)) or callable(value))


def _limit(table: dict[_Key, Any]) -> None:
    while len(table) > LIMIT:
        with contextlib.suppress(RuntimeError):  # another thread added or took one
            table.pop(next(iter(table)), None)


def _weak(value: Any, dropped: Callable[[Any], None] | None = None) -> weakref.ref[Any] | None:
    try:
        return weakref.ref(value, dropped)
    except TypeError:
        return None


def _hold(value: Any, dropped: Any) -> Any:
    # Strong where there is no other way: an identity may not be recycled while the claim stands.
    try:
        return weakref.ref(value, dropped)
    except TypeError:
        return value
