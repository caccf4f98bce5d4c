"""The hosts of a soak hold where their own threads race."""

from __future__ import annotations

from collections import deque

from tests.schedules.pools import ControlledPool, Item
from tests.soak.free import Free


class Overtaken(deque[Item]):
    """A queue from which a worker takes each item just before somebody else does."""

    def remove(self, value: Item) -> None:
        """Not there any more."""
        self.clear()
        super().remove(value)


def test_a_worker_takes_what_is_being_dropped() -> None:
    """The item was begun, and the pool says so."""
    pool = ControlledPool(Free(0), "pool", 0)
    item = Item(None, ())
    pool.items = Overtaken((item,))
    assert not pool.drop(item)
    assert not item.done
    assert item.work is not None
