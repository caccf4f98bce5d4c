"""In pin the submit function is given its worker's copy: what it writes before it hands that over is meant for both.

Ids are watched, and mirrored as they are written. Here it is about everything else on a context, and about ids whose
writes nobody sees. Where a kind of context was seen to be written to, that is carried over before the worker begins;
else when the submit function is left.
"""

from __future__ import annotations

import dis
import inspect
import logging
import weakref
from collections.abc import Callable, Collection
from itertools import pairwise
from types import CodeType, WrapperDescriptorType
from typing import Any, Final, cast

from otel_handoff.handover.lease import Lease
from otel_handoff.host.guard import guard
from otel_handoff.host.plainly import MISSING, class_of, dict_of, items_of, slot_values
from otel_handoff.host.snapshots import named

_logger = logging.getLogger("otel_handoff")

ENOUGH: Final = 16
"""After so many rows of a kind to which nothing was written, they are looked at when the submit function is left."""

_PAIR: Final = cast("type[Any]", tuple)
_WRITES: Final = ("STORE_ATTR", "DELETE_ATTR")
_CODES_OF_WRITES: Final = frozenset(dis.opmap[name] for name in _WRITES)

State = dict[Any, Any]
"""Attribute, or `(key,)` of a dict -> the object that is there."""


class Twins:
    """The two contexts of one pinned row, as they were when the copy was made.

    Attributes:
        open: whether the submit function has not returned.
    """

    __slots__ = ("_before", "open")

    def __init__(self, before: State) -> None:
        self.open: bool = True
        self._before = before

    def settle(self, lease: Lease, context: Any, handed: Any, *, back: bool = True) -> None:
        """Carry over what was written to the one or the other since the last time.

        Once the worker has begun, its copy is its own, and nothing is carried there.

        Args:
            lease: the row.
            context: the submitter's own.
            handed: the copy.
            back: whether what was written to the submitter's own is for this row.
        """
        with guard:
            kind = lease.kind
            if lease.along is not None:
                if not lease.begun and back:
                    lease.along.take_over()
                lease.along.settle()  # what the submit function wrote into a dict is for its caller as well
            found = self._settle(lease, context, handed, back=back)
            kind.writes |= found
            kind.quiet += 1
            kind.looks = kind.writes or kind.deep or kind.vague or kind.quiet < ENOUGH

    def close(self, lease: Lease, contexts: tuple[Any, Any], *, back: bool = True) -> None:
        """Do it for the last time: the submit function has returned, or one step of it is done."""
        self.settle(lease, *contexts, back=back)
        self.open = False  # not before: a worker that begins meanwhile would not have what was written last

    def _settle(self, lease: Lease, context: Any, handed: Any, *, back: bool) -> bool:
        kind = lease.kind
        before, here, there = self._before, state_of(handed, kind.slots), state_of(context, kind.slots)
        self._before = here
        found = False
        for name in {**before, **here, **there}:
            then, mine, theirs = before.get(name, MISSING), here.get(name, MISSING), there.get(name, MISSING)
            if mine is theirs:
                found |= mine is not then
            elif mine is not then:
                found = True
                if theirs is then:  # else somebody has written to both, and each is right where it is
                    self._carry(lease, name, mine, context)
            elif back and not lease.begun and _is_no_id(lease, name, here):
                found = True
                put(handed, name, theirs, kind.slots)
                self._before[name] = theirs
        return found

    def _carry(self, lease: Lease, name: Any, value: Any, context: Any) -> None:
        root = cast("Any", name[0] if type(name) is tuple else name)
        if root in lease.roots:
            if lease.begun or lease.touched or value is lease.roots[root]:  # seen to be written, it was mirrored then
                return
            if value is not MISSING:  # a stamp that nobody saw
                lease.detector.restate(lease, root, value)
        elif lease.begun and lease.kind.asked:
            return
        if lease.baseline is not None:  # first: a worker that ends meanwhile would find another's there
            lease.baseline[name] = value
        put(context, name, value, lease.kind.slots)


def settle_late(lease: Lease, context: Any, handed: Any, *, back: bool = True) -> None:
    """Carry over what a submit function has written whose row took the short way."""
    values, holds = lease.values, lease.kind.holds
    if values is None or handed is context or (holds(handed, values) and holds(context, values)):
        return
    with guard:
        lease.baseline, lease.values = named(values, context, handed), None
        Twins(dict(lease.baseline)).settle(lease, context, handed, back=back)


def _is_no_id(lease: Lease, name: Any, here: State) -> bool:
    # Where an id may be kept under another name, what is written there meanwhile may be the next row's id.
    if lease.kind.asked or lease.kind.computed:
        return False
    roots = lease.roots
    if name in roots or (type(name) is tuple and name[0] in roots):
        return False
    return lease.kind.watching != [] or all(root in here or (root,) in here for root in roots)


def writes(function: Any, fields: Collection[str]) -> bool:
    """Whether a function's own code shows that it writes attributes, besides its own object's and `fields`."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if not isinstance(code, CodeType):
        return False
    # Most write none: what reads the code takes a hundred times as long as this look at it.
    steps = dis.get_instructions(code) if _CODES_OF_WRITES.intersection(code.co_code[::2]) else ()
    for before, step in pairwise(steps):
        if step.opname in _WRITES and step.argval not in fields:
            on = before.argval[-1] if isinstance(before.argval, _PAIR) else before.argval  # two are loaded at once
            if not before.opname.startswith("LOAD_FAST") or on != "self":
                return True
    return not {"setattr", "delattr", "vars", "__dict__"}.isdisjoint(code.co_names)


def explain(error: BaseException, lease: Lease, handed: Any) -> None:
    """Warn, once for each class, where an error of the host's is that it looked its context up, which is a copy."""
    with guard:
        kind = lease.kind
        if lease.pinned and not kind.told_looked_up and _is_looked_up(error, handed):
            kind.told_looked_up = True
            _logger.warning(
                "Boundary %r: a KeyError came of looking a %s up by its identity. In mode pin the submit function and "
                "the worker have a copy of it. Do: set OTEL_HANDOFF_MODE=observe, or look it up by an id.",
                lease.submission.boundary,
                type(handed).__qualname__,
            )


def _is_looked_up(error: BaseException, handed: Any) -> bool:
    if not isinstance(error, KeyError) or len(error.args) != 1:
        return False
    key = error.args[0]
    if isinstance(key, weakref.ref):
        key = cast("Callable[[], Any]", key)()
    return key is handed or (type(key) is int and key == id(handed))


def state_of(context: Any, slots: Collection[str]) -> State:
    """Return what a context holds in its `__dict__` and its `slots`, and a dict in itself, without asking its class."""
    items: State = {(key,): value for key, value in items_of(context).items()}
    return {**dict_of(context), **slot_values(context, slots), **items}


def put(context: Any, name: Any, value: Any, slots: Collection[str]) -> None:
    """Put a value where `state_of` found it, or take it away (`MISSING`), without asking the class."""
    if isinstance(name, tuple):
        _put(context, cast("Any", name)[0], value)
    elif name not in slots:
        _put(dict_of(context), name, value)
    elif value is MISSING:
        _plainly("__delattr__", context)(context, name)
    else:
        _plainly("__setattr__", context)(context, name, value)


def _plainly(way: str, context: Any) -> Any:
    # What the class does that is not written in Python: a base that is not may refuse `object`'s, as msgspec's does.
    known = (vars(cls).get(way) for cls in class_of(context).__mro__)
    return next(each for each in known if type(each) is WrapperDescriptorType)


def _put(values: dict[Any, Any], key: Any, value: Any) -> None:
    if value is MISSING:
        dict[Any, Any].pop(values, key, None)
    else:
        dict[Any, Any].__setitem__(values, key, value)
