"""Comparing and keeping the host's ids, whose `__eq__` and `__hash__` may raise, or read the context again."""

from __future__ import annotations

from otel_handoff.host.current import no_lease


def same(expected: object, observed: object) -> bool:
    """Whether two ids are equal. An `__eq__` that raises says no: the alarm is kept."""
    if expected is observed:
        return True
    if type(expected) is str and type(observed) is str:
        return expected == observed
    try:
        with no_lease():  # what it reads of the context is our look, not the worker's
            return bool(expected == observed)
    except Exception:
        return False


def key_of(value: object) -> object:
    """Return an id as a key: itself, where it hashes and compares as it should."""
    return value if type(value) is str or value is None else _Key(value)


class _Key:
    """An id of the host's own making. One that cannot be hashed is equal only to itself."""

    __slots__ = ("_hash", "value")

    def __init__(self, value: object) -> None:
        self.value: object = value
        try:
            self._hash = hash(value)
        except Exception:
            self._hash = id(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and same(self.value, other.value)
