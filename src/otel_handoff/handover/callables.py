"""Whatever callable is handed over: the work function in it, or what calls that, begins or expects a row."""

from __future__ import annotations

from typing import Any

from otel_handoff.handover.calling import is_plain
from otel_handoff.handover.directly import Args, Handed, Kwargs, found_in, handed_directly, peeled
from otel_handoff.handover.enclosing import handed_enclosing


def hand_over(given: Any, args: Args, kwargs: Kwargs, kind: type[Handed] = Handed) -> tuple[Any, Args, Kwargs]:
    """Return what is handed over in the place of `given`, and what it is given: the same, if that is no work function.

    Args:
        given: what is handed over.
        args: what it will be called with.
        kwargs: what it will be called with by name.
        kind: what carries the row.
    """
    if is_plain(given, args):
        return given, args, kwargs
    layers = peeled(given, args)
    found = found_in(layers, args)
    if found is not None:
        return handed_directly(given, found, args, kwargs, kind)
    return handed_enclosing(given, layers, args, kwargs, kind)
