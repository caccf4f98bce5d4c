"""The first hand-over of a program: what has to be there before it is put there now."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Thread
from types import FunctionType, MethodType
from typing import Any, Final

from otel_handoff.find.ways import TARGETS
from otel_handoff.handover.directly import Args, Kwargs
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.plainly import class_of, dict_of
from otel_handoff.host.standin import stand_in
from otel_handoff.host.targets import found_at
from otel_handoff.host.wrapping import Patch

_MAIN: Final = "__main__"


def before_the_first(is_ready: Callable[[], bool], put: Callable[[], object]) -> None:
    """Call `put` before something is handed over for the first time, once the main program `is_ready` for it.

    What it wraps of that program's functions is what goes across.
    """
    patches: list[Patch] = []

    def first(target: str, wrapped: Any, instance: Any, args: Args, kwargs: Kwargs) -> Any:
        if patches and is_ready():
            for patch in patches:
                patch.remove()
            patches.clear()
            put()
        if patches:
            return wrapped(*args, **kwargs)
        if isinstance(instance, Thread):
            values = dict_of(instance)
            values.update({name: _as_it_is_now(value) for name, value in values.items()})
        args = tuple(map(_as_it_is_now, args))
        name = target.partition(":")[2].rpartition(".")[2]
        there = getattr(instance, name, None) if instance is not None else found_at(target)
        return (there or wrapped)(*args, **kwargs)

    def wrap(target: str, function: Any, _parameters: Parameters) -> Any:
        return stand_in(function, partial(first, target))

    patches += [Patch(target, partial(wrap, target)) for target in TARGETS]
    for patch in patches:
        patch.apply()


def _as_it_is_now(value: Any) -> Any:
    # A function of the main program that was looked up before it was wrapped.
    if class_of(value) is FunctionType and value.__module__ == _MAIN and "<" not in value.__qualname__:
        return found_at(f"{_MAIN}:{value.__qualname__}") or value
    if class_of(value) is MethodType and class_of(value.__self__).__module__ == _MAIN:
        return getattr(value.__self__, value.__func__.__name__, value)
    return value
