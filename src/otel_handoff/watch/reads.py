"""A worker reads a field: that is judged, and where it is pinned at the read, it is given what was submitted."""

from __future__ import annotations

from typing import Any, Protocol

from otel_handoff.handover.lease import Lease, judged_lease
from otel_handoff.host.following import Partial
from otel_handoff.host.guard import guard
from otel_handoff.host.plainly import MISSING


class Field(Protocol):
    """An attribute that is watched on a class: `watch.descriptors`."""

    name: str
    by_code: bool

    def peek(self, instance: Any) -> Any:
        """Return what `instance` has there, without the worker being known to read it."""
        ...


def judged(field: Field, lease: Lease, instance: Any, value: Any) -> Any:
    """The worker of `lease` reads a field of its context, or of its copy, which holds `value`; return what it is given.

    `value` is `MISSING` where the context has no such attribute any more.
    """
    with guard:
        return _at_read(field, lease, value) if lease.at_read else _of_its_own(field, lease, instance, value)
    return value


def _at_read(field: Field, lease: Lease, value: Any) -> Any:
    root = lease.roots.get(field.name, MISSING)
    if root is MISSING or root is value or judged_lease() is not lease or _was_absent(lease, field.name):
        lease.detector.read(lease, field.name, value, prevented=False)
        return value
    if value is not MISSING:
        lease.detector.read(lease, field.name, value, prevented=True)
    return root


def _of_its_own(field: Field, lease: Lease, instance: Any, value: Any) -> Any:
    root = lease.roots.get(field.name, MISSING)
    if root is MISSING or value is MISSING:
        return value
    is_copy = lease.pinned and instance is lease.handed
    if value is not root and not (is_copy and lease.found and lease.findings.kept.get(field.name, MISSING) is value):
        if is_copy and field.by_code and field.peek(lease.context) is value:
            # A property's values may lie where the copy shares them.
            return root if lease.detector.read(lease, field.name, value, prevented=True, shared=True) else value
        if lease.detector.read(lease, field.name, value, prevented=False):
            return value
    if is_copy:
        current = field.peek(lease.context)  # what an unpinned worker would get here
        if current is not root and current is not value and current is not MISSING:
            lease.detector.read(lease, field.name, current, prevented=True)
    return value


def _was_absent(lease: Lease, root: str) -> bool:
    # Whether the context had no such attribute when the row was handed over.
    roots = lease.roots
    return isinstance(roots, Partial) and (root in roots.absent or root in roots.beyond)


def keep(field: Field, lease: Lease, instance: Any, value: Any) -> None:
    """The worker has written a field: where it is pinned at the read, that is what it will be given."""
    shares = lease.at_read and instance is lease.context
    if not shares and not (field.by_code and lease.pinned and instance is lease.handed):
        return
    if field.name in lease.roots and judged_lease() is lease:
        # A setter may store something else than it is given.
        lease.roots[field.name] = field.peek(instance) if field.by_code else value


def let_go(field: Field, lease: Lease, instance: Any) -> None:
    """The worker has deleted a field: from now on it is given what is there."""
    if lease.at_read and instance is lease.context and judged_lease() is lease:
        lease.roots.pop(field.name, None)
