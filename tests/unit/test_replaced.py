"""What others put over a wrapped function: still ours beneath, or gone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_handoff.handover.carry import follow
from otel_handoff.host.wrapping import Patch


class Shop:
    """A host."""

    def work(self, ctx: Any) -> Any:
        """Work."""
        return ctx


@pytest.fixture
def patch() -> Iterator[Patch]:
    """A function of it, wrapped."""
    patch = follow(f"{__name__}:Shop.work")
    patch.apply()
    yield patch
    patch.remove()


def another(_shop: Shop, ctx: Any) -> Any:
    """Work otherwise."""
    return ctx


def over(function: Callable[..., Any]) -> Callable[..., Any]:
    """What another library makes of a function."""

    @functools.wraps(function)
    def theirs(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return theirs


@pytest.mark.parametrize("looked_up", [lambda: Shop.work, lambda: vars(Shop)["work"]], ids=["attribute", "entry"])
def test_a_wrapper_over_ours_is_no_replacement(
    patch: Patch, looked_up: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However its author got at the function that it wraps."""
    monkeypatch.setattr(Shop, "work", over(looked_up()))
    assert (patch.on_top, patch.in_use) == (False, True)


def test_another_function_is_one(patch: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is seen any more."""
    monkeypatch.setattr(Shop, "work", another)
    assert (patch.on_top, patch.in_use) == (False, False)
