"""Whether what is on a context is still what was there, told without asking it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from otel_handoff.host.snapshots import Values, holding, holds, named

Attributes = dict[str, Any]
Change = Callable[[Attributes], object]

COPY: Attributes = {"a": 1, "b": [2], "c": None}
VALUES: Values = (*COPY.values(),)


def nothing(_: Attributes) -> None:
    """Change nothing."""


def another(there: Attributes) -> None:
    """Put another object in the place of one."""
    there["a"] = 2


def equal(there: Attributes) -> None:
    """Put an equal object in the place of one."""
    there["b"] = [2]


def more(there: Attributes) -> None:
    """Put one more there."""
    there["d"] = 4


def less(there: Attributes) -> None:
    """Take one away."""
    del there["b"]


def renamed(there: Attributes) -> None:
    """Put the object of one there under another name."""
    there["d"] = there.pop("c")


def changed(change: Change) -> SimpleNamespace:
    """Return a copy to which that was done."""
    copy = SimpleNamespace(**COPY)
    change(copy.__dict__)
    return copy


@pytest.mark.parametrize("made", [holds, holding("Desk", COPY)])
@pytest.mark.parametrize("change", [nothing, another, equal, more, less, dict[str, Any].clear])
def test_it_is_told_by_identity(made: Callable[[Any, Values], bool], change: Change) -> None:
    """Also by the function that is made for a class."""
    assert made(changed(change), VALUES) is (change is nothing)


@pytest.mark.parametrize("attributes", [{}, {"é": 1}, {str(n): n for n in range(100)}, {1: 2}])
def test_it_is_told_in_order_where_no_function_is_made(attributes: dict[Any, Any]) -> None:
    """Of names that are none, and of many."""
    assert holding("Desk", attributes) is holds


def test_of_another_instance_with_as_many_it_says_no() -> None:
    """It is looked at more closely then: one attribute may have been taken away, and another have the same object."""
    assert not holding("Desk", COPY)(changed(renamed), VALUES)
    assert not holding("Desk", {"a": 1, "b": 2})(SimpleNamespace(b=2, a=1), (2, 1))


@pytest.mark.parametrize("change", [nothing, another, more, less])
def test_what_was_there_is_named(change: Change) -> None:
    """By the one of the two from which nothing was taken."""
    for one, other in ((changed(change), changed(nothing)), (changed(nothing), changed(change))):
        assert named(VALUES, one, other) == COPY
