"""What is kept for other people's objects while these live. They may be unhashable, or equal and not the same."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class ByIdentity(Generic[K, V]):
    """A dict with weak keys that are compared by identity alone. One that takes no weak reference is kept alive."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[Callable[[], K | None], V]] = {}

    def get(self, key: K) -> V | None:
        """Return what is kept for `key`, or None."""
        entry = self._entries.get(id(key))
        return entry[1] if entry is not None and entry[0]() is key else None

    def __contains__(self, key: K) -> bool:
        return self.get(key) is not None

    def __setitem__(self, key: K, value: V) -> None:
        number = id(key)

        def dropped(ref: Any) -> None:
            entry = self._entries.get(number)
            if entry is not None and entry[0] is ref:
                self._entries.pop(number, None)

        try:
            held: Callable[[], K | None] = weakref.ref(key, dropped)
        except TypeError:
            held = lambda: key  # noqa: E731
        self._entries[number] = held, value

    def items(self) -> Iterator[tuple[K, V]]:
        """Yield those that are alive."""
        for ref, value in list(self._entries.values()):
            key = ref()
            if key is not None:
                yield key, value
