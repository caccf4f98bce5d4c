"""Where a method is looked up only to be called, as a host's code says."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import pytest

from otel_handoff.host.sites import Sites


def taken(*_args: object, **_kwargs: object) -> None:
    """What is found."""


class Looked:
    """A descriptor that says of each look-up whether it is only called."""

    def __init__(self, name: str) -> None:
        self.sites = Sites(name)
        self.found: list[bool] = []

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        self.found.append(self.sites.is_one(sys._getframe(1)))  # pyright: ignore[reportPrivateUsage]
        return taken


class Ledger:
    """A host."""

    post = Looked("post")
    alias = post


LEDGER: Any = Ledger()


def in_hand() -> None:
    """It is kept, and then called."""
    post = LEDGER.post
    post(1)


WAYS: dict[str, tuple[Callable[[], Any], bool | None]] = {
    "called": (lambda: LEDGER.post(1), True),
    "called by name": (lambda: LEDGER.post(index=1), True),
    "called with all that is there": (lambda: LEDGER.post(*(1, 2)), None),  # as the compiler likes
    "in hand": (in_hand, False),
    "given away": (lambda: [LEDGER.post], False),
    "getattr": (lambda: getattr(LEDGER, "post")(1), False),  # noqa: B009
    "methodcaller": (lambda: operator.methodcaller("post", 1)(LEDGER), False),
    "under another name": (lambda: LEDGER.alias(1), False),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_is_only_called(way: str) -> None:
    """Where the code says so; anywhere else somebody may have it in hand."""
    use, expected = WAYS[way]
    looked = vars(Ledger)["post"]
    for _ in range(20):  # also when Python has made the place quick for itself
        looked.found.clear()
        use()
        assert looked.found == [looked.found[0] if expected is None else expected]


def test_closed_it_knows_of_none() -> None:
    """Somebody has put another function beneath."""
    sites = Sites("post")
    looked = Looked("post")
    looked.sites = sites
    holder: Any = type("Holder", (), {"post": looked})()

    def call() -> None:
        holder.post()

    call()
    assert looked.found == [True]
    assert sites.at
    sites.close()
    call()
    assert looked.found == [True, False]
    assert not sites.at
