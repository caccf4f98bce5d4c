"""Many boundaries may declare one function: what it costs is a sum, and no power."""

from __future__ import annotations

from typing import Any

import pytest

from otel_handoff.host.standin import stand_in

MANY = 14


class Counts:
    """What is called by the host; it counts what it is asked for and has not."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, value: Any) -> Any:  # noqa: D102
        return value

    def __getattr__(self, name: str) -> Any:
        vars(self)["asked"] += 1
        raise AttributeError(name)


def through(wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call it."""
    return wrapped(*args, **kwargs)


def call(ours: Any) -> None:
    """Call it."""
    assert ours(1) == 1


def look(ours: Any) -> None:
    """Ask for what it has not."""
    assert not hasattr(ours, "what_it_has_not")


@pytest.mark.parametrize("ask", [call, look])
def test_what_is_beneath_many_is_asked_a_few_times_by_each(ask: Any) -> None:
    """Each asked the one beneath twice for what it has not: with 16 boundaries a call took 136 ms."""
    beneath = Counts()
    ours: Any = beneath
    for _ in range(MANY):
        ours = stand_in(ours, through)
    before = beneath.asked
    ask(ours)
    assert beneath.asked - before <= 4 * MANY
