"""A worker reads a field: that is judged, and where it is pinned at the read, it is given what was submitted."""

from __future__ import annotations

from typing import Any, Protocol

from otel_handoff.handover.along import Step
from otel_handoff.handover.lease import Lease, is_judged
from otel_handoff.handover.unlike import Unlike, unwrapped
from otel_handoff.host.following import Partial
from otel_handoff.host.guard import guard
from otel_handoff.host.ids import same
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
    if lease.vague and root is None and is_judged(lease):
        lease.detector.read(lease, field.name, value, prevented=False)
        return value
    if _is_original(lease, field.name, value) and is_judged(lease):
        return unwrapped(root)
    if (
        root is MISSING
        or root is value
        or type(root) is Unlike
        or not is_judged(lease)
        or _was_absent(lease, field.name)
    ):
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
    if is_copy and lease.vague and root is None and value is None and is_judged(lease):
        current = field.peek(lease.context)  # nothing was submitted: it is what is there
        lease.detector.read(lease, field.name, current, prevented=False)
        return current
    if is_copy and _is_original(lease, field.name, value):
        return unwrapped(root)
    if value is not root and not (is_copy and lease.found and lease.findings.kept.get(field.name, MISSING) is value):
        if is_copy and field.by_code and type(root) is not Unlike and field.peek(lease.context) is value:
            # A property's values may lie where the copy shares them.
            return root if lease.detector.read(lease, field.name, value, prevented=True, shared=True) else value
        if lease.detector.read(lease, field.name, value, prevented=False):
            return value
    if is_copy:
        current = field.peek(lease.context)  # what an unpinned worker would get here
        is_news = current is not root and current is not value and current is not MISSING
        if is_news and not _is_original(lease, field.name, current):
            lease.detector.read(lease, field.name, current, prevented=True)
    return value


def judged_below(lease: Lease, step: Step, value: Any) -> Any:
    """The worker of `lease` reads an attribute of an object on the way to an id; return what it is given."""
    with guard:
        is_pinned = lease.is_pinned and is_judged(lease)
        if step.is_computed:
            return _computed(lease, step, value) if is_pinned and value is not MISSING else value
        if value is not MISSING and value is not step.value and not (is_pinned and value is step.given):
            lease.detector.read(lease, step, value, prevented=is_pinned, shared=True)
        if is_pinned:
            return step.given
    return value


def _computed(lease: Lease, step: Step, value: Any) -> Any:
    # Of what the worker's thread has, say, which the submitter's has not. Once it is another than when the worker
    # started, the worker may have made it so.
    if value is step.value or not (value is step.here or same(step.here, value)):
        return value
    lease.detector.read(lease, step, value, prevented=True, shared=True)
    return step.given


def _is_original(lease: Lease, root: str, value: Any) -> bool:
    # Whether it is the submitter's own dict or list, of which the worker has a copy.
    return lease.along is not None and value is lease.along.originals.get(root, MISSING)


def _was_absent(lease: Lease, root: str) -> bool:
    # Whether the context had no such attribute when the row was handed over.
    roots = lease.roots
    return isinstance(roots, Partial) and (root in roots.absent or root in roots.beyond)


def keep(field: Field, lease: Lease, step: Step | None, instance: Any, value: Any) -> None:
    """The worker has written a field: where it is pinned at the read, that is what it will be given."""
    if not is_judged(lease):
        return
    if step is not None:
        step.given = field.peek(instance) if field.by_code else value
        return
    shares = lease.at_read and instance is lease.context
    if (shares or (field.by_code and lease.pinned and instance is lease.handed)) and field.name in lease.roots:
        if lease.submitted is None:
            lease.submitted = dict(lease.roots)
        # A setter may store something else than it is given.
        lease.roots[field.name] = field.peek(instance) if field.by_code else value


def let_go(field: Field, lease: Lease, step: Step | None) -> None:
    """The worker has deleted a field: from now on it is given what is there."""
    if not is_judged(lease):
        return
    if step is not None and lease.along is not None:
        lease.along.steps.pop((id(step.instance), step.name), None)
    elif lease.at_read:
        if lease.submitted is None:
            lease.submitted = dict(lease.roots)
        lease.roots.pop(field.name, None)
