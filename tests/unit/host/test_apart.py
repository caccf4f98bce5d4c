"""Whether an object may be sent as a copy, of hosts that have a say in how they are pickled."""

from __future__ import annotations

import logging
import pickle
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from otel_handoff.host.apart import MOST, is_apart


class Clerk:
    """Any object."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def work(self) -> None:
        """What it does."""


class Stateful(Clerk):
    """Leaves out what cannot be pickled."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "pool"}


class Reduced(Clerk):
    """Is made again by its name."""

    def __reduce__(self) -> Any:
        return Reduced, (), {"name": "r"}


class Slotted:
    """Keeps it elsewhere."""

    __slots__ = ("desk", "own")


LEADS: list[Callable[[Any], Any]] = [
    *(lambda one: one, lambda one: [{"x": (one,)}], lambda one: Clerk(owner=one), lambda one: partial(print, one)),
]


def alone(one: Any, *besides: Any) -> bool:
    """Whether it is the only one."""
    return is_apart([("", one)], besides)


@pytest.mark.parametrize("kind", [Clerk, Stateful, Reduced, Slotted])
def test_what_nothing_leads_to(kind: Any) -> None:
    """As most."""
    one = kind()
    one.desk = Clerk(row="r", log=logging.getLogger("shop"), rows=[1, {"a": (2.0, None)}])
    assert alone(one, "row", {"more": [1, 2]})


@pytest.mark.parametrize("kind", [Clerk, Stateful, Slotted])
@pytest.mark.parametrize("lead", LEADS)
def test_what_leads_back(kind: Any, lead: Any) -> None:
    """The far side would have two of it."""
    one = kind()
    one.own = lead(one)
    assert not alone(one)
    other = kind()
    assert not alone(other, lead(other))


def test_a_method_leads_back() -> None:
    """As a callback that an object keeps does."""
    one = Clerk()
    one.done = {"done": one.work}  # type: ignore[attr-defined]
    assert not alone(one)


@pytest.mark.parametrize("kind", [Stateful, Reduced])
def test_what_is_left_out_leads_nowhere(kind: Any) -> None:
    """What is not pickled does not go along."""
    one = kind(name="r")
    one.pool = [one, threading.Lock()]
    assert alone(one)
    pickle.dumps(one)


def test_a_way_is_no_other() -> None:
    """What is sent on leads to the next of it, once."""
    desk = Clerk(row="r")
    one = Clerk(desk=desk)
    assert is_apart([("desk", one), ("", desk)], ())
    one.other = desk  # type: ignore[attr-defined]
    assert not is_apart([("desk", one), ("", desk)], ())
    assert not is_apart([("desk", Clerk(desk=desk)), ("", desk)], [desk])


class Named(Clerk):
    """Is found by its name, where it is."""

    def __reduce__(self) -> str:
        return "NAMED"


class Registered(Clerk):
    """Is pickled by what others know of it."""

    def __getstate__(self) -> Any:
        return {"known": KNOWN[id(self)]}


NAMED = Named()
KNOWN: dict[int, str] = {}


@pytest.mark.parametrize("one", [NAMED, Registered()])
def test_what_is_itself_alone(one: Any) -> None:
    """A copy would not be found."""
    assert not alone(one)


def test_of_too_much_it_is_not_known() -> None:
    """Then it stays as it is."""
    assert not alone(Clerk(rows=[str(number) for number in range(MOST + 1)]))
