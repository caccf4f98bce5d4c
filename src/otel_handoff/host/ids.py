"""Comparing and keeping the host's ids, whose `__eq__` and `__hash__` may raise, or read the context again.

The same id is many things: a UUID on the context, its text in the audit trail, its hex on a span. Two ids of one
class are told apart where they are unequal; of two, where no usual spelling of the one is one of the other.
"""

from __future__ import annotations

from typing import Any, Final

from otel_handoff.host.current import no_lease
from otel_handoff.host.outside import pass_on
from otel_handoff.host.spelling import alike_in_kind, spelt_alike


def same(expected: object, observed: object) -> bool:
    """Whether two ids are the same. Where an `__eq__` raises, that is said by how they are written."""
    if expected is observed:
        return True
    if type(expected) is str and type(observed) is str:
        return expected == observed or alike_in_kind(expected, observed)
    with no_lease():  # what they read of the context is our look, not the worker's
        equal = _are_equal(expected, observed)
        if equal or expected is None or observed is None:
            return bool(equal) or (_is_none(expected) and _is_none(observed))
        try:
            if equal is False and type(expected) is type(observed):
                return alike_in_kind(expected, observed)  # two of a kind are what they say themselves
            return spelt_alike(expected, observed)
        except Exception as error:
            pass_on(error)
            return False


ANY_OF: Final = "any of "
"""So begins the text of the ids of several rows."""


class AnyOf(tuple[Any, ...]):
    """The ids of several rows, which are one hand-over: what has one of them is right."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AnyOf):
            return len(self) == len(other) and all(map(same, self, other))
        return any(same(each, other) for each in self)

    __hash__ = tuple[Any, ...].__hash__

    def __str__(self) -> str:
        return f"{ANY_OF}{[str(each) for each in self]}"

    __repr__ = __str__


def _is_none(value: object) -> bool:
    # A table, an attribute or a header that takes text alone has no other way to say that there is none.
    return value is None or (isinstance(value, str) and value == "")


def _are_equal(one: Any, other: Any) -> bool | None:
    # None where they do not say.
    try:
        answer = one == other
        if answer is True or answer is False:
            return answer
        if getattr(answer, "shape", ()) == ():
            return bool(answer)
        # An array says it for each of its parts, and repeats one that is too small.
        return _shape(one) == _shape(other) and bool(answer.all())
    except Exception as error:
        pass_on(error)
        return None


def _shape(value: Any) -> object:
    shape = getattr(value, "shape", None)
    return (len(value),) if shape is None else shape


def key_of(value: object) -> object:
    """Return an id as a key: itself, where it hashes and compares as it should."""
    return value if type(value) is str or value is None else _Key(value)


def value_of(key: object) -> object:
    """Return the id that a key was made of."""
    return key.value if isinstance(key, _Key) else key


class _Key:
    """An id of the host's own making. One that cannot be hashed is equal only to itself."""

    __slots__ = ("_hash", "value")

    def __init__(self, value: object) -> None:
        self.value: object = value
        try:
            self._hash = hash(value)
        except Exception as error:
            pass_on(error)
            self._hash = id(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and same(self.value, other.value)
