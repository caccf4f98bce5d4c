"""What is compared: a row's fields as the context has them now, or as a call has them, with what was submitted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import itemgetter
from typing import Any

from otel_handoff.handover.along import Step
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.unlike import Unlike, unwrapped
from otel_handoff.handover.written import RawWrite, WriteRecord
from otel_handoff.host.current import no_lease
from otel_handoff.host.fields import Fields
from otel_handoff.host.following import step, walk
from otel_handoff.host.ids import AnyOf, same
from otel_handoff.host.plainly import MISSING, stored
from otel_handoff.judge.expected import Expected
from otel_handoff.record.mismatch import Write


class Comparing:
    """Compares rows by the fields of one boundary, and finds the write that made the difference."""

    def __init__(self, fields: Fields, expected: Expected) -> None:
        self._fields = fields
        self._expected = expected

    def disagree(self, lease: Lease, roots: Mapping[str, object]) -> bool:
        """Whether `roots` give other ids than were submitted, of those that say which row it is."""
        ids_at, rest = self._fields.ids_at, self._expected.rest
        return any(self.wrong(lease, rest(ids_at(root, value))) for root, value in roots.items())

    def ids_at(self, at: str | Step, value: Any) -> dict[str, Any]:
        """Return the fields that start at a root, or lead through a step, which holds `value`."""
        if isinstance(at, str):
            return self._fields.ids_at(at, value)
        return {name: walk(value, rest) for name, rest in at.fields}

    def _places(self, lease: Lease, name: str) -> list[tuple[str | Step, tuple[str, ...]]]:
        # Where a field is read: the last part of its path first, each with what is left of the path from there.
        root = self._fields.root_of(name), self._fields.tail_of(name)
        return [root] if lease.along is None else [*lease.along.of(name), root]

    def fields_at(self, roots: Collection[str]) -> tuple[str, ...]:
        """Return the fields that are read off one of `roots`."""
        return tuple(name for name in self._fields.paths if self._fields.root_of(name) in roots)

    def moved(self, lease: Lease) -> dict[str, object]:
        """Return the fields in which the context has moved on by now, with what it holds instead."""
        moved: dict[str, object] = {}
        then = lease.roots
        if lease.kind.has(lease.context, then):
            return moved
        for root, value in self._now(lease).items():
            if value is then[root] or (
                type(then[root]) is Unlike and not (lease.found and lease.findings.own.get(root))
            ):
                continue
            write = self.write_of(lease, root, value)
            if self.is_own(lease, root, value, write, on_copy=False):
                continue
            wrong = self.certain(lease, self.wrong(lease, self._fields.ids_at(root, value)))
            if wrong:
                lease.findings.suppose(wrong, write, prevented=lease.pinned)
                moved |= wrong
        return moved

    def _now(self, lease: Lease) -> dict[str, Any]:
        # What the context holds now; where asking it would run the host's code, what was last seen to be written.
        kind = lease.kind
        if lease.is_of_thread:  # what is not there is no other row's
            there = {root: getattr(lease.context, root, None) for root in lease.roots}
            return {root: value for root, value in there.items() if value is not None}
        if not (kind.asked or kind.computed):
            return kind.roots_of(lease.context)
        if not kind.asked:  # those that were not computed when it was handed over are not compared
            return {root: value for root, value in kind.roots_of(lease.context).items() if root in lease.roots}
        now = dict(lease.roots)
        for root in now:
            if root in kind.computed:
                continue
            if root not in kind.asked:
                now[root] = step(lease.context, root)
            elif lease.record is not None:
                write = lease.record.newest(root, lambda _: True)
                if write is not None and write.time_unix_nano > lease.time_unix_nano:
                    now[root] = write.value
        return now

    def wrong(self, lease: Lease, observed: Mapping[str, object]) -> dict[str, object]:
        """Return those of some observed ids that are not what was submitted."""
        ids = lease.ids
        return {
            name: value for name, value in observed.items() if value is not ids[name] and not same(ids[name], value)
        }

    def mixed(self, lease: Lease, observed: Mapping[str, object]) -> dict[str, object]:
        """Return the ids of a call for a batch of rows that are not of the row which its first one names."""
        several = {name: ids for name in observed if type(ids := lease.ids.get(name)) is AnyOf}
        if len(several) < 2 or len({len(ids) for ids in several.values()}) > 1:
            return {}
        rows = range(len(next(iter(several.values()))))
        agreeing = [[n for n, ids in several.items() if same(ids[at], observed[n])] for at in rows]
        first = next(name for name in lease.ids if name in several)
        best = max(agreeing, key=lambda names: (first in names, len(names)))
        return {name: observed[name] for name in several if name not in best}

    def certain(self, lease: Lease, wrong: dict[str, object]) -> dict[str, object]:
        """Return those of some wrong ids of which it is known what they should be."""
        if not lease.vague:
            return wrong
        certain = {name: value for name, value in wrong.items() if self._own(lease, name)}
        if len(certain) < len(wrong):
            lease.findings.vague = True
        return certain

    def wrong_at(self, ids: Mapping[str, object], root: str, value: Any) -> dict[str, object]:
        """Return the ids that a root gives which are others than `ids`."""
        return {name: id_ for name, id_ in self._fields.ids_at(root, value).items() if not same(ids[name], id_)}

    def is_own(self, lease: Lease, at: str | Step, value: Any, write: RawWrite | None, *, on_copy: bool) -> bool:
        """Whether a value that the worker read is what it wrote itself.

        `on_copy`: it writes to its copy, and `value` is what the shared context holds.
        """
        # A worker's own write, read back, is its own; and it would have been without the pinned copy.
        # An id equal to its last own one is its own as well, whoever wrote it.
        own = lease.findings.own.get(at) if lease.found else None
        if not own:
            return False
        if write is not None and not on_copy:
            return write.by == lease.number or same(own[-1].value, value)
        return on_copy or any(same(written.value, value) for written in own)

    def has_written(self, lease: Lease, name: str, value: object) -> bool:
        """Whether the worker has an id from a write of its own."""
        if lease.findings.has_read(name, value):
            return False
        return any(same(own, value) for _, own in self._own(lease, name))

    def _is_left(self, lease: Lease, name: str) -> bool:
        # Whether what there was at submission was not the row's, and its worker has not been seen to write its own yet.
        then = lease.roots.get(self._fields.root_of(name))
        return type(then) is Unlike and name in self._expected.names and not self._own(lease, name)

    def _own(self, lease: Lease, name: str) -> list[tuple[int, object]]:
        # What the worker itself has made of a field: when, and which id; the newest first.
        if not (lease.found and lease.findings.own):
            return []
        with no_lease():  # of an object that it has put there, the id
            found = [
                (written.time_unix_nano, walk(written.value, rest))
                for at, rest in self._places(lease, name)
                for written in lease.findings.own.get(at, ())
            ]
        return sorted(found, key=itemgetter(0), reverse=True)

    def expected(self, lease: Lease, name: str, observed: object, at: int) -> object:
        """Return what a field should have been for the worker: its own id, where it had written one by then."""
        for written_at, own in self._own(lease, name):
            if written_at <= at:
                return lease.ids[name] if same(own, observed) else own
        return lease.ids[name]

    def write_of(self, lease: Lease, at: str | Step, value: Any) -> RawWrite | None:
        """Return the newest write that put the very object there."""
        records, name = _records(lease, at)
        for record in records:
            if (write := record.newest(name, lambda written: written is value)) is not None:
                return write
        return None

    def culprit(self, lease: Lease, observed: Mapping[str, object], *, prevented: bool) -> Write | None:
        """Return the write that put one of the observed ids there, where it was seen: here, or where it came from."""
        if lease.slip is not None:
            there = (lease.slip.write_of(name, value) for name, value in observed.items())
            if (write := next(filter(None, there), None)) is not None:
                return write
        if not lease.detector.watched:
            return None
        for name, value in observed.items():
            raw = lease.findings.source(name, value, prevented=prevented) or self._newest(lease, name, value)
            if raw is not None:
                return Write(name, value, raw.thread_name, raw.time_unix_nano, raw.submission, raw.frames)
        return None

    def _newest(self, lease: Lease, name: str, value: object) -> RawWrite | None:
        # The newest write that put an id there: into the innermost object, as what is around that says another by now.
        with no_lease():
            for at, rest in self._places(lease, name):
                records, attribute = _records(lease, at)
                then = unwrapped(lease.roots.get(at)) if isinstance(at, str) else at.value
                for record in records:
                    found = record.newest(
                        attribute,
                        lambda written, rest=rest, then=then: (
                            not (rest and lease.along is not None and written is then)
                            and same(value, walk(written, rest))
                        ),
                    )
                    if found is not None:
                        return found
        return None

    def _written(self, lease: Lease, name: str) -> RawWrite | None:
        # What was seen to be written since, where to ask for it would run the host's code.
        for last, rest in lease.along.of(name)[:1] if lease.along is not None else ():
            write = last.record.newest(last.name, lambda _: True)
            if not rest and write is not None and write.time_unix_nano > lease.time_unix_nano:
                return write if stored(last.instance, (last.name,)) is MISSING else None
        return None

    def changed(self, lease: Lease) -> dict[str, object]:
        """Return the fields that were changed in place by now, beneath the context, where no read tells it."""
        along = lease.along
        if along is None:
            return {}
        names = list(along.loose)
        if not (lease.is_pinned):
            names += [name for step in list(along.steps.values()) for name, _ in step.fields if name not in names]
        names = [name for name in names if not self._is_left(lease, name)]
        with no_lease():
            changed = self._fields.changed_in(along.shared(lease.roots), lease.ids, dict.fromkeys(names))
            for name in names:
                if name not in changed and (written := self._written(lease, name)) is not None:
                    changed |= self.wrong(lease, {name: written.value})
        changed = self.certain(lease, changed)
        found = {name: value for name, value in changed.items() if not self.has_written(lease, name, value)}
        for name, value in found.items():
            spared = lease.is_pinned and along.loose.get(name, False)
            lease.findings.suppose({name: value}, self._newest(lease, name, value), prevented=spared)
        return found


def _records(lease: Lease, at: str | Step) -> tuple[list[WriteRecord], str]:
    # Where writes to a root, or to a step below, are on record, and as what. What is written to a copy that only one
    # worker has is its own.
    if isinstance(at, str):
        return [record for record in (lease.shares, lease.record) if record is not None], at
    return [at.record], at.name
