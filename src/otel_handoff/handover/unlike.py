"""What an attribute of a context held when a row was handed over that says itself which it is, and holds another."""

from __future__ import annotations

from typing import Any


class Unlike:
    """In the place of what an attribute held at submission, where that was not the row's: it says itself which it is.

    Attributes:
        value: what it held.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value: object = value


def unwrapped(value: Any) -> Any:
    """Return what a root held, whether or not that was the row's."""
    while type(value) is Unlike:
        value = value.value
    return value
