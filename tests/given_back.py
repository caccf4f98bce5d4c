"""Each test gives the hosts their own functions back, and is named itself if it does not."""

from __future__ import annotations

import copy
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import Any

from tests.hosts import Context, CopyingPool, Ledger, Order, Pool, QueuePool
from tests.telemetry import uninstrument

Snapshot = dict[type, dict[str, Any]]
copy.deepcopy((Context(), Order("A")))  # copyreg keeps `__slotnames__` on a class from the first copy on
_TOUCHED = (Pool, CopyingPool, QueuePool, Ledger, Context, Order, ThreadPoolExecutor, Thread)


def snapshot(*classes: type) -> Snapshot:
    """Every attribute of every class that may be touched, in order."""
    return {cls: dict(vars(cls)) for cls in (*_TOUCHED, *classes)}


@contextmanager
def given_back() -> Generator[None]:
    """What is instrumented in it ends with it, and nothing is left on the hosts; nor is it left to the next test."""
    before = snapshot()
    yield
    uninstrument()
    left: dict[str, list[str]] = {}
    for cls, attributes in before.items():
        now = dict(vars(cls))
        changed = [name for name in {**attributes, **now} if attributes.get(name) is not now.get(name)]
        for name in changed:
            if name in attributes:
                setattr(cls, name, attributes[name])
            else:
                delattr(cls, name)
        if changed:
            left[cls.__qualname__] = changed
    assert left == {}, f"left on the hosts: {left}"
