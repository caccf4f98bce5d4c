"""A queue between processes: an item's row begins where it is put in, and is worked on where it comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from otel_handoff.around.arriving import Arriving, flush_at_exit
from otel_handoff.around.leaving import Departing
from otel_handoff.around.shared import Shared
from otel_handoff.handover.lease import Lease
from otel_handoff.handover.sent import Sealed, came_with
from otel_handoff.host.contexts import ContextClass
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import class_of


def can_be_replaced(item: Any, place: Sequence[str]) -> bool:
    """Whether an item can be given another context: it is a tuple that the context is in."""
    return len(place) == 1 and class_of(item) is tuple


def replaced(item: Any, place: Sequence[str], context: Any, handed: Any) -> Any:
    """Return an item with `handed` in the place of its context; itself where that is the same."""
    if handed is context:
        return item
    at, values = int(place[0]), cast("tuple[Any, ...]", item)
    return (*values[:at], handed, *values[at + 1 :])


class _Came(Arriving):
    """Begins the rows of items that have come: what they share is each item's own."""

    def __init__(self, shared: Shared, parameters: Parameters) -> None:
        super().__init__(shared, parameters)
        self._can_copy = True


class _Copied(Departing):
    """Begins the rows of items that can be given a copy."""

    def __init__(self, shared: Shared, parameters: Parameters) -> None:
        super().__init__(shared, parameters)
        self._can_copy = True


class _InPlace(_Copied):
    """And of those that cannot."""

    def _copy(self, context: Any, kind: ContextClass) -> Any:  # noqa: ARG002
        return context


class Between:
    """The items of one boundary."""

    def __init__(self, shared: Shared, parameters: Parameters) -> None:
        self._shared = shared
        self._copied, self._in_place = _Copied(shared, parameters), _InPlace(shared, parameters)
        self._arriving = _Came(shared, parameters)

    def seal(self, item: Any, place: Sequence[str], context: Any) -> Any:
        """Begin the row of an item; return what is put into the queue for it, where a thread pickles it later."""
        if not self._shared.engine.settings.remote:
            self._shared.missed_row("other_process")
            return item
        lease, handed = (self._copied if can_be_replaced(item, place) else self._in_place).item(context, item)
        self._shared.counts.submissions.add()
        return Sealed(replaced(item, place, context, handed), lease)

    def came(self, text: str | None, context: Any) -> Lease | None:
        """Begin the row of an item that has come with this slip; None where nobody knows which it is."""
        if text is None:
            return None
        flush_at_exit()
        return self._arriving.came(text, context)

    text_of = staticmethod(came_with)
