"""Rows that say themselves which they are: then what is shared is only what may be wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from otel_handoff.handover.lease import Lease
from otel_handoff.handover.unlike import Unlike, unwrapped
from otel_handoff.handover.written import RawWrite
from otel_handoff.host.fields import Fields
from otel_handoff.host.ids import same


class Expected:
    """The fields of a boundary whose ids it has from elsewhere than the context.

    Attributes:
        names: which.
    """

    def __init__(self, fields: Fields, names: Mapping[str, str]) -> None:
        self.names: frozenset[str] = frozenset(names)
        self._fields = fields
        others = {fields.root_of(name) for name in fields.paths if name not in self.names}
        self._says = frozenset(fields.roots) - others

    def covers(self) -> bool:
        """Whether the context says nothing of which row it is."""
        return self.names.issuperset(self._fields.paths)

    def rest(self, ids: Mapping[str, object]) -> dict[str, object]:
        """Return those of some ids that a row has from the context alone."""
        return {name: value for name, value in ids.items() if name not in self.names} if self.names else dict(ids)

    def says(self, root: str) -> bool:
        """Whether a root says nothing of which row it is: each field that is read off it is said elsewhere."""
        return root in self._says

    def unlike(
        self, ids: Mapping[str, object], roots: Mapping[str, object], awaited: Collection[str] = ()
    ) -> dict[str, Any]:
        """Return the roots, with an `Unlike` for each that has not the ids of its row, or may have others."""
        found = {root: self.seen_as(ids, root, value) for root, value in roots.items()}
        for root in {self._fields.root_of(name) for name in awaited} & roots.keys():
            found[root] = Unlike(found[root])
        return found

    def seen_as(self, ids: Mapping[str, object], root: str, value: Any) -> Any:
        """Return what is known of a root that holds `value` for a row with `ids`."""
        value = unwrapped(value)
        if not self.names:
            return value
        there = {name: id_ for name, id_ in self._fields.ids_at(root, value).items() if name in self.names}
        return value if all(same(ids[name], id_) for name, id_ in there.items()) else Unlike(value)

    def wrong(
        self, lease: Lease, root: str, value: object, write: RawWrite | None, wrong: dict[str, object]
    ) -> dict[str, object]:
        """Return those of the `wrong` ids that a read of `root` shows which are any row's.

        Where nobody has written yet since the row was handed over, a None is none. An object that leads to an id, and
        is still the same, may be read to put the row's own id into it.
        """
        then = lease.roots.get(root)
        if type(then) is not Unlike or value is not then.value:
            return wrong
        wrong = {name: id_ for name, id_ in wrong.items() if not (name in self.names and self._fields.tail_of(name))}
        if write is not None and write.time_unix_nano > lease.time_unix_nano:
            return wrong
        return {name: id_ for name, id_ in wrong.items() if id_ is not None or name not in self.names}

    def forget_what_was_left(self, lease: Lease) -> None:
        """A worker read what another had left, and then wrote its own: it may have kept it, to put it back."""
        for root, then in lease.roots.items():
            own = lease.findings.own.get(root) if type(then) is Unlike else None
            if not own:
                continue
            left = {n: id_ for n, id_ in self._fields.ids_at(root, then.value).items() if n in self.names}
            for key, sighting in list(lease.findings.sightings.items()):
                if sighting.time_unix_nano <= own[0].time_unix_nano and all(
                    name in left and same(left[name], id_) for name, id_ in sighting.observed.items()
                ):
                    lease.findings.sightings.pop(key, None)
