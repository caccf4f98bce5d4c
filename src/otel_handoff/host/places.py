"""A function that a host has at another place in each of its versions: the first that is there is wrapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from otel_handoff.host.wrapping import Patch, Wrap


def places(targets: Sequence[str], wrapper: Callable[[str], Wrap]) -> list[Patch]:
    """Return what wraps one function, the most preferred of its places first; at most one of them is attached.

    A host that keeps an older place passes on from there: with both wrapped, one record would be seen as two.
    `wrapper` makes what wraps it at a target, and in subclasses that override it without calling it.
    """
    if len(targets) == 1:
        return [Patch(target, wrapper(target), overrides=True, calling=False) for target in targets]
    found: list[Alternative] = []
    found += [Alternative(target, wrapper(target), found) for target in targets]
    return [*found]


class Alternative(Patch):
    """One of the places."""

    def __init__(self, target: str, wrap: Wrap, places: Sequence[Alternative]) -> None:
        super().__init__(target, wrap, overrides=True, calling=False)
        self._places = places
        self._missed = False

    def attach(self, module: ModuleType) -> None:
        """Wrap it here, unless a better place is there, and take it off from the others."""
        if self._has_better():
            return
        super().attach(module)
        if self._has_better():  # it was imported at the same time, by another thread
            self.give_back()
        elif self.attached:
            for place in self._places[self._places.index(self) + 1 :]:
                place.give_back()

    def miss(self, found: Any, hint: str = "") -> None:
        """Tell it where no place has it: what is not imported yet may."""
        self._missed = True
        if all(place._missed for place in self._places):
            super().miss(found, hint)

    def _has_better(self) -> bool:
        return any(place.attached for place in self._places[: self._places.index(self)])
