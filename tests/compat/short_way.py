"""`pytest -p tests.compat.short_way`: rows take the short way from the first on, where tests have but one or two.

By itself a boundary has to get to know its host first: the class of the context, that of the object whose submit
function it is, and (in `pin`) that such a function writes nothing else to its context, and its workers leave nothing on
their copies. What is about that, about rows that have no id yet, and about which way a row took, cannot be tested so.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from otel_handoff.around.submit import Submit
from otel_handoff.handover.lease import active
from otel_handoff.handover.transport import Handing, submitting
from otel_handoff.host.made import FILES
from otel_handoff.record.locations import Site

Begin = Callable[[Any, Any], Handing | None]

_quick_begin: Callable[[Submit], Begin] = vars(Submit)["_quick_begin"]
_capture: Callable[[Site, int], Any] = vars(Site)["capture"]


def _known_from_the_first(self: Any) -> Begin:
    begin = _quick_begin(self)

    def known(instance: Any, context: Any) -> Handing | None:
        is_free = self._detector.enabled and submitting.get() is None and active.get() is None
        if self.shared.is_given and context is not None and is_free:
            with suppress(Exception):  # the slow way meets it, too
                kind = self._kind_of(context)
                # A context that is no argument of both, and one that is pinned at the read, never go the short way.
                if self._pin and (self._pins == "read" or self.shared.polls(kind, type(context))):
                    return begin(instance, context)
                if instance.__class__ is not self._class:
                    self._class = instance.__class__
                    self.shared.cover_overrides()
                kind.looks = False
        return begin(instance, context)

    return known


def _capture_past_it(self: Site, depth: int = 2) -> Any:
    return _capture(self, depth + (2 if depth > 2 else 1))


FILES.add(__file__)  # it is between a host and what is made for it, and no place of the host's
setattr(Submit, "_quick_begin", _known_from_the_first)  # noqa: B010
setattr(Site, "capture", _capture_past_it)  # noqa: B010
