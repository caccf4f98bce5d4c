"""A write to a field is seen before it is stored: put on record, and perhaps for a row that is being handed over."""

from __future__ import annotations

from typing import Any

from otel_handoff.handover.along import Step
from otel_handoff.handover.handing_back import remember
from otel_handoff.handover.lease import Lease, active, whose
from otel_handoff.handover.stamps import may_be_gone
from otel_handoff.handover.transport import Handing, in_progress, submitting, under_way
from otel_handoff.handover.written import DEPTH, RawWrite, WriteRecord, drop, keep, record_of
from otel_handoff.record.locations import capture, places_of


def note(context: Any, root: str, value: object) -> RawWrite | None:
    """Put a write on record that is about to be stored; None where no row of `context` is in flight."""
    record = record_of(context)
    if under_way:
        _stamp(context, root, value)
    lease = active.get()
    if lease is not None and lease.outers:
        lease = _of(lease, context, root)
    own = _own(lease, context, root) if lease is not None else None
    if record is None and own is None:
        return None
    by = lease.number if lease is not None else None
    write = RawWrite(root, value, by, places_of(capture(DEPTH, skip=1)))
    if record is not None:
        record.add(write)
        if under_way:
            _claim(record, context, root, value)
    if own is not None:
        keep(own, write)
        if lease is not None and lease.pinned and _is_context(lease, context):
            if context is lease.handed:
                lease.findings.kept[root] = value
            if lease.baseline is None and lease.values is None:
                remember(lease)  # it may be meant for the submitter: see in the end
    return write


def _stamp(context: Any, root: str, value: object) -> None:
    # A submit function itself writes an id, perhaps one that it calls: it is for each row that is handed over here.
    handing, is_its_own = submitting.get(), False
    while handing is not None:
        if handing.lease is not None and value is not None:
            _stamp_row(handing, handing.lease, context, root, value)
        is_its_own = is_its_own or handing.is_about(context)
        handing = handing.outer
    if not is_its_own:
        for _, other in in_progress():
            lease = other.lease  # it may be let go at any time
            if lease is not None and other.contexts[1] is context:
                lease.touched = True


def _step_of(lease: Lease, instance: Any, name: str) -> Step | None:
    return lease.along.step(instance, name) if lease.along is not None else None


def _stamp_below(handing: Handing, lease: Lease, step: Step, value: object) -> None:
    # The same of an object on the way to an id.
    handing.write(step.root, lease.roots[step.root])  # it is asked when that is written
    if lease.begun or handing.passed:
        lease.moved_on = True
        return
    found = handing.is_bound()
    if lease.along is not None and (found or may_be_gone(handing)):
        lease.unplace(step.root, found=found)
        if found:
            lease.along.before.append((step, step.value))
    lease.detector.restate(lease, step, value)


def _stamp_row(handing: Handing, lease: Lease, context: Any, root: str, value: object) -> None:
    # What it writes before it hands the row over is what the row is.
    if not handing.is_about(context):
        if (step := _step_of(lease, context, root)) is not None:
            _stamp_below(handing, lease, step, value)
        elif not lease.begun:
            lease.stamp(context, root, value, again=not handing.is_bound())
        return
    handing.write(root, value)
    if root not in lease.roots:
        return
    if lease.begun or handing.passed:
        lease.moved_on = True
        return
    found = handing.is_bound()
    before = lease.roots[root]
    if (found or may_be_gone(handing)) and not lease.detector.says_itself(root):
        lease.unplace(root, found=found)
    lease.detector.restate(lease, root, value)
    if lease.begun:  # meanwhile: then it was handed over before
        lease.detector.restate(lease, root, before)


def _claim(record: WriteRecord, context: Any, root: str, value: object) -> None:
    # Such a write is for the row that is being handed over, and for no later one.
    handing = submitting.get()
    lease = handing.lease if handing is not None else None
    if handing is None or lease is None or lease.begun or handing.passed:
        return
    if handing.is_about(context) or _step_of(lease, context, root) is not None:
        record.disclaim(lease.submission, root)
        record.claim(lease.submission, {root: value})


def _of(lease: Lease, instance: Any, name: str) -> Lease:
    # The row around `lease` that an object is of, if it is of none itself.
    found = whose(lease, instance, name)
    return lease if found is None else found[0]


def _is_context(lease: Lease, instance: Any) -> bool:
    return instance is lease.handed or instance is lease.context


def undo(context: Any, write: RawWrite) -> None:
    """The host refused a write: it did not happen."""
    record = record_of(context)
    if record is not None:
        record.discard(write)
    lease = active.get()
    if lease is not None and lease.outers:
        lease = _of(lease, context, write.root)
    own = _own(lease, context, write.root) if lease is not None else None
    if own is not None:
        drop(own, write)


def _own(lease: Lease, context: Any, root: str) -> list[RawWrite] | None:
    # Where a worker's writes to its own context, or on the way to its ids, are kept.
    if _is_context(lease, context):
        return lease.findings.own.setdefault(root, [])
    step = _step_of(lease, context, root)
    return None if step is None else lease.findings.own.setdefault(step, [])
