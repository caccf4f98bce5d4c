"""Rows whose reads are not seen: judged at their start, at each call and at their end, and in between not."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, cast

from otel_handoff.handover.lease import Lease
from otel_handoff.host.plainly import class_of
from otel_handoff.record import semconv
from otel_handoff.tell.metrics import BoundaryCounts

_logger = logging.getLogger("otel_handoff")

WATCH_IS_OFF: Final = "watch is off"
OWN_LOOK_UP: Final = "it has a __getattribute__ of its own"
UNCHANGEABLE: Final = "its class cannot be changed"
FOUND_ELSEWHERE: Final = "it has no such attribute itself, and finds it by a __getattr__, a key or an index"
"""Why not all reads are seen; the last only where an instance does not have the attribute after all."""

_PIN: Final = "set OTEL_HANDOFF_MODE=pin, or "

_COPIED: Final = cast("tuple[type[Any], ...]", (dict, list))
"""Classes whose contexts have their values in themselves, so that a copy has its own."""


class Unwatched:
    """Tells such rows of one boundary: each on its span and in a count, and their class once."""

    def __init__(self, boundary: str, counts: BoundaryCounts, *, pins: bool) -> None:
        """Count in `counts`; `pins`: workers are given what was submitted, where that can be done."""
        self._pins = pins
        self._boundary = boundary
        self._counts = counts

    def begun(self, lease: Lease, *, again: bool) -> None:
        """The work on a row begins of whose kind not all reads are seen; `again`: not for the first time."""
        kind, handed = lease.kind, lease.handed
        if (lease.pinned or kind.unwatched is FOUND_ELSEWHERE) and _keeps(handed, lease.roots):
            return  # each read of it is seen, or nobody writes to it
        if lease.pinned and issubclass(class_of(handed), _COPIED):
            return
        if lease.span.is_recording():
            lease.span.set_attribute(semconv.UNWATCHED, True)
        if not again:
            self._counts.unwatched.add()
        if not (kind.told_unwatched or lease.is_of_thread) and kind.unwatched != WATCH_IS_OFF:
            kind.told_unwatched = True
            _logger.warning(
                "HANDOFF CHECKED IN PART: boundary %r: reads of a %s are not seen (%s). Its rows are judged at their "
                "start, at each call and at their end; a wrong id that is read in between, and gone again by then, is "
                "not told. %s",
                self._boundary,
                class_of(handed).__qualname__,
                kind.unwatched,
                "A copy of it may share what its ids are in. Do: hand over an instance of a plain class."
                if lease.pinned
                else f"Do: {'' if self._pins else _PIN}hand over an instance of a plain class.",
            )


def _keeps(context: Any, roots: Mapping[str, object]) -> bool:
    # Whether the ids are kept in the context itself, and not one object further.
    try:
        values = object.__getattribute__(context, "__dict__")
    except AttributeError:
        return False
    return bool(roots.keys() <= values.keys())
