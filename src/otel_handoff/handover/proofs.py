"""What proves a worker to be a row's own: the objects that it is given, as they were handed over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

from otel_handoff.handover.lease import Lease
from otel_handoff.handover.transport import Given, Handing
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import MISSING, class_of

_SAME_FOR_ALL: Final = (str, bytes, int, float, type(None))
"""What proves nothing under another name: such an object may be the same for any two rows."""


class Proofs:
    """The proofs of one boundary: lists of objects, the surest first.

    Attributes:
        work: what the work function takes, where the context is no argument of both by one name: then a worker may be
            given the very object by another, or nothing but itself. None where it is.
    """

    def __init__(self, context: str, shared: Callable[[], frozenset[str]]) -> None:
        """Know by what the parameter `context` takes, and by what those take that both functions share."""
        self.work: Parameters | None = None
        self._context = [context] if context else []
        self._shared = shared

    def tried(self, given: Given, instance: Any) -> Iterator[list[Any]]:
        """Yield what a worker, a method of `instance`, may be known by."""
        if self.work is None:
            for names in (self._context, sorted(self._shared())):
                if values := _values(given, names):
                    yield values
            return
        shared = _values(given, sorted(self._shared()))
        others = _others(given, self._shared())
        for one in (*others, instance):
            if one is not None:
                yield [one]
                if shared:
                    yield [*shared, one]
        if len(others) > 1:
            yield [*shared, *others]
        if shared:
            yield shared

    def kept(self, given: Given, instance: Any) -> list[list[Any]]:
        """Return what another row may wait with that a worker gives to the work function again."""
        if self.work is None:
            return [_values(given, sorted(self._shared()))]
        return list(self.tried(given, instance))

    def of(self, lease: Lease, given: Given, handing: Handing) -> list[list[Any]]:
        """Return what the worker of `lease` may be given, as the submit function was `given` it."""
        if self.work is None:
            values = _values(given, self._context if lease.pinned else sorted(self._shared()))
            return [values] if values else []
        shared = _values(given, sorted(self._shared()))
        context = handing.contexts[1]
        found = [[context] if lease.pinned else [*shared, context], [*shared, *_others(given, self._shared())], shared]
        if self.work.takes_nothing and not shared and handing.instance is not None:
            found.append([handing.instance])
        return list({tuple(map(id, values)): values for values in found if values}.values())


def _values(given: Given, names: Sequence[str]) -> list[Any]:
    parameters, args, kwargs = given
    found = (parameters.get(name, args, kwargs) for name in names)
    return [value for value in found if value is not MISSING]


def _others(given: Given, shared: Collection[str]) -> list[Any]:
    # The arguments that have another name on the other side, or none.
    parameters, args, kwargs = given
    names = {position: name for name, position in parameters.positions.items()}
    values = [value for position, value in enumerate(args) if names.get(position) not in shared]
    values += [value for name, value in kwargs.items() if name not in shared]
    return [value for value in values if not issubclass(class_of(value), _SAME_FOR_ALL)]
