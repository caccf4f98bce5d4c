"""A method is handed to a pool of processes in `pin`: what works there is what the host has sent, whoever that is."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from otel_handoff import Boundary, HandoffInstrumentor
from tests.telemetry import Telemetry

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a fork has what the parent was set up with")

FORK = multiprocessing.get_context("fork")


class Clerk:
    """Any host."""

    row: Any = None

    def work(self, said: str) -> list[Any]:
        """Say what is there."""
        return [said, type(self).__name__, self.row, *self.more()]

    def more(self) -> list[Any]:
        """What there is besides."""
        return []


class Locked(Clerk):
    """Leaves a lock out, which has to be there for that."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["lock"]
        return state

    def more(self) -> list[Any]:
        """It is not there."""
        return [hasattr(self, "lock")]


class Remade(Clerk):
    """Is made anew, of what it chooses."""

    def __init__(self, row: Any = None) -> None:
        self.row = row
        self.lock = threading.Lock()

    def __reduce__(self) -> Any:
        return Remade, (self.row,)


class Slotted(Clerk):
    """Has slots beside its attributes."""

    __slots__ = ("desk",)

    def more(self) -> list[Any]:
        """What is in one."""
        return [getattr(self, "desk", None)]


class Parent(Clerk):
    """Has a part that leads to it, and counts on it."""

    def __init__(self) -> None:
        self.child = Child(self)

    def more(self) -> list[Any]:
        """One and the same."""
        self.child.count()
        return [self.child.parent is self, self.total]

    total = 0


class Child:
    """A part of it."""

    def __init__(self, parent: Parent) -> None:
        self.parent = parent

    def count(self) -> None:
        """Count on what it is a part of."""
        self.parent.total += 1


class Registered(Clerk):
    """Is pickled by what others know of it alone."""

    def __init__(self) -> None:
        KNOWN[id(self)] = "known"

    def __getstate__(self) -> Any:
        return {"name": KNOWN[id(self)], "row": self.row}


class Found(Clerk):
    """Is found by its name on the far side."""

    def __reduce__(self) -> str:
        return "FOUND"


class Kept(Clerk):
    """Must not be made a second time: its end would be told twice."""

    def __del__(self) -> None:
        ENDED.append(1)


class Strange(Clerk):
    """Looks up what it has in a way of its own."""

    def __getattribute__(self, name: str) -> Any:
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Frozen(Clerk):
    """Cannot be written to."""

    row: Any = None


KNOWN: dict[int, str] = {}
ENDED: list[int] = []
FOUND = Found()
FOUND.row = "r"
KINDS: list[Callable[[], Clerk]] = [
    *(Clerk, Locked, Remade, Slotted, Parent, Registered, lambda: FOUND, Kept, Strange, Frozen),
]
WAYS: dict[str, Callable[[Clerk], tuple[Any, ...]]] = {
    "method": lambda clerk: (clerk.work, "x"),
    "partial": lambda clerk: (partial(clerk.work, "x"),),
    "of class": lambda clerk: (Clerk.work, clerk, "x"),
    "partial of class": lambda clerk: (partial(Clerk.work, clerk), "x"),
}


@pytest.fixture
def pinned(telemetry: Telemetry) -> Any:
    """Turn it on."""

    def turn_on() -> None:
        boundary = Boundary(name="clerks", work=f"{__name__}:Clerk.work", context="self", fields={"row": "row"})
        HandoffInstrumentor().instrument(mode="pin", boundaries=[boundary], **telemetry.options)

    yield turn_on
    if HandoffInstrumentor().is_instrumented_by_opentelemetry:
        HandoffInstrumentor().uninstrument()


def done(way: str) -> list[Any]:
    """Let each kind of host do its work in another process."""
    ended, found = len(ENDED), list[Any]()
    with ProcessPoolExecutor(1, FORK) as pool:
        for kind in KINDS:
            clerk = kind()
            if not isinstance(clerk, Frozen):
                clerk.row = "r"
            found.append(pool.submit(*WAYS[way](clerk)).result(60))
            del clerk
    return [*found, len(ENDED) - ended]


@pytest.mark.parametrize("way", WAYS)
def test_the_work_is_what_it_was(way: str, pinned: Callable[[], None], telemetry: Telemetry) -> None:
    """Of whatever class it is a method."""
    before = done(way)
    pinned()
    assert done(way) == before
    assert telemetry.mismatches == []


def test_what_is_sent_is_not_what_is_here(pinned: Callable[[], None]) -> None:
    """The future, and all that the host sees, is of its own object."""
    pinned()
    clerk = Locked()
    clerk.row = "r"
    with ProcessPoolExecutor(1, FORK) as pool:
        future = pool.submit(clerk.work, "x")
        assert future.result(60)[2] == "r"
    assert clerk.work.__self__ is clerk
    assert vars(clerk).keys() == {"lock", "row"}
