"""Which row it is, where a boundary has that from elsewhere than what is shared: off a call of either function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_handoff.around.several import fields_of
from otel_handoff.boundary import Boundary
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.unlike import Unlike
from otel_handoff.host.contexts import ContextClass
from otel_handoff.host.following import Partial
from otel_handoff.host.ids import AnyOf
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import parts
from otel_handoff.host.plainly import MISSING
from otel_handoff.judge.detector import Detector
from otel_handoff.judge.expected import Expected
from otel_handoff.watch.ways import give

Call = tuple[Any, tuple[Any, ...], Mapping[str, Any]]
"""Whose method is called, and with what."""


class Identity:
    """The ids of one boundary, as one of its functions is given them."""

    def __init__(self, boundary: Boundary, parameters: Parameters) -> None:
        """Read those that a call of a function with these parameters may have."""
        paths = {name: path for name, path in boundary.ids.items() if parameters.leads(path)}
        self._names = tuple(boundary.ids)
        fields = {name: parts(path) for name, path in fields_of(boundary).items()} if boundary.pins == "ids" else {}
        self._plain = [(name, path[0]) for name, path in fields.items() if name in boundary.ids and len(path) == 1]
        self._reads = parameters.reads(paths)

    def read(self, call: Call | None) -> dict[str, Any]:
        """Return the ids that it is given; nothing where it is not called yet."""
        if call is None:
            return {}
        instance, args, kwargs = call
        return {**self._reads(args, kwargs, instance)}

    def awaited(self, call: Call | None) -> tuple[str, ...]:
        """Return the fields whose id it is not given."""
        found = self.read(call)
        return tuple(name for name in self._names if name not in found)

    def submitted(
        self, roots: dict[str, Any], ids: dict[str, Any], call: Call | None, expected: Expected
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is known of the roots of a row that is handed over, and its ids.

        Args:
            roots: as the context has them.
            ids: as the context has them.
            call: of the submit function; None where there is none yet.
            expected: judges by them.
        """
        found = self.read(call)
        awaited = [name for name in self._names if name not in found]
        known = {**ids, **dict.fromkeys(awaited), **found}
        unlike = expected.unlike(known, roots, awaited)
        for root in (*roots.absent, *roots.beyond) if isinstance(roots, Partial) else ():
            unlike[root] = Unlike(None)
        if isinstance(ids, Partial):
            absent, beyond = (tuple(expected.rest(dict.fromkeys(names))) for names in (ids.absent, ids.beyond))
            if absent or beyond:
                known = Partial(known, absent, beyond)
        return unlike, known

    def put_right(self, kind: ContextClass, roots: dict[str, Any], ids: Mapping[str, Any], handed: Any) -> None:
        """Give the worker what its row says, where what is shared has another's.

        Args:
            kind: of what is shared.
            roots: what it holds; or is to hold, from now on.
            ids: the row's.
            handed: the worker's copy; `MISSING` where it is given what it is to read when it reads it.
        """
        for name, root in self._plain:
            if type(roots.get(root)) is Unlike and ids.get(name) is not None and type(ids[name]) is not AnyOf:
                roots[root] = ids[name]
                if handed is not MISSING:
                    give(handed, root, ids[name], kind)

    def worked_on(self, lease: Lease, call: Call, detector: Detector) -> tuple[str, ...]:
        """Take the ids that the work function is given; return which it is not given either."""
        found = self.read(call)
        awaited, lease.awaited = lease.awaited, ()
        detector.identify(lease, {name: found[name] for name in awaited if name in found})
        return tuple(name for name in awaited if name not in found)
