"""What a worker leaves on its copy of the context is the submitter's: it is put there when the worker is done.

Where an id is among it that the row was handed over with, it stays on the copy, and is told: on what all share it would
be the next row's.
"""

from __future__ import annotations

import logging
from typing import Any, Final, cast

from otel_handoff.handover.along import COUNTED
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.twins import State, put, state_of
from otel_handoff.host.current import no_lease
from otel_handoff.host.plainly import MISSING, beneath_ours, class_of, dict_of, lookup
from otel_handoff.host.snapshots import named

_logger: Final = logging.getLogger("otel_handoff")


def remember(lease: Lease) -> None:
    """The worker starts: see what is on its copy, to know in the end what it has left there."""
    if lease.values is None or lease.twins is not None or lease.along is not None:
        lease.baseline = state_of(lease.handed, lease.kind.slots)  # what was written until now is on both


def is_untouched(lease: Lease) -> bool:
    """Whether the worker has left nothing on its copy by now."""
    values = lease.values
    return lease.baseline is None and (values is None or lease.kind.holds(lease.handed, values))


def hand_back(lease: Lease) -> set[str]:
    """Give the submitter what the worker has left by now; return the names of what it does not get."""
    if is_untouched(lease):
        return set()
    before = lease.baseline
    is_quick = before is None
    if before is None:
        before = named(lease.values or (), lease.context, lease.handed)
    slots = lease.kind.slots
    here, there = state_of(lease.handed, slots), state_of(lease.context, slots)
    lost: set[str] = set()
    for name in {**before, **here}:
        mine, then, theirs = here.get(name, MISSING), before.get(name, MISSING), there.get(name, MISSING)
        if mine is not then and (mine is not theirs or (theirs is not then and type(mine) in COUNTED)):
            root = _plain(name)
            if root not in lease.roots and root not in lease.kind.computed:
                _give(lease, name, mine, theirs is then, lost)
    for name in _wrote(lease, before, here):
        _give_id(lease, name, here, before, lost)
    if is_quick:
        lease.values = lease.kind.values_of(lease.handed)
    else:
        lease.baseline = here
    return lost


def _plain(name: Any) -> Any:
    return cast("Any", name)[0] if isinstance(name, tuple) else name


def _give(lease: Lease, name: Any, mine: Any, is_free: bool, lost: set[str]) -> None:  # noqa: FBT001
    kind = lease.kind
    plain = str(_plain(name))
    if kind.computed or any(lease.findings.own.get(root) for root in kind.asked if lease.found):
        lost.add(plain)  # it may be where an id is kept
    elif is_free:
        put(lease.context, name, mine, kind.slots)
    else:
        lost.add(plain)
        if not kind.shares:
            kind.shares = kind.writes = kind.looks = True
            _logger.warning(
                "Boundary %r: two workers, or one and the submitter, wrote %r on the same %s, of which pinned workers "
                "have copies. From now on they share it, and are %s.",
                lease.submission.boundary,
                plain,
                kind.name,
                "given what was submitted where they read a declared field of it" if kind.can_be_read else "observed",
            )


def _wrote(lease: Lease, before: State, here: State) -> list[str]:
    # The roots that the worker has written: as is seen, or as is there, which is all that is known of a dict.
    found = [root for root in lease.roots for name in (root, (root,)) if here.get(name) is not before.get(name)]
    if lease.found:
        found += [root for root, value in lease.findings.kept.items() if value is not lease.roots.get(root)]
    return [root for root in dict.fromkeys(found) if root not in lease.kind.computed]


def _give_id(lease: Lease, root: str, here: State, before: State, lost: set[str]) -> None:
    detector = lease.detector
    own = lease.findings.own.get(root) if lease.found else None
    mine = here.get(root, here.get((root,), lease.findings.kept.get(root, MISSING)))
    if detector.is_its_id(lease, root, mine):
        return
    with no_lease():  # our own look is not the worker's
        theirs = lease.kind.roots_of(lease.context).get(root)
    if theirs is mine:
        return
    is_new = all(lease.ids.get(field) is None for field in detector.fields_at([root]))
    if root in lease.kind.asked or mine is MISSING or not (is_new or detector.says_itself(root)):
        lost.add(root)
        return
    record = lease.recorded()
    write = record.newest(root, lambda written: written is theirs) if record is not None else None
    if theirs is not before.get(root, before.get((root,))) and (write is None or write.by is None):
        lost.add(root)  # the submitter has gone on
        return
    if own and record is not None and own[-1].value is mine:
        record.add(own[-1])  # before it is there: it is the worker's write, and no submitter's
    if (root,) in here:
        put(lease.context, (root,), mine, ())
    elif root in dict_of(lease.handed):
        put(lease.context, root, mine, ())
    else:
        beneath_ours(lookup(class_of(lease.context), root)).__set__(lease.context, mine)
